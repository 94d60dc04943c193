package transport

import (
	"crypto/tls"
	_ "embed" // the page
	"fmt"
	"html"
	"io"
	"net/http"
	"strings"
)

//go:embed page.html
var page string

// Handler returns what the server answers over HTTP: the WebSocket upgrade on
// any path, /health_check, and a Site or else /. It may be mounted in a foreign mux, of an
// http.Server whose connections can be hijacked (HTTP/1.1). After Close it
// answers 503.
func (s *Server) Handler() http.Handler { return s.handler }

// routes builds the handler.
func (s *Server) routes() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := s.now.Load()
		leave := s.conns.enter(nil)
		w.Header().Set("Server", t.ServerHeader)
		if leave == nil {
			answer(w, http.StatusServiceUnavailable, "the broker is shutting down")
			return
		}
		defer leave()
		switch {
		case t.TLSOnly && r.TLS == nil && !overTLS(r):
			answer(w, http.StatusBadRequest, "this port speaks TLS only: use https:// or wss://")
		case hasToken(r.Header, "Upgrade", "websocket"):
			s.upgrade(t, w, r)
		case crowded(r):
			w.Header().Set("Connection", "close")
			answer(w, http.StatusTooManyRequests, "too many connections from this address")
		case !t.HTTP && t.WebSocket:
			w.Header().Set("Upgrade", "websocket")
			w.Header().Set("Connection", "Upgrade")
			answer(w, http.StatusUpgradeRequired, "this port serves WebSocket, and no other HTTP")
		case !t.HTTP:
			answer(w, http.StatusForbidden, "HTTP is not served here; this port serves: "+offered(&t.ListenerConfig))
		case r.URL.Path == "/health_check":
			t.healthCheck(w, r)
		case t.Site != nil:
			t.serveSite(w, r)
		case r.URL.Path == "/":
			t.frontPage(w, r)
		default:
			answer(w, http.StatusNotFound, "not found: there is /health_check and /, and every path takes a WebSocket upgrade")
		}
	})
}

// answer writes a short text.
func answer(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	io.WriteString(w, text+"\n")
}

// allow answers 405 unless the method is one of those.
func allow(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	for _, m := range methods {
		if r.Method == m {
			return true
		}
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	answer(w, http.StatusMethodNotAllowed, "method not allowed: "+strings.Join(methods, ", "))
	return false
}

// healthCheck says that the broker answers. Pages of any origin may ask, and
// read the server header of the answer, as they could with xtomp.
func (t *terms) healthCheck(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "server")
	if !allow(w, r, http.MethodGet, http.MethodHead, http.MethodOptions) {
		return
	}
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "*")
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer(w, http.StatusOK, "OK")
}

// frontPage explains the port to a person with a browser.
func (t *terms) frontPage(w http.ResponseWriter, r *http.Request) {
	if !allow(w, r, http.MethodGet, http.MethodHead) {
		return
	}
	scheme := "ws"
	if r.TLS != nil || overTLS(r) {
		scheme = "wss"
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; connect-src "+connectSources(r.Host)+"; frame-ancestors 'none'")
	body := strings.NewReplacer(
		"{{url}}", html.EscapeString(fmt.Sprintf("%s://%s/", scheme, r.Host)),
		"{{server}}", html.EscapeString(t.ServerHeader),
		"{{offered}}", html.EscapeString(offered(&t.ListenerConfig)),
	).Replace(page)
	io.WriteString(w, body)
}

// connectSources lets what is typed into the page's console connect to this very port. Older browsers
// don't count ws: as 'self', so the host is named too, if it is one: it must not say anything else.
func connectSources(host string) string {
	if host == "" {
		return "'self'"
	}
	for _, c := range host {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '.' || c == '-' || c == ':') {
			return "'self'" // an IPv6 address is no source of CSP either
		}
	}
	return "'self' ws://" + host + " wss://" + host
}

// overTLS reports whether r came over a TLS connection of our own server, which
// net/http does not know about.
func overTLS(r *http.Request) bool {
	h := handedOf(r)
	if h == nil {
		return false
	}
	_, ok := h.sniffed.Conn.(*tls.Conn)
	return ok
}

// crowded reports whether r came from an address with too many connections.
func crowded(r *http.Request) bool {
	h := handedOf(r)
	return h != nil && h.visitor.crowded
}

// hasToken reports whether a header that is a list holds token.
func hasToken(h http.Header, name, token string) bool {
	for _, line := range h[name] {
		for _, t := range strings.Split(line, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}
