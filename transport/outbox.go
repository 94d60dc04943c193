package transport

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"syscall"
	"unicode/utf8"
)

const (
	// DefaultOutboxCapacity is the capacity of an Outbox, in bytes, where
	// nothing else is configured.
	DefaultOutboxCapacity = 64 << 20
	// overdraftBytes is how far frames that no policy may drop can go beyond
	// the capacity; one frame may then still pass the mark.
	overdraftBytes = 1 << 20
	// reserveBytes is kept beyond the overdraft for what the connection itself
	// has to say: the ERROR that explains the overflow.
	reserveBytes = 64 << 10
	// pongBacklog is how much may be pending for a ping to be answered at
	// once; a peer that floods pings and reads nothing gets no queue of pongs.
	pongBacklog = 64 << 10
	// compactBytes is how much of the waiting chunks must be taken up by
	// removed frames before they are rebuilt.
	compactBytes = 64 << 10
)

// Outbox is everything that leaves one connection: a queue of frames, bounded
// in bytes, and the loop that writes it to the socket. There is no goroutine
// while it is empty. All methods may be called from any goroutine.
//
// What was handed to the socket is out of reach: at most about 256 KiB, or one
// frame where that is larger. All that waits behind can still be removed.
type Outbox struct {
	dst    io.Writer
	common *common
	loop   func()          // o.run, bound once
	raw    syscall.RawConn // of the socket, for writes that must not wait; nil: it can't be asked

	lastWrite  atomic.Int64 // when a write of STOMP last ended, in Unix nanoseconds
	written    atomic.Uint64
	sent       atomic.Uint64 // frames
	delivered  atomic.Uint64
	droppedAll atomic.Uint64

	mu          sync.Mutex
	first, last *chunk
	bytes       int // pending, on the wire: waiting, being written, gated
	frames      int
	gated       int // of these, held behind a gate
	control     int // of these, WebSocket control frames
	capacity    int
	copied      int // length of the buffers of waiting chunks
	deadCopied  int // of that, taken up by removed frames
	evictable   int // waiting bytes of DropOldest sinks
	evictChunk  *chunk
	evictIndex  int    // nothing in front of it can be evicted
	overflow    int    // bytes pending when it overflowed
	taken       *batch // with the socket, all of it or, after a FlushNow, the beginning
	state       loopState
	webSocket   bool
	endLines    bool  // see EndLines
	ending      bool  // takes no frames any more: its last one is in
	sealed      bool  // takes nothing more, writes what it has
	drained     bool  // and has written it
	overflowed  bool  // has told so
	failure     error // takes nothing more and writes nothing more
	halfClose   func()
	events      outboxEvents
	joined      chan struct{}
}

// outboxEvents is what an outbox tells the one that runs the connection. The
// methods are called without the lock and must not block.
type outboxEvents interface {
	outboxOverflowed(bytes int)
	outboxDrained()
	outboxFailed(err error)
}

type loopState uint8

const (
	loopIdle loopState = iota
	loopScheduled
	loopRunning
)

var errAborted = errors.New("transport: connection aborted")

// open prepares an empty outbox that writes to dst.
func (o *Outbox) open(dst io.Writer, common *common, capacity int) {
	if capacity <= 0 {
		capacity = DefaultOutboxCapacity
	}
	o.dst, o.common, o.capacity = dst, common, capacity
	o.loop = o.run
	o.lastWrite.Store(common.clock.Now().UnixNano())
}

// bind names who hears the events; what has happened already is told at once.
func (o *Outbox) bind(events outboxEvents) {
	o.mu.Lock()
	o.events = events
	overflowed, bytes, failure, drained := o.overflowed, o.overflow, o.failure, o.drained
	o.mu.Unlock()
	if overflowed {
		events.outboxOverflowed(bytes)
	}
	if failure != nil {
		events.outboxFailed(failure)
	}
	if drained {
		events.outboxDrained()
	}
}

// Waker is told when an outbox has something to write and nobody at work on it.
// It calls Flush or FlushNow: soon, and once.
type Waker interface{ Wake(o *Outbox) }

// effects is what is left to do once the lock is free.
type effects struct {
	wake     bool
	overflow outboxEvents
	bytes    int
}

func (o *Outbox) do(e effects) { o.doBy(nil, e) }

