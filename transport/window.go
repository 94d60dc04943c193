package transport

import (
	"sync/atomic"
)

// DefaultInboundWindow is the capacity of a connection's Window, in bytes of
// cost, where nothing else is configured.
const DefaultInboundWindow = 1 << 20

// Window is the inbound credit of one connection, in units of cost (about
// bytes). The reader acquires the cost of what it read before it hands it on;
// the broker releases the same cost when it is done with it. A full window
// stops the reader, and so, through the socket, the publisher.
type Window struct {
	capacity int64
	used     atomic.Int64
	waiting  atomic.Bool
	conn     *Conn // whose reader waits, until it is stopped
}

// acquire takes n units, waiting while the window is full. One batch may
// overdraw it, so a batch larger than the whole window passes too. Once full,
// the window opens again when it is less than half full. It returns false,
// with nothing taken, when the connection is stopped first. Only one goroutine,
// the reader, may acquire.
func (w *Window) acquire(n int) bool {
	if w.Full() && !w.open() {
		return false
	}
	w.used.Add(int64(n))
	return true
}

// open waits until a full window is half full; false: the connection was
// stopped first, or with it.
func (w *Window) open() bool {
	w.conn.wait(func() bool {
		// The flag goes up before each look: a Release that came before it has
		// not woken us, one after it will. It may have been taken down by a
		// Release that opened the window the last time and was late to say so.
		w.waiting.Store(true)
		return w.used.Load() <= w.capacity/2 || w.conn.course.reached(stageStopped)
	})
	w.waiting.Store(false)
	return !w.conn.course.reached(stageStopped)
}

// Release gives n units back. Any goroutine may call it. Giving back more than
// was taken is a fault of the caller: it panics where invariants are checked
// (with the race detector) and is evened out elsewhere.
func (w *Window) Release(n int) {
	used := w.used.Add(-int64(n))
	if used < 0 {
		invariant(false, "transport: more released to a window than was acquired")
		w.used.CompareAndSwap(used, 0)
	}
	if used <= w.capacity/2 && w.waiting.Swap(false) {
		w.conn.gate.change()
	}
}

// Used returns the units taken and not yet released.
func (w *Window) Used() int { return int(w.used.Load()) }

// Full reports whether the next batch has to wait.
func (w *Window) Full() bool { return w.used.Load() >= w.capacity }
