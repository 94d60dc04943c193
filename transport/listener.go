package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"stampede/stompwire"
)

// ListenerConfig describes one listener.
type ListenerConfig struct {
	Name             string      // for logs and Info
	Network, Address string      // "tcp" (or ""), "tcp4", "tcp6" and host:port, or "unix" and a path
	UnixMode         fs.FileMode // of a Unix socket's file; 0: as the umask says

	STOMP, WebSocket, HTTP bool        // the protocols served, told apart by the first bytes
	TLS                    *tls.Config // nil: no TLS; else TLS is served beside plain text
	TLSOnly                bool        // refuse plain text
	Origins                []string    // allowed browser origins: "*", exact, "https://*.example.com"

	// ProxyProtocol: every connection begins with a PROXY header, and comes from a proxy that is trusted;
	// others are closed.
	ProxyProtocol bool
	// TrustedProxies, and with TrustUnix whoever is at the other end of a Unix socket, are believed where
	// a client comes from: by a PROXY header, or the header of a WebSocket upgrade that ForwardedHeader
	// names ("": X-Forwarded-For).
	TrustedProxies  []netip.Prefix
	TrustUnix       bool
	ForwardedHeader string
	// Enter, if not nil, is asked for every client whose IP address is known and no proxy's, before a byte of it
	// is read where there is no proxy. leave is called once when it is gone. Not ok: there are too many
	// from there. The client is told so: by accept, which gets it with Info.Crowded, or by HTTP 429; or not
	// at all, if many are being told.
	Enter func(client netip.Addr) (leave func(), ok bool)

	// Site, if not nil, answers HTTP requests where HTTP is served, but for upgrades and /health_check; else
	// there is a page at / that explains the port. CallerOf tells it who asks.
	Site http.Handler

	Web, Trusted bool // copied to Info

	SniffTimeout   time.Duration // for the first bytes and the TLS handshake, and for HTTP headers; 0: DefaultSniffTimeout
	MaxHeaderBytes int           // of an HTTP request; 0: DefaultHTTPHeaderBytes
	ServerHeader   string        // value of the Server header, "stampede/1.2.3"; "": "stampede"
	InboundWindow  int           // capacity of each connection's Window; 0: DefaultInboundWindow
	OutboxCapacity int           // capacity of each connection's Outbox; 0: DefaultOutboxCapacity

	// Parking is where quiet connections wait. It is looked at by NewServer only, and may be shared; nil: each
	// connection keeps a goroutine.
	Parking *Parking

	// Wrap, if not nil, may put something between a connection and the
	// server, below TLS: faults for tests.
	Wrap func(net.Conn) net.Conn
}

// Defaults of ListenerConfig.
const (
	DefaultSniffTimeout    = 10 * time.Second
	DefaultHTTPHeaderBytes = 16 << 10
)

// What a plain HTTP connection may take.
const (
	httpIdleTimeout  = 30 * time.Second
	httpWriteTimeout = 10 * time.Second
)

// maxTurnedAway is how many clients at once are told that there are too many of them.
const maxTurnedAway = 32

// The pause after an error of accept that passes doubles from the first to the
// second.
const (
	acceptBackoffMin = 5 * time.Millisecond
	acceptBackoffMax = time.Second
)

// Server turns what listeners accept into Conns.
type Server struct {
	accept  func(*Conn)
	log     *slog.Logger // without the listener's name
	clock   Clock
	common  *common // of all connections
	handler http.Handler

	now atomic.Pointer[terms]

	done    *latch
	conns   tracker // accepted, their protocol not known yet or HTTP
	serving tracker // Serve calls, and those of net/http

	mu      sync.Mutex // of Update
	running bool       // Serve was called: net/http accepts

	turnedAway atomic.Int32 // clients that are being told that there are too many of them
}

// terms are what a Server was told last. A connection is welcomed under those of the moment.
type terms struct {
	ListenerConfig
	log   *slog.Logger
	http  *http.Server
	inner *handedListener // connections on their way to http
}

// NewServer returns a server that hands every STOMP connection to accept: on a
// goroutine of its own, once it is known to be one. logger, clock and schedule
// may be nil. schedule runs the write loop of an outbox that is not empty any
// more: a function that may block for as long as the peer does not read; nil
// starts a goroutine.
func NewServer(cfg ListenerConfig, accept func(*Conn), logger *slog.Logger, clock Clock, schedule func(func())) *Server {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{accept: accept, log: logger, clock: orSystem(clock), done: newLatch()}
	s.common = newCommon(s.clock, schedule, nil)
	s.common.guest, s.common.parking = s.host, cfg.Parking
	s.handler = s.routes()
	s.now.Store(s.terms(cfg))
	return s
}

