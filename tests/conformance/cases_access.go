package conformance

import "stampede/config"

// rights is what the cases about rights are played with: ada may do everything, who did not log in what is open.
func rights(c *config.Config) {
	c.Login, c.Passcode, c.AllowAnonymous = "ada", "secret", true
	c.Rights = []config.Rights{
		{Users: []string{"*"}, Read: []string{"/topic/open.#", "/queue/open"}, Write: []string{"/topic/open.*", "/queue/open"}, Create: []string{"/topic/#", "/queue/open"}},
		{Users: []string{"*"}, Read: []string{"/queue/{user}.in"}, Write: []string{"/queue/{user}.in"}},
		{Users: []string{"ada"}, Read: []string{"#"}, Write: []string{"#"}, Create: []string{"#"}},
	}
}

// accessCases are about who may come in and what they may do.
func accessCases() []rule {
	const logins, point = "logins", "rights"
	ada := func(s *Script, client string) *Script {
		return s.connectAs(client, s.V, "login:ada", "passcode:secret")
	}
	anonymous := func(c *config.Config) { c.Login, c.Passcode, c.AllowAnonymous = "ada", "secret", true }
	same := func(command string) func(*Script) {
		// What is said about a destination that is there and about one that is not, letter for letter.
		return func(s *Script) {
			ada(s, "b").subscribe("b", "1", "/queue/closed")
			const detail = "this login has no right to "
			verb := map[string]string{"SEND": "send to", "SUBSCRIBE": "subscribe to"}[command]
			s.connect("a").send("a", command, "id:1", "destination:/queue/closed", "receipt:r").refusedFor("a", "r", "forbidden", detail+verb+` "/queue/closed"`)
			s.connect("c").send("c", command, "id:1", "destination:/queue/nowhere", "receipt:r").refusedFor("c", "r", "forbidden", detail+verb+` "/queue/nowhere"`)
		}
	}
	return []rule{
		{point: logins, name: "who shows nothing is let in where that is allowed", settings: anonymous, script: func(s *Script) {
			s.connect("a").sync("a", "SEND", "destination:/topic/x")
		}},
		{point: logins, name: "who shows a wrong passcode is refused though nobody has to log in", settings: anonymous, script: func(s *Script) {
			s.send("a", "CONNECT", "accept-version:"+s.V, "host:h", "login:ada", "passcode:wrong").refused("a", "auth err")
			s.send("b", "CONNECT", "accept-version:"+s.V, "host:h", "login:bob").refused("b", "auth err")
		}},
		{point: logins, name: "an empty login and passcode show nothing", settings: anonymous, script: func(s *Script) {
			s.connectAs("a", s.V, "login:", "passcode:").sync("a", "SEND", "destination:/topic/x")
		}},
		{point: logins, name: "unknown user and wrong passcode are refused in the same words", settings: anonymous, script: func(s *Script) {
			for _, login := range []string{"ada", "bob"} {
				s.send(login, "CONNECT", "accept-version:"+s.V, "host:h", "login:"+login, "passcode:wrong").refused(login, "auth err", "a login is required, and this one is not right")
			}
		}},
		{point: point, name: "a SEND without the right is refused, and the answer does not tell whether the destination is there", settings: rights, script: same("SEND")},
		{point: point, name: "a SUBSCRIBE without the right is refused, and the answer does not tell whether the destination is there", settings: rights, script: same("SUBSCRIBE")},
		{point: point, name: "what was granted works", settings: rights, script: func(s *Script) {
			s.connect("a", "b").subscribe("b", "1", "/queue/open").publish("a", "/queue/open", "x").gets("b", "m", "x").publish("a", "/topic/open.a", "x")
		}},
		{point: point, name: "rights of several blocks add up", settings: rights, script: func(s *Script) {
			ada(s, "a").subscribe("a", "1", "/queue/anything").publish("a", "/topic/anything", "x")
		}},
		{point: point, name: "a pattern may be subscribed to if a right covers all that it matches", settings: rights, script: func(s *Script) {
			s.connect("a").subscribe("a", "1", "/topic/open.*").subscribe("a", "2", "/topic/open.a.#")
			ada(s, "b").subscribe("b", "1", "/topic/#").connect("c").publish("c", "/topic/open.a", "x").gets("b", "m", "x")
			s.match("a", Match{Command: "MESSAGE", Header: []string{"subscription:1"}}, Match{Command: "MESSAGE", Header: []string{"subscription:2"}})
		}},
		{point: point, name: "a pattern that matches more than a right covers is refused", settings: rights, script: func(s *Script) {
			for _, pattern := range []string{"/topic/#", "/topic/*", "/topic/*.a", "/topic/closed.*"} {
				client := "of " + pattern
				s.connect(client).send(client, "SUBSCRIBE", "id:1", "destination:"+pattern, "receipt:r").refusedFor(client, "r", "forbidden", pattern)
			}
		}},
		{point: point, name: "{user} is the name of the user", settings: rights, script: func(s *Script) {
			ada(s, "b").subscribe("b", "1", "/queue/ada.in").subscribe("b", "2", "/queue/anonymous.in")
			s.connect("a").publish("a", "/queue/anonymous.in", "x").gets("b", "m", "x", "subscription:2")
			s.send("a", "SEND", "destination:/queue/ada.in").refused("a", "forbidden")
		}},
		{point: point, name: "who may use a destination but not make it needs it to be there", settings: rights, script: func(s *Script) {
			s.connect("a").send("a", "SEND", "destination:/queue/anonymous.in", "receipt:r").refusedFor("a", "r", "destination unknown")
			ada(s, "b").subscribe("b", "1", "/queue/anonymous.in")
			s.connect("c").publish("c", "/queue/anonymous.in", "x").gets("b", "m", "x")
		}},
		{point: point, name: "a SEND in a transaction needs the right when it is sent", settings: rights, script: func(s *Script) {
			s.connect("a").sync("a", "BEGIN", "transaction:t").publish("a", "/queue/open", "lost", "transaction:t")
			s.send("a", "SEND", "destination:/queue/closed", "transaction:t", "receipt:r").refusedFor("a", "r", "forbidden")
			s.connect("b", "c").subscribe("b", "1", "/queue/open").publish("c", "/queue/open", "kept").gets("b", "m", "kept")
		}},
		{point: point, name: "temporary destinations and answers to them need no right", settings: rights, script: func(s *Script) {
			ada(s, "b").subscribe("b", "1", "/queue/open")
			s.connect("a").subscribe("a", "1", "/temp-queue/answers").publish("a", "/queue/open", "question", "reply-to:/temp-queue/answers")
			s.gets("b", "q", "question", "reply-to:*").publish("b", "{q.reply-to}", "answer").gets("a", "m", "answer")
		}},
		{point: point, name: "an answer needs no right, but nobody else may read it", settings: rights, script: func(s *Script) {
			s.connect("b").subscribe("b", "1", "/queue/open")
			ada(s, "a").subscribe("a", "1", "/temp-queue/answers").publish("a", "/queue/open", "question", "reply-to:/temp-queue/answers")
			s.gets("b", "q", "question", "reply-to:*").publish("b", "{q.reply-to}", "answer").gets("a", "m", "answer")
			s.send("b", "SUBSCRIBE", "id:2", "destination:{q.reply-to}").refused("b", "forbidden")
		}},
		{point: point, name: "dead letters go where their consumer could not send", settings: rights, script: func(s *Script) {
			ada(s, "b").subscribe("b", "1", "/queue/DLQ")
			s.connect("a", "c").subscribe("a", "1", "/queue/open", "ack:client").publish("c", "/queue/open", "bad").gets("a", "m", "bad")
			s.nack("a", "m", "requeue:false").gets("b", "d", "bad", "dead-letter-reason:discarded")
			s.send("a", "SUBSCRIBE", "id:2", "destination:/queue/DLQ").refused("a", "forbidden")
		}, versions: from11},
		{point: point, name: "frames before the one that is refused are done", settings: rights, script: func(s *Script) {
			s.connect("b").subscribe("b", "1", "/queue/open")
			s.connect("a").loose("a", text("yes", "SEND", "destination:/queue/open")+text("", "SEND", "destination:/queue/closed")+text("no", "SEND", "destination:/queue/open")).refused("a", "forbidden")
			s.gets("b", "m1", "yes").connect("c").publish("c", "/queue/open", "later").gets("b", "m2", "later")
		}},
	}
}
