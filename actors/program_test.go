package actors_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/actors"
	"stampede/config"
	"stampede/tests/stomptest"
)

// patience bounds what a failing test takes.
func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), stomptest.Guard)
	t.Cleanup(cancel)
	return ctx
}

func publish(t *testing.T, b *actors.Broker, destination, body string, opts ...actors.PublishOption) {
	t.Helper()
	if err := b.Publish(patience(t), destination, []byte(body), opts...); err != nil {
		t.Fatalf("publish %q: %v", body, err)
	}
}

func subscribe(t *testing.T, b *actors.Broker, destination string, opts ...actors.SubscribeOption) *actors.Subscription {
	t.Helper()
	s, err := b.Subscribe(t.Context(), destination, opts...)
	if err != nil {
		t.Fatalf("subscribe to %s: %v", destination, err)
	}
	return s
}

func next(t *testing.T, s *actors.Subscription, body string) *actors.Delivery {
	t.Helper()
	d, err := s.Next(patience(t))
	if err != nil {
		t.Fatalf("next, %q wanted: %v", body, err)
	}
	if string(d.Body()) != body {
		t.Fatalf("next is %q, want %q", d.Body(), body)
	}
	return d
}

// nothing tells whether nothing waits for the program: what is published now is what comes first.
func nothing(t *testing.T, b *actors.Broker, s *actors.Subscription) {
	t.Helper()
	publish(t, b, s.Destination(), "marker")
	next(t, s, "marker").Ack()
}

func wantFault(t *testing.T, err error, code actors.Code) {
	t.Helper()
	var f *actors.Fault
	if !errors.As(err, &f) || f.Code != code {
		t.Errorf("the error is %v, want a fault with the code %q", err, code)
	}
}

// What the program publishes reaches a client with its headers, and what a client sends reaches the program.
func TestProgramAndClientTalk(t *testing.T) {
	b := start(t, nil)
	c := open(t, b)
	c.Subscribe("1", "/topic/out")
	publish(t, b, "/topic/out", "hello", actors.WithHeader("colour", "red"))
	m := c.Expect("MESSAGE", "destination:/topic/out", "colour:red")
	if string(m.Body) != "hello" {
		t.Errorf("the client got %q", m.Body)
	}
	s := subscribe(t, b, "/queue/in")
	c.SendBody("/queue/in", "hi", "colour:blue")
	d := next(t, s, "hi")
	if colour, _ := d.Header("colour"); colour != "blue" || d.Destination() != "/queue/in" || d.ID() == "" || d.Redelivered() {
		t.Errorf("the program got %v, redelivered %t", d.Headers(), d.Redelivered())
	}
	d.Ack()
}

// What is not acknowledged comes again and says so; what is refused too often, or discarded, goes to the
// dead-letter queue.
func TestProgramAnswersDeliveries(t *testing.T) {
	b := start(t, func(cfg *config.Config) { cfg.Queues.MaxDeliveries = 2; cfg.Queues.DeadLetter = "/queue/DLQ" })
	dead := subscribe(t, b, "/queue/DLQ")
	s := subscribe(t, b, "/queue/q")
	publish(t, b, "/queue/q", "a")
	d := next(t, s, "a")
	d.Nack()
	d.Ack() // the first answer counts
	d = next(t, s, "a")
	if !d.Redelivered() || d.Attempt() != 2 {
		t.Errorf("redelivered %t, attempt %d; want true, 2", d.Redelivered(), d.Attempt())
	}
	d.Nack()
	next(t, dead, "a").Ack()
	publish(t, b, "/queue/q", "b")
	next(t, s, "b").Discard()
	next(t, dead, "b").Ack()
	publish(t, b, "/queue/q", "c")
	next(t, s, "c")
	if err := s.Unsubscribe(patience(t)); err != nil || s.Err() != nil {
		t.Errorf("unsubscribe: %v, %v", err, s.Err())
	}
	if _, err := s.Next(patience(t)); !errors.Is(err, actors.ErrEnded) {
		t.Errorf("next after the end: %v", err)
	}
	s = subscribe(t, b, "/queue/q", actors.WithAck(actors.AckAuto))
	if d := next(t, s, "c"); !d.Redelivered() {
		t.Error("a message that went back to its queue is not marked as redelivered")
	}
}

