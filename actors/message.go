package actors

import (
	"log/slog"
	"strconv"
	"strings"
	"time"

	"stampede/stompwire"
	"stampede/transport"
)

// Message is what a SEND became: the broker's view of it, immutable once a destination has it.
//
// One that came over a connection is part of memory that all messages of one read are in, as most of them are
// forgotten together. What is to outlive the handling of them is kept as a copy: see kept.
type Message struct {
	id          string
	destination string // as subscribers see it
	header      stompwire.Header
	body        []byte
	priority    uint8
	foreign     bool      // the id is another broker's and may need escapes
	hasReceipt  bool      // for the connection that sent it
	shared      bool      // is in memory with others
	expires     time.Time // zero: never
	notBefore   time.Time // zero: at once
	size        int       // octets it is charged for
	receipt     string    // for the connection that sent it
	encoded     *tails    // nil: not yet
	copied      *Message  // what kept has given
}

// kept is the message in memory of its own, for who keeps it. It is the same one each time.
func (m *Message) kept() *Message {
	if !m.shared {
		return m
	}
	if m.copied == nil {
		c := *m
		f := (&stompwire.Frame{Header: m.header, Body: m.body}).Clone()
		c.header, c.body, c.shared = f.Header, f.Body, false
		c.receipt = strings.Clone(m.receipt)
		if m.foreign {
			c.id = strings.Clone(m.id)
		}
		m.copied = &c
	}
	return m.copied
}

// messageOverhead is charged to every message besides its octets: headers, links, encoded tail.
const messageOverhead = 256

// LogValue keeps bodies and header values out of logs.
func (m *Message) LogValue() slog.Value {
	return slog.GroupValue(slog.String("message-id", m.id), slog.String("destination", m.destination), slog.Int("bytes", len(m.body)))
}

// send is a SEND frame taken apart.
type send struct {
	destination string
	transaction string
	replyTo     string
	receipt     string
	hasReceipt  bool
	inTx        bool
	hasReplyTo  bool
	persistent  bool
}

// parseSend reads the headers of a SEND that mean something to the broker. Of a repeated header the
// first counts.
func parseSend(f *stompwire.Frame) (send, *Fault) {
	var s send
	hasDestination := false
	for i := range f.Header {
		field := &f.Header[i]
		switch field.Name {
		case "destination":
			if !hasDestination {
				s.destination, hasDestination = field.Value, true
			}
		case "receipt":
			if !s.hasReceipt {
				s.receipt, s.hasReceipt = field.Value, true
			}
		case "transaction":
			if !s.inTx {
				s.transaction, s.inTx = field.Value, true
			}
		case "reply-to":
			if !s.hasReplyTo {
				s.replyTo, s.hasReplyTo = field.Value, true
			}
		case "persistent":
			s.persistent = s.persistent || field.Value == "true"
		case "message-group", "JMSXGroupID":
			return s, unsupported("message groups (the " + field.Name + " header)")
		}
	}
	if !hasDestination {
		return s, faultf(CodeSyntax, "missing destination header", "SEND needs a destination header")
	}
	return s, nil
}

// newMessage makes a message of a SEND. now turns relative times into moments.
func newMessage(id, destination string, f *stompwire.Frame, now func() time.Time) (*Message, *Fault) {
	m := new(Message)
	if fault := m.read(id, destination, f, now); fault != nil {
		return nil, fault
	}
	return m, nil
}

// read makes an empty message one of a SEND.
func (m *Message) read(id, destination string, f *stompwire.Frame, now func() time.Time) *Fault {
	m.id, m.destination, m.header, m.body, m.priority, m.shared = id, destination, f.Header, f.Body, defaultPriority, f.Shared
	m.size = len(f.Body) + messageOverhead
	for i := range f.Header {
		field := &f.Header[i]
		m.size += len(field.Name) + len(field.Value) + 2
		switch field.Name {
		case "priority", "expires", "expiration", "delay":
			if fault := m.set(f.Header, i, now); fault != nil {
				return fault
			}
		}
	}
	return nil
}

