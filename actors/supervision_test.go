package actors_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/actors"
	"stampede/config"
	"stampede/tests/stomptest"
)

// fault panics in the actors of one role, at chosen occasions.
type fault struct {
	role, phase string
	only        func(message any) bool
	at          map[int64]bool // which of the occasions, counted from 1
	seen        atomic.Int64
	fired       atomic.Int64
	how         func() // nil: panic
}

func (f *fault) inject(role, _, phase string, message any) {
	if role != f.role || phase != f.phase || (f.only != nil && !f.only(message)) {
		return
	}
	if n := f.seen.Add(1); !f.at[n] {
		return
	}
	f.fired.Add(1)
	if f.how != nil {
		f.how()
	}
	panic(fmt.Sprintf("injected: %s in %s", f.role, f.phase))
}

func occasions(n ...int64) map[int64]bool {
	at := make(map[int64]bool)
	for _, i := range n {
		at[i] = true
	}
	return at
}

// start runs a broker without sockets, with what can change in a test set to be quick.
func start(t *testing.T, change func(*config.Config), opts ...actors.Option) *actors.Broker {
	t.Helper()
	cfg := config.Default()
	cfg.Listen = nil
	cfg.Session.Linger = 100 * time.Millisecond
	cfg.Supervision.BackoffMin, cfg.Supervision.BackoffMax = time.Millisecond, 5*time.Millisecond
	cfg.Session.MaxRestarts = 100
	if change != nil {
		change(cfg)
	}
	b, err := actors.Start(context.Background(), cfg, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shutDown(t, b) })
	return b
}

func shutDown(t *testing.T, b *actors.Broker) {
	t.Helper()
	if err := b.Shutdown(context.Background()); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	select {
	case <-b.Done():
	case <-time.After(10 * time.Second):
		buf := make([]byte, 1<<20)
		t.Fatalf("the broker did not end:\n%s", buf[:runtime.Stack(buf, true)])
	}
}

func open(t *testing.T, b *actors.Broker) *stomptest.Conn {
	t.Helper()
	c := stomptest.New(t, b.Pipe())
	c.Connect("1.2")
	return c
}

// roles that a client outlives.
var survivable = []string{"session", "subscription", "destination", "connection", "connections", "destinations"}

// One panic in any actor that serves a client, at any of its first messages, loses no message, gives
// none twice without redelivered:true, keeps the client's socket, and is not noticed by others.
func TestOneFailureLosesNothing(t *testing.T) {
	for _, role := range survivable {
		for _, nth := range []int64{1, 2, 3, 5, 8, 13, 21} {
			t.Run(fmt.Sprintf("%s/%d", role, nth), func(t *testing.T) {
				t.Parallel()
				f := &fault{role: role, phase: "message", at: occasions(nth)}
				queueRound(t, f, 30)
			})
		}
	}
}

// The same holds when the actor fails while it starts, and when it fails while it restarts.
func TestFailureWhileStarting(t *testing.T) {
	for _, role := range []string{"session", "subscription", "destination"} {
		for _, nth := range []int64{1, 2} {
			t.Run(fmt.Sprintf("%s/%d", role, nth), func(t *testing.T) {
				t.Parallel()
				queueRound(t, &fault{role: role, phase: "started", at: occasions(nth)}, 10)
			})
		}
	}
}

// Failing again and again, at messages and in Restarting, is no different.
func TestFailuresInARow(t *testing.T) {
	for _, role := range []string{"session", "subscription", "destination"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			message := &fault{role: role, phase: "message", at: occasions(2, 6, 11, 16, 21, 26, 31)}
			restarting := &fault{role: role, phase: "restarting", at: occasions(1, 3)}
			both := func(role, path, phase string, m any) {
				restarting.inject(role, path, phase, m)
				message.inject(role, path, phase, m)
			}
			queueRoundWith(t, actors.WithInjector, both, 30)
			if message.fired.Load() < 3 || restarting.fired.Load() < 1 {
				t.Errorf("fired %d times at messages and %d times at restarts", message.fired.Load(), restarting.fired.Load())
			}
		})
	}
}

