package conformance

import (
	"fmt"
	"strings"
	"time"

	"stampede/config"
)

// destinationCases are about names and what they stand for.
func destinationCases() []rule {
	const names, wild, temp = "destinations", "wildcards", "temporary queues"
	named := func(c *config.Config) {
		c.Destination = []config.Destination{{Name: "memtop", Type: config.TypeTopic}, {Name: "memq", Type: config.TypeQueue}}
	}
	rules := []rule{
		{point: names, name: "a queue gives each message to one consumer", script: func(s *Script) {
			s.connect("c", "a", "b").subscribe("a", "1", "{Q}", "ack:client", "prefetch-count:1").subscribe("b", "1", "{Q}", "ack:client", "prefetch-count:1")
			s.publish("c", "{Q}", "x").publish("c", "{Q}", "x").gets("a", "m1", "x").gets("b", "m2", "x", "message-id:!{m1.message-id}")
		}},
		{point: names, name: "a queue keeps messages while there is no consumer", script: func(s *Script) {
			s.connect("c").publish("c", "{Q}", "1").publish("c", "{Q}", "2").sync("c", "DISCONNECT").closed("c").connect("a").subscribe("a", "1", "{Q}").gets("a", "m1", "1").gets("a", "m2", "2")
		}},
		{point: names, name: "a topic gives each message to every subscriber", script: func(s *Script) {
			s.connect("c", "a", "b").subscribe("a", "1", "{T}").subscribe("b", "1", "{T}").publish("c", "{T}", "x").gets("a", "m1", "x").gets("b", "m2", "x", "message-id:{m1.message-id}")
		}},
		{point: names, name: "a topic keeps nothing for later subscribers", script: func(s *Script) {
			s.connect("c").publish("c", "{T}", "missed").connect("a").subscribe("a", "1", "{T}").publish("c", "{T}", "x").gets("a", "m", "x")
		}},
		{point: names, name: "a sender gets its own message", script: func(s *Script) {
			s.connect("a").subscribe("a", "1", "{T}").body("a", "x", "SEND", "destination:{T}").gets("a", "m", "x")
		}},
		{point: names, name: "a queue and a topic of the same name are two", script: func(s *Script) {
			s.connect("c").connect("a").subscribe("a", "q", "/queue/{N}").subscribe("a", "t", "/topic/{N}").publish("c", "/queue/{N}", "1").gets("a", "m1", "1", "subscription:q").publish("c", "/topic/{N}", "2").gets("a", "m2", "2", "subscription:t")
		}},
		{point: names, name: "a name may have slashes, spaces and any letters", script: func(s *Script) {
			s.connect("c").connect("a")
			for i, name := range []string{"{Q}/a/b", "{Q} b", "{Q}/ä€", "{Q}%2Fx", "{Q}?x=1&y"} {
				s.subscribe("a", fmt.Sprint(i), name).publish("c", name, name).match("a", Match{Command: "MESSAGE", Header: []string{"destination:" + name, "subscription:" + fmt.Sprint(i)}})
			}
		}},
		{point: names, name: "names that differ in case are two", script: func(s *Script) {
			s.connect("c").connect("a").subscribe("a", "1", "{Q}/x").publish("c", "{Q}/X", "no").publish("c", "{Q}/x", "yes").gets("a", "m", "yes")
		}},
		{point: names, name: "a name in the config is a topic if it says so", settings: named, script: func(s *Script) {
			s.connect("c", "a", "b").subscribe("a", "1", "memtop").subscribe("b", "1", "memtop").publish("c", "memtop", "x").gets("a", "m1", "x", "destination:memtop").gets("b", "m2", "x")
		}},
		{point: names, name: "a name in the config is a queue if it says so", settings: named, script: func(s *Script) {
			s.connect("c").publish("c", "memq", "x").connect("a").subscribe("a", "1", "memq", "ack:client").gets("a", "m1", "x", "destination:memq").ack("a", "m1")
		}},
		{point: names, name: "without auto_create only configured names exist", settings: func(c *config.Config) { named(c); c.Destinations.AutoCreate = false }, script: func(s *Script) {
			s.connect("a").subscribe("a", "1", "memtop").publish("a", "memq", "x")
			s.connect("b").send("b", "SEND", "destination:{Q}", "receipt:r").refusedFor("b", "r", "destination unknown")
			s.connect("c").send("c", "SUBSCRIBE", "id:1", "destination:{T}", "receipt:r").refusedFor("c", "r", "destination unknown")
		}},

		{point: temp, name: "an answer reaches the temporary queue of whoever asked", script: func(s *Script) {
			s.connect("server").subscribe("server", "1", "{Q}").connect("client").subscribe("client", "1", "/temp-queue/answers")
			s.publish("client", "{Q}", "question", "reply-to:/temp-queue/answers", "correlation-id:7").gets("server", "q", "question", "correlation-id:7", "reply-to:!/temp-queue/answers")
			s.publish("server", "{q.reply-to}", "answer", "correlation-id:7").gets("client", "a", "answer", "correlation-id:7", "subscription:1")
		}},
		{point: temp, name: "both sides may ask through temporary queues of the same name", script: func(s *Script) {
			s.connect("a", "b")
			s.subscribe("a", "1", "/temp-queue/r").subscribe("b", "1", "/temp-queue/r").subscribe("b", "2", "{Q}").subscribe("a", "2", "{Q2}")
			s.publish("a", "{Q}", "from a", "reply-to:/temp-queue/r").gets("b", "m1", "from a", "subscription:2")
			s.publish("b", "{Q2}", "from b", "reply-to:/temp-queue/r").gets("a", "m2", "from b", "subscription:2", "reply-to:!{m1.reply-to}")
			s.connect("c").publish("c", "{m1.reply-to}", "to a").gets("a", "m3", "to a", "subscription:1").publish("c", "{m2.reply-to}", "to b").gets("b", "m4", "to b", "subscription:1")
		}},
		{point: temp, name: "a question may be asked before its temporary queue is subscribed", script: func(s *Script) {
			s.connect("b").subscribe("b", "1", "{Q}").connect("a").publish("a", "{Q}", "question", "reply-to:/temp-queue/r").gets("b", "m", "question").publish("b", "{m.reply-to}", "answer")
			s.subscribe("a", "1", "/temp-queue/r").gets("a", "m2", "answer")
		}},
		{point: temp, name: "a connection may send to its own temporary queue", script: func(s *Script) {
			s.connect("a").subscribe("a", "1", "/temp-queue/r").body("a", "x", "SEND", "destination:/temp-queue/r").gets("a", "m", "x", "subscription:1")
		}},
		{point: temp, name: "a temporary queue is private to its connection", script: func(s *Script) {
			s.connect("a").subscribe("a", "1", "/temp-queue/r").connect("b").subscribe("b", "1", "/temp-queue/r").body("b", "b's", "SEND", "destination:/temp-queue/r").gets("b", "m", "b's")
			s.body("a", "a's", "SEND", "destination:/temp-queue/r").gets("a", "m2", "a's")
		}},
		{point: temp, name: "nobody else may subscribe by the opaque name", script: func(s *Script) {
			s.connect("b").subscribe("b", "1", "{Q}").connect("a").subscribe("a", "1", "/temp-queue/r").publish("a", "{Q}", "x", "reply-to:/temp-queue/r").gets("b", "m", "x")
			s.send("b", "SUBSCRIBE", "id:2", "destination:{m.reply-to}", "receipt:r").refusedFor("b", "r", "*")
			s.body("a", "still there", "SEND", "destination:/temp-queue/r").gets("a", "m2", "still there")
		}},
		{point: temp, name: "any other reply-to is forwarded as it is", script: func(s *Script) {
			s.connect("b").subscribe("b", "1", "{Q}").connect("a").publish("a", "{Q}", "x", "reply-to:{Q2}").gets("b", "m", "x", "reply-to:{Q2}")
		}},
	}
	for _, c := range []struct{ name, destination string }{
		{"a name that nobody knows is refused", "nowhere"},
		{"a name with an unknown prefix is refused", "/queues/x"},
		{"a prefix in other case is refused", "/Queue/x"},
	} {
		rules = append(rules,
			rule{point: names, name: c.name + " for SEND", script: func(s *Script) {
				s.connect("a").send("a", "SEND", "destination:"+c.destination, "receipt:r").refusedFor("a", "r", "destination unknown")
			}},
			rule{point: names, name: c.name + " for SUBSCRIBE", script: func(s *Script) {
				s.connect("a").send("a", "SUBSCRIBE", "id:1", "destination:"+c.destination, "receipt:r").refusedFor("a", "r", "destination unknown")
			}})
	}
	for _, destination := range []string{"/queue/", "/topic/", "/temp-queue/"} {
		rules = append(rules, rule{point: names, name: destination + " is no name", script: func(s *Script) {
			s.connect("a").send("a", "SEND", "destination:"+destination, "receipt:r").refusedFor("a", "r", "bad destination")
		}})
	}
	for _, c := range []struct{ pattern, matches, not string }{
		{"{T}.*.c", "{T}.b.c", "{T}.b.b.c"},
		{"{T}.*", "{T}.a", "{T}.a.b"},
		{"{T}.*.*", "{T}.a.b", "{T}.a"},
		{"{T}.#", "{T}.a.b.c", "{T}x.a"},
		{"{T}.#", "{T}", "{T}x"},
		{"{T}.>", "{T}.a.b.c", "{T}x.a"},
		{"{T}.a.>", "{T}.a.b", "{T}.b"},
		{"{T}.*.c.#", "{T}.b.c.d.e", "{T}.b.d.c"},
	} {
		rules = append(rules, rule{point: wild, name: c.pattern + " matches " + c.matches + " and not " + c.not, script: func(s *Script) {
			s.connect("c").connect("a").subscribe("a", "w", c.pattern).publish("c", c.not, "no").publish("c", c.matches, "yes").gets("a", "m", "yes", "subscription:w", "destination:"+c.matches)
		}})
	}
	for _, c := range []struct{ name, destination string }{
		{"** is not offered", "{T}.**"},
		{"** inside is not offered", "{T}.**.x"},
		{"a wildcard is a whole level", "{T}.a*"},
		{"all levels is the last level", "{T}.#.x"},
		{"all levels (>) is the last level", "{T}.>.x"},
		{"queues have no wildcards", "{Q}.*"},
		{"temporary queues have no wildcards", "/temp-queue/a.*"},
	} {
		rules = append(rules, rule{point: wild, name: c.name, script: func(s *Script) {
			s.connect("a").send("a", "SUBSCRIBE", "id:1", "destination:"+c.destination, "receipt:r").refusedFor("a", "r", "bad destination")
		}})
	}
	return append(rules,
		rule{point: wild, name: "a message cannot be sent to a pattern", script: func(s *Script) {
			s.connect("a").send("a", "SEND", "destination:{T}.*", "receipt:r").refusedFor("a", "r", "bad destination")
		}},
		rule{point: wild, name: "a pattern matches topics that come later", script: func(s *Script) {
			s.connect("c").connect("a").subscribe("a", "w", "{T}.*")
			for _, level := range []string{"x", "y", "z"} {
				s.publish("c", "{T}."+level, level).gets("a", "m", level, "destination:{T}."+level)
			}
		}},
		rule{point: wild, name: "a pattern matches topics that were there before", script: func(s *Script) {
			s.connect("c").connect("b").subscribe("b", "1", "{T}.x").publish("c", "{T}.x", "1").gets("b", "m", "1").connect("a").subscribe("a", "w", "{T}.*").publish("c", "{T}.x", "2").gets("a", "m2", "2").gets("b", "m3", "2")
		}},
		rule{point: wild, name: "a pattern and a name both get the message", script: func(s *Script) {
			s.connect("c").connect("a").subscribe("a", "w", "{T}.#").subscribe("a", "n", "{T}.x").publish("c", "{T}.x", "1")
			s.match("a", Match{Command: "MESSAGE", Header: []string{"subscription:w", "destination:{T}.x"}}, Match{Command: "MESSAGE", Header: []string{"subscription:n", "destination:{T}.x"}})
		}},
		rule{point: wild, name: "after UNSUBSCRIBE of a pattern no MESSAGE comes", script: func(s *Script) {
			s.connect("c").connect("a").subscribe("a", "w", "{T}.*").publish("c", "{T}.x", "1").gets("a", "m", "1").sync("a", "UNSUBSCRIBE", "id:w").publish("c", "{T}.x", "2").publish("c", "{T}.y", "3").subscribe("a", "n", "{T}.x").publish("c", "{T}.x", "4").gets("a", "m2", "4", "subscription:n")
		}},
		rule{point: wild, name: "a pattern may be acknowledged message by message", versions: from11, script: func(s *Script) {
			s.connect("c").connect("a").subscribe("a", "w", "{T}.*", "ack:client-individual").publish("c", "{T}.x", "1").publish("c", "{T}.y", "2").gets("a", "m1", "1").gets("a", "m2", "2").ack("a", "m2").ack("a", "m1")
		}})
}

