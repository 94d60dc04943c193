package transport

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stampede/stompwire"
)

// pass lets time pass in a bubble.
func pass(d time.Duration) { <-time.After(d) }

// bubble runs f in a synctest bubble, where waiting for time costs none.
func bubble(t *testing.T, f func(t *testing.T)) { synctest.Test(t, f) }

// The first frame comes alone; what is pipelined behind it comes after Admit, under its version.
func TestNothingBehindConnectBeforeAdmit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, r := pipeRig(t, ActorOptions{})
		send(t, client, connect+"SEND\ndestination:a\\cb\n\none\x00SEND\ndestination:b\n\ntwo\x00")
		in := next[*Inbound](t, r.session)
		if len(in.Frames) != 1 || in.Frames[0].Command != stompwire.Connect {
			t.Fatalf("%v", in.Frames)
		}
		synctest.Wait()
		silent(t, r.session)
		r.tell(&Admit{Version: stompwire.V12, Limits: stompwire.DefaultLimits()})
		in = next[*Inbound](t, r.session)
		if len(in.Frames) != 2 {
			t.Fatalf("%d frames in one read, want 2", len(in.Frames))
		}
		if d, _ := in.Frames[0].Header.Get("destination"); d != "a:b" {
			t.Errorf("destination %q: the version of Admit was not used", d)
		}
		r.stop()
	})
}

// A stream that comes one byte at a time gives the same frames.
func TestByteByByte(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, r := pipeRig(t, ActorOptions{FrameTimeout: time.Minute})
		stream := connect + "\n\r\nSEND\ndestination:a\n\none\x00\nSEND\ndestination:b\ncontent-length:3\n\nt\x00o\x00"
		go func() {
			for _, b := range []byte(stream) {
				client.Write([]byte{b})
			}
		}()
		r.admit()
		if got := r.inbound(2); !slices.Equal(got, []string{"SEND one", "SEND t\x00o"}) {
			t.Fatalf("%q", got)
		}
		r.stop()
	})
}

// An Inbound costs its bytes and 256 a frame, and the window has been charged with that.
func TestInboundCost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, r := pipeRig(t, ActorOptions{})
		send(t, client, connect)
		in := next[*Inbound](t, r.session)
		if want := len(connect) + frameCost; in.Cost != want || r.conn.Window().Used() != want {
			t.Errorf("cost %d, window %d; want %d", in.Cost, r.conn.Window().Used(), want)
		}
		r.stop()
	})
}

// A read with very many frames is passed on in batches.
func TestBatchesAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, r := pipeRig(t, ActorOptions{})
		send(t, client, connect)
		r.admit()
		go io.WriteString(client, strings.Repeat("ACK\nid:1\n\n\x00", 3*maxBatch+1))
		n := 0
		for n < 3*maxBatch+1 {
			in := next[*Inbound](t, r.session)
			if len(in.Frames) > maxBatch {
				t.Fatalf("%d frames in one Inbound", len(in.Frames))
			}
			n += len(in.Frames)
			r.conn.Window().Release(in.Cost)
		}
		r.stop()
	})
}

// A full window stops the reader, so a flood stays in the pipe; releasing lets it go on.
func TestWindowStopsTheReader(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, server := Pipe(PipeOptions{InboundWindow: 1000})
		r := newRig(t, server, ActorOptions{})
		send(t, client, connect)
		r.admit()
		const n = 500
		frame := "SEND\ndestination:a\n\n" + strings.Repeat("x", 1000) + "\x00"
		sent := 0
		go func() {
			for range n {
				io.WriteString(client, frame)
				sent++
			}
		}()
		synctest.Wait()
		if sent == n {
			t.Fatal("the flood was not held back")
		}
		// One batch may overdraw the window; what is read beyond it waits.
		in := next[*Inbound](t, r.session)
		silent(t, r.session)
		got := len(in.Frames)
		r.conn.Window().Release(in.Cost)
		got += len(r.inbound(n - got))
		if got != n {
			t.Fatalf("%d frames, want %d", got, n)
		}
		client.Close()
		r.stop()
	})
}

