package transport

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"stampede/stompwire"
)

// testServer is a Server on a loopback port, and what it accepted.
type testServer struct {
	*Server
	t     *testing.T
	addr  string
	conns chan *Conn
}

// all is a configuration that serves everything.
func all() ListenerConfig {
	return ListenerConfig{Name: "test", Address: "127.0.0.1:0", STOMP: true, WebSocket: true, HTTP: true, ServerHeader: "stampede/test"}
}

func serve(t *testing.T, cfg ListenerConfig) *testServer {
	t.Helper()
	return serveWith(t, cfg, nil, nil, nil)
}

func serveWith(t *testing.T, cfg ListenerConfig, accept func(*Conn), log *slog.Logger, clock Clock) *testServer {
	t.Helper()
	s := &testServer{t: t, conns: make(chan *Conn, 100)}
	if accept == nil {
		accept = func(c *Conn) { s.conns <- c }
	}
	l, err := Listen(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	s.Server = NewServer(cfg, accept, log, clock, nil)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := receive(t, "the end of Serve", served); err != nil {
			t.Error("Serve:", err)
		}
		close(s.conns)
		for c := range s.conns {
			c.Abort()
		}
	})
	return s
}

// dial opens a TCP connection to s.
func (s *testServer) dial() net.Conn {
	s.t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(failAfter()))
	return c
}

// rig starts a transport actor for the next connection that was accepted.
func (s *testServer) rig(options ActorOptions) *rig {
	s.t.Helper()
	return newRig(s.t, receive(s.t, "a connection", s.conns), options)
}

// certificate makes a self-signed one for 127.0.0.1, and the pool that trusts it.
var certificate = sync.OnceValues(func() (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "stampede test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
})

func serverTLS() *tls.Config {
	cert, _ := certificate()
	return &tls.Config{Certificates: []tls.Certificate{cert}}
}

func clientTLS() *tls.Config {
	_, pool := certificate()
	return &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
}

// slowConn writes one byte at a time.
type slowConn struct{ net.Conn }

func (c slowConn) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := c.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// STOMP, HTTP, WebSocket, and all three inside TLS, are told apart on one port, also when every
// byte comes alone.
func TestOnePortForAll(t *testing.T) {
	cfg := all()
	cfg.TLS = serverTLS()
	cfg.Web, cfg.Trusted = true, true
	s := serve(t, cfg)
	for _, slow := range []bool{false, true} {
		for _, encrypted := range []bool{false, true} {
			open := func() net.Conn {
				c := s.dial()
				if slow {
					c = slowConn{c}
				}
				if encrypted {
					c = tls.Client(c, clientTLS())
				}
				return c
			}
			name := map[bool]string{false: "fast", true: "slow"}[slow] + map[bool]string{false: "", true: " tls"}[encrypted]
			t.Run(name+" stomp", func(t *testing.T) {
				client := open()
				send(t, client, connect)
				r := s.rig(ActorOptions{})
				if i := r.conn.Info(); i.Kind != TCP || i.TLS != encrypted || i.Listener != "test" || !i.Web || !i.Trusted ||
					i.Remote.String() != client.LocalAddr().String() || r.conn.Local().String() != client.RemoteAddr().String() {
					t.Errorf("%+v", i)
				}
				r.admit()
				send(t, client, "SEND\ndestination:a\n\none\x00")
				if got := r.inbound(1); got[0] != "SEND one" {
					t.Errorf("%q", got)
				}
				r.conn.Outbox().Append([]byte("ERROR\n\n\x00"))
				r.tell(&Close{Reason: ReasonShutdown})
				if got := readAll(t, client); got != "ERROR\n\n\x00" {
					t.Errorf("read %q", got)
				}
				client.Close()
				r.closed(ReasonShutdown)
			})
			t.Run(name+" http", func(t *testing.T) {
				client := open()
				send(t, client, "GET /health_check HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
				if got := readAll(t, client); !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") || !strings.HasSuffix(got, "OK\n") {
					t.Errorf("read %q", got)
				}
			})
			t.Run(name+" websocket", func(t *testing.T) {
				client := open()
				r, ws := s.upgraded(t, client)
				if i := r.conn.Info(); i.Kind != WebSocket || i.TLS != encrypted || i.Upgrade.Path != "/any/path" || i.Upgrade.Header.Get("X-Test") != "1" || !i.Web {
					t.Errorf("%+v", i)
				}
				ws.text(connect)
				r.admit()
				ws.text("SEND\ndestination:a\n\none\x00")
				if got := r.inbound(1); got[0] != "SEND one" {
					t.Errorf("%q", got)
				}
				r.tell(&Close{Reason: ReasonShutdown})
				ws.expectClose(1001, "shutdown")
				r.closed(ReasonShutdown)
			})
		}
	}
}

