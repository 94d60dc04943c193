// Package control answers questions about a running broker over HTTP, for whoever operates it: it is what
// "stampede tree" talks to. It is served apart from the ports of clients, by default on a Unix socket that only its user
// can open; who can connect may ask everything.
//
//	c := control.New(broker)
//	c.Handle("POST /v1/reload", reload) // what the program itself has to offer
//	go c.Serve(listener)                // until c.Close
//
// Answers are JSON. A request that a web page has made is refused: browsers say so in headers that pages can't forge.
package control

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"stampede/actors"
)

// Control is the control endpoint of one broker.
type Control struct {
	mux    *http.ServeMux
	server *http.Server
}

// New makes the endpoint of a broker. It answers
//
//	GET /v1/tree?path=connections/c1&depth=2    the supervision tree, as actors.Node
func New(b *actors.Broker) *Control {
	c := &Control{mux: http.NewServeMux()}
	c.server = &http.Server{Handler: c, ReadTimeout: timeout, WriteTimeout: timeout, IdleTimeout: timeout}
	c.mux.HandleFunc("GET /v1/tree", func(w http.ResponseWriter, r *http.Request) { tree(b, w, r) })
	return c
}

// timeout bounds a request and its answer.
const timeout = 30 * time.Second

// Handle adds something to ask for. pattern is one of http.ServeMux and begins with a method and /v1/. It must be called
// before Serve.
func (c *Control) Handle(pattern string, h http.Handler) { c.mux.Handle(pattern, h) }

// Serve answers who connects to l, until Close; then it returns nil.
func (c *Control) Serve(l net.Listener) error {
	if err := c.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close ends Serve, and requests that are under way.
func (c *Control) Close() error { return c.server.Close() }

// ServeHTTP implements http.Handler.
func (c *Control) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
		Refuse(w, http.StatusForbidden, "web pages may not ask this")
		return
	}
	c.mux.ServeHTTP(w, r)
}

// Answer writes v as JSON.
func Answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // whoever asked is gone otherwise
}

// Refuse answers with an error: {"error": "…"}.
func Refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": text})
}

func tree(b *actors.Broker, w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	depth := -1
	if text := q.Get("depth"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			Refuse(w, http.StatusBadRequest, "depth is a number of levels")
			return
		}
		depth = n
	}
	n := b.Subtree(q.Get("path"), depth, -1)
	if n == nil {
		Refuse(w, http.StatusNotFound, "there is no actor "+strconv.Quote(q.Get("path")))
		return
	}
	Answer(w, n)
}
