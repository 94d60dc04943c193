package conformance

// selectorCases are about the selector header of SUBSCRIBE. What the language means is tested where it is; here it is which
// messages reach whom.
func selectorCases() []rule {
	const point = "selectors"
	rules := []rule{
		{point: point, name: "of a topic a subscriber gets what it selects", script: func(s *Script) {
			s.connect("c", "a", "b").subscribe("a", "1", "{T}", "selector:amount > 100 AND region = 'eu'").subscribe("b", "1", "{T}")
			s.publish("c", "{T}", "1", "amount:100", "region:eu").publish("c", "{T}", "2", "amount:101", "region:us").publish("c", "{T}", "3", "amount:101", "region:eu").gets("a", "m", "3")
			s.gets("b", "m1", "1").gets("b", "m2", "2").gets("b", "m3", "3")
		}},
		{point: point, name: "in a client mode of a topic only what is selected counts against the prefetch", script: func(s *Script) {
			s.connect("c", "a").subscribe("a", "1", "{T}", "ack:client", "prefetch-count:1", "selector:wanted")
			s.publish("c", "{T}", "1").publish("c", "{T}", "2", "wanted:true").publish("c", "{T}", "3", "wanted:false").publish("c", "{T}", "4", "wanted:true").gets("a", "m", "2").send("a", s.answer("ACK", "m")...).gets("a", "n", "4")
		}},
		{point: point, name: "a wildcard and a name may select different things", script: func(s *Script) {
			s.connect("c", "a").subscribe("a", "w", "{T}.*", "selector:a = '1'").subscribe("a", "n", "{T}.x", "selector:b = '1'")
			s.publish("c", "{T}.x", "1", "b:1").gets("a", "m1", "1", "subscription:n").publish("c", "{T}.y", "2", "b:1").publish("c", "{T}.y", "3", "a:1").gets("a", "m2", "3", "subscription:w")
		}},
		{point: point, name: "consumers of a queue with different selectors get each their own", script: func(s *Script) {
			s.connect("c").publish("c", "{Q}", "1", "color:red").publish("c", "{Q}", "2", "color:blue").publish("c", "{Q}", "3", "color:red").publish("c", "{Q}", "4")
			s.connect("a", "b").subscribe("b", "1", "{Q}", "selector:color = 'blue'").gets("b", "m", "2").subscribe("a", "1", "{Q}", "selector:color = 'red'").gets("a", "m1", "1").gets("a", "m2", "3")
			s.connect("d").subscribe("d", "1", "{Q}").gets("d", "n", "4")
		}},
		{point: point, name: "what nobody selects stays and holds up nothing", script: func(s *Script) {
			s.connect("c", "a").subscribe("a", "1", "{Q}", "ack:client", "prefetch-count:1", "selector:color = 'red'").publish("c", "{Q}", "1", "color:blue").publish("c", "{Q}", "2", "color:red").gets("a", "m", "2").ack("a", "m")
			s.publish("c", "{Q}", "3", "color:red").gets("a", "n", "3").connect("b").subscribe("b", "1", "{Q}", "selector:color <> 'red'").gets("b", "o", "1", "!redelivered")
		}},
		{point: point, name: "a message that comes back goes only to who selects it", versions: from11, script: func(s *Script) {
			s.connect("c", "a", "b").subscribe("a", "1", "{Q}", "ack:client", "selector:color = 'red'").subscribe("b", "1", "{Q}", "ack:client", "selector:color = 'blue'")
			s.publish("c", "{Q}", "1", "color:red").gets("a", "m", "1").send("a", s.answer("NACK", "m")...).gets("a", "n", "1", "redelivered:true").publish("c", "{Q}", "2", "color:blue").gets("b", "o", "2")
		}},
		{point: point, name: "a message of a consumer that is gone goes to the next that selects it", script: func(s *Script) {
			s.connect("c", "a", "b").subscribe("b", "1", "{Q}", "selector:color = 'blue'").subscribe("a", "1", "{Q}", "ack:client", "selector:color = 'red'").publish("c", "{Q}", "1", "color:red").gets("a", "m", "1").drop("a")
			s.connect("d").subscribe("d", "1", "{Q}", "selector:color LIKE 'r__'").gets("d", "n", "1", "redelivered:true")
		}},
		{point: point, name: "NULL and what is unknown is no match", script: func(s *Script) {
			s.connect("c", "a").subscribe("a", "1", "{T}", "selector:NOT n = 1").publish("c", "{T}", "1").publish("c", "{T}", "2", "n:x").publish("c", "{T}", "3", "n:1").publish("c", "{T}", "4", "n:2").gets("a", "m", "4")
		}},
		{point: point, name: "the broker's own headers can be selected, and the fields of JMS", script: func(s *Script) {
			s.connect("c", "a").subscribe("a", "1", "{T}.*", `selector:destination LIKE '%.x' AND "content-length" > 3 AND JMSPriority = 4 AND JMSMessageID IS NOT NULL`)
			s.publish("c", "{T}.y", "long enough").publish("c", "{T}.x", "no").publish("c", "{T}.x", "priority", "priority:5").publish("c", "{T}.x", "yes!").gets("a", "m", "yes!")
		}},
		{point: point, name: "an empty selector is none", script: func(s *Script) {
			s.connect("c", "a").subscribe("a", "1", "{Q}", "selector:").publish("c", "{Q}", "x").gets("a", "m", "x")
		}},
		{point: point, name: "an exclusive consumer gets only what it selects, and nobody else gets the rest", script: func(s *Script) {
			s.connect("c", "a", "b").subscribe("a", "1", "{Q}", "exclusive:true", "selector:wanted").subscribe("b", "1", "{Q}").publish("c", "{Q}", "1").publish("c", "{Q}", "2", "wanted:true").gets("a", "m", "2").sync("a", "UNSUBSCRIBE", "id:1").gets("b", "n", "1")
		}},
		{point: point, name: "a transaction's messages are selected when it is committed", script: func(s *Script) {
			s.connect("c", "a").subscribe("a", "1", "{Q}", "selector:wanted").sync("c", "BEGIN", "transaction:t").publish("c", "{Q}", "1", "transaction:t").publish("c", "{Q}", "2", "transaction:t", "wanted:true").sync("c", "COMMIT", "transaction:t").gets("a", "m", "2")
		}},
	}
	for _, c := range []struct{ name, selector, word string }{
		{"at its end", "type =", "character 7"},
		{"in the middle", "type == 'x'", "character 6"},
		{"at its beginning", "= 'x'", "character 1"},
		{"of types", "type > 'x'", "character 6"},
	} {
		rules = append(rules, rule{point: point, name: "a mistake " + c.name + " is refused with its place", script: func(s *Script) {
			s.connect("a").send("a", "SUBSCRIBE", "id:1", "destination:{Q}", "selector:"+c.selector, "receipt:r").refusedFor("a", "r", "syntax", "selector", c.word)
		}})
	}
	return rules
}
