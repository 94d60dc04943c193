package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"stampede/stompwire"
	"stampede/transport"
)

// Target is a broker and how to log in there.
type Target struct {
	URL           string // as transport.Dial takes it: tcp, tls, ws, wss or unix; or nats or mqtt
	TLS           *tls.Config
	Login         string
	Passcode      string
	Host          string // the virtual host; "": "/"
	Versions      string // accept-version; "": all that there are
	ConnectHeader stompwire.Header
	UpgradeHeader http.Header   // of the WebSocket handshake
	Timeout       time.Duration // for connecting, subscribing and saying goodbye, each; 0: ten seconds
}

// Transport returns the scheme of the URL in one of its short forms.
func (t *Target) Transport() string {
	scheme, _, _ := strings.Cut(t.URL, ":")
	switch scheme {
	case "stomp", "stomp+tcp":
		return "tcp"
	case "stomps", "stomp+tls", "stomp+ssl", "ssl":
		return "tls"
	}
	return scheme
}

func (t *Target) timeout() time.Duration {
	if t.Timeout <= 0 {
		return 10 * time.Second
	}
	return t.Timeout
}

func (t *Target) versions() string {
	if t.Versions == "" {
		return stompwire.SupportedVersions
	}
	return t.Versions
}

// dial opens a byte stream to the broker; rest is what the broker sent behind its answer to a WebSocket upgrade.
func (t *Target) dial(ctx context.Context) (conn net.Conn, webSocket bool, rest []byte, err error) {
	u, err := url.Parse(t.URL)
	if err != nil {
		return nil, false, nil, err
	}
	if port, ok := dialectPort(u.Scheme); ok {
		u.Scheme = "tcp"
		if u.Port() == "" {
			u.Host = net.JoinHostPort(u.Hostname(), port)
		}
		conn, err = transport.Dial(ctx, u.String(), transport.DialOptions{})
		return conn, false, nil, err
	}
	if u.Scheme != "ws" && u.Scheme != "wss" {
		conn, err = transport.Dial(ctx, t.URL, transport.DialOptions{TLS: t.TLS})
		return conn, false, nil, err
	}
	address := *u
	address.Scheme = map[string]string{"ws": "tcp", "wss": "tls"}[u.Scheme]
	conn, err = transport.Dial(ctx, address.String(), transport.DialOptions{TLS: t.TLS})
	if err != nil {
		return nil, false, nil, err
	}
	stop := interruptWith(ctx, conn)
	rest, err = upgrade(conn, u.Host, u.RequestURI(), transport.Subprotocols(t.versions()), t.UpgradeHeader)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		conn.Close()
		return nil, false, nil, err
	}
	return conn, true, rest, nil
}

// interruptWith makes reads and writes under way end when ctx does. stop returns false if that has happened.
func interruptWith(ctx context.Context, conn net.Conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
}

// explain turns what goes wrong while connecting into something that a person can act on.
func explain(target string, err error) error {
	hint := ""
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		hint = "; is a broker running there?"
	case errors.Is(err, syscall.EMFILE):
		hint = "; raise the limit of open files: ulimit -n"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		hint = "; the local ports are used up: wait a minute, or connect less"
	}
	return fmt.Errorf("can't connect to %s: %w%s", target, err, hint)
}
