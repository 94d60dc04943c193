package transport

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// v2 makes a PROXY header of version 2.
func v2(command, family byte, addresses string) string {
	h := append([]byte(nil), proxySignature...)
	h = append(h, command, family)
	return string(binary.BigEndian.AppendUint16(h, uint16(len(addresses)))) + addresses
}

const (
	v2IPv4 = "\xc0\x00\x02\x01\x0a\x00\x00\x01\x1f\x90\xf0\x8d"
	v2IPv6 = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" + "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02" + "\x1f\x90\xf0\x8d"
)

// Each header of either version says what it says, whole or byte by byte, and what is none is refused at the first byte
// that shows it.
func TestParseProxy(t *testing.T) {
	for _, c := range []struct{ header, source, destination string }{
		{"PROXY TCP4 192.0.2.1 10.0.0.1 8080 61613\r\n", "192.0.2.1:8080", "10.0.0.1:61613"},
		{"PROXY TCP6 2001:db8::1 2001:db8::2 8080 61613\r\n", "[2001:db8::1]:8080", "[2001:db8::2]:61613"},
		{"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:10.0.0.1 1 2\r\n", "192.0.2.1:1", "10.0.0.1:2"},
		{"PROXY UNKNOWN\r\n", "", ""},
		{"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "", ""},
		{v2(0x21, 0x11, v2IPv4), "192.0.2.1:8080", "10.0.0.1:61581"},
		{v2(0x21, 0x11, v2IPv4+"\x03\x00\x01x"), "192.0.2.1:8080", "10.0.0.1:61581"},
		{v2(0x21, 0x21, v2IPv6), "[2001:db8::1]:8080", "[2001:db8::2]:61581"},
		{v2(0x20, 0x00, ""), "", ""},
		{v2(0x20, 0x11, v2IPv4), "", ""},
		{v2(0x21, 0x00, ""), "", ""},
		{v2(0x21, 0x31, strings.Repeat("x", 216)), "", ""},
	} {
		for i := range len(c.header) {
			if _, n, err := parseProxy([]byte(c.header[:i])); n != 0 || err != nil {
				t.Fatalf("%q: after %d octets: %d, %v", c.header, i, n, err)
			}
		}
		p, n, err := parseProxy([]byte(c.header + "CONNECT"))
		if err != nil || n != len(c.header) || p.known != (c.source != "") || p.known && (p.source.String() != c.source || p.destination.String() != c.destination) {
			t.Errorf("%q: %+v, %d, %v", c.header, p, n, err)
		}
	}
	for _, bad := range []string{
		"CONNECT\n", "GET / ", "\x16\x03", "\r\n\r\n\x00\r\nQUIX", "PROXY TCP4 1.2.3.4\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n", "PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
		"PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 +2\r\n", "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
		"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", "PROXY " + strings.Repeat("x", proxyLine), "PROXY \r\n",
		v2(0x11, 0x11, v2IPv4), v2(0x22, 0x11, v2IPv4), v2(0x21, 0x11, v2IPv4[1:]), v2(0x21, 0x21, v2IPv4), v2(0x21, 0x11, strings.Repeat("x", proxyRest+1))[:proxyFixed],
	} {
		if p, n, err := parseProxy([]byte(bad)); err == nil {
			t.Errorf("%q: taken as %+v, %d octets", bad, p, n)
		}
	}
}

// FuzzProxyHeader: a header is read the same whole and byte by byte, within what was given and the longest that is taken,
// and what it says of version 1 comes back from its own text.
func FuzzProxyHeader(f *testing.F) {
	f.Add([]byte("PROXY TCP4 192.0.2.1 10.0.0.1 8080 61613\r\nCONNECT"))
	f.Add([]byte("PROXY UNKNOWN\r\n"))
	f.Add([]byte(v2(0x21, 0x11, v2IPv4)))
	f.Add([]byte(v2(0x21, 0x21, v2IPv6)))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, n, err := parseProxy(b)
		if n > len(b) || n > proxyFixed+proxyRest || err != nil && n != 0 || p.known && n == 0 {
			t.Fatalf("%+v, %d of %d, %v", p, n, len(b), err)
		}
		for i := range len(b) {
			q, m, early := parseProxy(b[:i])
			if m > 0 && (m != n || q != p) || early != nil && err == nil {
				t.Fatalf("after %d of %d octets: %+v, %d, %v; of all: %+v, %d, %v", i, len(b), q, m, early, p, n, err)
			}
			if m > 0 || early != nil {
				break
			}
		}
	})
}

