package actors

import (
	"fmt"
	"testing"

	"stampede/actors/selector"
	"stampede/stompwire"
)

// choosing is a consumer's link with a selector.
func choosing(t testing.TB, text string) consumerLink {
	t.Helper()
	s, err := selector.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return consumerLink{selector: s}
}

// colored puts messages 0, 1, 2, … with these colors.
func colored(q *queue, colors ...string) {
	for _, color := range colors {
		q.put(&Message{id: fmt.Sprint(q.seq), priority: defaultPriority, size: 1, header: stompwire.Header{{Name: "color", Value: color}}}, moment)
	}
}

// A message that no consumer wants stays in its place and holds up none behind it; it is there for the first
// consumer that wants it.
func TestUnwantedMessageHoldsNobodyUp(t *testing.T) {
	q := newQueue(queueLimits{})
	q.attach(subscriptionAt(1), 1, 9, false, choosing(t, "color = 'red'"))
	colored(q, "green", "green", "red", "green", "red")
	wantGiven(t, q, map[int]string{1: "2 4"})
	q.attach(subscriptionAt(2), 1, 2, false, choosing(t, "color = 'green'"))
	wantGiven(t, q, map[int]string{2: "0 1"})
	q.attach(subscriptionAt(3), 1, 9, false, consumerLink{})
	wantGiven(t, q, map[int]string{3: "3"})
}

// Consumers with different selectors, with the same one and with none take turns on what several of them may
// have, and who may not have a message does not lose its turn by it.
func TestTurnsOfConsumersWithSelectors(t *testing.T) {
	q := newQueue(queueLimits{})
	q.attach(subscriptionAt(1), 1, 9, false, choosing(t, "color = 'red'"))
	q.attach(subscriptionAt(2), 1, 9, false, choosing(t, "color <> 'blue'"))
	q.attach(subscriptionAt(3), 1, 9, false, choosing(t, "color  =  'red'")) // the same one
	q.attach(subscriptionAt(4), 1, 9, false, consumerLink{})
	if len(q.selections) != 2 {
		t.Errorf("%d selections", len(q.selections))
	}
	colored(q, "green", "red", "red", "blue", "red", "red")
	wantGiven(t, q, map[int]string{1: "1 5", 2: "0 4", 3: "2", 4: "3"})
}

// A message that comes back in front of others that were looked at is given out before them, and none of
// those is looked at again for it.
func TestReturnedMessageIsFoundAgain(t *testing.T) {
	q := newQueue(queueLimits{})
	q.attach(subscriptionAt(1), 1, 3, false, choosing(t, "color = 'red'"))
	colored(q, "green", "red", "green", "red", "red", "green", "red", "green")
	wantGiven(t, q, map[int]string{1: "1 3 4"})
	first := oldest(q, 1)
	q.settle(subscriptionAt(1), 1, first.next, released)
	q.settle(subscriptionAt(1), 1, first, refused)
	wantGiven(t, q, map[int]string{1: "1 3"})
	q.settle(subscriptionAt(1), 1, oldest(q, 1), released)
	wantGiven(t, q, map[int]string{1: "4"})
	q.settle(subscriptionAt(1), 1, oldest(q, 1), acknowledged)
	wantGiven(t, q, map[int]string{1: "6"})
	q.settle(subscriptionAt(1), 1, oldest(q, 1), acknowledged)
	wantGiven(t, q, map[int]string{})
	q.maxLooked = 0
	for e := oldest(q, 1); e != nil; e = oldest(q, 1) {
		q.settle(subscriptionAt(1), 1, e, released)
		wantGiven(t, q, map[int]string{1: e.msg.id})
		q.settle(subscriptionAt(1), 1, e, acknowledged)
	}
	if q.count != 4 || q.unfinished {
		t.Errorf("%d messages are left, unfinished %t", q.count, q.unfinished)
	}
}

// However long a queue is whose messages nobody wants, a new one costs one look for each selector, and a
// message that somebody wants is given out at once.
func TestBacklogIsLookedAtOnce(t *testing.T) {
	q := newQueue(queueLimits{})
	q.attach(subscriptionAt(1), 1, 100, false, choosing(t, "color = 'red'"))
	q.attach(subscriptionAt(2), 1, 100, false, choosing(t, "color = 'blue'"))
	for range 3000 {
		colored(q, "green")
	}
	q.maxLooked = 6000
	wantGiven(t, q, map[int]string{})
	q.maxLooked = 2
	for range 10 {
		colored(q, "green")
		if wantGiven(t, q, map[int]string{}); q.unfinished {
			t.Fatal("old messages were looked at again")
		}
	}
	colored(q, "red")
	wantGiven(t, q, map[int]string{1: "3010"})
}