// Two listeners can be served by one server at once.
func TestTwoListeners(t *testing.T) {
	s := serve(t, all())
	l, err := Listen(context.Background(), all())
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	for _, addr := range []string{s.addr, l.Addr().String(), s.addr} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		send(t, c, connect)
		if got := receive(t, "a connection", s.conns); got.Local().String() != addr {
			t.Errorf("accepted at %v, want %v", got.Local(), addr)
		} else {
			got.Abort()
		}
	}
	s.Close()
	if err := receive(t, "the end of Serve", served); err != nil {
		t.Error(err)
	}
	if err := s.Serve(l); err != nil {
		t.Errorf("Serve after Close: %v", err)
	}
}

// A protocol that is switched off answers in its own language and closes.
func TestProtocolsSwitchedOff(t *testing.T) {
	get := "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	for _, c := range []struct {
		name string
		set  func(*ListenerConfig)
		say  string
		want []string // in the answer
	}{
		{"stomp", func(c *ListenerConfig) { c.STOMP = false }, connect, []string{"ERROR\n", "message:STOMP is not served here\n", "code:unsupported data\n", "\n\nThis port serves: STOMP over WebSocket, HTTP.\n\x00"}},
		{"stomp without tls", func(c *ListenerConfig) { c.TLS, c.TLSOnly = serverTLS(), true }, connect, []string{"ERROR\n", "message:TLS is required\n"}},
		{"http", func(c *ListenerConfig) { c.HTTP = false }, get, []string{"HTTP/1.1 426 ", "Upgrade: websocket\r\n"}},
		{"http and websocket", func(c *ListenerConfig) { c.HTTP, c.WebSocket = false, false }, get, []string{"HTTP/1.1 403 ", "STOMP over TCP\n"}},
		{"websocket", func(c *ListenerConfig) { c.WebSocket = false }, upgradeRequest(), []string{"HTTP/1.1 403 ", "WebSocket is not served here\n"}},
		{"http without tls", func(c *ListenerConfig) { c.TLS, c.TLSOnly = serverTLS(), true }, get, []string{"HTTP/1.1 400 ", "TLS only"}},
		{"everything", func(c *ListenerConfig) { *c = ListenerConfig{Address: c.Address} }, connect, []string{"This port serves: nothing."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := all()
			c.set(&cfg)
			s := serve(t, cfg)
			client := s.dial()
			send(t, client, strings.Replace(c.say, "Upgrade\r\n", "Upgrade, close\r\n", 1))
			got := readAll(t, client)
			for _, w := range c.want {
				if !strings.Contains(got, w) {
					t.Errorf("%q is not in %q", w, got)
				}
			}
			client.Close()
		})
	}
}

// TLS where no certificate is configured: closed, with a log line.
func TestTLSWithoutCertificate(t *testing.T) {
	log := newLogBook()
	s := serveWith(t, all(), nil, log.logger(), nil)
	client := tls.Client(s.dial(), clientTLS())
	if err := client.Handshake(); err == nil {
		t.Fatal("the handshake succeeded")
	}
	if line := log.next(t); !strings.Contains(line, "no certificate") {
		t.Errorf("logged %q", line)
	}
}

