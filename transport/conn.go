package transport

import (
	"crypto/x509"
	"net"
	"net/http"

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
	Listener         string // name of the listener it came through
	Remote, Local    net.Addr
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
}

// Info returns what is known about the connection.
func (c *Conn) Info() *Info { return &c.info }

// Outbox returns the way out.
func (c *Conn) Outbox() *Outbox { return c.outbox }

// Window returns the inbound credit.
func (c *Conn) Window() *Window { return c.window }

// Abort closes the socket at once. Any goroutine may call it, any number of
// times. Goroutines of the connection end soon after; the transport actor, if
// there is one, still reports Closed.
func (c *Conn) Abort() {}

// Refuse ends a connection that no actor was started for: it writes frame (an
// ERROR, may be nil), closes as Close does and returns when the socket is
// closed. It is meant for the accept function, which may block in it.
func (c *Conn) Refuse(reason CloseReason, frame []byte) {}
