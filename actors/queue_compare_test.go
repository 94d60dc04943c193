package actors

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// compareQueue walks everything a queue has and holds it against the model.
func compareQueue(t *testing.T, q *queue, m *modelQueue) {
	t.Helper()
	place := make(map[*entry]string)
	owner := make(map[*Message]*entry)
	own := func(e *entry, where string, state entryState) {
		t.Helper()
		if other, twice := place[e]; twice {
			t.Fatalf("message %s has two owners: %s and %s", e.msg.id, other, where)
		}
		if e.state != state {
			t.Fatalf("message %s is among the %s and its state is %d", e.msg.id, where, e.state)
		}
		place[e] = where
		owner[e.msg] = e
	}
	for p := range q.ready {
		walkList(t, &q.ready[p], func(e *entry) { own(e, "ready", entryReady) })
		if has := q.mask&(1<<p) != 0; has != (q.ready[p].head != nil) {
			t.Fatalf("the mask says %t for priority %d", has, p)
		}
	}
	walkHeap(t, &q.delayed, func(e *entry) { own(e, "delayed", entryDelayed) })
	for e := range q.parked {
		own(e, "parked", entryParked)
	}
	for e := range q.claimed {
		own(e, "claimed", entryClaimed)
	}
	for _, c := range q.consumers {
		walkList(t, &c.outstanding, func(e *entry) {
			own(e, "outstanding", entryOutstanding)
			if e.consumer != c {
				t.Fatalf("message %s is with one consumer and names another", e.msg.id)
			}
		})
	}
	expiring := make(map[*entry]bool)
	walkHeap(t, &q.expiring, func(e *entry) {
		expiring[e] = true
		if place[e] == "" || e.msg.expires.IsZero() {
			t.Fatalf("message %s is remembered for an expiry it does not have", e.msg.id)
		}
	})
	count, bytes := m.size()
	if len(place) != count || q.count != count || q.bytes != bytes {
		t.Fatalf("%d messages found, counted %d of %d bytes; the model has %d of %d bytes", len(place), q.count, q.bytes, count, bytes)
	}
	for _, x := range m.all {
		e := owner[x.msg]
		switch {
		case x.state == entrySettled:
			if e != nil || x.entry != nil && x.entry.state != entrySettled {
				t.Fatalf("message %s is still owned after it was settled", x.msg.id)
			}
			continue
		case e == nil:
			t.Fatalf("message %s is lost; it should be in state %d", x.msg.id, x.state)
		case e.state != x.state || e.deliveries != x.deliveries || e.refusals != x.refusals:
			t.Fatalf("message %s: state %d, %d deliveries, %d refusals; the model has %d, %d, %d", x.msg.id, e.state, e.deliveries, e.refusals, x.state, x.deliveries, x.refusals)
		case (x.state == entryReady || x.state == entryDelayed) && !x.msg.expires.IsZero() && !expiring[e]:
			t.Fatalf("message %s would not be dropped when it expires", x.msg.id)
		}
		x.entry = e
	}
	for p := range q.ready {
		sameOrder(t, fmt.Sprintf("ready with priority %d", p), &q.ready[p], m.readyAt(uint8(p)))
	}
	compareConsumers(t, q, m)
	compareSelections(t, q, m)
	if q.expired != m.expired || q.dropped != m.dropped || q.reserved != m.reserved || q.reservedBytes != m.reservedBytes {
		t.Fatalf("expired %d, dropped %d, reserved %d of %d bytes; the model has %d, %d, %d of %d", q.expired, q.dropped, q.reserved, q.reservedBytes, m.expired, m.dropped, m.reserved, m.reservedBytes)
	}
	if at, ok := q.wake(); !m.wake().IsZero() && (!ok || at.After(m.wake())) {
		t.Fatalf("wakes at %v, but something is due at %v", at, m.wake())
	}
}

