package access

import (
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
)

// Credentials is what a client shows of itself when it connects. Whoever is asked about them must not change them.
type Credentials struct {
	// Login and Passcode are those headers of CONNECT; the other two say whether they were there.
	Login, Passcode       string
	HasLogin, HasPasscode bool
	// Certificates is the client's TLS certificate and its chain, verified, its own first; nil without one.
	Certificates []*x509.Certificate
	// Header is that of the WebSocket upgrade; nil for a client that came without one.
	Header http.Header
	// Remote is where the client comes from, Local the address that it came to; nil if nobody knows.
	Remote, Local net.Addr
	// Listener is the name of the listener that it came through.
	Listener string
	// Encrypted: it came over TLS.
	Encrypted bool
}

// Cookie returns a cookie of the WebSocket upgrade.
func (c *Credentials) Cookie(name string) (string, bool) {
	if name == "" || len(c.Header["Cookie"]) == 0 {
		return "", false
	}
	r := http.Request{Header: c.Header}
	cookie, err := r.Cookie(name)
	if err != nil {
		return "", false
	}
	return cookie.Value, true
}

// Bearer returns the token of an "Authorization: Bearer" header of the WebSocket upgrade.
func (c *Credentials) Bearer() (string, bool) {
	scheme, token, ok := strings.Cut(c.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	return strings.TrimSpace(token), true
}

// Format implements fmt.Formatter: no verb shows a secret.
func (c *Credentials) Format(w fmt.State, _ rune) { io.WriteString(w, c.String()) }

// String names the login and nothing else.
func (c *Credentials) String() string { return fmt.Sprintf("login %q", c.Login) }

// LogValue implements slog.LogValuer.
func (c *Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Source names where a client comes from, alike for all that may well be one: an address, of IPv6 a network of 64 bits.
func (c *Credentials) Source() string { return addressKey(c.Remote) }

// shown tells whether the CONNECT itself says who it comes from. Many clients always send both headers, be they empty.
func (c *Credentials) shown() bool { return c.Login != "" || c.Passcode != "" }