// Input that cannot be decoded: first all good frames, then Malformed once, then nothing; the
// socket still takes an ERROR, and Close delivers it.
func TestMalformed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, r := pipeRig(t, ActorOptions{})
		send(t, client, connect)
		r.admit()
		send(t, client, "SEND\ndestination:a\n\none\x00NONSENSE\n\n\x00SEND\ndestination:a\n\ntwo\x00")
		if got := r.inbound(1); got[0] != "SEND one" {
			t.Fatalf("%q", got)
		}
		m := next[*Malformed](t, r.session)
		if m.Reason != ReasonProtocolError || !strings.Contains(m.Err.Error(), "NONSENSE") {
			t.Errorf("%v %v", m.Reason, m.Err)
		}
		send(t, client, "SEND\ndestination:a\n\nthree\x00")
		synctest.Wait()
		silent(t, r.session)
		r.conn.Outbox().Append([]byte("ERROR\n\n\x00"))
		r.tell(&Close{Reason: m.Reason})
		if got := readAll(t, client); got != "ERROR\n\n\x00" {
			t.Errorf("the client read %q", got)
		}
		client.Close()
		r.closed(ReasonProtocolError)
		silent(t, r.session)
		r.stop()
	})
}

// A limit that is passed is named, with ReasonLimitExceeded; before Admit the smaller limits hold.
func TestLimits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, r := pipeRig(t, ActorOptions{})
		send(t, client, "CONNECT\n"+strings.Repeat("h:1\n", ConnectLimits().MaxHeaders+1)+"\n\x00")
		m := next[*Malformed](t, r.session)
		if m.Reason != ReasonLimitExceeded || m.Err.Limit != stompwire.LimitHeaders || m.Err.LimitValue != int64(ConnectLimits().MaxHeaders) {
			t.Errorf("%v %+v", m.Reason, m.Err)
		}
		r.stop()
	})
}

// The peer's end of stream is told once, after all frames; within a frame it is an unexpected one.
// The way out still works.
func TestPeerEnds(t *testing.T) {
	for _, c := range []struct {
		tail string
		want error
	}{{"", io.EOF}, {"\n\n", io.EOF}, {"SEND\ndest", io.ErrUnexpectedEOF}} {
		bubble(t, func(t *testing.T) {
			client, r := pipeRig(t, ActorOptions{})
			send(t, client, connect)
			r.admit()
			send(t, client, "SEND\ndestination:a\n\none\x00"+c.tail)
			client.(*pipeEnd).CloseWrite()
			r.inbound(1)
			e := next[*Ended](t, r.session)
			if e.Reason != ReasonConnectionLost || !errors.Is(e.Err, c.want) {
				t.Errorf("after %q: %v %v", c.tail, e.Reason, e.Err)
			}
			r.conn.Outbox().Append([]byte("RECEIPT\n\n\x00"))
			r.tell(&Close{Reason: ReasonClientDisconnected})
			if got := readAll(t, client); got != "RECEIPT\n\n\x00" {
				t.Errorf("the client read %q", got)
			}
			r.closed(ReasonClientDisconnected)
			silent(t, r.session)
			r.stop()
		})
	}
}

// A session that does not answer the end of input does not keep the connection: the transport
// closes it after EndGrace.
func TestEndGrace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, r := pipeRig(t, ActorOptions{EndGrace: time.Minute})
		start := time.Now()
		client.(*pipeEnd).CloseWrite()
		next[*Ended](t, r.session)
		r.closed(ReasonConnectionLost)
		if d := time.Since(start); d != time.Minute {
			t.Errorf("closed after %v", d)
		}
		r.stop()
	})
}

