package transport

import (
	"fmt"
	"net"
	"runtime/debug"
	"sync"
)

const (
	// takeBytes is how much the write loop takes at once: several socket
	// buffers' worth, and no more, because what it took can't be removed.
	takeBytes = 256 << 10
	// takeSegments bounds the iovecs of one write; the runtime keeps an array
	// of the most it ever needed with every socket.
	takeSegments = 64
	// flushNowBytes is how much a FlushNow writes at most; more is better written while
	// the caller goes on with something else.
	flushNowBytes = 128 << 10
)

// batch is what the write loop has taken.
type batch struct {
	chunks  []*chunk
	slices  [][]byte
	out     net.Buffers // the rest of slices; net.Buffers.WriteTo eats it
	bytes   int
	frames  int
	control int // of these, WebSocket control frames
	touched []*Sink
	after   []func() // once it is settled; guarded by the lock of the outbox
	due     []func() // of these, those that are to be called now; the writer's
	attempt attempt
}

var batchPool = sync.Pool{New: func() any { return new(batch) }}

// PanicError is a panic of a goroutine that belongs to a connection, as the
// cause of its end.
type PanicError struct {
	Value any
	Stack []byte
}

// Error returns the value that was thrown, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// recovered makes an error of what recover returned; nil if that was nil.
func recovered(v any) error {
	if v == nil {
		return nil
	}
	return &PanicError{Value: v, Stack: debug.Stack()}
}

// run is the write loop: it writes until nothing is left, and first what a
// FlushNow has left.
func (o *Outbox) run() {
	o.mu.Lock()
	b := o.taken
	o.state = loopRunning
	o.mu.Unlock()
	if b == nil {
		b = batchPool.Get().(*batch)
	}
	if err := o.writeAll(b); err != nil {
		o.stop(b, err)
	}
	b.recycle()
}

// Flush has what waits written soon, by the write loop. See Waker.
func (o *Outbox) Flush() { o.common.schedule(o.loop) }

// FlushNow writes what waits, as far as the socket takes it without waiting. The
// write loop goes on with what is left, and has to do it all where that takes longer than to
// wake it, and where a socket can't be written to like that: TLS and pipes. See Waker.
func (o *Outbox) FlushNow() {
	if n, _ := o.Pending(); o.raw == nil || n > flushNowBytes {
		o.Flush()
		return
	}
	b := batchPool.Get().(*batch)
	more, err := o.writeOnce(b)
	switch {
	case err != nil:
		o.stop(b, err)
	case more:
		if !o.pause(b) {
			b.recycle()
		}
		o.Flush()
		return
	}
	b.recycle()
}

// writeAll returns nil when the loop has ended by itself (the state is idle
// then), and what ended it otherwise.
func (o *Outbox) writeAll(b *batch) (err error) {
	defer func() {
		if p := recovered(recover()); p != nil {
			err = p
		}
	}()
	for {
		if len(b.out) == 0 && !o.next(b) {
			return nil
		}
		if len(b.out) == 1 {
			_, err = o.dst.Write(b.out[0])
			b.out = nil
		} else {
			_, err = b.out.WriteTo(o.dst)
		}
		if err != nil {
			return err
		}
		o.wrote(b)
	}
}

// writeOnce writes at most one batch, and no more of it than goes without waiting, and ends a sealed outbox behind it; more: the
// rest of the batch, or something else, is left. Otherwise the state is idle.
func (o *Outbox) writeOnce(b *batch) (more bool, err error) {
	defer func() {
		if p := recovered(recover()); p != nil {
			more, err = false, p
		}
	}()
	for o.next(b) {
		if b.out, err = b.attempt.write(o.raw, b.out); err != nil {
			return false, err
		}
		if len(b.out) > 0 {
			return true, nil
		}
		o.wrote(b)
		more, last := o.more(b)
		b.settled()
		if !last {
			return more, nil
		}
	}
	return false, nil
}

// next takes a batch to be written; false: nothing is left.
func (o *Outbox) next(b *batch) bool {
	more, last := o.take(b)
	b.settled()
	if last != nil {
		last()
		o.finish()
		return false
	}
	for _, c := range b.chunks {
		b.slices = c.gather(b.slices)
	}
	b.out = b.slices
	return more
}

// wrote notes that the socket has taken the batch.
func (o *Outbox) wrote(b *batch) {
	if b.frames > b.control {
		// Pongs are no heart-beats: a browser does not even show them.
		o.lastWrite.Store(o.common.clock.Now().UnixNano())
	}
	o.written.Add(uint64(b.bytes))
	o.report(b)
}

