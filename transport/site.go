package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
)

// Caller is who makes an HTTP request that a Site answers.
type Caller struct {
	Remote, Local    net.Addr // Remote: of the client, as far as trusted proxies tell
	Forwarded        bool     // a trusted proxy stands between
	Listener         string
	TLS              bool                // the last part of the way to us
	PeerCertificates []*x509.Certificate // verified, leaf first
}

type callerKey struct{}

// CallerOf tells who makes a request, inside a Site.
func CallerOf(r *http.Request) *Caller {
	c, _ := r.Context().Value(callerKey{}).(*Caller)
	if c == nil {
		c = &Caller{Remote: peerOf(r)}
	}
	return c
}

// serveSite answers what the server has no answer of its own for.
func (t *terms) serveSite(w http.ResponseWriter, r *http.Request) {
	c := &Caller{Listener: t.Name}
	c.Remote, c.Forwarded = t.client(peerOf(r), r.Header)
	c.Local, _ = r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	state := r.TLS
	if h := handedOf(r); h != nil {
		if secure, ok := h.sniffed.Conn.(*tls.Conn); ok {
			is := secure.ConnectionState()
			state = &is
		}
	}
	if state != nil {
		c.TLS = true
		if len(state.VerifiedChains) > 0 {
			c.PeerCertificates = state.PeerCertificates
		}
	}
	t.Site.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, c)))
}
