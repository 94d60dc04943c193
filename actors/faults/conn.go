package faults

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"stampede/actors"
)

// Accepted implements actors.EdgeInjector. A connection that no rule wants is returned as it came.
func (p *Plan) Accepted(listener string, c net.Conn) net.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.accepted++
	var wrapped *conn
	for i, r := range p.rules {
		if !r.Do.OnConnections() || !like(r.Listener, listener) {
			continue
		}
		if !p.turnOf(i, r, fmt.Sprint(p.accepted), p.clock.base.Now().Sub(p.clock.began)) {
			continue
		}
		r.fired++
		if wrapped == nil {
			wrapped = &conn{Conn: c, clock: p.clock, report: p.report, changed: make(chan struct{}), dice: p.draw(uint64(p.accepted))}
		}
		wrapped.faults = append(wrapped.faults, &connFault{Rule: r.Rule})
	}
	if wrapped == nil {
		return c
	}
	return wrapped
}

// conn is a connection that something is wrong with, as the broker sees it.
type conn struct {
	net.Conn
	clock  *clock
	report func(actors.Event)
	faults []*connFault

	mu       sync.Mutex
	carried  int   // octets, both ways
	ended    error // what reads and writes return from now on
	closed   bool
	deadline time.Time     // of reads
	changed  chan struct{} // closed and made anew when one of the above changes
	dice     uint64
	waste    []byte // garbage not yet read
}

type connFault struct {
	Rule
	begun bool
}

// errGone is what the broker sees of a connection that was cut: what it would see if the client had closed it.
var errGone = io.EOF

// active returns the fault of a kind if it has begun, and reports when it does.
func (c *conn) active(do Action) *connFault {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.faults {
		if f.Do == do && c.carried >= int(f.Bytes) {
			c.begin(f)
			return f
		}
	}
	return nil
}

// begin reports a fault once. The lock is held.
func (c *conn) begin(f *connFault) {
	if f.begun {
		return
	}
	f.begun = true
	c.report(actors.Event{
		Kind: actors.EventFault, Role: "transport", Actor: c.RemoteAddr().String(),
		Cause: fmt.Sprintf("%s after %d octets", f.Do, c.carried), Backoff: f.For,
	})
}

// room is how much may be carried until the connection ends; less than 0: any amount.
func (c *conn) room() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	room := -1
	for _, f := range c.faults {
		if f.Do == Cut || f.Do == Reset || f.Do == HalfOpen {
			if left := max(int(f.Bytes)-c.carried, 0); room < 0 || left < room {
				room = left
			}
		}
	}
	return room
}

func (c *conn) carry(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.carried += n
}

// broken ends the connection if it is time, and returns what the broker is to see of it.
func (c *conn) broken() error {
	if c.active(Cut) != nil {
		return c.end(errGone, false)
	}
	if c.active(Reset) != nil {
		return c.end(os.NewSyscallError("read", syscall.ECONNRESET), true)
	}
	return nil
}

func (c *conn) end(err error, reset bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil {
		return c.ended
	}
	c.ended = err
	if tcp, ok := c.Conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = c.Conn.Close()
	c.change()
	return c.ended
}

// change wakes whoever waits. The lock is held.
func (c *conn) change() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Read returns what the client sent, in the way that the faults let it through.
func (c *conn) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if err := c.broken(); err != nil {
		return 0, err
	}
	if f := c.active(SlowRead); f != nil {
		if err := c.pause(f.For, true); err != nil {
			return 0, err
		}
	}
	if c.active(Trickle) != nil {
		b = b[:1]
	}
	if c.active(HalfOpen) != nil {
		return 0, c.pause(0, true)
	}
	if n := c.rubbish(b); n > 0 {
		return n, nil
	}
	if room := c.room(); room > 0 && room < len(b) {
		b = b[:room]
	}
	n, err := c.Conn.Read(b)
	if c.active(HalfOpen) != nil { // since then: what came is lost, an end too
		return 0, c.pause(0, true)
	}
	c.carry(n)
	if broken := c.broken(); broken != nil && n == 0 {
		return 0, broken
	}
	return n, err
}

// rubbish gives the broker what the client has not sent.
func (c *conn) rubbish(b []byte) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.faults {
		if f.Do != Garbage || f.begun || c.carried < int(f.Bytes) {
			continue
		}
		c.begin(f)
		c.waste = make([]byte, 1+c.dice%64)
		for i := range c.waste {
			c.dice = mix(c.dice)
			c.waste[i] = byte(c.dice)
		}
	}
	n := copy(b, c.waste)
	c.waste = c.waste[n:]
	return n
}

// Write hands over what the broker sends, in the way that the faults let it through.
func (c *conn) Write(b []byte) (n int, err error) {
	for n < len(b) {
		if c.active(HalfOpen) != nil {
			return len(b), nil // a network that nobody listens to takes it too
		}
		if err := c.broken(); err != nil {
			return n, writeError(err)
		}
		part := b[n:]
		if f := c.active(SlowWrite); f != nil {
			if err := c.pause(f.For, false); err != nil {
				return n, err
			}
			part = part[:min(len(part), slowBytes)]
		}
		if c.active(Trickle) != nil {
			part = part[:1]
		}
		if room := c.room(); room > 0 && room < len(part) {
			part = part[:room]
		}
		m, err := c.Conn.Write(part)
		c.carry(m)
		n += m
		if err != nil {
			return n, err
		}
	}
	if err := c.broken(); err != nil {
		return n, writeError(err)
	}
	return n, nil
}

// slowBytes is what a slow connection carries between two pauses.
const slowBytes = 512

// writeError is how a write fails on a connection that ended so.
func writeError(err error) error {
	if errors.Is(err, io.EOF) {
		return os.NewSyscallError("write", syscall.EPIPE)
	}
	return err
}

// pause waits; 0: until the connection is closed. For a read its deadline counts too.
func (c *conn) pause(d time.Duration, reading bool) error {
	over := make(chan struct{})
	if d > 0 {
		t := c.clock.AfterFunc(d, func() { close(over) })
		defer t.Stop()
	}
	for {
		c.mu.Lock()
		changed, closed, ended, deadline := c.changed, c.closed, c.ended, c.deadline
		c.mu.Unlock()
		switch {
		case closed:
			return net.ErrClosed
		case ended != nil:
			return ended
		case reading && !deadline.IsZero() && !time.Now().Before(deadline):
			return os.ErrDeadlineExceeded
		}
		late := make(chan struct{})
		if reading && !deadline.IsZero() {
			t := time.AfterFunc(time.Until(deadline), func() { close(late) })
			defer t.Stop()
		}
		select {
		case <-over:
			return nil
		case <-changed:
		case <-late:
		}
	}
}

// Close closes it.
func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.closed = true
	c.change()
	if c.ended != nil {
		return nil
	}
	return c.Conn.Close()
}

// CloseWrite ends the way to the client, if that can be done by itself.
func (c *conn) CloseWrite() error {
	if c.active(HalfOpen) != nil {
		return nil
	}
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return errors.ErrUnsupported
}

// SetReadDeadline makes reads fail from t on.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	c.deadline = t
	c.change()
	c.mu.Unlock()
	return c.Conn.SetReadDeadline(t)
}

// SetDeadline makes reads and writes fail from t on.
func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.Conn.SetWriteDeadline(t)
}