// A message handler that ends its goroutine is restarted like one that panics.
func TestGoexitIsAFailure(t *testing.T) {
	for _, role := range []string{"session", "subscription", "destination"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			f := &fault{role: role, phase: "message", at: occasions(2), how: runtime.Goexit}
			queueRoundWith(t, actors.WithRudeInjector, f.inject, 10)
			if f.fired.Load() == 0 {
				t.Error("the fault never fired")
			}
		})
	}
}

func queueRound(t *testing.T, f *fault, messages int) {
	t.Helper()
	queueRoundWith(t, actors.WithInjector, f.inject, messages)
}

// queueRoundWith sends messages with receipts through a queue to a consumer that acknowledges each, and
// to a topic with a bystander, while a fault is injected.
func queueRoundWith(t *testing.T, with func(func(role, path, phase string, m any)) actors.Option, inject func(role, path, phase string, m any), messages int) {
	t.Helper()
	var armed atomic.Bool
	b := start(t, nil, with(func(role, path, phase string, m any) {
		if armed.Load() {
			inject(role, path, phase, m)
		}
	}))
	bystander := open(t, b)
	bystander.Subscribe("s", "/topic/seen")
	armed.Store(true)
	consumer, producer := open(t, b), open(t, b)
	consumer.Subscribe("c", "/queue/work", "ack:client-individual", "prefetch-count:5")

	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range messages {
			producer.SendBody("/queue/work", fmt.Sprint(i), fmt.Sprintf("receipt:q%d", i))
			producer.SendBody("/topic/seen", fmt.Sprint(i), fmt.Sprintf("receipt:t%d", i))
			want := map[string]bool{fmt.Sprintf("q%d", i): true, fmt.Sprintf("t%d", i): true}
			for len(want) > 0 {
				delete(want, producer.Expect("RECEIPT").Header1("receipt-id"))
			}
		}
		producer.Disconnect()
	})
	wg.Go(func() {
		for i := range messages {
			if m := bystander.Expect("MESSAGE"); m.Body != fmt.Sprint(i) {
				t.Errorf("the bystander got %s, wants message %d", m, i)
				return
			}
		}
	})
	seen := make(map[string]int)
	for len(seen) < messages {
		m := consumer.Expect("MESSAGE")
		if seen[m.Body]++; seen[m.Body] > 1 && m.Header1("redelivered") != "true" {
			t.Errorf("message %s came twice and does not say so: %s", m.Body, m)
		}
		consumer.Send("ACK", "id:"+m.Header1("ack"))
	}
	wg.Wait()
	// Whatever comes now is a duplicate that says so.
	consumer.Send("DISCONNECT", "receipt:bye")
	for {
		f := consumer.Frame()
		if f.Command == "RECEIPT" {
			break
		}
		if f.Header1("redelivered") != "true" {
			t.Errorf("unexpected %s", f)
		}
	}
}

// A panic in a transport ends that connection and no other, and what it had not acknowledged goes
// to the next consumer, marked.
func TestTransportFailureEndsOneConnection(t *testing.T) {
	var victim atomic.Pointer[string]
	b := start(t, nil, actors.WithInjector(func(role, path, phase string, m any) {
		if p := victim.Load(); p != nil && role == "transport" && phase == "message" && strings.Contains(path, *p) {
			panic("injected")
		}
	}))
	bystander, consumer := open(t, b), open(t, b)
	bystander.Subscribe("s", "/topic/still-there")
	consumer.Subscribe("c", "/queue/work", "ack:client")
	bystander.SendBody("/queue/work", "once more", "receipt:1")
	bystander.Expect("RECEIPT")
	consumer.Expect("MESSAGE")
	name := "/c2/"
	victim.Store(&name)
	consumer.Send("DISCONNECT") // the session answers with a Close to its transport
	consumer.Closed()
	victim.Store(nil)

	next := open(t, b)
	next.Subscribe("c", "/queue/work", "ack:client")
	if m := next.Expect("MESSAGE"); m.Body != "once more" || m.Header1("redelivered") != "true" {
		t.Errorf("got %s", m)
	}
	bystander.SendBody("/topic/still-there", "x")
	bystander.Expect("MESSAGE")
}

