package transport

import (
	"io"
	"sync"
)

// tracker knows what a server has to end and to wait for when it closes.
type tracker struct {
	mu     sync.Mutex
	closed bool
	guests map[*guest]struct{}
	wait   sync.WaitGroup
}

type guest struct{ closer io.Closer }

// enter adds one: close will close c, unless that is nil, and wait for leave,
// which must be called once. It returns nil when the tracker is closed already.
func (t *tracker) enter(c io.Closer) (leave func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	if t.guests == nil {
		t.guests = make(map[*guest]struct{})
	}
	g := &guest{closer: c}
	t.guests[g] = struct{}{}
	t.wait.Add(1)
	return func() {
		t.mu.Lock()
		delete(t.guests, g)
		t.mu.Unlock()
		t.wait.Done()
	}
}

// close ends all and waits for them. Later enters are refused.
func (t *tracker) close() {
	t.mu.Lock()
	t.closed = true
	var all []io.Closer
	for g := range t.guests {
		if g.closer != nil {
			all = append(all, g.closer)
		}
	}
	t.mu.Unlock()
	for _, c := range all {
		c.Close()
	}
	t.wait.Wait()
}

// closerFunc makes a Closer of a function.
type closerFunc func()

// Close calls the function.
func (f closerFunc) Close() error {
	f()
	return nil
}
