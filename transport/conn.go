package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"stampede/stompwire"
)

// Kind tells the transports apart.
type Kind uint8

// The kinds of transport.
const (
	TCP Kind = iota // TCP or a Unix socket, with or without TLS
	WebSocket
	InMemory // a Pipe
)

// String returns "tcp", "websocket" or "pipe".
func (k Kind) String() string {
	switch k {
	case TCP:
		return "tcp"
	case WebSocket:
		return "websocket"
	case InMemory:
		return "pipe"
	}
	return "unknown"
}

// Info is what is known about a connection before its first frame. It does not
// change, but for Upgrade.
type Info struct {
	Kind         Kind
	Crowded      bool              // there are too many from its address: it is to be refused
	TLS          bool              // it is encrypted
	Web, Trusted bool              // marks of the listener
	Version      stompwire.Version // demanded by a v1x.stomp sub-protocol, 0 if none
	Listener     string            // name of the listener it came through
	Remote       net.Addr          // of the client, as far as trusted proxies tell
	Extra        *Extra            // nil: as for most
	Upgrade      *Upgrade          // of a WebSocket, until Admit: then nobody asks any more; else nil
}

// Extra is what is known about few connections.
type Extra struct {
	Proxy            net.Addr            // the other end of the socket, if Remote is what a proxy said; else nil
	Local            net.Addr            // where the client came to, as the proxy says; nil: it does not
	PeerCertificates []*x509.Certificate // verified, leaf first; nil without a client certificate
}

// More is the Extra of a connection, or an empty one.
func (i *Info) More() Extra {
	if i.Extra == nil {
		return Extra{}
	}
	return *i.Extra
}

// extra is the Extra of a connection that has one from here on.
func (i *Info) extra() *Extra {
	if i.Extra == nil {
		i.Extra = &Extra{}
	}
	return i.Extra
}

// Upgrade is the request that a WebSocket began with.
type Upgrade struct {
	Path, Origin string
	Header       http.Header
}

// Conn is one accepted connection, before and while a transport actor runs it.
// What it has is in it and not behind pointers: there are many of them, and
// most do nothing.
type Conn struct {
	info   Info
	common *common
	sock   net.Conn  // plain socket, *tls.Conn or pipe
	ws     *wsStream // nil unless Kind is WebSocket
	in     inlet
	outbox Outbox
	window Window
	course course
	used   atomic.Bool // an actor was started for it
	gate   gate
	berth  berth
	reader *reader // once it was started

	// departed, if not nil, is called once when the connection is closed.
	departed func()

	cause  atomic.Pointer[ending] // why the reader was interrupted
	frames atomic.Uint64          // that the session was given
}

// common is what many connections share: all of a server, for instance.
type common struct {
	clock     Clock
	schedule  func(func()) // runs write loops
	scheduler Scheduler    // nil: Go's
	parking   *Parking     // nil: readers keep their goroutines

	// guest, if not nil, is called by Refuse: it makes the server that
	// accepted the connection wait for it, and end it when it is closed.
	guest func(*Conn) (leave func())
}

// newCommon fills in what is not given.
func newCommon(clock Clock, schedule func(func()), scheduler Scheduler) *common {
	if schedule == nil {
		schedule = func(f func()) { go f() }
	}
	return &common{clock: orSystem(clock), schedule: schedule, scheduler: scheduler}
}

// connOptions are the bounds of a connection; what is 0 has a default.
type connOptions struct{ window, outbox int }

// newConn returns a connection that reads head and then from sock.
func newConn(sock net.Conn, head []byte, common *common, o connOptions) *Conn {
	if o.window <= 0 {
		o.window = DefaultInboundWindow
	}
	c := &Conn{common: common, sock: sock}
	c.window.capacity, c.window.conn = int64(o.window), c
	c.outbox.open(sock, common, o.outbox)
	c.in.open(sock, head)
	c.outbox.raw = rawOf(c.in.ready)
	return c
}

// Info returns what is known about the connection. It must not be changed.
func (c *Conn) Info() *Info { return &c.info }

// Local returns the address that the client came to, as far as a trusted proxy
// tells.
func (c *Conn) Local() net.Addr {
	if local := c.info.More().Local; local != nil {
		return local
	}
	return c.sock.LocalAddr()
}

// Outbox returns the way out.
func (c *Conn) Outbox() *Outbox { return &c.outbox }

// Window returns the inbound credit.
func (c *Conn) Window() *Window { return &c.window }

// Traffic is what has gone over a connection. Bytes are those of the socket with
// WebSocket headers and heart-beats, without what TLS adds; frames are STOMP's.
type Traffic struct {
	FramesIn, BytesIn   uint64 // frames that were read whole and handed on
	FramesOut, BytesOut uint64 // what the socket has taken
	Dropped             uint64 // deliveries that a policy for slow consumers gave up
}