// The certificate of a client that was verified is in Info.
func TestClientCertificate(t *testing.T) {
	cfg := all()
	cert, pool := certificate()
	cfg.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: pool}
	s := serve(t, cfg)
	for _, with := range []bool{false, true} {
		c := clientTLS()
		if with {
			c.Certificates = []tls.Certificate{cert}
		}
		client := tls.Client(s.dial(), c)
		send(t, client, connect)
		conn := receive(t, "a connection", s.conns)
		if got := conn.Info().More().PeerCertificates; with != (len(got) == 1) {
			t.Errorf("with %v: %d certificates", with, len(got))
		}
		conn.Abort()
	}
}

// logBook keeps log lines.
type logBook struct{ lines chan string }

func newLogBook() *logBook { return &logBook{lines: make(chan string, 1000)} }

func (b *logBook) Write(p []byte) (int, error) {
	b.lines <- string(p)
	return len(p), nil
}

func (b *logBook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, nil)) // Info and above
}

func (b *logBook) next(t *testing.T) string {
	t.Helper()
	return receive(t, "a log line", b.lines)
}

// Who says too little for too long is closed: silence, half a word, half a TLS handshake.
func TestSniffTimeout(t *testing.T) {
	for _, said := range []string{"", "GE", "CONNECT", "\x16", "\x16\x03\x01\x02"} {
		clock := newManualClock()
		cfg := all()
		cfg.TLS, cfg.SniffTimeout = serverTLS(), 7*time.Second
		s := serveWith(t, cfg, nil, nil, clock)
		client := s.dial()
		send(t, client, said)
		if d := receive(t, "a timer", clock.set); d != 7*time.Second {
			t.Fatalf("timer of %v", d)
		}
		clock.advance(7*time.Second - 1)
		client.SetReadDeadline(longAgo.Add(time.Since(longAgo) + 10*time.Millisecond))
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after %q: closed too early: %v", said, err)
		}
		client.SetReadDeadline(time.Now().Add(failAfter()))
		clock.advance(1)
		if n, err := io.Copy(io.Discard, client); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after %q: not closed (%d bytes)", said, n)
		}
	}
}

// Errors of accept that pass are retried with a growing, bounded pause; then the listener serves on.
func TestAcceptErrorsPass(t *testing.T) {
	clock := newManualClock()
	log := newLogBook()
	s := NewServer(all(), func(c *Conn) { c.Abort() }, log.logger(), clock, nil)
	defer s.Close()
	l := &scriptedListener{steps: make(chan func() (net.Conn, error), 100)}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	for i, want := range []time.Duration{5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000} {
		err := []error{syscall.EMFILE, syscall.ENFILE, syscall.ECONNABORTED, syscall.ENOBUFS, syscall.ENOMEM}[i%5]
		l.steps <- func() (net.Conn, error) {
			return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept", err)}
		}
		if d := receive(t, "a pause", clock.set); d != want*time.Millisecond {
			t.Fatalf("pause %d of %v, want %v ms", i, d, int(want))
		}
		if line := log.next(t); !strings.Contains(line, err.Error()) {
			t.Errorf("logged %q", line)
		}
		clock.advance(time.Second)
	}
	near, far := newPipe(0, SystemClock())
	l.steps <- func() (net.Conn, error) { return far, nil }
	send(t, near, "\n")
	if got := readAll(t, near); got != "" {
		t.Errorf("read %q", got)
	}
	receive(t, "the sniff timer", clock.set)
	l.steps <- func() (net.Conn, error) { return nil, syscall.EMFILE }
	if d := receive(t, "a pause", clock.set); d != 5*time.Millisecond {
		t.Errorf("pause of %v after a success", d)
	}
	clock.advance(time.Second)
	broken := errors.New("broken")
	l.steps <- func() (net.Conn, error) { return nil, broken }
	if err := receive(t, "the end of Serve", served); !errors.Is(err, broken) {
		t.Errorf("Serve returned %v", err)
	}
}

