package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"stampede/stompwire"
)

// DefaultPort is the port of a url that names none, ws and wss included: a
// broker behind a proxy on 80 or 443 is the rarer case, and can be said.
const DefaultPort = "61613"

// DialOptions refine Dial. The zero value is fine.
type DialOptions struct {
	TLS          *tls.Config // for tls:// and wss://; nil: the defaults, with the host as server name
	Subprotocols []string    // of a WebSocket; nil: v12.stomp, v11.stomp, v10.stomp, stomp
	Header       http.Header // of the WebSocket upgrade: Origin, Authorization, …
}

// Subprotocols gives the sub-protocols of a WebSocket that go with versions, a list as in
// accept-version: the highest first, and stomp, which demands none of them, last.
func Subprotocols(versions string) []string {
	var all []string
	for _, v := range []stompwire.Version{stompwire.V12, stompwire.V11, stompwire.V10} {
		if slices.ContainsFunc(strings.Split(versions, ","), func(s string) bool { return strings.TrimSpace(s) == v.String() }) {
			all = append(all, "v"+strings.ReplaceAll(v.String(), ".", "")+".stomp")
		}
	}
	return append(all, "stomp")
}

// Dial opens a STOMP byte stream to url: tcp://host:port (also stomp://,
// stomp+tcp://), tls://host:port (also stomps://, stomp+tls://), ws://…, wss://…,
// unix:/path. A missing port is 61613. Over WebSocket each Write is one message
// (text if it is valid UTF-8) and Close does the closing handshake. The
// connection has CloseWrite where the transport can do that.
func Dial(ctx context.Context, rawURL string, o DialOptions) (net.Conn, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	var d net.Dialer
	switch u.Scheme {
	case "tcp", "stomp", "stomp+tcp":
		address, err := hostPort(u)
		if err != nil {
			return nil, err
		}
		return d.DialContext(ctx, "tcp", address)
	case "tls", "stomps", "stomp+tls", "stomp+ssl", "ssl":
		address, err := hostPort(u)
		if err != nil {
			return nil, err
		}
		t := tls.Dialer{Config: o.TLS}
		return t.DialContext(ctx, "tcp", address)
	case "unix":
		path := u.Opaque
		if path == "" {
			path = u.Host + u.Path
		}
		return d.DialContext(ctx, "unix", path)
	case "ws", "wss":
		return dialWebSocket(ctx, u, o)
	}
	return nil, fmt.Errorf("dial %s: unknown scheme %q: use tcp, tls, ws, wss or unix", rawURL, u.Scheme)
}

func hostPort(u *url.URL) (string, error) {
	if u.Hostname() == "" {
		return "", fmt.Errorf("dial %s: no host", u.Redacted())
	}
	port := u.Port()
	if port == "" {
		port = DefaultPort
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

func dialWebSocket(ctx context.Context, u *url.URL, o DialOptions) (net.Conn, error) {
	address, err := hostPort(u)
	if err != nil {
		return nil, err
	}
	target := *u
	target.Host = address
	target.User = nil
	protocols := o.Subprotocols
	if protocols == nil {
		protocols = Subprotocols(stompwire.SupportedVersions)
	}
	d := websocket.Dialer{Subprotocols: protocols, TLSClientConfig: o.TLS}
	ws, answer, err := d.DialContext(ctx, target.String(), o.Header)
	if err != nil {
		if answer != nil {
			said, _ := io.ReadAll(io.LimitReader(answer.Body, 512))
			answer.Body.Close()
			return nil, fmt.Errorf("dial %s: %s: %s", u.Redacted(), answer.Status, said)
		}
		return nil, fmt.Errorf("dial %s: %w", u.Redacted(), err)
	}
	c := &webSocketClient{Conn: ws}
	// gorilla would answer a Close frame on the reader's goroutine, beside a
	// Write of ours: take the same lock.
	ws.SetCloseHandler(func(code int, _ string) error {
		c.sayClose(code)
		return nil
	})
	return c, nil
}

// webSocketClient shows a WebSocket as a byte stream. One goroutine may read
// while another writes.
type webSocketClient struct {
	*websocket.Conn
	message  io.Reader // being read
	writing  sync.Mutex
	deadline atomic.Int64 // of writes, in Unix nanoseconds; 0: none
	said     sync.Once
}

// closeWait is how long Close waits for the broker's Close frame.
const closeWait = 2 * time.Second

// Read returns bytes of the messages that come, their borders forgotten. The
// peer's Close frame is io.EOF if it says that all is well.
func (c *webSocketClient) Read(p []byte) (int, error) {
	for {
		if c.message == nil {
			_, m, err := c.NextReader()
			if err != nil {
				if websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseNoStatusReceived) {
					err = io.EOF
				}
				return 0, timedOut(err)
			}
			c.message = m
		}
		n, err := c.message.Read(p)
		if errors.Is(err, io.EOF) {
			c.message, err = nil, nil
		}
		if n > 0 || err != nil || len(p) == 0 {
			return n, timedOut(err)
		}
	}
}

// Write sends p as one message.
func (c *webSocketClient) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	kind := websocket.BinaryMessage
	if utf8.Valid(p) {
		kind = websocket.TextMessage
	}
	at := time.Time{}
	if d := c.deadline.Load(); d != 0 {
		at = time.Unix(0, d)
	}
	c.Conn.SetWriteDeadline(at)
	if err := c.WriteMessage(kind, p); err != nil {
		return 0, timedOut(err)
	}
	return len(p), nil
}

// timedOut gives a timeout the name that net.Conn promises; gorilla hides it.
func timedOut(err error) error {
	var t net.Error
	if errors.As(err, &t) && t.Timeout() {
		return os.ErrDeadlineExceeded
	}
	return err
}

// SetDeadline sets both deadlines.
func (c *webSocketClient) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetWriteDeadline is for a write under way and for later ones. After one was
// cut off the connection is of no use any more.
func (c *webSocketClient) SetWriteDeadline(t time.Time) error {
	at := int64(0)
	if !t.IsZero() {
		at = t.UnixNano()
	}
	c.deadline.Store(at)
	return c.NetConn().SetWriteDeadline(t)
}

// CloseWrite sends the Close frame; what the broker still has to say can be
// read.
func (c *webSocketClient) CloseWrite() error {
	c.sayClose(websocket.CloseNormalClosure)
	return nil
}

func (c *webSocketClient) sayClose(code int) {
	c.said.Do(func() {
		c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(closeWait))
	})
}

// Close says goodbye and closes the connection. A Read under way on another
// goroutine ends with an error.
func (c *webSocketClient) Close() error {
	c.sayClose(websocket.CloseNormalClosure)
	return c.Conn.Close()
}