// doBy is do; w, if not nil, sees to it that what waits is written.
func (o *Outbox) doBy(w Waker, e effects) {
	if e.overflow != nil {
		e.overflow.outboxOverflowed(e.bytes)
	}
	switch {
	case !e.wake:
	case w != nil:
		w.Wake(o)
	default:
		o.Flush()
	}
}

// wake says whether the write loop has to be scheduled. The lock is held.
func (o *Outbox) wake(e *effects) {
	if o.state == loopIdle && o.first != nil && o.failure == nil {
		o.state = loopScheduled
		e.wake = true
	}
}

// overflowing notes the overflow. The lock is held.
func (o *Outbox) overflowing(e *effects) {
	if o.overflowed {
		return
	}
	o.overflowed, o.overflow = true, o.bytes
	e.overflow, e.bytes = o.events, o.bytes
}

// Append adds one whole encoded frame (CONNECTED, RECEIPT, ERROR); the bytes
// are copied. It returns false when the outbox is closed or has overflowed so
// far that not even its reserve is left.
func (o *Outbox) Append(frame []byte) bool { return o.AppendBy(nil, frame) }

// AppendBy is Append; w, if not nil, sees to it that the frame is written.
func (o *Outbox) AppendBy(w Waker, frame []byte) bool {
	ok, e := o.append(frame)
	o.doBy(w, e)
	return ok
}

// AppendLast is Append for the last frame of the connection, an ERROR: whatever else is appended or
// delivered from here on does not get in.
func (o *Outbox) AppendLast(frame []byte) bool {
	o.mu.Lock()
	ok, e := o.appendLocked(frame)
	o.ending = true
	o.mu.Unlock()
	o.do(e)
	return ok
}

func (o *Outbox) append(frame []byte) (ok bool, e effects) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.appendLocked(frame)
}

func (o *Outbox) appendLocked(frame []byte) (ok bool, e effects) {
	if o.shut() {
		return false, e
	}
	if o.bytes >= o.capacity+overdraftBytes {
		o.overflowing(&e)
		if o.bytes >= o.capacity+overdraftBytes+reserveBytes {
			return false, e
		}
	}
	o.putFrame(frame)
	o.wake(&e)
	return true, e
}

// shut tells whether no frame gets in any more. The lock is held.
func (o *Outbox) shut() bool { return o.ending || o.sealed || o.failure != nil }

// putFrame puts a frame of the connection itself. The lock is held.
func (o *Outbox) putFrame(frame []byte) {
	wire := o.wireLen(len(frame))
	c := o.room(wire)
	if o.webSocket {
		first := byte(opBinary)
		if utf8.Valid(frame) {
			first = opText
		}
		c.buf = appendMessageHeader(c.buf, first, len(frame))
	}
	c.buf = append(c.buf, frame...)
	if o.endLines {
		c.buf = append(c.buf, '\n')
	}
	o.mark(c, nil, wire, wire)
	o.bytes += wire
	o.frames++
}

// These stand in the marks of what is no STOMP frame.
var (
	controlFrames = &Sink{policy: Keep} // of WebSocket
	heartBeats    = &Sink{policy: Keep}
)

// appendRaw adds bytes that need no framing of ours; s is one of the above.
// The capacity does not bound them; callers do. The lock is held.
func (o *Outbox) appendRaw(p []byte, s *Sink) {
	c := o.room(len(p))
	c.buf = append(c.buf, p...)
	o.mark(c, s, len(p), len(p))
	o.bytes += len(p)
	o.frames++
	if s == controlFrames {
		o.control++
	}
}

// beat adds one end of line as a heart-beat, unless STOMP is pending anyway:
// that is a sign of life too as soon as the peer reads it.
func (o *Outbox) beat() {
	o.mu.Lock()
	var e effects
	if o.frames == o.control+o.gated && !o.shut() {
		if o.webSocket {
			o.appendRaw([]byte{opText, 1, '\n'}, heartBeats)
		} else {
			o.appendRaw([]byte{'\n'}, heartBeats)
		}
		o.wake(&e)
	}
	o.mu.Unlock()
	o.do(e)
}

// pong answers a WebSocket ping, unless so much is pending that the peer would
// not see it soon: only the last of several pings needs an answer
// [RFC 6455 §5.5.3].
func (o *Outbox) pong(payload string) {
	o.mu.Lock()
	var e effects
	if o.bytes < pongBacklog && len(payload) <= maxControlPayload && !o.sealed && o.failure == nil {
		o.appendRaw(append([]byte{opPong, byte(len(payload))}, payload...), controlFrames)
		o.wake(&e)
	}
	o.mu.Unlock()
	o.do(e)
}

