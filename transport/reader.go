package transport

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"stampede/stompwire"
)

const (
	// maxBatch bounds the frames of one Inbound: one read of the smallest
	// frames holds thousands.
	maxBatch = 256
	// frameCost is what a frame costs in the window beside its bytes.
	frameCost = 256
	// messageSlack is what a WebSocket message may have beyond one largest
	// STOMP frame.
	messageSlack = 4 << 10
	// firstMessageBytes is what the first WebSocket message may have at least:
	// clients put frames behind CONNECT into it.
	firstMessageBytes = 64 << 10
	// webSocketReadBuffer is the buffer that gorilla reads through: it holds headers
	// and control frames, all else goes past it. It takes none below 257.
	webSocketReadBuffer = 288
)

// LimitMessageBytes is the name of the limit on one WebSocket message in a
// Malformed: the largest header block and body together, and 4 KiB.
const LimitMessageBytes = "max_message_bytes"

// ending is why the reader delivers nothing more.
type ending struct {
	reason    CloseReason
	err       error
	malformed *stompwire.SyntaxError // if not nil the session hears Malformed, else Ended
	over      bool                   // the stream has ended, there is nothing to drain
}

// reader decodes what arrives. It runs on its own goroutine, which the
// transport actor starts and joins, and it alone talks to the session about
// input: so Inbound, Malformed and Ended come in order.
type reader struct {
	conn  *Conn
	actor *connActor // of which only what never changes is looked at

	dec      *stompwire.Decoder
	admit    atomic.Pointer[Admit]            // set once
	limits   atomic.Pointer[stompwire.Limits] // newer than those of admit; nil: there are none
	batch    *frameBatch
	cost     int
	frame    int     // bytes of the unfinished frame
	finished int     // frames since the last fill
	told     *ending // what the session was told; for the actor once the goroutine is gone
	pending  int     // bytes of WebSocket messages decoded since the last fill
	guard    frameGuard
	admitted bool
	partial  bool // a frame was unfinished at the last fill
	deaf     bool // input is thrown away
	between  bool // it waits for a WebSocket message, and not within gorilla
	reported bool
	reading  bool         // gorilla is about to write behind payload
	payload  []byte       // of WebSocket messages, read and not yet decoded
	given    int          // how large the memory is that payload is in, if it is the reader's to give up
	lent     *smallBuffer // or else this

	paused atomic.Bool // by the window, before Admit or by the work of a Receiver: silence proves nothing
	gone   atomic.Bool // the goroutine is at its end
}

type frameBatch struct{ frames []stompwire.Frame }

var batchOfFrames = sync.Pool{New: func() any { return new(frameBatch) }}

// tell tells the session.
func (r *reader) tell(m any) { r.actor.tell(r.actor.session, m) }

// report tells the actor.
func (r *reader) report(m any) { r.actor.tell(r.actor.self, m) }

// readerGone tells the actor that the goroutine is about to end.
type readerGone struct{}

// run is the goroutine, from the start or from where a parked reader is resumed.
func (r *reader) run() {
	p := r.conn.common.parking
	p.begin(r.conn)
	for {
		e := r.safely(r.read)
		if e != nil {
			r.leave(e)
			return
		}
		if p.park(r.conn) {
			return
		}
	}
}

// leave is the end of the reader.
func (r *reader) leave(e *ending) {
	defer func() {
		r.conn.common.parking.leave(r.conn)
		r.gone.Store(true)
		r.conn.gate.change()
	}()
	defer r.report(&readerGone{})
	defer func() {
		// Left are panics of mailboxes we tell something; there is nobody to
		// tell then.
		if recover() != nil {
			r.conn.Abort()
		}
	}()
	r.end(e)
	if e.over {
		return
	}
	r.conn.await(stageClosing)
	r.safely(func() *ending {
		r.conn.sock.SetReadDeadline(time.Time{})
		r.conn.drain()
		return nil
	})
}

// safely turns a panic of f into an ending.
func (r *reader) safely(f func() *ending) (e *ending) {
	defer func() {
		if err := recovered(recover()); err != nil {
			e = &ending{reason: ReasonInternalError, err: err}
		}
	}()
	return f()
}

