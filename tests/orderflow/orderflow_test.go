package orderflow

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/goleak"

	"stampede/actors"
	"stampede/actors/faults"
	"stampede/config"
	"stampede/tests/stomptest"
)

// No test of this package may leave a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a broker without sockets in an actor system that it shares with the shop.
func start(t *testing.T, opts ...actors.Option) (*actors.Broker, *actor.ActorSystem) {
	t.Helper()
	system := actor.NewActorSystem(
		actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }),
		actor.WithDeadLetterRequestLogging(false),
		actor.WithDeadLetterThrottleInterval(10*time.Millisecond),
	)
	t.Cleanup(system.Shutdown)
	cfg := config.Default()
	cfg.Listen = nil
	cfg.Queues.MaxDeliveries, cfg.Queues.DeadLetter = 3, "/queue/DLQ"
	cfg.Supervision.BackoffMin, cfg.Supervision.BackoffMax = time.Millisecond, 5*time.Millisecond
	broker, err := actors.Start(t.Context(), cfg, append(opts, actors.WithActorSystem(system))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := broker.Shutdown(context.Background()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return broker, system
}

// ledger is what the test knows of every order.
type ledger struct {
	mu   sync.Mutex
	seen map[string]map[string]bool // by queue and order: the ids of the messages that carried it
	dead map[string]map[string]bool // likewise, of those that went to the dead letters from there
}

// watch notes what a worker is given.
func (l *ledger) watch(d *actors.Delivery) {
	order, _ := d.Header("order")
	l.mu.Lock()
	defer l.mu.Unlock()
	if d.Destination() == "/queue/DLQ" {
		from, _ := d.Header("dead-letter-destination")
		note(l.dead, from+" "+order, d.ID())
		return
	}
	note(l.seen, d.Destination()+" "+order, d.ID())
}

func note(m map[string]map[string]bool, key, id string) {
	if m[key] == nil {
		m[key] = make(map[string]bool)
	}
	m[key][id] = true
}

// clumsy panics about once in n times, by a seed.
func clumsy(n int, seed uint64, fell *atomic.Int64) func() {
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(seed, 0))
	return func() {
		mu.Lock()
		falls := r.IntN(n) == 0
		mu.Unlock()
		if falls {
			fell.Add(1)
			panic("a worker trips")
		}
	}
}

