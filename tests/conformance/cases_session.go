package conformance

import (
	"strings"
	"time"

	"stampede/config"
)

// heartBeatCases are about heart-beats: what is negotiated and what is then done.
func heartBeatCases() []rule {
	const point, clause = "heart-beat", "1.2 §Heart-beating"
	beats := func(send, receive time.Duration) func(*config.Config) {
		return func(c *config.Config) { c.HeartBeat.Send, c.HeartBeat.Receive = send, receive }
	}
	// Where a client must stay alive, silence is allowed for long enough that a busy machine does not matter.
	patient := func(c *config.Config) {
		c.HeartBeat.Send, c.HeartBeat.Receive, c.HeartBeat.Tolerance = 100*time.Millisecond, 100*time.Millisecond, 40
	}
	var rules []rule
	for _, value := range []string{"abc", "1", "1,2,3", "-1,5", "5,-1", "1.5,0", ",", ""} {
		rules = append(rules, rule{point: point, clause: clause, name: "heart-beat:" + value + " is refused", versions: from11, script: func(s *Script) {
			s.send("a", "CONNECT", "accept-version:"+s.V, "host:h", "heart-beat:"+value).refused("a", "syntax")
		}})
	}
	return append(rules,
		rule{point: point, clause: clause, name: "the broker offers what is configured", versions: from11, settings: beats(7*time.Second, 9*time.Second), script: func(s *Script) {
			s.send("a", "CONNECT", "accept-version:"+s.V, "host:h", "heart-beat:0,0").want("a", "CONNECTED", "heart-beat:7000,9000")
		}},
		rule{point: point, clause: clause, name: "a client that says nothing of heart-beats has none", versions: from11, settings: beats(20*time.Millisecond, 20*time.Millisecond), script: func(s *Script) {
			// A delayed message is the clock: fifteen intervals pass, the client is silent and lives, and no beat comes.
			s.connect("a").subscribe("a", "1", "{Q}").connect("b").publish("b", "{Q}", "x", "delay:300")
			s.gets("a", "m", "x").sync("a", "SEND", "destination:{T}")
		}},
		rule{point: point, clause: clause, name: "a broker that is configured to 0,0 does nothing", versions: from11, settings: beats(0, 0), script: func(s *Script) {
			s.connectAs("a", s.V, "heart-beat:20,20").subscribe("a", "1", "{Q}").connect("b").publish("b", "{Q}", "x", "delay:300")
			s.gets("a", "m", "x").sync("a", "SEND", "destination:{T}")
		}},
		rule{point: point, clause: clause, name: "the broker beats for a client that wants it", versions: from11, settings: beats(20*time.Millisecond, 0), script: func(s *Script) {
			s.connectAs("a", s.V, "heart-beat:0,20").beats("a", 5).sync("a", "SEND", "destination:{T}").beats("a", 2)
		}},
		rule{point: point, clause: clause, name: "what the client sends does not put off the broker's beats", versions: from11, settings: beats(50*time.Millisecond, 0), script: func(s *Script) {
			s.connectAs("a", s.V, "heart-beat:0,50")
			for range 5 {
				s.raw("a", strings.Repeat("\n", 50)).beats("a", 1).raw("a", "\n")
			}
		}},
		rule{point: point, clause: clause, name: "spaces in heart-beat are tolerated", versions: from11, settings: beats(20*time.Millisecond, 0), script: func(s *Script) {
			s.connectAs("a", s.V, "heart-beat: 0 , 20 ").beats("a", 1)
		}},
		rule{point: point, clause: clause, name: "a client that falls silent is told and disconnected", versions: from11, settings: beats(0, 50*time.Millisecond), script: func(s *Script) {
			s.connectAs("a", s.V, "heart-beat:50,0").refused("a", "heart-beat timeout")
		}},
		rule{point: point, clause: clause, name: "a beating client lives", versions: only12, settings: patient, script: func(s *Script) {
			// The broker's beats pace the client's: ten of them take longer than silence would be allowed.
			s.connectAs("a", s.V, "heart-beat:100,100")
			for range 45 {
				s.beats("a", 1).raw("a", "\n")
			}
			s.raw("a", text("", "SEND", "destination:{T}", "receipt:r")).want("a", "RECEIPT", "receipt-id:r")
		}},
		rule{point: point, clause: clause, name: "a part of a frame is life too", versions: only12, settings: patient, script: func(s *Script) {
			s.connectAs("a", s.V, "heart-beat:100,100").raw("a", "SEND\ndestination:{T}\nreceipt:r\n\n")
			for range 45 {
				s.beats("a", 1).raw("a", "x")
			}
			s.raw("a", "\x00").want("a", "RECEIPT", "receipt-id:r")
		}},
		rule{point: point, clause: clause, name: "a second client's life does not help the first", versions: only12, settings: beats(0, 60*time.Millisecond), script: func(s *Script) {
			s.connectAs("b", s.V).connectAs("a", s.V, "heart-beat:60,0").sync("b", "SEND", "destination:{T}").refused("a", "heart-beat timeout").sync("b", "SEND", "destination:{T}")
		}},
		rule{point: point, clause: "1.0 §CONNECT", name: "1.0 knows no heart-beats", versions: only10, settings: beats(20*time.Millisecond, 20*time.Millisecond), script: func(s *Script) {
			s.send("a", "CONNECT", "accept-version:1.0", "login:x", "passcode:y").want("a", "CONNECTED", "version:1.0")
			s.subscribe("a", "1", "{Q}").connect("b").publish("b", "{Q}", "x", "delay:200").gets("a", "m", "x").sync("a", "SEND", "destination:{T}")
		}},
		rule{
			point: point, name: "the broker beats at least every heartbeat.max", versions: only12,
			settings: func(c *config.Config) {
				c.HeartBeat.Send, c.HeartBeat.Receive, c.HeartBeat.Max = 20*time.Millisecond, 0, 50*time.Millisecond
			},
			script: func(s *Script) { s.connectAs("a", s.V, "heart-beat:0,86400000").beats("a", 3) },
		})
}