// read reads until the stream ends or can't be understood; nil: there is nothing
// to read for now, and the reader may be parked.
func (r *reader) read() *ending {
	if r.conn.ws != nil {
		return r.readMessages()
	}
	for {
		if err := r.fill(); err == errNothing {
			return nil
		} else if err != nil {
			return r.lost(err)
		}
		in := &r.conn.in
		n := len(in.unread)
		for len(in.unread) > 0 {
			if r.admitted && !r.dec.Partial() {
				in.shrink() // frames stay where they are
			}
			in.consume(r.feed(in.unread, in.given))
			if !r.admitted && r.batch != nil {
				in.shrink() // the wait may be long
			}
			if !r.admitted || len(in.unread) == 0 || r.full() {
				r.pass()
			}
		}
		r.note(n)
	}
}

// fill waits for bytes. When that is interrupted it reports the cause, waits
// for the close and then goes on, deaf. When it takes long, or the reader was
// parked and there is nothing to read any more, it is errNothing.
func (r *reader) fill() error {
	c := r.conn
	for {
		c.in.brief = c.berth.brief && r.quiet()
		err := c.in.fill(c.common.clock)
		if r.limits.Load() != nil {
			r.relimit()
		}
		late := errors.Is(err, os.ErrDeadlineExceeded)
		if err != errNothing && !late {
			return err
		}
		if late {
			// Interrupted, or asked to park: the cause tells, when the
			// deadline is gone. An interruption that comes later sets another.
			c.sock.SetReadDeadline(time.Time{})
			if c.cause.Load() != nil {
				r.halt()
				continue
			}
		}
		if r.quiet() {
			return errNothing
		}
		c.common.parking.stay(c)
	}
}

// quiet tells whether nothing would be lost if the reader parked now.
func (r *reader) quiet() bool {
	return (r.conn.ws == nil || r.between) && r.batch == nil && !r.deaf && !r.dec.Partial()
}

// relimit takes over limits that came after Admit.
func (r *reader) relimit() {
	if l := r.limits.Swap(nil); l != nil && r.admitted {
		r.dec.SetLimits(*l)
		r.conn.limitMessages(messageLimit(*l))
	}
}

// halt follows the stop latch: it reports what the reader was interrupted for,
// if it was, and makes it deaf.
func (r *reader) halt() {
	r.deaf = true
	r.drop()
	if e := r.conn.cause.Load(); e != nil {
		r.end(e)
		r.conn.await(stageClosing)
		r.conn.sock.SetReadDeadline(time.Time{})
	}
}

// feed decodes p and returns how much of it is done with: all, unless what was
// decoded has to be passed on first. given, if it is not 0, is how large the
// memory is that p is in: nobody else will use it, and frames may stay there.
func (r *reader) feed(p []byte, given int) (n int) {
	rest := r.dec.Partial() // of a frame: those behind it may stay where they are
	for n < len(p) && !r.deaf {
		var f stompwire.Frame
		var m int
		var ok bool
		var err error
		if given > 0 {
			m, ok, err = r.dec.DecodeShared(p[n:], &f)
			f.Shared = f.Shared && m <= given/2 // or it keeps no more than itself, nearly
		} else {
			m, ok, err = r.dec.Decode(p[n:], &f)
		}
		n += m
		r.frame += m
		if err != nil {
			r.malformed(err)
			break
		}
		if !ok {
			continue
		}
		if r.batch == nil {
			r.batch = batchOfFrames.Get().(*frameBatch)
		}
		r.batch.frames = append(r.batch.frames, f)
		r.cost += r.frame + frameCost
		r.frame = 0
		r.finished++
		if !r.admitted || rest || r.full() {
			return n
		}
	}
	return len(p)
}

// full reports whether what was decoded has to be passed on.
func (r *reader) full() bool { return r.batch != nil && len(r.batch.frames) >= maxBatch }

// malformed ends the decoding after the good frames were passed on.
func (r *reader) malformed(err error) {
	r.admitted = true // nothing more will wait for it
	r.pass()
	e := &ending{reason: ReasonProtocolError, err: err}
	var syntax *stompwire.SyntaxError
	if errors.As(err, &syntax) {
		e.malformed = syntax
		if syntax.Limit != "" {
			e.reason = ReasonLimitExceeded
		}
	}
	r.fail(e)
}

// fail reports e and makes the reader deaf until the close.
func (r *reader) fail(e *ending) {
	if !r.deaf {
		r.end(e)
		r.deaf = true
		r.drop()
		r.conn.await(stageClosing)
	}
}