// A dispatch tries selectors on a bounded number of messages and says that it has not come to the end; others
// are served meanwhile, and by and by everybody gets everything that is theirs.
func TestDispatchLooksAtABoundedNumber(t *testing.T) {
	q := newQueue(queueLimits{})
	q.maxLooked = 10
	for range 95 {
		colored(q, "green")
	}
	colored(q, "red")
	q.attach(subscriptionAt(1), 1, 1, false, choosing(t, "color = 'red'"))
	q.attach(subscriptionAt(2), 1, 1, false, choosing(t, "color = 'green'"))
	served := map[int]string{}
	rounds := 0
	for q.unfinished = true; q.unfinished && rounds < 30; rounds++ {
		for connection, ids := range given(q, moment) {
			served[connection] += ids
		}
		if rounds == 1 && served[2] != "0" {
			t.Errorf("given %v in the first rounds", served)
		}
	}
	if fmt.Sprint(served) != fmt.Sprint(map[int]string{1: "95", 2: "0"}) || rounds < 18 || rounds > 22 {
		t.Errorf("given %v in %d rounds", served, rounds)
	}
}

// The last consumer with a selector takes what the queue knows for it along.
func TestSelectionsGoWithTheirConsumers(t *testing.T) {
	q := newQueue(queueLimits{})
	q.attach(subscriptionAt(1), 1, 1, false, choosing(t, "color = 'red'"))
	q.attach(subscriptionAt(2), 1, 1, true, choosing(t, "color = 'red'"))
	q.detach(subscriptionAt(1), 1)
	q.attach(subscriptionAt(2), 2, 1, false, consumerLink{})
	if len(q.selections) != 0 || q.turn.len() != 1 {
		t.Errorf("%d selections, %d in turn", len(q.selections), q.turn.len())
	}
}

// A selector sees the headers that a subscriber would get, those of the broker included if they are the same
// for everybody, and of a repeated one the first.
func TestSelectorsSeeWhatSubscribersGet(t *testing.T) {
	m, fault := newMessage("id-1", "/queue/q", sending("12345678901", "destination:/queue/x", "a:1", "a:2", "receipt:r", "transaction:t", "login:u", "sessionid:s", "ack:1", "persistent:false", "empty:"), nil)
	if fault != nil {
		t.Fatal(fault)
	}
	for name, want := range map[string]string{"destination": "/queue/q", "message-id": "id-1", "content-length": "11", "a": "1", "persistent": "false", "empty": ""} {
		if got, ok := m.lookup(name); got != want || !ok {
			t.Errorf("%s is %q, %t", name, got, ok)
		}
	}
	for _, name := range []string{"receipt", "transaction", "login", "sessionid", "ack", "redelivered", "b", "A"} {
		if got, ok := m.lookup(name); ok {
			t.Errorf("%s is %q, and should not be there", name, got)
		}
	}
	if n := testing.AllocsPerRun(100, func() { choosing(t, "a = 1") }); n == 0 {
		t.Fatal("allocations are not counted")
	}
	s := choosing(t, "a = 1 AND destination LIKE '/queue/%' AND b IS NULL").selector
	if n := testing.AllocsPerRun(100, func() {
		if !s.Matches(m.lookup) {
			t.Error("no match")
		}
	}); n > 0 {
		t.Errorf("a match allocates %v times", n)
	}
}

// BenchmarkQueueSelectors is a message put, given out and settled in a queue where 100,000 others wait that
// nobody wants, with consumers that have different selectors.
func BenchmarkQueueSelectors(b *testing.B) {
	for _, consumers := range []int{1, 10, 100} {
		b.Run(fmt.Sprint(consumers), func(b *testing.B) {
			q := newQueue(queueLimits{})
			for range 100_000 {
				colored(q, "green")
			}
			for i := range consumers {
				q.attach(subscriptionAt(i), 1, 100, false, choosing(b, fmt.Sprintf("color = 'red' AND %d > 0", i+1)))
			}
			for q.unfinished = true; q.unfinished; {
				q.dispatch(moment, nil)
			}
			m := &Message{priority: defaultPriority, size: 1, header: stompwire.Header{{Name: "color", Value: "red"}}}
			var touched []*consumer
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				q.put(m, moment)
				touched = q.dispatch(moment, touched[:0])
				for _, c := range touched {
					q.settle(c.key, 1, c.batch[0], acknowledged)
					c.batch = c.batch[:0]
				}
			}
		})
	}
}