// While workers trip and actors of the broker are killed, every order ends with one letter, money and goods agree with what
// the letters say, no order is passed on twice by any queue, and nothing is left over.
func TestNoOrderIsLostOrDoneTwice(t *testing.T) {
	const orders, unreadable = 300, 10
	const seed = 42
	for _, broken := range []struct {
		name  string
		rules []faults.Rule
		trips int // a worker does about once in so many steps; 0: never
	}{
		{"all is well", nil, 0},
		{"workers fail", nil, 12},
		{"the broker fails", kills(), 0},
		{"both fail", kills(), 12},
	} {
		t.Run(broken.name, func(t *testing.T) {
			plan := faults.New(seed, broken.rules...)
			broker, system := start(t, actors.WithFaults(plan))
			ctx, cancel := context.WithTimeout(context.Background(), 3*stomptest.Guard)
			defer cancel()
			books := &ledger{seen: make(map[string]map[string]bool), dead: make(map[string]map[string]bool)}
			world := &World{Watch: books.watch}
			world.Warehouse.Shelf = map[string]int{"teapot": 1_000_000, "samovar": 40}
			world.Postbox.Posted = make(chan int, 2*orders)
			fell := new(atomic.Int64)
			if broken.trips > 0 {
				world.Mishap = clumsy(broken.trips, seed, fell)
			}
			shop, err := Open(ctx, broker, system, world)
			if err != nil {
				t.Fatal(err)
			}

			placed := make(map[int]Order)
			for i := range orders {
				o := Order{Item: "teapot", Amount: 1 + i%3, Card: "4711"}
				switch i % 10 {
				case 3:
					o.Card = "" // will be refused
				case 5, 7:
					o.Item = "samovar" // there are not enough
				}
				number, err := shop.Place(ctx, o)
				if err != nil {
					t.Fatalf("order %d: %v", i, err)
				}
				placed[number] = o
				if i%(orders/unreadable) == 0 {
					if err := broker.Publish(ctx, "/queue/orders", fmt.Appendf(nil, "scribble %d", i), actors.WithHeader("order", "?")); err != nil {
						t.Fatal(err)
					}
				}
			}
			for range orders {
				select {
				case <-world.Postbox.Posted:
				case <-ctx.Done():
					t.Fatalf("%d letters of %d were sent\n%v", len(world.Postbox.Letters()), orders, left(broker))
				}
			}
			for len(left(broker)) > 0 || len(world.Postbox.Unreadable()) < unreadable { // the last step of the last order
				if ctx.Err() != nil {
					t.Fatalf("left over: %v; %d unreadable orders on file, want %d", left(broker), len(world.Postbox.Unreadable()), unreadable)
				}
				runtime.Gosched()
			}
			plan.Stop()
			if err := shop.Close(ctx); err != nil {
				t.Error(err)
			}

			check(t, world, placed)
			for key, ids := range books.seen {
				if want := 1 + len(books.dead[key]); len(ids) > want && key != "/queue/orders ?" {
					t.Errorf("%s was passed on as %d messages, and %d of them became dead letters", key, len(ids), len(books.dead[key]))
				}
			}
			if (broken.trips > 0) != (fell.Load() > 0) {
				t.Errorf("workers tripped %d times", fell.Load())
			}
			for i, n := range plan.Fired() {
				if n == 0 {
					t.Errorf("rule %d never struck", i)
				}
			}
			t.Logf("%d mishaps, %d charges asked for again, %d dead letters rescued, faults by rule: %v",
				fell.Load(), world.Bank.Repeated.Load(), world.Postbox.Rescued.Load(), plan.Fired())
		})
	}
}

// kills breaks every kind of actor of the broker that has to do with the shop, again and again.
func kills() []faults.Rule {
	return []faults.Rule{
		{Do: faults.Kill, Role: "destination", Every: 40, PerActor: true},
		{Do: faults.Kill, Role: "subscription", Every: 30, PerActor: true},
		{Do: faults.Kill, Role: "program", Every: 50},
		{Do: faults.Kill, Role: "destinations", Every: 4},
	}
}

// left is what queues still have.
func left(broker *actors.Broker) []string {
	var all []string
	for _, d := range broker.Stats().Destinations {
		if d.Messages > 0 {
			all = append(all, fmt.Sprintf("%d in %s", d.Messages, d.Name))
		}
	}
	return all
}

// check compares what the world looks like with what the customers were told.
func check(t *testing.T, world *World, placed map[int]Order) {
	t.Helper()
	letters := world.Postbox.Letters()
	if len(letters) != len(placed) {
		t.Errorf("%d orders were answered with %d letters", len(placed), len(letters))
	}
	balance, sold := 0, map[string]int{}
	for number, o := range placed {
		text := letters[number]
		if refused := text == "your card was refused"; refused != (o.Card == "") {
			t.Errorf("order %d with the card %q was answered %q", number, o.Card, text)
		}
		if text == "your order is on its way" {
			balance += 10 * o.Amount
			sold[o.Item] += o.Amount
		}
	}
	if world.Bank.Balance != balance {
		t.Errorf("the shop has %d, and by its letters should have %d", world.Bank.Balance, balance)
	}
	if got, want := world.Warehouse.Shelf["teapot"], 1_000_000-sold["teapot"]; got != want {
		t.Errorf("%d teapots are left, and by the letters there should be %d", got, want)
	}
	if got, want := world.Warehouse.Shelf["samovar"], 40-sold["samovar"]; got != want || got < 0 {
		t.Errorf("%d samovars are left, and by the letters there should be %d", got, want)
	}
}