// The prefetch bounds what the program has unanswered, on queues and topics, and Ack makes room.
func TestProgramIsGivenNoMoreThanItsPrefetch(t *testing.T) {
	for _, destination := range []string{"/queue/q", "/topic/t"} {
		b := start(t, nil)
		s := subscribe(t, b, destination, actors.WithPrefetch(2), actors.WithAck(actors.AckCumulative))
		for i := range 4 {
			publish(t, b, destination, fmt.Sprint(i))
		}
		next(t, s, "0")
		second := next(t, s, "1")
		// The subscription's actor has handled what was published: its destination has answered after telling it.
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if d, err := s.Next(ctx); err == nil {
			t.Errorf("%s: with two unanswered a third was given: %q", destination, d.Body())
		}
		second.Ack() // both
		next(t, s, "2")
		next(t, s, "3")
	}
}

// A handler's message is acknowledged when it returns, and comes again when it fails or panics; several
// workers share the messages.
func TestSubscribeFunc(t *testing.T) {
	b := start(t, nil)
	events := b.Events(t.Context())
	var tries atomic.Int64
	done := make(chan string, 10)
	s, err := b.SubscribeFunc(t.Context(), "/queue/q", func(_ context.Context, d *actors.Delivery) error {
		switch tries.Add(1) {
		case 1:
			return errors.New("not now")
		case 2:
			panic("oh")
		}
		done <- string(d.Body())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	publish(t, b, "/queue/q", "a")
	if got := <-done; got != "a" {
		t.Errorf("the third try got %q", got)
	}
	for e := range events {
		if e.Kind == actors.EventHandlerPanicked {
			if e.Cause != "oh" || e.Stack == "" {
				t.Errorf("the event says %q", e.Cause)
			}
			break
		}
	}
	if err := s.Unsubscribe(patience(t)); err != nil {
		t.Error(err)
	}

	var together sync.WaitGroup
	together.Add(3)
	if _, err := b.SubscribeFunc(t.Context(), "/queue/q", func(context.Context, *actors.Delivery) error {
		together.Done()
		together.Wait() // returns only if three are here at a time
		done <- ""
		return nil
	}, actors.WithWorkers(3)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		publish(t, b, "/queue/q", "x")
	}
	for range 3 {
		<-done
	}
}

// Errors of Publish and Subscribe are faults with a code, and cost nobody else anything.
func TestProgramsErrors(t *testing.T) {
	b := start(t, func(cfg *config.Config) {
		cfg.Limits.MaxBodyBytes = 10
		cfg.Destination = []config.Destination{{Name: "plain", Type: config.TypeTopic}}
	})
	ctx := patience(t)
	for _, c := range []struct {
		code        actors.Code
		destination string
		body        string
		header      actors.HeaderOption
	}{
		{actors.CodeDestinationUnknown, "nowhere", "", actors.WithHeader("a", "b")},
		{actors.CodeDestinationUnknown, "/reply-queue/gone", "", actors.WithHeader("a", "b")},
		{actors.CodeBadDestination, "/topic/*", "", actors.WithHeader("a", "b")},
		{actors.CodeMessageTooLarge, "/queue/q", "0123456789a", actors.WithHeader("a", "b")},
		{actors.CodeSyntax, "/queue/q", "", actors.WithHeader("priority", "10")},
		{actors.CodeTransaction, "/queue/q", "", actors.WithHeader("transaction", "t")},
		{actors.CodeDestinationUnknown, "/queue/q", "", actors.WithHeader("reply-to", "/temp-queue/none")},
	} {
		wantFault(t, b.Publish(ctx, c.destination, []byte(c.body), c.header), c.code)
	}
	for _, c := range []struct {
		code        actors.Code
		destination string
		option      actors.SubscribeOption
	}{
		{actors.CodeDestinationUnknown, "nowhere", actors.WithPrefetch(1)},
		{actors.CodeBadDestination, "/queue/*", actors.WithPrefetch(1)},
		{actors.CodeSyntax, "/queue/q", actors.WithPrefetch(-1)},
		{actors.CodeSyntax, "/queue/q", actors.WithAck("sometimes")},
		{actors.CodeSyntax, "/queue/q", actors.WithHeader("selector", "colour =")},
		{actors.CodeSyntax, "/topic/t", actors.WithHeader("exclusive", "true")},
		{actors.CodeSyntax, "/topic/#", actors.WithHeader("exclusive", "true")},
	} {
		_, err := b.Subscribe(ctx, c.destination, c.option)
		wantFault(t, err, c.code)
	}
	s := subscribe(t, b, "plain")
	publish(t, b, "plain", "fine")
	next(t, s, "fine").Ack()
}

// A full queue makes Publish wait, for room or for the end of its context; a message that was given up
// is never delivered.
func TestPublishWaitsForRoom(t *testing.T) {
	b := start(t, func(cfg *config.Config) { cfg.Queues.MaxMessages = 1 })
	publish(t, b, "/queue/q", "a")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := b.Publish(ctx, "/queue/q", []byte("given up")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("publish to a full queue: %v", err)
	}
	waits := make(chan error, 1)
	go func() { waits <- b.Publish(patience(t), "/queue/q", []byte("b")) }()
	s := subscribe(t, b, "/queue/q")
	next(t, s, "a").Ack()
	if err := <-waits; err != nil {
		t.Errorf("publish when there is room again: %v", err)
	}
	next(t, s, "b").Ack()
	nothing(t, b, s)
}

// With queues.full at reject the publisher gets the fault, and only the publisher.
func TestPublishToAFullQueueIsRefused(t *testing.T) {
	b := start(t, func(cfg *config.Config) { cfg.Queues.MaxMessages = 1; cfg.Queues.Full = config.FullReject })
	publish(t, b, "/queue/q", "a")
	wantFault(t, b.Publish(patience(t), "/queue/q", nil), actors.CodeDestinationFull)
	publish(t, b, "/queue/other", "b")
}

// A wildcard subscription gets the messages of topics that did not exist when it was made.
func TestProgramSubscribesToAWildcard(t *testing.T) {
	b := start(t, nil)
	s := subscribe(t, b, "/topic/a.*")
	publish(t, b, "/topic/a.b", "x")
	if d := next(t, s, "x"); d.Destination() != "/topic/a.b" {
		t.Errorf("the topic is %q", d.Destination())
	}
}

// Headers of a subscription mean to the program what they mean to a client.
func TestProgramSubscribesWithASelector(t *testing.T) {
	b := start(t, nil)
	s := subscribe(t, b, "/queue/q", actors.WithHeader("selector", "colour = 'red'"))
	publish(t, b, "/queue/q", "a", actors.WithHeader("colour", "blue"))
	publish(t, b, "/queue/q", "b", actors.WithHeader("colour", "red"))
	next(t, s, "b").Ack()
}

// A request gets its own reply, from the program or from a client, and none that comes too late.
func TestRequest(t *testing.T) {
	b := start(t, nil)
	if _, err := b.SubscribeFunc(t.Context(), "/queue/upper", func(ctx context.Context, d *actors.Delivery) error {
		return d.Reply(ctx, append([]byte("re: "), d.Body()...), actors.WithHeader("colour", "red"))
	}, actors.WithWorkers(4)); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			question := fmt.Sprint(i)
			m, err := b.Request(patience(t), "/queue/upper", []byte(question))
			if err != nil {
				t.Errorf("request: %v", err)
				return
			}
			if colour, _ := m.Header("colour"); string(m.Body()) != "re: "+question || colour != "red" {
				t.Errorf("the reply to %q is %q", question, m.Body())
			}
		})
	}
	all.Wait()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if _, err := b.Request(ctx, "/queue/nobody", []byte("late")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a request that nobody answers: %v", err)
	}
	late := next(t, subscribe(t, b, "/queue/nobody"), "late")
	if err := late.Reply(patience(t), []byte("too late")); err != nil {
		t.Errorf("a reply that comes too late: %v", err)
	}
	publish(t, b, "/queue/nobody", "no question")
	c := open(t, b)
	c.Subscribe("1", "/queue/service")
	answered := make(chan string, 1)
	go func() {
		m, err := b.Request(patience(t), "/queue/service", []byte("?"))
		if err != nil {
			t.Errorf("request: %v", err)
			answered <- ""
			return
		}
		answered <- string(m.Body())
	}()
	q := c.Expect("MESSAGE")
	to, _ := q.Get("reply-to")
	id, _ := q.Get("correlation-id")
	c.SendBody(to, "a client's", "correlation-id:"+id)
	if got := <-answered; got != "a client's" {
		t.Errorf("the reply is %q", got)
	}
}