// seal stops the intake. What is pending is written, then final, then
// whoever wrote that runs halfClose and tells outboxDrained: here and now, if it can be.
func (o *Outbox) seal(final []byte, halfClose func()) {
	o.mu.Lock()
	var e effects
	if !o.sealed && o.failure == nil {
		if len(final) > 0 {
			o.appendRaw(final, controlFrames)
			o.wake(&e)
		}
		o.sealed, o.halfClose = true, halfClose
		if o.state == loopIdle {
			o.state = loopScheduled
			e.wake = true
		}
	}
	o.mu.Unlock()
	if e.wake {
		o.FlushNow()
	}
}

// abort forgets all that waits and stops the loop as soon as the write in
// progress returns; closing the socket makes it return.
func (o *Outbox) abort() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fail(errAborted)
}

// fail ends the outbox for good. The lock is held.
func (o *Outbox) fail(err error) {
	if o.failure != nil {
		return
	}
	o.failure = err
	for c := o.first; c != nil; {
		next := c.next
		o.bytes -= c.wire
		o.frames -= c.live
		o.control -= c.control
		c.recycle()
		c = next
	}
	o.first, o.last, o.evictChunk = nil, nil, nil
	o.copied, o.deadCopied, o.evictable, o.evictIndex = 0, 0, 0, 0
}

// join waits until the write loop does not run any more. The outbox was
// aborted before and the socket closed. A loop that is scheduled and has not
// begun will find nothing to do and touches nothing, so it is not waited for:
// its dispatcher may be waiting for us.
func (o *Outbox) join() {
	o.mu.Lock()
	if o.state != loopRunning {
		o.mu.Unlock()
		return
	}
	if o.joined == nil {
		o.joined = make(chan struct{})
	}
	joined := o.joined
	o.mu.Unlock()
	await(o.common.scheduler, func() bool { return closed(joined) })
	<-joined
}

// EndLines has a line end stand behind each frame from here on, as other brokers have it: there are clients that read
// on until it comes. A WebSocket message is one frame and nothing else.
func (o *Outbox) EndLines() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.endLines = !o.webSocket
}

// wireLen is what size bytes of STOMP become on the wire.
func (o *Outbox) wireLen(size int) int {
	switch {
	case o.webSocket:
		return size + messageHeaderLen(size)
	case o.endLines:
		return size + len("\n")
	}
	return size
}

// room returns the last chunk, with room for n more copied bytes. The lock is
// held.
func (o *Outbox) room(n int) *chunk {
	c := o.last
	if c != nil && c.fits(n) {
		return c
	}
	c = newChunk(n)
	c.prev = o.last
	if o.last == nil {
		o.first = c
	} else {
		o.last.next = c
	}
	o.last = c
	return c
}

// mark closes a frame in c of which copied bytes are in its buffer. The lock
// is held.
func (o *Outbox) mark(c *chunk, s *Sink, copied, wire int) {
	c.marks = append(c.marks, mark{sink: s, end: uint32(len(c.buf)), wire: uint32(wire)})
	c.live++
	c.wire += wire
	o.copied += copied
	switch {
	case s == nil:
	case s == controlFrames:
		c.control++
	case s.policy == DropOldest:
		c.evictable += wire
		o.evictable += wire
	}
}

// Pending returns what waits or is being written, gated deliveries too, in
// bytes on the wire and in frames.
func (o *Outbox) Pending() (bytes, frames int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes, o.frames
}

// SetCapacity sets how many bytes may be pending. What is pending already
// stays.
func (o *Outbox) SetCapacity(bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.capacity = max(bytes, 0)
}

// Capacity returns how many bytes may be pending.
func (o *Outbox) Capacity() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.capacity
}

// OutboxStats counts what went through an outbox since it was made.
type OutboxStats struct {
	Frames       uint64 // STOMP frames that were written
	Delivered    uint64 // of these, those of sinks
	Dropped      uint64 // deliveries that a policy dropped
	WrittenBytes uint64 // bytes on the wire, WebSocket headers included
}

// Stats returns the counters of the outbox, without its lock.
func (o *Outbox) Stats() OutboxStats {
	return OutboxStats{
		Frames:       o.sent.Load(),
		Delivered:    o.delivered.Load(),
		Dropped:      o.droppedAll.Load(),
		WrittenBytes: o.written.Load(),
	}
}
