package transport

// DefaultOutboxCapacity is the capacity of an Outbox, in bytes, where nothing
// else is configured.
const DefaultOutboxCapacity = 64 << 20

// Outbox is everything that leaves one connection.
type Outbox struct {
	capacity int
}

// Append adds one whole encoded frame (CONNECTED, RECEIPT, ERROR); the bytes
// are copied. It returns false when the outbox is closed or overflowed.
func (o *Outbox) Append(frame []byte) bool { return false }

// NewSink opens a subscription's door to the connection. Its frames start with
// prefix ("MESSAGE\nsubscription:…\n"), which is copied. It is gated: what is
// delivered is held until Open. written, if not nil, is called with the number
// of frames that have been written since the last call: on the writer's
// goroutine, without a lock; it must not block.
func (o *Outbox) NewSink(prefix []byte, policy SinkPolicy, written func(frames int)) *Sink {
	return &Sink{}
}

// Pending returns what waits or is being written, gated deliveries too.
func (o *Outbox) Pending() (bytes, frames int) { return 0, 0 }

// SetCapacity sets how many bytes may be pending.
func (o *Outbox) SetCapacity(bytes int) { o.capacity = bytes }

// Capacity returns how many bytes may be pending.
func (o *Outbox) Capacity() int { return o.capacity }

// Stats returns the counters of the outbox.
func (o *Outbox) Stats() OutboxStats { return OutboxStats{} }

// OutboxStats counts what went through an outbox since it was made.
type OutboxStats struct {
	Delivered    uint64 // frames of sinks that were written
	Dropped      uint64 // frames of sinks that a policy dropped
	WrittenBytes uint64 // bytes on the wire, WebSocket headers included
}

// SinkPolicy says what a sink does with a delivery that the outbox has no room
// for.
type SinkPolicy uint8

// The policies.
const (
	// Keep never drops: the broker bounds it by credit (queues).
	Keep SinkPolicy = iota
	// DropOldest makes room by dropping the oldest frames of DropOldest sinks of this connection.
	DropOldest
	// DropNewest drops the new delivery.
	DropNewest
	// Disconnect ends the connection: see Overflow.
	Disconnect
)

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
}

// Delivery is one frame for one subscription: the sink's prefix, then Extra
// ("ack:…\n", copied), then the Tail.
type Delivery struct {
	Extra []byte
	Tail  *Tail
}

// Sink is the door through which one subscription's messages enter the outbox.
type Sink struct{}

// Open appends receipt (if not empty), then everything held so far, and lets
// later deliveries pass, all in one step.
func (s *Sink) Open(receipt []byte) {}

// Close shuts the sink: nothing that is not already in the outbox gets in once
// it has returned. It returns how many held deliveries it forgot.
func (s *Sink) Close() (held int) { return 0 }

// Purge closes the sink and removes its frames from the outbox as far as
// nothing of them has been handed to the socket. It returns how many it
// removed, held ones included.
func (s *Sink) Purge() (removed int) { return 0 }

// Deliver takes a batch under one lock and with one wake of the writer. It
// returns how many were accepted (what a policy drops counts as accepted):
// fewer than all when the sink or the outbox is closed or a Keep sink meets an
// outbox that overflowed. The batch and its Extras may be reused afterwards.
func (s *Sink) Deliver(batch []Delivery) (accepted int) { return 0 }

// Stats returns how many frames of the sink were written and how many its
// policy dropped.
func (s *Sink) Stats() (written, dropped uint64) { return 0, 0 }