// When the peer is gone for good, the first write that fails ends the input too.
func TestWriteFailureEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		near, far := newPipe(0, SystemClock())
		c := newConn(&deafConn{far}, nil, newCommon(nil, nil, nil), connOptions{})
		r := newRig(t, c, ActorOptions{})
		c.Outbox().Append([]byte("x"))
		if e := next[*Ended](t, r.session); e.Reason != ReasonConnectionLost || !errors.Is(e.Err, errDeaf) {
			t.Errorf("%v %v", e.Reason, e.Err)
		}
		r.tell(&Close{Reason: ReasonConnectionLost})
		r.closed(ReasonConnectionLost)
		near.Close()
		r.stop()
	})
}

var errDeaf = errors.New("nobody listens")

// deafConn is a connection that can only be read.
type deafConn struct{ *pipeEnd }

func (deafConn) Write([]byte) (int, error) { return 0, errDeaf }

// Overflow of the outbox is told to the session once.
func TestOverflowIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, server := Pipe(PipeOptions{OutboxCapacity: 100})
		r := newRig(t, server, ActorOptions{})
		s := server.Outbox().NewSink(nil, Disconnect, nil)
		s.Deliver(deliveries(strings.Repeat("x", 60), strings.Repeat("x", 60), strings.Repeat("x", 60)))
		if m := next[*Overflow](t, r.session); m.Bytes != 61 {
			t.Errorf("overflow with %d bytes pending", m.Bytes)
		}
		synctest.Wait()
		silent(t, r.session)
		client.Close()
		r.stop()
	})
}

// A connection that is not admitted in time ends with ReasonLoginTimeout, whether it is silent, in
// the middle of CONNECT, or waits for a session that does not decide.
func TestLoginTimeout(t *testing.T) {
	for _, said := range []string{"", "CONN", connect} {
		bubble(t, func(t *testing.T) {
			client, r := pipeRig(t, ActorOptions{LoginlessTimeout: 10 * time.Second})
			start := time.Now()
			send(t, client, said)
			if said == connect {
				next[*Inbound](t, r.session)
			}
			e := next[*Ended](t, r.session)
			if e.Reason != ReasonLoginTimeout || time.Since(start) != 10*time.Second {
				t.Errorf("%v after %v", e.Reason, time.Since(start))
			}
			r.conn.Outbox().Append([]byte("ERROR\n\n\x00"))
			r.tell(&Close{Reason: e.Reason})
			if got := readAll(t, client); got != "ERROR\n\n\x00" {
				t.Errorf("the client read %q", got)
			}
			client.Close()
			r.closed(ReasonLoginTimeout)
			r.stop()
		})
	}
}

// Once admitted, the login timeout is off.
func TestLoginInTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, r := pipeRig(t, ActorOptions{LoginlessTimeout: 10 * time.Second})
		send(t, client, connect)
		r.admit()
		pass(time.Hour)
		silent(t, r.session)
		client.Close()
		r.stop()
	})
}

// Heart-beats go out within the interval, one LF each, only when nothing else was written; what we
// read does not put them off.
func TestHeartBeatSent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, r := pipeRig(t, ActorOptions{})
		send(t, client, connect)
		r.admit()
		r.tell(&SetHeartBeat{Send: 10 * time.Second})
		start := time.Now()
		one := make([]byte, 10)
		for i := range 5 {
			send(t, client, "\n")
			n, err := client.Read(one)
			if err != nil || string(one[:n]) != "\n" {
				t.Fatalf("read %q, %v", one[:n], err)
			}
			if d := time.Since(start); d > time.Duration(i+1)*10*time.Second || d < time.Duration(i+1)*8*time.Second {
				t.Errorf("heart-beat %d after %v", i+1, d)
			}
		}
		// A frame puts the next one off by a whole interval.
		pass(5 * time.Second)
		r.conn.Outbox().Append([]byte("x"))
		if n, _ := client.Read(one); string(one[:n]) != "x" {
			t.Fatalf("read %q", one[:n])
		}
		at := time.Now()
		if n, _ := client.Read(one); string(one[:n]) != "\n" || time.Since(at) < 8*time.Second {
			t.Errorf("heart-beat %v after a frame", time.Since(at))
		}
		r.stop()
	})
}

