package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
)

// DialOptions refine Dial. The zero value is fine.
type DialOptions struct {
	TLS          *tls.Config // for tls:// and wss://; nil: the defaults, with the host as server name
	Subprotocols []string    // of a WebSocket; nil: v12.stomp, v11.stomp, v10.stomp
	Header       http.Header // of the WebSocket upgrade: Origin, Authorization, …
}

// Dial opens a STOMP byte stream to url: tcp://host:port (also stomp://),
// tls://host:port (also stomps://), ws://…, wss://…, unix:/path. A missing port
// is 61613. Over WebSocket each Write is one message (text if it is valid
// UTF-8) and Close does the close handshake.
func Dial(ctx context.Context, url string, o DialOptions) (net.Conn, error) {
	return nil, errors.New("not yet")
}
