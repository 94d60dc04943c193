package transport

import "sync"

// latch is a channel that is closed at most once.
type latch struct {
	ch   chan struct{}
	once sync.Once
}

func newLatch() *latch { return &latch{ch: make(chan struct{})} }

// release closes the channel and reports whether this call did it.
func (l *latch) release() (first bool) {
	l.once.Do(func() {
		close(l.ch)
		first = true
	})
	return first
}

func (l *latch) released() bool { return closed(l.ch) }
