package actors_test

import (
	"fmt"
	"testing"
	"time"

	"stampede/actors"
	"stampede/config"
	"stampede/tests/stomptest"
)

// reloaded has a broker go by another configuration and returns when all destinations do.
func reloaded(t *testing.T, b *actors.Broker, change func(*config.Config)) {
	t.Helper()
	cfg := b.Config()
	change(cfg)
	reload(t, b, cfg)
}

func got(t *testing.T, c *stomptest.Conn, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if m := c.Expect("MESSAGE"); m.Body != body {
			t.Fatalf("got %s, wants %s", m, body)
		}
	}
}

// When the settings of destinations change, what they hold and who is subscribed stays; what is over a new maximum stays
// too, publishers that waited go on as soon as there is room by the new one, and new names are there.
func TestReconfigureLosesNothing(t *testing.T) {
	s := stomptest.Start(t, func(c *config.Config) {
		c.Queues.HoldTimeout = 0
		c.Destination = []config.Destination{{Name: "memq", Type: config.TypeQueue, MaxMessages: new(2)}, {Name: "/topic/t", MaxConnections: 1}}
	})
	b := s.Running()
	p, c := open(t, b), open(t, b)
	c.Subscribe("t", "/topic/t")
	for _, body := range []string{"1", "2"} {
		p.SendBody("memq", body, "receipt:r")
		p.Expect("RECEIPT")
	}
	p.SendBody("memq", "3", "receipt:3") // is held
	reloaded(t, b, func(c *config.Config) {
		c.Destination = []config.Destination{{Name: "memq", Type: config.TypeQueue, MaxMessages: new(3)}, {Name: "new", Type: config.TypeTopic}}
	})
	p.Expect("RECEIPT", "receipt-id:3")
	other := open(t, b)
	other.Subscribe("n", "new")
	other.Subscribe("t", "/topic/t") // nothing limits it any more
	p.SendBody("/topic/t", "to both")
	got(t, c, "to both")
	got(t, other, "to both")

	reloaded(t, b, func(c *config.Config) {
		c.Destination = []config.Destination{{Name: "memq", Type: config.TypeQueue, MaxMessages: new(1), Full: new(config.FullReject)}}
	})
	refused := open(t, b)
	refused.SendBody("memq", "4", "receipt:4")
	refused.Expect("ERROR", "code:q flup", "receipt-id:4")
	c.Subscribe("q", "memq", "ack:client")
	got(t, c, "1", "2", "3")
	p.SendBody("new", "still there")
	got(t, other, "still there")

	// Another type needs another broker; the queue stays one.
	reloaded(t, b, func(c *config.Config) {
		c.Destination = []config.Destination{{Name: "memq", Type: config.TypeTopic}}
	})
	c.Sync("UNSUBSCRIBE", "id:q")
	c.Subscribe("q", "memq", "ack:client")
	got(t, c, "1", "2", "3")
}

// A wildcard of a client from the web reaches a topic from when it is opened to it.
func TestReconfigureOpensTopicsToWildcards(t *testing.T) {
	secret := []config.Destination{{Name: "/topic/secret", WebReadBlock: true}}
	b := stomptest.Start(t, func(c *config.Config) { c.Destination = secret })
	web, p := b.Open(t, stomptest.WebSocket), b.Open(t, stomptest.TCP)
	web.Connect("1.2")
	p.Connect("1.2")
	web.Subscribe("w", "/topic/#")
	p.Sync("SEND", "destination:/topic/secret")
	reloaded(t, b.Running(), func(c *config.Config) { c.Destination = nil })
	p.SendBody("/topic/secret", "open")
	got(t, web, "open")
}

// A report of a reload has what a destination that is there can't follow, its type and whether it has min_delivery, among what
// takes a restart, as long as it is so, and among what has changed only where it has.
func TestReloadTellsWhatDestinationsKeep(t *testing.T) {
	queue, topic := config.Destination{Name: "memq", Type: config.TypeQueue}, config.Destination{Name: "memq", Type: config.TypeTopic}
	of := func(d ...config.Destination) func(*config.Config) {
		return func(c *config.Config) { c.Destination = d }
	}
	b := stomptest.Start(t, of(queue, config.Destination{Name: "/topic/#", Type: config.TypeTopic})).Running()
	keeping := config.Destination{Name: "/topic/#", Type: config.TypeTopic, MinDelivery: 2, Expiry: new(time.Minute)}
	expect := func(changed, restart string, d ...config.Destination) {
		t.Helper()
		cfg := b.Config()
		of(d...)(cfg)
		if r := reload(t, b, cfg); fmt.Sprint(r.Changed) != changed || fmt.Sprint(r.Restart) != restart {
			t.Errorf("changed %v, takes a restart %v; wants %s and %s", r.Changed, r.Restart, changed, restart)
		}
	}
	expect("[destination[1].min_delivery destination[1].expiry]", "[destination[0].type]", topic, keeping)
	publish(t, b, "/topic/new", "") // is made by what the block says now
	expect("[]", "[destination[0].type]", topic, keeping)
	never := keeping
	never.MinDelivery = 0
	expect("[]", "[destination[0].type destination[1].min_delivery]", topic, never)
	keeping.MinDelivery = 1
	expect("[destination[0].type destination[1].min_delivery]", "[]", queue, keeping)
	expect("[destination]", "[destination[1].type]", keeping, topic, config.Destination{Name: "more", Type: config.TypeQueue})
}
