package transport

import (
	"sync/atomic"
	"unicode/utf8"
)

// SinkPolicy says what a sink does with a delivery that the outbox has no room
// for.
type SinkPolicy uint8

// The policies.
const (
	// Keep never drops; the broker bounds it by credit (queues). A delivery
	// more than 1 MiB over the capacity is refused and the outbox overflows.
	Keep SinkPolicy = iota
	// DropOldest makes room by dropping the oldest frames of any DropOldest
	// sink of this connection that have not been handed to the socket.
	DropOldest
	// DropNewest drops the new delivery.
	DropNewest
	// Disconnect drops the new delivery and overflows the outbox: see Overflow.
	Disconnect
)

// String returns the name of the policy as the configuration spells it.
func (p SinkPolicy) String() string {
	switch p {
	case Keep:
		return "keep"
	case DropOldest:
		return "drop_oldest"
	case DropNewest:
		return "drop_newest"
	case Disconnect:
		return "disconnect"
	}
	return "unknown"
}

// Tail is the end of a MESSAGE that all subscribers share: encoded once per
// version, immutable, referred to and not copied when it is large.
type Tail struct {
	// Bytes is "message-id:…\ndestination:…\n…\n\n" and, if Body is nil, the
	// body and the closing NUL.
	Bytes []byte
	// Body, if not nil, follows Bytes; the outbox adds the closing NUL.
	Body []byte
	// UTF8 says that Bytes and Body are valid UTF-8, so that they may travel
	// in a WebSocket text message.
	UTF8 bool
	// Borrowed says that Bytes and the Tail itself are the caller's again after Deliver: what is kept of them is copied.
	Borrowed bool
}

// IsUTF8 looks whether it is.
func (t *Tail) IsUTF8() bool { return utf8.Valid(t.Bytes) && utf8.Valid(t.Body) }

// owned gives a tail that may be kept.
func (t *Tail) owned() *Tail {
	if !t.Borrowed {
		return t
	}
	return &Tail{Bytes: append([]byte(nil), t.Bytes...), Body: t.Body, UTF8: t.UTF8}
}

// len is the length of the tail in a frame.
func (t *Tail) len() int {
	if t.Body != nil {
		return len(t.Bytes) + len(t.Body) + 1
	}
	return len(t.Bytes)
}

// Delivery is one frame for one subscription: the sink's prefix, then Extra
// ("ack:…\n", copied), then the Tail.
type Delivery struct {
	Extra []byte
	Tail  *Tail
}

// Sink is the door through which the messages of one subscription enter the
// outbox. Its methods may be called from any goroutine.
type Sink struct {
	outbox  *Outbox
	prefix  string
	tell    func(frames int)
	batch   int // frames of the batch being written; the writer's
	written atomic.Uint64
	dropped atomic.Uint64
	drops   *atomic.Uint64 // somebody else's count; nil: nobody's
	utf8    bool           // the prefix is
	policy  SinkPolicy

	// Guarded by the lock of the outbox.
	gated, closed bool
	held          *heldBack // nil: nothing is
}

// heldBack is what was delivered to a sink before it was opened.
type heldBack struct {
	deliveries []Delivery
	bytes      int
}

// NewSink opens a subscription's door to the connection. Its frames start with
// prefix ("MESSAGE\nsubscription:…\n"), which is copied. It is gated: what is
// delivered is held until Open. written, if not nil, is called with the number
// of frames that have been written since the last call: on the writer's
// goroutine, without a lock; it must not block.
func (o *Outbox) NewSink(prefix []byte, policy SinkPolicy, written func(frames int)) *Sink {
	return &Sink{outbox: o, prefix: string(prefix), utf8: utf8.Valid(prefix), policy: policy, tell: written, gated: true}
}

// CountDrops adds to total what the policy of this sink gives up. It is called
// before the first delivery.
func (s *Sink) CountDrops(total *atomic.Uint64) { s.drops = total }

