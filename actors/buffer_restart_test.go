package actors_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"stampede/actors"
	"stampede/config"
	"stampede/tests/stomptest"
)

// Whatever crashes while messages stream through a topic with min_delivery, every subscriber gets each message, a second copy
// says redelivered:true, and who comes at the end gets all that fewer than min_delivery have had, once and in order.
func TestBufferOutlivesFailures(t *testing.T) {
	const messages = 60
	for _, role := range []string{"session", "subscription", "destination"} {
		for _, mode := range []string{"auto", "client-individual"} {
			if role == "subscription" && mode == "auto" {
				continue // it is told nothing
			}
			t.Run(role+"/"+mode, func(t *testing.T) {
				t.Parallel()
				f := &fault{role: role, phase: "message", at: occasions(4, 9, 15, 22, 40, 80)}
				var armed atomic.Bool
				b := start(t, func(c *config.Config) {
					c.Destination = []config.Destination{{Name: "memtop", Type: config.TypeTopic, MinDelivery: 3}}
				}, actors.WithInjector(func(role, path, phase string, m any) {
					if armed.Load() && (role == "destination" || strings.Contains(path, "/c1/") || strings.Contains(path, "/c2/")) {
						f.inject(role, path, phase, m)
					}
				}))
				subscribers := []*stomptest.Conn{open(t, b), open(t, b)}
				for _, c := range subscribers {
					c.Subscribe("s", "memtop", "ack:"+mode, "prefetch-count:4")
				}
				producer := open(t, b)
				armed.Store(true)
				var wg sync.WaitGroup
				wg.Go(func() {
					for i := range messages {
						producer.SendBody("memtop", fmt.Sprint(i), "receipt:r")
						producer.Expect("RECEIPT")
					}
				})
				for _, c := range subscribers {
					wg.Go(func() {
						seen := make(map[string]bool)
						var early []stomptest.Frame // came while a receipt was waited for
						for len(seen) < messages {
							var m stomptest.Frame
							if len(early) > 0 {
								m, early = early[0], early[1:]
							} else {
								m = c.Expect("MESSAGE")
							}
							if seen[m.Body] && m.Header1("redelivered") != "true" {
								t.Errorf("message %s came twice and does not say so", m.Body)
							}
							if mode != "auto" {
								c.Send("ACK", "id:"+m.Header1("ack"))
							} else if role == "session" { // gives it something to fail at
								c.Send("SEND", "destination:/topic/nobody", "receipt:r")
								for f := c.Frame(); f.Command != "RECEIPT"; f = c.Frame() {
									early = append(early, f)
								}
							}
							seen[m.Body] = true
						}
					})
				}
				wg.Wait()
				armed.Store(false)
				if f.fired.Load() == 0 {
					t.Error("no fault fired")
				}
				last := open(t, b)
				last.Subscribe("s", "memtop", "prefetch-count:7")
				for i := range messages {
					if m := last.Expect("MESSAGE"); m.Body != fmt.Sprint(i) || m.Header1("redelivered") != "" {
						t.Fatalf("got %s, wants message %d", m, i)
					}
				}
			})
		}
	}
}
