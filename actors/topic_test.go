package actors

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// Through any mixture of subscriptions coming, going and coming again, and of restarts, a topic has each
// subscription once, with its newest epoch, and knows how many named it.
func TestTopicAgainstModel(t *testing.T) {
	type known struct {
		epoch   uint32
		pattern bool
	}
	randomly(t, 50, func(t *testing.T, r *rand.Rand) {
		topic, model := &topic{}, make(map[subscriptionKey]known)
		for step := range 300 {
			key := subscriptionKey{connection: r.Uint64N(3), serial: r.Uint32N(4)}
			old, there := model[key]
			epoch := max(1, old.epoch+r.Uint32N(4)-1)
			switch r.IntN(10) {
			case 0:
				topic.rebuild()
			case 1, 2, 3:
				topic.detach(key, epoch)
				if there && old.epoch <= epoch {
					delete(model, key)
				}
			default:
				pattern := r.IntN(2) == 0
				link := consumerLink{auto: true}
				if r.IntN(3) > 0 {
					link.filter = new(fmt.Sprint(r.IntN(3)))
				}
				want := !there || epoch > old.epoch
				if got := topic.attach(key, epoch, pattern, link); got != want {
					t.Fatalf("step %d: attach of epoch %d to %+v: %t", step, epoch, old, got)
				}
				if want {
					model[key] = known{epoch, pattern}
				}
			}
			own, filtered := 0, 0
			for value, same := range topic.byFilter {
				for i, s := range same {
					if s.among != i || s.link.filter == nil || *s.link.filter != value || topic.find(s.key) != s {
						t.Fatalf("step %d: %+v is %d of those with filter %s", step, s, i, value)
					}
				}
				if filtered += len(same); len(same) == 0 {
					t.Fatalf("step %d: filter %s has nobody", step, value)
				}
			}
			for i, s := range topic.subscribers {
				want, there := model[s.key]
				if !there || s.epoch != want.epoch || s.pattern != want.pattern || s.at != i || topic.find(s.key) != s || !s.link.auto {
					t.Fatalf("step %d: %+v at %d, wants %+v", step, s, i, want)
				}
				if !s.pattern {
					own++
				}
				if s.link.filter != nil {
					filtered--
				}
			}
			if filtered != 0 {
				t.Fatalf("step %d: there are %d subscribers too many by filters", step, filtered)
			}
			if len(topic.subscribers) != len(model) || topic.index != nil && len(topic.index) != len(model) || topic.own != own {
				t.Fatalf("step %d: %d subscribers, %d in the index, %d own; wants %d, %d own", step, len(topic.subscribers), len(topic.index), topic.own, len(model), own)
			}
			for _, s := range topic.subscribers[len(topic.subscribers):cap(topic.subscribers)] {
				if s != nil {
					t.Fatalf("step %d: a subscriber that has left is held on to", step)
				}
			}
		}
	})
}

// Delayed messages come out when they are due, the earliest first, those of one moment in the order they
// came, also after a restart; their octets are counted meanwhile.
func TestTopicDelays(t *testing.T) {
	topic := &topic{}
	octets := 0
	for i, delay := range []int{3, 1, 2, 1, 2, 3, 1} {
		m := &Message{id: fmt.Sprint(i), size: 100 + i, notBefore: moment.Add(time.Duration(delay) * time.Second)}
		topic.delay(m)
		topic.rebuild()
		octets += m.size
	}
	if topic.held != octets {
		t.Errorf("%d octets held, wants %d", topic.held, octets)
	}
	for _, c := range []struct {
		after time.Duration
		want  string
	}{{time.Second - 1, ""}, {time.Second, "1 3 6"}, {time.Second, ""}, {time.Minute, "2 4 0 5"}, {time.Hour, ""}} {
		topic.rebuild()
		var ids []string
		for _, m := range topic.due(moment.Add(c.after)) {
			ids = append(ids, m.id)
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("after %v: %q is due, wants %q", c.after, got, c.want)
		}
	}
	if topic.held != 0 || topic.delayed.Len() != 0 {
		t.Errorf("%d octets of %d messages are held", topic.held, topic.delayed.Len())
	}
}
