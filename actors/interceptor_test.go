package actors_test

import (
	"strings"
	"testing"

	"stampede/actors"
	"stampede/stompwire"
)

// screen is an interceptor that does what the header "do" of a message says.
func screen(s *actors.Send) *actors.Fault {
	switch s.Get("do") {
	case "refuse":
		return &actors.Fault{Code: actors.CodeRefused, Message: "not today", Detail: "from " + s.Login}
	case "drop":
		s.Drop()
	case "change":
		s.Set("do", "changed")
		s.Set("sender", s.Connection+"/"+s.Login)
		s.Body = []byte(strings.ToUpper(string(s.Body)))
	case "reroute":
		s.Set("destination", "/queue/other")
	case "panic":
		panic("the interceptor fails")
	}
	return nil
}

// An interceptor changes, reroutes, drops and refuses what clients send, in a transaction too, and a panic of
// its own costs the sender an ERROR and nobody else anything.
func TestInterceptor(t *testing.T) {
	seen := 0
	b := start(t, nil, actors.WithInterceptor(actors.InterceptorFunc(func(*actors.Send) *actors.Fault { seen++; return nil })),
		actors.WithInterceptor(actors.InterceptorFunc(screen)))
	c := open(t, b)
	c.Subscribe("1", "/queue/q")
	c.SendBody("/queue/q", "loud", "do:change")
	if m := c.Expect("MESSAGE", "do:changed", "sender:c1/anonymous"); m.Body != "LOUD" {
		t.Errorf("the body is %q", m.Body)
	}
	c.SendBody("/queue/q", "lost", "do:drop", "receipt:dropped")
	c.Expect("RECEIPT", "receipt-id:dropped")
	c.Sync("BEGIN", "transaction:t")
	c.SendBody("/queue/q", "in a transaction", "do:change", "transaction:t")
	c.SendBody("/queue/q", "lost", "do:drop", "transaction:t")
	c.Send("COMMIT", "transaction:t")
	if m := c.Expect("MESSAGE"); m.Body != "IN A TRANSACTION" {
		t.Errorf("the body is %q", m.Body)
	}
	c.Subscribe("2", "/queue/other")
	c.SendBody("/queue/unmade", "elsewhere", "do:reroute")
	c.Expect("MESSAGE", "subscription:2", "destination:/queue/other")
	if seen != 5 {
		t.Errorf("the first interceptor was asked %d times about 5 messages", seen)
	}

	other := open(t, b)
	other.SendBody("/queue/q", "", "do:refuse", "receipt:r")
	if f := other.Expect("ERROR", "code:refused", "message:not today", "receipt-id:r"); f.Body != "from anonymous" {
		t.Errorf("the detail is %q", f.Body)
	}
	other.Closed()
	events := b.Events(t.Context())
	third := open(t, b)
	third.SendBody("/queue/q", "", "do:panic")
	third.Expect("ERROR", "code:internal error")
	for e := range events {
		if e.Kind == actors.EventHandlerPanicked {
			if e.Cause != "the interceptor fails" || e.Connection != "c3" {
				t.Errorf("the event is %+v", e)
			}
			break
		}
	}
	c.Sync("SEND", "destination:/topic/x")
}

// What the program publishes meets the same interceptors.
func TestInterceptorSeesTheProgram(t *testing.T) {
	system := ownSystem(t)
	b := start(t, nil, actors.WithInterceptor(actors.InterceptorFunc(screen)), actors.WithActorSystem(system))
	s := subscribe(t, b, "/queue/q")
	publish(t, b, "/queue/q", "lost", actors.WithHeader("do", "drop"))
	publish(t, b, "/queue/q", "loud", actors.WithHeader("do", "change"))
	d := next(t, s, "LOUD")
	if from, _ := d.Header("sender"); from != "/" {
		t.Errorf("the sender is %q", from)
	}
	wantFault(t, b.Publish(patience(t), "/queue/q", nil, actors.WithHeader("do", "refuse")), actors.CodeRefused)
	wantFault(t, b.Publish(patience(t), "/queue/q", nil, actors.WithHeader("do", "panic")), actors.CodeInternal)
	c, pid := spawnCollector(system)
	for _, do := range []string{"change", "refuse"} {
		system.Root.RequestWithCustomSender(b.PID(), &actors.PublishRequest{Destination: "/queue/q", Body: []byte("told"), Header: stompwire.Header{{Name: "do", Value: do}}}, pid)
		m := (<-c.got).(*actors.PublishResponse)
		if (m.Err != nil) != (do == "refuse") {
			t.Errorf("%s: %v", do, m.Err)
		}
	}
	next(t, s, "TOLD")
}

// A session that fails while a SEND waits does not have its interceptors asked again.
func TestInterceptorIsAskedOnce(t *testing.T) {
	for _, nth := range []int64{1, 2, 3, 4, 5} {
		asked := 0
		f := &fault{role: "session", phase: "message", at: occasions(nth)}
		b := start(t, nil, actors.WithInjector(f.inject), actors.WithInterceptor(actors.InterceptorFunc(func(s *actors.Send) *actors.Fault {
			asked++
			s.Body = append([]byte("x"), s.Body...)
			return nil
		})))
		s := subscribe(t, b, "/queue/q")
		c := open(t, b)
		for range 3 {
			c.SendBody("/queue/q", "")
			next(t, s, "x").Ack()
		}
		if asked != 3 {
			t.Errorf("failing at message %d: asked %d times about 3 messages", nth, asked)
		}
	}
}