// Open appends receipt (if not empty), then everything held so far, and lets
// later deliveries pass, all in one step: nothing of this sink can come before
// the receipt. A second Open only appends the receipt.
func (s *Sink) Open(receipt []byte) { s.OpenBy(nil, receipt) }

// OpenBy is Open; w, if not nil, sees to it that what is appended is written.
func (s *Sink) OpenBy(w Waker, receipt []byte) { s.outbox.doBy(w, s.open(receipt)) }

func (s *Sink) open(receipt []byte) (e effects) {
	o := s.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.shut() {
		return e
	}
	if len(receipt) > 0 {
		o.putFrame(receipt)
	}
	if !s.closed && s.gated {
		s.gated = false
		held := s.release() // put counts them again
		for i := range held {
			d := &held[i]
			o.put(s, d, len(s.prefix)+len(d.Extra)+d.Tail.len())
		}
	}
	o.wake(&e)
	return e
}

// Close shuts the sink: nothing that is not already in the outbox gets in once
// it has returned. It returns how many held deliveries it forgot.
func (s *Sink) Close() (held int) {
	o := s.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	return s.shut()
}

// shut closes the sink and forgets what is held. The lock is held.
func (s *Sink) shut() (held int) {
	s.closed = true
	return len(s.release())
}

// release takes out what is held. The lock is held.
func (s *Sink) release() []Delivery {
	if s.held == nil {
		return nil
	}
	held := s.held.deliveries
	s.outbox.bytes -= s.held.bytes
	s.outbox.frames -= len(held)
	s.outbox.gated -= len(held)
	s.held = nil
	return held
}

// Purge closes the sink and removes its frames from the outbox as far as
// nothing of them has been handed to the socket. It returns how many it
// removed, held ones included. What the socket has already, at most about
// 256 KiB or one larger frame, is still written and reported.
func (s *Sink) Purge() (removed int) {
	o := s.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	return s.shut() + o.purge(s)
}

// Retire is Purge, and has then called once what the socket has already was
// reported as written, or never will be: on the writer's goroutine, without a
// lock; it must not block. It returns false, and does not call it, if that is so
// by now, or nobody is told what was written.
func (s *Sink) Retire(then func()) (later bool) {
	o := s.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	s.shut()
	o.purge(s)
	if s.tell == nil || o.taken == nil {
		return false
	}
	o.taken.after = append(o.taken.after, then)
	return true
}

// Deliver takes a batch under one lock and with one wake of the writer. It
// returns how many were accepted (what a policy drops counts as accepted):
// fewer than all when the sink or the outbox is closed or a Keep sink meets an
// outbox that overflowed. The batch and its Extras may be reused afterwards;
// Tails are kept, unless they are Borrowed.
func (s *Sink) Deliver(batch []Delivery) (accepted int) { return s.DeliverBy(nil, batch) }

// DeliverBy is Deliver; w, if not nil, sees to it that the batch is written.
func (s *Sink) DeliverBy(w Waker, batch []Delivery) (accepted int) {
	accepted, e := s.deliver(batch)
	if e.wake || e.overflow != nil {
		s.outbox.doBy(w, e)
	}
	return accepted
}

func (s *Sink) deliver(batch []Delivery) (accepted int, e effects) {
	o := s.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	if s.closed || o.shut() {
		return 0, e
	}
	for i := range batch {
		d := &batch[i]
		size := len(s.prefix) + len(d.Extra) + d.Tail.len()
		if o.bytes+size+maxMessageHeader > o.capacity || o.overflowed {
			switch s.admit(o.wireLen(size), &e) {
			case refuse:
				o.wake(&e)
				return accepted, e
			case dropIt:
				accepted++
				continue
			}
		}
		if s.gated {
			s.hold(d, o.wireLen(size))
		} else {
			o.put(s, d, size)
		}
		accepted++
	}
	o.wake(&e)
	return accepted, e
}

type admission uint8

const (
	takeIt admission = iota
	dropIt
	refuse
)

