package interop

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"stampede/config"
	"stampede/tests/stomptest"
)

// world is what foreign clients meet: a broker, and a web server with the page they are loaded from. The web server also
// takes orders, so that a client can ask for the broker to be restarted.
type world struct {
	broker *stomptest.Broker
	web    *httptest.Server
}

// newWorld starts one. Pages may connect from the web server and from the other origins.
func newWorld(t *testing.T, origins ...string) *world {
	t.Helper()
	w := &world{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /restart", func(out http.ResponseWriter, _ *http.Request) {
		if err := w.broker.Restart(); err != nil {
			http.Error(out, err.Error(), http.StatusInternalServerError)
		}
	})
	mux.Handle("GET /stompjs/", http.StripPrefix("/stompjs/", http.FileServer(http.Dir("node_modules/@stomp/stompjs/esm6"))))
	mux.Handle("GET /", http.FileServer(http.Dir("js")))
	w.web = httptest.NewServer(mux)
	t.Cleanup(w.web.Close)
	w.broker = stomptest.Start(t, func(c *config.Config) {
		c.Listen[0].WebSocketsOrigin = append(origins, w.web.URL)
		c.HeartBeat.Send, c.HeartBeat.Receive = 100*time.Millisecond, 100*time.Millisecond
		c.HeartBeat.Tolerance = 30 // three seconds: a busy machine is not what these tests are about
	})
	return w
}

// port is where the broker listens.
func (w *world) port(t *testing.T) string {
	t.Helper()
	_, port, err := net.SplitHostPort(w.broker.Address())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// result is a line that a foreign program prints: the plan first, then how each scenario went.
type result struct {
	Plan  []string
	Name  string
	OK    bool
	Error string
	MS    int
	Ask   string // something that the Go side is to do; the program waits for a line on its standard input
}

// patience bounds a foreign program as a whole.
const patience = 3 * time.Minute

// play runs a foreign program and makes each scenario of its plan a test. What it asks for on the way, answer does.
func play(t *testing.T, answer func(t *testing.T, ask string) string, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	program := exec.CommandContext(ctx, name, args...)
	program.WaitDelay = 5 * time.Second
	endTogether(program)
	var trouble bytes.Buffer
	program.Stderr = &trouble
	out, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := program.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	missing := map[string]bool{}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r result
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Logf("%s: %s", name, lines.Text())
			continue
		}
		switch {
		case r.Ask != "":
			_, _ = io.WriteString(in, answer(t, r.Ask)+"\n")
		case r.Plan != nil:
			for _, scenario := range r.Plan {
				missing[scenario] = true
			}
		default:
			delete(missing, r.Name)
			t.Run(r.Name, func(t *testing.T) {
				if !r.OK {
					t.Errorf("after %d ms: %s", r.MS, r.Error)
				}
				t.Logf("%d ms", r.MS)
			})
		}
	}
	err = program.Wait()
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	for scenario := range missing {
		t.Errorf("%s was not played", scenario)
	}
	if len(missing) > 0 || err != nil {
		t.Logf("its standard error:\n%s", tail(trouble.String()))
	}
}

func tail(s string) string {
	if len(s) > 4000 {
		return "…" + s[len(s)-4000:]
	}
	return s
}

// The lock file names no registry: it must serve on machines that reach another one, or a mirror.
func TestLockFileNamesNoRegistry(t *testing.T) {
	lock, err := os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{`"resolved"`, "registry"} {
		if strings.Contains(string(lock), word) {
			t.Errorf("package-lock.json contains %s; install with this directory's .npmrc, which leaves addresses out", word)
		}
	}
}
