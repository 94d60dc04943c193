package bench

import (
	"errors"
	"fmt"
	"strings"

	"stampede/stompwire"
)

// A dialect is what a link speaks instead of STOMP to nats://HOST:PORT or mqtt://HOST:PORT, so that brokers of other protocols
// are measured beside those of STOMP by the same generator with the same checks. Only what that takes is in one: to log
// in, subscribe, publish, and a question whose answer comes behind all that came before.
type dialect interface {
	// hello is what a client says first.
	hello() []byte
	// feed takes the next bytes of the stream, and gives what they hold to the link's frame.
	feed(p []byte) error
	// answer handles what the broker says beside messages and refusals.
	answer(f *frame) error
	// appendFrame writes a frame of the link's as the operation that does the same.
	appendFrame(dst []byte, f *stompwire.Frame) []byte
	// asked is written behind requests, if their answer has to be asked for.
	asked() []byte
	// message is one of size bytes, ready but for the stamp at bodyAt.
	message(destination string, size int) (raw []byte, bodyAt int)
	// farewell is written before the connection is closed.
	farewell() []byte
}

// newDialect returns the dialect that goes with the link's address, or nil: STOMP.
func (l *link) newDialect() dialect {
	switch l.target.Transport() {
	case "nats":
		return newNATS(l)
	case "mqtt":
		return newMQTT(l)
	}
	return nil
}

// dialectPort is the port of an address that names none, if its scheme is that of a dialect.
func dialectPort(scheme string) (port string, ok bool) {
	switch scheme {
	case "nats":
		return "4222", true
	case "mqtt":
		return "1883", true
	}
	return "", false
}

// errStrange is about what no broker should say.
func errStrange(f *frame) error {
	return fmt.Errorf("the broker sent a frame that brokers don't send, or something that is not STOMP: %.40q", f.head)
}

// checkDialect says what other protocols don't have.
func (o *Traffic) checkDialect() error {
	name := strings.ToUpper(o.Transport())
	switch name {
	case "NATS":
		if strings.ContainsAny(o.Destination, " \t") {
			return errors.New("a subject has no blanks")
		}
	case "MQTT":
		switch {
		case o.Queue:
			return errors.New("MQTT 3.1.1 has no queues")
		case strings.ContainsAny(o.Destination, "+#"):
			return errors.New("a topic of MQTT has no + and no #")
		case len(o.Destination) > maxMQTTTopic:
			return fmt.Errorf("a topic of MQTT has at most %d bytes", maxMQTTTopic)
		case o.Size > maxMQTTPacket-2-maxMQTTTopic:
			return fmt.Errorf("a message of MQTT has at most %d bytes", maxMQTTPacket-2-maxMQTTTopic)
		}
	default:
		return nil
	}
	switch {
	case o.Receipts > 0:
		return fmt.Errorf("%s has no receipts", name)
	case o.Ack != "" && o.Ack != "auto":
		return fmt.Errorf("%s has no acknowledgements: use ack auto", name)
	case len(o.SendHeader)+len(o.SubscribeHead)+len(o.ConnectHeader) > 0:
		return errors.New("headers are for STOMP")
	}
	return nil
}
