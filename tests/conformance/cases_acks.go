package conformance

import (
	"fmt"
	"strings"

	"stampede/config"
)

// subscriptionCases are about SUBSCRIBE and UNSUBSCRIBE.
func subscriptionCases() []rule {
	const point = "subscriptions"
	rules := []rule{
		{point: point, clause: "1.1 §SUBSCRIBE", name: "id is required from 1.1 on", versions: from11, script: func(s *Script) {
			s.connect("a").send("a", "SUBSCRIBE", "destination:{T}", "receipt:r").refusedFor("a", "r", "*")
		}},
		{point: point, clause: "1.2 §SUBSCRIBE", name: "an id is any string", script: func(s *Script) {
			s.connect("b").connect("a")
			for i, id := range []string{"sub-0", "0", "ä", "two words", strings.Repeat("long", 100), "/topic/x", "*"} {
				s.subscribe("a", id, "{T}."+fmt.Sprint(i)).publish("b", "{T}."+fmt.Sprint(i), id).gets("a", "m", id, "subscription:"+id)
			}
		}},
		{point: point, clause: "1.2 §SUBSCRIBE", name: "an id that is in use is refused", script: func(s *Script) {
			s.connect("a").subscribe("a", "1", "{T}").send("a", "SUBSCRIBE", "id:1", "destination:{T2}", "receipt:r").refusedFor("a", "r", "subscription")
		}},
		{point: point, clause: "1.2 §UNSUBSCRIBE", name: "an id may be used again after UNSUBSCRIBE", script: func(s *Script) {
			s.connect("b").connect("a").subscribe("a", "1", "{T}").sync("a", "UNSUBSCRIBE", "id:1").subscribe("a", "1", "{T2}")
			s.publish("b", "{T}", "no").publish("b", "{T2}", "yes").gets("a", "m", "yes", "subscription:1", "destination:{T2}")
		}},
		{point: point, clause: "1.2 §SUBSCRIBE", name: "ids are the connection's own", script: func(s *Script) {
			s.connect("a", "b", "c").subscribe("a", "1", "{T}").subscribe("b", "1", "{T}").publish("c", "{T}", "x").gets("a", "m", "x", "subscription:1").gets("b", "n", "x", "subscription:1")
		}},
		{point: point, clause: "1.2 §UNSUBSCRIBE", name: "an unknown id is refused", script: func(s *Script) {
			s.connect("a").send("a", "UNSUBSCRIBE", "id:none", "receipt:r").refusedFor("a", "r", "subscription")
		}},
		{point: point, clause: "1.2 §UNSUBSCRIBE", name: "a second UNSUBSCRIBE is refused", script: func(s *Script) {
			s.connect("a").subscribe("a", "1", "{T}").sync("a", "UNSUBSCRIBE", "id:1").send("a", "UNSUBSCRIBE", "id:1", "receipt:r").refusedFor("a", "r", "subscription")
		}},
		{point: point, clause: "1.2 §SUBSCRIBE", name: "two subscriptions of one topic both get the message", script: func(s *Script) {
			s.connect("b").connect("a").subscribe("a", "1", "{T}").subscribe("a", "2", "{T}").publish("b", "{T}", "x")
			s.match("a", Match{Command: "MESSAGE", Header: []string{"subscription:1"}}, Match{Command: "MESSAGE", Header: []string{"subscription:2"}})
		}},
		{point: point, clause: "1.0 §SUBSCRIBE", name: "in 1.0 a destination may stand for the id", versions: only10, script: func(s *Script) {
			s.connect("b").connect("a").sync("a", "SUBSCRIBE", "destination:{T}").sync("a", "SUBSCRIBE", "destination:{T2}")
			s.publish("b", "{T}", "1").gets("a", "m1", "1", "destination:{T}").publish("b", "{T2}", "2").gets("a", "m2", "2", "destination:{T2}")
			s.sync("a", "UNSUBSCRIBE", "destination:{T}").publish("b", "{T}", "no").publish("b", "{T2}", "3").gets("a", "m3", "3", "destination:{T2}")
		}},
		{point: point, clause: "1.0 §SUBSCRIBE", name: "in 1.0 a second subscription by the same destination is refused", versions: only10, script: func(s *Script) {
			s.connect("a").sync("a", "SUBSCRIBE", "destination:{T}").send("a", "SUBSCRIBE", "destination:{T}", "receipt:r").refusedFor("a", "r", "subscription")
		}},
		{point: point, clause: "1.0 §SUBSCRIBE", name: "in 1.0 with an id the MESSAGE names it", versions: only10, script: func(s *Script) {
			s.connect("b").connect("a").sync("a", "SUBSCRIBE", "destination:{T}", "id:mine").publish("b", "{T}", "1").gets("a", "m", "1", "subscription:mine").sync("a", "UNSUBSCRIBE", "id:mine")
		}},
		{point: point, clause: "1.0 §UNSUBSCRIBE", name: "in 1.0 a destination ends a subscription that has an id, the oldest first", versions: only10, script: func(s *Script) {
			s.connect("b").connect("a").subscribe("a", "1", "{T}").subscribe("a", "2", "{T}").subscribe("a", "3", "{T2}").sync("a", "UNSUBSCRIBE", "destination:{T}")
			s.publish("b", "{T}", "x").gets("a", "m", "x", "subscription:2").sync("a", "UNSUBSCRIBE", "destination:{T}").publish("b", "{T}", "no")
			s.publish("b", "{T2}", "y").gets("a", "m", "y", "subscription:3").send("a", "UNSUBSCRIBE", "destination:{T}", "receipt:r").refusedFor("a", "r", "subscription")
		}},
		{point: point, clause: "1.0 §UNSUBSCRIBE", name: "in 1.0 an unknown destination cannot be unsubscribed", versions: only10, script: func(s *Script) {
			s.connect("a").send("a", "UNSUBSCRIBE", "destination:{T}", "receipt:r").refusedFor("a", "r", "subscription")
		}},
		{point: point, clause: "1.1 §UNSUBSCRIBE", name: "from 1.1 on UNSUBSCRIBE needs the id", versions: from11, script: func(s *Script) {
			s.connect("a").subscribe("a", "1", "{T}").send("a", "UNSUBSCRIBE", "destination:{T}", "receipt:r").refusedFor("a", "r", "*")
		}},
		{point: point, clause: "1.2 §SUBSCRIBE", name: "every MESSAGE has its own message-id", script: func(s *Script) {
			s.connect("b").connect("a").subscribe("a", "1", "{T}").publish("b", "{T}", "1").publish("b", "{T}", "2").gets("a", "m1", "1", "message-id:*").gets("a", "m2", "2", "message-id:!{m1.message-id}")
		}},
		{point: point, clause: "1.2 §UNSUBSCRIBE", name: "UNSUBSCRIBE puts unacknowledged messages back", script: func(s *Script) {
			s.connect("b").publish("b", "{Q}", "1").publish("b", "{Q}", "2").connect("a").subscribe("a", "1", "{Q}", "ack:client-individual")
			s.gets("a", "m1", "1").gets("a", "m2", "2").ack("a", "m1").sync("a", "UNSUBSCRIBE", "id:1")
			s.subscribe("a", "2", "{Q}").gets("a", "m3", "2", "redelivered:true", "delivery-count:2", "subscription:2")
		}},
		{point: point, clause: "1.2 §ACK", name: "after UNSUBSCRIBE its messages cannot be acknowledged", script: func(s *Script) {
			s.connect("b").publish("b", "{Q}", "1").connect("a").subscribe("a", "1", "{Q}", "ack:client").gets("a", "m1", "1").sync("a", "UNSUBSCRIBE", "id:1")
			s.send("a", append(s.answer("ACK", "m1"), "receipt:r")...).refusedFor("a", "r", "*")
		}},
	}
	for _, value := range []string{"auto", "client", "client-individual"} {
		rules = append(rules, rule{point: point, clause: "1.2 §SUBSCRIBE Ack Header", name: "ack:" + value + " is accepted", script: func(s *Script) {
			s.connect("a").subscribe("a", "1", "{Q}", "ack:"+value)
		}})
	}
	for _, value := range []string{"none", "Client", "", "client ", "individual"} {
		versions := AllVersions
		if strings.HasSuffix(value, " ") {
			versions = from11 // 1.0 trims it
		}
		rules = append(rules, rule{point: point, clause: "1.2 §SUBSCRIBE Ack Header", name: fmt.Sprintf("ack %q is refused", value), versions: versions, script: func(s *Script) {
			s.connect("a").send("a", "SUBSCRIBE", "id:1", "destination:{Q}", "ack:"+value, "receipt:r").refusedFor("a", "r", "syntax")
		}})
	}
	for _, name := range []string{"prefetch-count", "activemq.prefetchSize"} {
		rules = append(rules, rule{point: point, name: name + " bounds the unacknowledged messages", script: func(s *Script) {
			s.connect("c")
			for i := 1; i <= 5; i++ {
				s.publish("c", "{Q}", fmt.Sprint(i))
			}
			s.connect("a").subscribe("a", "1", "{Q}", "ack:client-individual", name+":2").gets("a", "m1", "1").gets("a", "m2", "2")
			// The third is free for another consumer, and an acknowledgement makes room for one more.
			s.connect("b").subscribe("b", "1", "{Q}", "ack:client-individual", name+":1").gets("b", "m3", "3")
			s.settle("a", "m2").gets("a", "m4", "4").settle("b", "m3").gets("b", "m5", "5")
		}})
	}
	rules = append(rules, rule{
		point: point, name: "a default bounds the unacknowledged messages", settings: func(c *config.Config) { c.Session.DefaultPrefetch = 3 },
		script: func(s *Script) {
			s.connect("c")
			for i := 1; i <= 4; i++ {
				s.publish("c", "{Q}", fmt.Sprint(i))
			}
			s.connect("a").subscribe("a", "1", "{Q}", "ack:client").gets("a", "m1", "1").gets("a", "m2", "2").gets("a", "m3", "3")
			s.connect("b").subscribe("b", "1", "{Q}").gets("b", "m4", "4")
		},
	})
	for _, value := range []string{"abc", "-1", "1.5", ""} {
		rules = append(rules, rule{point: point, name: fmt.Sprintf("prefetch-count %q is refused", value), script: func(s *Script) {
			s.connect("a").send("a", "SUBSCRIBE", "id:1", "destination:{Q}", "ack:client", "prefetch-count:"+value, "receipt:r").refusedFor("a", "r", "syntax")
		}})
	}
	return rules
}