// Close ends a Serve that pauses after an error.
func TestCloseEndsThePause(t *testing.T) {
	clock := newManualClock()
	s := NewServer(all(), func(c *Conn) { c.Abort() }, nil, clock, nil)
	l := &scriptedListener{steps: make(chan func() (net.Conn, error), 1)}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	l.steps <- func() (net.Conn, error) { return nil, syscall.EMFILE }
	receive(t, "a pause", clock.set)
	s.Close()
	if err := receive(t, "the end of Serve", served); err != nil {
		t.Error(err)
	}
}

// scriptedListener accepts what the test says.
type scriptedListener struct {
	steps chan func() (net.Conn, error)
	once  sync.Once
}

func (l *scriptedListener) Accept() (net.Conn, error) {
	step, ok := <-l.steps
	if !ok {
		return nil, net.ErrClosed
	}
	return step()
}

func (l *scriptedListener) Close() error {
	l.once.Do(func() { close(l.steps) })
	return nil
}

func (l *scriptedListener) Addr() net.Addr { return pipeAddr("script") }

// A panic of the accept function, over any transport, costs that connection only.
func TestAcceptPanics(t *testing.T) {
	log := newLogBook()
	s := serveWith(t, all(), func(*Conn) { panic("no") }, log.logger(), nil)
	for _, say := range []string{connect, upgradeRequest()} {
		client := s.dial()
		send(t, client, say)
		readAll(t, client)
		if line := log.next(t); !strings.Contains(line, "panic=no") {
			t.Errorf("logged %q", line)
		}
	}
}

// Close ends connections that have not said what they are, plain HTTP ones and refused ones; those
// that were accepted live on.
func TestServerClose(t *testing.T) {
	cfg := all()
	s := serve(t, cfg)
	silent, half, idle := s.dial(), s.dial(), s.dial()
	send(t, half, "GET / HT")
	send(t, idle, "GET /health_check HTTP/1.1\r\nHost: x\r\n\r\n")
	if _, err := idle.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	stomp, ws := s.dial(), s.dial()
	send(t, stomp, connect)
	first := s.rig(ActorOptions{})
	second, link := s.upgraded(t, ws)
	s.Close()
	for _, c := range []net.Conn{silent, half, idle} {
		io.Copy(io.Discard, c) // ends
	}
	first.admit()
	send(t, stomp, "SEND\ndestination:a\n\none\x00")
	first.inbound(1)
	link.text(connect)
	second.admit()
	if _, err := net.Dial("tcp", s.addr); err == nil {
		t.Error("still listening")
	}
}

// Close waits for a refusal no longer than to abort it.
func TestServerCloseEndsRefusals(t *testing.T) {
	entered := make(chan struct{})
	s := serveWith(t, all(), func(c *Conn) {
		close(entered)
		c.Refuse(ReasonTryAgainLater, []byte("ERROR\n\n\x00"))
	}, nil, nil)
	client := s.dial()
	send(t, client, connect)
	closes(t, "the refusal", entered)
	start := time.Now()
	s.Close()
	if d := time.Since(start); d >= DefaultLinger {
		t.Errorf("took %v", d)
	}
}

// A Unix socket serves like a port, has the mode that was asked for, replaces a stale file, and
// takes nobody else's place.
func TestUnixSocket(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a system on which socket files have modes")
	}
	path := filepath.Join(t.TempDir(), "s")
	cfg := all()
	cfg.Network, cfg.Address, cfg.UnixMode = "unix", path, 0o600

	// A process that died leaves its file.
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Fatal(err)
	}

	s := serve(t, cfg)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	client, err := Dial(context.Background(), "unix:"+path, DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	send(t, client, connect)
	r := s.rig(ActorOptions{})
	r.admit()
	r.tell(&Close{Reason: ReasonShutdown})
	readAll(t, client)
	client.Close()
	r.closed(ReasonShutdown)

	if _, err := Listen(context.Background(), cfg); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "stop the program") {
		t.Errorf("second Listen: %v", err)
	}
	s.Close()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close the file is there: %v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("Listen on a plain file: %v", err)
	}
}