// ownSystem is an actor system of the program's. It ends behind the brokers that a test starts in it.
func ownSystem(t *testing.T) *actor.ActorSystem {
	system := actor.NewActorSystem(actor.WithLoggerFactory(discard), actor.WithDeadLetterThrottleInterval(10*time.Millisecond))
	t.Cleanup(system.Shutdown)
	return system
}

// collector is an actor of the program's that hands on what it is told.
type collector struct {
	got   chan any
	panic atomic.Bool
}

func (c *collector) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actors.Delivery:
		if c.panic.CompareAndSwap(true, false) {
			panic("the program's actor fails")
		}
		c.got <- m
	case *actors.PublishResponse, *actors.SubscriptionEnded:
		c.got <- m
	}
}

func spawnCollector(system *actor.ActorSystem) (*collector, *actor.PID) {
	c := &collector{got: make(chan any, 100)}
	return c, system.Root.Spawn(actor.PropsFromProducer(func() actor.Actor { return c }, actor.WithReceiverMiddleware(actors.NackOnFailure)))
}

// An actor of the program's gets messages of the broker's, keeps its subscription over a failure of its own,
// which costs it nothing but a second try, and loses it when it ends. It publishes by a message.
func TestSubscribeActor(t *testing.T) {
	system := ownSystem(t)
	b := start(t, nil, actors.WithActorSystem(system))
	c, pid := spawnCollector(system)
	if _, err := b.SubscribeActor(t.Context(), pid, "/queue/q"); err != nil {
		t.Fatal(err)
	}
	c.panic.Store(true)
	system.Root.RequestWithCustomSender(b.PID(), &actors.PublishRequest{Destination: "/queue/q", Body: []byte("a")}, pid)
	if m, ok := (<-c.got).(*actors.PublishResponse); !ok || m.Err != nil {
		t.Errorf("the answer to a PublishRequest is %#v", m)
	}
	d, ok := (<-c.got).(*actors.Delivery)
	if !ok || string(d.Body()) != "a" || !d.Redelivered() {
		t.Fatalf("after its failure the actor got %v", d)
	}
	system.Root.RequestWithCustomSender(b.PID(), &actors.PublishRequest{Destination: "/nowhere"}, pid)
	if m, ok := (<-c.got).(*actors.PublishResponse); !ok {
		t.Errorf("the answer is %#v", m)
	} else {
		wantFault(t, m.Err, actors.CodeDestinationUnknown)
	}
	if err := system.Root.StopFuture(pid).Wait(); err != nil {
		t.Fatal(err)
	}
	// Not acknowledged, so it is there for the next one.
	if d := next(t, subscribe(t, b, "/queue/q"), "a"); d.Attempt() != 3 {
		t.Errorf("it is the attempt %d, want 3", d.Attempt())
	}
	if _, err := start(t, nil).SubscribeActor(t.Context(), pid, "/queue/q"); err == nil {
		t.Error("an actor of another system could subscribe")
	}
}