// receiptCases are about receipts: each means that the work is done.
func receiptCases() []rule {
	const point, clause = "receipts", "1.2 §Header receipt"
	return []rule{
		{point: point, clause: clause, name: "every frame after CONNECT may ask for a receipt", script: func(s *Script) {
			s.connect("b").connect("a").sync("a", "SUBSCRIBE", "id:1", "destination:{Q}", "ack:client-individual")
			s.sync("a", "BEGIN", "transaction:t").sync("a", "ABORT", "transaction:t").sync("a", "BEGIN", "transaction:t").sync("a", "COMMIT", "transaction:t")
			s.publish("b", "{Q}", "x").gets("a", "m1", "x").ack("a", "m1")
			s.sync("a", "UNSUBSCRIBE", "id:1").sync("a", "DISCONNECT").closed("a")
		}},
		{point: point, clause: clause, name: "without a receipt header there is none", script: func(s *Script) {
			s.connect("a").send("a", "SUBSCRIBE", "id:1", "destination:{T}").send("a", "UNSUBSCRIBE", "id:1")
			s.send("a", "BEGIN", "transaction:t").send("a", "ABORT", "transaction:t").sync("a", "SEND", "destination:{T}")
		}},
		{point: point, clause: clause, name: "a receipt header on CONNECT is not answered by a RECEIPT", versions: from11, script: func(s *Script) {
			s.send("a", "CONNECT", "accept-version:"+s.V, "host:h", "receipt:c").want("a", "CONNECTED").sync("a", "SEND", "destination:{T}")
		}},
		{point: point, clause: clause, name: "receipts for one destination come in the order of their frames", script: func(s *Script) {
			s.connect("a").raw("a", text("1", "SEND", "destination:{Q}", "receipt:1")+text("2", "SEND", "destination:{Q}", "receipt:2")+text("3", "SEND", "destination:{Q}", "receipt:3"))
			for _, id := range []string{"1", "2", "3"} {
				s.want("a", "RECEIPT", "receipt-id:"+id)
			}
		}},
		{point: point, clause: clause, name: "receipts for several destinations come all", script: func(s *Script) {
			s.connect("a").raw("a", text("1", "SEND", "destination:{Q}", "receipt:1")+text("2", "SEND", "destination:{Q2}", "receipt:2")+text("3", "SEND", "destination:{T}", "receipt:3")+text("4", "SEND", "destination:{Q}", "receipt:4"))
			var all []Match
			for _, id := range []string{"1", "2", "3", "4"} {
				all = append(all, Match{Command: "RECEIPT", Header: []string{"receipt-id:" + id}})
			}
			s.match("a", all...)
		}},
		{point: point, clause: clause, name: "the same receipt may be asked for twice", script: func(s *Script) {
			s.connect("a").send("a", "SEND", "destination:{T}", "receipt:r").want("a", "RECEIPT", "receipt-id:r").send("a", "SEND", "destination:{T}", "receipt:r").want("a", "RECEIPT", "receipt-id:r")
		}},
		{point: point, clause: clause, name: "an empty receipt is answered as it is", versions: from11, script: func(s *Script) {
			s.connect("a").send("a", "SEND", "destination:{T}", "receipt:").want("a", "RECEIPT", "receipt-id:")
		}},
		{point: point, clause: "1.2 §SEND", name: "SEND: the broker has the message", script: func(s *Script) {
			s.connect("a").publish("a", "{Q}", "kept").drop("a").connect("b").subscribe("b", "1", "{Q}").gets("b", "m", "kept")
		}},
		{point: point, clause: "1.2 §SUBSCRIBE", name: "SUBSCRIBE: the receipt is before the first MESSAGE", script: func(s *Script) {
			s.connect("a")
			for _, body := range []string{"1", "2", "3"} {
				s.publish("a", "{Q}", body)
			}
			s.connect("b").subscribe("b", "1", "{Q}").gets("b", "m1", "1").gets("b", "m2", "2").gets("b", "m3", "3")
		}},
		{point: point, clause: "1.2 §SUBSCRIBE", name: "SUBSCRIBE: what is sent after the receipt is delivered", script: func(s *Script) {
			s.connect("a").connect("b").subscribe("a", "1", "{T}").publish("b", "{T}", "x").gets("a", "m", "x")
		}},
		{point: point, clause: "1.2 §UNSUBSCRIBE", name: "UNSUBSCRIBE: no MESSAGE after the receipt", script: func(s *Script) {
			s.connect("b").connect("a").subscribe("a", "1", "{T}").publish("b", "{T}", "1").gets("a", "m1", "1")
			s.sync("a", "UNSUBSCRIBE", "id:1").publish("b", "{T}", "2").subscribe("a", "2", "{T}").publish("b", "{T}", "3")
			s.gets("a", "m2", "3", "subscription:2")
		}},
		{point: point, clause: "1.2 §DISCONNECT", name: "DISCONNECT: all before it is done, then the broker closes", script: func(s *Script) {
			s.connect("a").raw("a", text("1", "SEND", "destination:{Q}")+text("2", "SEND", "destination:{Q}")+text("", "DISCONNECT", "receipt:bye"))
			s.want("a", "RECEIPT", "receipt-id:bye").closed("a")
			s.connect("b").subscribe("b", "1", "{Q}").gets("b", "m1", "1").gets("b", "m2", "2")
		}},
		{point: point, clause: "1.2 §DISCONNECT", name: "DISCONNECT without a receipt closes too", script: func(s *Script) {
			s.connect("a").body("a", "1", "SEND", "destination:{Q}").send("a", "DISCONNECT").closed("a")
			s.connect("b").subscribe("b", "1", "{Q}").gets("b", "m1", "1")
		}},
		{point: point, clause: "1.2 §DISCONNECT", name: "frames behind DISCONNECT are not done", script: func(s *Script) {
			s.connect("a").loose("a", text("", "DISCONNECT", "receipt:bye")+text("no", "SEND", "destination:{Q}", "receipt:no"))
			s.want("a", "RECEIPT", "receipt-id:bye").closed("a")
			s.connect("b").subscribe("b", "1", "{Q}").connect("c").publish("c", "{Q}", "yes").gets("b", "m", "yes")
		}},
		{point: point, clause: "1.2 §SEND", name: "in a transaction the receipt of a SEND is for being taken into it", script: func(s *Script) {
			s.connect("b").subscribe("b", "1", "{Q}").connect("a").sync("a", "BEGIN", "transaction:t")
			s.publish("a", "{Q}", "inside", "transaction:t").publish("a", "{Q}", "outside").gets("b", "m1", "outside")
			s.sync("a", "COMMIT", "transaction:t").gets("b", "m2", "inside")
		}},
		{point: point, clause: "1.2 §COMMIT", name: "COMMIT: the receipt is for everything in it", script: func(s *Script) {
			s.connect("a").sync("a", "BEGIN", "transaction:t").publish("a", "{Q}", "1", "transaction:t").publish("a", "{Q2}", "2", "transaction:t").sync("a", "COMMIT", "transaction:t").drop("a")
			s.connect("b").subscribe("b", "1", "{Q}").gets("b", "m1", "1").subscribe("b", "2", "{Q2}").gets("b", "m2", "2")
		}},
	}
}

