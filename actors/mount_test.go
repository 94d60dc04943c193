package actors_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stampede/actors"
	"stampede/config"
	"stampede/tests/stomptest"
)

// dialPage opens a WebSocket as STOMP.js on a page of that origin would.
func dialPage(t *testing.T, server *httptest.Server, path, origin string) (*stomptest.Conn, *http.Response) {
	t.Helper()
	link, answer, err := stomptest.DialWebSocket(patience(t), "ws"+strings.TrimPrefix(server.URL, "http")+path,
		[]string{"v12.stomp", "v11.stomp", "v10.stomp"}, http.Header{"Origin": {origin}})
	if err != nil {
		if answer == nil {
			t.Fatalf("dial %s: %v", path, err)
		}
		return nil, answer
	}
	return stomptest.New(t, link), answer
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// Handler takes WebSocket connections beside the other routes of a ServeMux, on the path where it is mounted,
// from pages of the allowed origins, and ends them with the broker.
func TestHandler(t *testing.T) {
	b := start(t, nil)
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the shop") })
	mux.Handle("/live/stomp", b.Handler(config.Listen{WebSocketsOrigin: []string{"https://shop.example"}}))
	mux.Handle("/broker/", http.StripPrefix("/broker", b.Handler(config.Listen{HTTP: true})))
	server := httptest.NewServer(mux)
	defer server.Close()

	if status, body := get(t, server.URL+"/"); status != http.StatusOK || body != "the shop" {
		t.Errorf("the program's own route answers %d %q", status, body)
	}
	if status, body := get(t, server.URL+"/broker/health_check"); status != http.StatusOK || body != "OK\n" {
		t.Errorf("the health check answers %d %q", status, body)
	}
	if status, _ := get(t, server.URL+"/live/stomp"); status != http.StatusUpgradeRequired {
		t.Errorf("a plain request answers %d, want 426", status)
	}
	if _, answer := dialPage(t, server, "/live/stomp", "https://evil.example"); answer.StatusCode != http.StatusForbidden {
		t.Errorf("another origin answers %d, want 403", answer.StatusCode)
	}

	page, answer := dialPage(t, server, "/live/stomp", "https://shop.example")
	if got := answer.Header.Get("Sec-WebSocket-Protocol"); got != "v12.stomp" {
		t.Errorf("the sub-protocol is %q", got)
	}
	page.Connect("1.2")
	page.Subscribe("1", "/topic/news")
	publish(t, b, "/topic/news", "hello")
	if m := page.Expect("MESSAGE"); string(m.Body) != "hello" {
		t.Errorf("the page got %q", m.Body)
	}
	other, _ := dialPage(t, server, "/broker/any/path", server.URL) // the origin of the server itself
	other.Connect("1.2")
	other.Subscribe("1", "/topic/news")

	ended := make(chan error, 1)
	go func() { ended <- b.Shutdown(context.Background()) }()
	for _, c := range []*stomptest.Conn{page, other} {
		c.Expect("ERROR", "code:shutdown")
		c.Closed()
		if code := c.CloseCode(); code != 1001 {
			t.Errorf("the close code is %d, want 1001", code)
		}
	}
	if err := <-ended; err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if status, _ := get(t, server.URL+"/broker/health_check"); status != http.StatusServiceUnavailable {
		t.Errorf("after the end the handler answers %d, want 503", status)
	}
	late := b.Handler(config.Listen{})
	recorder := httptest.NewRecorder()
	late.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
	if recorder.Code != http.StatusServiceUnavailable {
		t.Errorf("a handler made after the end answers %d, want 503", recorder.Code)
	}
}

// A listener of the program's speaks what it is told to, stays over a change of the configuration, and is closed
// with the broker.
func TestWithListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := start(t, nil, actors.WithListener(l, config.Listen{Name: "own", STOMP: true}))
	if got := b.Addrs(); len(got) != 1 || got[0].String() != l.Addr().String() {
		t.Errorf("the addresses are %v, want %v", got, l.Addr())
	}
	c := dial(t, b)
	c.Connect("1.2")
	next := config.Default()
	next.Listen[0].Address = "127.0.0.1:0"
	next.Session.Linger = 100 * time.Millisecond
	if _, err := b.Reload(patience(t), next); err != nil {
		t.Fatal(err)
	}
	if got := b.Addrs(); len(got) != 2 {
		t.Errorf("after a reload the addresses are %v", got)
	}
	again, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	stomptest.New(t, again).Connect("1.2")
	c.Sync("SEND", "destination:/topic/x")
	shutDown(t, b)
	if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
		_ = c.Close()
		t.Error("the program's listener is open after the end of the broker")
	}
}

// brittle is a listener that fails for good when it is told to.
type brittle struct {
	net.Listener
	fail chan struct{}
}

func (b brittle) Accept() (net.Conn, error) {
	<-b.fail
	return nil, errors.New("no more")
}

// A listener of the program's that fails for good is given up, with an event, and nothing else is.
func TestOwnListenerThatFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fail := make(chan struct{})
	b := start(t, nil, actors.WithListener(brittle{l, fail}, config.Listen{Name: "own", STOMP: true}))
	events := b.Events(t.Context())
	close(fail)
	if e := <-events; e.Kind != actors.EventGivenUp || !strings.Contains(e.Cause, "no more") {
		t.Errorf("the event is %s: %s", e.Kind, e.Cause)
	}
	open(t, b).Sync("SEND", "destination:/topic/x")
}

// Start closes the program's listeners when it fails.
func TestFailedStartClosesListeners(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Listen[0].Address = l.Addr().String() // taken
	if _, err := actors.Start(t.Context(), cfg, actors.WithListener(l, config.Listen{STOMP: true})); err == nil {
		t.Fatal("a broker started on an address that is taken")
	}
	if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
		_ = c.Close()
		t.Error("the listener is open")
	}
	// Nor does one that is refused before anything is opened keep them.
	if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	cfg.Listen = nil
	cfg.Access.External = true // but nobody is asked
	if _, err := actors.Start(t.Context(), cfg, actors.WithListener(l, config.Listen{STOMP: true})); err == nil {
		t.Fatal("a broker started without anybody who knows its clients")
	}
	if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
		_ = c.Close()
		t.Error("the listener is open")
	}
	cfg.Access.External = false
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	cfg.Listen = nil
	b, err := actors.Start(ended, cfg)
	switch {
	case err == nil: // it was quick enough
		shutDown(t, b)
	case !errors.Is(err, context.Canceled):
		t.Errorf("start with a context that has ended: %v", err)
	}
}
