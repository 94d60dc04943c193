package conformance

import "stampede/config"

// transactionCases are about BEGIN, COMMIT and ABORT.
func transactionCases() []rule {
	const point = "transactions"
	one := func(s *Script) *Script {
		return s.connect("c").publish("c", "{Q}", "1").publish("c", "{Q}", "2").connect("a").subscribe("a", "1", "{Q}", "ack:client-individual", "prefetch-count:2").gets("a", "m1", "1").gets("a", "m2", "2").sync("a", "BEGIN", "transaction:t")
	}
	// left expects that these messages are still the queue's after a is gone.
	left := func(s *Script, bodies ...string) {
		s.sync("a", "DISCONNECT").closed("a").connect("b").subscribe("b", "1", "{Q}")
		for _, body := range bodies {
			s.gets("b", "left", body, "redelivered:true")
		}
		s.publish("c", "{Q}", "end").gets("b", "end", "end", "!redelivered")
	}
	rules := []rule{
		{point: point, clause: "1.2 §BEGIN", name: "a SEND is delivered at COMMIT and not before", script: func(s *Script) {
			s.connect("b").subscribe("b", "1", "{T}").connect("a").sync("a", "BEGIN", "transaction:t")
			s.publish("a", "{T}", "1", "transaction:t").publish("a", "{T}", "2", "transaction:t").publish("a", "{T}", "outside").gets("b", "m0", "outside")
			s.sync("a", "COMMIT", "transaction:t").gets("b", "m1", "1").gets("b", "m2", "2")
		}},
		{point: point, clause: "1.2 §ABORT", name: "after ABORT nothing is delivered", script: func(s *Script) {
			s.connect("b").subscribe("b", "1", "{Q}").connect("a").sync("a", "BEGIN", "transaction:t").publish("a", "{Q}", "no", "transaction:t").sync("a", "ABORT", "transaction:t").publish("a", "{Q}", "yes").gets("b", "m", "yes")
		}},
		{point: point, clause: "1.2 §BEGIN", name: "an empty transaction may be committed", script: func(s *Script) {
			s.connect("a").sync("a", "BEGIN", "transaction:t").sync("a", "COMMIT", "transaction:t")
		}},
		{point: point, clause: "1.2 §BEGIN", name: "a duplicate BEGIN is refused", script: func(s *Script) {
			s.connect("a").sync("a", "BEGIN", "transaction:t").send("a", "BEGIN", "transaction:t", "receipt:r").refusedFor("a", "r", "transaction")
		}},
		{point: point, clause: "1.2 §BEGIN", name: "an id may be used again when its transaction has ended", script: func(s *Script) {
			s.connect("a")
			for _, end := range []string{"COMMIT", "ABORT", "COMMIT"} {
				s.sync("a", "BEGIN", "transaction:t").publish("a", "{T}", "x", "transaction:t").sync("a", end, "transaction:t")
			}
		}},
		{point: point, clause: "1.2 §BEGIN", name: "several transactions may be open and are their own", script: func(s *Script) {
			s.connect("b").subscribe("b", "1", "{Q}").connect("a").sync("a", "BEGIN", "transaction:t").sync("a", "BEGIN", "transaction:u")
			s.publish("a", "{Q}", "t1", "transaction:t").publish("a", "{Q}", "u1", "transaction:u").publish("a", "{Q}", "t2", "transaction:t")
			s.sync("a", "COMMIT", "transaction:t").gets("b", "m1", "t1").gets("b", "m2", "t2").sync("a", "COMMIT", "transaction:u").gets("b", "m3", "u1")
		}},
		{point: point, clause: "1.2 §BEGIN", name: "ids are the connection's own", script: func(s *Script) {
			s.connect("a", "b").sync("a", "BEGIN", "transaction:t").sync("b", "BEGIN", "transaction:t").sync("a", "COMMIT", "transaction:t").sync("b", "ABORT", "transaction:t")
		}},
		{point: point, clause: "1.2 §ACK", name: "an ACK takes effect at COMMIT", script: func(s *Script) {
			one(s).ack("a", "m1", "transaction:t").sync("a", "COMMIT", "transaction:t")
			left(s, "2")
		}},
		{point: point, clause: "1.2 §ACK", name: "an ACK without COMMIT has no effect", script: func(s *Script) {
			one(s).ack("a", "m1", "transaction:t")
			left(s, "1", "2")
		}},
		{point: point, name: "what is acknowledged in a transaction counts in the prefetch until COMMIT", script: func(s *Script) {
			s.connect("c").publish("c", "{Q}", "1").publish("c", "{Q}", "2").connect("a").subscribe("a", "1", "{Q}", "ack:client", "prefetch-count:1").gets("a", "m1", "1")
			s.sync("a", "BEGIN", "transaction:t").ack("a", "m1", "transaction:t").connect("b").subscribe("b", "1", "{Q}", "ack:client", "prefetch-count:1").gets("b", "m2", "2")
			s.sync("a", "COMMIT", "transaction:t").publish("c", "{Q}", "3").gets("a", "m3", "3")
		}},
		{point: point, clause: "1.2 §ABORT", name: "ABORT makes acknowledged messages pending again", script: func(s *Script) {
			one(s).ack("a", "m1", "transaction:t").sync("a", "ABORT", "transaction:t").ack("a", "m1").ack("a", "m2")
			left(s)
		}},
		{point: point, clause: "1.2 §ABORT", name: "after ABORT what is not acknowledged anew goes back", script: func(s *Script) {
			one(s).ack("a", "m1", "transaction:t").sync("a", "ABORT", "transaction:t").ack("a", "m2")
			left(s, "1")
		}},
		{point: point, clause: "1.2 §ACK", name: "a message that a transaction has acknowledged cannot be acknowledged again", script: func(s *Script) {
			one(s).ack("a", "m1", "transaction:t").send("a", append(s.answer("ACK", "m1"), "receipt:r")...).refusedFor("a", "r", "ack")
		}},
		{point: point, clause: "1.2 §ACK", name: "two transactions cannot acknowledge the same message", script: func(s *Script) {
			one(s).sync("a", "BEGIN", "transaction:u").ack("a", "m1", "transaction:t").send("a", append(s.answer("ACK", "m1", "transaction:u"), "receipt:r")...).refusedFor("a", "r", "ack")
		}},
		{point: point, clause: "1.2 §NACK", name: "a NACK takes effect at COMMIT", versions: from11, script: func(s *Script) {
			one(s).connect("b").subscribe("b", "1", "{Q}").nack("a", "m1", "transaction:t").publish("c", "{Q}", "3").gets("b", "m3", "3", "!redelivered")
			s.sync("a", "COMMIT", "transaction:t").gets("b", "m4", "1", "redelivered:true")
		}},
		{point: point, clause: "1.2 §BEGIN", name: "SENDs and ACKs of one transaction are done together", script: func(s *Script) {
			one(s).publish("a", "{Q2}", "answer", "transaction:t").ack("a", "m1", "transaction:t").sync("a", "COMMIT", "transaction:t").ack("a", "m2")
			s.connect("d").subscribe("d", "1", "{Q2}").gets("d", "m", "answer")
			left(s)
		}},
		{point: point, clause: "1.2 §SEND", name: "the transaction header is not forwarded", script: func(s *Script) {
			s.connect("b").subscribe("b", "1", "{T}").connect("a").sync("a", "BEGIN", "transaction:t").publish("a", "{T}", "1", "transaction:t", "note:x").sync("a", "COMMIT", "transaction:t").gets("b", "m1", "1", "!transaction", "note:x")
		}},
		{
			point: point, name: "COMMIT does all or nothing when a destination refuses", settings: func(c *config.Config) {
				c.Queues.Full, c.Queues.MaxMessages = config.FullReject, 1
			},
			script: func(s *Script) {
				s.connect("c").publish("c", "{Q2}", "full").connect("b").subscribe("b", "1", "{Q}").subscribe("b", "2", "{T}")
				s.connect("a").sync("a", "BEGIN", "transaction:t").publish("a", "{Q}", "no", "transaction:t").publish("a", "{T}", "no", "transaction:t").publish("a", "{Q2}", "no", "transaction:t").publish("a", "{Q}", "no", "transaction:t")
				s.send("a", "COMMIT", "transaction:t", "receipt:r").refusedFor("a", "r", "q flup")
				s.publish("c", "{Q}", "yes").gets("b", "m1", "yes", "subscription:1").publish("c", "{T}", "yes").gets("b", "m2", "yes", "subscription:2")
			},
		},
		{
			point: point, name: "ACKs of a COMMIT that is refused are not done", settings: func(c *config.Config) {
				c.Queues.Full, c.Queues.MaxMessages = config.FullReject, 2
			},
			script: func(s *Script) {
				s.connect("c").publish("c", "{Q2}", "1").publish("c", "{Q2}", "2").publish("c", "{Q}", "mine")
				s.connect("a").subscribe("a", "1", "{Q}", "ack:client").gets("a", "m", "mine").sync("a", "BEGIN", "transaction:t").ack("a", "m", "transaction:t").publish("a", "{Q2}", "no", "transaction:t")
				s.send("a", "COMMIT", "transaction:t", "receipt:r").refusedFor("a", "r", "q flup")
				s.connect("b").subscribe("b", "1", "{Q}").gets("b", "m2", "mine", "redelivered:true")
			},
		},
	}
	for _, command := range []string{"COMMIT", "ABORT"} {
		rules = append(rules,
			rule{point: point, clause: "1.2 §" + command, name: command + " of an unknown transaction is refused", script: func(s *Script) {
				s.connect("a").send("a", command, "transaction:none", "receipt:r").refusedFor("a", "r", "transaction")
			}},
			rule{point: point, clause: "1.2 §" + command, name: command + " of one that has ended is refused", script: func(s *Script) {
				s.connect("a").sync("a", "BEGIN", "transaction:t").sync("a", "COMMIT", "transaction:t").send("a", command, "transaction:t", "receipt:r").refusedFor("a", "r", "transaction")
			}},
			rule{point: point, clause: "1.2 §" + command, name: command + " of another connection's transaction is refused", script: func(s *Script) {
				s.connect("b").sync("b", "BEGIN", "transaction:t").connect("a").send("a", command, "transaction:t", "receipt:r").refusedFor("a", "r", "transaction").sync("b", "COMMIT", "transaction:t")
			}})
	}
	return append(rules,
		rule{point: point, clause: "1.2 §SEND", name: "a SEND that names an unknown transaction is refused", script: func(s *Script) {
			s.connect("a").body("a", "x", "SEND", "destination:{Q}", "transaction:none", "receipt:r").refusedFor("a", "r", "transaction")
		}},
		rule{point: point, clause: "1.2 §SEND", name: "a SEND that names an ended transaction is refused", script: func(s *Script) {
			s.connect("a").sync("a", "BEGIN", "transaction:t").sync("a", "ABORT", "transaction:t").body("a", "x", "SEND", "destination:{Q}", "transaction:t", "receipt:r").refusedFor("a", "r", "transaction")
		}},
		rule{point: point, clause: "1.2 §ACK", name: "an ACK that names an unknown transaction is refused and not done", script: func(s *Script) {
			one(s).send("a", append(s.answer("ACK", "m1", "transaction:none"), "receipt:r")...).refusedFor("a", "r", "transaction")
			s.connect("b").subscribe("b", "1", "{Q}").gets("b", "n1", "1", "redelivered:true").gets("b", "n2", "2", "redelivered:true")
		}},
		rule{point: point, clause: "1.2 §NACK", name: "a NACK that names an unknown transaction is refused", versions: from11, script: func(s *Script) {
			one(s).send("a", append(s.answer("NACK", "m1", "transaction:none"), "receipt:r")...).refusedFor("a", "r", "transaction")
		}})
}