// Whatever crashes, at whatever message: what the program has published it gets, once if it is not marked
// as redelivered, and nothing is lost.
func TestProgramOutlivesFailures(t *testing.T) {
	for _, role := range []string{"program", "subscription", "destination", "destinations"} {
		for _, nth := range []int64{1, 2, 3, 5, 8, 13} {
			t.Run(fmt.Sprintf("%s/%d", role, nth), func(t *testing.T) {
				f := &fault{role: role, phase: "message", at: occasions(nth)}
				with := actors.WithInjector
				if nth%2 == 0 {
					f.how, with = runtime.Goexit, actors.WithRudeInjector
				}
				b := start(t, nil, with(f.inject))
				const n = 20
				s := subscribe(t, b, "/queue/q", actors.WithPrefetch(3))
				other := subscribe(t, b, "/topic/t")
				failed := make(chan error, 1)
				go func() {
					for i := range n {
						if err := b.Publish(patience(t), "/queue/q", []byte(fmt.Sprint(i))); err != nil {
							failed <- err
							return
						}
					}
					failed <- nil
				}()
				seen := make(map[string]bool)
				for len(seen) < n {
					d, err := s.Next(patience(t))
					if err != nil {
						t.Fatalf("after %d: %v", len(seen), err)
					}
					if seen[string(d.Body())] && !d.Redelivered() {
						t.Errorf("%q came twice and is not marked", d.Body())
					}
					seen[string(d.Body())] = true
					d.Ack()
				}
				if err := <-failed; err != nil {
					t.Errorf("publish: %v", err)
				}
				publish(t, b, "/topic/t", "still there")
				next(t, other, "still there").Ack()
				if err := other.Unsubscribe(patience(t)); err != nil {
					t.Errorf("unsubscribe: %v", err)
				}
			})
		}
	}
}