func proxies(networks ...string) (all []netip.Prefix) {
	for _, n := range networks {
		all = append(all, netip.MustParsePrefix(n))
	}
	return all
}

// throughProxy is a configuration whose clients come through a proxy on this machine.
func throughProxy() ListenerConfig {
	cfg := all()
	cfg.ProxyProtocol, cfg.TrustedProxies = true, proxies("127.0.0.0/8")
	return cfg
}

const proxyHeader = "PROXY TCP4 192.0.2.1 10.0.0.1 8080 61613\r\n"

// Behind a trusted proxy STOMP, TLS and WebSocket work as ever, however the header's bytes arrive, and the client is who
// the header says.
func TestProxyProtocolCarriesEveryProtocol(t *testing.T) {
	cfg := throughProxy()
	cfg.TLS = serverTLS()
	s := serve(t, cfg)
	secure := func(c net.Conn) net.Conn { return tls.Client(c, clientTLS()) }
	for name, header := range map[string]string{"v1": proxyHeader, "v2": v2(0x21, 0x11, v2IPv4+strings.Repeat("x", 1000))} {
		for protocol, speak := range map[string]func(c net.Conn) net.Conn{"plain": func(c net.Conn) net.Conn { return c }, "TLS": secure} {
			for _, slow := range []bool{false, true} {
				c := s.dial()
				if slow {
					c = slowConn{c}
				}
				go func() {
					io.WriteString(c, header)
					io.WriteString(speak(c), connect)
				}()
				got := receive(t, name+" "+protocol, s.conns)
				info := got.Info()
				if info.Remote.String() != "192.0.2.1:8080" || info.More().Proxy.String() != c.LocalAddr().String() || info.TLS != (protocol == "TLS") {
					t.Errorf("%s %s: %+v", name, protocol, info)
				}
				if err := got.in.fill(got.common.clock); err != nil || !bytes.HasPrefix(got.in.unread, []byte("CONNECT")) {
					t.Errorf("%s %s: %q, %v", name, protocol, got.in.unread, err)
				}
				got.Abort()
			}
		}
	}
	c := s.dial()
	send(t, c, proxyHeader+upgradeRequest())
	if answer, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", answer, err)
	}
	got := receive(t, "a WebSocket", s.conns)
	if got.Info().Remote.String() != "192.0.2.1:8080" {
		t.Errorf("%+v", got.Info())
	}
	got.Abort()
	local := s.dial()
	send(t, local, v2(0x20, 0, "")+connect)
	got = receive(t, "the proxy itself", s.conns)
	if got.Info().More().Proxy != nil || got.Info().Remote.String() != local.LocalAddr().String() {
		t.Errorf("%+v", got.Info())
	}
	got.Abort()
}

// Where the PROXY protocol is spoken, who does not begin with a header is closed, and so is who is no trusted proxy,
// whatever it says.
func TestProxyProtocolIsRequired(t *testing.T) {
	closed := func(s *testServer, say string) {
		t.Helper()
		c := s.dial()
		io.WriteString(c, say)
		if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%q: %q, %v", say, rest, err)
		}
	}
	log := newLogBook()
	s := serveWith(t, throughProxy(), nil, log.logger(), nil)
	for _, say := range []string{connect, upgradeRequest(), "PROXY NONSENSE\r\n" + connect, "PROXY TCP4 x x x x\r\n"} {
		closed(s, say)
	}
	if line := log.next(t); !strings.Contains(line, "without a good PROXY header") {
		t.Errorf("logged %s", line)
	}
	cfg := throughProxy()
	cfg.TrustedProxies = proxies("10.0.0.0/8")
	closed(serve(t, cfg), proxyHeader+connect)
}

