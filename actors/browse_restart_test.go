package actors_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"stampede/actors"
)

// Whatever crashes while a queue is browsed, the browser is shown every message and the end, a second copy says
// redelivered:true, and nothing of it is missing or marked for who consumes the queue afterwards.
func TestBrowserOutlivesFailures(t *testing.T) {
	const messages = 100
	for _, role := range []string{"session", "destination"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			f := &fault{role: role, phase: "message", at: occasions(2, 5, 8, 12)}
			var armed atomic.Bool
			b := start(t, nil, actors.WithInjector(func(role, path, phase string, m any) {
				if armed.Load() && (role == "destination" || strings.Contains(path, "/c1/")) {
					f.inject(role, path, phase, m)
				}
			}))
			browser, other := open(t, b), open(t, b)
			for i := range messages {
				other.SendBody("/queue/q", fmt.Sprint(i), "receipt:r")
				other.Expect("RECEIPT")
			}
			armed.Store(true)
			browser.Subscribe("s", "/queue/q", "browse:true", "prefetch-count:3")
			seen := make(map[string]bool)
			for {
				m := browser.Expect("MESSAGE")
				if m.Header1("browser") == "end" {
					break
				}
				if seen[m.Body] && m.Header1("redelivered") != "true" {
					t.Errorf("message %s was shown twice and does not say so", m.Body)
				}
				seen[m.Body] = true
				if role == "session" { // something to fail at
					browser.Send("BEGIN", "transaction:t")
					browser.Send("ABORT", "transaction:t")
				}
			}
			armed.Store(false)
			if len(seen) != messages || f.fired.Load() == 0 {
				t.Errorf("%d of %d were shown, with %d faults", len(seen), messages, f.fired.Load())
			}
			other.Subscribe("s", "/queue/q")
			for i := range messages {
				if m := other.Expect("MESSAGE"); m.Body != fmt.Sprint(i) || m.Header1("redelivered") != "" {
					t.Fatalf("got %s, wants message %d", m, i)
				}
			}
		})
	}
}