// errorCases are about ERROR frames and about how connections end.
func errorCases() []rule {
	const errors, closing = "errors", "closing"
	return []rule{
		{point: errors, clause: "1.2 §ERROR", name: "an ERROR names the receipt of the frame that caused it", script: func(s *Script) {
			s.connect("a").send("a", "COMMIT", "transaction:none", "receipt:which").refusedFor("a", "which", "transaction")
		}},
		{point: errors, clause: "1.2 §ERROR", name: "an ERROR has no receipt-id when none was asked for", script: func(s *Script) {
			m := refusal("transaction")
			m.Header = append(m.Header, "!receipt-id")
			s.connect("a").send("a", "COMMIT", "transaction:none").match("a", m).closed("a")
		}},
		{point: errors, clause: "1.2 §ERROR", name: "frames before the bad one are done, those behind it are not", script: func(s *Script) {
			s.connect("a").loose("a", text("yes", "SEND", "destination:{Q}")+text("", "ABORT", "transaction:none")+text("no", "SEND", "destination:{Q}")).refused("a", "transaction")
			s.connect("b").subscribe("b", "1", "{Q}").gets("b", "m1", "yes").connect("c").publish("c", "{Q}", "later").gets("b", "m2", "later")
		}},
		{point: errors, clause: "1.2 §ERROR", name: "frames before undecodable bytes are done", script: func(s *Script) {
			s.connect("a").loose("a", text("yes", "SEND", "destination:{Q}")+"GARBAGE\n\n\x00").refused("a", "syntax")
			s.connect("b").subscribe("b", "1", "{Q}").gets("b", "m1", "yes")
		}},
		{point: errors, clause: "1.2 §ERROR", name: "receipts that are due come before the ERROR", script: func(s *Script) {
			s.connect("a").loose("a", text("yes", "SEND", "destination:{Q}", "receipt:1")+text("", "ABORT", "transaction:none")).want("a", "RECEIPT", "receipt-id:1").refused("a", "transaction")
		}},
		{point: errors, clause: "1.2 §ERROR", name: "receipts that are due come before the ERROR for undecodable bytes", script: func(s *Script) {
			s.connect("a").loose("a", text("yes", "SEND", "destination:{Q}", "receipt:1")+"GARBAGE\n\n\x00").want("a", "RECEIPT", "receipt-id:1").refused("a", "syntax")
		}},
		{point: errors, clause: "1.2 §ERROR", name: "the ERROR can be read though the client goes on writing", script: func(s *Script) {
			s.connect("a").loose("a", "GARBAGE\n\n\x00"+strings.Repeat("SEND\ndestination:{T}\n\nmore\x00", 2000)).refused("a", "syntax")
		}},
		{point: errors, clause: "1.2 §ERROR", name: "a fault of one client is nothing to another", script: func(s *Script) {
			s.connect("b").subscribe("b", "1", "{T}").connect("a").loose("a", "GARBAGE\n\n\x00").refused("a", "syntax")
			s.connect("c").publish("c", "{T}", "x").gets("b", "m", "x")
		}},
		{point: closing, name: "a lost connection puts its unacknowledged messages back", script: func(s *Script) {
			s.connect("c").publish("c", "{Q}", "1").publish("c", "{Q}", "2")
			s.connect("a").subscribe("a", "1", "{Q}", "ack:client-individual").gets("a", "m1", "1").gets("a", "m2", "2").ack("a", "m1").drop("a")
			s.connect("b").subscribe("b", "1", "{Q}").gets("b", "m", "2", "redelivered:true", "delivery-count:2")
		}},
		{point: closing, name: "a lost connection aborts its transactions", script: func(s *Script) {
			s.connect("b").subscribe("b", "1", "{Q}")
			s.connect("a").sync("a", "BEGIN", "transaction:t").publish("a", "{Q}", "lost", "transaction:t").drop("a")
			s.connect("c").publish("c", "{Q}", "kept").gets("b", "m", "kept")
		}},
		{point: closing, name: "a lost connection puts back what a transaction of it had acknowledged", script: func(s *Script) {
			s.connect("c").publish("c", "{Q}", "1").connect("a").subscribe("a", "1", "{Q}", "ack:client").gets("a", "m", "1")
			s.sync("a", "BEGIN", "transaction:t").ack("a", "m", "transaction:t").drop("a")
			s.connect("b").subscribe("b", "1", "{Q}").gets("b", "m2", "1", "redelivered:true")
		}},
		{point: closing, name: "DISCONNECT puts unacknowledged messages back and aborts transactions", script: func(s *Script) {
			s.connect("c").publish("c", "{Q}", "1").connect("a").subscribe("a", "1", "{Q}", "ack:client").gets("a", "m", "1")
			s.sync("a", "BEGIN", "transaction:t").publish("a", "{Q}", "lost", "transaction:t").sync("a", "DISCONNECT").closed("a")
			s.connect("b").subscribe("b", "1", "{Q}").gets("b", "m2", "1", "redelivered:true").publish("c", "{Q}", "2").gets("b", "m3", "2")
		}},
		{point: closing, name: "an ERROR ends a connection as a loss does", script: func(s *Script) {
			s.connect("c").publish("c", "{Q}", "1").connect("a").subscribe("a", "1", "{Q}", "ack:client").gets("a", "m", "1")
			s.send("a", "COMMIT", "transaction:none").refused("a", "transaction")
			s.connect("b").subscribe("b", "1", "{Q}").gets("b", "m2", "1", "redelivered:true")
		}},
		{
			point: closing, name: "a frame that is never finished is told after frame_timeout", versions: only12,
			settings: func(c *config.Config) { c.Session.FrameTimeout = 500 * time.Millisecond },
			script: func(s *Script) {
				s.connect("a").loose("a", "SEND\ndestination:{T}\n\nunfinished").refused("a", "frame timeout")
			},
		},
		{point: closing, name: "line ends between frames are not begun frames", versions: only12, clock: true, settings: func(c *config.Config) { c.Session.FrameTimeout = 5 * time.Second }, script: func(s *Script) {
			s.connect("a").raw("a", "\n").sync("a", "SEND", "destination:{T}").raw("a", "\r\n").advance(10*time.Second).sync("a", "SEND", "destination:{T}")
		}},
	}
}
