package transport

import (
	"sync"
	"sync/atomic"
)

// gate is where goroutines of a connection wait for one another: each for a
// condition of its own, which it looks at again whenever somebody says that
// something has changed. While nobody waits it costs a few octets.
type gate struct {
	mu      sync.Mutex
	changed chan struct{} // closed by the next change; nil: nobody waits
}

// wait returns once ready has returned true. Who makes it true calls change
// afterwards. Who waits for a connection calls Conn.wait, which tells a
// Scheduler.
func (g *gate) wait(ready func() bool) {
	for {
		g.mu.Lock()
		if ready() {
			g.mu.Unlock()
			return
		}
		if g.changed == nil {
			g.changed = make(chan struct{})
		}
		changed := g.changed
		g.mu.Unlock()
		<-changed
	}
}

// change has all who wait look again.
func (g *gate) change() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.changed != nil {
		close(g.changed)
		g.changed = nil
	}
}

// stage is how far a connection has come on its way to the end. It only grows.
type stage uint32

const (
	stageOpen    stage = iota
	stageStopped       // the reader delivers nothing more: it was interrupted
	stageClosing       // a Close came
	stageAborted       // the socket is closed
)

// course holds the stage of a connection.
type course struct{ at atomic.Uint32 }

// reach goes on to s, and reports whether this call did it.
func (c *course) reach(s stage) (first bool) {
	for {
		at := c.at.Load()
		if stage(at) >= s {
			return false
		}
		if c.at.CompareAndSwap(at, uint32(s)) {
			return true
		}
	}
}

// reached tells whether it has come as far as s, or farther.
func (c *course) reached(s stage) bool { return stage(c.at.Load()) >= s }
