//go:build linux

package transport

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// lot is a server whose connections park by a clock of the test.
type lot struct {
	t       *testing.T
	clock   *manualClock
	parking *Parking
	server  *testServer
	pipes   chan *Conn
}

func newLot(t *testing.T) *lot {
	l := &lot{t: t, clock: newManualClock(), pipes: make(chan *Conn, 1)}
	l.clock.set = make(chan time.Duration, 1<<16)
	l.parking = NewParking(l.clock)
	t.Cleanup(l.parking.Close)
	cfg := all()
	cfg.TLS, cfg.Parking = serverTLS(), l.parking
	l.server = serve(t, cfg)
	return l
}

// parkers are the transports that can park.
var parkers = []string{"tcp", "tls", "ws", "wss", "pipe"}

// connect makes a connection over a transport, up to Admit.
func (l *lot) connect(kind string, options ActorOptions) (net.Conn, *rig) {
	l.t.Helper()
	var client net.Conn
	var conn *Conn
	if kind == "pipe" {
		client, conn = Pipe(PipeOptions{Parking: l.parking})
	} else {
		var err error
		client, err = Dial(context.Background(), kind+"://"+l.server.addr, DialOptions{TLS: clientTLS()})
		if err != nil {
			l.t.Fatal(err)
		}
	}
	l.t.Cleanup(func() { client.Close() })
	send(l.t, client, connect)
	if conn == nil {
		conn = receive(l.t, "a connection", l.server.conns)
	}
	r := newRig(l.t, conn, options)
	r.admit()
	return client, r
}

// years is more time than a test that moves the clock for as long as it takes passes.
const years = 20 * 365 * 24 * time.Hour

// parked reports whether all of them are parked by now.
func parked(conns ...*Conn) bool {
	for _, c := range conns {
		if !c.berth.parked.Load() {
			return false
		}
	}
	return true
}

// park moves the clock until they are parked.
func (l *lot) park(conns ...*Conn) {
	l.t.Helper()
	for end := time.Now().Add(failAfter()); !parked(conns...); runtime.Gosched() {
		l.clock.advance(parkAfter)
		if time.Now().After(end) {
			l.t.Fatal("they don't park")
		}
	}
}

// until waits for what is about to come true by itself.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(failAfter()); !is(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// A connection that is parked answers, over every transport, and parks again: by itself when it was parked for a while, by the
// next sweeps when it was not.
func TestParkedConnectionAnswers(t *testing.T) {
	for _, kind := range parkers {
		t.Run(kind, func(t *testing.T) {
			l := newLot(t)
			client, r := l.connect(kind, ActorOptions{FrameTimeout: time.Minute})
			l.park(r.conn)
			for i := range 3 {
				send(t, client, fmt.Sprintf("SEND\ndestination:a\n\n%d\x00", i))
				if got := r.inbound(1); got[0] != fmt.Sprintf("SEND %d", i) {
					t.Fatalf("got %q", got)
				}
				l.park(r.conn)
			}
			if kind == "tls" || kind == "wss" {
				return // a read of TLS can't but wait
			}
			l.clock.advance(parkAfter)
			send(t, client, "SEND\ndestination:a\n\nlate\x00")
			r.inbound(1)
			until(t, "it does not park by itself", func() bool { return parked(r.conn) })
		})
	}
}

// Connections that do nothing have no goroutines, however many they are.
func TestParkedConnectionsHaveNoGoroutines(t *testing.T) {
	for _, kind := range parkers {
		t.Run(kind, func(t *testing.T) {
			l := newLot(t)
			var conns []*Conn
			for range 20 {
				_, r := l.connect(kind, ActorOptions{})
				conns = append(conns, r.conn)
			}
			if n := readers(); n != len(conns) {
				t.Fatalf("%d readers for %d connections that are awake", n, len(conns))
			}
			l.park(conns...)
			until(t, "parked readers keep goroutines", func() bool { return readers() == 0 })
		})
	}
}

// readers counts the goroutines of readers.
func readers() int {
	stacks := make([]byte, 1<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "transport.(*reader).run(")
}

