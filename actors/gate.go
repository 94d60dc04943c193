package actors

import "sync"

// gate counts what is under way, and lets nothing more in once it is shut.
type gate struct {
	mu    sync.Mutex
	count int
	shut  bool
	empty chan struct{} // closed when it is shut and nothing is under way
}

func newGate() *gate { return &gate{empty: make(chan struct{})} }

// enter tells whether one more may begin; who was let in has to leave.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return false
	}
	g.count++
	return true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count--
	g.tell()
}

// close lets nobody in any more; the channel is closed when all have left.
func (g *gate) close() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.shut {
		g.shut = true
		g.tell()
	}
	return g.empty
}

func (g *gate) tell() {
	if g.shut && g.count == 0 {
		close(g.empty)
	}
}
