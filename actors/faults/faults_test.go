package faults_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"stampede/actors"
	"stampede/actors/faults"
	"stampede/config"
	"stampede/tests/stomptest"
)

// No test of this package may leave a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a broker without sockets and what it has to say.
type world struct {
	t      *testing.T
	broker *actors.Broker
	events <-chan actors.Event
}

func start(t *testing.T, plan *faults.Plan, opts ...actors.Option) *world {
	t.Helper()
	cfg := config.Default()
	cfg.Listen = nil
	cfg.Session.Linger = 100 * time.Millisecond
	cfg.Supervision.BackoffMin = 2 * time.Millisecond
	return startWith(t, cfg, plan, opts...)
}

func startWith(t *testing.T, cfg *config.Config, plan *faults.Plan, opts ...actors.Option) *world {
	t.Helper()
	b, err := actors.Start(context.Background(), cfg, append(opts, actors.WithFaults(plan))...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() {
		plan.Stop()
		if err := b.Shutdown(context.Background()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		cancel()
	})
	return &world{t: t, broker: b, events: b.Events(ctx)}
}

func (w *world) client() *stomptest.Conn {
	w.t.Helper()
	c := stomptest.New(w.t, w.broker.Pipe())
	c.Connect("1.2")
	return c
}

// story is the next n events of faults and supervision, in a word each way.
func (w *world) story(n int) (lines []string) {
	w.t.Helper()
	for len(lines) < n {
		select {
		case e := <-w.events:
			if e.Kind.Supervision() {
				_, path, _ := strings.Cut(e.Actor, "/")
				lines = append(lines, fmt.Sprintf("%s: %s: %s, %d, %v", e.Kind, path, e.Cause, e.Attempt, e.Backoff))
			}
		case <-time.After(stomptest.Guard):
			w.t.Fatalf("nothing more happens after %q", lines)
		}
	}
	return lines
}

// Every injected fault and every decision of supervision is an event, in order, with its cause, the actor, the attempt
// and the pause.
func TestEventsTellTheStory(t *testing.T) {
	plan := faults.New(1,
		faults.Rule{Do: faults.Kill, Role: "destination", Message: "publish", Nth: 1},
		faults.Rule{Do: faults.Kill, Role: "destination", Message: "publish", Nth: 2},
		faults.Rule{Do: faults.Kill, Role: "destinations", Message: "resolve", Nth: 1},
		faults.Rule{Do: faults.Kill, Role: "session", Command: "BEGIN"},
	)
	w := start(t, plan)
	c := w.client()
	c.Sync("SEND", "destination:/queue/x")
	const queue = "destinations/queue:%2Fqueue%2Fx~1"
	want := []string{
		"fault injected: destinations: kill at message resolve, 1, 0s",
		"resumed: destinations: injected: kill at message resolve, 1, 0s",
		"fault injected: " + queue + ": kill at message publish, 1, 0s",
		"restarting: " + queue + ": injected: kill at message publish, 1, 0s",
		"fault injected: " + queue + ": kill at message publish, 2, 0s",
		"restarting: " + queue + ": injected: kill at message publish, 2, 2ms",
	}
	if got := w.story(len(want)); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	c.Send("BEGIN", "transaction:t")
	c.Expect("ERROR", "code:internal error")
	const session = "connections/c1/session"
	want = []string{
		"fault injected: " + session + ": kill at frame BEGIN, 1, 0s",
		"restarting: " + session + ": injected: kill at frame BEGIN, 1, 0s",
		"fault injected: " + session + ": kill at frame BEGIN, 2, 0s",
		"restarting: " + session + ": injected: kill at frame BEGIN, 2, 0s",
		"fault injected: " + session + ": kill at frame BEGIN, 3, 0s",
		"restarting: " + session + ": injected: kill at frame BEGIN, 3, 0s",
		"message dropped: " + session + ": *transport.Inbound crashed it 3 times, 0, 0s",
	}
	if got := w.story(len(want)); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A delay makes a message, and all behind it, wait for as long as the clock needs, and changes no order; other actors
// go on meanwhile.
func TestDelay(t *testing.T) {
	clock := stomptest.NewClock()
	plan := faults.New(1, faults.Rule{Do: faults.Delay, For: 10 * time.Second, Destination: "/queue/slow", Message: "publish", Nth: 1})
	w := start(t, plan, actors.WithClock(clock))
	c, other := w.client(), w.client()
	c.SendBody("/queue/slow", "1", "receipt:1")
	if got := w.story(1)[0]; !strings.HasSuffix(got, "delay at message publish, 1, 10s") {
		t.Errorf("got %s", got)
	}
	c.SendBody("/queue/slow", "2", "receipt:2")
	other.Sync("SEND", "destination:/queue/fast")
	clock.Advance(10*time.Second - time.Millisecond)
	other.Sync("SEND", "destination:/queue/fast")
	clock.Advance(time.Millisecond)
	c.Expect("RECEIPT", "receipt-id:1")
	c.Expect("RECEIPT", "receipt-id:2")
	other.Send("SUBSCRIBE", "id:1", "destination:/queue/slow")
	for _, want := range []string{"1", "2"} {
		if m := other.Expect("MESSAGE"); m.Body != want {
			t.Errorf("got %s, wants %s", m, want)
		}
	}
}

// bodies gives what arrives at a queue when a client sends 0 to 5 and then leaves in good order.
func bodies(t *testing.T, rule faults.Rule, whole bool) (got string) {
	t.Helper()
	w := start(t, faults.New(1, rule))
	c, reader := w.client(), w.client()
	all := ""
	for i := range 6 {
		frame := stomptest.TextBody(fmt.Sprint(i), "SEND", "destination:/queue/x")
		if whole {
			all += frame
			continue
		}
		c.Write(frame)
	}
	c.Write(all)
	c.Disconnect()
	reader.Subscribe("1", "/queue/x")
	reader.Send("SEND", "destination:/queue/x") // the last, without a body
	for {
		m := reader.Expect("MESSAGE")
		if m.Body == "" {
			return got
		}
		got += m.Body
	}
}

// Frames of a client are lost, repeated and swapped as if the client had done it, in one read or in many.
func TestFrames(t *testing.T) {
	for _, c := range []struct {
		rule faults.Rule
		want string
	}{
		{faults.Rule{Do: faults.Drop, Nth: 2}, "02345"},
		{faults.Rule{Do: faults.Drop, Every: 2, Limit: 2}, "0245"},
		{faults.Rule{Do: faults.Duplicate, Nth: 3}, "0122345"},
		{faults.Rule{Do: faults.Duplicate, Limit: 3}, "001122345"},
		{faults.Rule{Do: faults.Reorder, Nth: 1}, "102345"},
		{faults.Rule{Do: faults.Reorder, Every: 3, Limit: 1}, "013245"},
		{faults.Rule{Do: faults.Reorder, Nth: 6}, "01234"}, // the DISCONNECT comes before it, and nothing counts after that
	} {
		for _, whole := range []bool{true, false} {
			c.rule.Command, c.rule.Actor = "SEND", "connections/c1/session"
			if got := bodies(t, c.rule, whole); got != c.want {
				t.Errorf("%s, nth %d, every %d, whole %v: got %s, wants %s", c.rule.Do, c.rule.Nth, c.rule.Every, whole, got, c.want)
			}
		}
	}
}

// A client that ends its stream while a frame of it waits to change places has that frame handled all the same.
func TestReorderAtTheEnd(t *testing.T) {
	w := start(t, faults.New(1, faults.Rule{Do: faults.Reorder, Command: "SEND", Nth: 1}))
	c, reader := w.client(), w.client()
	reader.Subscribe("1", "/queue/x")
	c.SendBody("/queue/x", "last")
	c.Drop()
	if m := reader.Expect("MESSAGE"); m.Body != "last" {
		t.Errorf("got %s", m)
	}
}

// An actor that is delayed is stopped like any other: what its client held goes to the next, and nothing is left over.
func TestDelayDoesNotHoldUpTheEnd(t *testing.T) {
	clock := stomptest.NewClock()
	plan := faults.New(1, faults.Rule{Do: faults.Delay, For: time.Hour, Actor: "connections/c1/session/sub.*", Message: "acknowledge"})
	w := start(t, plan, actors.WithClock(clock))
	slow, next := w.client(), w.client()
	slow.Subscribe("1", "/queue/x", "ack:client")
	next.Sync("SEND", "destination:/queue/x")
	m := slow.Expect("MESSAGE")
	slow.Send("ACK", "id:"+m.Header1("ack"))
	if got := w.story(1)[0]; !strings.Contains(got, "delay at message acknowledge, 1, 1h0m0s") {
		t.Errorf("got %s", got)
	}
	slow.Drop()
	next.Subscribe("1", "/queue/x")
	next.Expect("MESSAGE", "redelivered:true")
}
