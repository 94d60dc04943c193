package transport

import (
	"bufio"
	"encoding/binary"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// wsStream is the WebSocket side of a connection. gorilla does the handshake
// and reads: headers, masks, fragments, control frames, limits. It sees the
// connection through a wsLink, which lets it wait for input without a buffer
// and lets it write nothing by itself once the handshake is over.
type wsStream struct {
	gorilla *websocket.Conn
	buffer  *bufio.Reader // that gorilla reads through
	link    *wsLink
	peer    atomic.Pointer[websocket.CloseError] // the Close frame that the peer sent
	fault   atomic.Int32                         // close code that an error of the peer calls for
	limit   int64                                // largest message; the reader's
}

// peerClosed reports whether the peer's Close frame has come.
func (w *wsStream) peerClosed() bool { return w.peer.Load() != nil }

// goodbye encodes our Close frame: the answer to the peer's if that came first,
// else with the code of what the peer did wrong, else with that of the reason.
func (w *wsStream) goodbye(reason CloseReason, text string) []byte {
	if peer := w.peer.Load(); peer != nil {
		return closeFrame(peer.Code, "")
	}
	code := reason.WebSocketCode()
	if fault := w.fault.Load(); fault != 0 {
		code = int(fault)
	}
	if text == "" {
		text = reason.Code()
	}
	return closeFrame(code, text)
}

// awaitClose reads and throws away until the peer's Close frame or an error.
func (w *wsStream) awaitClose() {
	for !w.peerClosed() {
		if _, _, err := w.gorilla.NextReader(); err != nil {
			w.noteClose(err)
			return
		}
	}
}

// noteClose keeps the Close frame of the peer if err stands for one.
func (w *wsStream) noteClose(err error) bool {
	var c *websocket.CloseError
	// 1006 is gorilla's word for a stream that ended without one.
	if !errors.As(err, &c) || c.Code == websocket.CloseAbnormalClosure {
		return false
	}
	w.peer.CompareAndSwap(nil, c)
	return true
}

// adopt sets gorilla up for a connection whose handshake is done.
func (w *wsStream) adopt(outbox *Outbox) {
	// A Close frame is answered when the session has had its say.
	w.gorilla.SetCloseHandler(func(int, string) error { return nil })
	w.gorilla.SetPingHandler(func(payload string) error {
		outbox.pong(payload)
		return nil
	})
	w.gorilla.SetPongHandler(func(string) error { return nil })
}

// control handles a ping or pong that p begins with, and returns its length: 0 if
// there is none that is whole and as it should be. gorilla would do that too, and
// then wait for the next message where a reader can't park.
func (w *wsStream) control(p []byte, outbox *Outbox) (n int) {
	const header = 2 + 4 // with the mask
	if len(p) < header || p[0] != opPing && p[0] != opPong || p[1]&0x80 == 0 {
		return 0
	}
	size := int(p[1] & 0x7f)
	if n = header + size; size > maxControlPayload || len(p) < n {
		return 0
	}
	if p[0] == opPing {
		payload := make([]byte, size)
		for i := range payload {
			payload[i] = p[header+i] ^ p[2+i%4]
		}
		outbox.pong(string(payload))
	}
	return n
}

// wsLink is the net.Conn that gorilla sees.
type wsLink struct {
	net.Conn         // for the handshake; then the socket
	conn     *Conn   // nil: the handshake is not done yet
	source   *reader // who reads, while messages are wanted; else nil
}

// Read copies from the inlet.
func (l *wsLink) Read(p []byte) (int, error) {
	in := &l.conn.in
	if len(in.unread) == 0 {
		if err := l.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, in.unread)
	in.consume(n)
	return n, nil
}

// fill waits until the inlet has unread bytes.
func (l *wsLink) fill() error {
	if l.source != nil {
		return l.source.more()
	}
	return l.conn.fill()
}

// Write passes the answer to the handshake through. After that gorilla has one
// thing left to write: the Close frame for a peer that broke the protocol. It
// is held back, only its code is kept, because a STOMP ERROR shall go before it.
func (l *wsLink) Write(p []byte) (int, error) {
	if l.conn == nil {
		return l.Conn.Write(p)
	}
	if len(p) >= 4 && p[0] == opClose {
		l.conn.ws.fault.CompareAndSwap(0, int32(binary.BigEndian.Uint16(p[2:])))
	}
	return len(p), nil
}

// SetDeadline and SetWriteDeadline do nothing after the handshake: the socket's
// writes are the outbox's, its deadlines the reader's.
func (l *wsLink) SetDeadline(t time.Time) error {
	if l.conn != nil {
		return nil
	}
	return l.Conn.SetDeadline(t)
}

// SetWriteDeadline is what gorilla calls before a Close frame.
func (l *wsLink) SetWriteDeadline(t time.Time) error {
	if l.conn != nil {
		return nil
	}
	return l.Conn.SetWriteDeadline(t)
}
