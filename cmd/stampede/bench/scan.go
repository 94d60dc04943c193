package bench

import (
	"bytes"
	"fmt"
)

// kind is what the scanner makes of a command.
type kind uint8

const (
	other kind = iota
	message
	receipt
	failure // ERROR
	connected
	ping // what only brokers of other protocols send
	pong
	info
	connect // and STOMP; from here on what only the relay reads
	send
	subscribe
	unsubscribe
	disconnect
)

// header is a name that the scanner looks for. Of any other header it only sees where it ends.
type header uint8

const (
	hAcceptVersion header = iota
	hAck
	hContentLength
	hDestination
	hID
	hMessage
	hMessageID
	hReceipt
	hReceiptID
	hRedelivered
	hServer
	hSubscription
	hVersion
	headers
	unknown = headers
)

// frame is one frame as the scanner found it. Its memory is only good until the handler returns.
type frame struct {
	kind   kind
	length int    // of the body
	body   []byte // at least as much of it as the scanner was told to keep
	head   []byte
	spans  [headers]span
}

// span is where in head the value of a header is. An end of 0: the frame doesn't have it.
type span struct{ from, to int32 }

// get returns the value as it stands on the wire, escapes and all; nil if there is none. What is given back to the same
// peer on the same connection needs no unescaping.
func (f *frame) get(h header) []byte {
	s := f.spans[h]
	if s.to == 0 {
		return nil
	}
	return f.head[s.from:s.to]
}

// scanner finds frames in a stream. It is no decoder: it trusts the peer to keep to the grammar, unescapes nothing and
// keeps nothing, because what it costs is counted against the broker on the other side. stompwire.Decoder is the one that
// mistrusts. A frame that lies whole in what is fed is handled where it lies; only what is cut by the end of a read is
// copied.
type scanner struct {
	handle func(*frame) error
	keep   int // bytes of a body that the handler wants to see; the rest is counted

	state state
	f     frame
	carry []byte // the head of a frame that came in parts
	body  []byte // and its body
	left  int    // of the body; less than 0: until the NUL
}

type state uint8

const (
	between state = iota
	inHead
	inBody
	atNUL
)

// maxHead bounds what the scanner takes for the head of a frame.
const maxHead = 1 << 20

// feed takes the next bytes of the stream and calls handle for each frame that ends in them.
func (s *scanner) feed(p []byte) error {
	for len(p) > 0 {
		switch s.state {
		case between:
			if p[0] == '\n' || p[0] == '\r' {
				p = p[1:]
				continue
			}
			n, err := s.scanHead(p)
			if err != nil {
				return err
			}
			if n == 0 {
				s.carry = append(s.carry[:0], p...)
				s.state = inHead
				return nil
			}
			s.f.head = p[:n:n]
			if whole, end := s.wholeBody(p[n:]); whole {
				s.f.body = p[n : n+s.f.length]
				if err := s.handle(&s.f); err != nil {
					return err
				}
				p = p[n+end:]
				continue
			}
			s.carry = append(s.carry[:0], p[:n]...)
			s.f.head = s.carry
			p = p[n:]
			s.beginBody()

		case inHead:
			// In small pieces: there is little to come, and much behind it that need not be copied.
			had := len(s.carry)
			s.carry = append(s.carry, p[:min(len(p), 256)]...)
			n, err := s.scanHead(s.carry)
			if err != nil {
				return err
			}
			if n == 0 {
				p = p[len(s.carry)-had:]
				continue
			}
			s.carry = s.carry[:n]
			s.f.head = s.carry
			p = p[n-had:]
			s.beginBody()

		case inBody:
			n := s.left
			if n < 0 {
				n = bytes.IndexByte(p, 0)
				if n < 0 {
					n = len(p)
				} else {
					s.left = n
				}
			}
			n = min(n, len(p))
			keep := s.keep
			if s.f.kind == failure {
				keep = max(keep, 1<<10) // a person will want to read it
			}
			if want := keep - len(s.body); want > 0 {
				s.body = append(s.body, p[:min(n, want)]...)
			}
			s.f.length += n
			p = p[n:]
			if s.left >= 0 {
				if s.left -= n; s.left == 0 {
					s.state = atNUL
				}
			}

		case atNUL:
			if p[0] != 0 {
				return fmt.Errorf("byte %#x where the NUL behind a body of %d bytes should be", p[0], s.f.length)
			}
			p = p[1:]
			s.state = between
			s.f.body = s.body
			if err := s.handle(&s.f); err != nil {
				return err
			}
		}
	}
	return nil
}