// Update has the server welcome connections as cfg says from now on: those that it has welcomed
// already stay as they are, and so does the listener, whose address and mode are not looked at.
func (s *Server) Update(cfg ListenerConfig) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.terms(cfg)
	if s.running {
		s.serveHTTP(next)
	}
	// net/http keeps what it was handed; what is on its way is handed to the next.
	s.now.Swap(next).inner.Close()
	if s.done.released() {
		next.inner.Close()
	}
}

// terms fills in the defaults, and makes what net/http fixes at its start.
func (s *Server) terms(cfg ListenerConfig) *terms {
	if cfg.SniffTimeout <= 0 {
		cfg.SniffTimeout = DefaultSniffTimeout
	}
	if cfg.MaxHeaderBytes <= 0 {
		cfg.MaxHeaderBytes = DefaultHTTPHeaderBytes
	}
	if cfg.ServerHeader == "" {
		cfg.ServerHeader = "stampede"
	}
	if cfg.ForwardedHeader == "" {
		cfg.ForwardedHeader = "X-Forwarded-For"
	}
	if cfg.TLS != nil {
		// The outbox writes whole batches: the small first records that
		// crypto/tls makes by default would cost a system call each.
		cfg.TLS = cfg.TLS.Clone()
		cfg.TLS.DynamicRecordSizingDisabled = true
	}
	t := &terms{ListenerConfig: cfg, log: s.log.With("listener", cfg.Name), inner: newHandedListener()}
	t.http = &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: cfg.SniffTimeout,
		ReadTimeout:       cfg.SniffTimeout,
		WriteTimeout:      httpWriteTimeout,
		IdleTimeout:       httpIdleTimeout,
		MaxHeaderBytes:    cfg.MaxHeaderBytes,
		// OPTIONS * is answered like any other request, with our headers.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(t.log.Handler(), slog.LevelDebug),
		ConnState:                    s.httpState,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if h, ok := c.(*handedConn); ok {
				return context.WithValue(ctx, handedKey{}, h)
			}
			return ctx
		},
	}
	return t
}

// serveHTTP starts net/http under these terms. It ends when their inner listener is closed.
func (s *Server) serveHTTP(t *terms) {
	if leave := s.serving.enter(t.inner); leave != nil {
		go func() {
			defer leave()
			t.http.Serve(t.inner)
		}()
	}
}

// hand gives a connection to net/http, under the terms of the moment.
func (s *Server) hand(c *handedConn) bool {
	for {
		t := s.now.Load()
		if t.inner.hand(c) {
			return true
		}
		if s.done.released() || s.now.Load() == t {
			return false
		}
	}
}

// Serve accepts from l until Close, and returns nil then. Errors that pass
// (too many open files, an aborted connection) are logged and retried after
// 5 ms to 1 s; any other is returned. Several listeners may be served at once,
// and another one after an error. l is closed when Serve returns.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	leave := s.serving.enter(l)
	if leave == nil {
		return nil
	}
	defer leave()
	s.mu.Lock()
	if !s.running {
		s.running = true
		s.serveHTTP(s.now.Load())
	}
	s.mu.Unlock()
	backoff := time.Duration(0)
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			backoff = 0
			if wrap := s.now.Load().Wrap; wrap != nil {
				c = wrap(c)
			}
			s.take(c)
		case s.done.released():
			return nil
		case passes(err):
			backoff = min(max(2*backoff, acceptBackoffMin), acceptBackoffMax)
			s.now.Load().log.Warn("can't accept a connection; trying again", "err", err, "pause", backoff)
			s.pause(backoff)
		default:
			return err
		}
	}
}

// pause waits for d or Close.
func (s *Server) pause(d time.Duration) {
	over := make(chan struct{})
	t := s.clock.AfterFunc(d, func() { close(over) })
	defer t.Stop()
	select {
	case <-over:
	case <-s.done.ch:
	}
}

// passes reports whether an error of accept goes away by itself.
func passes(err error) bool {
	for _, e := range []error{syscall.ECONNABORTED, syscall.ENOBUFS, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, e) {
			return true
		}
	}
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// Close stops accepting, ends connections whose protocol is not known yet and
// plain HTTP ones, and waits for the goroutines of the server, accept functions
// that are running included. Conns that were accepted live on.
func (s *Server) Close() error {
	s.done.release()
	s.mu.Lock()
	t := s.now.Load()
	t.inner.Close()
	s.mu.Unlock()
	s.serving.close()
	t.http.Close()
	s.conns.close()
	return nil
}

// take has a new connection welcomed, on another goroutine.
func (s *Server) take(c net.Conn) {
	leave := s.conns.enter(c)
	if leave == nil {
		c.Close()
		return
	}
	s.common.schedule(func() { s.welcome(c, leave) })
}