// No heart-beats pile up for a peer that does not read.
func TestHeartBeatsDoNotPileUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, server := Pipe(PipeOptions{BufferBytes: 1})
		r := newRig(t, server, ActorOptions{})
		r.tell(&SetHeartBeat{Send: time.Second})
		pass(time.Hour)
		if bytes, _ := server.Outbox().Pending(); bytes > 1 {
			t.Errorf("%d bytes pending", bytes)
		}
		client.Close()
		r.stop()
	})
}

// A peer that stays silent for interval × tolerance is dead, not a moment before; any byte counts,
// a part of a frame too.
func TestHeartBeatExpected(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, r := pipeRig(t, ActorOptions{})
		send(t, client, connect)
		r.admit()
		r.tell(&SetHeartBeat{Receive: 10 * time.Second, Tolerance: 2.5})
		for _, part := range []string{"\n", "SEND\nd", "estination:a\n\n", "b", "\x00", "\r", "\n"} {
			pass(25*time.Second - time.Nanosecond)
			send(t, client, part)
			if part == "\x00" {
				r.inbound(1)
			}
			synctest.Wait()
			silent(t, r.session)
		}
		at := time.Now()
		e := next[*Ended](t, r.session)
		if e.Reason != ReasonHeartBeatTimeout || time.Since(at) != 25*time.Second {
			t.Errorf("%v after %v", e.Reason, time.Since(at))
		}
		if e.Err == nil || !strings.Contains(e.Err.Error(), "25s") {
			t.Errorf("the error does not say how long: %v", e.Err)
		}
		r.tell(&Close{Reason: e.Reason})
		client.Close()
		r.closed(ReasonHeartBeatTimeout)
		r.stop()
	})
}

// Without agreement on heart-beats there is no timer at all.
func TestHeartBeatOff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, r := pipeRig(t, ActorOptions{})
		send(t, client, connect)
		r.admit()
		r.tell(&SetHeartBeat{})
		pass(24 * time.Hour)
		silent(t, r.session)
		if bytes := r.conn.Outbox().Stats().WrittenBytes; bytes != 0 {
			t.Errorf("%d bytes written", bytes)
		}
		client.Close()
		r.stop()
	})
}

// A reader that the broker holds back hears nothing, so silence proves nothing: neither before
// Admit nor behind a full window. The time counts anew when it goes on.
func TestPausedReaderIsNotDead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, server := Pipe(PipeOptions{InboundWindow: 1})
		r := newRig(t, server, ActorOptions{FrameTimeout: 30 * time.Second})
		r.tell(&SetHeartBeat{Receive: 10 * time.Second})
		send(t, client, connect+"SEND\ndestination:a\n\none\x00SEND\ndesti")
		in := next[*Inbound](t, r.session)
		pass(time.Hour) // before Admit
		silent(t, r.session)
		r.tell(&Admit{Version: stompwire.V12, Limits: stompwire.DefaultLimits()})
		pass(time.Hour) // the window is full
		silent(t, r.session)
		r.conn.Window().Release(in.Cost)
		in = next[*Inbound](t, r.session)
		send(t, client, "nation:a\n\ntwo\x00SEND\n")
		pass(time.Hour) // full again, with a frame unfinished
		silent(t, r.session)
		r.conn.Window().Release(in.Cost)
		next[*Inbound](t, r.session)
		at := time.Now()
		e := next[*Ended](t, r.session)
		if e.Reason != ReasonHeartBeatTimeout || time.Since(at) != 20*time.Second {
			t.Errorf("%v, %v after the pause", e.Reason, time.Since(at))
		}
		client.Close()
		r.stop()
	})
}

// holding is a Receiver that has other work first.
type holding struct {
	got chan *Inbound
	on  chan struct{}
}

func (h *holding) Receive(in *Inbound) {
	h.got <- in
	<-h.on
}