// An Ack that keeps crashing who gets it is lost, and its message comes again instead of being nobody's for ever.
func TestLostAckBringsTheMessageAgain(t *testing.T) {
	for role, message := range map[string]string{"subscription": "*actors.acknowledge", "destination": "*actors.settle"} {
		f := &fault{role: role, phase: "message", at: occasions(1, 2, 3), only: func(m any) bool { return fmt.Sprintf("%T", m) == message }}
		b := start(t, nil, actors.WithInjector(f.inject))
		s := subscribe(t, b, "/queue/q")
		publish(t, b, "/queue/q", "a")
		next(t, s, "a").Ack()
		if d := next(t, s, "a"); !d.Redelivered() {
			t.Errorf("%s: the message came again and is not marked", role)
		} else {
			d.Ack()
		}
		// It may come once more: that Ack and the start over may have crossed.
		publish(t, b, "/queue/q", "marker")
		for {
			d, err := s.Next(patience(t))
			if err != nil {
				t.Fatalf("%s: %v", role, err)
			}
			d.Ack()
			if string(d.Body()) == "marker" {
				break
			}
			if !d.Redelivered() {
				t.Errorf("%s: %q came again and is not marked", role, d.Body())
			}
		}
	}
}

// Shutdown waits for handlers that run, ends subscriptions with a fault, refuses what comes later, and may
// be called by anybody at any time.
func TestShutdownAndTheProgram(t *testing.T) {
	b := start(t, nil)
	running, finish := make(chan struct{}), make(chan struct{})
	if _, err := b.SubscribeFunc(t.Context(), "/queue/q", func(ctx context.Context, d *actors.Delivery) error {
		close(running)
		<-finish
		return b.Publish(ctx, "/topic/t", nil) // still possible
	}); err != nil {
		t.Fatal(err)
	}
	s := subscribe(t, b, "/topic/t")
	publish(t, b, "/queue/q", "a")
	<-running
	impatient, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 3)
	for range 3 {
		go func() { ended <- b.Shutdown(context.Background()) }()
	}
	if _, err := s.Next(patience(t)); err == nil {
		t.Error("a message came to a subscription that ends")
	} else {
		wantFault(t, err, actors.CodeShutdown)
	}
	cancel()
	if err := b.Shutdown(impatient); !errors.Is(err, context.Canceled) {
		t.Errorf("a later call whose context has ended returns %v", err)
	}
	close(finish)
	for range 3 {
		if err := <-ended; err != nil {
			t.Errorf("shutdown: %v", err)
		}
	}
	ctx := patience(t)
	wantFault(t, b.Publish(ctx, "/queue/q", nil), actors.CodeShutdown)
	_, err := b.Subscribe(ctx, "/queue/q")
	wantFault(t, err, actors.CodeShutdown)
	_, err = b.Request(ctx, "/queue/q", nil)
	wantFault(t, err, actors.CodeShutdown)
	if err := b.Shutdown(ctx); err != nil {
		t.Errorf("shutdown, again: %v", err)
	}
}