// Traffic returns the counters. They are kept once for each read and each write,
// and read without a lock.
func (c *Conn) Traffic() Traffic {
	out := c.outbox.Stats()
	return Traffic{
		FramesIn: c.frames.Load(), BytesIn: c.in.taken.Load(),
		FramesOut: out.Frames, BytesOut: out.WrittenBytes, Dropped: out.Dropped,
	}
}

// Abort closes the socket at once. Any goroutine may call it, any number of
// times. Goroutines of the connection end soon after; the transport actor, if
// there is one, still reports Closed.
func (c *Conn) Abort() {
	if !c.advance(stageAborted) {
		return
	}
	c.outbox.abort()
	c.closeSocket()
	if p := c.common.parking; p != nil {
		p.watch.forget(c)
		c.resume()
	}
	if c.departed != nil {
		c.departed()
	}
}

// advance takes the connection to a stage and wakes who waits for it. It reports
// whether this call did it.
func (c *Conn) advance(s stage) (first bool) {
	if !c.course.reach(s) {
		return false
	}
	c.gate.change()
	return true
}

// wait returns once ready has returned true. Who makes it true has the gate
// change afterwards.
func (c *Conn) wait(ready func() bool) {
	await(c.common.scheduler, ready)
	c.gate.wait(ready)
}

// await returns once the connection has come to a stage.
func (c *Conn) await(s stage) {
	c.wait(func() bool { return c.course.reached(s) })
}

// closeSocket closes without TLS's goodbye: that could wait for a peer that
// does not read.
func (c *Conn) closeSocket() {
	if t, ok := c.sock.(*tls.Conn); ok {
		t.NetConn().Close()
		return
	}
	c.sock.Close()
}

// interrupt makes the reader report e, if it is the first to interrupt, and
// deliver nothing more. The socket stays open.
func (c *Conn) interrupt(e *ending) {
	if !c.cause.CompareAndSwap(nil, e) {
		return
	}
	c.advance(stageStopped)
	c.sock.SetReadDeadline(longAgo)
	c.resume()
}

var longAgo = time.Unix(1, 0)

// beginClose makes the reader throw away what comes from now on and the outbox
// flush and say goodbye; outboxDrained follows when it has.
func (c *Conn) beginClose(reason CloseReason, text string) {
	c.advance(stageClosing)
	if c.ws != nil {
		// No half-close here: RFC 6455 §7.1.1 lets the server close TCP
		// after both Close frames.
		c.outbox.seal(c.ws.goodbye(reason, text), nil)
		return
	}
	c.outbox.seal(nil, c.halfClose)
}

// halfClose ends the outgoing direction only.
func (c *Conn) halfClose() {
	if w, ok := c.sock.(interface{ CloseWrite() error }); ok {
		w.CloseWrite()
	}
}

// Refuse ends a connection that no actor was started for: it writes frame (an
// ERROR, may be nil), closes as Close does, all within DefaultLinger, and returns
// when the socket is closed. It is meant for the accept function, which may
// block in it.
func (c *Conn) Refuse(reason CloseReason, frame []byte) {
	if c.common.guest != nil {
		defer c.common.guest(c)()
	}
	defer c.Abort()
	limit := c.common.clock.AfterFunc(DefaultLinger, c.Abort)
	defer limit.Stop()
	if len(frame) > 0 {
		c.outbox.Append(frame)
	}
	r := &refusal{gate: &c.gate}
	c.outbox.bind(r)
	c.beginClose(reason, "")
	c.wait(func() bool { return r.flushed.Load() || c.course.reached(stageAborted) })
	if !c.course.reached(stageAborted) {
		c.drain() // which an Abort ends
	}
	c.Abort()
	c.outbox.join()
}

// drain throws away what comes until the stream ends: by the peer, by an error,
// or by Abort. Over WebSocket the peer's Close is the end.
func (c *Conn) drain() {
	if c.ws != nil {
		c.ws.awaitClose()
		if c.ws.peerClosed() {
			return
		}
	}
	for {
		c.in.giveBack()
		if c.fill() != nil {
			return
		}
	}
}

// fill waits for input that is thrown away. A deadline was meant for the reader,
// when it was not deaf yet.
func (c *Conn) fill() error {
	c.in.brief = false
	for {
		err := c.in.fill(c.common.clock)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		c.sock.SetReadDeadline(time.Time{})
	}
}

// refusal hears that the last byte of a refused connection was written, or
// never will be.
type refusal struct {
	gate    *gate
	flushed atomic.Bool
}

func (r *refusal) flush() {
	r.flushed.Store(true)
	r.gate.change()
}

func (r *refusal) outboxOverflowed(int) {}
func (r *refusal) outboxDrained()       { r.flush() }
func (r *refusal) outboxFailed(error)   { r.flush() }
