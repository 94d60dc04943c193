package actors_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stampede/actors"
	"stampede/config"
	"stampede/tests/stomptest"
)

// heap is what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A publisher that floods a topic with one stalled and one quick subscriber gets all its receipts, the quick
// one gets every message, and what the stalled one makes the broker hold is bounded by its outbox,
// whatever the policy.
func TestStalledSubscriberCostsItsOutboxAndNoMore(t *testing.T) {
	const outbox, steps = 256 << 10, 128
	for _, policy := range []config.SlowConsumer{config.SlowDropOldest, config.SlowDropNewest, config.SlowDisconnect} {
		t.Run(string(policy), func(t *testing.T) {
			b := start(t, func(c *config.Config) {
				c.Limits.Outbox = outbox
				c.Topics.SlowConsumer = policy
			})
			stalled, quick, publisher := open(t, b), open(t, b), open(t, b)
			stalled.Subscribe("s", "/topic/flood")
			quick.Subscribe("s", "/topic/flood")
			body := strings.Repeat("x", 4096)
			before := heap()
			// 16 MiB in steps that the quick one keeps up with.
			for i := range steps {
				for j := range 32 {
					publisher.SendBody("/topic/flood", fmt.Sprintf("%d %s", i*32+j, body), "number:"+fmt.Sprint(i*32+j))
				}
				publisher.Sync("BEGIN", fmt.Sprintf("transaction:%d", i))
				publisher.Send("ABORT", fmt.Sprintf("transaction:%d", i))
				for j := range 32 {
					if m := quick.Expect("MESSAGE"); m.Header1("number") != fmt.Sprint(i*32+j) {
						t.Fatalf("the quick subscriber got message %s, wants %d", m.Header1("number"), i*32+j)
					}
				}
			}
			if after := heap(); after > before+outbox+4<<20 {
				t.Errorf("the heap grew from %d to %d bytes", before, after)
			}
			next, seen := 0, 0
			for {
				f, err := stalled.TryFrame()
				if err != nil || f.Command == "ERROR" {
					// It was cut off: the ERROR is behind all that it did not read, so that it may not get it.
					if policy != config.SlowDisconnect || err == nil && f.Header1("code") != "slow consumer" {
						t.Errorf("got %s, %v", f, err)
					}
					break
				}
				n := 0
				fmt.Sscan(f.Header1("number"), &n)
				if n < next {
					t.Fatalf("message %d came after %d", n, next-1)
				}
				next, seen = n+1, seen+1
				if n == steps*32-1 {
					break
				}
				if policy == config.SlowDropNewest && seen%16 == 0 {
					// Its outbox has room again: one more message shows where it stands.
					publisher.SendBody("/topic/flood", "last", "number:"+fmt.Sprint(steps*32-1))
				}
			}
			if seen == 0 || seen == steps*32 {
				t.Errorf("the stalled subscriber saw %d messages of %d", seen, steps*32)
			}
		})
	}
}

// A publisher to a full queue is held back: it gets no receipt, and no ERROR either, until a consumer
// makes room; then everything arrives, in order.
func TestFullQueueHoldsThePublisher(t *testing.T) {
	b := start(t, func(c *config.Config) { c.Queues.MaxMessages = 10 })
	publisher, consumer := open(t, b), open(t, b)
	const total = 100
	for i := range total {
		publisher.SendBody("/queue/small", fmt.Sprint(i), fmt.Sprintf("receipt:%d", i))
	}
	for i := range 10 {
		publisher.Expect("RECEIPT", fmt.Sprintf("receipt-id:%d", i))
	}
	consumer.Subscribe("c", "/queue/small", "ack:client-individual", "prefetch-count:3")
	for i := range total {
		m := consumer.Expect("MESSAGE")
		if m.Body != fmt.Sprint(i) {
			t.Fatalf("got %s, wants message %d", m, i)
		}
		consumer.Send("ACK", "id:"+m.Header1("ack"))
	}
	for i := 10; i < total; i++ {
		publisher.Expect("RECEIPT", fmt.Sprintf("receipt-id:%d", i))
	}
	publisher.Disconnect()
}

// A publisher that is held for longer than hold_timeout gets an ERROR that names the limit; the messages
// that were accepted before stay.
func TestHeldTooLongIsAnError(t *testing.T) {
	b := start(t, func(c *config.Config) {
		c.Queues.MaxMessages = 2
		c.Queues.HoldTimeout = 20 * time.Millisecond
	})
	publisher := open(t, b)
	for i := range 3 {
		publisher.SendBody("/queue/small", fmt.Sprint(i), fmt.Sprintf("receipt:%d", i))
	}
	publisher.Expect("RECEIPT", "receipt-id:0")
	publisher.Expect("RECEIPT", "receipt-id:1")
	if e := publisher.Expect("ERROR", "code:q flup", "receipt-id:2"); !strings.Contains(e.Body, "max_messages is 2") {
		t.Errorf("got %s", e)
	}
	publisher.Closed()
	consumer := open(t, b)
	consumer.Subscribe("c", "/queue/small")
	for i := range 2 {
		if m := consumer.Expect("MESSAGE"); m.Body != fmt.Sprint(i) {
			t.Errorf("got %s, wants message %d", m, i)
		}
	}
}