// set reads a header that says how to deliver; of a repeated one the first counts.
func (m *Message) set(h stompwire.Header, i int, now func() time.Time) *Fault {
	field := &h[i]
	for j := range i {
		if h[j].Name == field.Name {
			return nil
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(field.Value), 10, 64)
	if err != nil || n < 0 || n > maxMilliseconds {
		return faultf(CodeSyntax, "bad "+field.Name+" header", "%s must be a whole number, not negative, and is %q", field.Name, field.Value)
	}
	switch field.Name {
	case "priority":
		if n >= priorities {
			return faultf(CodeSyntax, "bad priority header", "priority goes from 0 to 9 and is %d", n)
		}
		m.priority = uint8(n)
	case "expires": // epoch milliseconds; 0 is how JMS says never
		if n > 0 {
			m.expireAt(time.UnixMilli(n))
		}
	case "expiration":
		m.expireAt(now().Add(time.Duration(n) * time.Millisecond))
	case "delay":
		m.notBefore = now().Add(time.Duration(n) * time.Millisecond)
	}
	return nil
}

// maxForeignID bounds a message-id from another broker: it is copied into every MESSAGE and ACK.
const maxForeignID = 1024

// keepID has a message that comes over a bridge keep the id that it has on the other side.
func (m *Message) keepID(f *stompwire.Frame) *Fault {
	id, ok := f.Header.Get("message-id")
	if !ok {
		return nil
	}
	if id == "" || len(id) > maxForeignID || blankEnds(id) || strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return faultf(CodeSyntax, "bad message-id header", "a message-id has 1 to %d bytes, no control characters and no blanks at its ends", maxForeignID)
	}
	m.id, m.foreign = id, true
	return nil
}

// maxMilliseconds keeps a moment within what time.Duration can hold: about 139 years.
const maxMilliseconds = 1 << 42

// expireAt keeps the earlier moment, when both headers are there.
func (m *Message) expireAt(t time.Time) {
	if m.expires.IsZero() || t.Before(m.expires) {
		m.expires = t
	}
}

// consumed tells whether a SEND header ends here: it is the connection's business, or the broker
// writes its own.
func consumed(name string) bool {
	switch name {
	case "destination", "content-length", "receipt", "transaction", // about this frame
		"host", "login", "passcode", "heart-beat", // about the connection; xtomp drops them too
		"subscription", "message-id", "ack", "redelivered", "delivery-count": // the broker's own on a MESSAGE
		return true
	}
	return strings.HasPrefix(name, "session")
}

// lookup gives a header as selectors see it: one of the SEND that is passed on, or one that the broker
// writes, if it is the same for every delivery.
func (m *Message) lookup(name string) (string, bool) {
	switch name {
	case "message-id":
		return m.id, true
	case "destination":
		return m.destination, true
	case "content-length":
		return strconv.Itoa(len(m.body)), true
	}
	value, ok := m.header.Get(name)
	if ok && consumed(name) {
		return "", false
	}
	return value, ok
}

// maxCopiedBody is the largest body that is copied behind its headers, which is cheaper for who delivers it; larger ones
// are referred to, and the outbox copies them from where they are.
const maxCopiedBody = 256

// tails are the encodings of a message that is kept and that several are going to want.
type tails struct {
	of    [3]*transport.Tail // by version
	first transport.Tail     // the one that is made first, mostly the only one
}

// tail is the end of this message's MESSAGE frames that every subscriber of a version shares:
// everything but who it is for and how often it was tried. Not for concurrent first use: the
// destination encodes before it hands a message on.
func (m *Message) tail(v stompwire.Version) *transport.Tail {
	if m.encoded == nil {
		m.encoded = new(tails)
	}
	i := v - stompwire.V10
	if t := m.encoded.of[i]; t != nil {
		return t
	}
	t := &m.encoded.first
	if t.Bytes != nil {
		t = new(transport.Tail)
	}
	_, plain := m.appendTail(make([]byte, 0, m.tailBytes()), t, v)
	t.UTF8 = t.IsUTF8()
	if plain {
		// Nothing in it is written differently in another version.
		m.encoded.of = [3]*transport.Tail{t, t, t}
	} else {
		m.encoded.of[i] = t
	}
	return t
}