// A reader that is kept by what it does for others hears nothing either: its time counts from when it reads again.
func TestReaderAtWorkIsNotDead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, server := Pipe(PipeOptions{})
		h := &holding{got: make(chan *Inbound), on: make(chan struct{})}
		r := newRig(t, server, ActorOptions{FrameTimeout: 30 * time.Second}, func(o *owner) { o.receive = h })
		r.tell(&SetHeartBeat{Receive: 10 * time.Second})
		send(t, client, connect)
		<-h.got
		r.tell(&Admit{Version: stompwire.V12, Limits: stompwire.DefaultLimits()})
		h.on <- struct{}{}
		send(t, client, "SEND\ndesti")
		pass(time.Second)
		send(t, client, "nation:a\n\none\x00SEND\ndesti") // the end of a frame that has taken its time, and another begun
		<-h.got
		pass(time.Hour)
		silent(t, r.session)
		at := time.Now()
		h.on <- struct{}{}
		e := next[*Ended](t, r.session)
		if e.Reason != ReasonHeartBeatTimeout || time.Since(at) != 20*time.Second {
			t.Errorf("%v, %v after the work", e.Reason, time.Since(at))
		}
		client.Close()
		r.stop()
	})
}

// A frame that was begun and is neither finished nor continued for frame_timeout is malformed; one
// that is continued too slowly too; one with 16 KiB in each is not, however long it takes.
func TestFrameTimeout(t *testing.T) {
	const timeout = 30 * time.Second
	begin := "SEND\ndestination:a\ncontent-length:1000000\n\n"
	for _, c := range []struct {
		name string
		step int // bytes every 9 s
		dead bool
	}{{"stalled", 0, true}, {"trickling", 100, true}, {"nearly", frameProgress/3 - 100, true}, {"fast enough", frameProgress/3 + 100, false}} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				client, r := pipeRig(t, ActorOptions{FrameTimeout: timeout})
				send(t, client, connect)
				r.admit()
				pass(time.Hour) // between frames nothing is timed
				silent(t, r.session)
				send(t, client, "SEND\ndestination:a\n\none\x00"+begin)
				r.inbound(1)
				start := time.Now()
				stop := make(chan struct{})
				defer close(stop)
				go func() {
					for {
						select {
						case <-stop:
							return
						case <-time.After(9 * time.Second):
							client.Write(make([]byte, c.step))
						}
					}
				}()
				pass(timeout - time.Nanosecond)
				silent(t, r.session)
				if !c.dead {
					pass(10 * timeout)
					synctest.Wait()
					silent(t, r.session)
				} else {
					m := next[*Malformed](t, r.session)
					if m.Reason != ReasonFrameTimeout || m.Err.Limit != LimitFrameTimeout || m.Err.LimitValue != 30000 {
						t.Errorf("%v %+v after %v", m.Reason, m.Err, time.Since(start))
					}
					r.conn.Outbox().Append([]byte("ERROR\n\n\x00"))
					r.tell(&Close{Reason: m.Reason})
					if got := readAll(t, client); got != "ERROR\n\n\x00" {
						t.Errorf("the client read %q", got)
					}
				}
				client.Close()
				r.stop()
			})
		})
	}
}

// Frames that each arrive in pieces, but in time, are never timed out, and the guard's timer ends
// when no frame is unfinished.
func TestFrameTimeoutIsPerFrame(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, r := pipeRig(t, ActorOptions{FrameTimeout: 30 * time.Second})
		send(t, client, connect)
		r.admit()
		for i := range 10 {
			send(t, client, "SEND\ndestination:a\n\n")
			pass(29 * time.Second)
			send(t, client, fmt.Sprint(i, "\x00"))
			if got := r.inbound(1); got[0] != fmt.Sprint("SEND ", i) {
				t.Fatalf("%q", got)
			}
		}
		pass(time.Hour)
		synctest.Wait()
		silent(t, r.session)
		client.Close()
		r.stop()
	})
}

