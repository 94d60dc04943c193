package transport

import (
	"sync"
	"sync/atomic"
	"time"
)

// frameProgress is what an unfinished frame has to grow by in each
// frame_timeout in order to live on.
const frameProgress = 16 << 10

// frameGuard watches over an unfinished frame. The reader notes what arrives,
// the actor looks when its timer fires: there is at most one timer, armed by
// the first frame that does not arrive in one piece, and none per read.
type frameGuard struct {
	armed atomic.Bool

	mu      sync.Mutex
	partial bool
	begun   int64 // of the period looked at, in Unix nanoseconds
	grown   int   // bytes in it
}

// note records a read of n bytes that ends within a frame; fresh says that the
// frame began in it. It reports whether the timer has to be armed.
func (g *frameGuard) note(now time.Time, n int, fresh bool) (arm bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.partial = true
	if fresh {
		g.begun, g.grown = now.UnixNano(), 0
	} else {
		g.grown += n
	}
	return g.armed.CompareAndSwap(false, true)
}

// clear records that no frame is unfinished.
func (g *frameGuard) clear() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.partial = false
}

// resume restarts the period after a pause of the reader that was not the
// peer's fault.
func (g *frameGuard) resume(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.begun, g.grown = now.UnixNano(), 0
}

// check looks after the timer fired. expired: the frame took too long.
// Otherwise the next look is due after wait; 0 means never, until note asks for
// the timer again.
func (g *frameGuard) check(now time.Time, timeout time.Duration) (wait time.Duration, expired bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.partial {
		g.armed.Store(false)
		return 0, false
	}
	if wait = time.Unix(0, g.begun).Add(timeout).Sub(now); wait > 0 {
		return wait, false
	}
	if g.grown < frameProgress {
		return 0, true
	}
	g.begun, g.grown = now.UnixNano(), 0
	return timeout, false
}