// Where it is not spoken, a PROXY header is no STOMP.
func TestProxyHeaderIsNotTakenUnasked(t *testing.T) {
	cfg := throughProxy()
	cfg.ProxyProtocol = false
	s := serve(t, cfg)
	c := s.dial()
	send(t, c, proxyHeader+connect)
	got := receive(t, "a connection", s.conns)
	if got.Info().Remote.String() != c.LocalAddr().String() || got.Info().More().Proxy != nil {
		t.Errorf("%+v", got.Info())
	}
	got.Abort()
}

// A client behind trusted proxies is the nearest address of the header that is none of them; nothing else is believed.
func TestForwardedClients(t *testing.T) {
	x := func(lines ...string) http.Header { return http.Header{"X-Forwarded-For": lines} }
	f := func(lines ...string) http.Header { return http.Header{"Forwarded": lines} }
	near := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 5}
	for _, c := range []struct {
		name   string
		peer   net.Addr
		header http.Header
		which  string
		want   string // "": the peer
	}{
		{"one proxy", near, x("192.0.2.1"), "", "192.0.2.1:0"},
		{"with a port", near, x("192.0.2.1:99"), "", "192.0.2.1:99"},
		{"IPv6", near, x("2001:db8::1"), "", "[2001:db8::1]:0"},
		{"IPv6 in brackets", near, x("[2001:db8::1]:99"), "", "[2001:db8::1]:99"},
		{"a chain", near, x("192.0.2.1, 10.9.9.9"), "", "192.0.2.1:0"},
		{"a chain in two lines", near, x("192.0.2.1", "10.9.9.9"), "", "192.0.2.1:0"},
		{"what the client made up", near, x("6.6.6.6, 192.0.2.1"), "", "192.0.2.1:0"},
		{"what the client made up, with a proxy's address", near, x("10.6.6.6, 192.0.2.1, 10.9.9.9"), "", "192.0.2.1:0"},
		{"nonsense behind the client", near, x("192.0.2.1, nonsense"), "", ""},
		{"nonsense in front of it", near, x("nonsense, 10.9.9.9"), "", "10.9.9.9:0"},
		{"no header", near, nil, "", ""},
		{"an empty one", near, x(""), "", ""},
		{"a peer that is no proxy", &net.TCPAddr{IP: net.IPv4(192, 0, 2, 9), Port: 5}, x("192.0.2.1"), "", ""},
		{"the other header", near, f("for=192.0.2.1"), "", ""},
		{"Forwarded", near, f(`for=192.0.2.1;proto=https`), "Forwarded", "192.0.2.1:0"},
		{"Forwarded in capitals", near, f(`Proto=https; For="[2001:db8::1]:99", for=10.9.9.9`), "Forwarded", "[2001:db8::1]:99"},
		{"Forwarded and hidden", near, f(`for=_hidden`), "Forwarded", ""},
		{"Forwarded, and what the client put into the other", near, http.Header{"Forwarded": {"for=192.0.2.1"}, "X-Forwarded-For": {"6.6.6.6"}}, "Forwarded", "192.0.2.1:0"},
	} {
		s := NewServer(ListenerConfig{TrustedProxies: proxies("10.0.0.0/8"), ForwardedHeader: c.which}, nil, nil, nil, nil)
		want := c.want
		if want == "" {
			want = c.peer.String()
		}
		if got, forwarded := s.now.Load().client(c.peer, c.header); got.String() != want || forwarded != (c.want != "") {
			t.Errorf("%s: %v, %t; want %s", c.name, got, forwarded, want)
		}
	}
}

