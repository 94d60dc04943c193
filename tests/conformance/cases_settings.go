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
	const point, buffered = "configured destinations", "min_delivery"
	keep := func(n int, full ...config.QueueFull) func(*config.Config) {
		d := config.Destination{Name: "memtop", Type: config.TypeTopic, MinDelivery: n}
		for _, f := range full {
			d.MaxMessages, d.Full = new(2), &f
		}
		return block(d)
	}
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
				s.connect("a", "b").publish("a", "memq", "1").body("a", "2", "SEND", "destination:memq", "receipt:r").refusedFor("a", "r", "q flup", "max_messages", "memq", "made room in time")
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
			point: buffered, name: "what nobody has had is kept for who comes", settings: keep(1), script: func(s *Script) {
				s.connect("c").publish("c", "memtop", "1").publish("c", "memtop", "2").connect("a").subscribe("a", "1", "memtop").gets("a", "m", "1", "!redelivered").gets("a", "m", "2").publish("c", "memtop", "3").gets("a", "m", "3")
			},
		},
		{
			point: buffered, name: "what enough have acknowledged is not replayed", settings: keep(1), script: func(s *Script) {
				s.connect("c").publish("c", "memtop", "1").connect("a", "b").subscribe("a", "1", "memtop", "ack:client").gets("a", "m", "1").ack("a", "m").subscribe("b", "1", "memtop").publish("c", "memtop", "2").gets("b", "m", "2").gets("a", "m", "2")
			},
		},
		{
			point: buffered, name: "it is replayed to each until enough have had it", settings: keep(2), script: func(s *Script) {
				s.connect("c").publish("c", "memtop", "1").connect("a", "b", "d").subscribe("a", "1", "memtop", "ack:client").gets("a", "m", "1").ack("a", "m")
				s.subscribe("b", "1", "memtop", "ack:client").gets("b", "m", "1").ack("b", "m").subscribe("d", "1", "memtop").publish("c", "memtop", "2").gets("d", "m", "2")
			},
		},
		{
			point: buffered, name: "every subscriber that is there gets every message", settings: keep(1), script: func(s *Script) {
				s.connect("c", "a", "b", "d").subscribe("a", "1", "memtop").subscribe("b", "1", "memtop", "ack:client").subscribe("d", "1", "memtop", "ack:client-individual")
				for _, body := range []string{"1", "2", "3"} {
					s.publish("c", "memtop", body).gets("a", "m", body).gets("b", "n", body).gets("d", "o", body)
				}
			},
		},
		{
			point: buffered, name: "a NACK and an UNSUBSCRIBE do not count", versions: from11, settings: keep(1), script: func(s *Script) {
				s.connect("c").publish("c", "memtop", "1").connect("a", "b", "d").subscribe("a", "1", "memtop", "ack:client").gets("a", "m", "1").nack("a", "m")
				s.subscribe("b", "1", "memtop", "ack:client").gets("b", "m", "1", "!redelivered").sync("b", "UNSUBSCRIBE", "id:1").subscribe("d", "1", "memtop").gets("d", "m", "1", "!redelivered")
			},
		},
		{
			point: buffered, name: "a lost connection does not count", settings: keep(1), script: func(s *Script) {
				s.connect("c").publish("c", "memtop", "1").connect("a", "b").subscribe("a", "1", "memtop", "ack:client").gets("a", "m", "1").drop("a").subscribe("b", "1", "memtop").gets("b", "m", "1")
			},
		},
		{
			point: buffered, name: "a replay goes by the prefetch", settings: keep(1), script: func(s *Script) {
				s.connect("c")
				for _, body := range []string{"1", "2", "3"} {
					s.publish("c", "memtop", body)
				}
				s.connect("a").subscribe("a", "1", "memtop", "ack:client-individual", "prefetch-count:1").gets("a", "m", "1").sync("a", "BEGIN", "transaction:t").settle("a", "m").gets("a", "m", "2").settle("a", "m").gets("a", "m", "3")
			},
		},
		{
			point: buffered, name: "a replay goes by the selector", settings: keep(1), script: func(s *Script) {
				s.connect("c").publish("c", "memtop", "red", "color:red").publish("c", "memtop", "blue", "color:blue").connect("a", "b").subscribe("a", "1", "memtop", "selector:color = 'blue'", "ack:client").gets("a", "m", "blue").ack("a", "m")
				s.subscribe("b", "1", "memtop").gets("b", "m", "red").publish("c", "memtop", "green").gets("b", "m", "green")
			},
		},
		{
			point: buffered, name: "a replay goes by the filter", settings: func(c *config.Config) { keep(1)(c); c.Destination[0].Filter = true }, script: func(s *Script) {
				s.connect("c").publish("c", "memtop", "1", "filter:red").publish("c", "memtop", "2", "filter:blue").connect("a", "b").subscribe("a", "1", "memtop", "filter:blue").gets("a", "m", "2")
				s.subscribe("b", "1", "memtop", "filter:red").gets("b", "m", "1").publish("c", "memtop", "3", "filter:blue").gets("a", "m", "3").publish("c", "memtop", "4", "filter:red").gets("b", "m", "4")
			},
		},
		{
			point: buffered, name: "ACK in a transaction counts with COMMIT", settings: keep(1), script: func(s *Script) {
				s.connect("c").publish("c", "memtop", "1").publish("c", "memtop", "2").connect("a", "b").subscribe("a", "1", "memtop", "ack:client-individual").gets("a", "m1", "1").gets("a", "m2", "2")
				s.sync("a", "BEGIN", "transaction:t").ack("a", "m1", "transaction:t").sync("a", "COMMIT", "transaction:t")
				s.sync("a", "BEGIN", "transaction:u").ack("a", "m2", "transaction:u").sync("a", "ABORT", "transaction:u").subscribe("b", "1", "memtop").gets("b", "m", "2").ack("a", "m2")
			},
		},
		{
			point: buffered, name: "SEND in a transaction comes with COMMIT", settings: keep(1), script: func(s *Script) {
				s.connect("c").sync("c", "BEGIN", "transaction:t").publish("c", "memtop", "1", "transaction:t").publish("c", "memtop", "0").sync("c", "COMMIT", "transaction:t").connect("a").subscribe("a", "1", "memtop").gets("a", "m", "0").gets("a", "m", "1")
			},
		},
		{
			point: buffered, name: "a pattern gets what comes while it is there, and does not count", settings: func(c *config.Config) { keep(1)(c); c.Destination[0].Name = "/topic/#" }, script: func(s *Script) {
				s.connect("c").publish("c", "{T}.x", "1").connect("a", "b").subscribe("a", "w", "{T}.*").publish("c", "{T}.x", "2").gets("a", "m", "2").subscribe("b", "1", "{T}.x").gets("b", "m", "1").gets("b", "m", "2").publish("c", "{T}.x", "3").gets("a", "m", "3").gets("b", "m", "3")
			},
		},
		{
			point: buffered, name: "expiry and delay hold", clock: true, settings: keep(1), script: func(s *Script) {
				s.connect("c").publish("c", "memtop", "dead", "expiration:1000").publish("c", "memtop", "later", "delay:1000").publish("c", "memtop", "now").advance(1000*time.Millisecond).connect("a").subscribe("a", "1", "memtop").gets("a", "m", "now").gets("a", "m", "later")
			},
		},
		{
			point: buffered, name: "full: reject", settings: keep(1, config.FullReject), script: func(s *Script) {
				s.connect("a").publish("a", "memtop", "1").publish("a", "memtop", "2").body("a", "3", "SEND", "destination:memtop", "receipt:r").refusedFor("a", "r", "q flup", "max_messages", "memtop", "2", "min_delivery")
				s.connect("b", "c").subscribe("b", "1", "memtop", "ack:client").gets("b", "m1", "1").gets("b", "m2", "2").ack("b", "m2").publish("c", "memtop", "4").gets("b", "m", "4")
			},
		},
		{
			point: buffered, name: "full: drop_oldest", settings: keep(1, config.FullDropOldest), script: func(s *Script) {
				s.connect("a").publish("a", "memtop", "1").publish("a", "memtop", "2").publish("a", "memtop", "3").connect("b").subscribe("b", "1", "memtop").gets("b", "m", "2").gets("b", "m", "3")
			},
		},
		{
			point: buffered, name: "full: hold", settings: keep(1, config.FullHold), script: func(s *Script) {
				s.connect("a").publish("a", "memtop", "1").publish("a", "memtop", "2").body("a", "3", "SEND", "destination:memtop", "receipt:held").connect("b").subscribe("b", "1", "memtop").gets("b", "m", "1").gets("b", "m", "2").gets("b", "m", "3").want("a", "RECEIPT", "receipt-id:held")
			},
		},
		{
			point: buffered, name: "a slow subscriber holds up nobody: it is disconnected", settings: keep(1, config.FullReject), script: func(s *Script) {
				s.connect("slow", "quick", "c").subscribe("slow", "1", "memtop", "ack:client", "prefetch-count:1").subscribe("quick", "1", "memtop", "ack:client")
				for _, body := range []string{"1", "2", "3", "4"} {
					s.publish("c", "memtop", body).gets("quick", "m", body).ack("quick", "m")
				}
				s.gets("slow", "m", "1").refused("slow", "slow consumer", "memtop", "max_messages", "2", "max_bytes")
			},
		},
		{
			point: buffered, name: "a slow subscriber holds up nobody: it gets a gap", settings: func(c *config.Config) {
				keep(1, config.FullReject)(c)
				c.Destination[0].SlowConsumer = new(config.SlowDropOldest)
			}, script: func(s *Script) {
				s.connect("slow", "quick", "c").subscribe("slow", "1", "memtop", "ack:client", "prefetch-count:1").subscribe("quick", "1", "memtop", "ack:client")
				for _, body := range []string{"1", "2", "3", "4"} {
					s.publish("c", "memtop", body).gets("quick", "m", body).ack("quick", "m")
				}
				s.gets("slow", "m", "1").settle("slow", "m").gets("slow", "m", "3").settle("slow", "m").gets("slow", "m", "4")
			},
		},
		{
			point: buffered, name: "exclusive is for queues", settings: keep(1), script: func(s *Script) {
				s.connect("a").send("a", "SUBSCRIBE", "id:1", "destination:memtop", "exclusive:true", "receipt:r").refusedFor("a", "r", "syntax", "topic")
			},
		},
		{
			point: buffered, name: "max_connections counts", settings: func(c *config.Config) { keep(1)(c); c.Destination[0].MaxConnections = 1 }, script: func(s *Script) {
				s.connect("a", "b").subscribe("a", "1", "memtop").send("b", "SUBSCRIBE", "id:1", "destination:memtop", "receipt:r").refusedFor("b", "r", "dest flup", "max_connections", "1")
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