// pass hands the decoded frames to the session when the window allows; after
// the first frame it waits for Admit too.
func (r *reader) pass() {
	if r.batch == nil || r.deaf {
		return
	}
	if r.conn.course.reached(stageStopped) {
		r.halt()
		return
	}
	w, paused := &r.conn.window, false
	if w.Full() {
		paused = true
		r.paused.Store(true)
	}
	if !w.acquire(r.cost) {
		r.halt()
		return
	}
	m := &Inbound{Frames: make([]stompwire.Frame, len(r.batch.frames)), Cost: r.cost}
	copy(m.Frames, r.batch.frames)
	r.conn.frames.Add(uint64(len(m.Frames)))
	r.drop()
	to := r.actor.receiver
	if !r.admitted || to != nil {
		paused = true
		r.paused.Store(true)
	}
	if to != nil {
		to.Receive(m)
	} else {
		r.tell(m)
	}
	if !r.admitted && !r.awaitAdmit() {
		r.halt()
		return
	}
	if paused {
		now := r.actor.clock.Now()
		r.conn.in.lastRead.Store(now.UnixNano())
		r.guard.resume(now)
		r.paused.Store(false)
	}
}

// awaitAdmit waits until the session lets us go on behind the first frame;
// false: it stops us instead.
func (r *reader) awaitAdmit() bool {
	c := r.conn
	c.wait(func() bool { return r.admit.Load() != nil || c.course.reached(stageStopped) })
	if c.course.reached(stageStopped) {
		return false
	}
	a := r.admit.Swap(nil)
	r.admitted = true
	r.dec.SetVersion(a.Version)
	r.dec.SetLimits(a.Limits)
	c.limitMessages(messageLimit(a.Limits))
	return true
}

// drop forgets what was decoded and not passed on.
func (r *reader) drop() {
	if r.batch != nil {
		clear(r.batch.frames)
		r.batch.frames = r.batch.frames[:0]
		batchOfFrames.Put(r.batch)
		r.batch, r.cost = nil, 0
	}
}

// note tells the guard about n bytes that were decoded.
func (r *reader) note(n int) {
	if r.actor.frameTimeout <= 0 || r.deaf {
		return
	}
	fresh, partial := r.finished > 0, r.dec.Partial()
	r.finished = 0
	if !partial {
		if r.partial {
			r.guard.clear()
		}
	} else if r.guard.note(r.actor.clock.Now(), n, fresh || !r.partial) {
		r.report(&frameBegun{})
	}
	r.partial = partial
}

// frameBegun asks the actor to look at the guard in a frame_timeout.
type frameBegun struct{}

// end reports why no more input will come: once, and not after a Close, when
// nobody wants to know any more.
func (r *reader) end(e *ending) {
	if r.reported {
		return
	}
	r.reported = true
	r.report(e)
	if r.conn.course.reached(stageClosing) {
		return
	}
	r.told = e
	if e.malformed != nil {
		r.tell(&Malformed{Err: e.malformed, Reason: e.reason})
	} else {
		r.tell(&Ended{Reason: e.reason, Err: e.err})
	}
}

// lost is the ending for an error of the socket.
func (r *reader) lost(err error) *ending {
	r.pass()
	if err == io.EOF && r.dec.Partial() {
		err = io.ErrUnexpectedEOF
	}
	return &ending{reason: ReasonConnectionLost, err: err, over: true}
}

// more is fill for what reads WebSocket messages: what came with the last read goes
// on before the next.
func (r *reader) more() error {
	r.decode()
	r.pass()
	if r.pending > 0 {
		r.note(r.pending)
		r.pending = 0
	}
	if !r.reading {
		r.letGo()
	}
	return r.fill()
}

// awaitMessage waits for the beginning of a message where the reader may park,
// which it may not within gorilla.
func (r *reader) awaitMessage() error {
	ws, in := r.conn.ws, &r.conn.in
	r.between = true
	defer func() { r.between = false }()
	for ws.buffer.Buffered() == 0 {
		if len(in.unread) > 0 {
			n := ws.control(in.unread, &r.conn.outbox)
			if n == 0 {
				return nil
			}
			in.consume(n)
			continue
		}
		if err := r.more(); err == io.EOF {
			return io.ErrUnexpectedEOF // no Close frame came
		} else if err != nil {
			return err
		}
	}
	return nil
}

