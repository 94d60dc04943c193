package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// ListenerConfig describes one listener.
type ListenerConfig struct {
	Name             string      // for logs and Info
	Network, Address string      // "tcp", "tcp4", "tcp6" and host:port, or "unix" and a path
	UnixMode         fs.FileMode // of a Unix socket's file; 0: as the umask says

	STOMP, WebSocket, HTTP bool        // the protocols served, told apart by the first bytes
	TLS                    *tls.Config // nil: no TLS; else TLS is served beside plain text
	TLSOnly                bool        // refuse plain text
	Origins                []string    // allowed browser origins: "*", exact, "https://*.example.com"
	Web, Trusted           bool        // copied to Info

	SniffTimeout   time.Duration // for the first bytes, a TLS handshake and HTTP headers; 0: DefaultSniffTimeout
	MaxHeaderBytes int           // of an HTTP request; 0: DefaultHTTPHeaderBytes
	ServerHeader   string        // value of the Server header, "stampede/1.2.3"; "": "stampede"
	InboundWindow  int           // capacity of each connection's Window; 0: DefaultInboundWindow
	OutboxCapacity int           // capacity of each connection's Outbox; 0: DefaultOutboxCapacity
}

// Defaults of ListenerConfig.
const (
	DefaultSniffTimeout    = 10 * time.Second
	DefaultHTTPHeaderBytes = 16 << 10
)

// Listen opens the listener that cfg names. A Unix socket left behind by a
// process that is gone is removed first. The error says what to do.
func Listen(ctx context.Context, cfg ListenerConfig) (net.Listener, error) {
	return nil, errors.New("not yet")
}

// Server turns what a listener accepts into Conns.
type Server struct{}

// NewServer returns a server that hands every STOMP connection to accept: on a
// goroutine of its own, once it is known to be one. logger, clock and schedule
// may be nil. schedule runs the write loop of an outbox that is not empty any
// more: a function that may block for as long as the peer does not read; nil
// starts a goroutine.
func NewServer(cfg ListenerConfig, accept func(*Conn), logger *slog.Logger, clock Clock, schedule func(func())) *Server {
	return &Server{}
}

// Serve accepts from l until Close, and returns nil then. Errors that pass
// (too many open files, an aborted connection) are logged and retried after
// 5 ms to 1 s; any other is returned. Several listeners may be served at once.
// l is closed when Serve returns.
func (s *Server) Serve(l net.Listener) error { return nil }

// Close stops accepting, ends connections whose protocol is not known yet and
// plain HTTP ones, and waits for the goroutines of the server. Conns that were
// accepted live on.
func (s *Server) Close() error { return nil }

// Handler returns what the server answers over HTTP: the WebSocket upgrade on
// any path, /health_check and /. It may be mounted in a foreign mux.
func (s *Server) Handler() http.Handler { return nil }
