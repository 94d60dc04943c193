package conformance

// browseCases are about looking at a queue without taking anything from it.
func browseCases() []rule {
	const point = "browsing"
	rules := []rule{
		{point: point, name: "what waits is shown in order, then the end, and stays", script: func(s *Script) {
			s.connect("c").publish("c", "{Q}", "1").publish("c", "{Q}", "2").publish("c", "{Q}", "0", "priority:9").connect("a", "b").subscribe("a", "1", "{Q}", "browse:true")
			s.gets("a", "m", "0", "!redelivered", "!ack", "destination:{Q}", "subscription:1").gets("a", "m", "1").gets("a", "m", "2").gets("a", "m", "", "browser:end", "destination:{Q}")
			s.subscribe("b", "1", "{Q}").gets("b", "m", "0", "!redelivered").gets("b", "m", "1").gets("b", "m", "2")
		}},
		{point: point, name: "ActiveMQ's name for it is understood", script: func(s *Script) {
			s.connect("a").publish("a", "{Q}", "1").subscribe("a", "1", "{Q}", "browser:true").gets("a", "m", "1").gets("a", "m", "", "browser:end")
		}},
		{point: point, name: "an empty queue shows its end, and what comes later is not shown", script: func(s *Script) {
			s.connect("a", "b").subscribe("a", "1", "{Q}", "browse:true").gets("a", "m", "", "browser:end").publish("b", "{Q}", "x").sync("a", "UNSUBSCRIBE", "id:1").subscribe("a", "1", "{Q}").gets("a", "m", "x", "!redelivered")
		}},
		{point: point, name: "what a consumer has is not shown, and what it gives back is", script: func(s *Script) {
			s.connect("b", "a").publish("a", "{Q}", "1").publish("a", "{Q}", "2").subscribe("b", "1", "{Q}", "ack:client", "prefetch-count:1").gets("b", "m", "1")
			s.subscribe("a", "1", "{Q}", "browse:true").gets("a", "m", "2").gets("a", "m", "", "browser:end").sync("b", "UNSUBSCRIBE", "id:1").subscribe("a", "2", "{Q}", "browse:true").gets("a", "m", "1", "subscription:2").gets("a", "m", "2").gets("a", "m", "", "browser:end")
		}},
		{point: point, name: "it goes by the prefetch", script: func(s *Script) {
			s.connect("a")
			for range 20 {
				s.publish("a", "{Q}", "x")
			}
			s.subscribe("a", "1", "{Q}", "browse:true", "prefetch-count:1")
			for range 20 {
				s.gets("a", "m", "x")
			}
			s.gets("a", "m", "", "browser:end")
		}},
		{point: point, name: "it goes by the selector", script: func(s *Script) {
			s.connect("a").publish("a", "{Q}", "1", "n:1").publish("a", "{Q}", "2", "n:2").publish("a", "{Q}", "3", "n:3").subscribe("a", "1", "{Q}", "browse:true", "selector:n <> 2").gets("a", "m", "1").gets("a", "m", "3").gets("a", "m", "", "browser:end")
		}},
		{point: point, name: "a consumer and a browser do not mind each other", script: func(s *Script) {
			s.connect("a", "b").publish("a", "{Q}", "1").subscribe("a", "1", "{Q}", "browse:true").gets("a", "m", "1").gets("a", "m", "", "browser:end").subscribe("b", "1", "{Q}", "exclusive:true").gets("b", "m", "1").publish("a", "{Q}", "2").gets("b", "m", "2")
		}},
		{point: point, name: "a temporary queue can be browsed", script: func(s *Script) {
			s.connect("a").publish("a", "/temp-queue/x", "1").subscribe("a", "1", "/temp-queue/x", "browse:true").gets("a", "m", "1").gets("a", "m", "", "browser:end")
		}},
	}
	for _, c := range []struct{ name, destination, header, word string }{
		{"a topic is refused", "{T}", "receipt:r", "topic"},
		{"a pattern is refused", "{T}.*", "receipt:r", "topics"},
		{"a client ack mode is refused", "{Q}", "ack:client", "acknowledge"},
		{"exclusive is refused", "{Q}", "exclusive:true", "takes nothing"},
	} {
		rules = append(rules, rule{point: point, name: c.name, script: func(s *Script) {
			s.connect("a").send("a", "SUBSCRIBE", "id:1", "destination:"+c.destination, "browse:true", c.header, "receipt:r").refusedFor("a", "r", "syntax", c.word)
		}})
	}
	return rules
}