// What Listen can't do it explains, with the cause inside.
func TestListenErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct {
		network, address string
		cause            error
		text             string
	}{
		{"", taken.Addr().String(), syscall.EADDRINUSE, "address already in use: stop the program"},
		{"tcp", "192.0.2.1:0", syscall.EADDRNOTAVAIL, "no interface of this machine"},
		{"unix", filepath.Join(t.TempDir(), "no", "s"), fs.ErrNotExist, "no such directory"},
		{"tcp", "127.0.0.1:notaport", nil, "unknown host name or port"},
	} {
		_, err := Listen(context.Background(), ListenerConfig{Network: c.network, Address: c.address})
		if err == nil || c.cause != nil && !errors.Is(err, c.cause) || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), c.address) {
			t.Errorf("Listen(%q, %q): %v", c.network, c.address, err)
		}
	}
}

// A client that keeps sending after its error still reads the ERROR to the end: over TCP no reset
// overtakes it.
func TestErrorSurvivesAFlood(t *testing.T) {
	s := serve(t, all())
	for range 20 {
		client := s.dial()
		send(t, client, connect)
		r := s.rig(ActorOptions{})
		r.admit()
		var flooder sync.WaitGroup
		stop := make(chan struct{})
		flooder.Go(func() {
			junk := []byte(strings.Repeat("NONSENSE", 8<<10))
			for {
				select {
				case <-stop:
					return
				default:
					if _, err := client.Write(junk); err != nil {
						return
					}
				}
			}
		})
		m := next[*Malformed](t, r.session)
		want := "ERROR\n\n" + strings.Repeat("why ", 50_000) + "\x00"
		r.conn.Outbox().Append([]byte(want))
		r.tell(&Close{Reason: m.Reason, Linger: failAfter()})
		if got := readAll(t, client); got != want {
			t.Errorf("read %d bytes, want %d", len(got), len(want))
		}
		close(stop)
		flooder.Wait()
		client.Close()
		r.closed(ReasonProtocolError)
		r.stop()
	}
}

// No file descriptor is left over after connections of all kinds have come and gone.
func TestNoDescriptorLeaks(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc/self/fd")
	}
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	cfg := all()
	cfg.TLS = serverTLS()
	s := serve(t, cfg)
	before := count()
	for i := range 30 {
		client := s.dial()
		var r *rig
		switch i % 3 {
		case 0:
			send(t, client, connect)
			r = s.rig(ActorOptions{})
		case 1:
			r, _ = s.upgraded(t, client)
		case 2:
			client = tls.Client(client, clientTLS())
			send(t, client, connect)
			r = s.rig(ActorOptions{})
		}
		switch i % 4 {
		case 0:
			r.tell(&Close{Reason: ReasonShutdown, Linger: -1})
		case 1:
			r.conn.Abort()
		case 2:
			client.Close()
			r.tell(&Close{Reason: ReasonShutdown})
		case 3:
			r.stop()
		}
		receive(t, "Closed", r.owner.said)
		client.Close()
		r.stop()
	}
	if after := count(); after > before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

// An idle TCP connection holds no read buffer and no chunk, whatever went over it before.
func TestIdleConnectionHoldsNoBuffers(t *testing.T) {
	s := serve(t, all())
	client := s.dial()
	send(t, client, connect)
	r := s.rig(ActorOptions{})
	r.admit()
	send(t, client, strings.Repeat("SEND\ndestination:a\n\none\x00", 100))
	r.inbound(100)
	r.conn.Outbox().Append([]byte("x"))
	if _, err := client.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	// Joined, the reader shows what it held last.
	r.tell(&Close{Reason: ReasonShutdown, Linger: -1})
	r.closed(ReasonShutdown)
	if in := &r.conn.in; in.large != nil || in.small != nil || in.unread != nil {
		t.Error("the reader held a buffer while it waited")
	}
	if r.conn.in.ready == nil {
		t.Error("the socket is not read by readiness")
	}
	if o := &r.conn.outbox; o.first != nil {
		t.Error("the outbox held a chunk")
	}
}

