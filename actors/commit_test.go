package actors_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/actors"
	"stampede/config"
)

// step is a transaction of one step: from a delivery to a message.
func step(d *actors.Delivery, destination string) *actors.Transaction {
	t := new(actors.Transaction)
	t.Publish(destination, d.Body())
	t.Ack(d)
	return t
}

// A transaction publishes and acknowledges, on several destinations, or does nothing at all; after an error its deliveries
// can be answered as before.
func TestCommit(t *testing.T) {
	b := start(t, func(cfg *config.Config) { cfg.Queues.MaxMessages = 2 })
	ctx := patience(t)
	in, out, news := subscribe(t, b, "/queue/in"), subscribe(t, b, "/queue/out"), subscribe(t, b, "/topic/news")
	publish(t, b, "/queue/in", "a")
	d := next(t, in, "a")
	tx := step(d, "/queue/out")
	tx.Publish("/queue/out", []byte("b"))
	tx.Publish("/topic/news", []byte("c"), actors.WithHeader("colour", "red"))
	if err := b.Commit(ctx, tx); err != nil {
		t.Fatal(err)
	}
	next(t, out, "a").Ack()
	next(t, out, "b").Ack()
	last := next(t, news, "c")
	wantFault(t, b.Commit(ctx, step(d, "/queue/out")), actors.CodeAck) // answered before
	wantFault(t, b.Commit(ctx, tx), actors.CodeTransaction)
	nothing(t, b, in)
	nothing(t, b, out)
	if err := b.Commit(ctx, step(last, "/queue/out")); err != nil { // of a topic's there is only the message
		t.Error(err)
	}
	next(t, out, "c").Ack()
	if err := b.Commit(ctx, new(actors.Transaction)); err != nil {
		t.Errorf("an empty transaction: %v", err)
	}

	publish(t, b, "/queue/in", "d")
	d = next(t, in, "d")
	tx = step(d, "/queue/out")
	tx.Publish("nowhere", nil)
	wantFault(t, b.Commit(ctx, tx), actors.CodeDestinationUnknown)
	tx = step(d, "/queue/out")
	for range 3 {
		tx.Publish("/queue/full", nil)
	}
	wantFault(t, b.Commit(ctx, tx), actors.CodeDestinationFull) // more than the queue can ever hold
	publish(t, b, "/queue/full", "x")
	publish(t, b, "/queue/full", "y")
	short, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	tx = step(d, "/queue/out")
	tx.Publish("/queue/full", nil)
	if err := b.Commit(short, tx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a transaction that waits for room: %v", err)
	}
	nothing(t, b, out)
	d.Nack()
	if d = next(t, in, "d"); !d.Redelivered() {
		t.Error("the delivery of a transaction that failed was not put back")
	}
	if err := in.Unsubscribe(ctx); err != nil {
		t.Fatal(err)
	}
	wantFault(t, b.Commit(ctx, step(d, "/queue/out")), actors.CodeAck) // not ours any more
	nothing(t, b, out)
}

// Whatever crashes, at whatever message: what workers pass on from queue to queue in transactions arrives, and
// arrives once.
func TestCommitsPassEachMessageOnOnce(t *testing.T) {
	for _, role := range []string{"program", "subscription", "destination", "destinations"} {
		for _, nth := range []int64{1, 4, 7, 10, 13, 16, 25, 40} {
			t.Run(fmt.Sprintf("%s/%d", role, nth), func(t *testing.T) {
				f := &fault{role: role, phase: "message", at: occasions(nth, nth+3)}
				b := start(t, nil, actors.WithInjector(f.inject))
				const n = 30
				out := subscribe(t, b, "/queue/out")
				for _, hop := range [][2]string{{"/queue/in", "/queue/between"}, {"/queue/between", "/queue/out"}} {
					if _, err := b.SubscribeFunc(t.Context(), hop[0], func(ctx context.Context, d *actors.Delivery) error {
						return b.Commit(ctx, step(d, hop[1]))
					}, actors.WithWorkers(2), actors.WithPrefetch(4)); err != nil {
						t.Fatal(err)
					}
				}
				for i := range n {
					publish(t, b, "/queue/in", fmt.Sprint(i))
				}
				seen := make(map[string]bool)
				for len(seen) < n {
					d, err := out.Next(patience(t))
					if err != nil {
						t.Fatalf("after %d of %d: %v", len(seen), n, err)
					}
					if body := string(d.Body()); seen[body] && !d.Redelivered() {
						t.Errorf("%s was passed on twice", body)
					} else {
						seen[body] = true
					}
					d.Ack()
				}
				nothing(t, b, out)
			})
		}
	}
}

// mover is an actor that passes messages on in transactions.
type mover struct {
	broker *actor.PID
	to     string
	tries  *atomic.Int64
	failed chan<- error
}

func (m *mover) Receive(ctx actor.Context) {
	switch message := ctx.Message().(type) {
	case *actors.Delivery:
		ctx.Request(m.broker, step(message, m.to))
		if m.tries.Add(1)%3 == 0 {
			panic("the mover trips over its own feet") // behind it: the transaction is under way
		}
	case *actors.TransactionResponse:
		if message.Err != nil {
			m.failed <- message.Err
		}
	}
}

// An actor commits by a message, and may fail meanwhile.
func TestActorCommits(t *testing.T) {
	system := ownSystem(t)
	b := start(t, nil, actors.WithActorSystem(system))
	failed := make(chan error, 10)
	tries := new(atomic.Int64)
	pid := system.Root.Spawn(actor.PropsFromProducer(func() actor.Actor {
		return &mover{broker: b.PID(), to: "/queue/out", tries: tries, failed: failed}
	}, actor.WithReceiverMiddleware(actors.NackOnFailure)))
	if _, err := b.SubscribeActor(t.Context(), pid, "/queue/in"); err != nil {
		t.Fatal(err)
	}
	out := subscribe(t, b, "/queue/out")
	const n = 9
	for i := range n {
		publish(t, b, "/queue/in", fmt.Sprint(i))
	}
	seen := make(map[string]int)
	for range n {
		d, err := out.Next(patience(t))
		if err != nil {
			t.Fatalf("after %v: %v", seen, err)
		}
		seen[string(d.Body())]++
		d.Ack()
	}
	if len(seen) != n {
		t.Errorf("%d messages were passed on as %v", n, seen)
	}
	nothing(t, b, out)
	bad := new(actors.Transaction)
	bad.Publish("nowhere", nil)
	system.Root.RequestWithCustomSender(b.PID(), bad, pid)
	for {
		err := <-failed
		var f *actors.Fault
		if errors.As(err, &f) && f.Code == actors.CodeAck {
			continue // NackOnFailure was quicker than the transaction
		}
		wantFault(t, err, actors.CodeDestinationUnknown)
		break
	}
}
