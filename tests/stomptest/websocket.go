package stomptest

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

// link is a WebSocket as a Conn wants it: each Write is one message.
type link struct{ *websocket.Conn }

// DialWebSocket opens a WebSocket, over TLS with any certificate; of the sub-protocols offered the broker's choice is in the
// response.
func DialWebSocket(ctx context.Context, url string, subprotocols []string, header http.Header) (net.Conn, *http.Response, error) {
	dialer := websocket.Dialer{HandshakeTimeout: Guard, Subprotocols: subprotocols, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	ws, response, err := dialer.DialContext(ctx, url, header)
	if err != nil {
		return nil, response, err
	}
	return link{ws}, response, nil
}

// Write sends p as one message: text, unless it is not UTF-8.
func (l link) Write(p []byte) (int, error) {
	kind := websocket.TextMessage
	if !utf8.Valid(p) {
		kind = websocket.BinaryMessage
	}
	if err := l.WriteMessage(kind, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Read gives no bytes: a Conn reads messages.
func (l link) Read([]byte) (int, error) { panic("stomptest: a WebSocket is read by messages") }

func (l link) SetDeadline(t time.Time) error {
	if err := l.SetReadDeadline(t); err != nil {
		return err
	}
	return l.SetWriteDeadline(t)
}

func (l link) readMessage() (data []byte, text bool, err error) {
	kind, data, err := l.ReadMessage()
	return data, kind == websocket.TextMessage, err
}

// Gorilla gives the gorilla connection under a client, for what only RFC 6455 has: pings, close codes, fragments.
func Gorilla(c *Conn) *websocket.Conn { return c.link.(link).Conn }