// wholeBody looks whether the body and its NUL are in p; end is behind the NUL.
func (s *scanner) wholeBody(p []byte) (whole bool, end int) {
	n := s.f.length
	if n < 0 {
		n = bytes.IndexByte(p, 0)
		if n < 0 {
			return false, 0
		}
		s.f.length = n
		return true, n + 1
	}
	if n >= len(p) || p[n] != 0 {
		return false, 0
	}
	return true, n + 1
}

func (s *scanner) beginBody() {
	s.body = s.body[:0]
	s.left = s.f.length
	s.f.length = 0
	s.state = inBody
	if s.left == 0 {
		s.state = atNUL
	}
}

// scanHead reads the command and the header lines at the start of p into s.f; n is where the body begins, or 0 if p ends
// before. f.length becomes the content-length, or -1.
func (s *scanner) scanHead(p []byte) (n int, err error) {
	end := bytes.IndexByte(p, '\n')
	if end < 0 {
		if len(p) > maxHead {
			return 0, errHead
		}
		return 0, nil
	}
	f := &s.f
	f.kind = kindOf(line(p[:end]))
	f.length = -1
	f.spans = [headers]span{}
	for {
		from := end + 1
		size := bytes.IndexByte(p[from:], '\n')
		if size < 0 {
			if len(p) > maxHead {
				return 0, errHead
			}
			return 0, nil
		}
		end = from + size
		l := p[from:end]
		if len(l) <= 1 {
			if l = line(l); len(l) == 0 {
				return end + 1, nil
			}
		}
		h, colon := headerOf(l)
		if h == unknown || f.spans[h].to != 0 { // of a repeated header the first counts
			continue
		}
		value := line(l[colon+1:])
		f.spans[h] = span{int32(from + colon + 1), int32(from + colon + 1 + len(value))}
		if h == hContentLength {
			if f.length = number(value); f.length < 0 {
				return 0, fmt.Errorf("content-length %.40q", value)
			}
		}
	}
}

var errHead = fmt.Errorf("a frame whose headers don't end within %d bytes", maxHead)

// line takes the CR off the end of a line.
func line(l []byte) []byte {
	if n := len(l); n > 0 && l[n-1] == '\r' {
		return l[:n-1]
	}
	return l
}

func kindOf(command []byte) kind {
	switch string(command) {
	case "MESSAGE":
		return message
	case "RECEIPT":
		return receipt
	case "ERROR":
		return failure
	case "CONNECTED":
		return connected
	case "CONNECT", "STOMP":
		return connect
	case "SEND":
		return send
	case "SUBSCRIBE":
		return subscribe
	case "UNSUBSCRIBE":
		return unsubscribe
	case "DISCONNECT":
		return disconnect
	}
	return other
}

// headerOf returns which header a line is, and the index of the colon behind its name.
func headerOf(l []byte) (h header, colon int) {
	if len(l) < 3 {
		return unknown, 0
	}
	is := func(name string) bool {
		return len(l) > len(name) && l[len(name)] == ':' && string(l[:len(name)]) == name
	}
	switch l[0] {
	case 'a':
		if is("ack") {
			return hAck, 3
		}
		if is("accept-version") {
			return hAcceptVersion, 14
		}
	case 'c':
		if is("content-length") {
			return hContentLength, 14
		}
	case 'd':
		if is("destination") {
			return hDestination, 11
		}
	case 'i':
		if is("id") {
			return hID, 2
		}
	case 'm':
		if is("message-id") {
			return hMessageID, 10
		}
		if is("message") {
			return hMessage, 7
		}
	case 'r':
		if is("receipt") {
			return hReceipt, 7
		}
		if is("receipt-id") {
			return hReceiptID, 10
		}
		if is("redelivered") {
			return hRedelivered, 11
		}
	case 's':
		if is("subscription") {
			return hSubscription, 12
		}
		if is("server") {
			return hServer, 6
		}
	case 'v':
		if is("version") {
			return hVersion, 7
		}
	}
	return unknown, 0
}

// number reads a decimal number with spaces around it, as STOMP 1.0 may have them; -1 if it is none.
func number(b []byte) int {
	b = bytes.Trim(b, " \t")
	if len(b) == 0 || len(b) > 12 {
		return -1
	}
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}