// The other two policies for a full queue: reject refuses the newest message, drop_oldest the oldest.
func TestFullQueuePolicies(t *testing.T) {
	for _, policy := range []config.QueueFull{config.FullReject, config.FullDropOldest} {
		t.Run(string(policy), func(t *testing.T) {
			b := start(t, func(c *config.Config) {
				c.Queues.MaxMessages = 2
				c.Queues.Full = policy
			})
			publisher := open(t, b)
			for i := range 3 {
				publisher.SendBody("/queue/small", fmt.Sprint(i), fmt.Sprintf("receipt:%d", i))
			}
			publisher.Expect("RECEIPT", "receipt-id:0")
			publisher.Expect("RECEIPT", "receipt-id:1")
			first := 0
			if policy == config.FullReject {
				publisher.Expect("ERROR", "code:q flup", "receipt-id:2")
			} else {
				publisher.Expect("RECEIPT", "receipt-id:2")
				first = 1
			}
			consumer := open(t, b)
			consumer.Subscribe("c", "/queue/small")
			for i := range 2 {
				if m := consumer.Expect("MESSAGE"); m.Body != fmt.Sprint(first+i) {
					t.Errorf("got %s, wants message %d", m, first+i)
				}
			}
		})
	}
}

// A publisher that does not wait for receipts is slowed by its own socket: while a queue holds it, the
// broker reads no more of it than its inbound window.
func TestHeldPublisherIsNotReadAhead(t *testing.T) {
	const window = 64 << 10
	cfg := config.Default()
	cfg.Listen = nil
	cfg.Queues.MaxMessages = 1
	cfg.Limits.InboundWindow = window
	cfg.Shutdown.DrainTimeout = 10 * time.Millisecond
	b, err := actors.Start(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Shutdown(context.Background()) }) // what is held can't be carried out: it says so
	publisher := open(t, b)
	frame := stomptest.TextBody(strings.Repeat("x", 1000), "SEND", "destination:/queue/small")
	// The pipe itself holds 64 KiB each way, the reader one more read; the rest has to stay outside.
	var written atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 4096 {
			if publisher.TryWrite(frame) != nil {
				return
			}
			written.Add(int64(len(frame)))
		}
	}()
	// Another connection's receipt shows that the broker is not merely busy.
	other := open(t, b)
	var last int64
	for range 50 {
		for range 20 {
			other.Sync("BEGIN", "transaction:t")
			other.Sync("ABORT", "transaction:t")
		}
		last = written.Load()
	}
	if last > 4*window {
		t.Errorf("%d bytes were taken from a publisher with a window of %d", last, window)
	}
	publisher.Drop()
	<-done
}

// A destination that was made on first use goes away when it is empty and nobody uses it, and comes
// back when it is used again; one with messages stays. While it is away it does not count for destinations.max.
func TestIdleDestinationsRetire(t *testing.T) {
	b := start(t, func(c *config.Config) { c.Destinations.IdleTimeout, c.Destinations.Max = 5*time.Millisecond, 201 })
	c := open(t, b)
	c.SendBody("/queue/kept", "still here", "receipt:k")
	c.Expect("RECEIPT")
	baseline := b.Actors()
	for i := range 200 {
		c.SendBody(fmt.Sprintf("/topic/t.%d", i), "x", fmt.Sprintf("receipt:%d", i))
		c.Expect("RECEIPT")
	}
	deadline := time.Now().Add(10 * time.Second)
	for b.Actors() > baseline {
		if time.Now().After(deadline) {
			t.Fatalf("%d actors, wants %d", b.Actors(), baseline)
		}
		c.Sync("BEGIN", "transaction:t")
		c.Sync("ABORT", "transaction:t")
	}
	for i := range 200 { // as many as there may be, once more
		c.Subscribe(fmt.Sprint(i), fmt.Sprintf("/topic/t.%d", i))
	}
	c.Subscribe("again", "/topic/t.7")
	c.Sync("UNSUBSCRIBE", "id:7")
	c.SendBody("/topic/t.7", "hello")
	c.Expect("MESSAGE")
	c.Subscribe("k", "/queue/kept")
	if m := c.Expect("MESSAGE"); m.Body != "still here" {
		t.Errorf("got %s", m)
	}
}

// Topics that come and go while others publish to them lose no message that a subscriber was there for.
func TestRetiringUnderLoadLosesNothing(t *testing.T) {
	b := start(t, func(c *config.Config) { c.Destinations.IdleTimeout = time.Millisecond })
	subscriber, publisher := open(t, b), open(t, b)
	subscriber.Subscribe("all", "/topic/#")
	for i := range 3000 {
		publisher.SendBody(fmt.Sprintf("/topic/t.%d", i%7), fmt.Sprint(i))
		if i%3 == 0 {
			publisher.Sync("BEGIN", fmt.Sprintf("transaction:%d", i))
			publisher.Send("ABORT", fmt.Sprintf("transaction:%d", i))
		}
	}
	got := make(map[string]bool)
	for range 3000 {
		got[subscriber.Expect("MESSAGE").Body] = true
	}
	if len(got) != 3000 {
		t.Errorf("got %d different messages", len(got))
	}
}

// Shutting down carries out everything that was received before it, tells every client, and closes.
func TestShutdownDrains(t *testing.T) {
	b := start(t, nil)
	c := open(t, b)
	c.Subscribe("s", "/topic/x")
	for i := range 100 {
		c.SendBody("/topic/x", fmt.Sprint(i))
	}
	c.Send("BEGIN", "transaction:t", "receipt:read") // once this is out all of it has been read
	messages := 0
	for f := c.Frame(); f.Command != "RECEIPT"; f = c.Frame() {
		messages++
	}
	done := make(chan error, 1)
	go func() { done <- b.Shutdown(context.Background()) }()
	for {
		f := c.Frame()
		if f.Command == "MESSAGE" {
			messages++
		}
		if f.Command == "ERROR" {
			if f.Header1("code") != "shutdown" {
				t.Errorf("got %s", f)
			}
			break
		}
	}
	c.Closed()
	c.Drop()
	if messages != 100 {
		t.Errorf("%d messages before the end, wants 100", messages)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
