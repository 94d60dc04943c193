package actors_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"stampede/actors"
)

// A selector holds over failures of every actor on a message's way, on queues and on topics, by name and by
// pattern, in every mode: the subscriber gets all that it selects and nothing else.
func TestSelectorsOutliveFailures(t *testing.T) {
	for _, role := range []string{"session", "subscription", "destination", "destinations"} {
		for _, mode := range []string{"auto", "client-individual"} {
			for _, name := range []string{"/queue/stream", "/topic/stream", "/topic/#"} {
				t.Run(role+"/"+mode+name, func(t *testing.T) {
					t.Parallel()
					const messages = 120
					f := &fault{role: role, phase: "message", at: occasions(2, 5, 9, 15, 22, 40)}
					var armed atomic.Bool
					b := start(t, nil, actors.WithInjector(func(role, path, phase string, m any) {
						if armed.Load() && (strings.HasPrefix(role, "destination") || strings.Contains(path, "/c1/")) {
							f.inject(role, path, phase, m)
						}
					}))
					subscriber, publisher := open(t, b), open(t, b)
					subscriber.Subscribe("s", name, "ack:"+mode, "prefetch-count:7", "selector:n >= 0 AND odd")
					armed.Store(true)
					to := strings.Replace(name, "#", "stream", 1)
					for i := range messages {
						publisher.SendBody(to, fmt.Sprint(i), fmt.Sprintf("n:%d", i), fmt.Sprintf("odd:%t", i%2 == 1))
					}
					seen := make(map[string]bool)
					for len(seen) < messages/2 {
						m := subscriber.Expect("MESSAGE")
						if m.Header1("odd") != "true" {
							t.Fatalf("got %s, which was not selected", m)
						}
						if seen[m.Body] && m.Header1("redelivered") != "true" {
							t.Errorf("got %s twice", m)
						}
						seen[m.Body] = true
						if mode != "auto" {
							subscriber.Send("ACK", "id:"+m.Header1("ack"))
						}
					}
					if strings.HasPrefix(name, "/queue/") {
						armed.Store(false)
						rest := open(t, b)
						rest.Subscribe("s", name)
						for i := 0; i < messages; i += 2 {
							if m := rest.Expect("MESSAGE"); m.Body != fmt.Sprint(i) {
								t.Fatalf("got %s, wants message %d", m, i)
							}
						}
					}
				})
			}
		}
	}
}

// A consumer whose selector matches only the end of a long queue gets it, although one look at the queue does
// not reach that far.
func TestSelectorReachesTheEndOfALongQueue(t *testing.T) {
	b := start(t, nil)
	publisher, consumer := open(t, b), open(t, b)
	for range 9000 {
		publisher.SendBody("/queue/long", "x")
	}
	publisher.SendBody("/queue/long", "this one", "wanted:true", "receipt:r")
	publisher.Expect("RECEIPT", "receipt-id:r")
	consumer.Subscribe("1", "/queue/long", "selector:wanted")
	if m := consumer.Expect("MESSAGE"); m.Body != "this one" {
		t.Errorf("got %s", m)
	}
}
