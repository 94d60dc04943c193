package actors

import (
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// handle is a destination as the rest of the broker holds it. Whoever has sent it something that
// must arrive holds a lease; without one it may retire, and then it takes none any more. So a
// message is never sent to a destination that stops before it gets to it.
type handle struct {
	name     string // what messages say they were sent to
	address  string // what SEND finds it by: name, or the opaque name of a temporary one
	kind     kind
	buffered bool   // a topic with min_delivery, for as long as it is there
	counted  bool   // made on first use: the router's
	owner    uint64 // connection that a temporary destination belongs to, else 0
	hash     uint64 // of the address: the table's
	life     *life
	state    *destinationState

	settings atomic.Pointer[destinationSettings] // its actor changes them; never nil
	leases   atomic.Int64
	counters destinationCounters
}

// retiredLeases is far below what any number of releases can bring back to zero.
const retiredLeases = -1 << 62

func (h *handle) pid() *actor.PID { return h.life.pid }

// acquire takes a lease; false: the destination has retired.
func (h *handle) acquire() bool {
	for {
		n := h.leases.Load()
		if n < 0 {
			return false
		}
		if h.leases.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release gives a lease back. With the last one of a dropped destination its router hears that
// nothing is on the way to it any more.
func (h *handle) release() {
	if h.leases.Add(-1) == retiredLeases {
		h.life.core.system.Root.Send(h.life.core.router(), &retired{handle: h})
	}
}

// paid stands for the answers of a destination that has ended.
var paid = func() {}

// owes has done called when the destination's actor ends, should it not have come to that before; at once, if it has ended.
func (h *handle) owes(done func()) func() {
	for {
		old := h.state.owed.Load()
		if old == &paid {
			done()
			return done
		}
		if h.state.owed.CompareAndSwap(old, &done) {
			return done
		}
	}
}

// pay gives the answer that is owed, if there is one. The destination's actor has ended, and whatever it was asked is lost with it.
func (h *handle) pay() {
	if done := h.state.owed.Swap(&paid); done != nil {
		(*done)()
	}
}

// retire succeeds if nobody holds a lease.
func (h *handle) retire() bool { return h.leases.CompareAndSwap(0, retiredLeases) }

// drop lets nobody take another lease; it tells whether nobody holds one.
func (h *handle) drop() bool { return h.leases.Add(retiredLeases) == retiredLeases }