// A parked reader comes to its end whatever ends the connection, and Closed says why.
func TestParkedReaderEnds(t *testing.T) {
	ends := []struct {
		name string
		do   func(l *lot, client net.Conn, r *rig)
		want CloseReason
	}{
		{"the client vanishes", func(l *lot, client net.Conn, r *rig) {
			if w, ok := client.(*webSocketClient); ok {
				client = w.NetConn()
			}
			client.Close()
			next[*Ended](l.t, r.session)
			r.tell(&Close{Reason: ReasonConnectionLost})
		}, ReasonConnectionLost},
		{"abort", func(_ *lot, _ net.Conn, r *rig) { r.conn.Abort() }, ReasonConnectionLost},
		{"close at once", func(_ *lot, _ net.Conn, r *rig) {
			r.tell(&Close{Reason: ReasonShutdown, Linger: -1})
		}, ReasonShutdown},
		{"close", func(l *lot, client net.Conn, r *rig) {
			r.tell(&Close{Reason: ReasonShutdown, Linger: failAfter()})
			io.Copy(io.Discard, client)
			client.Close()
		}, ReasonShutdown},
		{"a heart-beat that does not come", func(l *lot, _ net.Conn, r *rig) {
			l.clock.advance(3 * years)
			if e := next[*Ended](l.t, r.session); e.Reason != ReasonHeartBeatTimeout {
				l.t.Fatalf("ended because of %q", e.Reason)
			}
			r.tell(&Close{Reason: ReasonHeartBeatTimeout, Linger: -1})
		}, ReasonHeartBeatTimeout},
	}
	for _, kind := range parkers {
		for _, end := range ends {
			t.Run(kind+"/"+end.name, func(t *testing.T) {
				l := newLot(t)
				client, r := l.connect(kind, ActorOptions{Clock: l.clock})
				r.tell(&SetHeartBeat{Receive: years}) // longer than it takes to park
				for receive(t, "the timer of the heart-beat", l.clock.set) < years {
				}
				l.park(r.conn)
				end.do(l, client, r)
				r.closed(end.want)
				until(t, "its reader is left", func() bool { return readers() == 0 })
				until(t, "a place is still taken", func() bool {
					l.parking.watch.mu.Lock()
					defer l.parking.watch.mu.Unlock()
					return len(l.parking.watch.slots) == len(l.parking.watch.free)
				})
			})
		}
	}
}

// Nothing is lost of what comes while a reader is being parked, nor does it come twice.
func TestBytesWhileParking(t *testing.T) {
	for _, kind := range parkers {
		t.Run(kind, func(t *testing.T) {
			l := newLot(t)
			client, r := l.connect(kind, ActorOptions{FrameTimeout: time.Minute})
			const rounds = 200
			swept := make(chan struct{})
			go func() {
				defer close(swept)
				for range 20 * rounds {
					l.clock.advance(parkAfter)
				}
			}()
			for i := range rounds {
				// In two pieces, the second of which may meet a reader that was asked to park within a frame.
				frame := fmt.Sprintf("SEND\ndestination:a\n\n%d\x00\n", i)
				cut := i % len(frame)
				send(t, client, frame[:cut])
				send(t, client, frame[cut:])
				if got := r.inbound(1); got[0] != fmt.Sprintf("SEND %d", i) {
					t.Fatalf("got %q, want frame %d", got, i)
				}
			}
			closes(t, "the last sweep", swept)
			l.park(r.conn)
		})
	}
}

// A connection that is aborted while it parks, or interrupted, ends all the same.
func TestAbortWhileParking(t *testing.T) {
	for _, kind := range parkers {
		t.Run(kind, func(t *testing.T) {
			l := newLot(t)
			for i := range 20 {
				_, r := l.connect(kind, ActorOptions{})
				swept := make(chan struct{})
				go func() {
					defer close(swept)
					l.clock.advance(parkAfter)
				}()
				if i%2 == 0 {
					r.conn.Abort()
					r.closed(ReasonConnectionLost)
				} else {
					r.conn.interrupt(&ending{reason: ReasonFrameTimeout})
					next[*Ended](t, r.session)
					r.tell(&Close{Reason: ReasonFrameTimeout, Linger: -1})
					r.closed(ReasonFrameTimeout)
				}
				closes(t, "the sweep", swept)
				r.stop()
			}
		})
	}
}

