package conformance

import (
	"strings"
	"time"

	"stampede/config"
)

// block is a configuration with these destinations.
func block(all ...config.Destination) func(*config.Config) {
	return func(c *config.Config) { c.Destination = all }
}

// settingsCases are about destinations with settings of their own: for each what is just allowed and what is not.
func settingsCases() []rule {
	const point = "configured destinations"
	x := func(n int) string { return strings.Repeat("x", n) }
	return []rule{
		{
			point: point, name: "max_connections of a topic", settings: block(config.Destination{Name: "memtop", Type: config.TypeTopic, MaxConnections: 2}),
			script: func(s *Script) {
				s.connect("a", "b", "c", "d").subscribe("a", "1", "memtop").subscribe("a", "2", "memtop")
				s.send("b", "SUBSCRIBE", "id:1", "destination:memtop", "receipt:r").refusedFor("b", "r", "dest flup", "max_connections", "memtop", "2")
				s.sync("a", "UNSUBSCRIBE", "id:2").subscribe("c", "1", "memtop").publish("d", "memtop", "x").gets("c", "m", "x").gets("a", "n", "x", "subscription:1")
			},
		},
		{
			point: point, name: "max_connections of a queue", settings: block(config.Destination{Name: "/queue/#", MaxConnections: 1}),
			script: func(s *Script) {
				s.connect("a", "b", "c").subscribe("a", "1", "{Q}").subscribe("a", "2", "{Q2}")
				s.send("b", "SUBSCRIBE", "id:1", "destination:{Q}", "receipt:r").refusedFor("b", "r", "dest flup", "max_connections", "/queue/#", "1")
				s.sync("a", "UNSUBSCRIBE", "id:1").subscribe("c", "1", "{Q}").publish("a", "{Q}", "x").gets("c", "m", "x")
			},
		},
		{
			point: point, name: "subscriptions by a pattern do not count for max_connections", settings: block(config.Destination{Name: "/topic/#", MaxConnections: 1}),
			script: func(s *Script) {
				s.connect("a", "b", "c").subscribe("a", "1", "{T}.*").subscribe("a", "2", "{T}.#").subscribe("b", "1", "{T}.x")
				s.publish("c", "{T}.x", "x").gets("b", "m", "x").gets("a", "n", "x").gets("a", "n2", "x")
			},
		},
		{
			point: point, name: "max_messages of one queue", settings: block(config.Destination{Name: "memq", Type: config.TypeQueue, MaxMessages: new(2), Full: new(config.FullReject)}),
			script: func(s *Script) {
				s.connect("a").publish("a", "memq", "1").publish("a", "memq", "2")
				for range 3 {
					s.publish("a", "{Q}", "x")
				}
				s.body("a", "3", "SEND", "destination:memq", "receipt:r").refusedFor("a", "r", "q flup", "max_messages", "memq", "2")
				s.connect("b").subscribe("b", "1", "memq").gets("b", "m", "1").gets("b", "m", "2")
			},
		},
		{
			point: point, name: "max_bytes of one queue", settings: block(config.Destination{Name: "memq", Type: config.TypeQueue, MaxBytes: new(4 * config.KiB), Full: new(config.FullReject)}),
			script: func(s *Script) {
				s.connect("a").publish("a", "memq", x(3000)).publish("a", "{Q}", x(5000))
				s.body("a", x(3000), "SEND", "destination:memq", "receipt:r").refusedFor("a", "r", "q flup", "max_bytes", "memq", "4096")
			},
		},
		{
			point: point, name: "a message larger than max_bytes of its queue", settings: block(config.Destination{Name: "memq", Type: config.TypeQueue, MaxBytes: new(4 * config.KiB)}),
			script: func(s *Script) {
				s.connect("a").body("a", x(4096), "SEND", "destination:memq", "receipt:r").refusedFor("a", "r", "msg flup", "max_bytes", "memq", "4096")
			},
		},
		{
			point: point, name: "max_message_size", settings: block(config.Destination{Name: "/topic/#", MaxMessageSize: new(config.Bytes(100))}),
			script: func(s *Script) {
				s.connect("b").subscribe("b", "1", "{T}").connect("a").publish("a", "{T}", x(100)).gets("b", "m", x(100)).publish("a", "{Q}", x(101))
				s.body("a", x(101), "SEND", "destination:{T}", "receipt:r").refusedFor("a", "r", "msg flup", "max_message_size", "/topic/#", "100")
			},
		},
		{
			point: point, name: "max_message_size in a transaction", settings: block(config.Destination{Name: "/queue/#", MaxMessageSize: new(config.Bytes(100))}),
			script: func(s *Script) {
				s.connect("a").sync("a", "BEGIN", "transaction:1").publish("a", "{Q}", x(100), "transaction:1")
				s.body("a", x(101), "SEND", "destination:{Q}", "transaction:1", "receipt:r").refusedFor("a", "r", "msg flup", "max_message_size")
			},
		},
		{
			point: point, name: "full and hold_timeout of one queue", settings: block(config.Destination{Name: "memq", Type: config.TypeQueue, MaxMessages: new(1), HoldTimeout: new(100 * time.Millisecond)}),
			script: func(s *Script) {
				s.connect("a", "b").publish("a", "memq", "1").body("a", "2", "SEND", "destination:memq", "receipt:r").refusedFor("a", "r", "q flup", "max_messages", "memq")
			},
		},
		{
			point: point, name: "drop_oldest of one queue", settings: block(config.Destination{Name: "/queue/#", MaxMessages: new(2), Full: new(config.FullDropOldest)}),
			script: func(s *Script) {
				s.connect("a").publish("a", "{Q}", "1").publish("a", "{Q}", "2").publish("a", "{Q}", "3").connect("b").subscribe("b", "1", "{Q}").gets("b", "m", "2").gets("b", "m", "3")
			},
		},
		{
			point: point, name: "max_deliveries and dead_letter of one queue", versions: from11,
			settings: block(config.Destination{Name: "memq", Type: config.TypeQueue, MaxDeliveries: new(2), DeadLetter: new("/queue/memq.dead")}),
			script: func(s *Script) {
				s.connect("c", "d").publish("c", "memq", "x").subscribe("d", "1", "/queue/memq.dead", "ack:client").connect("a").subscribe("a", "1", "memq", "ack:client")
				s.gets("a", "m1", "x").send("a", s.answer("NACK", "m1")...).gets("a", "m2", "x", "redelivered:true").send("a", s.answer("NACK", "m2")...)
				s.gets("d", "dead", "x", "dead-letter-reason:max_deliveries", "dead-letter-destination:memq")
				// There it stays, however often it is refused.
				for range 12 {
					s.send("d", s.answer("NACK", "dead")...).gets("d", "dead", "x", "redelivered:true")
				}
			},
		},
		{
			point: point, name: "the most specific pattern counts, as a whole",
			settings: block(config.Destination{Name: "/queue/#", MaxMessages: new(1), Full: new(config.FullReject)}, config.Destination{Name: "/queue/*.big", MaxMessages: new(3)}, config.Destination{Name: "/queue/one.big", Full: new(config.FullReject)}),
			script: func(s *Script) {
				s.connect("a", "b", "c")
				for range 3 {
					s.publish("a", "/queue/two.big", "x").publish("a", "/queue/one.big", "x")
				}
				s.publish("b", "/queue/small", "x").body("b", "x", "SEND", "destination:/queue/small", "receipt:r").refusedFor("b", "r", "q flup", `"/queue/#"`)
				// Its block says nothing of full, so that a publisher is held, though /queue/# says reject.
				s.body("a", "4", "SEND", "destination:/queue/two.big", "receipt:held").subscribe("c", "1", "/queue/two.big").gets("c", "m", "x").gets("c", "m", "x").gets("c", "m", "x").gets("c", "m", "4").want("a", "RECEIPT", "receipt-id:held")
			},
		},
		{
			point: point, name: "expiry of a queue is for messages that do not say", clock: true, settings: block(config.Destination{Name: "/queue/#", Expiry: new(10 * time.Second)}),
			script: func(s *Script) {
				s.connect("c").publish("c", "{Q}", "dead").publish("c", "{Q}", "dead", "expires:0").advance(9*time.Second).publish("c", "{Q}", "live").advance(time.Second).connect("a").subscribe("a", "1", "{Q}").gets("a", "m", "live", "!expires", "!expiration")
			},
		},
		{
			point: point, name: "expiry is the longest that a message can ask for", clock: true, settings: block(config.Destination{Name: "/queue/#", Expiry: new(10 * time.Second)}),
			script: func(s *Script) {
				s.connect("c").publish("c", "{Q}", "dead", "expiration:60000").publish("c", "{Q}", "dead", "expires:{soon}").publish("c", "{Q}", "dead", "expiration:5000")
				s.advance(5*time.Second).publish("c", "{Q}", "live", "expiration:60000").advance(5*time.Second).connect("a").subscribe("a", "1", "{Q}").gets("a", "m", "live", "expiration:60000")
			},
		},
		{
			point: point, name: "expiry holds for what a transaction sends", clock: true, settings: func(c *config.Config) { c.Queues.Expiry = 10 * time.Second },
			script: func(s *Script) {
				s.connect("c").sync("c", "BEGIN", "transaction:t").publish("c", "{Q}", "dead", "transaction:t").sync("c", "COMMIT", "transaction:t").advance(10*time.Second).publish("c", "{Q}", "live").connect("a").subscribe("a", "1", "{Q}").gets("a", "m", "live")
			},
		},
		{
			point: point, name: "expiry of a topic bounds a delay", clock: true, settings: func(c *config.Config) { c.Topics.Expiry = 10 * time.Second },
			script: func(s *Script) {
				s.connect("c").connect("a").subscribe("a", "1", "{T}").publish("c", "{T}", "dead", "delay:10000").publish("c", "{T}", "live", "delay:9000").advance(9*time.Second).gets("a", "m", "live").advance(time.Second).publish("c", "{T}", "last").gets("a", "n", "last")
			},
		},
		{
			point: point, name: "no_subscribers that rejects", settings: block(config.Destination{Name: "memtop", Type: config.TypeTopic, NoSubscribers: new(config.NoSubscribersReject)}),
			script: func(s *Script) {
				s.connect("a", "b").publish("b", "{T}", "nobody minds").subscribe("a", "1", "memtop").publish("b", "memtop", "x").gets("a", "m", "x").sync("a", "UNSUBSCRIBE", "id:1")
				s.body("b", "x", "SEND", "destination:memtop", "receipt:r").refusedFor("b", "r", "no subscribers", "no_subscribers", "memtop")
			},
		},
		{
			point: point, name: "no_subscribers: a pattern is somebody", settings: func(c *config.Config) { c.Topics.NoSubscribers = config.NoSubscribersReject },
			script: func(s *Script) {
				s.connect("a", "b").subscribe("a", "1", "{T}.*").publish("b", "{T}.x", "x").gets("a", "m", "x")
				s.body("b", "x", "SEND", "destination:{T}", "receipt:r").refusedFor("b", "r", "no subscribers", "topics.no_subscribers")
			},
		},
		{
			point: point, name: "no_subscribers: what is for later is taken", clock: true, settings: func(c *config.Config) { c.Topics.NoSubscribers = config.NoSubscribersReject },
			script: func(s *Script) {
				s.connect("a", "b").raw("b", text("later", "SEND", "destination:{T}", "delay:1000", "receipt:1")+text("now", "SEND", "destination:{T}", "receipt:2"))
				s.want("b", "RECEIPT", "receipt-id:1").refusedFor("b", "2", "no subscribers").subscribe("a", "1", "{T}").advance(time.Second).gets("a", "m", "later")
			},
		},
		{
			point: point, name: "no_subscribers refuses a transaction whole", settings: func(c *config.Config) { c.Topics.NoSubscribers = config.NoSubscribersReject },
			script: func(s *Script) {
				s.connect("a", "b").subscribe("a", "1", "{Q}").sync("b", "BEGIN", "transaction:t").publish("b", "{Q}", "no", "transaction:t").publish("b", "{T}", "no", "transaction:t")
				s.send("b", "COMMIT", "transaction:t", "receipt:r").refusedFor("b", "r", "no subscribers").connect("c").publish("c", "{Q}", "yes").gets("a", "m", "yes")
			},
		},
		{
			point: point, name: "destinations.max", settings: func(c *config.Config) {
				c.Destinations.Max = 2
				c.Destination = []config.Destination{{Name: "memq", Type: config.TypeQueue}, {Name: "memtop", Type: config.TypeTopic}}
			},
			script: func(s *Script) {
				s.connect("a", "b", "c").publish("a", "memq", "x").publish("a", "{Q}", "x").subscribe("a", "1", "{T}").publish("a", "memtop", "x")
				s.send("b", "SEND", "destination:{Q2}", "receipt:r").refusedFor("b", "r", "dest flup", "destinations.max", "2")
				s.send("c", "SUBSCRIBE", "id:1", "destination:/temp-queue/x", "receipt:r").refusedFor("c", "r", "dest flup", "destinations.max", "2")
			},
		},
		{
			point: point, name: "max_temporary_destinations", settings: func(c *config.Config) { c.Limits.MaxTemporaryDestinations = 2 },
			script: func(s *Script) {
				s.connect("a", "b").subscribe("a", "1", "/temp-queue/1").subscribe("a", "2", "/temp-topic/2").body("a", "x", "SEND", "destination:/temp-queue/1").gets("a", "m", "x").subscribe("b", "1", "/temp-queue/1")
				s.send("a", "SEND", "destination:{Q}", "reply-to:/temp-queue/3", "receipt:r").refusedFor("a", "r", "dest flup", "limits.max_temporary_destinations", "2")
			},
		},
		{
			point: point, name: "persistent:true asks nothing of a temporary queue", script: func(s *Script) {
				s.connect("a").subscribe("a", "1", "/temp-queue/1").body("a", "x", "SEND", "destination:/temp-queue/1", "persistent:true").gets("a", "m", "x")
				s.connect("b").subscribe("b", "1", "{Q}").publish("a", "{Q}", "?", "reply-to:/temp-queue/1").gets("b", "q", "?").publish("b", "{q.reply-to}", "y", "persistent:true").gets("a", "n", "y")
			},
		},
		{
			point: point, name: "persistent:true asks too much of any other queue", script: func(s *Script) {
				s.connect("a").send("a", "SEND", "destination:{Q}", "persistent:true", "receipt:r").refusedFor("a", "r", "unsupported", "persistent")
			},
		},
	}
}
