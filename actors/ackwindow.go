package actors

import (
	"cmp"
	"slices"
)

// ackWindow is what one subscription has given its client and not had settled: the rules of
// ACK and NACK for the three ack modes. It is a plain struct; the subscription actor carries it.
//
// Deliveries are numbered from 1 in the order they were given. Their numbers are what ack ids and
// cumulative acknowledgement go by.
type ackWindow struct {
	mode    ackMode
	last    uint64            // the newest number
	items   []unacked         // by number; settled ones stay until compact
	settled int               // items that are settled
	open    int               // items neither settled nor in a transaction
	numbers map[string]uint64 // message-id → newest number, for versions before 1.2
}

// ackMode is the ack header of a SUBSCRIBE.
type ackMode uint8

const (
	ackAuto ackMode = iota
	ackClient
	ackIndividual
)

func parseAckMode(s string, present bool) (ackMode, *Fault) {
	switch {
	case !present, s == "auto":
		return ackAuto, nil
	case s == "client":
		return ackClient, nil
	case s == "client-individual":
		return ackIndividual, nil
	}
	return 0, faultf(CodeSyntax, "unknown ack mode", "ack is one of auto, client and client-individual, and is %q", s)
}

// unacked is one delivery that the client has and the broker still answers for.
type unacked struct {
	number    uint64
	messageID string
	entry     *entry  // the queue's; nil for a topic's message
	from      *handle // whose it is
	tx        string  // the open transaction that settles it
	inTx      bool
	done      bool
	how       outcome
}

func newAckWindow(mode ackMode, byMessageID bool) *ackWindow {
	w := &ackWindow{mode: mode}
	if byMessageID {
		w.numbers = make(map[string]uint64)
	}
	return w
}

// add takes a delivery and gives its number.
func (w *ackWindow) add(u unacked) uint64 {
	w.last++
	u.number = w.last
	w.items = append(w.items, u)
	w.open++
	if w.numbers != nil {
		w.numbers[u.messageID] = u.number
	}
	return u.number
}

// find gives the number that a message-id stands for.
func (w *ackWindow) find(messageID string) (uint64, bool) {
	n, ok := w.numbers[messageID]
	return n, ok
}

// mark settles delivery n (and all before it, in client mode) as how, or marks them for the
// transaction tx. It returns what is settled at once, and false if n does not await it.
func (w *ackWindow) mark(n uint64, how outcome, tx string, inTx bool, settled []unacked) ([]unacked, bool) {
	last, there := slices.BinarySearchFunc(w.items, n, func(u unacked, n uint64) int { return cmp.Compare(u.number, n) })
	if !there || w.items[last].done || w.items[last].inTx {
		return settled, false
	}
	first := last
	if w.mode == ackClient {
		first = 0
	}
	for i := first; i <= last; i++ {
		u := &w.items[i]
		if u.done || u.inTx {
			continue
		}
		w.open--
		u.how = how
		if inTx {
			u.tx, u.inTx = tx, true
			continue
		}
		settled = append(settled, w.settle(u))
	}
	w.compact()
	return settled, true
}

func (w *ackWindow) settle(u *unacked) unacked {
	was := *u
	if w.numbers != nil && w.numbers[u.messageID] == u.number {
		delete(w.numbers, u.messageID)
	}
	*u = unacked{number: u.number, done: true}
	w.settled++
	return was
}

// commit settles what was marked for a transaction.
func (w *ackWindow) commit(tx string, settled []unacked) []unacked {
	for i := range w.items {
		if u := &w.items[i]; u.inTx && u.tx == tx {
			settled = append(settled, w.settle(u))
		}
	}
	w.compact()
	return settled
}

// abort makes what was marked for a transaction pending again.
func (w *ackWindow) abort(tx string) {
	for i := range w.items {
		if u := &w.items[i]; u.inTx && u.tx == tx {
			u.inTx, u.tx = false, ""
			w.open++
		}
	}
}

// compact forgets settled items once they are the larger part. Without it one message that a
// client never acknowledges would keep the place of every later one.
func (w *ackWindow) compact() {
	switch {
	case w.settled == len(w.items):
		w.items, w.settled = nil, 0 // caught up: don't hold on to a burst's memory
	case w.settled > 32 && w.settled > len(w.items)/2:
		w.items = slices.DeleteFunc(w.items, func(u unacked) bool { return u.done })
		w.settled = 0
		if cap(w.items) > 4*len(w.items)+64 {
			w.items = slices.Clone(w.items)
		}
	}
}
