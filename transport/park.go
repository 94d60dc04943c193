package transport

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// parkAfter is how often a Parking looks for readers that have nothing to read.
const parkAfter = 250 * time.Millisecond

// Parking lets connections that are quiet wait without a goroutine: a reader
// that has waited for a while leaves its goroutine and goes on in another one as
// soon as there is something to read. A goroutine with its stack is more than
// all the rest of an idle connection here.
//
// It is for many connections, of several servers and pipes. It works for what
// can tell when there is something to read: sockets on Linux, TLS over them, and
// pipes. Other connections keep their goroutines, and so does everybody when
// there is no descriptor left to watch sockets with.
type Parking struct {
	clock Clock

	mu     sync.Mutex
	awake  *Conn // the first of a list: those that the next sweep looks at
	timer  Timer // of the next sweep; nil: nobody is awake
	closed bool

	watch watch // of sockets
}

// NewParking returns an empty one. clock may be nil.
func NewParking(clock Clock) *Parking { return &Parking{clock: orSystem(clock)} }

// Close has nobody park any more, and ends the goroutine that watches sockets.
// Readers that are parked get goroutines.
func (p *Parking) Close() {
	p.mu.Lock()
	p.closed = true
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	for p.awake != nil {
		p.unlink(p.awake)
	}
	p.mu.Unlock()
	p.watch.close()
}

// notifier is what can tell when there is something to read.
type notifier interface {
	// notify has c resumed as soon as there is something to read: once, or a
	// few times more than that.
	notify(c *Conn) error
}

// errNothing is a read that did not wait.
var errNothing = errors.New("transport: nothing to read")

// berth is a connection's place in a Parking.
type berth struct {
	parked atomic.Bool // the reader has no goroutine: who takes this back gives it one
	brief  bool        // the reader's: it parks as soon as there is nothing to read
	rooted bool        // the reader's: it keeps its goroutine
	known  bool        // to the kernel, as a socket to watch; the lock of the watch guards it
	slot   uint32      // the place in the watch, from 1; likewise
	woken  int64       // when it was resumed last, in Unix nanoseconds; the reader's

	// The lock of the Parking guards these.
	next, prev *Conn
	seen       uint32 // what had been read at the last sweep: the lower half is enough to tell
	listed     bool
}

// notifierOf finds what tells when there is something to read from sock, of
// which ready is the reader; nil: nothing does.
func notifierOf(sock net.Conn, ready readyReader) notifier {
	if secure, ok := sock.(*tls.Conn); ok {
		// TLS has nothing of its own to give while a read of it waits.
		sock = secure.NetConn()
		if s, ok := sock.(*sniffed); ok {
			sock = s.Conn
		}
		ready = newReadyReader(sock)
	}
	n, _ := ready.(notifier)
	return n
}

// enter puts c on the list of those awake.
func (p *Parking) enter(c *Conn) {
	if p == nil || c.berth.rooted || c.course.reached(stageStopped) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || c.berth.listed {
		return
	}
	c.berth.listed, c.berth.seen = true, uint32(c.in.taken.Load())
	c.berth.next = p.awake
	if p.awake != nil {
		p.awake.berth.prev = c
	}
	p.awake = c
	if p.timer == nil {
		p.timer = p.clock.AfterFunc(parkAfter, p.sweep)
	}
}

// leave takes c off the list.
func (p *Parking) leave(c *Conn) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.berth.listed {
		p.unlink(c)
	}
}

// unlink takes c off the list, on which it is. The lock is held.
func (p *Parking) unlink(c *Conn) {
	b := &c.berth
	if b.prev != nil {
		b.prev.berth.next = b.next
	} else {
		p.awake = b.next
	}
	if b.next != nil {
		b.next.berth.prev = b.prev
	}
	b.listed, b.next, b.prev = false, nil, nil
}

// sweep asks those to park that have read nothing since the last sweep. To ask
// is to set a read deadline that has passed: it costs who reads nothing.
func (p *Parking) sweep() {
	var quiet []*Conn
	p.mu.Lock()
	for c := p.awake; c != nil; {
		next := c.berth.next
		if taken := uint32(c.in.taken.Load()); taken != c.berth.seen {
			c.berth.seen = taken
		} else {
			p.unlink(c)
			quiet = append(quiet, c)
		}
		c = next
	}
	p.timer = nil
	if p.awake != nil && !p.closed {
		p.timer = p.clock.AfterFunc(parkAfter, p.sweep)
	}
	p.mu.Unlock()
	for _, c := range quiet {
		c.sock.SetReadDeadline(longAgo)
	}
}

// begin is the start of a reader's goroutine. One that was parked for long
// will not have much to read: it parks again as soon as that is done, unless
// it can't read without waiting (TLS).
func (p *Parking) begin(c *Conn) {
	if p == nil || c.berth.rooted {
		return
	}
	now := p.clock.Now().UnixNano()
	resumed := c.berth.woken != 0
	c.berth.brief = resumed && c.in.ready != nil && now-c.berth.woken >= int64(parkAfter)
	c.berth.woken = now
	if !resumed && notifierOf(c.sock, c.in.ready) == nil {
		c.berth.rooted = true
	}
	if !c.berth.brief {
		p.enter(c)
	}
}

// stay has a reader wait with its goroutine that could not park, or could but
// has something to do.
func (p *Parking) stay(c *Conn) {
	c.berth.brief = false
	p.enter(c)
}

// park parks the reader; false: it has to go on. After true the caller must
// touch nothing any more, since the reader may run already.
func (p *Parking) park(c *Conn) bool {
	if p == nil || c.berth.rooted {
		return false
	}
	p.leave(c)
	c.berth.parked.Store(true)
	err := notifierOf(c.sock, c.in.ready).notify(c)
	// Who stops the connection looks for a parked reader afterwards. Looked
	// at after the flag is up: one of us sees the other. What was taken for a
	// reader that does not park after all is given back by the event, or by
	// Abort.
	if err == nil && !c.course.reached(stageStopped) {
		return true
	}
	if !c.berth.parked.CompareAndSwap(true, false) {
		return true // it was resumed, and goes on elsewhere
	}
	if err != nil {
		c.berth.rooted = true
	}
	p.stay(c)
	return false
}

// resume gives a parked reader a goroutine.
func (c *Conn) resume() {
	if c.berth.parked.CompareAndSwap(true, false) {
		c.common.schedule(c.reader.run)
	}
}
