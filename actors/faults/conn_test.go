package faults_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"stampede/actors"
	"stampede/actors/faults"
	"stampede/config"
	"stampede/tests/stomptest"
)

// onTCP is start with a port.
func onTCP(t *testing.T, plan *faults.Plan, opts ...actors.Option) *world {
	t.Helper()
	cfg := config.Default()
	cfg.Listen[0].Address = "127.0.0.1:0"
	cfg.Session.Linger = 100 * time.Millisecond
	return startWith(t, cfg, plan, opts...)
}

func (w *world) dial(over stomptest.Transport) *stomptest.Conn {
	w.t.Helper()
	address := w.broker.Addrs()[0].String()
	if over == stomptest.WebSocket {
		link, _, err := stomptest.DialWebSocket(context.Background(), "ws://"+address+"/", []string{"stomp"}, nil)
		if err != nil {
			w.t.Fatal(err)
		}
		return stomptest.New(w.t, link)
	}
	link, err := net.Dial("tcp", address)
	if err != nil {
		w.t.Fatal(err)
	}
	return stomptest.New(w.t, link)
}

// A connection that is cut in the middle of a MESSAGE, or reset there, loses its client nothing: the message goes to the
// next consumer, marked, and nobody else notices.
func TestCutInTheMiddleOfAFrame(t *testing.T) {
	for do, want := range map[faults.Action]error{faults.Cut: io.ErrUnexpectedEOF, faults.Reset: syscall.ECONNRESET} {
		t.Run(string(do), func(t *testing.T) {
			w := onTCP(t, faults.New(1, faults.Rule{Do: do, Listener: "def*", Nth: 2, Bytes: 3000}))
			bystander, unlucky := w.dial(stomptest.TCP), w.dial(stomptest.TCP)
			bystander.Connect("1.2")
			unlucky.Connect("1.2")
			unlucky.Subscribe("1", "/queue/x", "ack:client")
			body := strings.Repeat("x", 4000)
			bystander.SendBody("/queue/x", body, "receipt:1")
			bystander.Expect("RECEIPT")
			if _, err := unlucky.TryFrame(); !errors.Is(err, want) {
				t.Errorf("the client sees %v, wants %v", err, want)
			}
			if got := w.story(1)[0]; !strings.Contains(got, string(do)+" after 3000 octets") {
				t.Errorf("got the event %s", got)
			}
			bystander.Subscribe("1", "/queue/x")
			if m := bystander.Expect("MESSAGE", "redelivered:true"); m.Body != body {
				t.Errorf("got %d octets", len(m.Body))
			}
		})
	}
}

// A client that vanished without a word is missed when its heart-beats do not come, and what it held goes to others.
func TestHalfOpen(t *testing.T) {
	clock := stomptest.NewClock()
	w := onTCP(t, faults.New(1, faults.Rule{Do: faults.HalfOpen, Nth: 2, Bytes: 300}), actors.WithClock(clock))
	bystander, vanishing := w.dial(stomptest.TCP), w.dial(stomptest.TCP)
	bystander.Connect("1.2")
	vanishing.Connect("1.2", "heart-beat:10000,0")
	vanishing.Send("SUBSCRIBE", "id:1", "destination:/queue/x", "ack:client", "filler:"+strings.Repeat("x", 200))
	vanishing.Send("SEND", "destination:/queue/x") // whether this arrives depends on the reads
	if got := w.story(1)[0]; !strings.Contains(got, "half_open after") {
		t.Errorf("got the event %s", got)
	}
	vanishing.Drop() // nobody hears of it
	deadline := time.Now().Add(stomptest.Guard)
	for cause := ""; cause != "heart-beat timeout"; {
		select {
		case e := <-w.events:
			if e.Kind == actors.EventDisconnected {
				cause = e.Cause
			}
		default:
			if time.Now().After(deadline) {
				t.Fatalf("not missed; it ended with %q", cause)
			}
			clock.Advance(time.Second)
		}
	}
	bystander.Sync("SEND", "destination:/queue/x")
}

// One octet at a time, and with pauses, a conversation is as it always is.
func TestSlowConnections(t *testing.T) {
	for _, over := range []stomptest.Transport{stomptest.TCP, stomptest.WebSocket} {
		for _, r := range []faults.Rule{
			{Do: faults.Trickle},
			{Do: faults.SlowRead, For: time.Millisecond},
			{Do: faults.SlowWrite, For: time.Millisecond},
		} {
			t.Run(string(over)+" "+string(r.Do), func(t *testing.T) {
				t.Parallel()
				w := onTCP(t, faults.New(1, r))
				c := w.dial(over)
				c.Connect("1.2")
				c.Subscribe("1", "/queue/x", "ack:client")
				body := strings.Repeat("0123456789", 300)
				c.SendBody("/queue/x", body, "receipt:1")
				var m stomptest.Frame
				for range 2 {
					if f := c.Frame(); f.Command == "MESSAGE" {
						m = f
					}
				}
				if m.Body != body {
					t.Errorf("got a body of %d octets", len(m.Body))
				}
				c.Sync("ACK", "id:"+m.Header1("ack"))
				c.Disconnect()
			})
		}
	}
}

// Octets that no client sent are refused like those of any client, and only that connection ends.
func TestGarbage(t *testing.T) {
	w := onTCP(t, faults.New(3, faults.Rule{Do: faults.Garbage, Nth: 1, Bytes: 100}))
	c, other := w.dial(stomptest.TCP), w.dial(stomptest.TCP)
	c.Connect("1.2")
	// A read that began before CONNECTED was written still gets what the client sent; the garbage comes behind it, and is
	// an unfinished line until more is sent.
	f := stomptest.Frame{Command: "RECEIPT"}
	for f.Command == "RECEIPT" {
		c.Send("SEND", "destination:/queue/x", "receipt:1")
		f = c.Frame()
	}
	if f.Command != "ERROR" || f.Header1("code") != "syntax" {
		t.Errorf("got %s", f)
	}
	c.Closed()
	other.Connect("1.2")
	other.Sync("SEND", "destination:/queue/x")
}
