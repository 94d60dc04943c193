package actors

import (
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/transport"
)

// flow is what one connection has on its way inside the broker: the credit that keeps its reader
// going, and the count that tells when all it published is done.
type flow struct {
	window     *transport.Window
	publishing atomic.Int64 // messages sent to destinations and not yet dealt with
	waiting    atomic.Bool  // the session wants to hear when there are none
	system     *actor.ActorSystem
	session    *actor.PID
}

// begin counts messages that go out.
func (f *flow) begin(n int) { f.publishing.Add(int64(n)) }

// done is called by a destination: n messages are dealt with, and their cost is free again.
func (f *flow) done(n, cost int) {
	if cost > 0 {
		f.window.Release(cost)
	}
	if f.publishing.Add(-int64(n)) == 0 && f.waiting.CompareAndSwap(true, false) {
		f.system.Root.Send(f.session, &drained{})
	}
}

// tellWhenDone has drained sent to the session once nothing is on its way any more. It always comes
// as a message, so that it is behind the receipts that destinations have reported before.
func (f *flow) tellWhenDone() {
	f.waiting.Store(true)
	// Looked at again after the flag is up: a done before it has not told us, one after it will.
	if f.publishing.Load() == 0 && f.waiting.CompareAndSwap(true, false) {
		f.system.Root.Send(f.session, &drained{})
	}
}
