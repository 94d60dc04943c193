package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"

	"stampede/stompwire"
)

// mqtt is the dialect of an MQTT 3.1.1 broker, with QoS 0 both ways: published and delivered without an acknowledgement, as in
// a topic of STOMP with ack auto. Subscriptions are answered; where a DISCONNECT of STOMP asks for a receipt it has PINGREQ.
type mqtt struct {
	link *link
	mqttScanner
}

// Packets by the first four bits of the protocol, with the flags that they must have.
const (
	mqttConnect    = 1 << 4
	mqttConnAck    = 2 << 4
	mqttPublish    = 3 << 4
	mqttSubscribe  = 8<<4 | 2
	mqttSubAck     = 9 << 4
	mqttPingReq    = 12 << 4
	mqttPingResp   = 13 << 4
	mqttDisconnect = 14 << 4
)

const (
	maxMQTTTopic  = 1<<16 - 1
	maxMQTTPacket = 1<<28 - 1 // what the four bytes of a length can say
)

func newMQTT(l *link) *mqtt {
	return &mqtt{link: l, mqttScanner: mqttScanner{handle: l.frame, keep: stampSize}}
}

// mqttScanner finds packets in a stream from an MQTT broker, as scanner finds frames.
type mqttScanner struct {
	handle func(*frame) error
	keep   int // bytes of a payload that the handler wants to see

	f     frame
	carry []byte // the length of a packet that came in parts; then as much of the packet as can matter
	first byte   // of that packet
	size  int    // and how long it is
	left  int    // what is still to come of it
}

// feed takes the next bytes of the stream and calls handle for each packet that ends in them.
func (s *mqttScanner) feed(p []byte) error {
	for len(p) > 0 {
		switch {
		case s.left > 0:
			n := min(len(p), s.left)
			if want := 2 + maxMQTTTopic + s.keep - len(s.carry); want > 0 {
				s.carry = append(s.carry, p[:min(n, want)]...)
			}
			s.left -= n
			p = p[n:]
			if s.left > 0 {
				return nil
			}
			err := s.packet(s.first, s.carry, s.size)
			s.carry = s.carry[:0]
			if err != nil {
				return err
			}
		case len(s.carry) > 0:
			s.carry = append(s.carry, p[0])
			p = p[1:]
			head, size, err := mqttHead(s.carry)
			if err != nil {
				return err
			}
			if head > 0 {
				s.first, s.size, s.left = s.carry[0], size, size
				s.carry = s.carry[:0]
				if size == 0 {
					if err := s.packet(s.first, nil, 0); err != nil {
						return err
					}
				}
			}
		default:
			head, size, err := mqttHead(p)
			switch {
			case err != nil:
				return err
			case head == 0:
				s.carry = append(s.carry, p...)
				return nil
			case len(p) < head+size:
				s.first, s.size, s.left = p[0], size, size
				p = p[head:]
			default:
				if err := s.packet(p[0], p[head:head+size], size); err != nil {
					return err
				}
				p = p[head+size:]
			}
		}
	}
	return nil
}

// mqttHead reads the length of a packet; head is where it begins, or 0 if there is more to come before that.
func mqttHead(p []byte) (head, size int, err error) {
	for i := 1; i < len(p); i++ {
		size |= int(p[i]&0x7f) << (7 * (i - 1))
		if p[i] < 0x80 {
			return i + 1, size, nil
		}
		if i == 4 {
			return 0, 0, fmt.Errorf("the broker sent something that is not MQTT: %.40q", p)
		}
	}
	return 0, 0, nil
}

