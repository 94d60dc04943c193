package actors

import (
	"sync/atomic"

	"stampede/transport"
)

// flow is what one connection has on its way inside the broker: the credit that keeps its reader
// going, and the count that tells when all it published is done.
type flow struct {
	window     *transport.Window
	publishing atomic.Int64  // messages sent to destinations and not yet dealt with
	waiting    atomic.Bool   // the session wants to hear when there are none
	sent       uint64        // batches sent so far; the session's
	brokenAt   atomic.Uint64 // the first of them that was refused; 0: none
	session    *life
}

// begin counts messages that go out.
func (f *flow) begin(n int) { f.publishing.Add(int64(n)) }

// refuse is called by a destination that refuses a batch: what was sent behind it is not to be carried
// out, and the connection is about to end.
func (f *flow) refuse(number uint64) {
	for {
		at := f.brokenAt.Load()
		if at != 0 && at <= number || f.brokenAt.CompareAndSwap(at, number) {
			return
		}
	}
}

// broken tells whether something that was sent before this batch was refused.
func (f *flow) broken(number uint64) bool {
	at := f.brokenAt.Load()
	return at != 0 && at < number
}

// done is called by a destination: n messages are dealt with, and their cost is free again.
func (f *flow) done(n, cost int) {
	if cost > 0 {
		f.window.Release(cost)
	}
	if f.publishing.Add(-int64(n)) == 0 && f.waiting.CompareAndSwap(true, false) {
		f.session.core.system.Root.Send(f.session.pid, &drained{})
	}
}

// tellWhenDone has drained sent to the session once nothing is on its way any more. It always comes
// as a message, so that it is behind the receipts that destinations have reported before.
func (f *flow) tellWhenDone() {
	f.waiting.Store(true)
	// Looked at again after the flag is up: a done before it has not told us, one after it will.
	if f.publishing.Load() == 0 && f.waiting.CompareAndSwap(true, false) {
		f.session.core.system.Root.Send(f.session.pid, &drained{})
	}
}