// Should the program stop the broker's tree by itself, nobody waits for it for ever: calls under way and later ones get a fault,
// subscriptions end, and Shutdown has nothing to wait for.
func TestTreeStoppedFromOutside(t *testing.T) {
	system := ownSystem(t)
	b := start(t, func(cfg *config.Config) { cfg.Queues.MaxMessages = 1; cfg.Shutdown.DrainTimeout = 0 }, actors.WithActorSystem(system))
	s := subscribe(t, b, "/topic/t")
	publish(t, b, "/queue/q", "fills it")
	waits := make(chan error, 2)
	events := b.Events(t.Context())
	go func() { waits <- b.Publish(patience(t), "/queue/q", nil) }()
	await(t, events, actors.EventPublisherHeld)
	go func() {
		_, err := b.Request(patience(t), "/topic/nobody", nil)
		waits <- err
	}()
	if err := system.Root.StopFuture(b.Root()).Wait(); err != nil {
		t.Fatal(err)
	}
	wantFault(t, <-waits, actors.CodeShutdown)
	wantFault(t, <-waits, actors.CodeShutdown)
	<-s.Done()
	wantFault(t, s.Err(), actors.CodeShutdown)
	_, err := b.Subscribe(patience(t), "/topic/t")
	wantFault(t, err, actors.CodeShutdown)
	wantFault(t, b.Publish(patience(t), "/topic/t", nil), actors.CodeShutdown)
	wantFault(t, b.Commit(patience(t), new(actors.Transaction)), actors.CodeShutdown)
}

// Subscribers in a client mode with selectors share a message that is encoded before any of them has it.
func TestSelectedMessagesAreShared(t *testing.T) {
	b := start(t, nil)
	clients := make([]*stomptest.Conn, 4)
	for i := range clients {
		clients[i] = open(t, b)
		clients[i].Subscribe("1", "/topic/t", "ack:client", "selector:colour = 'red'")
	}
	const n = 50
	for range n {
		publish(t, b, "/topic/t", "x", actors.WithHeader("colour", "red"))
	}
	for _, c := range clients {
		for range n {
			c.Expect("MESSAGE")
		}
	}
}

// A program's subscription whose end is confirmed while the broker's actors stop already ends once, and nothing fails.
func TestSubscriptionEndsOnceThoughConfirmedLate(t *testing.T) {
	ending, stopping, confirmed := make(chan struct{}), make(chan struct{}), make(chan struct{})
	end, stop, confirm := sync.OnceFunc(func() { close(ending) }), sync.OnceFunc(func() { close(stopping) }), sync.OnceFunc(func() { close(confirmed) })
	wait := func(c chan struct{}) {
		select {
		case <-c:
		case <-time.After(5 * time.Second):
			t.Error("it did not come so far")
		}
	}
	b := start(t, nil, actors.WithRudeInjector(func(role, _, phase string, m any) {
		switch kind := fmt.Sprintf("%T", m); {
		case role == "program" && phase == "stopping":
			stop()
		case role == "listeners" && kind == "*actors.shutDoors":
			wait(ending) // so the queue's actor is not stopped before
		case role == "destination" && kind == "*actors.unsubscribe":
			end()
			wait(stopping)
		case role == "program" && kind == "*actors.unsubscribed":
			confirm()
		case role == "subscription" && phase == "stopping":
			wait(confirmed) // so the program's actor is not gone before
		}
	}))
	events := b.Events(context.Background())
	s := subscribe(t, b, "/queue/q")
	shutDown(t, b)
	if _, err := s.Next(patience(t)); err == nil {
		t.Error("the subscription goes on")
	}
	for e := range events {
		if e.Kind.Supervision() {
			t.Errorf("%s: %s", e.Kind, e.Cause)
		}
	}
}
