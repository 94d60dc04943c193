package interop

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"stampede/tests/stomptest"
)

// proxy is an nginx in front of a world: it serves the page, and the location of the handbook leads to the broker.
type proxy struct {
	address string // host:port
	listen  *os.File
}

// listenForNginx opens the port that nginx will serve, so that the broker can be told of the page's origin before.
func listenForNginx(t *testing.T) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	return &proxy{address: l.Addr().String(), listen: file}
}

// start starts nginx on that port. It inherits the socket, as a new nginx does from an old one when it is upgraded; so
// connections wait for it from the start, and the test need not.
func (p *proxy) start(t *testing.T, w *world) {
	t.Helper()
	location, err := os.ReadFile("nginx-location.conf")
	if err != nil {
		t.Fatal(err)
	}
	// The handbook's snippet as it stands, but for the port: the broker of a test has one of its own.
	snippet := strings.Replace(string(location), "localhost:61613", "localhost:"+w.port(t), 1)
	directory := t.TempDir()
	conf := fmt.Sprintf(`
daemon off;
worker_processes 1;
pid %[1]s/nginx.pid;
error_log stderr warn;
events {}
http {
    access_log off;
    client_body_temp_path %[1]s/body;
    proxy_temp_path %[1]s/proxy;
    fastcgi_temp_path %[1]s/fastcgi;
    uwsgi_temp_path %[1]s/uwsgi;
    scgi_temp_path %[1]s/scgi;
    server {
        listen %[2]s;
        location / { proxy_pass %[3]s; }
%[4]s
    }
}
`, directory, p.address, w.web.URL, snippet)
	path := filepath.Join(directory, "nginx.conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	nginx := exec.Command("nginx", "-c", path, "-p", directory)
	nginx.Env = append(os.Environ(), "NGINX=3;")
	nginx.ExtraFiles = []*os.File{p.listen} // the first of them is file 3
	var said bytes.Buffer
	nginx.Stderr = &said
	if err := nginx.Start(); err != nil {
		t.Fatal(err)
	}
	_ = p.listen.Close()
	t.Cleanup(func() {
		_ = nginx.Process.Signal(os.Interrupt)
		if err := nginx.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("nginx said:\n%s", tail(said.String()))
		}
	})
}

// newProxiedWorld is a world behind nginx.
func newProxiedWorld(t *testing.T) (*world, *proxy) {
	t.Helper()
	p := listenForNginx(t)
	w := newWorld(t, "http://"+p.address)
	p.start(t, w)
	return w, p
}

// STOMP.js on a page that nginx serves does all it can through the location of the handbook.
func TestSTOMPjsInChromiumThroughNginx(t *testing.T) {
	need(t, "node", "chromium", "nginx")
	w, p := newProxiedWorld(t)
	play(t, terminal(w), "node", "js/browser.mjs", "http://"+p.address+"/page.html", "ws://"+p.address+"/xtomp", profile(t))
}

// A client of ours reaches the broker through the location of the handbook, and the broker's Close frame reaches it.
func TestWebSocketThroughNginx(t *testing.T) {
	need(t, "nginx")
	_, p := newProxiedWorld(t)
	link, response, err := stomptest.DialWebSocket(t.Context(), "ws://"+p.address+"/xtomp", []string{"stomp"}, nil)
	if err != nil {
		t.Fatalf("%v (%v)", err, response)
	}
	c := stomptest.New(t, link)
	c.Connect("1.2")
	c.Subscribe("1", "/topic/x")
	c.SendBody("/topic/x", "through nginx")
	if f := c.Expect("MESSAGE", "subscription:1"); f.Body != "through nginx" {
		t.Errorf("got %v", f)
	}
	c.Disconnect()
}

// A page of an origin that is not allowed is refused through nginx too.
func TestOriginThroughNginx(t *testing.T) {
	need(t, "nginx")
	_, p := newProxiedWorld(t)
	_, response, err := stomptest.DialWebSocket(t.Context(), "ws://"+p.address+"/xtomp", []string{"stomp"}, http.Header{"Origin": {"https://elsewhere.example"}})
	if err == nil || response == nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("got %v and %v, want 403", err, response)
	}
}
