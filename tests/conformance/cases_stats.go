package conformance

import (
	"time"

	"stampede/config"
)

// statsCases are about the messages in which the broker says what it does.
func statsCases() []rule {
	const point = "statistics"
	every := func(destination string) func(*config.Config) {
		return func(c *config.Config) {
			c.Stats = config.Stats{Enabled: true, Period: 2 * time.Second, Destination: destination}
		}
	}
	return []rule{
		{point: point, name: "every period each destination and the broker have a message", clock: true, settings: every("/xtomp/stat"), script: func(s *Script) {
			s.connect("a", "c").subscribe("a", "1", "/xtomp/stat").publish("c", "{Q}", "x").publish("c", "{Q}", "y").advance(2 * time.Second)
			s.gets("a", "m1", `{"dest":"{Q}","sz":0,"q":2,"Δ":2,"Σ":2}`, "content-type:application/json", "destination:/xtomp/stat").gets("a", "m2", `{"dest":"/xtomp/stat","sz":1,"q":0,"Δ":0,"Σ":0}`)
			s.match("a", Match{Command: "MESSAGE", Header: []string{"message-id:*"}, Contains: []string{`{"cc":{"sz":2,"up":2,"Σ":2,"Σµ":2,"m":`}})
		}},
		{point: point, name: "they are messages like others, to be selected too", clock: true, settings: every("numbers"), script: func(s *Script) {
			s.connect("a").subscribe("a", "1", "numbers", `selector:"content-type" = 'application/json' AND "content-length" = 45`).advance(2*time.Second).gets("a", "m", `{"dest":"numbers","sz":1,"q":0,"Δ":0,"Σ":0}`)
		}},
		{point: point, name: "without them there is no such topic", settings: func(c *config.Config) {}, script: func(s *Script) {
			s.connect("a").send("a", "SUBSCRIBE", "id:1", "destination:/xtomp/stat", "receipt:r").refusedFor("a", "r", "destination unknown")
		}},
		{point: point, name: "a temporary queue is in none of them", clock: true, settings: every("/xtomp/stat"), script: func(s *Script) {
			s.connect("a", "c").subscribe("c", "1", "/temp-queue/x").subscribe("a", "1", "/xtomp/stat").advance(2*time.Second).gets("a", "m1", `{"dest":"/xtomp/stat","sz":1,"q":0,"Δ":0,"Σ":0}`)
		}},
	}
}
