package orderflow

import (
	"maps"
	"sync"
	"sync/atomic"

	"stampede/actors"
)

// World is everything outside of the broker. It does not fail; who goes there does. Whatever it is asked to do it does once
// for each order number, as a bank does that is given a key with each charge, or a database with a unique column.
type World struct {
	Bank      Bank
	Warehouse Warehouse
	Postbox   Postbox

	// Watch, if not nil, sees everything that a worker is given.
	Watch func(*actors.Delivery)
	// Mishap, if not nil, is called on the way: it may panic.
	Mishap func()
}

func (w *World) mishap() {
	if w.Mishap != nil {
		w.Mishap()
	}
}

// Bank moves money.
type Bank struct {
	mu       sync.Mutex
	charges  map[int]charge
	Balance  int          // of the shop
	Repeated atomic.Int64 // charges that were asked for again
}

type charge struct {
	amount   int
	refunded bool
}

// Charge takes the amount from a card, once for each order number. False: the card was refused.
func (b *Bank) Charge(number int, card string, amount int) bool {
	if card == "" {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, done := b.charges[number]; done {
		b.Repeated.Add(1)
		return true
	}
	if b.charges == nil {
		b.charges = make(map[int]charge)
	}
	b.charges[number] = charge{amount: amount}
	b.Balance += amount
	return true
}

// Refund gives back what an order was charged, once.
func (b *Bank) Refund(number int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c, charged := b.charges[number]; charged && !c.refunded {
		b.Balance -= c.amount
		b.charges[number] = charge{c.amount, true}
	}
}

// Warehouse has items.
type Warehouse struct {
	mu    sync.Mutex
	Shelf map[string]int
	taken map[int]bool // what an order was told
}

// Take takes items off the shelf, once for each order number. False: there were not enough.
func (w *Warehouse) Take(number int, item string, amount int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	there, asked := w.taken[number]
	if asked {
		return there
	}
	if there = w.Shelf[item] >= amount; there {
		w.Shelf[item] -= amount
	}
	if w.taken == nil {
		w.taken = make(map[int]bool)
	}
	w.taken[number] = there
	return there
}

// Postbox sends letters, and keeps what nobody could read.
type Postbox struct {
	mu      sync.Mutex
	letters map[int]string
	file    map[string]string
	Posted  chan int     // the number of each letter, if not nil
	Rescued atomic.Int64 // dead letters that got another chance
}

// Send sends a letter, once for each order number.
func (p *Postbox) Send(number int, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, sent := p.letters[number]; sent {
		return
	}
	if p.letters == nil {
		p.letters = make(map[int]string)
	}
	p.letters[number] = text
	if p.Posted != nil {
		p.Posted <- number
	}
}

// File keeps what nobody could read, once for each message.
func (p *Postbox) File(id, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file == nil {
		p.file = make(map[string]string)
	}
	p.file[id] = text
}

// Letters are those that were sent, by order number.
func (p *Postbox) Letters() map[int]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.letters)
}

// Unreadable is what was filed.
func (p *Postbox) Unreadable() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, text := range p.file {
		all = append(all, text)
	}
	return all
}