// admit decides on a delivery of wire bytes for an outbox that is full, or
// nearly, or has overflowed. The lock is held.
func (s *Sink) admit(wire int, e *effects) admission {
	o := s.outbox
	if s.policy == Keep {
		if o.bytes >= o.capacity+overdraftBytes {
			o.overflowing(e)
			return refuse
		}
		return takeIt
	}
	if o.overflowed {
		s.drop(1)
		return dropIt
	}
	if o.bytes+wire <= o.capacity {
		return takeIt
	}
	switch s.policy {
	case DropOldest:
		if o.evict(wire) || s.forget(wire) {
			return takeIt
		}
	case Disconnect:
		o.overflowing(e)
	}
	s.drop(1)
	return dropIt
}

// forget drops the oldest deliveries held behind the gate until need bytes fit.
// It drops none and returns false if that can't be. The lock is held.
func (s *Sink) forget(need int) bool {
	o, h := s.outbox, s.held
	if h == nil || o.bytes-h.bytes+need > o.capacity {
		return false
	}
	n, freed := 0, 0
	for o.bytes-freed+need > o.capacity {
		d := &h.deliveries[n]
		freed += o.wireLen(len(s.prefix) + len(d.Extra) + d.Tail.len())
		n++
	}
	clear(h.deliveries[:n])
	h.deliveries = h.deliveries[n:]
	h.bytes -= freed
	o.bytes -= freed
	o.frames -= n
	o.gated -= n
	s.drop(n)
	return true
}

// hold keeps a delivery until the gate opens. The lock is held.
func (s *Sink) hold(d *Delivery, wire int) {
	if s.held == nil {
		s.held = &heldBack{}
	}
	s.held.deliveries = append(s.held.deliveries, Delivery{Extra: append([]byte(nil), d.Extra...), Tail: d.Tail.owned()})
	s.held.bytes += wire
	s.outbox.bytes += wire
	s.outbox.frames++
	s.outbox.gated++
}

// put encodes a delivery of size bytes of STOMP into the last chunk. The lock is
// held.
func (o *Outbox) put(s *Sink, d *Delivery, size int) {
	t := d.Tail
	wire := o.wireLen(size)
	copied := wire
	tailByRef, bodyByRef := len(t.Bytes) > referenceBytes && !t.Borrowed, len(t.Body) > referenceBytes
	if tailByRef {
		copied -= len(t.Bytes)
	}
	if bodyByRef {
		copied -= len(t.Body)
	}
	c := o.room(copied)
	b := c.buf
	if o.webSocket {
		first := byte(opBinary)
		if t.UTF8 && s.utf8 && utf8.Valid(d.Extra) {
			first = opText
		}
		b = appendMessageHeader(b, first, size)
	}
	b = append(b, s.prefix...)
	b = append(b, d.Extra...)
	if tailByRef {
		c.refer(uint32(len(b)), t.Bytes)
	} else {
		b = append(b, t.Bytes...)
	}
	if t.Body != nil {
		if bodyByRef {
			c.refer(uint32(len(b)), t.Body)
		} else {
			b = append(b, t.Body...)
		}
		b = append(b, 0)
	}
	if o.endLines {
		b = append(b, '\n')
	}
	c.buf = b
	o.mark(c, s, copied, wire)
	o.bytes += wire
	o.frames++
}

// drop counts deliveries that the policy gave up.
func (s *Sink) drop(n int) {
	s.dropped.Add(uint64(n))
	s.outbox.droppedAll.Add(uint64(n))
	if s.drops != nil {
		s.drops.Add(uint64(n))
	}
}

// WebSocket tells whether the connection is one: only then it matters what is UTF-8.
func (s *Sink) WebSocket() bool { return s.outbox.webSocket }

// Stats returns how many frames of the sink were written and how many
// deliveries its policy dropped.
func (s *Sink) Stats() (written, dropped uint64) {
	return s.written.Load(), s.dropped.Load()
}