// visitor is a connection on its way to whoever serves it.
type visitor struct {
	sock          net.Conn // the socket, or TLS over it
	head          []byte   // was read from sock already
	remote, local net.Addr
	proxy         net.Addr // the other end of the socket, if remote is what a proxy said; else nil
	crowded       bool     // there are too many from where it comes
	leave         func()   // takes back what count did; nil: it was not counted
	gone          atomic.Bool
}

// depart takes the visitor off the count of those from its address, once.
func (v *visitor) depart() {
	if !v.gone.Swap(true) && v.leave != nil {
		v.leave()
	}
}

// welcome finds out what c speaks and hands it on. A panic, of the accept
// function for instance, costs this connection only.
func (s *Server) welcome(c net.Conn, leave func()) {
	t := s.now.Load()
	v := &visitor{sock: c, remote: c.RemoteAddr(), local: c.LocalAddr()}
	handed, owned := false, false
	defer func() {
		if p := recover(); p != nil { // else v may be somebody else's by now
			t.logPanic("accepting a connection panicked", v.remote, p)
			c.Close()
		}
		if !owned {
			v.depart()
		}
		if !handed {
			leave()
		}
	}()
	limit := s.clock.AfterFunc(t.SniffTimeout, func() { c.Close() })
	kind, err := s.meet(t, v)
	if inTime := limit.Stop(); err != nil || !inTime {
		t.log.Debug("a connection ended before its protocol was known", "remote", logged{v.remote}, "err", err)
		c.Close()
		return
	}
	switch {
	case kind == protocolHTTP:
		handed = s.hand(&handedConn{sniffed: sniffed{v.sock, v.head}, visitor: v, leave: leave})
		owned = handed
		if !handed {
			c.Close()
		}
	case !t.STOMP || t.plainRefused(v.sock):
		owned = true
		s.refuseSTOMP(t, v)
	default:
		leave() // Close must not end it any more
		handed, owned = true, true
		s.acceptConn(s.newConn(t, v, TCP))
	}
}

// meet finds out where a visitor comes from and what it speaks.
func (s *Server) meet(t *terms, v *visitor) (protocol, error) {
	if t.ProxyProtocol {
		if !t.trusts(v.remote) {
			t.log.Warn("refused a connection that did not come through a trusted proxy", "remote", logged{v.remote})
			return protocolUnknown, errors.New("not a trusted proxy")
		}
		p, head, err := readProxy(v.sock)
		if err != nil {
			t.log.Warn("refused a connection without a good PROXY header", "remote", logged{v.remote}, "err", err)
			return protocolUnknown, err
		}
		v.head = head
		if p.known {
			v.proxy = v.remote
			v.remote, v.local = net.TCPAddrFromAddrPort(p.source), net.TCPAddrFromAddrPort(p.destination)
		}
	}
	s.count(t, v)
	if v.crowded && s.turnedAway.Load() > maxTurnedAway {
		return protocolUnknown, errors.New("too many connections from its address")
	}
	return t.unwrap(v)
}

// count asks Enter about a visitor who is no proxy.
func (s *Server) count(t *terms, v *visitor) {
	ip, ok := addressOf(v.remote)
	if !ok || t.Enter == nil || v.leave != nil || t.trustsIP(ip) {
		return
	}
	if v.leave, ok = t.Enter(ip); !ok {
		v.crowded = true
		s.turnedAway.Add(1)
		v.leave = func() { s.turnedAway.Add(-1) }
	}
}

// logPanic logs what recover returned, if it was a panic.
func (t *terms) logPanic(what string, remote net.Addr, v any) bool {
	p, ok := recovered(v).(*PanicError)
	if ok {
		t.log.Error(what, "remote", logged{remote}, "panic", p.Value, "stack", string(p.Stack))
	}
	return ok
}

// unwrap sniffs, does the TLS handshake if that is what comes, and sniffs again.
func (t *terms) unwrap(v *visitor) (protocol, error) {
	kind, head, err := sniffConn(v.sock, v.head)
	v.head = head
	if err != nil || kind != protocolTLS {
		return kind, err
	}
	if t.TLS == nil {
		t.log.Warn("a client began TLS, but this listener has no certificate", "remote", logged{v.remote})
		return kind, errors.New("TLS is not configured")
	}
	secure := tls.Server(&sniffed{v.sock, head}, t.TLS)
	if err := secure.Handshake(); err != nil {
		t.log.Info("a TLS handshake failed", "remote", logged{v.remote}, "err", err)
		return kind, err
	}
	kind, head, err = sniffConn(secure, nil)
	if err == nil && kind == protocolTLS {
		err = errors.New("TLS within TLS")
	}
	v.sock, v.head = secure, head
	return kind, err
}

