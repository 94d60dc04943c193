package transport

import (
	"net"
	"net/url"
	"strings"
)

// originAllowed applies the rules for the Origin of a browser: none is allowed
// (it is no browser), the same host and port as in Host is allowed, and else
// one of the patterns has to match: "*", a whole origin, or an origin with "*."
// in front of its host, which stands for any subdomain. Scheme and port of a
// pattern count; a missing port is the scheme's own.
func originAllowed(origin, host string, patterns []string) bool {
	if origin == "" {
		return true
	}
	o, ok := parseOrigin(origin)
	if ok && o.address() == withPort(strings.ToLower(host), o.scheme) {
		return true
	}
	for _, pattern := range patterns {
		switch {
		case pattern == "*", strings.EqualFold(pattern, origin):
			return true
		case !ok:
			continue // "null" and worse match only as they stand
		}
		p, valid := parseOrigin(strings.Replace(pattern, "://*.", "://", 1))
		if !valid || p.scheme != o.scheme || p.port != o.port {
			continue
		}
		if p.host == o.host && !strings.Contains(pattern, "://*.") {
			return true
		}
		if strings.Contains(pattern, "://*.") && strings.HasSuffix(o.host, "."+p.host) && o.host[0] != '.' {
			return true
		}
	}
	return false
}

// origin is a parsed Origin header, in lower case, its port filled in.
type origin struct{ scheme, host, port string }

func (o origin) address() string { return net.JoinHostPort(o.host, o.port) }

// parseOrigin reads "scheme://host[:port]"; anything more is not an origin.
func parseOrigin(s string) (origin, bool) {
	u, err := url.Parse(strings.ToLower(s))
	if err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+u.Host != strings.ToLower(s) {
		return origin{}, false
	}
	o := origin{scheme: u.Scheme, host: u.Hostname(), port: u.Port()}
	if o.port == "" {
		o.port = defaultPort(o.scheme)
	}
	return o, o.host != ""
}

// withPort completes a Host header with the default port of scheme.
func withPort(host, scheme string) string {
	u, err := url.Parse("//" + host)
	if err != nil || u.Host != host {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = defaultPort(scheme)
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func defaultPort(scheme string) string {
	switch scheme {
	case "http", "ws":
		return "80"
	case "https", "wss":
		return "443"
	}
	return ""
}