// tailBytes is about how many octets a tail has, without a body that is only referred to.
func (m *Message) tailBytes() int {
	n := m.size - len(m.body) - messageOverhead + len(m.id) + 64
	if len(m.body) <= maxCopiedBody {
		n += len(m.body) + 1
	}
	return n
}

// appendTail writes a tail behind b and makes it t; plain tells that every version writes it like this.
func (m *Message) appendTail(b []byte, t *transport.Tail, v stompwire.Version) (after []byte, plain bool) {
	start := len(b)
	if m.foreign {
		b = stompwire.AppendHeader(b, "message-id", m.id, v)
	} else {
		b = append(append(append(b, "message-id:"...), m.id...), '\n')
	}
	b = stompwire.AppendHeader(b, "destination", m.destination, v)
	b = append(b, "content-length:"...)
	b = strconv.AppendInt(b, int64(len(m.body)), 10)
	b = append(b, '\n')
	plain = !needsEscape(m.destination) && !(m.foreign && needsEscape(m.id))
	for j := range m.header {
		field := &m.header[j]
		if consumed(field.Name) {
			continue
		}
		if blankEnds(field.Name) {
			plain = false
			if v == stompwire.V10 && consumed(strings.Trim(field.Name, " \t")) {
				continue // a reader of 1.0 trims, and would take it for the broker's own
			}
		}
		plain = plain && !needsEscape(field.Name) && !needsEscape(field.Value)
		b = stompwire.AppendHeader(b, field.Name, field.Value, v)
	}
	b = append(b, '\n')
	if len(m.body) > maxCopiedBody {
		t.Body = m.body
	} else {
		b = append(append(b, m.body...), 0)
	}
	t.Bytes = b[start:len(b):len(b)]
	return b, plain
}

// encodeFor makes the tail that a subscription in a client mode is going to want, and others too.
func (m *Message) encodeFor(l *consumerLink) {
	if l.version != 0 {
		m.tail(l.version)
	}
}

// blankEnds tells whether a reader of 1.0 would cut something off s.
func blankEnds(s string) bool {
	return s != "" && (strings.IndexByte(" \t", s[0]) >= 0 || strings.IndexByte(" \t", s[len(s)-1]) >= 0)
}

// needsEscape tells whether some version writes s differently from another.
func needsEscape(s string) bool {
	for i := range len(s) { // strings.ContainsAny makes a set of what it looks for, each time
		switch s[i] {
		case '\\', '\n', '\r', ':', 0:
			return true
		}
	}
	return false
}

// appendRedelivered writes the headers that tell a consumer that it may have seen this message.
func appendRedelivered(dst []byte, deliveries int) []byte {
	if deliveries <= 1 {
		return dst
	}
	dst = append(dst, "redelivered:true\ndelivery-count:"...)
	dst = strconv.AppendInt(dst, int64(deliveries), 10)
	return append(dst, '\n')
}

// deadLetter is the message as the dead-letter queue keeps it: the same body and headers, with
// where it comes from and why in front.
func (m *Message) deadLetter(to, reason string, refusals, deliveries int) *Message {
	h := make(stompwire.Header, 0, len(m.header)+5)
	h = append(h,
		stompwire.Field{Name: "dead-letter-reason", Value: reason},
		stompwire.Field{Name: "dead-letter-destination", Value: m.destination},
		stompwire.Field{Name: "dead-letter-message-id", Value: m.id},
		stompwire.Field{Name: "dead-letter-deliveries", Value: strconv.Itoa(deliveries)})
	for _, f := range m.header {
		// It has outlived its first life: an expiry or delay of that one must not end or hide it.
		if f.Name != "expires" && f.Name != "expiration" && f.Name != "delay" {
			h = append(h, f)
		}
	}
	d := &Message{id: m.id, foreign: m.foreign, destination: to, header: h, body: m.body, priority: m.priority, size: len(m.body) + messageOverhead}
	for i := range h {
		d.size += len(h[i].Name) + len(h[i].Value) + 2
	}
	return d
}
