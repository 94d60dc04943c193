package actors_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"stampede/actors"
	"stampede/config"
	"stampede/tests/stomptest"
)

// await passes over events up to one of that kind.
func await(t *testing.T, events <-chan actors.Event, kind actors.EventKind) actors.Event {
	t.Helper()
	limit := time.After(stomptest.Guard)
	for {
		select {
		case e, open := <-events:
			if !open {
				t.Fatalf("the events ended without %q", kind)
			}
			if e.Kind == kind {
				return e
			}
		case <-limit:
			t.Fatalf("no event %q", kind)
		}
	}
}

// Whoever follows the events hears of a client's connects, subscriptions and end, of destinations, of full
// queues, of dropped and of dead letters, with names that fit together; and the channel ends with the broker.
func TestEventsOfAClientsLife(t *testing.T) {
	b := start(t, func(cfg *config.Config) {
		cfg.Queues.MaxMessages, cfg.Queues.DeadLetter = 1, "/queue/DLQ"
	})
	events := b.Events(t.Context())
	c := open(t, b)
	connected := await(t, events, actors.EventConnected)
	if connected.Connection != "c1" || connected.Login != "anonymous" || connected.Remote == "" || connected.Time.IsZero() {
		t.Errorf("connected: %+v", connected)
	}
	c.Subscribe("mine", "/queue/q", "ack:client-individual", "prefetch-count:1")
	if e := await(t, events, actors.EventDestinationMade); e.Destination != "/queue/q" {
		t.Errorf("made: %+v", e)
	}
	if e := await(t, events, actors.EventSubscribed); e.Connection != "c1" || e.Destination != "/queue/q" || e.Subscription != "mine" {
		t.Errorf("subscribed: %+v", e)
	}
	publish(t, b, "/queue/q", "a")
	m := c.Expect("MESSAGE")
	held, cancel := context.WithCancel(context.Background())
	waits := make(chan error, 1)
	go func() { waits <- b.Publish(held, "/queue/q", nil) }()
	if e := await(t, events, actors.EventPublisherHeld); e.Destination != "/queue/q" {
		t.Errorf("held: %+v", e)
	}
	cancel()
	<-waits
	id, _ := m.Get("ack")
	c.Sync("NACK", "id:"+id, "requeue:false")
	if e := await(t, events, actors.EventDeadLetter); e.Destination != "/queue/q" {
		t.Errorf("dead letter: %+v", e)
	}
	c.Sync("UNSUBSCRIBE", "id:mine")
	if e := await(t, events, actors.EventUnsubscribed); e.Subscription != "mine" || e.Connection != "c1" {
		t.Errorf("unsubscribed: %+v", e)
	}
	c.Subscribe("temp", "/temp-queue/x")
	c.Disconnect()
	shutDown(t, b)
	last := make(map[actors.EventKind]actors.Event)
	for e := range events { // to their end
		last[e.Kind] = e
	}
	if e := last[actors.EventDisconnected]; e.Connection != "c1" || e.Login != "anonymous" || e.Remote != connected.Remote {
		t.Errorf("disconnected: %+v", e)
	}
	if e := last[actors.EventDestinationRemoved]; e.Destination != "/temp-queue/x" {
		t.Errorf("removed: %+v", e)
	}
	if _, open := <-b.Events(t.Context()); open {
		t.Error("a broker that has ended has events")
	}
}

// What a subscriber by a pattern loses, because it does not read, is an event of the topic that had no room.
func TestDropsOfAPatternAreAnEvent(t *testing.T) {
	b := start(t, func(cfg *config.Config) {
		cfg.Limits.Outbox, cfg.Topics.SlowConsumer = 64<<10, config.SlowDropOldest
	})
	events := b.Events(t.Context())
	stalled := open(t, b)
	stalled.Subscribe("1", "/topic/news.#")
	body := strings.Repeat("x", 32<<10)
	for range 64 {
		publish(t, b, "/topic/news.sport", body)
	}
	if e := await(t, events, actors.EventDropped); e.Destination != "/topic/news.sport" || e.Count == 0 {
		t.Errorf("dropped: %+v", e)
	}
}

// What a full queue drops is an event, no more than once a second.
func TestDroppedMessagesAreAnEvent(t *testing.T) {
	clock := stomptest.NewClock()
	b := start(t, func(cfg *config.Config) { cfg.Queues.MaxMessages, cfg.Queues.Full = 1, config.FullDropOldest }, actors.WithClock(clock))
	events := b.Events(t.Context())
	for range 3 {
		publish(t, b, "/queue/q", "x")
	}
	if e := await(t, events, actors.EventDropped); e.Destination != "/queue/q" || e.Count != 1 {
		t.Errorf("dropped: %+v", e)
	}
	// The queue tells it when it is done with a message, which may be after who sent that knows.
	for told := uint64(0); told < 2; {
		clock.Advance(time.Second)
		publish(t, b, "/queue/q", "x")
		told += await(t, events, actors.EventDropped).Count
	}
}

// A follower that does not keep up loses events, and the next one that it gets says how many.
func TestLostEventsAreCounted(t *testing.T) {
	b := start(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	events := b.Events(ctx)
	const n = 1500
	for i := range n {
		publish(t, b, fmt.Sprintf("/queue/%d", i), "x") // each makes a destination
	}
	const kept = 1024
	for range kept {
		if e := <-events; e.Lost != 0 {
			t.Fatalf("lost %d, want none yet", e.Lost)
		}
	}
	publish(t, b, "/queue/more", "x")
	if e := <-events; e.Lost != n-kept || e.Destination != "/queue/more" {
		t.Errorf("lost %d before %q, want %d", e.Lost, e.Destination, n-kept)
	}
	publish(t, b, "/queue/most", "x")
	if e := <-events; e.Lost != 0 {
		t.Errorf("lost %d after that, want none", e.Lost)
	}
	cancel()
	for range events { // to their end
	}
}
