package actors

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"stampede/actors/selector"
)

// A browser is shown each message that waited when it came, matches and is still there, once and in order, and at last
// the end; what a restart took out of its socket's way comes again before the rest. It never has more on the way than its
// prefetch.
func TestBrowserShowsEverythingOnce(t *testing.T) {
	red, err := selector.Parse("color = 'red'")
	if err != nil {
		t.Fatal(err)
	}
	randomly(t, 200, func(t *testing.T, r *rand.Rand) {
		pair := &queuePair{t: t, r: r, m: &modelQueue{}, now: time.Unix(1000, 0)}
		q := newQueue(queueLimits{})
		for range r.IntN(40) {
			q.put(pair.message(), pair.now)
		}
		b := &browser{epoch: 1, window: 1 + r.IntN(5), list: q.waiting()}
		if r.IntN(2) == 0 {
			b.link.selector = red
		}
		var want, got []string
		gone := make(map[string]bool)
		for _, e := range b.list {
			e.msg.id = fmt.Sprintf("%d.%d", e.msg.priority, e.seq)
			if b.link.selector == nil || b.link.selector.Matches(e.msg.lookup) {
				want = append(want, e.msg.id)
			}
		}
		seen := make(map[string]bool)
		for steps := 0; len(b.open) > 0 || !b.ended; steps++ {
			switch r.IntN(5) {
			case 0:
				b.written(r.IntN(3))
			case 1:
				if steps < 50 && b.restart(b.epoch+1, b.window, b.link) && len(b.open) > 0 {
					t.Fatal("something is on the way before anything was shown")
				}
			case 2:
				if len(b.list) > 0 && r.IntN(4) == 0 { // somebody takes it
					e := b.list[r.IntN(len(b.list))]
					e.state, gone[e.msg.id] = entrySettled, true
				}
			default:
				s := b.next(pair.now, 1+r.IntN(6))
				for i, e := range s.batch {
					if seen[e.msg.id] != (i < s.again) {
						t.Fatalf("%s is shown: seen before %t, again %t", e.msg.id, seen[e.msg.id], i < s.again)
					}
					if !seen[e.msg.id] {
						got = append(got, e.msg.id)
					}
					seen[e.msg.id] = true
				}
				b.shown(s)
				if len(b.open) > b.window {
					t.Fatalf("%d of %d are on the way", len(b.open), b.window)
				}
			}
		}
		var left []string
		for _, id := range want {
			if !gone[id] && !expired(q, id, pair.now) || seen[id] {
				left = append(left, id)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(left) {
			t.Fatalf("it was shown %v, wants %v", got, left)
		}
		if b.restart(b.epoch, 1, consumerLink{}) {
			t.Fatal("it began again with an epoch that is not newer")
		}
	})
}

func expired(q *queue, id string, now time.Time) bool {
	for _, e := range q.waiting() {
		if e.msg.id == id {
			return !e.msg.expires.IsZero() && !e.msg.expires.After(now)
		}
	}
	return false
}
