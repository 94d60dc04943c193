package bench

import (
	"bytes"
	"fmt"
	"strings"

	"stampede/stompwire"
)

// nats is the dialect of a NATS server. Destinations that begin with /queue/ are subscribed to as a queue group, and where
// STOMP has receipts it has PING.
type nats struct {
	link *link
	natsScanner
}

func newNATS(l *link) *nats {
	return &nats{link: l, natsScanner: natsScanner{handle: l.frame, keep: stampSize}}
}

// natsScanner finds operations in a stream from a NATS server, as scanner finds frames.
type natsScanner struct {
	handle func(*frame) error
	keep   int // bytes of a payload that the handler wants to see

	f     frame
	carry []byte // a line, or what is to be kept of a payload, that came in parts
	state natsState
	left  int // of the payload and its end of line
}

type natsState uint8

const (
	natsLine natsState = iota
	natsPayload
)

// feed takes the next bytes of the stream and calls handle for each operation that ends in them.
func (s *natsScanner) feed(p []byte) error {
	for len(p) > 0 {
		if s.state == natsPayload {
			n := min(len(p), s.left)
			if want := min(s.keep, s.f.length) - len(s.carry); want > 0 {
				s.carry = append(s.carry, p[:min(n, want)]...)
			}
			s.left -= n
			p = p[n:]
			if s.left > 0 {
				return nil
			}
			s.state = natsLine
			s.f.body = s.carry
			err := s.handle(&s.f)
			s.carry = s.carry[:0]
			if err != nil {
				return err
			}
			continue
		}
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			s.carry = append(s.carry, p...)
			if len(s.carry) > maxHead {
				return errHead
			}
			return nil
		}
		l := p[:end]
		if len(s.carry) > 0 {
			s.carry = append(s.carry, l...)
			l = s.carry
		}
		p = p[end+1:]
		payload, err := s.operation(line(l))
		s.carry = s.carry[:0]
		if err != nil {
			return err
		}
		if !payload {
			continue
		}
		if whole := s.f.length + len("\r\n"); len(p) >= whole {
			s.f.body = p[:s.f.length]
			p = p[whole:]
			if err := s.handle(&s.f); err != nil {
				return err
			}
			continue
		}
		s.state, s.left = natsPayload, s.f.length+len("\r\n")
	}
	return nil
}

// operation looks at a line; payload says that one follows.
func (s *natsScanner) operation(l []byte) (payload bool, err error) {
	s.f = frame{head: l}
	word, _, _ := bytes.Cut(l, []byte(" "))
	switch string(word) {
	case "MSG": // subject, id, perhaps where to reply to, size
		s.f.kind = message
		if s.f.length = number(l[bytes.LastIndexByte(l, ' ')+1:]); s.f.length < 0 {
			return false, fmt.Errorf("a message without a size: %.80q", l)
		}
		return true, nil
	case "PING":
		s.f.kind = ping
	case "PONG":
		s.f.kind = pong
	case "INFO":
		s.f.kind = info
	case "-ERR":
		s.f.kind = failure
		s.f.body = bytes.TrimPrefix(l, []byte("-ERR "))
	case "+OK":
		return false, nil
	}
	return false, s.handle(&s.f)
}

// answer implements dialect.
func (n *nats) answer(f *frame) error {
	switch f.kind {
	case ping:
		return n.link.write([]byte("PONG\r\n"))
	case pong:
		if n.link.isLeaving() {
			return errGoodbye
		}
		n.link.connected = true
		n.link.waiting = 0
		return nil
	case info:
		if _, rest, ok := strings.Cut(string(f.head), `"version":"`); ok {
			version, _, _ := strings.Cut(rest, `"`)
			n.link.server = "nats-server/" + version
		}
		return nil
	}
	return errStrange(f)
}

// hello implements dialect. The server does not answer but the PING.
func (n *nats) hello() []byte {
	login := ""
	if n.link.target.Login != "" || n.link.target.Passcode != "" {
		login = fmt.Sprintf(`,"user":%q,"pass":%q`, n.link.target.Login, n.link.target.Passcode)
	}
	return fmt.Appendf(nil, "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"go\"%s}\r\nPING\r\n", login)
}

// appendFrame implements dialect.
func (n *nats) appendFrame(dst []byte, f *stompwire.Frame) []byte {
	switch f.Command {
	case stompwire.Subscribe:
		destination, _ := f.Header.Get("destination")
		id, _ := f.Header.Get("id")
		dst = append(append(dst, "SUB "...), destination...)
		if strings.HasPrefix(destination, "/queue/") {
			dst = append(dst, " bench"...)
		}
		return append(append(append(dst, ' '), id...), "\r\n"...)
	case stompwire.Disconnect:
		return append(dst, "PING\r\n"...)
	}
	return dst
}

// asked implements dialect: one answer for all that was asked.
func (n *nats) asked() []byte { return []byte("PING\r\n") }

// message implements dialect.
func (n *nats) message(destination string, size int) (raw []byte, bodyAt int) {
	raw = fmt.Appendf(nil, "PUB %s %d\r\n", destination, size)
	bodyAt = len(raw)
	return append(appendFiller(raw, size), "\r\n"...), bodyAt
}

// farewell implements dialect: there is none.
func (n *nats) farewell() []byte { return nil }
