package actors

import (
	"stampede/stompwire"
	"stampede/transport"
)

// encoding is where messages are encoded on their way to outboxes: those of a topic once for each version that one
// of its subscribers speaks, those of a queue for the one who gets them. The outboxes copy what they take, so the next
// batch, of whoever it is, is encoded in the same place.
type encoding struct {
	bytes    []byte
	versions [3]encodedBatch
	chosen   []transport.Delivery // of a batch, those that a selector matches
}

type encodedBatch struct {
	tails      []transport.Tail
	deliveries []transport.Delivery
	text       bool // it is known which of them are valid UTF-8
}

// maxEncodingBytes is how large an encoding is kept for the next batch.
const maxEncodingBytes = 256 << 10

// deliveries gives a batch in a version. Only WebSocket needs to know what is text.
func (e *encoding) deliveries(batch []*Message, v stompwire.Version, webSocket bool) []transport.Delivery {
	b := &e.versions[v-stompwire.V10]
	if len(b.tails) == 0 {
		e.encode(b, batch, v)
	}
	if webSocket && !b.text {
		b.text = true
		for i := range b.tails {
			b.tails[i].UTF8 = b.tails[i].IsUTF8()
		}
	}
	return b.deliveries
}

func (e *encoding) encode(b *encodedBatch, batch []*Message, v stompwire.Version) {
	if cap(b.tails) < len(batch) {
		b.tails = make([]transport.Tail, 0, len(batch))
	}
	b.tails = b.tails[:len(batch)]
	for i, m := range batch {
		t := &b.tails[i]
		t.Borrowed = true
		e.bytes, _ = m.appendTail(e.bytes, t, v)
		b.deliveries = append(b.deliveries, transport.Delivery{Tail: t})
	}
}

// tail gives that of one message, if nobody else is going to want it.
func (e *encoding) tail(m *Message, v stompwire.Version, webSocket bool) *transport.Tail {
	if m.encoded != nil {
		return m.tail(v)
	}
	b := &e.versions[v-stompwire.V10]
	b.tails = append(b.tails, transport.Tail{Borrowed: true})
	t := &b.tails[len(b.tails)-1]
	e.bytes, _ = m.appendTail(e.bytes, t, v)
	t.UTF8 = webSocket && t.IsUTF8()
	return t
}

// reset forgets the batch.
func (e *encoding) reset() {
	for i := range e.versions {
		b := &e.versions[i]
		clear(b.tails) // a body must not stay reachable
		b.tails, b.deliveries, b.text = b.tails[:0], b.deliveries[:0], false
	}
	e.bytes = e.bytes[:0]
	e.chosen = e.chosen[:0]
}

func (c *core) takeEncoding() *encoding {
	if e, ok := c.encodings.Get().(*encoding); ok {
		return e
	}
	return new(encoding)
}

func (c *core) putEncoding(e *encoding) {
	if cap(e.bytes) <= maxEncodingBytes {
		e.reset()
		c.encodings.Put(e)
	}
}