// Frames that the client sends right before it closes all arrive.
func TestLastFramesArrive(t *testing.T) {
	s := serve(t, all())
	client := s.dial()
	send(t, client, connect)
	r := s.rig(ActorOptions{})
	r.admit()
	send(t, client, strings.Repeat("SEND\ndestination:a\n\none\x00", 10_000))
	client.Close()
	r.inbound(10_000)
	if e := next[*Ended](t, r.session); e.Reason != ReasonConnectionLost {
		t.Errorf("%v %v", e.Reason, e.Err)
	}
	r.tell(&Close{Reason: ReasonConnectionLost})
	r.closed(ReasonConnectionLost)
}

// The handler can be mounted in a foreign server: it upgrades there and answers there.
func TestHandlerInForeignServer(t *testing.T) {
	conns := make(chan *Conn, 1)
	s := NewServer(all(), func(c *Conn) { conns <- c }, nil, nil, nil)
	mux := http.NewServeMux()
	mux.Handle("/", s.Handler())
	foreign := &http.Server{Handler: mux}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go foreign.Serve(l)
	defer foreign.Close()
	client, err := Dial(context.Background(), "ws://"+l.Addr().String()+"/x", DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, receive(t, "a connection", conns), ActorOptions{})
	if i := r.conn.Info(); i.Version != stompwire.V12 || i.Upgrade.Path != "/x" {
		t.Errorf("%+v", i)
	}
	send(t, client, connect)
	r.admit()
	r.conn.Outbox().Append([]byte("CONNECTED\n\n\x00"))
	r.tell(&Close{Reason: ReasonClientDisconnected})
	if got := readAll(t, client); got != "CONNECTED\n\n\x00" {
		t.Errorf("read %q", got)
	}
	client.Close()
	r.closed(ReasonClientDisconnected)
	s.Close()
	answer, err := http.Get("http://" + l.Addr().String() + "/health_check")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after Close: %v", answer.Status)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

// Dial speaks every scheme to the same port, and says which ones there are.
func TestDial(t *testing.T) {
	cfg := all()
	cfg.TLS = serverTLS()
	s := serve(t, cfg)
	for _, scheme := range []string{"tcp", "stomp", "stomp+tcp", "tls", "stomps", "stomp+tls", "ws", "wss"} {
		client, err := Dial(context.Background(), scheme+"://"+s.addr, DialOptions{TLS: clientTLS()})
		if err != nil {
			t.Errorf("%s: %v", scheme, err)
			continue
		}
		send(t, client, connect)
		r := s.rig(ActorOptions{})
		r.admit()
		body := strings.Repeat("0123456789", 20_000)
		go io.WriteString(client, "SEND\ndestination:a\n\n"+body+"\x00")
		if got := r.inbound(1); got[0] != "SEND "+body {
			t.Errorf("%s: %d bytes came", scheme, len(got[0]))
		}
		r.conn.Outbox().Append([]byte(body))
		r.conn.Outbox().Append([]byte{0xff})
		r.tell(&Close{Reason: ReasonClientDisconnected})
		if got := readAll(t, client); got != body+"\xff" {
			t.Errorf("%s: read %d bytes", scheme, len(got))
		}
		if err := client.Close(); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
		r.closed(ReasonClientDisconnected)
		r.stop()
	}
	for url, want := range map[string]string{
		"ftp://x":               "unknown scheme",
		"tcp://":                "no host",
		"ws://":                 "no host",
		"://":                   "dial",
		"wss://" + s.addr + "/": "certificate",
	} {
		if _, err := Dial(context.Background(), url, DialOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, err := Dial(context.Background(), "ws://"+s.addr, DialOptions{Subprotocols: []string{"mqtt"}}); err == nil || !strings.Contains(err.Error(), "400") || !strings.Contains(err.Error(), "v12.stomp") {
		t.Errorf("a refused upgrade: %v", err)
	}
}

// An address without a port means ours.
func TestDefaultPort(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, url := range []string{"tcp://[2001:db8::1]", "tcp://192.0.2.1", "ws://192.0.2.1/x"} {
		if _, err := Dial(ctx, url, DialOptions{}); err == nil {
			t.Errorf("%s: no error", url)
		}
	}
	var asked []string
	for _, raw := range []string{"tcp://h", "tcp://h:1", "tcp://[::1]"} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		a, err := hostPort(u)
		if err != nil {
			t.Fatal(err)
		}
		asked = append(asked, a)
	}
	if want := []string{"h:61613", "h:1", "[::1]:61613"}; !slices.Equal(asked, want) {
		t.Errorf("%q, want %q", asked, want)
	}
}

// The actor can interrupt a reader that waits in any kind of socket, and the connection can still
// be written and closed in good order afterwards.
func TestInterruptOverSockets(t *testing.T) {
	for _, kind := range []string{"tcp", "tls", "unix"} {
		clock := newManualClock()
		cfg := all()
		cfg.TLS = serverTLS()
		if kind == "unix" {
			cfg.Network, cfg.Address = "unix", filepath.Join(t.TempDir(), "s")
		}
		s := serveWith(t, cfg, nil, nil, clock)
		url := kind + "://" + s.addr
		client, err := Dial(context.Background(), url, DialOptions{TLS: clientTLS()})
		if err != nil {
			t.Fatal(err)
		}
		send(t, client, connect[:10])
		receive(t, "the sniff timer", clock.set)
		r := s.rig(ActorOptions{Clock: clock, LoginlessTimeout: time.Minute})
		receive(t, "the login timer", clock.set)
		clock.advance(time.Minute)
		if e := next[*Ended](t, r.session); e.Reason != ReasonLoginTimeout {
			t.Errorf("%s: %v %v", kind, e.Reason, e.Err)
		}
		send(t, client, connect[10:])
		r.conn.Outbox().Append([]byte("ERROR\n\n\x00"))
		r.tell(&Close{Reason: ReasonLoginTimeout})
		if got := readAll(t, client); got != "ERROR\n\n\x00" {
			t.Errorf("%s: read %q", kind, got)
		}
		client.Close()
		r.closed(ReasonLoginTimeout)
		silent(t, r.session)
		r.stop()
	}
}

// The client's end of a WebSocket has deadlines like any connection, and CloseWrite says goodbye
// while the rest can still be read.
func TestWebSocketClient(t *testing.T) {
	s := serve(t, all())
	client, err := Dial(context.Background(), "ws://"+s.addr, DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	send(t, client, connect)
	r := s.rig(ActorOptions{})
	r.admit()
	client.(interface{ CloseWrite() error }).CloseWrite()
	if e := next[*Ended](t, r.session); e.Reason != ReasonClientDisconnected {
		t.Errorf("%v %v", e.Reason, e.Err)
	}
	r.conn.Outbox().Append([]byte("RECEIPT\n\n\x00"))
	r.tell(&Close{Reason: ReasonClientDisconnected})
	if got := readAll(t, client); got != "RECEIPT\n\n\x00" {
		t.Errorf("read %q", got)
	}
	r.closed(ReasonClientDisconnected)

	late, err := Dial(context.Background(), "ws://"+s.addr, DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	defer receive(t, "a connection", s.conns).Abort()
	late.SetDeadline(longAgo)
	if _, err := late.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read: %v", err)
	}
	if _, err := late.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Write: %v", err)
	}
}