// packet handles one of which p is at least the beginning.
func (s *mqttScanner) packet(first byte, p []byte, size int) error {
	s.f.kind, s.f.head, s.f.length, s.f.body = other, p, 0, nil
	switch first & 0xf0 {
	case mqttPublish:
		topic := 0
		if len(p) >= 2 {
			topic = int(binary.BigEndian.Uint16(p))
		}
		switch {
		case first&0x06 != 0:
			return errors.New("the broker sent a message with another QoS than 0, which was asked for")
		case topic == 0 || len(p) < 2+topic:
			return fmt.Errorf("a message without a topic: %.40q", p)
		}
		s.f.kind, s.f.head, s.f.body, s.f.length = message, p[:2+topic], p[2+topic:], size-2-topic
	case mqttConnAck:
		s.f.kind = connected
		if len(p) != 2 || p[1] != 0 {
			s.refuse("CONNECT", p)
		}
	case mqttSubAck: // for one subscription, which is what each SUBSCRIBE has
		s.f.kind = receipt
		if len(p) != 3 || p[2] != 0 {
			s.refuse("SUBSCRIBE", p)
		}
	case mqttPingResp:
		s.f.kind = pong
	}
	return s.handle(&s.f)
}

// refuse makes an answer with a code, its last byte, what STOMP says with an ERROR.
func (s *mqttScanner) refuse(what string, answer []byte) {
	reason := "without a code"
	if len(answer) > 0 {
		code := int(answer[len(answer)-1])
		reason = "code " + strconv.Itoa(code)
		known := []string{
			1: "this version of MQTT is not spoken here", 2: "the client identifier", 3: "not available",
			4: "bad user name or password", 5: "not authorized",
		}
		if what == "CONNECT" && code > 0 && code < len(known) {
			reason = known[code]
		}
	}
	s.f.kind, s.f.body = failure, []byte(what+" refused: "+reason)
}

// answer implements dialect.
func (m *mqtt) answer(f *frame) error {
	switch f.kind {
	case connected:
		m.link.connected = true
		m.link.server = "MQTT 3.1.1" // a broker does not say its name
		return nil
	case receipt:
		m.link.waiting--
		return nil
	case pong:
		if m.link.isLeaving() {
			return errGoodbye
		}
		return nil
	}
	return errStrange(f)
}

// hello implements dialect: a session that ends with the connection, and no keep-alive, as an idle connection is to be idle.
func (m *mqtt) hello() []byte {
	const clean, password, name = 0x02, 0x40, 0x80
	flags := byte(clean)
	// Up to 23 letters and digits, and no other client's.
	more := appendMQTTString(nil, "bench"+strconv.FormatUint(rand.Uint64(), 36))
	if t := m.link.target; t.Login != "" || t.Passcode != "" {
		flags |= name
		more = appendMQTTString(more, t.Login)
		if t.Passcode != "" {
			flags |= password
			more = appendMQTTString(more, t.Passcode)
		}
	}
	body := append(appendMQTTString(nil, "MQTT"), 4, flags, 0, 0)
	body = append(body, more...)
	return append(appendMQTTHead(nil, mqttConnect, len(body)), body...)
}

// appendFrame implements dialect.
func (m *mqtt) appendFrame(dst []byte, f *stompwire.Frame) []byte {
	switch f.Command {
	case stompwire.Subscribe:
		destination, _ := f.Header.Get("destination")
		dst = appendMQTTHead(dst, mqttSubscribe, 2+2+len(destination)+1)
		dst = append(dst, 0, 1) // its number: the answers come in order, and only their sum is looked at
		return append(appendMQTTString(dst, destination), 0)
	case stompwire.Disconnect:
		return append(dst, mqttPingReq, 0)
	}
	return dst
}

// asked implements dialect: each SUBSCRIBE is answered.
func (m *mqtt) asked() []byte { return nil }

// message implements dialect.
func (m *mqtt) message(destination string, size int) (raw []byte, bodyAt int) {
	raw = appendMQTTHead(nil, mqttPublish, 2+len(destination)+size)
	raw = appendMQTTString(raw, destination)
	bodyAt = len(raw)
	return appendFiller(raw, size), bodyAt
}

// farewell implements dialect.
func (m *mqtt) farewell() []byte { return []byte{mqttDisconnect, 0} }

func appendMQTTString(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...)
}

// appendMQTTHead writes the kind of a packet and its length, seven bits to a byte.
func appendMQTTHead(dst []byte, first byte, size int) []byte {
	dst = append(dst, first)
	for size >= 0x80 {
		dst = append(dst, byte(size)|0x80)
		size >>= 7
	}
	return append(dst, byte(size))
}