// A subscriber of a topic, by name or by pattern, misses no message and gets none twice when its session
// or subscription fails while messages stream in.
func TestTopicSubscriberOutlivesFailures(t *testing.T) {
	for _, role := range []string{"session", "subscription", "destination"} {
		for _, mode := range []string{"auto", "client"} {
			for _, name := range []string{"/topic/stream", "/topic/#"} {
				t.Run(role+"/"+mode+name, func(t *testing.T) {
					t.Parallel()
					const messages = 200
					f := &fault{role: role, phase: "message", at: occasions(4, 9, 15, 22, 40, 80)}
					var armed atomic.Bool
					b := start(t, nil, actors.WithInjector(func(role, path, phase string, m any) {
						if armed.Load() && (role == "destination" || strings.Contains(path, "/c1/")) {
							f.inject(role, path, phase, m)
						}
					}))
					subscriber, publisher := open(t, b), open(t, b)
					subscriber.Subscribe("s", name, "ack:"+mode, "prefetch-count:1000")
					armed.Store(true)
					var wg sync.WaitGroup
					wg.Go(func() {
						for i := range messages {
							if publisher.TryWrite(stomptest.TextBody(fmt.Sprint(i), "SEND", "destination:/topic/stream")) != nil {
								return
							}
						}
					})
					for i := range messages {
						if i%10 == 0 { // frames for its session to fail at
							subscriber.Send("BEGIN", fmt.Sprintf("transaction:%d", i))
							subscriber.Send("ABORT", fmt.Sprintf("transaction:%d", i))
						}
						if m := subscriber.Expect("MESSAGE"); m.Body != fmt.Sprint(i) {
							t.Fatalf("got %s, wants message %d", m, i)
						}
					}
					wg.Wait()
				})
			}
		}
	}
}

// A session that fails at every frame is given up: its client gets an ERROR and the socket closes,
// others notice nothing.
func TestGivenUpSessionSaysGoodbye(t *testing.T) {
	var victim atomic.Pointer[string]
	b := start(t, func(c *config.Config) { c.Session.MaxRestarts = 3 }, actors.WithInjector(func(role, path, phase string, m any) {
		if p := victim.Load(); p != nil && role == "session" && phase != "stopped" && phase != "stopping" && strings.Contains(path, *p) {
			panic("injected")
		}
	}))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	events := b.Events(ctx)
	bystander, unlucky := open(t, b), open(t, b)
	name := "/c2/"
	victim.Store(&name)
	unlucky.Send("SEND", "destination:/queue/x", "receipt:r")
	e := unlucky.Expect("ERROR")
	if e.Header1("code") != "internal error" || strings.Contains(e.String(), ".go") || strings.Contains(e.String(), "stampede-") {
		t.Errorf("the ERROR names the wrong thing, or tells of the inside: %s", e)
	}
	unlucky.Closed()
	restarts := 0
	for ev := range events {
		if ev.Kind == actors.EventRestarting {
			restarts++
		}
		if ev.Kind == actors.EventGivenUp {
			break
		}
	}
	if restarts != 3 {
		t.Errorf("restarted %d times, wants 3", restarts)
	}
	bystander.Sync("BEGIN", "transaction:t")
}

// What was decided happens: a destination that fails again and again over the second half of a COMMIT carries it out in the end,
// whole, and the client has its receipt.
func TestDecidedTransactionIsCarriedOut(t *testing.T) {
	f := &fault{role: "destination", phase: "message", at: occasions(1, 2, 3, 4, 5), only: func(m any) bool { return fmt.Sprintf("%T", m) == "*actors.decide" }}
	b := start(t, nil, actors.WithInjector(f.inject))
	c := open(t, b)
	c.Send("BEGIN", "transaction:t")
	for i := range 3 {
		c.SendBody("/queue/q", fmt.Sprint(i), "transaction:t")
	}
	c.Send("COMMIT", "transaction:t", "receipt:done")
	c.Expect("RECEIPT", "receipt-id:done")
	c.Subscribe("s", "/queue/q")
	for i := range 3 {
		if m := c.Expect("MESSAGE"); m.Body != fmt.Sprint(i) || m.Header1("redelivered") != "" {
			t.Errorf("message %d is %v", i, m)
		}
	}
	if f.fired.Load() != 5 {
		t.Errorf("it failed %d times", f.fired.Load())
	}
}

