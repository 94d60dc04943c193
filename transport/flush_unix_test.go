//go:build unix

package transport

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
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
	if n, _ := d.Pending(); n == 0 || len(d.loops) != 1 || d.rest == nil {
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
	if n, left := d.Pending(); n != 0 || left != 0 || written != frames || d.rest != nil {
		t.Errorf("%d octets and %d frames are pending, %d reported as written", n, left, written)
	}
}

// An outbox that is aborted while a FlushNow has left something counts nothing as pending once its loop has run, and
// who joins it does not wait for the loop.
func TestAbortBehindFlushNow(t *testing.T) {
	d := openSocket(t)
	var w waker
	s := d.openSink(Keep, nil)
	for i := 0; d.rest == nil; i++ {
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
	if n, frames := d.Pending(); n != 0 || frames != 0 || d.rest != nil || len(e.failed) != 0 {
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
	d.flush() // there was more to do than to write
	if got, err := io.ReadAll(d.peer); string(got) != "x\x00" || err != nil || closes != 1 || e.drained != 1 {
		t.Errorf("the peer got %q, %v; %d closes, told %d times", got, err, closes, e.drained)
	}
}

// What takes longer to write than the loop to wake is the loop's.
func TestFlushNowOfMuch(t *testing.T) {
	d := openSocket(t)
	var w waker
	d.AppendBy(&w, make([]byte, flushNowBytes+1))
	d.FlushNow()
	if n, _ := d.Pending(); n != flushNowBytes+1 || len(d.loops) != 1 {
		t.Errorf("%d octets are pending, %d loops", n, len(d.loops))
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
