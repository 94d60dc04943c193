//go:build unix

package transport

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// socketDesk is a desk with a real socket: what its peer reads is what was written.
type socketDesk struct {
	*desk
	sock *net.TCPConn
	peer net.Conn
}

// openSocket makes one that takes little before it is full.
func openSocket(t *testing.T) *socketDesk {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	sock, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		peer.Close()
		sock.Close()
	})
	d := &socketDesk{desk: new(desk), sock: sock.(*net.TCPConn), peer: peer}
	d.sock.SetWriteBuffer(8 << 10)
	d.desk.Outbox = newOutbox(sock, false, 64<<20, SystemClock(), func(f func()) { d.loops = append(d.loops, f) })
	d.raw = rawOf(newReadyReader(sock))
	if d.raw == nil {
		t.Fatal("a TCP socket can't be asked")
	}
	return d
}

// waker keeps what it is told.
type waker struct{ woken []*Outbox }

func (w *waker) Wake(o *Outbox) { w.woken = append(w.woken, o) }

// read reads so many octets of what the peer gets.
func (d *socketDesk) read(t *testing.T, n int) string {
	t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(d.peer, b); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What a socket takes is written by who flushes, with no loop: afterwards nothing is pending and the sinks know.
func TestFlushNowWrites(t *testing.T) {
	d := openSocket(t)
	written := 0
	s := d.openSink(Keep, func(n int) { written += n })
	var w waker
	for i := range 3 {
		// The second is referred to: that makes several slices of a frame.
		body := []byte(strings.Repeat("b", referenceBytes+1))
		batch := []Delivery{{Tail: tail("one")}, {Tail: &Tail{Bytes: []byte("two"), Body: body}}}
		if n := s.DeliverBy(&w, batch); n != 2 || len(w.woken) != i+1 {
			t.Fatalf("%d accepted, woken %d times", n, len(w.woken))
		}
		d.AppendBy(&w, []byte("three\x00")) // nobody is to be woken twice
		if len(w.woken) != i+1 || len(d.loops) != 0 {
			t.Fatalf("woken %d times, %d loops", len(w.woken), len(d.loops))
		}
		d.FlushNow()
		want := "one\x00two" + string(body) + "\x00three\x00"
		if got := d.read(t, len(want)); got != want {
			t.Fatalf("the peer got %q", got)
		}
		if n, frames := d.Pending(); n != 0 || frames != 0 || len(d.loops) != 0 || written != 2*(i+1) {
			t.Fatalf("%d octets and %d frames are pending, %d loops, %d reported as written", n, frames, len(d.loops), written)
		}
	}
	if got := d.Stats(); got.Frames != 9 || got.Delivered != 6 {
		t.Errorf("counted %+v", got)
	}
}

// A full socket holds up nobody who flushes: the write loop goes on in the middle of the frame where it stopped, with
// what comes meanwhile behind, each octet once.
func TestFlushNowDoesNotWait(t *testing.T) {
	d := openSocket(t)
	written := 0
	s := d.openSink(Keep, func(n int) { written += n })
	var want bytes.Buffer
	var batch []Delivery
	const frames = 4000
	for i := range frames {
		body := fmt.Sprint(i, strings.Repeat("x", i%1500))
		want.WriteString(body + "\x00")
		if i%3 == 0 {
			batch = append(batch, Delivery{Tail: &Tail{Bytes: []byte(body[:1]), Body: []byte(body[1:])}})
		} else {
			batch = append(batch, Delivery{Tail: tail(body)})
		}
	}
	var w waker
	for len(batch) > 0 {
		s.DeliverBy(&w, batch[:min(20, len(batch))])
		batch = batch[min(20, len(batch)):]
		for len(w.woken) > 0 {
			w.woken = w.woken[1:]
			d.FlushNow() // nobody reads
		}
	}
	if n, _ := d.Pending(); n == 0 || len(d.loops) != 1 || d.taken == nil {
		t.Fatalf("%d octets pending, %d loops scheduled; the socket took it all?", n, len(d.loops))
	}
	ended := make(chan struct{})
	go func() {
		d.loops[0]()
		close(ended)
	}()
	if got := d.read(t, want.Len()); got != want.String() {
		t.Fatal("the peer got something else than what was delivered")
	}
	<-ended
	if n, left := d.Pending(); n != 0 || left != 0 || written != frames || d.taken != nil {
		t.Errorf("%d octets and %d frames are pending, %d reported as written", n, left, written)
	}
}

// Where a FlushNow stopped in the middle of a frame, that goes out whole, whatever a policy drops and a purge removes
// behind it; what is removed is what did not go out.
func TestRemovalBehindFlushNow(t *testing.T) {
	for _, purge := range []bool{false, true} {
		d := openSocket(t)
		d.SetCapacity(1 << 20)
		written := 0
		s := d.openSink(DropOldest, func(n int) { written += n })
		frame := func(i int) string { return fmt.Sprintf("%07d%s", i, strings.Repeat("x", 30_000)) }
		var w waker
		sent := 0
		deliver := func() {
			s.DeliverBy(&w, []Delivery{{Tail: tail(frame(sent))}})
			sent++
		}
		for deliver(); d.taken == nil; deliver() {
			if sent == 1000 {
				t.Fatal("the socket takes it all")
			}
			d.FlushNow()
		}
		for _, dropped := s.Stats(); dropped < 10; _, dropped = s.Stats() {
			deliver()
		}
		_, dropped := s.Stats()
		gone := int(dropped)
		if purge {
			gone += s.Purge()
		}
		ended := make(chan struct{})
		go func() {
			d.flush()
			d.sock.CloseWrite()
			close(ended)
		}()
		all, err := io.ReadAll(d.peer)
		<-ended
		frames := strings.Split(strings.TrimSuffix(string(all), "\x00"), "\x00")
		if err != nil || len(frames) != sent-gone || written != len(frames) {
			t.Errorf("the peer got %d frames of %d, %d were removed, %d reported as written; %v", len(frames), sent, gone, written, err)
		}
		last := -1
		for _, f := range frames {
			i, _ := strconv.Atoi(f[:7])
			if i <= last || f != frame(i) {
				t.Fatalf("behind frame %d comes %d, of %d octets", last, i, len(f))
			}
			last = i
		}
		if n, left := d.Pending(); n != 0 || left != 0 {
			t.Errorf("%d octets and %d frames are pending", n, left)
		}
	}
}

// An outbox that is aborted while a FlushNow has left something counts nothing as pending once its loop has run, and
// who joins it does not wait for the loop.
func TestAbortBehindFlushNow(t *testing.T) {
	d := openSocket(t)
	var w waker
	s := d.openSink(Keep, nil)
	for i := 0; d.taken == nil; i++ {
		if i == 1000 {
			t.Fatal("the socket takes it all")
		}
		s.DeliverBy(&w, []Delivery{{Tail: tail(strings.Repeat("x", flushNowBytes/2))}})
		d.FlushNow()
	}
	var e events
	d.bind(&e)
	d.abort()
	d.sock.Close()
	d.join()
	d.flush()
	if n, frames := d.Pending(); n != 0 || frames != 0 || d.taken != nil || len(e.failed) != 0 {
		t.Errorf("%d octets and %d frames are pending; told of %v", n, frames, e.failed)
	}
}

// An error of the socket is told by who flushes, as it is by the loop.
func TestFlushNowFails(t *testing.T) {
	d := openSocket(t)
	var e events
	d.bind(&e)
	d.sock.Close()
	var w waker
	d.AppendBy(&w, []byte("x\x00"))
	d.FlushNow()
	if len(e.failed) != 1 || len(d.loops) != 0 {
		t.Errorf("told of %v, %d loops", e.failed, len(d.loops))
	}
	if d.Append([]byte("y\x00")) {
		t.Error("it takes more")
	}
}

// A sealed outbox ends by a FlushNow as by its loop: the half-close comes behind the last octet, once.
func TestFlushNowBehindASeal(t *testing.T) {
	d := openSocket(t)
	var e events
	d.bind(&e)
	var w waker
	d.AppendBy(&w, []byte("x\x00"))
	closes := 0
	d.seal(nil, func() { closes++; d.sock.CloseWrite() })
	d.FlushNow()
	if closes != 1 || e.drained != 1 || len(d.loops) != 0 {
		t.Fatalf("%d closes, told %d times, %d loops", closes, e.drained, len(d.loops))
	}
	if got, err := io.ReadAll(d.peer); string(got) != "x\x00" || err != nil {
		t.Errorf("the peer got %q, %v", got, err)
	}
}

// An outbox with nothing pending ends where it is sealed, after its last octets, and no loop is begun for it.
func TestSealOfAnIdleOutbox(t *testing.T) {
	for _, final := range []string{"", "bye"} {
		d := openSocket(t)
		var e events
		d.bind(&e)
		closes := 0
		d.seal([]byte(final), func() { closes++; d.sock.CloseWrite() })
		if closes != 1 || e.drained != 1 || len(d.loops) != 0 {
			t.Fatalf("%d closes, told %d times, %d loops", closes, e.drained, len(d.loops))
		}
		if got, err := io.ReadAll(d.peer); string(got) != final || err != nil {
			t.Errorf("the peer got %q, %v", got, err)
		}
	}
}

// later is a Waker that flushes when it is told to, in either way.
type later struct {
	kept  *Outbox
	turns int
}

func (l *later) Wake(o *Outbox) { l.kept = o }

func (l *later) flush() {
	o := l.kept
	if o == nil {
		return
	}
	l.kept = nil
	if l.turns++; l.turns%5 == 0 {
		o.Flush()
		return
	}
	o.FlushNow()
}

// Whoever delivers, flushes and purges at the same time, the peer gets each frame whole, once, and those of each sender in
// order; at the seal nothing is left.
func TestFlushNowAmongOthers(t *testing.T) {
	const senders, each = 6, 500
	d := openSocket(t)
	d.sock.SetWriteBuffer(64 << 10)
	d.common.schedule = func(f func()) { go f() }
	drained := make(chan struct{})
	d.bind(&drainedOnly{drained})
	var written atomic.Int64
	var wg sync.WaitGroup
	for sender := range senders {
		s := d.openSink(Keep, func(n int) { written.Add(int64(n)) })
		wg.Go(func() {
			var w later
			for i := range each {
				text := fmt.Sprintf("%d:%d:%s", sender, i, strings.Repeat("x", (i*(sender+7))%(referenceBytes+1500)))
				s.DeliverBy(&w, []Delivery{{Tail: tail(text)}})
				if i%50 == 0 {
					other := d.NewSink(nil, DropOldest, nil)
					other.OpenBy(&w, nil)
					other.DeliverBy(&w, []Delivery{{Tail: tail("other")}})
					other.Purge()
				}
				if i%(sender+1) == 0 {
					w.flush()
				}
			}
			w.flush()
		})
	}
	go func() {
		wg.Wait()
		d.seal(nil, func() { d.sock.CloseWrite() })
	}()
	all, err := io.ReadAll(d.peer)
	if err != nil {
		t.Fatal(err)
	}
	<-drained
	next := make([]int, senders)
	for f := range strings.SplitSeq(strings.TrimSuffix(string(all), "\x00"), "\x00") {
		if f == "other" {
			continue
		}
		var sender, i int
		if _, err := fmt.Sscanf(f, "%d:%d:", &sender, &i); err != nil {
			t.Fatalf("a frame of %d octets begins with %.20q", len(f), f)
		}
		if want := (i * (sender + 7)) % (referenceBytes + 1500); i != next[sender] || strings.Count(f, "x") != want {
			t.Fatalf("sender %d: frame %d with %d octets, wants %d with %d", sender, i, strings.Count(f, "x"), next[sender], want)
		}
		next[sender]++
	}
	if n, frames := d.Pending(); n != 0 || frames != 0 || written.Load() != senders*each {
		t.Errorf("%d octets and %d frames are pending, %d reported as written", n, frames, written.Load())
	}
}

// An outbox that is aborted at any moment of this lets go of all it has, and nobody waits for ever to join it.
func TestAbortAmongOthers(t *testing.T) {
	for round := range 20 {
		d := openSocket(t)
		var loops sync.WaitGroup
		d.common.schedule = func(f func()) { loops.Go(f) }
		var wg sync.WaitGroup
		for range 3 {
			s := d.openSink(Keep, nil)
			wg.Go(func() {
				var w later
				for i := range 300 {
					s.DeliverBy(&w, []Delivery{{Tail: tail(strings.Repeat("x", i*10))}})
					w.flush()
				}
			})
		}
		wg.Go(func() {
			io.CopyN(io.Discard, d.peer, int64(round)*50_000)
			d.abort()
			d.sock.Close()
			d.join()
		})
		wg.Wait()
		loops.Wait()
		if n, frames := d.Pending(); n != 0 || frames != 0 || d.taken != nil || d.state != loopIdle {
			t.Fatalf("%d octets and %d frames are pending, state %d", n, frames, d.state)
		}
	}
}

type drainedOnly struct{ drained chan struct{} }

func (*drainedOnly) outboxOverflowed(int) {}
func (e *drainedOnly) outboxDrained()     { close(e.drained) }
func (*drainedOnly) outboxFailed(error)   {}

// What takes longer to write than the loop to wake is the loop's.
func TestFlushNowOfMuch(t *testing.T) {
	d := openSocket(t)
	var w waker
	d.AppendBy(&w, make([]byte, flushNowBytes+1))
	d.FlushNow()
	if n, _ := d.Pending(); n != flushNowBytes+1 || len(d.loops) != 1 || d.taken != nil {
		t.Errorf("%d octets are pending, %d loops; begun: %v", n, len(d.loops), d.taken != nil)
	}
}

// What can't be asked whether it would wait is left to the loop.
func TestFlushNowOfAPipe(t *testing.T) {
	d := newDesk(0)
	var w waker
	d.AppendBy(&w, []byte("x\x00"))
	d.FlushNow()
	if d.writes != 0 || len(d.loops) != 1 {
		t.Fatalf("%d writes, %d loops", d.writes, len(d.loops))
	}
	expect(t, "the loop", d.flush(), "x")
}
