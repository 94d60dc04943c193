package actors_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"stampede/actors"
	"stampede/config"
	"stampede/tests/stomptest"
)

// once panics the first time that a role is to handle a message of a type, and counts how often it came.
type once struct {
	mu         sync.Mutex
	role, kind string
	times      int
}

func (o *once) inject(role, _, phase string, m any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if phase == "message" && role == o.role && fmt.Sprintf("%T", m) == o.kind {
		if o.times++; o.times == 1 {
			panic("injected")
		}
	}
}

func (o *once) came() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.times
}

// Whoever fails while the configuration changes tries again: the change is whole in the end, and clients stay.
func TestReloadSurvivesCrashes(t *testing.T) {
	for _, o := range []*once{
		{role: "listeners", kind: "*actors.changeDoors"},
		{role: "destinations", kind: "*actors.settingsChanged"},
		{role: "connections", kind: "*actors.settingsChanged"},
		{role: "connection", kind: "*actors.settingsChanged"},
		{role: "session", kind: "*actors.settingsChanged"},
	} {
		t.Run(o.role, func(t *testing.T) {
			b := start(t, nil, actors.WithInjector(o.inject))
			c := open(t, b)
			reload(t, b, loopback(func(c *config.Config) {
				c.Limits.MaxBodyBytes = 1000
				c.Listen = append(c.Listen, c.Listen[0])
				c.Listen[1].Name = "second"
				c.Destination = []config.Destination{{Name: "memtop", Type: config.TypeTopic}}
			}))
			if len(b.Addrs()) != 2 {
				t.Fatalf("listening on %v", b.Addrs())
			}
			fresh := connect(t, b.Addrs()[1].String())
			fresh.Send("SUBSCRIBE", "id:1", "destination:memtop", "receipt:r")
			fresh.Expect("RECEIPT")
			// The limits of an open connection come by a way of their own, and take their time.
			var f stomptest.Frame
			for ctx := patience(t); f.Command != "ERROR" && ctx.Err() == nil; {
				c.SendBody("/topic/x", strings.Repeat("x", 1001), "receipt:r")
				f = c.Frame()
			}
			if code, _ := f.Get("code"); code != "msg flup" {
				t.Errorf("the new limit does not hold: got %v", f)
			}
			// The destination has the new limit too, and may have been quicker than who comes to it again.
			for ctx := patience(t); o.came() < 2 && ctx.Err() == nil; {
				runtime.Gosched()
			}
			if o.came() < 2 {
				t.Errorf("%s came %d times", o.kind, o.came())
			}
		})
	}
}

// A publisher that is held back when its session fails goes on when its time has come, and nothing that it sent is lost or
// sent twice.
func TestHeldPublisherSurvivesACrash(t *testing.T) {
	clock := stomptest.NewClock()
	o := &once{role: "session", kind: "*actors.rateElapsed"}
	b := start(t, func(c *config.Config) {
		c.Listen, c.Limits.ConnectionMessagesPerSecond = loopback().Listen, 2
	}, actors.WithInjector(o.inject), actors.WithClock(clock))
	at := b.Addrs()[0].String() // a pipe would have its deadlines by the clock
	reader, writer := connect(t, at), connect(t, at)
	reader.Subscribe("1", "/queue/held")
	var all strings.Builder
	for i := range 6 {
		all.WriteString(stomptest.TextBody(fmt.Sprint(i), "SEND", "destination:/queue/held"))
	}
	writer.Write(all.String())
	reader.Expect("MESSAGE")
	reader.Expect("MESSAGE") // the others have to wait
	done := make(chan struct{})
	var ticking sync.WaitGroup
	ticking.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				clock.Advance(time.Millisecond)
				runtime.Gosched()
			}
		}
	})
	defer ticking.Wait()
	defer close(done)
	for i := 2; i < 6; i++ {
		if f := reader.Expect("MESSAGE"); f.Body != fmt.Sprint(i) {
			t.Fatalf("want %d, got %v", i, f)
		}
	}
	if o.came() < 2 {
		t.Error("the session did not fail")
	}
}