// headerCases are about the headers of SEND and SUBSCRIBE that have a meaning, and about those that have none.
func headerCases() []rule {
	const forwarded, expiry, priority, delay, later = "forwarded headers", "expiry", "priority", "delay", "not offered yet"
	rules := []rule{
		{point: forwarded, clause: "1.2 §MESSAGE", name: "every header of SEND reaches the subscriber", script: func(s *Script) {
			s.connect("b").subscribe("b", "1", "{T}").connect("a").publish("a", "{T}", "{}", "content-type:application/json", "correlation-id:7", "x-1:a", "Content-Length:9", "type:t", "x-2:b")
			s.gets("b", "m", "{}", "content-type:application/json", "correlation-id:7", "x-1:a", "Content-Length:9", "type:t", "x-2:b", "content-length:2")
		}},
		{point: forwarded, name: "headers that were for the broker are not forwarded", script: func(s *Script) {
			s.connect("b").subscribe("b", "1", "{T}").connect("a").publish("a", "{T}", "x", "host:h", "login:l", "passcode:secret", "heart-beat:1,1", "session:s")
			s.gets("b", "m", "x", "!host", "!login", "!passcode", "!heart-beat", "!session", "!receipt", "!transaction")
		}},
		{point: forwarded, clause: "1.2 §Header content-type", name: "content-type is forwarded, and none is made up", script: func(s *Script) {
			s.connect("b").subscribe("b", "1", "{T}").connect("a").publish("a", "{T}", "x").gets("b", "m", "x", "!content-type").publish("a", "{T}", "y", "content-type:text/plain;charset=utf-8").gets("b", "n", "y", "content-type:text/plain;charset=utf-8")
		}},
		{point: forwarded, name: "a header of many kilobytes is forwarded whole", script: func(s *Script) {
			long := strings.Repeat("0123456789", 1500)
			s.connect("b").subscribe("b", "1", "{T}").connect("a").publish("a", "{T}", "x", "long:"+long).gets("b", "m", "x", "long:"+long)
		}},
		{point: forwarded, name: "a body of a megabyte comes through", script: func(s *Script) {
			long := strings.Repeat("0123456789abcdef", 1<<16)
			s.connect("b").subscribe("b", "1", "{T}").connect("a").publish("a", "{T}", long, "content-length:1048576").gets("b", "m", long)
		}},
		{point: forwarded, clause: "1.2 §ACK", name: "headers survive redelivery", versions: from11, script: func(s *Script) {
			s.connect("c").publish("c", "{Q}", "x", "note:1", "note:2").connect("a").subscribe("a", "1", "{Q}", "ack:client").gets("a", "m", "x").send("a", s.answer("NACK", "m")...)
			s.match("a", Match{Command: "MESSAGE", Header: []string{"redelivered:true"}, All: []string{"note:1", "note:2"}, Body: ptr("x")})
		}},

		{point: expiry, name: "expires in the past: the message is not delivered", script: func(s *Script) {
			s.connect("c").publish("c", "{Q}", "dead", "expires:1000").publish("c", "{Q}", "live", "expires:{soon}").connect("a").subscribe("a", "1", "{Q}").gets("a", "m", "live")
		}},
		{point: expiry, name: "expires in the past on a topic: the message is not delivered", script: func(s *Script) {
			s.connect("c").connect("a").subscribe("a", "1", "{T}").publish("c", "{T}", "dead", "expires:1000").publish("c", "{T}", "live").gets("a", "m", "live")
		}},
		{point: expiry, name: "expires:0 means never", script: func(s *Script) {
			s.connect("c").publish("c", "{Q}", "live", "expires:0").connect("a").subscribe("a", "1", "{Q}").gets("a", "m", "live")
		}},
		{point: expiry, name: "expiration counts from now", clock: true, script: func(s *Script) {
			s.connect("c").publish("c", "{Q}", "dead", "expiration:1000").publish("c", "{Q}", "live", "expiration:1001").advance(1000*time.Millisecond).connect("a").subscribe("a", "1", "{Q}").gets("a", "m", "live")
		}},
		{point: expiry, name: "a message may expire while its consumer is busy", clock: true, script: func(s *Script) {
			s.connect("c").connect("a").subscribe("a", "1", "{Q}", "ack:client", "prefetch-count:1").publish("c", "{Q}", "1").gets("a", "m1", "1").publish("c", "{Q}", "dead", "expiration:1000").publish("c", "{Q}", "2")
			s.advance(1000*time.Millisecond).settle("a", "m1").gets("a", "m2", "2")
		}},
		{point: expiry, name: "a message that is delivered in time is delivered", script: func(s *Script) {
			s.connect("c").connect("a").subscribe("a", "1", "{Q}").publish("c", "{Q}", "x", "expiration:60000").gets("a", "m", "x", "expiration:60000")
		}},
		{point: priority, name: "higher priorities overtake", script: func(s *Script) {
			s.connect("c")
			for _, p := range []string{"0", "9", "4", "5", "1"} {
				s.publish("c", "{Q}", p, "priority:"+p)
			}
			s.publish("c", "{Q}", "default").connect("a").subscribe("a", "1", "{Q}")
			for _, p := range []string{"9", "5", "4", "default", "1", "0"} {
				s.gets("a", "m", p)
			}
		}},
		{point: priority, name: "equal priorities keep their order", script: func(s *Script) {
			s.connect("c")
			for _, body := range []string{"1", "2", "3"} {
				s.publish("c", "{Q}", body, "priority:7")
			}
			s.connect("a").subscribe("a", "1", "{Q}").gets("a", "m", "1", "priority:7").gets("a", "m", "2").gets("a", "m", "3")
		}},
		{point: delay, name: "a delayed message comes after its time, later ones overtake it", clock: true, script: func(s *Script) {
			s.connect("c").connect("a").subscribe("a", "1", "{Q}").publish("c", "{Q}", "later", "delay:1000").publish("c", "{Q}", "now").gets("a", "m1", "now")
			s.advance(999*time.Millisecond).publish("c", "{Q}", "still before it").gets("a", "m2", "still before it").advance(time.Millisecond).gets("a", "m3", "later", "!redelivered")
		}},
		{point: delay, name: "a shorter delay overtakes a longer one", clock: true, script: func(s *Script) {
			s.connect("c").publish("c", "{Q}", "later", "delay:2000").publish("c", "{Q}", "sooner", "delay:1000").connect("a").subscribe("a", "1", "{Q}").advance(1000*time.Millisecond).gets("a", "m1", "sooner").advance(1000*time.Millisecond).gets("a", "m2", "later")
		}},
		{point: delay, name: "a delayed message of a topic reaches who is there by then", clock: true, script: func(s *Script) {
			s.connect("c").publish("c", "{T}", "later", "delay:1000").connect("a").subscribe("a", "1", "{T}").advance(1000*time.Millisecond).gets("a", "m", "later")
		}},
		{point: delay, name: "a delayed message may expire before it is due", clock: true, script: func(s *Script) {
			s.connect("c").connect("a").subscribe("a", "1", "{Q}").publish("c", "{Q}", "dead", "delay:2000", "expiration:1000").advance(2000*time.Millisecond).publish("c", "{Q}", "live").gets("a", "m", "live")
		}},
		{point: delay, name: "delay:0 is no delay", script: func(s *Script) {
			s.connect("c").connect("a").subscribe("a", "1", "{Q}").publish("c", "{Q}", "1", "delay:0").publish("c", "{Q}", "2").gets("a", "m1", "1").gets("a", "m2", "2")
		}},
	}
	for _, header := range []string{
		"priority:10", "priority:-1", "priority:high", "priority:4.5", "delay:-1", "delay:soon", "expires:never", "expires:-1", "expiration:-1", "expiration:x",
	} {
		rules = append(rules, rule{point: "bad values", name: header + " is refused", script: func(s *Script) {
			s.connect("a").send("a", "SEND", "destination:{Q}", header, "receipt:r").refusedFor("a", "r", "syntax", header[:strings.IndexByte(header, ':')])
		}})
	}
	for _, c := range []struct{ header, word string }{
		{"durable:true", "durable"}, {"from:1", "from"},
	} {
		rules = append(rules, rule{point: later, name: "SUBSCRIBE with " + c.header + " is refused", script: func(s *Script) {
			destination := "{Q}"
			if strings.HasPrefix(c.header, "durable") {
				destination = "{T}"
			}
			s.connect("a").send("a", "SUBSCRIBE", "id:1", "destination:"+destination, c.header, "receipt:r").refusedFor("a", "r", "unsupported", c.word)
		}})
	}
	for _, header := range []string{"message-group:g", "JMSXGroupID:g"} {
		rules = append(rules, rule{point: later, name: "SEND with " + header + " is refused", script: func(s *Script) {
			s.connect("a").send("a", "SEND", "destination:{Q}", header, "receipt:r").refusedFor("a", "r", "unsupported", "group")
		}})
	}
	return append(rules,
		rule{point: later, name: "a durable subscription by name is refused", script: func(s *Script) {
			s.connect("a").send("a", "SUBSCRIBE", "id:1", "destination:/dsub/x", "receipt:r").refusedFor("a", "r", "unsupported", "durable")
		}},
		rule{point: later, name: "what is refused is not done", script: func(s *Script) {
			s.connect("b").subscribe("b", "1", "{Q}").connect("a").body("a", "no", "SEND", "destination:{Q}", "message-group:g").refused("a", "unsupported").connect("c").publish("c", "{Q}", "yes").gets("b", "m", "yes")
		}},
		rule{point: later, name: "saying no to a feature is no use of it", script: func(s *Script) {
			s.connect("a").subscribe("a", "1", "{T}", "durable:false").subscribe("a", "2", "{Q}", "browse:false", "exclusive:false")
		}})
}
