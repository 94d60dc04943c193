package orderflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/actors"
)

// Order is what a customer wants.
type Order struct {
	Number int    `json:"number"`
	Item   string `json:"item"`
	Amount int    `json:"amount"`
	Card   string `json:"card"`
}

// Shop is a shop that is open.
type Shop struct {
	broker *actors.Broker
	system *actor.ActorSystem
	floor  *actor.PID // supervisor of the workers
	number atomic.Int64
}

// jobs are the kinds of workers: where each gets its work, how many there are of it, and what they do.
func jobs(w *World) []job {
	return []job{
		{"intake", "/queue/orders", 2, w.intake},
		{"payment", "/queue/payments", 3, w.pay},
		{"stock", "/queue/stock", 1, w.take},
		{"refunds", "/queue/refunds", 1, w.refund},
		{"mail", "/queue/mail", 2, w.mail},
		{"undertaker", "/queue/DLQ", 1, w.bury},
	}
}

// Open hires the workers. The broker must run in the shop's actor system.
func Open(ctx context.Context, broker *actors.Broker, system *actor.ActorSystem, world *World) (*Shop, error) {
	s := &Shop{broker: broker, system: system}
	hired := make(chan []hiredWorker, 1)
	// The floor restarts a worker for as often as it takes. The library's default would give it up in silence after ten
	// failures in ten seconds.
	s.floor = system.Root.Spawn(actor.PropsFromProducer(func() actor.Actor {
		return &floor{broker: broker.PID(), jobs: jobs(world), watch: world.Watch, hired: hired}
	}, actor.WithSupervisor(actor.NewRestartingStrategy())))
	for _, worker := range <-hired {
		// Four orders at a time wait in a worker's mailbox: its backpressure.
		if _, err := broker.SubscribeActor(ctx, worker.pid, worker.from, actors.WithPrefetch(4)); err != nil {
			return nil, errors.Join(fmt.Errorf("hire for %s: %w", worker.from, err), s.Close(ctx))
		}
	}
	return s, nil
}

// Place takes an order and returns its number when it can't be lost any more.
func (s *Shop) Place(ctx context.Context, o Order) (int, error) {
	o.Number = int(s.number.Add(1))
	body, err := json.Marshal(o)
	if err != nil {
		return 0, err
	}
	return o.Number, s.broker.Publish(ctx, "/queue/orders", body, actors.WithHeader("order", strconv.Itoa(o.Number)), actors.WithHeader("content-type", "application/json"))
}

// Close sends the workers home: what they have not done goes back to its queue. The broker is its owner's to end.
func (s *Shop) Close(ctx context.Context) error {
	gone := make(chan error, 1)
	go func() { gone <- s.system.Root.PoisonFuture(s.floor).Wait() }()
	select {
	case err := <-gone:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// floor is the supervisor of the workers. It does nothing else: who supervises should have nothing to fail over.
type floor struct {
	broker *actor.PID
	jobs   []job
	watch  func(*actors.Delivery)
	hired  chan<- []hiredWorker
}

type hiredWorker struct {
	pid  *actor.PID
	from string
}

// Receive hires everybody when it starts.
func (f *floor) Receive(ctx actor.Context) {
	if _, ok := ctx.Message().(*actor.Started); !ok {
		return
	}
	var all []hiredWorker
	for _, j := range f.jobs {
		props := actor.PropsFromProducer(func() actor.Actor {
			return &worker{broker: f.broker, work: j.work, watch: f.watch}
		}, actor.WithReceiverMiddleware(actors.NackOnFailure))
		for n := range j.workers {
			pid, err := ctx.SpawnNamed(props, fmt.Sprintf("%s-%d", j.name, n+1))
			if err != nil {
				panic(err)
			}
			all = append(all, hiredWorker{pid, j.from})
		}
	}
	f.hired <- all
}
