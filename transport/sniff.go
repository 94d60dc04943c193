package transport

import (
	"io"
	"net"
	"strings"
	"sync"
)

// protocol is what the first bytes of a connection belong to.
type protocol uint8

const (
	protocolUnknown protocol = iota // more bytes are needed
	protocolSTOMP
	protocolHTTP
	protocolTLS
)

// sniffBytes is more than any beginning that has to be seen.
const sniffBytes = 512

var sniffPool = sync.Pool{New: func() any { return new([sniffBytes]byte) }}

// tlsHandshake is the first byte of a TLS record that carries a ClientHello.
const tlsHandshake = 0x16

// httpBeginnings tell HTTP from STOMP: a method and the space behind it. STOMP
// has CONNECT too, but with an end of line there.
var httpBeginnings = []string{
	"GET ", "HEAD ", "POST ", "PUT ", "OPTIONS ", "DELETE ", "PATCH ", "TRACE ", "CONNECT ",
}

// sniff names the protocol that head begins. What is neither TLS nor HTTP is
// STOMP: its decoder finds the right words for what is not even that.
func sniff(head []byte) protocol {
	if len(head) == 0 {
		return protocolUnknown
	}
	if head[0] == tlsHandshake {
		return protocolTLS
	}
	for _, b := range httpBeginnings {
		n := min(len(b), len(head))
		if b[:n] == string(head[:n]) {
			if n == len(b) {
				return protocolHTTP
			}
			return protocolUnknown // one beginning at most can still match
		}
	}
	return protocolSTOMP
}

// sniffConn reads from c, of which head was read already, until its protocol is
// known, and returns what it read.
func sniffConn(c net.Conn, head []byte) (protocol, []byte, error) {
	if p := sniff(head); p != protocolUnknown {
		return p, head, nil
	}
	pooled := sniffPool.Get().(*[sniffBytes]byte)
	defer sniffPool.Put(pooled)
	buf := pooled[:]
	n := copy(buf, head) // short: it has no whole beginning in it
	for {
		m, err := c.Read(buf[n:])
		n += m
		if p := sniff(buf[:n]); p != protocolUnknown {
			return p, append([]byte(nil), buf[:n]...), nil
		}
		if err != nil {
			return protocolUnknown, nil, err
		}
	}
}

// sniffed is a connection whose first bytes were read already. It is what TLS
// and net/http get; STOMP gets the socket and the bytes.
type sniffed struct {
	net.Conn
	head []byte
}

// Read returns the first bytes first.
func (c *sniffed) Read(p []byte) (int, error) {
	if len(c.head) > 0 {
		n := copy(p, c.head)
		c.head = c.head[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// CloseWrite ends the outgoing direction if the connection can do that.
func (c *sniffed) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return io.ErrClosedPipe
}

// offered lists what a listener speaks, for answers to those who speak else.
func offered(cfg *ListenerConfig) string {
	var all []string
	if cfg.STOMP {
		all = append(all, "STOMP over TCP")
	}
	if cfg.WebSocket {
		all = append(all, "STOMP over WebSocket")
	}
	if cfg.HTTP {
		all = append(all, "HTTP")
	}
	if len(all) == 0 {
		return "nothing"
	}
	return strings.Join(all, ", ")
}
