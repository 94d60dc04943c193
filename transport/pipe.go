package transport

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// DefaultPipeBytes is how much a Pipe holds in each direction where nothing
// else is asked for.
const DefaultPipeBytes = 64 << 10

// PipeOptions describe an in-memory connection. The zero value is fine.
type PipeOptions struct {
	Clock          Clock                   // nil: SystemClock
	Schedule       func(func())            // see NewServer
	Scheduler      Scheduler               // nil: Go's; else both ends wait by it, and what runs the connection
	InboundWindow  int                     // 0: DefaultInboundWindow
	OutboxCapacity int                     // 0: DefaultOutboxCapacity
	Wrap           func(net.Conn) net.Conn // see ListenerConfig
	BufferBytes    int                     // each way; 0: DefaultPipeBytes
	Listener       string                  // for Info; "": "pipe"
	Parking        *Parking                // nil, or with a Scheduler: the reader keeps its goroutine
	Web, Trusted   bool                    // for Info
}

// Pipe returns both ends of a connection in memory: a stream for the client
// and a Conn for the broker. Both directions are buffered and have deadlines;
// the client's end has CloseWrite too. There is no goroutine and, while nothing
// is under way, no buffer, so thousands of them are cheap.
func Pipe(o PipeOptions) (client net.Conn, server *Conn) {
	clock := orSystem(o.Clock)
	if o.Listener == "" {
		o.Listener = "pipe"
	}
	near, far := newPipe(o.BufferBytes, clock)
	near.in.scheduler, near.out.scheduler = o.Scheduler, o.Scheduler
	var sock net.Conn = far
	if o.Wrap != nil {
		sock = o.Wrap(far)
	}
	common := newCommon(clock, o.Schedule, o.Scheduler)
	if o.Scheduler == nil {
		common.parking = o.Parking
	}
	c := newConn(sock, nil, common, connOptions{window: o.InboundWindow, outbox: o.OutboxCapacity})
	c.info = Info{
		Kind: InMemory, Listener: o.Listener, Remote: far.RemoteAddr(),
		Web: o.Web, Trusted: o.Trusted,
	}
	return near, c
}

// newPipe returns two connected ends.
func newPipe(limit int, clock Clock) (a, b *pipeEnd) {
	if limit <= 0 {
		limit = DefaultPipeBytes
	}
	ab, ba := newPipeWay(limit, clock), newPipeWay(limit, clock)
	return &pipeEnd{in: ba, out: ab, name: "client"}, &pipeEnd{in: ab, out: ba, name: "server"}
}

// pipeEnd is one end of an in-memory connection.
type pipeEnd struct {
	in, out *pipeWay
	name    string
}

// pipeWay is one direction: a bounded buffer between a writer and a reader.
type pipeWay struct {
	limit     int
	clock     Clock
	scheduler Scheduler // nil: Go's

	mu       sync.Mutex
	change   sync.Cond
	parked   *Conn       // is resumed when there is something to read
	data     []byte      // what was written and not yet read
	large    *readBuffer // what data is part of, if not nil
	ended    bool        // the writer is done: the reader gets the rest, then io.EOF
	deaf     bool        // the reader is gone: writes fail
	writer   pipeDeadline
	reader   pipeDeadline
	writerUp bool // the writer's own end is closed
	readerUp bool // the reader's own end is closed
}

func newPipeWay(limit int, clock Clock) *pipeWay {
	w := &pipeWay{limit: limit, clock: clock}
	w.change.L = &w.mu
	return w
}

// pipeDeadline is a deadline that wakes who waits when it passes. The lock of
// its way guards it.
type pipeDeadline struct {
	at    time.Time
	timer Timer
}

func (d *pipeDeadline) set(w *pipeWay, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d.stop()
	d.at = at
	if wait := at.Sub(w.clock.Now()); !at.IsZero() && wait > 0 {
		d.timer = w.clock.AfterFunc(wait, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.changed()
		})
	}
	w.changed()
}

func (d *pipeDeadline) passed(w *pipeWay) bool {
	return !d.at.IsZero() && !w.clock.Now().Before(d.at)
}

func (d *pipeDeadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

// wait blocks until the reader has something to return: bytes, or an error.
// The lock is held.
func (w *pipeWay) wait() error {
	for {
		switch {
		case w.readerUp:
			return net.ErrClosed
		case w.reader.passed(w):
			return os.ErrDeadlineExceeded
		case len(w.data) > 0:
			return nil
		case w.ended:
			return io.EOF
		}
		w.pause((*pipeWay).readable)
	}
}

// changed wakes who waits. The lock is held.
func (w *pipeWay) changed() {
	w.change.Broadcast()
	if w.parked != nil && w.readable() {
		w.parked.resume()
		w.parked = nil
	}
}

// readable tells whether wait has an end. The lock is held.
func (w *pipeWay) readable() bool {
	return w.readerUp || w.reader.passed(w) || len(w.data) > 0 || w.ended
}

// writable tells whether write gets on. The lock is held.
func (w *pipeWay) writable() bool {
	return w.writerUp || w.writer.passed(w) || w.deaf || w.ended || len(w.data) < w.limit
}

// pause waits for a change; ready tells one that matters. The lock is held.
func (w *pipeWay) pause(ready func(*pipeWay) bool) {
	if w.scheduler == nil {
		w.change.Wait()
		return
	}
	w.mu.Unlock()
	w.scheduler.Await(func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return ready(w)
	})
	w.mu.Lock()
}