// A message that keeps crashing its destination is refused with an ERROR; the destination keeps the
// messages it had and goes on.
func TestPoisonousMessageIsRefused(t *testing.T) {
	var poisonous atomic.Bool
	b := start(t, nil, actors.WithInjector(func(role, _, phase string, m any) {
		if role == "destination" && phase == "message" && strings.Contains(fmt.Sprintf("%T", m), "publish") && poisonous.Load() {
			panic("injected")
		}
	}))
	c := open(t, b)
	c.SendBody("/queue/kept", "good", "receipt:1")
	c.Expect("RECEIPT")
	poisonous.Store(true)
	c.SendBody("/queue/kept", "bad", "receipt:2")
	if e := c.Expect("ERROR"); e.Header1("receipt-id") != "2" || e.Header1("code") != "internal error" {
		t.Errorf("got %s", e)
	}
	c.Closed()
	poisonous.Store(false)
	c = open(t, b)
	c.Subscribe("s", "/queue/kept")
	if m := c.Expect("MESSAGE"); m.Body != "good" {
		t.Errorf("got %s", m)
	}
	c.Disconnect()
}

// A panic while an actor of any kind ends doesn't keep the broker from ending.
func TestFailureWhileEnding(t *testing.T) {
	for _, role := range append([]string{"broker", "listeners", "transport"}, survivable...) {
		for _, phase := range []string{"stopping", "stopped"} {
			t.Run(role+"/"+phase, func(t *testing.T) {
				t.Parallel()
				f := &fault{role: role, phase: phase, at: occasions(1, 2, 3)}
				b := start(t, nil, actors.WithInjector(f.inject))
				c := open(t, b)
				c.Subscribe("s", "/queue/x", "ack:client")
				c.Subscribe("t", "/topic/x")
				c.SendBody("/queue/x", "m")
				c.Expect("MESSAGE")
				c.Drop()
				shutDown(t, b)
				if f.fired.Load() == 0 {
					t.Error("the fault never fired")
				}
			})
		}
	}
}

// After its clients have left and it has shut down, a broker leaves no actor behind in the system of the
// program that lent it one, though parts of it failed meanwhile.
func TestNoActorIsLeftOver(t *testing.T) {
	system := actor.NewActorSystem(actor.WithLoggerFactory(discard), actor.WithDeadLetterThrottleInterval(time.Millisecond))
	before := actors.CountActors(system)
	var n atomic.Int64
	b := start(t, nil, actors.WithActorSystem(system), actors.WithInjector(func(role, _, phase string, _ any) {
		if phase == "message" && n.Add(1)%17 == 0 {
			panic("injected")
		}
	}))
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			link := b.Pipe()
			defer link.Close()
			c := stomptest.New(t, link)
			// With so many faults it may be cut off at any point: that is fine here.
			if c.TryWrite("CONNECT\naccept-version:1.2\n\n\x00"+
				fmt.Sprintf("SUBSCRIBE\nid:1\ndestination:/queue/%d\nack:client\n\n\x00", i%3)+
				"SUBSCRIBE\nid:2\ndestination:/topic/#\n\n\x00"+
				fmt.Sprintf("SEND\ndestination:/queue/%d\n\nx\x00SEND\ndestination:/topic/a.%d\nreceipt:r\n\nx\x00", i%3, i)) != nil {
				return
			}
			for {
				if f, err := c.TryFrame(); err != nil || f.Command == "RECEIPT" {
					return
				}
			}
		})
	}
	wg.Wait()
	shutDown(t, b)
	// The guardian of the brokers in a system stays with the system.
	if after := actors.CountActors(system); after > before+1 {
		t.Errorf("%d actors before, %d after", before, after)
	}
}

// Clients that come and go over TCP leave no file descriptor open.
func TestNoFileDescriptorIsLeftOver(t *testing.T) {
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("needs /proc to count file descriptors")
		}
		return len(entries)
	}
	before := count()
	b := start(t, func(c *config.Config) {
		listen := config.Default().Listen
		listen[0].Address = "127.0.0.1:0"
		c.Listen = listen
	})
	for range 50 {
		c := dial(t, b)
		c.Connect("1.2")
		c.Subscribe("s", "/topic/x")
		c.Disconnect()
		c.Drop()
	}
	shutDown(t, b)
	runtime.GC()
	if after := count(); after > before+2 { // the poller's own may have been opened meanwhile
		t.Errorf("%d file descriptors before, %d after", before, after)
	}
}
