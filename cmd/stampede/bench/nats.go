package bench

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"stampede/stompwire"
)

// A link to nats://HOST:PORT speaks the protocol of a NATS server instead of STOMP, so that one can be measured beside
// STOMP brokers by the same generator with the same checks. Only what that takes is here: publishing, subscribing (to
// destinations that begin with /queue/ as a queue group), and PING where STOMP has receipts.

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

// natsFrame handles the operations that STOMP does not have; done is false for the others.
func (l *link) natsFrame(f *frame) (done bool, err error) {
	switch f.kind {
	case ping:
		return true, l.write([]byte("PONG\r\n"))
	case pong:
		if l.isLeaving() {
			return true, errGoodbye
		}
		l.connected = true
		l.waiting = 0
		return true, nil
	case info:
		if _, rest, ok := strings.Cut(string(f.head), `"version":"`); ok {
			version, _, _ := strings.Cut(rest, `"`)
			l.server = "nats-server/" + version
		}
		return true, nil
	}
	return false, nil
}

// natsHello is what a client says first. The server does not answer but the PING.
func (l *link) natsHello() []byte {
	login := ""
	if l.target.Login != "" || l.target.Passcode != "" {
		login = fmt.Sprintf(`,"user":%q,"pass":%q`, l.target.Login, l.target.Passcode)
	}
	return fmt.Appendf(nil, "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"go\"%s}\r\nPING\r\n", login)
}

// appendNATS writes a frame of ours as the operation that does the same.
func appendNATS(dst []byte, f *stompwire.Frame) []byte {
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

// appendNATSSend writes a message of size bytes that are to be filled in behind it.
func appendNATSSend(dst []byte, destination string, size int) []byte {
	dst = append(append(append(dst, "PUB "...), destination...), ' ')
	dst = strconv.AppendInt(dst, int64(size), 10)
	return append(dst, "\r\n"...)
}

// checkNATS says what this protocol does not have.
func (o *Traffic) checkNATS() error {
	switch {
	case o.Transport() != "nats":
	case o.Receipts > 0:
		return errors.New("NATS has no receipts")
	case o.Ack != "" && o.Ack != "auto":
		return errors.New("NATS has no acknowledgements: use ack auto")
	case len(o.SendHeader)+len(o.SubscribeHead) > 0:
		return errors.New("headers are for STOMP")
	case strings.ContainsAny(o.Destination, " \t"):
		return errors.New("a subject has no blanks")
	}
	return nil
}
