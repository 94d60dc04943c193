package conformance

import (
	"time"

	"stampede/config"
)

// filterCases are about topics whose subscribers name one value of one header.
func filterCases() []rule {
	const point = "filters"
	prices := block(
		config.Destination{Name: "prices", Type: config.TypeTopic, Filter: true, FilterHeader: "symbol"},
		config.Destination{Name: "/topic/f.*", Filter: true},
	)
	return []rule{
		{point: point, name: "a subscriber gets the messages of the value it named", settings: prices, script: func(s *Script) {
			s.connect("c", "a", "b").subscribe("a", "1", "prices", "filter:ACME").subscribe("b", "1", "prices", "filter:EMCA").subscribe("b", "2", "prices", "filter:ACME", "ack:client")
			s.publish("c", "prices", "1", "symbol:ACME").publish("c", "prices", "2", "symbol:acme").publish("c", "prices", "3", "symbol:EMCA").publish("c", "prices", "4", "symbol:ACME")
			s.gets("a", "m1", "1", "symbol:ACME").gets("a", "m2", "4")
			one := func(subscription, body string) Match {
				return Match{Command: "MESSAGE", Header: []string{"subscription:" + subscription}, Body: &body}
			}
			s.match("b", one("1", "3"), one("2", "1"), one("2", "4"))
		}},
		{point: point, name: "a message of a value that nobody named is dropped", settings: prices, script: func(s *Script) {
			s.connect("c", "a").subscribe("a", "1", "prices", "filter:x").publish("c", "prices", "no", "symbol:y").publish("c", "prices", "no", "symbol:").publish("c", "prices", "yes", "symbol:x").gets("a", "m", "yes")
		}},
		{point: point, name: "a SEND without the header is refused", settings: prices, script: func(s *Script) {
			s.connect("a", "b").subscribe("a", "1", "prices", "filter:x").body("b", "no", "SEND", "destination:prices", "filter:x", "receipt:r").refusedFor("b", "r", "filter required", "symbol", "prices")
			s.connect("c").publish("c", "prices", "yes", "symbol:x").gets("a", "m", "yes")
		}},
		{point: point, name: "a SEND without the header is refused in a transaction", settings: prices, script: func(s *Script) {
			s.connect("b").sync("b", "BEGIN", "transaction:t").body("b", "no", "SEND", "destination:prices", "transaction:t", "receipt:r").refusedFor("b", "r", "filter required")
		}},
		{point: point, name: "a SUBSCRIBE without a filter is refused", settings: prices, script: func(s *Script) {
			s.connect("a", "b").subscribe("a", "1", "prices", "filter:").send("b", "SUBSCRIBE", "id:1", "destination:prices", "symbol:x", "receipt:r").refusedFor("b", "r", "filter required", "filter header", "symbol")
		}},
		{point: point, name: "a filter is refused where there is none", settings: prices, script: func(s *Script) {
			for client, destination := range map[string]string{"a": "{T}", "b": "{Q}"} {
				s.connect(client).send(client, "SUBSCRIBE", "id:1", "destination:"+destination, "filter:x", "receipt:r").refusedFor(client, "r", "syntax", "filter")
			}
		}},
		{point: point, name: "topics of a pattern filter by the header filter if no other is named", settings: prices, script: func(s *Script) {
			s.connect("c", "a").subscribe("a", "1", "/topic/f.{N}", "filter:x").publish("c", "/topic/f.{N}", "no", "filter:y").publish("c", "/topic/f.{N}", "yes", "filter:x").gets("a", "m", "yes")
		}},
		{point: point, name: "a wildcard with a filter gets its value of topics that filter, and one without gets the others", settings: prices, script: func(s *Script) {
			s.connect("c", "a", "b").subscribe("a", "w", "/topic/f.#", "filter:x").subscribe("b", "w", "/topic/#").publish("c", "/topic/f.{N}", "no", "filter:y").publish("c", "/topic/f.{N}", "yes", "filter:x").publish("c", "{T}", "other")
			s.gets("a", "m", "yes").gets("b", "n", "other")
		}},
		{point: point, name: "a filter and a selector both have to hold", settings: prices, script: func(s *Script) {
			s.connect("c", "a").subscribe("a", "1", "prices", "filter:x", "selector:amount > 1").publish("c", "prices", "1", "symbol:x").publish("c", "prices", "2", "symbol:y", "amount:2").publish("c", "prices", "3", "symbol:x", "amount:2").gets("a", "m", "3")
		}},
		{point: point, name: "a delayed message is filtered when it is due", clock: true, settings: prices, script: func(s *Script) {
			s.connect("c").publish("c", "prices", "1", "symbol:x", "delay:1000").publish("c", "prices", "2", "symbol:y", "delay:1000").connect("a").subscribe("a", "1", "prices", "filter:y").advance(time.Second).gets("a", "m", "2")
		}},
		{point: point, name: "after UNSUBSCRIBE others with the same filter still get theirs", settings: prices, script: func(s *Script) {
			s.connect("c", "a", "b").subscribe("a", "1", "prices", "filter:x").subscribe("a", "2", "prices", "filter:x").subscribe("b", "1", "prices", "filter:x").sync("a", "UNSUBSCRIBE", "id:1")
			s.publish("c", "prices", "yes", "symbol:x").gets("b", "m", "yes").gets("a", "n", "yes", "subscription:2")
		}},
	}
}
