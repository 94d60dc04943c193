package actors

import (
	"hash/maphash"
	"sync/atomic"
)

// table is where sessions find destinations by their addresses without asking anybody, with every SEND that does not go where
// the last one went. It is a hash table with open addressing whose slots are swapped whole, so that reading takes no lock and
// looks at little memory however many destinations there are: a slot, and the handle in it. Only the router writes it. Who
// reads while it does sees a destination or not, as if it had read before or behind the change.
type table struct {
	seed  maphash.Seed
	slots atomic.Pointer[[]atomic.Pointer[handle]] // a power of two of them; nil: nothing was ever put in
	count atomic.Int64
	used  int     // slots that are not empty, those of removed ones too; the router's
	gone  *handle // stands where one was removed, so that looking for what lies behind goes on
}

// leastSlots is the size of a table that holds anything.
const leastSlots = 64

func newTable() *table { return &table{seed: maphash.MakeSeed(), gone: &handle{}} }

// lookup finds a destination; nil: there is none.
func (t *table) lookup(address string) *handle {
	slots := t.slots.Load()
	if slots == nil {
		return nil
	}
	hash := maphash.String(t.seed, address)
	mask := uint64(len(*slots) - 1)
	for at := hash; ; at++ {
		h := (*slots)[at&mask].Load()
		if h == nil {
			return nil
		}
		if h.hash == hash && h != t.gone && h.address == address {
			return h
		}
	}
}

// put adds a destination whose address is not there.
func (t *table) put(h *handle) {
	h.hash = maphash.String(t.seed, h.address)
	slots := t.slots.Load()
	if slots == nil || (t.used+1)*4 > len(*slots)*3 {
		slots = t.rebuild(slots)
	}
	t.insert(*slots, h)
	t.count.Add(1)
}

// insert puts a handle into the first slot that is free. Those of removed ones are not used again: rebuild clears them away.
func (t *table) insert(slots []atomic.Pointer[handle], h *handle) {
	mask := uint64(len(slots) - 1)
	at := h.hash
	for slots[at&mask].Load() != nil {
		at++
	}
	slots[at&mask].Store(h)
	t.used++
}

// rebuild makes slots anew, so many that at most half of them are used.
func (t *table) rebuild(old *[]atomic.Pointer[handle]) *[]atomic.Pointer[handle] {
	size := leastSlots
	for size < 2*int(t.count.Load()+1) {
		size *= 2
	}
	slots := make([]atomic.Pointer[handle], size)
	t.used = 0
	if old != nil {
		for i := range *old {
			if h := (*old)[i].Load(); h != nil && h != t.gone {
				t.insert(slots, h)
			}
		}
	}
	t.slots.Store(&slots)
	return &slots
}

// remove takes a destination out; false: it, or another of its address, is not there.
func (t *table) remove(h *handle) bool {
	slots := t.slots.Load()
	if slots == nil {
		return false
	}
	mask := uint64(len(*slots) - 1)
	for at := h.hash; ; at++ {
		switch slot := &(*slots)[at&mask]; slot.Load() {
		case nil:
			return false
		case h:
			slot.Store(t.gone)
			t.count.Add(-1)
			return true
		}
	}
}

// each calls f with every destination, in no order.
func (t *table) each(f func(*handle)) {
	slots := t.slots.Load()
	if slots == nil {
		return
	}
	for i := range *slots {
		if h := (*slots)[i].Load(); h != nil && h != t.gone {
			f(h)
		}
	}
}
