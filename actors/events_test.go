package actors_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"stampede/actors"
	"stampede/actors/access"
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

// Whoever follows the events hears once of every client that is not let in: who it said it was, cut short, from where and
// why, and nothing of its passcode; and of who comes another way and is not let in, too.
func TestRefusedLoginsAreEvents(t *testing.T) {
	b := start(t, func(c *config.Config) {
		c.Login, c.Passcode, c.Access.LoginDelay, c.Access.LoginDelayMax = "shop", "sesame", 0, 0
		c.Limits.MaxConnectionsPerUser = 1
	})
	in := stomptest.New(t, b.Pipe())
	in.Send("CONNECT", "accept-version:1.2", "host:h", "login:shop", "passcode:sesame")
	in.Expect("CONNECTED")
	events := b.Events(t.Context())
	for i, tc := range []struct{ login, passcode, version, says, cause string }{
		{"shop", "mellon", "1.2", "shop", "the credentials are wrong"},
		{strings.Repeat("x", 100), "mellon", "1.2", strings.Repeat("x", 64) + "…", "the credentials are wrong"},
		{"shop", "sesame", "7", "shop", "no common protocol version"},
		{"shop", "sesame", "1.2", "shop", "too many connections of this user"},
	} {
		c := stomptest.New(t, b.Pipe())
		c.Send("CONNECT", "accept-version:"+tc.version, "host:h", "login:"+tc.login, "passcode:"+tc.passcode)
		c.Expect("ERROR")
		c.Closed()
		id := fmt.Sprintf("c%d", i+2)
		e := <-events
		if e.Kind != actors.EventLoginRefused || e.Login != tc.says || e.Connection != id || !strings.HasSuffix(e.Actor, id+"/session") || e.Remote != "pipe pipe:client" || e.Cause != tc.cause || e.Time.IsZero() {
			t.Errorf("%+v", e)
		}
		if said := fmt.Sprintf("%+v", e); strings.Contains(said, "mellon") || strings.Contains(said, "sesame") {
			t.Errorf("tells the passcode: %s", said)
		}
		if e := <-events; e.Kind != actors.EventDisconnected || e.Connection != id {
			t.Errorf("then %+v", e)
		}
	}
	from := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 7}
	given := &access.Credentials{Login: "eve", Passcode: "mellon", HasLogin: true, HasPasscode: true, Remote: from}
	if _, err := b.Authorize(t.Context(), given, access.Read, "/topic/news"); err == nil {
		t.Error("was let in")
	}
	if e := <-events; e.Kind != actors.EventLoginRefused || e.Login != "eve" || e.Remote != "192.0.2.1:7" || e.Cause == "" {
		t.Errorf("%+v", e)
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
