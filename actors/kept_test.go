package actors_test

import (
	"strings"
	"testing"

	"stampede/config"
)

// One message that is kept keeps nothing of the fifty that came in the same read, whoever keeps it.
func TestKeptMessagesDoNotKeepTheirRead(t *testing.T) {
	for name, c := range map[string]struct {
		before, headers string // what a client says first; of each message that is kept
		consumer        string // the headers of a SUBSCRIBE of one who acknowledges nothing
	}{
		"queue":               {headers: "destination:/queue/kept"},
		"delayed on a topic":  {headers: "destination:/topic/kept\ndelay:3600000"},
		"min_delivery":        {headers: "destination:twice"},
		"transaction":         {before: "BEGIN\ntransaction:t\n\n\x00", headers: "destination:/topic/kept\ntransaction:t"},
		"with the subscriber": {headers: "destination:/topic/kept", consumer: "destination:/topic/kept"},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, func(c *config.Config) {
				c.Destination = []config.Destination{{Name: "twice", Type: config.TypeTopic, MinDelivery: 2}}
			})
			if c.consumer != "" {
				open(t, b).Sync("SUBSCRIBE", "id:1", c.consumer, "ack:client", "prefetch-count:1")
			}
			p := open(t, b)
			if c.before != "" {
				p.Write(c.before)
			}
			others := strings.Repeat("SEND\ndestination:/topic/nobody\n\n"+strings.Repeat("x", 1000)+"\x00", 25)
			one := "SEND\n" + c.headers + "\n\nkept\x00"
			p.Write(others + one + others)
			p.Sync("SEND", "destination:/topic/nobody")
			before := heap()
			const reads = 100
			for range reads {
				p.Write(others + one + others)
				p.Sync("SEND", "destination:/topic/nobody")
			}
			if grown := int64(heap()) - int64(before); grown > reads*10<<10 {
				t.Errorf("%d messages keep %d octets", reads, grown)
			}
		})
	}
}