func compareConsumers(t *testing.T, q *queue, m *modelQueue) {
	t.Helper()
	if len(q.consumers) != len(m.consumers) {
		t.Fatalf("%d consumers; the model has %d", len(q.consumers), len(m.consumers))
	}
	for _, want := range m.consumers {
		c := q.consumers[want.key]
		if c == nil || c.epoch != want.epoch || c.credit != want.credit || c.gone {
			t.Fatalf("consumer %v is %+v; the model has %+v", want.key, c, want)
		}
		want.real = c
		sameOrder(t, fmt.Sprintf("outstanding at %v", want.key), &c.outstanding, m.heldBy(want))
	}
	var turn, wants []subscriptionKey
	for _, c := range q.inTurn() {
		if !c.inTurn || c.gone || c.credit <= 0 || q.consumers[c.key] != c {
			t.Fatalf("%v is in turn and should not be", c.key)
		}
		turn = append(turn, c.key)
	}
	for _, c := range m.turn {
		wants = append(wants, c.key)
	}
	if !slices.Equal(turn, wants) {
		t.Fatalf("the turn is %v; the model has %v", turn, wants)
	}
	for _, c := range q.consumers {
		if c.inTurn && !slices.Contains(turn, c.key) {
			t.Fatalf("%v waits for a turn that will not come", c.key)
		}
	}
	if (q.exclusive == nil) != (m.exclusive == nil) || q.exclusive != nil && q.exclusive.key != m.exclusive.key {
		t.Fatalf("the wrong consumer is the exclusive one: %v", q.exclusive)
	}
}

// compareSelections looks whether a selection has overlooked a message, or remembers one that is gone.
func compareSelections(t *testing.T, q *queue, m *modelQueue) {
	t.Helper()
	members := make(map[*selection]int)
	for _, c := range q.consumers {
		if (c.selection != nil) != (c.link.selector != nil) {
			t.Fatalf("%v has a selector and no selection, or the other way round", c.key)
		}
		if c.selection != nil {
			members[c.selection]++
		}
	}
	if len(members) != len(q.selections) {
		t.Fatalf("%d selections; the consumers have %d", len(q.selections), len(members))
	}
	for _, s := range q.selections {
		if s.members != members[s] {
			t.Fatalf("selection %s counts %d members and has %d", s.text, s.members, members[s])
		}
		back := make(map[*entry]bool)
		for i, e := range s.back.entries {
			if s.back.places[e] != i || e.state != entryReady {
				t.Fatalf("selection %s waits for message %s, which is in state %d", s.text, e.msg.id, e.state)
			}
			back[e] = true
		}
		for p := range q.ready {
			looked := true
			for e := q.ready[p].head; e != nil; e = e.next {
				if e == s.next[p] {
					looked = false
					if s.sure&(1<<p) != 0 && !s.selector.Matches(e.msg.lookup) {
						t.Fatalf("selection %s is sure of message %s", s.text, e.msg.id)
					}
				}
				if back[e] != (looked && s.selector.Matches(e.msg.lookup)) {
					t.Fatalf("selection %s: message %s was looked at: %t, and is remembered: %t", s.text, e.msg.id, looked, back[e])
				}
			}
			if looked && s.next[p] != nil {
				t.Fatalf("selection %s goes on at message %s, which is gone", s.text, s.next[p].msg.id)
			}
		}
	}
}

func walkList(t *testing.T, l *entryList, f func(*entry)) {
	t.Helper()
	var last *entry
	for e := l.head; e != nil; e = e.next {
		if e.prev != last {
			t.Fatalf("message %s is not linked both ways", e.msg.id)
		}
		f(e)
		last = e
	}
	if l.tail != last {
		t.Fatal("the tail of a list is not its end")
	}
}

func walkHeap(t *testing.T, h *timeHeap, f func(*entry)) {
	t.Helper()
	for i, e := range h.entries {
		if *h.index(e) != i+1 {
			t.Fatalf("message %s is in a heap at %d and thinks at %d", e.msg.id, i, *h.index(e)-1)
		}
		if i > 0 && h.Less(i, (i-1)/2) {
			t.Fatalf("message %s is below a later one", e.msg.id)
		}
		f(e)
	}
}

func sameOrder(t *testing.T, where string, l *entryList, want []*modelMessage) {
	t.Helper()
	var got, wants []string
	for e := l.head; e != nil; e = e.next {
		got = append(got, e.msg.id)
	}
	for _, x := range want {
		wants = append(wants, x.msg.id)
	}
	if !slices.Equal(got, wants) {
		t.Fatalf("%s: %s; the model has %s", where, strings.Join(got, " "), strings.Join(wants, " "))
	}
}