// A WebSocket through a trusted proxy comes from where the proxy says, and is counted there; one through nobody's from
// where its socket does.
func TestForwardedWebSocket(t *testing.T) {
	for trusted, want := range map[string]string{"127.0.0.0/8": "192.0.2.1:0", "10.0.0.0/8": ""} {
		var mu sync.Mutex
		var counted []string
		cfg := all()
		cfg.TrustedProxies = proxies(trusted)
		cfg.Enter = func(a netip.Addr) (func(), bool) {
			mu.Lock()
			defer mu.Unlock()
			counted = append(counted, a.String())
			return func() {}, true
		}
		s := serve(t, cfg)
		c := s.dial()
		send(t, c, strings.Replace(upgradeRequest(), "\r\n", "\r\nX-Forwarded-For: 192.0.2.1\r\n", 1))
		got := receive(t, "a WebSocket", s.conns)
		at, by := "192.0.2.1", c.LocalAddr()
		if want == "" {
			want, at, by = c.LocalAddr().String(), "127.0.0.1", nil
		}
		if info := got.Info(); info.Remote.String() != want || info.More().Proxy == nil != (by == nil) {
			t.Errorf("%s: %+v", trusted, info)
		}
		mu.Lock()
		if len(counted) != 1 || counted[0] != at {
			t.Errorf("%s: counted %v", trusted, counted)
		}
		mu.Unlock()
		got.Abort()
	}
}

// Every way in which a connection can end takes it off the count of its address, once.
func TestEveryConnectionLeavesItsAddress(t *testing.T) {
	left := make(chan int, 100)
	cfg := all()
	cfg.STOMP = false
	var n atomic.Int64
	cfg.Enter = func(netip.Addr) (func(), bool) {
		me := int(n.Add(1))
		return func() { left <- me }, true
	}
	refusing := serve(t, cfg)
	cfg.STOMP = true
	s := serve(t, cfg)
	for i, end := range []func(){
		func() { s.dial().Close() },
		func() { send(t, refusing.dial(), connect) },
		func() { io.Copy(io.Discard, get(t, s, "/health_check", "Connection: close\r\n")) },
		func() { get(t, s, "/health_check", "").Close() },
		func() { c := s.dial(); send(t, c, connect); receive(t, "a connection", s.conns).Abort() },
		func() { c := s.dial(); send(t, c, upgradeRequest()); receive(t, "a WebSocket", s.conns).Abort() },
		func() { send(t, s.dial(), "\x16\x03\x01") },
		func() { c := s.dial(); send(t, c, "GET / HTTP/1.1\r\nnonsense\r\n\r\n"); io.Copy(io.Discard, c) },
	} {
		end()
		if got := receive(t, "a departure", left); got != i+1 {
			t.Errorf("%d: number %d left", i, got)
		}
	}
	select {
	case again := <-left:
		t.Errorf("number %d left twice", again)
	default:
	}
}

func get(t *testing.T, s *testServer, path, header string) net.Conn {
	t.Helper()
	c := s.dial()
	send(t, c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n"+header+"\r\n")
	if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	return c
}

// Clients of an address with too many connections are told so, by STOMP and by HTTP, and no more than a few at once.
func TestCrowdedAddress(t *testing.T) {
	cfg := all()
	cfg.Enter = func(netip.Addr) (func(), bool) { return nil, false }
	s := serve(t, cfg)
	if answer, _ := s.ask(t, "GET /health_check HTTP/1.1\r\nHost: x\r\n\r\n"); answer.StatusCode != http.StatusTooManyRequests {
		t.Errorf("HTTP: %d", answer.StatusCode)
	}
	send(t, s.dial(), upgradeRequest())
	send(t, s.dial(), connect)
	for range 2 {
		c := receive(t, "a connection", s.conns)
		if !c.Info().Crowded {
			t.Errorf("%+v", c.Info())
		}
		c.Abort()
	}
	silent := make([]net.Conn, maxTurnedAway+8)
	for i := range silent {
		silent[i] = s.dial()
	}
	ended := make(chan struct{}, len(silent))
	for _, c := range silent {
		go func() {
			c.Read(make([]byte, 1))
			ended <- struct{}{}
		}()
	}
	for range 8 {
		receive(t, "the end of one too many", ended)
	}
}