// Close writes all that is pending first, then ends our half, then waits for the peer to end its.
func TestCloseFlushes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, server := Pipe(PipeOptions{BufferBytes: 100})
		r := newRig(t, server, ActorOptions{})
		var want strings.Builder
		for i := range 100 {
			frame := fmt.Sprint("frame ", i, "\x00")
			want.WriteString(frame)
			server.Outbox().Append([]byte(frame))
		}
		r.tell(&Close{Reason: ReasonShutdown})
		if got := readAll(t, client); got != want.String() {
			t.Errorf("the client read %d bytes, want %d", len(got), want.Len())
		}
		synctest.Wait()
		silent(t, &r.owner.probe)
		client.Close()
		r.closed(ReasonShutdown)
		r.stop()
	})
}

// A peer that reads nothing cannot hold a closing connection: Linger bounds the flush.
func TestCloseFlushIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, server := Pipe(PipeOptions{BufferBytes: 10})
		defer client.Close()
		r := newRig(t, server, ActorOptions{})
		server.Outbox().Append(make([]byte, 1000))
		start := time.Now()
		r.tell(&Close{Reason: ReasonSlowConsumer, Linger: 3 * time.Second})
		r.closed(ReasonSlowConsumer)
		if d := time.Since(start); d != 3*time.Second {
			t.Errorf("closed after %v", d)
		}
		r.stop()
	})
}

// A peer that never closes, silent or sending on and on, holds a flushed connection for Linger and
// no longer, and reads the last ERROR meanwhile.
func TestCloseLingers(t *testing.T) {
	for _, flood := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			client, r := pipeRig(t, ActorOptions{})
			send(t, client, connect)
			r.admit()
			var flooder sync.WaitGroup
			if flood {
				flooder.Go(func() {
					frame := strings.Repeat("SEND\ndestination:a\n\nx\x00", 1000)
					for {
						if _, err := io.WriteString(client, frame); err != nil {
							return
						}
						pass(10 * time.Millisecond)
					}
				})
				next[*Inbound](t, r.session)
			}
			r.conn.Outbox().Append([]byte("ERROR\n\n\x00"))
			start := time.Now()
			r.tell(&Close{Reason: ReasonRefused, Linger: 3 * time.Second})
			if got := readAll(t, client); got != "ERROR\n\n\x00" {
				t.Errorf("flood %v: the client read %q", flood, got)
			}
			if d := time.Since(start); d != 0 {
				t.Errorf("flood %v: our half was closed after %v", flood, d)
			}
			r.closed(ReasonRefused)
			if d := time.Since(start); d != 3*time.Second {
				t.Errorf("flood %v: closed after %v", flood, d)
			}
			client.Close()
			flooder.Wait()
			r.stop()
		})
	}
}

// A negative Linger closes at once, also in the middle of another Close.
func TestCloseAtOnce(t *testing.T) {
	for _, before := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			client, server := Pipe(PipeOptions{BufferBytes: 10})
			defer client.Close()
			r := newRig(t, server, ActorOptions{})
			server.Outbox().Append(make([]byte, 1000))
			start := time.Now()
			if before {
				r.tell(&Close{Reason: ReasonShutdown, Linger: time.Hour})
				synctest.Wait()
			}
			r.tell(&Close{Reason: ReasonTryAgainLater, Linger: -1})
			r.closed(ReasonTryAgainLater)
			if time.Since(start) != 0 {
				t.Errorf("closed after %v", time.Since(start))
			}
			r.stop()
		})
	}
}

// What the client sends after Close is thrown away, a reader that waits for the window or for Admit
// included.
func TestCloseFreesThePausedReader(t *testing.T) {
	for _, beforeAdmit := range []bool{true, false} {
		bubble(t, func(t *testing.T) {
			client, server := Pipe(PipeOptions{InboundWindow: 1})
			r := newRig(t, server, ActorOptions{})
			send(t, client, connect+"SEND\ndestination:a\n\none\x00")
			next[*Inbound](t, r.session)
			if !beforeAdmit {
				r.tell(&Admit{Version: stompwire.V12, Limits: stompwire.DefaultLimits()})
			}
			synctest.Wait()
			r.tell(&Close{Reason: ReasonRefused, Linger: time.Hour})
			synctest.Wait()
			silent(t, r.session)
			client.Close()
			r.closed(ReasonRefused)
			silent(t, r.session)
			r.stop()
		})
	}
}

