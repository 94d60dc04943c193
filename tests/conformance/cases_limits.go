package conformance

import (
	"fmt"
	"strings"
	"time"

	"stampede/config"
)

// limitCases are about limits: what is just within one is accepted, what is just over it meets an ERROR that names the
// limit and its value.
func limitCases() []rule {
	const point = "limits"
	x := func(n int) string { return strings.Repeat("x", n) }
	return []rule{
		{
			point: point, name: "max_headers", settings: func(c *config.Config) { c.Limits.MaxHeaders = 5 },
			script: func(s *Script) {
				s.connect("a").send("a", "SEND", "destination:{T}", "1:", "2:", "3:", "receipt:r").want("a", "RECEIPT", "receipt-id:r")
				s.loose("a", text("", "SEND", "destination:{T}", "1:", "2:", "3:", "4:", "receipt:r")).refused("a", "hdr flup", "max_headers", "5")
			},
		},
		{
			point: point, name: "max_header_bytes", settings: func(c *config.Config) { c.Limits.MaxHeaderBytes = 100 },
			script: func(s *Script) {
				s.connect("a").sync("a", "SEND", "destination:{T}", "note:"+x(95))
				s.loose("a", text("", "SEND", "destination:{T}", "note:"+x(96))).refused("a", "hdr flup", "max_header_bytes", "100")
			},
		},
		{
			point: point, name: "max_header_bytes of a line that never ends", settings: func(c *config.Config) { c.Limits.MaxHeaderBytes = 100 },
			script: func(s *Script) {
				s.connect("a").loose("a", "SEND\ndestination:{T}\nnote:"+x(200)).refused("a", "hdr flup", "max_header_bytes", "100")
			},
		},
		{
			point: point, name: "max_header_block_bytes", settings: func(c *config.Config) { c.Limits.MaxHeaderBlockBytes = 300 },
			script: func(s *Script) {
				s.connect("a").sync("a", "SEND", "destination:{T}", "a:"+x(100))
				s.loose("a", text("", "SEND", "destination:{T}", "a:"+x(100), "b:"+x(100), "c:"+x(100))).refused("a", "hdr flup", "max_header_block_bytes", "300")
			},
		},
		{
			point: point, name: "max_body_bytes by content-length", settings: func(c *config.Config) { c.Limits.MaxBodyBytes = 1000 },
			script: func(s *Script) {
				s.connect("a").publish("a", "{T}", x(1000), "content-length:1000")
				// The claim alone is refused: no octet of the body is waited for.
				s.loose("a", "SEND\ndestination:{T}\ncontent-length:1001\n\n").refused("a", "msg flup", "max_body_bytes", "1000")
			},
		},
		{
			point: point, name: "max_body_bytes without content-length", settings: func(c *config.Config) { c.Limits.MaxBodyBytes = 1000 },
			script: func(s *Script) {
				s.connect("a").publish("a", "{T}", x(1000))
				s.loose("a", "SEND\ndestination:{T}\n\n"+x(1001)).refused("a", "msg flup", "max_body_bytes", "1000")
			},
		},
		{
			point: point, name: "max_subscriptions", settings: func(c *config.Config) { c.Limits.MaxSubscriptions = 2 },
			script: func(s *Script) {
				s.connect("a").subscribe("a", "1", "{T}").subscribe("a", "2", "{T2}").sync("a", "UNSUBSCRIBE", "id:1").subscribe("a", "3", "{Q}")
				s.send("a", "SUBSCRIBE", "id:4", "destination:{Q2}", "receipt:r").refusedFor("a", "r", "subs flup", "max_subscriptions", "2")
			},
		},
		{
			point: point, name: "max_transactions", settings: func(c *config.Config) { c.Limits.MaxTransactions = 2 },
			script: func(s *Script) {
				s.connect("a").sync("a", "BEGIN", "transaction:1").sync("a", "BEGIN", "transaction:2").sync("a", "ABORT", "transaction:1").sync("a", "BEGIN", "transaction:3")
				s.send("a", "BEGIN", "transaction:4", "receipt:r").refusedFor("a", "r", "transaction", "max_transactions", "2")
			},
		},
		{
			point: point, name: "max_transaction_frames", settings: func(c *config.Config) { c.Limits.MaxTransactionFrames = 3 },
			script: func(s *Script) {
				s.connect("a").sync("a", "BEGIN", "transaction:1").sync("a", "BEGIN", "transaction:2")
				s.publish("a", "{T}", "1", "transaction:1").publish("a", "{T}", "2", "transaction:2").publish("a", "{T}", "3", "transaction:1")
				s.sync("a", "COMMIT", "transaction:1").publish("a", "{T}", "4", "transaction:2").publish("a", "{T}", "5", "transaction:2")
				s.send("a", "SEND", "destination:{T}", "transaction:2", "receipt:r").refusedFor("a", "r", "transaction", "max_transaction_frames", "3")
			},
		},
		{
			point: point, name: "max_transaction_bytes", settings: func(c *config.Config) { c.Limits.MaxTransactionBytes = 4 * config.KiB },
			script: func(s *Script) {
				s.connect("a").sync("a", "BEGIN", "transaction:1").publish("a", "{T}", x(3000), "transaction:1")
				s.body("a", x(3000), "SEND", "destination:{T}", "transaction:1", "receipt:r").refusedFor("a", "r", "transaction", "max_transaction_bytes", "4096")
			},
		},
		{
			point: point, name: "max_connections", versions: only12, settings: func(c *config.Config) { c.Limits.MaxConnections = 2 },
			script: func(s *Script) {
				s.connect("a", "b").loose("c", text("", "CONNECT", "accept-version:1.2", "host:h")).refused("c", "dest flup", "max_connections", "2").sync("a", "SEND", "destination:{T}")
			},
		},
		{
			point: point, name: "max_unacked", settings: func(c *config.Config) { c.Limits.MaxUnacked = 10 },
			script: func(s *Script) {
				s.connect("a").subscribe("a", "1", "{Q}", "ack:client", "prefetch-count:6").subscribe("a", "2", "{T}").subscribe("a", "3", "{Q}", "ack:client", "prefetch-count:4")
				s.sync("a", "UNSUBSCRIBE", "id:1").subscribe("a", "4", "{Q}", "prefetch-count:6")
				s.send("a", "SUBSCRIBE", "id:5", "destination:{T}", "ack:client", "prefetch-count:1", "receipt:r").refusedFor("a", "r", "subs flup", "max_unacked", "10")
			},
		},
		{
			point: point, name: "what waits in the subscriptions of one connection", settings: func(c *config.Config) {
				c.Limits.MaxBodyBytes, c.Limits.Outbox = 64*config.KiB, 256*config.KiB
			},
			script: func(s *Script) {
				s.connect("a", "c").subscribe("a", "1", "{T}", "ack:client", "prefetch-count:1").subscribe("a", "2", "{T2}", "ack:client", "prefetch-count:1")
				s.publish("c", "{T}", "1").publish("c", "{T2}", "1").gets("a", "m", "1").gets("a", "m", "1")
				for range 3 {
					s.publish("c", "{T}", x(60_000)).publish("c", "{T2}", x(60_000))
				}
				s.refused("a", "slow consumer", "outbox", "262144")
			},
		},
		{
			point: point, name: "connection_messages_per_second that holds", versions: only12, clock: true, settings: func(c *config.Config) { c.Limits.ConnectionMessagesPerSecond = 2 },
			script: func(s *Script) {
				s.connect("b").subscribe("b", "1", "{T}").connect("a", "c")
				s.raw("a", text("1", "SEND", "destination:{T}")+text("2", "SEND", "destination:{T}")+text("3", "SEND", "destination:{T}", "receipt:r"))
				s.gets("b", "m", "1").gets("b", "m", "2").publish("c", "{T}", "another's").gets("b", "m", "another's")
				s.advance(time.Second).gets("b", "m", "3").want("a", "RECEIPT", "receipt-id:r")
			},
		},
		{
			point: point, name: "connection_bytes_per_second that holds", versions: only12, clock: true, settings: func(c *config.Config) { c.Limits.ConnectionBytesPerSecond = 1000 },
			script: func(s *Script) {
				s.connect("b").subscribe("b", "1", "{T}").connect("a", "c")
				s.raw("a", text(x(3000), "SEND", "destination:{T}")+text("2", "SEND", "destination:{T}", "receipt:r"))
				s.gets("b", "m", x(3000)).publish("c", "{T}", "another's").gets("b", "m", "another's").advance(time.Second)
				s.publish("c", "{T}", "another's").gets("b", "m", "another's").advance(2*time.Second).gets("b", "m", "2").want("a", "RECEIPT", "receipt-id:r")
			},
		},
		{
			point: point, name: "connection_messages_per_second that rejects", clock: true, settings: func(c *config.Config) {
				c.Limits.ConnectionMessagesPerSecond, c.Limits.RateExceeded = 2, config.RateReject
			},
			script: func(s *Script) {
				s.connect("a").publish("a", "{T}", "1").publish("a", "{T}", "2").advance(500*time.Millisecond).publish("a", "{T}", "3")
				s.body("a", "4", "SEND", "destination:{T}", "receipt:r").refusedFor("a", "r", "rate exceeded", "connection_messages_per_second", "2")
			},
		},
		{
			point: point, name: "user_messages_per_second is shared, and outlives a reconnect", versions: only12, clock: true, settings: func(c *config.Config) {
				c.Login, c.Passcode = "u", "p"
				c.Limits.UserMessagesPerSecond, c.Limits.RateExceeded = 2, config.RateReject
			},
			script: func(s *Script) {
				s.connectAs("a", "1.2", "login:u", "passcode:p").connectAs("b", "1.2", "login:u", "passcode:p").publish("a", "{T}", "1").publish("b", "{T}", "2").sync("a", "DISCONNECT").closed("a")
				s.connectAs("c", "1.2", "login:u", "passcode:p").body("c", "3", "SEND", "destination:{T}", "receipt:r").refusedFor("c", "r", "rate exceeded", "user_messages_per_second", "2")
			},
		},
		{
			point: point, name: "max_connections_per_user", versions: only12, settings: func(c *config.Config) {
				c.Login, c.Passcode, c.Limits.MaxConnectionsPerUser = "u", "p", 2
			},
			script: func(s *Script) {
				s.connectAs("a", "1.2", "login:u", "passcode:p").connectAs("b", "1.2", "login:u", "passcode:p")
				s.send("c", "CONNECT", "accept-version:1.2", "host:h", "login:u", "passcode:p").refused("c", "dest flup", "max_connections_per_user", "2")
				s.sync("a", "SEND", "destination:{T}")
			},
		},
		{
			point: point, name: "idle_timeout counts frames and no heart-beats", versions: only12, clock: true, settings: func(c *config.Config) { c.Session.IdleTimeout = time.Second },
			script: func(s *Script) {
				s.connect("b").subscribe("b", "1", "{T}").connect("a", "c")
				for range 5 { // b only listens
					s.advance(800*time.Millisecond).publish("a", "{T}", "x").gets("b", "m", "x").publish("c", "{T2}", "x")
				}
				s.raw("a", "\n").advance(400*time.Millisecond).raw("a", "\n").advance(400*time.Millisecond).raw("a", "\n")
				for range 20 { // each lets the broker look once at most
					s.publish("c", "{T}", "y").gets("b", "m", "y").advance(400 * time.Millisecond)
				}
				s.refused("a", "idle timeout", "idle_timeout", "1s").publish("c", "{T}", "z").gets("b", "m", "z")
			},
		},
		{
			point: point, name: "max_messages of a queue that refuses", settings: func(c *config.Config) {
				c.Queues.Full, c.Queues.MaxMessages = config.FullReject, 2
			},
			script: func(s *Script) {
				s.connect("a").publish("a", "{Q}", "1").publish("a", "{Q}", "2").body("a", "3", "SEND", "destination:{Q}", "receipt:r").refusedFor("a", "r", "q flup", "max_messages", "2", "queues.full is reject")
				s.connect("b").subscribe("b", "1", "{Q}", "ack:client-individual").gets("b", "m", "1").gets("b", "n", "2").ack("b", "m").connect("c").publish("c", "{Q}", "4").gets("b", "o", "4")
			},
		},
		{
			point: point, name: "max_bytes of a queue that refuses", settings: func(c *config.Config) {
				c.Queues.Full, c.Queues.MaxBytes = config.FullReject, 4*config.KiB
			},
			script: func(s *Script) {
				s.connect("a").publish("a", "{Q}", x(3000)).body("a", x(3000), "SEND", "destination:{Q}", "receipt:r").refusedFor("a", "r", "q flup", "max_bytes", "4096")
			},
		},
		{
			point: point, name: "max_messages of a queue that drops the oldest", settings: func(c *config.Config) {
				c.Queues.Full, c.Queues.MaxMessages = config.FullDropOldest, 2
			},
			script: func(s *Script) {
				s.connect("a").publish("a", "{Q}", "1").publish("a", "{Q}", "2").publish("a", "{Q}", "3").connect("b").subscribe("b", "1", "{Q}").gets("b", "m", "2").gets("b", "m", "3")
			},
		},
		{
			point: point, name: "max_messages of a queue that holds: the publisher waits for room", settings: func(c *config.Config) {
				c.Queues.Full, c.Queues.MaxMessages, c.Queues.HoldTimeout = config.FullHold, 2, time.Hour
			},
			script: func(s *Script) {
				s.connect("b").connect("a").publish("a", "{Q}", "1").publish("a", "{Q}", "2").body("a", "3", "SEND", "destination:{Q}", "receipt:held")
				s.subscribe("b", "1", "{Q}").gets("b", "m", "1").gets("b", "m", "2").gets("b", "m", "3").want("a", "RECEIPT", "receipt-id:held")
			},
		},
		{
			point: point, name: "max_messages of a queue that holds: after hold_timeout the publisher is told", settings: func(c *config.Config) {
				c.Queues.Full, c.Queues.MaxMessages, c.Queues.HoldTimeout = config.FullHold, 1, 100*time.Millisecond
			},
			script: func(s *Script) {
				s.connect("a").publish("a", "{Q}", "1").body("a", "2", "SEND", "destination:{Q}", "receipt:held").refusedFor("a", "held", "q flup", "max_messages", "1")
			},
		},
		{
			point: point, name: "what a held publisher sends elsewhere waits its turn", settings: func(c *config.Config) {
				c.Queues.Full, c.Queues.MaxMessages, c.Queues.HoldTimeout = config.FullHold, 1, time.Hour
			},
			script: func(s *Script) {
				s.connect("b").connect("a").publish("a", "{Q}", "1").body("a", "2", "SEND", "destination:{Q}", "receipt:2").body("a", "3", "SEND", "destination:{Q}", "receipt:3")
				s.subscribe("b", "1", "{Q}").gets("b", "m", "1").gets("b", "m", "2").gets("b", "m", "3").want("a", "RECEIPT", "receipt-id:2").want("a", "RECEIPT", "receipt-id:3")
			},
		},
		{point: point, name: "a destination name has a greatest length", script: func(s *Script) {
			s.connect("a").sync("a", "SEND", "destination:{T}"+x(900)).send("a", "SEND", "destination:{T}"+x(1100), "receipt:r").refusedFor("a", "r", "bad destination", "1024")
		}},
		{point: point, name: "thirty thousand pipelined SENDs are taken", versions: only12, script: func(s *Script) {
			s.connect("a").raw("a", strings.Repeat(text("x", "SEND", "destination:{T}"), 30_000)+text("", "SEND", "destination:{T}", "receipt:all")).want("a", "RECEIPT", "receipt-id:all")
		}},
		{point: point, name: "many subscriptions of one connection", versions: only12, script: func(s *Script) {
			s.connect("a").connect("c")
			for i := range 200 {
				s.subscribe("a", fmt.Sprint(i), fmt.Sprintf("{T}.%d", i))
			}
			for i := range 200 {
				s.publish("c", fmt.Sprintf("{T}.%d", i), "x").gets("a", "m", "x", fmt.Sprintf("subscription:%d", i))
			}
		}},
	}
}