// plainRefused reports whether sock lacks the TLS that the listener insists on.
func (t *terms) plainRefused(sock net.Conn) bool {
	_, encrypted := sock.(*tls.Conn)
	return t.TLSOnly && !encrypted
}

func (s *Server) newConn(t *terms, v *visitor, kind Kind) *Conn {
	c := newConn(v.sock, v.head, s.common, connOptions{window: t.InboundWindow, outbox: t.OutboxCapacity})
	c.info = Info{
		Kind: kind, Listener: t.Name, Remote: v.remote, Crowded: v.crowded,
		Web: t.Web, Trusted: t.Trusted,
	}
	if v.proxy != nil {
		c.info.extra().Proxy, c.info.extra().Local = v.proxy, v.local
	}
	c.departed = v.leave // and not v, which holds the first octets
	if secure, ok := v.sock.(*tls.Conn); ok {
		c.info.TLS = true
		if state := secure.ConnectionState(); len(state.VerifiedChains) > 0 {
			c.info.extra().PeerCertificates = state.PeerCertificates
		}
	}
	return c
}

// host makes Close wait for a connection that is being refused, and end it.
func (s *Server) host(c *Conn) (leave func()) {
	if leave := s.conns.enter(closerFunc(c.Abort)); leave != nil {
		return leave
	}
	c.Abort()
	return func() {}
}

// acceptConn hands a connection to the broker. Close waits for the function, but
// does not close the connection: it is the broker's by then.
func (s *Server) acceptConn(c *Conn) {
	leave := s.conns.enter(nil)
	if leave == nil {
		c.Abort()
		return
	}
	defer leave()
	defer func() {
		if p := recover(); p != nil {
			c.Abort()
			panic(p)
		}
	}()
	s.accept(c)
}

// refuseSTOMP tells a client that it does not find STOMP here, or not without
// TLS.
func (s *Server) refuseSTOMP(t *terms, v *visitor) {
	c := s.newConn(t, v, TCP)
	message, detail := "STOMP is not served here", "This port serves: "+offered(&t.ListenerConfig)+".\n"
	if t.plainRefused(v.sock) {
		message, detail = "TLS is required", "This port speaks STOMP over TLS only.\n"
	}
	t.log.Info("refused a STOMP connection", "remote", logged{c.info.Remote}, "because", message)
	c.Outbox().EndLines()
	c.Refuse(ReasonUnsupportedData, stompwire.AppendFrame(nil, &stompwire.Frame{
		Command: stompwire.Error,
		Header: stompwire.Header{
			{Name: "message", Value: message},
			{Name: "code", Value: ReasonUnsupportedData.Code()},
			{Name: "content-type", Value: "text/plain"},
			{Name: stompwire.ContentLength, Value: strconv.Itoa(len(detail))},
		},
		Body: []byte(detail),
	}, stompwire.V10))
}

// handedListener is where net/http accepts the connections that turned out to
// be HTTP.
type handedListener struct {
	conns chan net.Conn
	done  *latch
}

func newHandedListener() *handedListener {
	return &handedListener{conns: make(chan net.Conn), done: newLatch()}
}

func (l *handedListener) hand(c net.Conn) bool {
	select {
	case l.conns <- c:
		return true
	case <-l.done.ch:
		return false
	}
}

// Accept waits for a connection.
func (l *handedListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done.ch:
		return nil, net.ErrClosed
	}
}

// Close makes Accept fail.
func (l *handedListener) Close() error {
	l.done.release()
	return nil
}

// Addr is a name: the real listeners are elsewhere.
func (l *handedListener) Addr() net.Addr { return pipeAddr("http") }

// handedConn is a connection in the hands of net/http. leave ends the server's
// watch over it.
type handedConn struct {
	sniffed
	visitor *visitor
	leave   func()
}

// RemoteAddr is where the client is, as far as it is known.
func (h *handedConn) RemoteAddr() net.Addr { return h.visitor.remote }

// Close closes the connection, unless it was hijacked and is somebody else's.
func (h *handedConn) Close() error {
	h.visitor.depart()
	return h.sniffed.Conn.Close()
}

// handedKey finds the handedConn that a request came over.
type handedKey struct{}

func handedOf(r *http.Request) *handedConn {
	h, _ := r.Context().Value(handedKey{}).(*handedConn)
	return h
}

// httpState ends the watch over connections that net/http is done with.
func (s *Server) httpState(c net.Conn, state http.ConnState) {
	if h, ok := c.(*handedConn); ok && (state == http.StateClosed || state == http.StateHijacked) {
		h.leave()
	}
}
