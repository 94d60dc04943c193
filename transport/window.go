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
	wake     chan struct{}

	scheduler Scheduler // nil: Go's
}

// NewWindow returns an empty window; capacity is at least 1.
func NewWindow(capacity int) *Window {
	return &Window{capacity: int64(max(capacity, 1)), wake: make(chan struct{}, 1)}
}

// Acquire takes n units, waiting while the window is full. One batch may
// overdraw it, so a batch larger than the whole window passes too. Once full,
// the window opens again when it is less than half full. It returns false,
// with nothing taken, when done is closed first. Only one goroutine, the
// reader, may acquire.
func (w *Window) Acquire(n int, done <-chan struct{}) bool {
	if w.used.Load() >= w.capacity {
		for {
			w.waiting.Store(true)
			// Looked at again after the flag is up: a Release that came
			// before it has not woken us, one after it will.
			if w.used.Load() <= w.capacity/2 {
				w.waiting.Store(false)
				break
			}
			await(w.scheduler, func() bool { return len(w.wake) > 0 || closed(done) })
			if !w.woken(done) {
				w.waiting.Store(false)
				return false
			}
		}
	}
	w.used.Add(int64(n))
	return true
}

// woken waits for a Release; false: done came first, or with it.
func (w *Window) woken(done <-chan struct{}) bool {
	if closed(done) {
		return false
	}
	select {
	case <-w.wake:
		return true
	case <-done:
		return false
	}
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
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// Used returns the units taken and not yet released.
func (w *Window) Used() int { return int(w.used.Load()) }

// Full reports whether the next Acquire would wait.
func (w *Window) Full() bool { return w.used.Load() >= w.capacity }
