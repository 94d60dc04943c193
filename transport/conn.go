package transport

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
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
// change.
type Info struct {
	Kind             Kind
	Listener         string   // name of the listener it came through
	Remote, Local    net.Addr // of the client, as far as trusted proxies tell
	Proxy            net.Addr // the other end of the socket, if Remote is what a proxy said; else nil
	Crowded          bool     // there are too many from its address: it is to be refused
	TLS              bool
	PeerCertificates []*x509.Certificate // verified, leaf first; nil without a client certificate
	Version          stompwire.Version   // demanded by a v1x.stomp sub-protocol, 0 if none
	Path, Origin     string              // of the WebSocket upgrade
	Header           http.Header         // of the WebSocket upgrade
	Web, Trusted     bool                // marks of the listener
}

// Conn is one accepted connection, before and while a transport actor runs it.
type Conn struct {
	info   Info
	outbox *Outbox
	window *Window
	clock  Clock

	scheduler Scheduler // nil: Go's

	sock net.Conn // plain socket, *tls.Conn or pipe
	in   inlet
	ws   *wsStream // nil unless Kind is WebSocket

	messageLimit int64 // largest WebSocket message; the reader's

	// departed, if not nil, is called once when the connection is closed.
	departed func()

	// guest, if not nil, is called by Refuse: it makes the server that
	// accepted the connection wait for it, and end it when it is closed.
	guest func(*Conn) (leave func())

	stop    *latch // the reader delivers nothing more: interrupted, closing or aborted
	closing *latch // a Close came, or Abort
	aborted *latch
	cause   atomic.Pointer[ending] // why the reader was interrupted

	used atomic.Bool // an actor was started for it

	frames atomic.Uint64 // that the session was given
}

type connOptions struct {
	clock          Clock
	schedule       func(func())
	scheduler      Scheduler
	window, outbox int
}

// newConn returns a connection that reads head and then from sock.
func newConn(sock net.Conn, head []byte, o connOptions) *Conn {
	if o.window <= 0 {
		o.window = DefaultInboundWindow
	}
	c := &Conn{
		window: NewWindow(o.window), clock: o.clock, scheduler: o.scheduler, sock: sock,
		stop: newLatch(), closing: newLatch(), aborted: newLatch(),
	}
	c.window.scheduler = o.scheduler
	c.outbox = newOutbox(sock, false, o.outbox, o.clock, o.schedule)
	c.outbox.scheduler = o.scheduler
	c.in.open(sock, head, o.clock)
	return c
}

// Info returns what is known about the connection. It must not be changed.
func (c *Conn) Info() *Info { return &c.info }

// Outbox returns the way out.
func (c *Conn) Outbox() *Outbox { return c.outbox }

// Window returns the inbound credit.
func (c *Conn) Window() *Window { return c.window }

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
	if !c.aborted.release() {
		return
	}
	c.stop.release()
	c.closing.release()
	c.outbox.abort()
	c.closeSocket()
	if c.departed != nil {
		c.departed()
	}
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
	c.stop.release()
	c.sock.SetReadDeadline(longAgo)
}

var longAgo = time.Unix(1, 0)

// beginClose makes the reader throw away what comes from now on and the outbox
// flush and say goodbye; outboxDrained follows when it has.
func (c *Conn) beginClose(reason CloseReason, text string) {
	c.stop.release()
	c.closing.release()
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
	if c.guest != nil {
		defer c.guest(c)()
	}
	defer c.Abort()
	limit := c.clock.AfterFunc(DefaultLinger, c.Abort)
	defer limit.Stop()
	if len(frame) > 0 {
		c.outbox.Append(frame)
	}
	flushed := make(refusal, 1)
	c.outbox.bind(flushed)
	c.beginClose(reason, "")
	await(c.scheduler, func() bool { return len(flushed) > 0 || c.aborted.released() })
	select {
	case <-flushed:
		c.drain() // which an Abort ends
	case <-c.aborted.ch:
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
		if c.in.fill() != nil {
			return
		}
	}
}

// refusal hears that the last byte of a refused connection was written, or
// never will be.
type refusal chan struct{}

func (r refusal) outboxOverflowed(int)   {}
func (r refusal) outboxDrained()         { r <- struct{}{} }
func (r refusal) outboxFailed(err error) { r <- struct{}{} }