// ackCases are about ACK and NACK.
func ackCases() []rule {
	const point, again, dead = "acks", "redelivery", "dead letters"
	// three leaves client a with three unacknowledged messages m1 to m3 of a queue.
	three := func(s *Script, mode string) *Script {
		s.connect("c").publish("c", "{Q}", "1").publish("c", "{Q}", "2").publish("c", "{Q}", "3").connect("a")
		return s.subscribe("a", "1", "{Q}", "ack:"+mode).gets("a", "m1", "1", "!redelivered").gets("a", "m2", "2").gets("a", "m3", "3")
	}
	// left expects that these messages and no others are still the queue's, after a is gone.
	left := func(s *Script, bodies ...string) {
		s.sync("a", "DISCONNECT").closed("a").connect("b").subscribe("b", "1", "{Q}")
		for i, body := range bodies {
			s.gets("b", fmt.Sprintf("left%d", i), body, "redelivered:true")
		}
		s.publish("c", "{Q}", "end").gets("b", "end", "end", "!redelivered")
	}
	rules := []rule{
		{point: point, clause: "1.2 §SUBSCRIBE Ack Header", name: "auto: a message is settled when it is sent", script: func(s *Script) {
			three(s, "auto")
			left(s)
		}},
		{point: point, clause: "1.2 §SUBSCRIBE Ack Header", name: "without an ack header the mode is auto", script: func(s *Script) {
			s.connect("c").publish("c", "{Q}", "1").connect("a").subscribe("a", "1", "{Q}").gets("a", "m1", "1", "!ack")
			left(s)
		}},
		{point: point, clause: "1.2 §MESSAGE", name: "auto: MESSAGE has no ack header", script: func(s *Script) {
			s.connect("c").connect("a").subscribe("a", "1", "{T}", "ack:auto").publish("c", "{T}", "x").gets("a", "m", "x", "!ack")
		}},
		{point: point, clause: "1.2 §MESSAGE", name: "client modes: MESSAGE has an ack header of its own", versions: only12, script: func(s *Script) {
			s.connect("c").connect("a").subscribe("a", "1", "{Q}", "ack:client").subscribe("a", "2", "{T}", "ack:client-individual")
			s.publish("c", "{Q}", "1").gets("a", "m1", "1", "ack:*").publish("c", "{Q}", "2").gets("a", "m2", "2", "ack:!{m1.ack}").publish("c", "{T}", "3").gets("a", "m3", "3", "ack:!{m2.ack}")
		}},
		{point: point, clause: "1.2 §SUBSCRIBE Ack Header", name: "client: nothing is settled unless it is acknowledged", script: func(s *Script) {
			three(s, "client")
			left(s, "1", "2", "3")
		}},
		{point: point, clause: "1.2 §SUBSCRIBE Ack Header", name: "client: ACK settles the message and all before it", script: func(s *Script) {
			three(s, "client").ack("a", "m2")
			left(s, "3")
		}},
		{point: point, clause: "1.2 §SUBSCRIBE Ack Header", name: "client: ACK of the last settles all", script: func(s *Script) {
			three(s, "client").ack("a", "m3")
			left(s)
		}},
		{point: point, clause: "1.2 §SUBSCRIBE Ack Header", name: "client-individual: ACK settles that one message", script: func(s *Script) {
			three(s, "client-individual").ack("a", "m2")
			left(s, "1", "3")
		}},
		{point: point, clause: "1.2 §SUBSCRIBE Ack Header", name: "client: ACK is cumulative within its subscription only", script: func(s *Script) {
			s.connect("c").publish("c", "{Q}", "1").connect("a").subscribe("a", "1", "{Q}", "ack:client").gets("a", "m1", "1")
			s.subscribe("a", "2", "{Q2}", "ack:client").publish("c", "{Q2}", "other").gets("a", "m2", "other").ack("a", "m2")
			left(s, "1")
		}},
		{point: point, clause: "1.2 §ACK", name: "what was settled cumulatively cannot be acknowledged again", script: func(s *Script) {
			three(s, "client").ack("a", "m3").send("a", append(s.answer("ACK", "m1"), "receipt:r")...).refusedFor("a", "r", "ack")
		}},
		{point: point, clause: "1.2 §ACK", name: "a message is acknowledged once", script: func(s *Script) {
			three(s, "client-individual").ack("a", "m2").send("a", append(s.answer("ACK", "m2"), "receipt:r")...).refusedFor("a", "r", "ack")
		}},
		{point: point, clause: "1.2 §NACK", name: "a message that was acknowledged cannot be refused", versions: from11, script: func(s *Script) {
			three(s, "client-individual").ack("a", "m2").send("a", append(s.answer("NACK", "m2"), "receipt:r")...).refusedFor("a", "r", "ack")
		}},
		{point: point, clause: "1.2 §NACK", name: "a message that was refused cannot be acknowledged", versions: only12, script: func(s *Script) {
			s.connect("c").connect("a").subscribe("a", "1", "{T}", "ack:client-individual").publish("c", "{T}", "1").gets("a", "m1", "1").nack("a", "m1")
			s.send("a", append(s.answer("ACK", "m1"), "receipt:r")...).refusedFor("a", "r", "ack")
		}},
		{point: point, clause: "1.2 §ACK", name: "an unknown id is refused", versions: only12, script: func(s *Script) {
			s.connect("a").subscribe("a", "1", "{Q}", "ack:client").send("a", "ACK", "id:none", "receipt:r").refusedFor("a", "r", "ack")
		}},
		{point: point, clause: "1.1 §ACK", name: "an unknown message-id is refused", versions: only11, script: func(s *Script) {
			s.connect("a").subscribe("a", "1", "{Q}", "ack:client").send("a", "ACK", "subscription:1", "message-id:none", "receipt:r").refusedFor("a", "r", "ack")
		}},
		{point: point, clause: "1.1 §ACK", name: "an unknown subscription is refused", versions: only11, script: func(s *Script) {
			three(s, "client").send("a", "ACK", "subscription:none", "message-id:{m1.message-id}", "receipt:r").refusedFor("a", "r", "*")
		}},
		{point: point, clause: "1.0 §ACK", name: "an unknown message-id is refused in 1.0", versions: only10, script: func(s *Script) {
			s.connect("a").subscribe("a", "1", "{Q}", "ack:client").send("a", "ACK", "message-id:none", "receipt:r").refusedFor("a", "r", "ack")
		}},
		{point: point, clause: "1.2 §ACK", name: "1.2 acknowledges by id, not by message-id", versions: only12, script: func(s *Script) {
			three(s, "client").send("a", "ACK", "subscription:1", "message-id:{m1.message-id}", "receipt:r").refusedFor("a", "r", "syntax")
		}},
		{point: point, clause: "1.1 §ACK", name: "1.1 needs the subscription", versions: only11, script: func(s *Script) {
			three(s, "client").send("a", "ACK", "message-id:{m1.message-id}", "receipt:r").refusedFor("a", "r", "syntax")
		}},
		{point: point, clause: "1.1 §ACK", name: "1.1 needs the message-id", versions: only11, script: func(s *Script) {
			three(s, "client").send("a", "ACK", "subscription:1", "receipt:r").refusedFor("a", "r", "syntax")
		}},
		{point: point, clause: "1.2 §ACK", name: "another connection cannot acknowledge", script: func(s *Script) {
			three(s, "client").connect("d").subscribe("d", "1", "{Q2}", "ack:client").send("d", append(s.answer("ACK", "m1"), "receipt:r")...).refusedFor("d", "r", "ack")
			s.ack("a", "m3")
		}},
		{point: point, clause: "1.2 §ACK", name: "a message of an auto subscription cannot be acknowledged", versions: []string{V10, V11}, script: func(s *Script) {
			three(s, "auto").send("a", append(s.answer("ACK", "m1"), "receipt:r")...).refusedFor("a", "r", "ack")
		}},
		{point: point, clause: "1.2 §ACK", name: "one message for two subscriptions has two ack ids", versions: from11, script: func(s *Script) {
			s.connect("c").connect("a").subscribe("a", "1", "{T}", "ack:client").subscribe("a", "2", "{T}", "ack:client").publish("c", "{T}", "x")
			s.match("a", Match{Command: "MESSAGE", Header: []string{"subscription:1"}, As: "m1"}, Match{Command: "MESSAGE", Header: []string{"subscription:2"}, As: "m2"})
			s.ack("a", "m1").ack("a", "m2").send("a", append(s.answer("ACK", "m1"), "receipt:r")...).refusedFor("a", "r", "ack")
		}},
		{point: point, clause: "1.2 §ACK", name: "messages of a topic can be acknowledged", script: func(s *Script) {
			s.connect("c").connect("a").subscribe("a", "1", "{T}", "ack:client").publish("c", "{T}", "1").publish("c", "{T}", "2").gets("a", "m1", "1").gets("a", "m2", "2").ack("a", "m2")
		}},

		{point: again, clause: "1.2 §NACK", name: "NACK gives the message to another consumer, marked", versions: from11, script: func(s *Script) {
			s.connect("c").connect("a").subscribe("a", "1", "{Q}", "ack:client-individual", "prefetch-count:1").publish("c", "{Q}", "x").gets("a", "m1", "x", "!redelivered")
			s.connect("b").subscribe("b", "1", "{Q}", "ack:client-individual").nack("a", "m1")
			s.gets("b", "m2", "x", "redelivered:true", "delivery-count:2").ack("b", "m2")
		}},
		{point: again, clause: "1.2 §NACK", name: "NACK gives the message to the same consumer if there is no other", versions: from11, script: func(s *Script) {
			s.connect("c").publish("c", "{Q}", "x").connect("a").subscribe("a", "1", "{Q}", "ack:client-individual").gets("a", "m1", "x")
			s.send("a", s.answer("NACK", "m1")...).gets("a", "m2", "x", "redelivered:true", "delivery-count:2")
			s.send("a", s.answer("NACK", "m2")...).gets("a", "m3", "x", "redelivered:true", "delivery-count:3").ack("a", "m3")
		}},
		{point: again, clause: "1.2 §NACK", name: "client: NACK refuses the message and all before it", versions: from11, script: func(s *Script) {
			three(s, "client").connect("b").subscribe("b", "1", "{Q}").nack("a", "m2")
			s.match("b", Match{Command: "MESSAGE", Body: ptr("1"), Header: []string{"redelivered:true"}}, Match{Command: "MESSAGE", Body: ptr("2"), Header: []string{"redelivered:true"}})
			s.ack("a", "m3")
		}},
		{point: again, clause: "1.2 §NACK", name: "client-individual: NACK refuses that one message", versions: from11, script: func(s *Script) {
			three(s, "client-individual").connect("b").subscribe("b", "1", "{Q}").nack("a", "m2").gets("b", "n", "2", "redelivered:true").ack("a", "m1").ack("a", "m3")
		}},
		{point: again, clause: "1.2 §NACK", name: "an unknown message cannot be refused", versions: from11, script: func(s *Script) {
			lines := []string{"NACK", "id:none", "receipt:r"}
			if s.V == V11 {
				lines = []string{"NACK", "subscription:1", "message-id:none", "receipt:r"}
			}
			s.connect("a").subscribe("a", "1", "{Q}", "ack:client").send("a", lines...).refusedFor("a", "r", "ack")
		}},
		{point: again, clause: "1.2 §NACK", name: "NACK on a topic discards", versions: from11, script: func(s *Script) {
			s.connect("c").connect("a").subscribe("a", "1", "{T}", "ack:client-individual").publish("c", "{T}", "1").gets("a", "m1", "1").nack("a", "m1").publish("c", "{T}", "2").gets("a", "m2", "2", "!redelivered")
		}},
		{point: again, name: "a message is given to a subscription again only with redelivered:true", versions: from11, script: func(s *Script) {
			three(s, "client-individual").send("a", s.answer("NACK", "m1")...).gets("a", "n1", "1", "redelivered:true", "delivery-count:2", "message-id:{m1.message-id}")
			s.ack("a", "m2").ack("a", "m3").ack("a", "n1")
		}},
		{point: again, name: "what comes back keeps its place in front", script: func(s *Script) {
			s.connect("c").publish("c", "{Q}", "1").publish("c", "{Q}", "2").publish("c", "{Q}", "3")
			s.connect("a").subscribe("a", "1", "{Q}", "ack:client", "prefetch-count:1").gets("a", "m1", "1").sync("a", "UNSUBSCRIBE", "id:1")
			s.connect("b").subscribe("b", "1", "{Q}", "ack:client", "prefetch-count:1").gets("b", "m1", "1", "redelivered:true").settle("b", "m1").gets("b", "m2", "2").settle("b", "m2").gets("b", "m3", "3")
		}},

		{point: dead, name: "requeue:false sends the message to the dead-letter queue with where from and why", versions: from11, alone: true, script: func(s *Script) {
			s.connect("d").subscribe("d", "1", "/queue/DLQ").connect("c").connect("a").subscribe("a", "1", "{Q}", "ack:client-individual")
			s.publish("c", "{Q}", "x", "note:mine").gets("a", "m1", "x").nack("a", "m1", "requeue:false")
			s.gets("d", "m", "x", "destination:/queue/DLQ", "note:mine", "dead-letter-destination:{Q}", "dead-letter-reason:*", "dead-letter-message-id:{m1.message-id}")
			s.publish("c", "{Q}", "next").gets("a", "m2", "next", "!redelivered")
		}},
		{point: dead, name: "requeue:true is what NACK does anyway", versions: from11, alone: true, script: func(s *Script) {
			s.connect("c").publish("c", "{Q}", "x").connect("a").subscribe("a", "1", "{Q}", "ack:client").gets("a", "m1", "x").send("a", s.answer("NACK", "m1", "requeue:true")...).gets("a", "m2", "x", "redelivered:true")
		}},
		{point: dead, name: "an unknown requeue value is refused", versions: from11, script: func(s *Script) {
			s.connect("c").publish("c", "{Q}", "x").connect("a").subscribe("a", "1", "{Q}", "ack:client").gets("a", "m1", "x").send("a", s.answer("NACK", "m1", "requeue:maybe", "receipt:r")...).refusedFor("a", "r", "syntax")
		}},
		{point: dead, name: "cumulative NACK with requeue:false dead-letters all before it", versions: from11, alone: true, script: func(s *Script) {
			three(s, "client").connect("d").subscribe("d", "1", "/queue/DLQ").nack("a", "m2", "requeue:false").gets("d", "d1", "1").gets("d", "d2", "2").ack("a", "m3")
		}},
		{
			point: dead, name: "max_deliveries reached sends the message to the dead-letter queue", versions: from11, settings: func(c *config.Config) { c.Queues.MaxDeliveries = 2 },
			script: func(s *Script) {
				s.connect("d").subscribe("d", "1", "/queue/DLQ").connect("c").connect("a").subscribe("a", "1", "{Q}", "ack:client-individual").publish("c", "{Q}", "x").gets("a", "m1", "x")
				s.send("a", s.answer("NACK", "m1")...).gets("a", "m2", "x", "delivery-count:2").nack("a", "m2")
				s.gets("d", "m", "x", "dead-letter-destination:{Q}", "dead-letter-reason:*")
				s.publish("c", "{Q}", "next").gets("a", "m3", "next")
			},
		},
		{
			point: dead, name: "the dead-letter queue has the name that is configured", versions: only12, settings: func(c *config.Config) { c.Queues.DeadLetter = "/queue/undelivered" },
			script: func(s *Script) {
				s.connect("d").subscribe("d", "1", "/queue/undelivered").connect("c").publish("c", "{Q}", "x").connect("a").subscribe("a", "1", "{Q}", "ack:client").gets("a", "m1", "x").nack("a", "m1", "requeue:false").gets("d", "m", "x", "destination:/queue/undelivered")
			},
		},
		{
			point: dead, name: "without a dead-letter queue the message is discarded", versions: only12, settings: func(c *config.Config) { c.Queues.DeadLetter = "" },
			script: func(s *Script) {
				s.connect("d").subscribe("d", "1", "/queue/DLQ").connect("c").publish("c", "{Q}", "x").connect("a").subscribe("a", "1", "{Q}", "ack:client").gets("a", "m1", "x").nack("a", "m1", "requeue:false")
				s.publish("c", "/queue/DLQ", "other").gets("d", "m", "other").publish("c", "{Q}", "next").gets("a", "m2", "next")
			},
		},
		{point: dead, name: "a message of the dead-letter queue can be refused there", versions: only12, alone: true, script: func(s *Script) {
			s.connect("c").publish("c", "{Q}", "x").connect("a").subscribe("a", "1", "{Q}", "ack:client").gets("a", "m1", "x").nack("a", "m1", "requeue:false")
			s.connect("d").subscribe("d", "1", "/queue/DLQ", "ack:client").gets("d", "m", "x").send("d", s.answer("NACK", "m")...).gets("d", "n", "x", "redelivered:true").ack("d", "n")
		}},
		{point: dead, name: "NACK with requeue:false on a topic discards", versions: from11, alone: true, script: func(s *Script) {
			s.connect("d").subscribe("d", "1", "/queue/DLQ").connect("c").connect("a").subscribe("a", "1", "{T}", "ack:client").publish("c", "{T}", "x").gets("a", "m1", "x").nack("a", "m1", "requeue:false")
			s.publish("c", "/queue/DLQ", "other").gets("d", "m", "other")
		}},
	}
	return append(rules,
		rule{point: "fairness", name: "competing consumers each get what they have room for", script: func(s *Script) {
			s.connect("c").connect("a").subscribe("a", "1", "{Q}", "ack:client-individual", "prefetch-count:1").connect("b").subscribe("b", "1", "{Q}", "ack:client-individual", "prefetch-count:1")
			s.publish("c", "{Q}", "x").publish("c", "{Q}", "x").publish("c", "{Q}", "x")
			s.gets("a", "m1", "x").gets("b", "m2", "x").settle("a", "m1").gets("a", "m3", "x")
		}},
		rule{point: "fairness", name: "a consumer without room holds nobody up", script: func(s *Script) {
			s.connect("c").connect("a").subscribe("a", "1", "{Q}", "ack:client-individual", "prefetch-count:1").publish("c", "{Q}", "1").gets("a", "m1", "1")
			s.connect("b").subscribe("b", "1", "{Q}")
			for i := 2; i <= 10; i++ {
				s.publish("c", "{Q}", fmt.Sprint(i)).gets("b", fmt.Sprintf("m%d", i), fmt.Sprint(i))
			}
			s.ack("a", "m1")
		}},
		rule{point: "exclusive consumers", name: "an exclusive consumer is the only one served, until it goes", script: func(s *Script) {
			s.connect("c", "a", "b").subscribe("b", "1", "{Q}").subscribe("a", "1", "{Q}", "exclusive:true")
			for _, body := range []string{"1", "2", "3"} {
				s.publish("c", "{Q}", body).gets("a", "m", body)
			}
			s.sync("a", "UNSUBSCRIBE", "id:1").publish("c", "{Q}", "4").gets("b", "m", "4")
		}},
		rule{point: "exclusive consumers", name: "of two exclusive consumers one is served, then the other", script: func(s *Script) {
			s.connect("c", "a", "b").subscribe("a", "1", "{Q}", "exclusive:true").subscribe("b", "1", "{Q}", "exclusive:true")
			s.publish("c", "{Q}", "1").gets("a", "m", "1").publish("c", "{Q}", "2").gets("a", "m", "2").sync("a", "UNSUBSCRIBE", "id:1").publish("c", "{Q}", "3").gets("b", "m", "3")
		}},
		rule{point: "exclusive consumers", name: "a topic has no exclusive consumers", script: func(s *Script) {
			s.connect("a").send("a", "SUBSCRIBE", "id:1", "destination:{T}", "exclusive:true", "receipt:r").refusedFor("a", "r", "syntax")
		}},
		rule{point: "order", name: "messages of one connection to one destination are delivered in the order sent", script: func(s *Script) {
			s.connect("b").subscribe("b", "t", "{T}").connect("a")
			var burst strings.Builder
			for i := range 300 {
				burst.WriteString(text(fmt.Sprint(i), "SEND", "destination:{Q}"))
				burst.WriteString(text(fmt.Sprint(i), "SEND", "destination:{T}"))
			}
			s.raw("a", burst.String())
			for i := range 300 {
				s.gets("b", "m", fmt.Sprint(i), "subscription:t")
			}
			s.connect("c").subscribe("c", "q", "{Q}")
			for i := range 300 {
				s.gets("c", "m", fmt.Sprint(i), "subscription:q")
			}
		}})
}

func ptr(s string) *string { return &s }
