// Package console is the page at /: what the broker has and does, an editor for frames, and the supervision tree, for
// whoever runs it. Only the command carries it: a program that embeds the broker gets none of it.
//
// The page is plain files, without a build and without a library. It asks GET /console/status once a second, and speaks
// STOMP with the broker like any other page.
package console

import (
	"embed"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"path"
	"sync/atomic"

	"stampede/actors"
	"stampede/actors/access"
	"stampede/transport"
)

//go:embed assets
var assets embed.FS

// policy keeps the page to what comes with it, and to WebSockets: the editor connects to any broker.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// realm is what a browser calls it when it asks for a login.
const realm = `Basic realm="Stampede", charset="UTF-8"`

// Console is the page and what it asks. It answers 503 until Show.
type Console struct {
	server string
	right  string // the destination that one must be allowed to read
	mux    *http.ServeMux
	broker atomic.Pointer[actors.Broker]
	guests *guests
}

// New makes the console. server is what the broker calls itself. Who may read the destination right may see how the broker
// is.
func New(server, right string) *Console {
	c := &Console{server: server, right: right, mux: http.NewServeMux(), guests: newGuests()}
	c.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { file(w, r, "index.html") })
	c.mux.HandleFunc("GET /console/{file}", func(w http.ResponseWriter, r *http.Request) { file(w, r, r.PathValue("file")) })
	c.mux.HandleFunc("GET /console/status", c.answer)
	c.mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "not found: there is /health_check and /, and every path takes a WebSocket upgrade", http.StatusNotFound)
	})
	return c
}

// Show has it tell about a broker.
func (c *Console) Show(b *actors.Broker) { c.broker.Store(b) }

// ServeHTTP answers /, and what is below /console/.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	c.mux.ServeHTTP(w, r)
}

// file answers with one of the files of the page.
func file(w http.ResponseWriter, r *http.Request, name string) {
	content, err := assets.ReadFile("assets/" + name)
	if err != nil {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", map[string]string{
		".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	}[path.Ext(name)])
	if r.Method != http.MethodHead {
		_, _ = w.Write(content)
	}
}

// answer tells how the broker is, to those who may know; with ?tree the supervision tree too.
func (c *Console) answer(w http.ResponseWriter, r *http.Request) {
	b := c.broker.Load()
	if b == nil {
		http.Error(w, "the broker is starting", http.StatusServiceUnavailable)
		return
	}
	if status, text := c.admit(b, r); status != http.StatusOK {
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", realm)
		}
		http.Error(w, text, status)
		return
	}
	writeStatus(w, c.server, b, r.URL.Query().Has("tree"))
}

// admit tells whether somebody may see the status: who may read the statistics' destination, by the login of a STOMP
// client, or without one on this very machine if clients need none there.
func (c *Console) admit(b *actors.Broker, r *http.Request) (status int, text string) {
	// Another site's page can't read the answer, but could have a browser ask, and a password guessed.
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return http.StatusForbidden, "pages of other sites may not ask this"
	}
	given := transport.CallerOf(r)
	login, passcode, has := r.BasicAuth()
	if !has && !local(r) {
		return http.StatusUnauthorized, "log in as a user of the broker who may read " + c.right
	}
	if has && c.guests.known(login, passcode) {
		return http.StatusOK, ""
	}
	_, err := b.Authorize(r.Context(), &access.Credentials{
		Login: login, Passcode: passcode, HasLogin: has, HasPasscode: has,
		Remote: given.Remote, Local: given.Local, Listener: given.Listener, Certificates: given.PeerCertificates, Encrypted: given.TLS,
	}, access.Read, c.right)
	var fault *actors.Fault
	switch {
	case err == nil:
		if has {
			c.guests.remember(login, passcode)
		}
		return http.StatusOK, ""
	case errors.As(err, &fault) && fault.Code == actors.CodeForbidden:
		return http.StatusForbidden, "this user may not read " + c.right
	case errors.As(err, &fault) && fault.Code == actors.CodeAuth:
		return http.StatusUnauthorized, "log in as a user of the broker who may read " + c.right
	default:
		return http.StatusServiceUnavailable, err.Error()
	}
}

// local tells a request that was made on this machine, for this machine, and by nobody else's doing: not through a
// proxy, and not by a page whose name was made to point here.
func local(r *http.Request) bool {
	for _, name := range []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host != "localhost" {
		if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
			return false
		}
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}
