package actors_test

import (
	"bytes"
	"net"
	"testing"
	"time"

	"stampede/actors"
	"stampede/config"
	"stampede/tests/stomptest"
)

// lagging is a listener whose connections do not tell that a MESSAGE has been written until told is closed.
type lagging struct {
	net.Listener
	told chan struct{}
}

func (l lagging) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return laggingConn{c, l.told}, err
}

type laggingConn struct {
	net.Conn
	told chan struct{}
}

func (c laggingConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if bytes.Contains(p, []byte("MESSAGE\n")) {
		<-c.told
	}
	return n, err
}

// What a client in auto mode has read before it sent UNSUBSCRIBE or DISCONNECT is settled, though the broker does not know
// yet that it is written; but that is not waited for for more than a second.
func TestWhatIsWithTheSocketIsSettledFirst(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines []string
		late  bool
	}{
		{"UNSUBSCRIBE", []string{"UNSUBSCRIBE", "id:1", "receipt:end"}, false},
		{"DISCONNECT", []string{"DISCONNECT", "receipt:end"}, false},
		{"UNSUBSCRIBE of who reads nothing", []string{"UNSUBSCRIBE", "id:1", "receipt:end"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			told := make(chan struct{})
			clock := &timers{stomptest.NewClock(), make(chan time.Duration, 1000)}
			b := start(t, nil, actors.WithListener(lagging{l, told}, config.Listen{Name: "own", STOMP: true}), actors.WithClock(clock))
			reader := dial(t, b)
			reader.Connect("1.2")
			reader.Subscribe("1", "/queue/q")
			reader.SendBody("/queue/q", "old")
			reader.Expect("MESSAGE")
			reader.Send(c.lines...)
			for ctx, d := patience(t), time.Duration(0); d != time.Second; {
				select {
				case d = <-clock.started:
				case <-ctx.Done():
					t.Fatal("the end of the subscription does not wait")
				}
			}
			if c.late {
				clock.Advance(time.Second)
			}
			other := stomptest.New(t, b.Pipe())
			other.Connect("1.2")
			other.Subscribe("2", "/queue/q")
			if c.late {
				other.Expect("MESSAGE", "redelivered:true")
			}
			close(told)
			reader.Expect("RECEIPT", "receipt-id:end")
			other.SendBody("/queue/q", "new")
			if f := other.Expect("MESSAGE"); string(f.Body) != "new" {
				t.Errorf("the old message came again: %s", f)
			}
		})
	}
}

// What comes into a queue while the end of a subscription waits for what the socket has goes to others at once.
func TestNothingGoesToASubscriptionThatEnds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan struct{})
	clock := &timers{stomptest.NewClock(), make(chan time.Duration, 1000)}
	b := start(t, nil, actors.WithListener(lagging{l, told}, config.Listen{Name: "own", STOMP: true}), actors.WithClock(clock))
	t.Cleanup(func() { close(told) })
	reader := dial(t, b)
	reader.Connect("1.2")
	reader.Subscribe("1", "/queue/q")
	reader.SendBody("/queue/q", "old")
	reader.Expect("MESSAGE")
	reader.Send("UNSUBSCRIBE", "id:1")
	for ctx, d := patience(t), time.Duration(0); d != time.Second; {
		select {
		case d = <-clock.started:
		case <-ctx.Done():
			t.Fatal("the end of the subscription does not wait")
		}
	}
	other := stomptest.New(t, b.Pipe())
	other.Connect("1.2")
	other.Subscribe("2", "/queue/q")
	for _, body := range []string{"1", "2", "3", "4"} {
		other.SendBody("/queue/q", body)
		if f := other.Expect("MESSAGE"); f.Body != body {
			t.Errorf("got %s, wants %s", f, body)
		}
	}
}
