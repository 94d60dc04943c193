package bench

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// This is a WebSocket of our own, and only for measuring. A library reads a message at a time through a Reader and
// masks each message that it writes, which together cost more than a lean broker does. Here the bytes of a read are
// looked at where they lie, and the client's mask is zero: the RFC wants it unpredictable, to protect caches in between
// from what a hostile page sends; no page is involved, and XOR with zero leaves a frame ready to be sent as it was
// built. A broker can't tell the difference: it unmasks all the same. Also, the transport room is the only one that may
// know the library [RFC 6455].

const (
	opContinuation = 0
	opText         = 1
	opBinary       = 2
	opClose        = 8
	opPing         = 9
	opPong         = 10
	final          = 0x80
	masked         = 0x80

	maxControl = 125
)

// errClosing is the peer's Close frame.
var errClosing = errors.New("the WebSocket was closed")

// appendClientHeader appends the header of a text message of size bytes, with a mask of zero.
func appendClientHeader(dst []byte, size int) []byte {
	start := len(dst)
	dst = appendServerHeader(dst, size)
	dst[start+1] |= masked
	return append(dst, 0, 0, 0, 0)
}

// appendServerHeader appends the header of a text message of size bytes without a mask.
func appendServerHeader(dst []byte, size int) []byte {
	dst = append(dst, final|opText)
	switch {
	case size <= 125:
		return append(dst, byte(size))
	case size <= 0xffff:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(size))
	}
	return binary.BigEndian.AppendUint64(append(dst, 127), uint64(size))
}

// deframer takes the WebSocket frames off a stream and hands on what is in them, in place.
type deframer struct {
	data    func([]byte) error // bytes of messages; where one ends is of no interest: STOMP frames end by themselves
	control func(op byte, payload []byte) error

	head    [14]byte
	got     int // bytes of head, if a frame's header was cut by the end of a read
	op      byte
	left    uint64 // of the payload
	mask    [4]byte
	masked  bool
	at      int // how many bytes of the payload were unmasked
	payload []byte
}

// feed takes the next bytes of the stream. It may change them.
func (d *deframer) feed(p []byte) error {
	for len(p) > 0 {
		if d.left == 0 {
			n := 0
			if d.got == 0 {
				n = d.begin(p)
			}
			if n == 0 {
				// One byte at a time: this happens once in a read.
				d.head[d.got] = p[0]
				d.got++
				p = p[1:]
				if d.begin(d.head[:d.got]) == 0 {
					continue
				}
				d.got = 0
			}
			p = p[n:]
			if d.op >= opClose && d.left > maxControl {
				return fmt.Errorf("a WebSocket control frame of %d bytes", d.left)
			}
			if d.left > 0 {
				continue
			}
		}
		n := int(min(uint64(len(p)), d.left))
		chunk := p[:n]
		p = p[n:]
		d.left -= uint64(n)
		if d.masked {
			d.unmask(chunk)
		}
		if d.op < opClose {
			if n > 0 {
				if err := d.data(chunk); err != nil {
					return err
				}
			}
			continue
		}
		d.payload = append(d.payload, chunk...)
		if d.left == 0 {
			err := d.control(d.op, d.payload)
			d.payload = d.payload[:0]
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// begin reads a header at the start of p and returns its length, or 0 if p ends before.
func (d *deframer) begin(p []byte) int {
	if len(p) < 2 {
		return 0
	}
	n, size := 2, uint64(p[1]&0x7f)
	switch size {
	case 126:
		n = 4
		if len(p) < n {
			return 0
		}
		size = uint64(binary.BigEndian.Uint16(p[2:]))
	case 127:
		n = 10
		if len(p) < n {
			return 0
		}
		size = binary.BigEndian.Uint64(p[2:])
	}
	d.masked = p[1]&masked != 0
	if d.masked {
		n += 4
		if len(p) < n {
			return 0
		}
		copy(d.mask[:], p[n-4:])
		d.masked = d.mask != [4]byte{}
	}
	d.op, d.left, d.at = p[0]&0x0f, size, 0
	return n
}

// unmask goes byte by byte: only the relay needs it, and only for clients with a mask that is not zero.
func (d *deframer) unmask(p []byte) {
	for i := range p {
		p[i] ^= d.mask[(d.at+i)&3]
	}
	d.at += len(p)
}

// upgrade makes a WebSocket of a connection. rest is what the server has already sent behind its answer.
func upgrade(conn net.Conn, host, path string, protocols []string, header http.Header) (rest []byte, err error) {
	var nonce [16]byte
	rand.Read(nonce[:])
	key := base64.StdEncoding.EncodeToString(nonce[:])
	var b bytes.Buffer
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Protocol: %s\r\n",
		path, host, key, strings.Join(protocols, ", "))
	header.Write(&b)
	b.WriteString("\r\n")
	if _, err := conn.Write(b.Bytes()); err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(conn, 1024)
	answer, err := http.ReadResponse(in, nil)
	if err != nil {
		return nil, fmt.Errorf("no answer to the WebSocket upgrade: %w", err)
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		said, _ := io.ReadAll(io.LimitReader(answer.Body, 256))
		answer.Body.Close()
		return nil, fmt.Errorf("the WebSocket upgrade was refused: %s: %s", answer.Status, strings.TrimSpace(string(said)))
	}
	if answer.Header.Get("Sec-WebSocket-Accept") != acceptKey(key) {
		return nil, errors.New("the answer to the WebSocket upgrade has a wrong Sec-WebSocket-Accept")
	}
	rest, _ = in.Peek(in.Buffered())
	return rest, nil
}

// acceptKey is the server's proof that it read the client's key.
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// acceptUpgrade answers a client's upgrade; it is the relay's. rest is what came behind the request.
func acceptUpgrade(conn net.Conn, in *bufio.Reader) (rest []byte, err error) {
	request, err := http.ReadRequest(in)
	if err != nil {
		return nil, err
	}
	key := request.Header.Get("Sec-WebSocket-Key")
	if key == "" || !strings.EqualFold(request.Header.Get("Upgrade"), "websocket") {
		io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return nil, errors.New("no WebSocket upgrade")
	}
	answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + acceptKey(key) + "\r\n"
	if first, _, _ := strings.Cut(request.Header.Get("Sec-WebSocket-Protocol"), ","); first != "" {
		answer += "Sec-WebSocket-Protocol: " + strings.TrimSpace(first) + "\r\n"
	}
	if _, err := io.WriteString(conn, answer+"\r\n"); err != nil {
		return nil, err
	}
	rest, _ = in.Peek(in.Buffered())
	return rest, nil
}
