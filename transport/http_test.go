package transport

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// ask sends one raw request and returns the answer.
func (s *testServer) ask(t *testing.T, request string) (*http.Response, string) {
	t.Helper()
	c := s.dial()
	defer c.Close()
	send(t, c, request)
	method, _, _ := strings.Cut(request, " ")
	answer, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusSwitchingProtocols {
		receive(t, "a connection", s.conns).Abort()
		return answer, ""
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	return answer, string(body)
}

// What is typed into the console of the front page may connect to the port that the page came from, and a Host header
// can't make the policy say anything else.
func TestFrontPageMayConnectToItsOwnPort(t *testing.T) {
	s := serve(t, all())
	for host, want := range map[string]string{
		"localhost:61613": "connect-src 'self' ws://localhost:61613 wss://localhost:61613;",
		"[::1]:61613":     "connect-src 'self';",
		"a;script-src":    "connect-src 'self';",
	} {
		answer, _ := s.ask(t, "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		if got := answer.Header.Get("Content-Security-Policy"); !strings.Contains(got, want) || strings.Contains(got, "script-src") {
			t.Errorf("%s: %s", host, got)
		}
	}
}

// Each request gets the status, headers and body it deserves, and a Server header.
func TestHTTPAnswers(t *testing.T) {
	s := serve(t, all())
	plain := func(method, path string) string {
		return method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
	}
	without := func(line string) string { return strings.Replace(upgradeRequest(), line+"\r\n", "", 1) }
	with := func(old, new string) string { return strings.Replace(upgradeRequest(), old, new, 1) }
	cors := map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "server"}
	for _, c := range []struct {
		request string
		status  int
		header  map[string]string
		body    string // in it; "=…": all of it
	}{
		{plain("GET", "/health_check"), 200, cors, "=OK\n"},
		{plain("GET", "/health_check?x=1"), 200, cors, "=OK\n"},
		{plain("HEAD", "/health_check"), 200, cors, "="},
		{plain("OPTIONS", "/health_check"), 204, map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS"}, "="},
		{plain("POST", "/health_check"), 405, map[string]string{"Allow": "GET, HEAD, OPTIONS"}, "not allowed"},
		{plain("GET", "/"), 200, map[string]string{"Content-Type": "text/html; charset=utf-8", "X-Content-Type-Options": "nosniff"}, `new WebSocket("ws://localhost/")`},
		{plain("HEAD", "/"), 200, nil, "="},
		{plain("POST", "/"), 405, map[string]string{"Allow": "GET, HEAD"}, ""},
		{plain("DELETE", "/"), 405, map[string]string{"Allow": "GET, HEAD"}, ""},
		{plain("GET", "/nothing"), 404, nil, "/health_check"},
		{plain("GET", "/health_check/"), 404, nil, ""},
		{plain("PATCH", "/nothing"), 404, nil, ""},
		{"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n", 404, nil, ""},
		{"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404, nil, ""},
		{"GET / HTTP/1.1\r\n\r\n", 400, nil, ""}, // no Host; net/http answers
		{"GET / HTTP/1.1\r\nHost: <b>\r\n\r\n", 400, nil, ""},
		{"GET / HTTP/1.1\r\nHost: a\"b\r\n\r\n", 400, nil, ""},

		{upgradeRequest(), 101, map[string]string{"Sec-Websocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "Upgrade": "websocket"}, ""},
		{with("Connection: Upgrade", "Connection: keep-alive, upgrade"), 101, nil, ""},
		{with("Upgrade: websocket", "Upgrade: WebSocket"), 101, nil, ""},
		{with("/any/path", "/health_check"), 101, nil, ""},
		{without("Connection: Upgrade"), 400, nil, "bad upgrade"},
		{with("HTTP/1.1", "HTTP/1.0"), 101, nil, ""}, // what nginx speaks by default
		{without("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), 400, nil, "Sec-WebSocket-Key"},
		{with("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), 400, nil, "Sec-WebSocket-Key"},
		{with("dGhlIHNhbXBsZSBub25jZQ==", "!!!"), 400, nil, "Sec-WebSocket-Key"},
		{upgradeRequest("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), 400, nil, "Sec-WebSocket-Key"},
		{with("Version: 13", "Version: 8"), 426, map[string]string{"Sec-Websocket-Version": "13"}, "13"},
		{without("Sec-WebSocket-Version: 13"), 426, map[string]string{"Sec-Websocket-Version": "13"}, "13"},
		{with("GET", "POST"), 405, map[string]string{"Allow": "GET"}, ""},
		{without("Upgrade: websocket"), 404, nil, ""},
		{with("Upgrade: websocket", "Upgrade: h2c"), 404, nil, ""},
		{upgradeRequest("Sec-WebSocket-Protocol: mqtt"), 400, nil, "v12.stomp, v11.stomp, v10.stomp, stomp"},
		{upgradeRequest("Origin: https://evil.example"), 403, nil, "origin"},
		{upgradeRequest("Origin: http://localhost", "Origin: http://localhost"), 403, nil, "origin"},
		{upgradeRequest("Origin: http://localhost"), 101, nil, ""},
		{upgradeRequest("Sec-WebSocket-Extensions: permessage-deflate"), 101, map[string]string{"Sec-Websocket-Extensions": ""}, ""},
	} {
		answer, body := s.ask(t, c.request)
		if answer.StatusCode != c.status {
			t.Errorf("%q: %s %s, want %d", c.request, answer.Status, body, c.status)
			continue
		}
		if got := answer.Header.Get("Server"); got != "stampede/test" && !strings.HasPrefix(body, "400 Bad Request") {
			t.Errorf("%q: Server %q", c.request, got)
		}
		for name, want := range c.header {
			if got := answer.Header.Get(name); got != want {
				t.Errorf("%q: %s is %q, want %q", c.request, name, got, want)
			}
		}
		if whole, exact := strings.CutPrefix(c.body, "="); exact && body != whole || !strings.Contains(body, whole) {
			t.Errorf("%q: body %q, want %q", c.request, body, c.body)
		}
	}
}

// The page names the address it was asked at, with the right scheme, and nothing in it is left to
// be filled in.
func TestFrontPage(t *testing.T) {
	cfg := all()
	cfg.TLS = serverTLS()
	s := serve(t, cfg)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: clientTLS(), DisableKeepAlives: true}}
	for scheme, want := range map[string]string{"http": "ws", "https": "wss"} {
		answer, err := client.Get(scheme + "://" + s.addr + "/")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{want + "://" + s.addr + "/", "stampede/test", "STOMP over TCP, STOMP over WebSocket, HTTP"} {
			if !strings.Contains(string(body), part) {
				t.Errorf("%s: %q is not in the page", scheme, part)
			}
		}
		if strings.Contains(string(body), "{{") {
			t.Error("something was not filled in")
		}
	}
}

// Headers without end are cut off, in size and in time, and never reach a handler.
func TestHeaderBombs(t *testing.T) {
	cfg := all()
	cfg.MaxHeaderBytes = 2000
	s := serve(t, cfg)
	for _, bomb := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 50_000) + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: y\r\n", 10_000) + "\r\n",
		"GET /" + strings.Repeat("x", 50_000) + " HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		c := s.dial()
		go io.WriteString(c, bomb)
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil && answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%.20q: %s", bomb, answer.Status)
		}
		c.Close()
	}
	cfg.SniffTimeout = 20 * time.Millisecond
	slow := serve(t, cfg)
	c := slow.dial()
	send(t, c, "GET / HTTP/1.1\r\nHost: x\r\nX: ")
	if _, err := io.Copy(io.Discard, c); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("slow headers: %v", err)
	}
}

// A refused origin is in the log, by name.
func TestRefusedOriginIsLogged(t *testing.T) {
	log := newLogBook()
	s := serveWith(t, all(), nil, log.logger(), nil)
	s.ask(t, upgradeRequest("Origin: https://evil.example"))
	if line := log.next(t); !strings.Contains(line, "https://evil.example") || !strings.Contains(line, "level=WARN") {
		t.Errorf("logged %q", line)
	}
}

// Data that a client sends before the handshake is answered breaks RFC 6455 §4.1 and ends it.
func TestDataBeforeTheHandshake(t *testing.T) {
	s := serve(t, all())
	c := s.dial()
	send(t, c, upgradeRequest()+string(clientFrame(fin|text, connect)))
	if b, err := io.ReadAll(c); err == nil && len(b) > 0 {
		t.Errorf("read %q", b)
	}
}

// Origins: none and the same host pass; else a pattern has to match, by scheme, host and port.
func TestOriginRules(t *testing.T) {
	for _, c := range []struct {
		origin, host string
		patterns     []string
		want         bool
	}{
		{"", "example.com", nil, true},
		{"http://example.com", "example.com", nil, true},
		{"http://example.com", "EXAMPLE.com:80", nil, true},
		{"https://example.com", "example.com:443", nil, true},
		{"https://example.com", "example.com", nil, true}, // behind a proxy that ends TLS
		{"http://example.com:8080", "example.com:8080", nil, true},
		{"http://[::1]:61613", "[::1]:61613", nil, true},
		{"http://[::1]", "[::1]", nil, true},
		{"http://example.com", "example.com:8080", nil, false},
		{"http://example.com:8080", "example.com", nil, false},
		{"http://example.com", "example.com.evil", nil, false},
		{"http://evil", "example.com", nil, false},
		{"null", "example.com", nil, false},
		{"null", "null", nil, false},
		{"file://", "example.com", nil, false},
		{"http://user@example.com", "example.com", nil, false},
		{"http://example.com/", "example.com", nil, false},
		{"http://example.com#", "example.com", nil, false},
		{"://", "", nil, false},
		{"http://", "", nil, false},

		{"http://evil", "example.com", []string{"*"}, true},
		{"null", "example.com", []string{"*"}, true},
		{"null", "example.com", []string{"null"}, true},
		{"https://a.example", "x", []string{"https://a.example"}, true},
		{"https://A.Example", "x", []string{"https://a.example"}, true},
		{"https://a.example:443", "x", []string{"https://a.example"}, true},
		{"https://a.example", "x", []string{"https://a.example:443"}, true},
		{"https://a.example:8443", "x", []string{"https://a.example"}, false},
		{"http://a.example", "x", []string{"https://a.example"}, false},
		{"https://b.example", "x", []string{"https://a.example", "https://c.example"}, false},
		{"https://c.example", "x", []string{"https://a.example", "https://c.example"}, true},

		{"https://a.example.com", "x", []string{"https://*.example.com"}, true},
		{"https://a.b.example.com", "x", []string{"https://*.example.com"}, true},
		{"https://example.com", "x", []string{"https://*.example.com"}, false},
		{"https://evilexample.com", "x", []string{"https://*.example.com"}, false},
		{"https://.example.com", "x", []string{"https://*.example.com"}, false},
		{"http://a.example.com", "x", []string{"https://*.example.com"}, false},
		{"https://a.example.com:8443", "x", []string{"https://*.example.com"}, false},
		{"https://a.example.com:8443", "x", []string{"https://*.example.com:8443"}, true},
		{"https://a.example.com.evil", "x", []string{"https://*.example.com"}, false},
		{"https://evil/.example.com", "x", []string{"https://*.example.com"}, false},
		{"https://evil@a.example.com", "x", []string{"https://*.example.com"}, false},
		{"https://a.example.com", "x", []string{"*.example.com", ""}, false},
		{"app://a.local", "x", []string{"app://a.local"}, true},
	} {
		if got := originAllowed(c.origin, c.host, c.patterns); got != c.want {
			t.Errorf("originAllowed(%q, %q, %q) = %v", c.origin, c.host, c.patterns, got)
		}
	}
}

// Origins of the configuration are applied to the handshake.
func TestConfiguredOrigins(t *testing.T) {
	cfg := all()
	cfg.Origins = []string{"https://*.example.com"}
	s := serve(t, cfg)
	for origin, want := range map[string]bool{"https://a.example.com": true, "https://a.example.org": false} {
		c, err := Dial(context.Background(), "ws://"+s.addr, DialOptions{Header: http.Header{"Origin": {origin}}})
		if (err == nil) != want {
			t.Errorf("%s: %v", origin, err)
		}
		if err == nil {
			conn := receive(t, "a connection", s.conns)
			if conn.Info().Upgrade.Origin != origin {
				t.Errorf("Info has origin %q", conn.Info().Upgrade.Origin)
			}
			conn.Abort()
			c.Close()
		}
	}
}

// A site answers what the server has no answer for, on any path, and learns who asks: from where, by a proxy's word if it
// is trusted, and whether over TLS. Health checks and upgrades stay the server's.
func TestSite(t *testing.T) {
	var caller *Caller
	site := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller = CallerOf(r)
		answer(w, http.StatusTeapot, "site "+r.URL.Path)
	})
	s := NewServer(ListenerConfig{
		Name: "web", WebSocket: true, HTTP: true, Site: site, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
	}, func(*Conn) {}, nil, nil, nil)
	defer s.Close()
	ask := func(path, from string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.RemoteAddr = from
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		return w
	}
	for _, path := range []string{"/", "/any/path"} {
		if w := ask(path, "198.51.100.7:1"); w.Code != http.StatusTeapot || w.Body.String() != "site "+path+"\n" {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
	}
	if caller.Listener != "web" || caller.Remote.String() != "198.51.100.7:1" || caller.Forwarded || caller.TLS {
		t.Errorf("the caller is %+v", caller)
	}
	ask("/", "192.0.2.1:1", "X-Forwarded-For", "203.0.113.9")
	if caller.Remote.String() != "203.0.113.9:0" || !caller.Forwarded {
		t.Errorf("behind a trusted proxy the caller is %+v", caller)
	}
	ask("/", "198.51.100.7:1", "X-Forwarded-For", "203.0.113.9")
	if caller.Remote.String() != "198.51.100.7:1" || caller.Forwarded {
		t.Errorf("behind nobody the caller is %+v", caller)
	}
	if w := ask("/health_check", "198.51.100.7:1"); w.Code != http.StatusOK {
		t.Errorf("the health check: %d", w.Code)
	}
	if w := ask("/", "198.51.100.7:1", "Upgrade", "websocket"); w.Code != http.StatusBadRequest {
		t.Errorf("half an upgrade: %d", w.Code)
	}
}