// more settles the batch that was written and tells whether something is left; if not, the state is
// idle. last: what is left is to end a sealed outbox.
func (o *Outbox) more(b *batch) (more, last bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.settle(b)
	if o.failure == nil && (o.first != nil || o.sealed && !o.drained) {
		return true, o.first == nil
	}
	o.idle()
	return false, false
}

// pause leaves it to the write loop to go on, which is to be scheduled. It tells whether that gets the
// batch, too.
func (o *Outbox) pause(b *batch) (kept bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.state = loopScheduled
	if o.joined != nil { // the write loop will touch nothing any more
		close(o.joined)
		o.joined = nil
	}
	return o.taken != nil
}

// take settles the batch that was written and takes the next. With nothing
// left it returns false, after the state went to idle; or, once sealed, the
// function to end with.
func (o *Outbox) take(b *batch) (more bool, last func()) {
	b.release()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.settle(b)
	o.state = loopRunning
	if o.failure == nil {
		for segments := 0; o.first != nil; {
			c := o.first
			segments += c.segments()
			if b.bytes > 0 && (b.bytes+c.wire > takeBytes || segments > takeSegments) {
				break
			}
			o.unlink(c)
			o.deadCopied -= c.deadCopied
			o.evictable -= c.evictable
			b.chunks = append(b.chunks, c)
			b.bytes += c.wire
			b.frames += c.live
			b.control += c.control
		}
		if len(b.chunks) > 0 {
			o.taken = b
			return true, nil
		}
		if o.sealed && !o.drained {
			if o.halfClose == nil {
				return false, func() {}
			}
			return false, o.halfClose
		}
	}
	o.idle()
	return false, nil
}

// settle takes what was written, or never will be, off what is pending. The lock
// is held.
func (o *Outbox) settle(b *batch) {
	o.bytes -= b.bytes
	o.frames -= b.frames
	o.control -= b.control
	b.bytes, b.frames, b.control = 0, 0, 0
	b.due, b.after = append(b.due, b.after...), nil // the next batch may be the same one
	o.taken = nil
}

// settled does what waited for that. It runs without the lock, when the next batch may be with the socket already.
func (b *batch) settled() {
	for len(b.due) > 0 {
		f := b.due[0]
		b.due[0], b.due = nil, b.due[1:]
		f()
	}
}

// idle marks the loop as ended. The lock is held.
func (o *Outbox) idle() {
	o.state = loopIdle
	if o.joined != nil {
		close(o.joined)
		o.joined = nil
	}
}

// report tells the sinks how many of their frames the batch held.
func (o *Outbox) report(b *batch) {
	own, delivered := 0, 0
	for _, c := range b.chunks {
		for i := range c.marks {
			s := c.marks[i].sink
			if s == nil {
				if c.marks[i].wire != 0 { // else it was removed
					own++
				}
				continue
			}
			if s == controlFrames || s == heartBeats {
				continue
			}
			if s.batch == 0 {
				b.touched = append(b.touched, s)
			}
			s.batch++
			delivered++
		}
	}
	o.sent.Add(uint64(own + delivered))
	o.delivered.Add(uint64(delivered))
	for i, s := range b.touched {
		n := s.batch
		s.batch, b.touched[i] = 0, nil
		s.written.Add(uint64(n))
		if s.tell != nil {
			s.tell(n)
		}
	}
	b.touched = b.touched[:0]
}

// release gives the chunks back.
func (b *batch) release() {
	for i, c := range b.chunks {
		c.recycle()
		b.chunks[i] = nil
	}
	clear(b.slices)
	clear(b.touched)
	b.chunks, b.slices, b.touched, b.out = b.chunks[:0], b.slices[:0], b.touched[:0], nil
}

// recycle gives the batch itself back.
func (b *batch) recycle() {
	b.release()
	batchPool.Put(b)
}

// finish ends a sealed outbox after its last byte: the loop is over, and the
// one who runs the connection hears of it.
func (o *Outbox) finish() {
	o.mu.Lock()
	o.drained = true
	events := o.events
	o.mu.Unlock()
	// Told before the loop counts as ended, so that who joins it knows that
	// no event is under way.
	if events != nil {
		events.outboxDrained()
	}
	o.mu.Lock()
	o.idle()
	o.mu.Unlock()
}

// stop ends the loop after an error or a panic.
func (o *Outbox) stop(b *batch, err error) {
	o.mu.Lock()
	o.settle(b)
	tell := o.failure == nil
	o.fail(err)
	events := o.events
	o.mu.Unlock()
	b.settled()
	if tell && events != nil {
		events.outboxFailed(err)
	}
	o.mu.Lock()
	o.idle()
	o.mu.Unlock()
}