// A reader whose connection was stopped when nobody could see it parked does not park, or it would wait for ever.
func TestStoppedReaderDoesNotPark(t *testing.T) {
	l := newLot(t)
	_, pipe := Pipe(PipeOptions{Parking: l.parking})
	client, err := net.Dial("tcp", l.server.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	send(t, client, connect)
	for kind, conn := range map[string]*Conn{"pipe": pipe, "tcp": receive(t, "a connection", l.server.conns)} {
		conn.in.giveBack() // nobody reads it: there is nothing to resume for
		conn.course.reach(stageStopped)
		if l.parking.park(conn) {
			t.Errorf("%s: it parked", kind)
		}
		conn.Abort()
	}
}

// A ping is answered by a parked WebSocket, which parks again behind it.
func TestPingWhileParked(t *testing.T) {
	l := newLot(t)
	client, r := l.connect("ws", ActorOptions{})
	l.park(r.conn)
	l.clock.advance(parkAfter)
	ws := client.(*webSocketClient)
	pongs := make(chan string, 1)
	ws.SetPongHandler(func(payload string) error {
		pongs <- payload
		return nil
	})
	go ws.Read(make([]byte, 1))
	for _, payload := range []string{"", "are you there?", strings.Repeat("x", maxControlPayload)} {
		if err := ws.WriteControl(websocket.PingMessage, []byte(payload), time.Time{}); err != nil {
			t.Fatal(err)
		}
		if got := receive(t, "a pong", pongs); got != payload {
			t.Errorf("got the pong %q, want %q", got, payload)
		}
		l.park(r.conn)
	}
}

// A reader in the middle of a frame, or of a WebSocket message, keeps its goroutine.
func TestPartialFramesDoNotPark(t *testing.T) {
	const frame = "SEND\ndestination:a\n\n\x00"
	message := string([]byte{opText, 0x80 | byte(len("\n"+frame)), 0, 0, 0, 0}) + "\n" + frame // its mask is 0
	for _, c := range []struct {
		name, kind string
		raw        bool // below WebSocket
		all        string
		first      int
	}{
		{"tcp", "tcp", false, frame, 10},
		{"pipe", "pipe", false, frame, 10},
		{"a frame in two messages", "ws", false, frame, 10},
		{"a message that has brought a line end", "ws", true, message, 7},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLot(t)
			client, r := l.connect(c.kind, ActorOptions{})
			if c.raw {
				client = client.(*webSocketClient).NetConn()
			}
			before := r.conn.in.taken.Load()
			send(t, client, c.all[:c.first])
			until(t, "nothing came", func() bool { return r.conn.in.taken.Load() >= before+uint64(c.first) })
			for range 5 {
				l.clock.advance(parkAfter)
				until(t, "it was asked to park and did not say no", func() bool { return l.isAwake(r.conn) || parked(r.conn) })
				if parked(r.conn) {
					t.Fatal("it parked in the middle of a frame")
				}
			}
			send(t, client, c.all[c.first:])
			r.inbound(1)
			l.park(r.conn)
		})
	}
}

// Where sockets can't be watched, as when there are no descriptors left, connections keep their goroutines and work.
func TestParkingWithoutWatch(t *testing.T) {
	l := newLot(t)
	l.parking.watch.close()
	client, r := l.connect("tcp", ActorOptions{})
	l.clock.advance(parkAfter)
	l.clock.advance(parkAfter)
	until(t, "it was not asked to park", func() bool { return !l.isAwake(r.conn) })
	send(t, client, "SEND\ndestination:a\n\n\x00")
	r.inbound(1)
	if parked(r.conn) || readers() != 1 {
		t.Error("it is parked")
	}
}

func (l *lot) isAwake(c *Conn) bool {
	l.parking.mu.Lock()
	defer l.parking.mu.Unlock()
	return c.berth.listed
}

// When a Parking is closed, those that are parked go on, and its goroutine ends, which the check for leaks sees.
func TestParkingCloses(t *testing.T) {
	for _, kind := range parkers {
		t.Run(kind, func(t *testing.T) {
			l := newLot(t)
			client, r := l.connect(kind, ActorOptions{})
			l.park(r.conn)
			l.parking.Close()
			send(t, client, "SEND\ndestination:a\n\n\x00")
			r.inbound(1)
			l.parking.Close()
		})
	}
}