// readMessages reads WebSocket messages. What they hold is one stream to the
// decoder: the borders of messages and fragments mean nothing to it.
func (r *reader) readMessages() *ending {
	ws := r.conn.ws
	if ws.buffer.Size() == 0 {
		*ws.buffer = *bufio.NewReaderSize(ws.link, webSocketReadBuffer)
	}
	ws.link.source = r
	defer func() {
		ws.link.source = nil
		r.letGo()
	}()
	for {
		if err := r.awaitMessage(); err == errNothing {
			*ws.buffer = bufio.Reader{} // gorilla keeps it, and it is empty
			return nil
		} else if err != nil {
			return r.webSocketEnd(err)
		}
		kind, message, err := ws.gorilla.NextReader()
		if err != nil {
			return r.webSocketEnd(err)
		}
		var text textCheck
		for {
			free := r.room()
			r.reading = true
			n, err := message.Read(free)
			r.reading = false
			if n > 0 {
				good, valid := n, true
				if kind == websocket.TextMessage {
					good, valid = text.piece(free[:n])
				}
				r.pending += n
				r.payload = r.payload[:len(r.payload)+good]
				if !valid {
					r.invalidText()
				}
			}
			if err == io.EOF {
				if !text.whole() {
					r.invalidText()
				}
				break
			}
			if err != nil {
				return r.webSocketEnd(err)
			}
		}
		if !r.admitted {
			r.decode() // what comes behind is measured by other limits
		}
	}
}

// room gives memory for more of a WebSocket message. It is as large as what the last read of the socket
// brought, and given up with what is decoded from it, but not for the middle of a large frame, which is copied anyway.
func (r *reader) room() []byte {
	if len(r.payload) == cap(r.payload) {
		r.decode()
		r.letGo()
		if r.dec.Missing() >= smallReadBytes {
			r.lent = smallPool.Get().(*smallBuffer)
			r.payload = r.lent[:0]
		} else {
			r.given = len(r.conn.in.unread) + r.conn.ws.buffer.Buffered() + 1
			r.payload = make([]byte, 0, r.given)
		}
	}
	return r.payload[len(r.payload):cap(r.payload)]
}

// decode decodes what was read of WebSocket messages.
func (r *reader) decode() {
	p := r.payload
	r.payload = p[len(p):]
	for len(p) > 0 {
		p = p[r.feed(p, r.given):]
		if !r.admitted || r.full() {
			r.pass()
		}
	}
}

// letGo forgets what was read of WebSocket messages.
func (r *reader) letGo() {
	r.payload, r.given = nil, 0
	if r.lent != nil {
		smallPool.Put(r.lent)
		r.lent = nil
	}
}

// invalidText ends a connection that sent a text message that is none.
func (r *reader) invalidText() {
	r.decode()
	r.conn.ws.fault.CompareAndSwap(0, websocket.CloseInvalidFramePayloadData)
	r.pass()
	r.fail(&ending{reason: ReasonInvalidText, malformed: &stompwire.SyntaxError{
		Clause:  "RFC 6455 §8.1",
		Problem: "a WebSocket text message is not valid UTF-8; a binary message may hold any octets",
	}})
}

// webSocketEnd is the ending for an error of gorilla's.
func (r *reader) webSocketEnd(err error) *ending {
	r.decode()
	r.pass()
	ws := r.conn.ws
	switch {
	case ws.noteClose(err):
		return &ending{reason: ReasonClientDisconnected, err: fmt.Errorf("the peer closed: %w", err), over: true}
	case errors.Is(err, websocket.ErrReadLimit):
		ws.fault.CompareAndSwap(0, websocket.CloseMessageTooBig)
		limit := ws.limit
		return &ending{reason: ReasonLimitExceeded, err: err, malformed: &stompwire.SyntaxError{
			Clause:  "RFC 6455 §10.4",
			Problem: fmt.Sprintf("a WebSocket message is larger than %d octets", limit),
			Limit:   LimitMessageBytes, LimitValue: limit,
		}}
	case ws.fault.Load() != 0: // it wanted to send a Close frame: a breach of the protocol
		return &ending{reason: ReasonProtocolError, err: err, malformed: &stompwire.SyntaxError{
			Clause: "RFC 6455 §5", Problem: err.Error(),
		}}
	}
	return &ending{reason: ReasonConnectionLost, err: err, over: true}
}

// limitMessages bounds WebSocket messages.
func (c *Conn) limitMessages(limit int64) {
	if c.ws == nil {
		return
	}
	c.ws.limit = limit
	c.ws.gorilla.SetReadLimit(limit)
}

// messageLimit is how large a WebSocket message may be: what one STOMP frame may take, and a little.
func messageLimit(l stompwire.Limits) int64 {
	d := stompwire.DefaultLimits()
	block, body := l.MaxHeaderBlockBytes, l.MaxBodyBytes
	if block <= 0 {
		block = d.MaxHeaderBlockBytes
	}
	if body <= 0 {
		body = d.MaxBodyBytes
	}
	return int64(block) + int64(body) + messageSlack
}
