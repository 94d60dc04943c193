package actors_test

import (
	"testing"

	"stampede/config"
)

// What a queue and a topic show of themselves is what happened to their messages.
func TestDestinationCounters(t *testing.T) {
	b := start(t, func(c *config.Config) {
		c.Queues.Full, c.Queues.MaxMessages, c.Queues.DeadLetter = config.FullDropOldest, 4, ""
	})
	c := open(t, b)
	shows := func(destination string, want map[string]int64) {
		t.Helper()
		got := b.Counters(destination)
		for name, n := range want {
			if got[name] != n {
				t.Errorf("%s: %s is %d, wants %d", destination, name, got[name], n)
			}
		}
	}
	for range 5 {
		c.Sync("SEND", "destination:/queue/q")
	}
	shows("/queue/q", map[string]int64{"enqueued": 5, "dropped": 1, "size": 4, "subscribers": 0})
	if n := b.Counters("/queue/q")["bytes"]; n < 4 {
		t.Errorf("a queue of four messages has %d octets", n)
	}
	c.Subscribe("s", "/queue/q", "ack:client-individual", "prefetch-count:2")
	first, second := c.Expect("MESSAGE"), c.Expect("MESSAGE")
	c.Send("ACK", "id:"+first.Header1("ack"))
	c.Expect("MESSAGE")
	c.Send("NACK", "id:"+second.Header1("ack"), "requeue:false")
	c.Expect("MESSAGE")
	shows("/queue/q", map[string]int64{"delivered": 4, "settled": 1, "dead-lettered": 1, "size": 2, "subscribers": 1})

	c.Subscribe("a", "/topic/t")
	c.Subscribe("b", "/topic/#", "ack:client")
	c.Sync("SEND", "destination:/topic/t", "expires:1000")
	c.Send("SEND", "destination:/topic/t")
	c.Expect("MESSAGE")
	c.Expect("MESSAGE")
	c.Sync("UNSUBSCRIBE", "id:b")
	c.Sync("UNSUBSCRIBE", "id:a")
	shows("/topic/t", map[string]int64{"enqueued": 2, "expired": 1, "delivered": 2, "size": 0, "subscribers": 0})
}

// What a slow subscriber of a topic does not get is counted as dropped by that topic, wherever it was given up.
func TestDroppedByASlowSubscriberIsCounted(t *testing.T) {
	for _, mode := range []string{"auto", "client"} {
		b := start(t, func(c *config.Config) {
			c.Limits.MaxBodyBytes, c.Limits.MaxHeaderBlockBytes, c.Limits.Outbox = 16<<10, 16<<10, 64<<10
			c.Topics.SlowConsumer = config.SlowDropNewest
		})
		slow, c := open(t, b), open(t, b)
		slow.Subscribe("s", "/topic/t", "ack:"+mode)
		body := make([]byte, 16<<10)
		for range 100 { // more than the pipe, the outbox and what waits behind the prefetch take
			c.SendBody("/topic/t", string(body), "receipt:r")
			c.Expect("RECEIPT")
		}
		if n := b.Counters("/topic/t")["dropped"]; n == 0 || n > 100 {
			t.Errorf("%s: %d of 100 messages dropped", mode, n)
		}
	}
}