// Abort ends everything at once from anywhere, and Closed still comes, once.
func TestAbort(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, r := pipeRig(t, ActorOptions{})
		r.conn.Abort()
		r.conn.Abort()
		r.closed(ReasonConnectionLost)
		if got := readAll(t, client); got != "" {
			t.Errorf("the client read %q", got)
		}
		r.stop()
		r.gone()
	})
}

// Stopping the actor in any state closes the socket, joins the goroutines and reports Closed once.
func TestStop(t *testing.T) {
	states := map[string]func(t *testing.T, r *rig){
		"fresh":  func(t *testing.T, r *rig) {},
		"paused": func(t *testing.T, r *rig) { next[*Inbound](t, r.session) },
		"writing": func(t *testing.T, r *rig) {
			r.conn.Outbox().Append(make([]byte, 1<<20))
			synctest.Wait()
		},
		"closing": func(t *testing.T, r *rig) {
			r.tell(&Close{Reason: ReasonShutdown, Linger: time.Hour})
			synctest.Wait()
		},
		"malformed": func(t *testing.T, r *rig) {
			next[*Inbound](t, r.session)
			r.tell(&Admit{Version: stompwire.V12})
			next[*Malformed](t, r.session)
		},
	}
	for name, reach := range states {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				client, r := pipeRig(t, ActorOptions{FrameTimeout: time.Minute})
				send(t, client, connect+"NONSENSE\n")
				reach(t, r)
				if err := r.system.Root.StopFuture(r.owner.child).Wait(); err != nil {
					t.Fatal(err)
				}
				want := ReasonShutdown
				if name == "malformed" {
					want = ReasonProtocolError
				}
				r.closed(want)
				r.awaitTerminated()
				if _, err := client.Write([]byte("x")); err == nil {
					t.Error("the socket is open")
				}
				client.Close()
				r.stop()
				r.gone()
			})
		})
	}
}

// A panic of the actor itself ends the connection with ReasonInternalError, once, whether its
// supervisor stops it or restarts it.
func TestActorPanics(t *testing.T) {
	for _, restart := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			client, r := pipeRig(t, ActorOptions{}, func(o *owner) {
				o.restart = restart
				o.options.Clock = panicClock{}
			})
			r.tell(&SetHeartBeat{Send: time.Second}) // sets a timer
			c := r.closed(ReasonInternalError)
			r.awaitTerminated()
			var p *PanicError
			if !errors.As(c.Err, &p) || p.Value != "clock" {
				t.Errorf("restart %v: closed with %v", restart, c.Err)
			}
			if got := readAll(t, client); got != "" {
				t.Errorf("the client read %q", got)
			}
			client.Close()
			r.stop()
			r.gone()
		})
	}
}

// panicClock tells the time and cannot set timers.
type panicClock struct{ systemClock }

func (panicClock) AfterFunc(time.Duration, func()) Timer { panic("clock") }

// A panic of the reader ends the connection with ReasonInternalError, once: the session hears of it
// and its ERROR still goes out.
func TestReaderPanics(t *testing.T) {
	bubble(t, func(t *testing.T) {
		near, far := newPipe(0, SystemClock())
		c := newConn(&panicConn{pipeEnd: far}, nil, newCommon(nil, nil, nil), connOptions{})
		r := newRig(t, c, ActorOptions{})
		send(t, near, connect)
		e := next[*Ended](t, r.session)
		var p *PanicError
		if e.Reason != ReasonInternalError || !errors.As(e.Err, &p) || !strings.Contains(string(p.Stack), "panicConn") {
			t.Errorf("%v %v", e.Reason, e.Err)
		}
		c.Outbox().Append([]byte("ERROR\n\n\x00"))
		r.tell(&Close{Reason: e.Reason})
		if got := readAll(t, near); got != "ERROR\n\n\x00" {
			t.Errorf("the client read %q", got)
		}
		near.Close()
		r.closed(ReasonInternalError)
		r.stop()
		r.gone()
	})
}