// read moves bytes that are there into p. The lock is held.
func (w *pipeWay) read(p []byte) int {
	n := copy(p, w.data)
	if n < len(w.data) {
		w.data = append(w.data[:0], w.data[n:]...)
	} else {
		w.drop()
	}
	w.change.Broadcast()
	return n
}

// drop empties the buffer and gives it back. The lock is held.
func (w *pipeWay) drop() {
	w.data = nil
	if w.large != nil {
		readPool.Put(w.large)
		w.large = nil
	}
}

// store adds p, for which there is room. The lock is held.
func (w *pipeWay) store(p []byte) {
	if n := len(w.data) + len(p); n > cap(w.data) && n > smallReadBytes && n <= readBytes {
		large := readPool.Get().(*readBuffer)
		rest := w.data
		w.data, w.large = large[:copy(large[:], rest)], large
	}
	w.data = append(w.data, p...)
}

func (w *pipeWay) write(p []byte) (n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		switch {
		case w.writerUp:
			return n, net.ErrClosed
		case w.writer.passed(w):
			return n, os.ErrDeadlineExceeded
		case w.deaf || w.ended:
			return n, io.ErrClosedPipe
		}
		if room := w.limit - len(w.data); room > 0 {
			m := min(room, len(p))
			w.store(p[:m])
			n, p = n+m, p[m:]
			w.changed()
		}
		if len(p) == 0 {
			return n, nil
		}
		w.pause((*pipeWay).writable)
	}
}

// Read returns what has arrived, waiting for it.
func (e *pipeEnd) Read(p []byte) (int, error) {
	e.in.mu.Lock()
	defer e.in.mu.Unlock()
	if err := e.in.wait(); err != nil {
		return 0, err
	}
	return e.in.read(p), nil
}

// Buffered returns how many octets have arrived that were not read yet.
func (e *pipeEnd) Buffered() int {
	e.in.mu.Lock()
	defer e.in.mu.Unlock()
	return len(e.in.data)
}

// readReady waits without a buffer.
func (e *pipeEnd) readReady(in *inlet) (int, error) {
	e.in.mu.Lock()
	defer e.in.mu.Unlock()
	if in.brief && !e.in.readable() {
		return 0, errNothing
	}
	if err := e.in.wait(); err != nil {
		return 0, err
	}
	return e.in.read(in.buffer()), nil
}

// notify has c resumed when there is something to read.
func (e *pipeEnd) notify(c *Conn) error {
	e.in.mu.Lock()
	defer e.in.mu.Unlock()
	e.in.parked = c
	e.in.changed()
	return nil
}

// Write waits while the pipe is full.
func (e *pipeEnd) Write(p []byte) (int, error) { return e.out.write(p) }

// CloseWrite ends this direction: the other end reads the rest and then EOF.
func (e *pipeEnd) CloseWrite() error {
	e.out.mu.Lock()
	defer e.out.mu.Unlock()
	e.out.ended = true
	e.out.changed()
	return nil
}

// Close ends both directions. The other end still reads what was written.
func (e *pipeEnd) Close() error {
	for _, w := range []*pipeWay{e.in, e.out} {
		w.mu.Lock()
		if w == e.in {
			w.deaf, w.readerUp = true, true
			w.drop()
			w.reader.stop()
		} else {
			w.ended, w.writerUp = true, true
			w.writer.stop()
		}
		w.changed()
		w.mu.Unlock()
	}
	return nil
}

// SetDeadline sets both deadlines.
func (e *pipeEnd) SetDeadline(t time.Time) error {
	e.in.reader.set(e.in, t)
	e.out.writer.set(e.out, t)
	return nil
}

// SetReadDeadline makes reads fail from t on.
func (e *pipeEnd) SetReadDeadline(t time.Time) error {
	e.in.reader.set(e.in, t)
	return nil
}

// SetWriteDeadline makes writes fail from t on.
func (e *pipeEnd) SetWriteDeadline(t time.Time) error {
	e.out.writer.set(e.out, t)
	return nil
}

// LocalAddr names this end.
func (e *pipeEnd) LocalAddr() net.Addr { return pipeAddr(e.name) }

// RemoteAddr names the other end.
func (e *pipeEnd) RemoteAddr() net.Addr {
	if e.name == "client" {
		return pipeAddr("server")
	}
	return pipeAddr("client")
}

// pipeAddr is "client" or "server".
type pipeAddr string

// Network returns "pipe".
func (pipeAddr) Network() string { return "pipe" }

// String returns which end it is.
func (a pipeAddr) String() string { return "pipe:" + string(a) }