// panicConn panics when it is read.
type panicConn struct {
	*pipeEnd
	reads int
}

func (c *panicConn) readReady(in *inlet) (int, error) {
	if c.reads++; c.reads == 1 {
		panic("reader")
	}
	return c.pipeEnd.readReady(in)
}

// A panic in the write loop, here of a sink's callback, ends the connection with
// ReasonInternalError.
func TestWriterPanics(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, r := pipeRig(t, ActorOptions{EndGrace: time.Second})
		s := r.conn.Outbox().NewSink(nil, Keep, func(int) { panic("writer") })
		s.Open(nil)
		s.Deliver(deliveries("1"))
		if e := next[*Ended](t, r.session); e.Reason != ReasonInternalError {
			t.Errorf("%v", e.Reason)
		}
		r.closed(ReasonInternalError)
		client.Close()
		r.stop()
	})
}

// Messages that no transport actor knows are logged and do no harm.
func TestUnknownMessage(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, r := pipeRig(t, ActorOptions{})
		r.tell("what?")
		send(t, client, connect)
		r.admit()
		client.Close()
		r.stop()
	})
}

// Refuse delivers the ERROR, closes, and returns when the peer has closed too, or after
// DefaultLinger.
func TestRefuse(t *testing.T) {
	for _, polite := range []bool{true, false} {
		bubble(t, func(t *testing.T) {
			client, server := Pipe(PipeOptions{})
			send(t, client, connect)
			start := time.Now()
			done := make(chan struct{})
			go func() {
				server.Refuse(ReasonTryAgainLater, []byte("ERROR\n\n\x00"))
				close(done)
			}()
			if got := readAll(t, client); got != "ERROR\n\n\x00" {
				t.Errorf("the client read %q", got)
			}
			if polite {
				client.Close()
			}
			<-done
			if d := time.Since(start); polite && d != 0 || !polite && d != DefaultLinger {
				t.Errorf("polite %v: took %v", polite, d)
			}
			client.Close()
		})
	}
}

// Refuse is bounded when the peer reads nothing.
func TestRefuseIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, server := Pipe(PipeOptions{BufferBytes: 1})
		start := time.Now()
		server.Refuse(ReasonTryAgainLater, make([]byte, 100))
		if d := time.Since(start); d != DefaultLinger {
			t.Errorf("took %v", d)
		}
		client.Close()
	})
}

// Refuse ends at once when nothing can be written.
func TestRefuseWithoutAWayOut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		near, far := newPipe(0, SystemClock())
		near.Close()
		start := time.Now()
		newConn(&deafConn{far}, nil, newCommon(nil, nil, nil), connOptions{}).Refuse(ReasonTryAgainLater, []byte("ERROR\n\n\x00"))
		if d := time.Since(start); d != 0 {
			t.Errorf("took %v", d)
		}
	})
}

// A second Admit and one that comes after Close change nothing.
func TestAdmitOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, r := pipeRig(t, ActorOptions{})
		send(t, client, connect)
		r.admit()
		r.tell(&Admit{Version: stompwire.V10})
		send(t, client, "SEND\ndestination:a\\cb\n\none\x00")
		in := next[*Inbound](t, r.session)
		if d, _ := in.Frames[0].Header.Get("destination"); d != "a:b" {
			t.Errorf("destination %q: the second Admit was used", d)
		}
		r.tell(&Close{Reason: ReasonShutdown})
		r.tell(&Admit{Version: stompwire.V10})
		r.tell(&SetHeartBeat{Send: time.Second, Receive: time.Second})
		client.Close()
		r.closed(ReasonShutdown)
		r.stop()
	})
}
