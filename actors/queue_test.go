package actors

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// moment is when the tests of queues begin.
var moment = time.Unix(1000, 0)

func subscriptionAt(n int) subscriptionKey { return subscriptionKey{connection: uint64(n), serial: 1} }

// filled is a queue with n messages: 0, 1, 2, …
func filled(l queueLimits, n int) *queue {
	q := newQueue(l)
	for i := range n {
		q.put(&Message{id: fmt.Sprint(i), priority: defaultPriority, size: 1}, moment)
	}
	return q
}

// given dispatches and takes the batches; it tells which messages each consumer got, by connection.
func given(q *queue, now time.Time) map[int]string {
	got := make(map[int]string)
	for _, c := range q.dispatch(now, nil) {
		var ids []string
		for _, e := range c.batch {
			ids = append(ids, e.msg.id)
		}
		c.batch = nil
		got[int(c.key.connection)] = strings.Join(ids, " ")
	}
	return got
}

func wantGiven(t *testing.T, q *queue, want map[int]string) {
	t.Helper()
	if got := given(q, moment); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("given %v, wants %v", got, want)
	}
}

// oldest is what a consumer has had for the longest time.
func oldest(q *queue, n int) *entry { return q.consumers[subscriptionAt(n)].outstanding.head }

// Consumers with room get one message each in turn, and who has no room is left out.
func TestConsumersTakeTurns(t *testing.T) {
	q := filled(queueLimits{}, 8)
	q.attach(subscriptionAt(1), 1, 3, false, consumerLink{})
	q.attach(subscriptionAt(2), 1, 1, false, consumerLink{})
	q.attach(subscriptionAt(3), 1, 3, false, consumerLink{})
	wantGiven(t, q, map[int]string{1: "0 3 5", 2: "1", 3: "2 4 6"})
	q.settle(subscriptionAt(2), 1, oldest(q, 2), acknowledged)
	wantGiven(t, q, map[int]string{2: "7"})
}

// A message that was refused goes to somebody else if anybody has room, else to the same consumer again.
func TestRefusedMessageAvoidsWhoRefusedIt(t *testing.T) {
	q := filled(queueLimits{}, 1)
	q.attach(subscriptionAt(1), 1, 2, false, consumerLink{})
	wantGiven(t, q, map[int]string{1: "0"})
	q.attach(subscriptionAt(2), 1, 1, false, consumerLink{})
	q.settle(subscriptionAt(1), 1, oldest(q, 1), refused)
	wantGiven(t, q, map[int]string{2: "0"})
	q.settle(subscriptionAt(2), 1, oldest(q, 2), refused)
	wantGiven(t, q, map[int]string{1: "0"})
	q.detach(subscriptionAt(2), 1)
	q.settle(subscriptionAt(1), 1, oldest(q, 1), refused)
	wantGiven(t, q, map[int]string{1: "0"})
	if e := oldest(q, 1); e.deliveries != 4 || e.refusals != 3 {
		t.Errorf("%d deliveries, %d refusals", e.deliveries, e.refusals)
	}
}

// While an exclusive consumer is there nobody else is served, not even when it has no room; the next one in
// the order of connections takes over, and after the last one everybody is served again.
func TestExclusiveConsumer(t *testing.T) {
	q := filled(queueLimits{}, 6)
	q.attach(subscriptionAt(9), 1, 1, false, consumerLink{})
	q.attach(subscriptionAt(5), 1, 2, true, consumerLink{})
	q.attach(subscriptionAt(4), 1, 1, true, consumerLink{})
	q.attach(subscriptionAt(3), 1, 1, true, consumerLink{})
	wantGiven(t, q, map[int]string{5: "0 1"})
	q.detach(subscriptionAt(5), 1)
	wantGiven(t, q, map[int]string{3: "0"})
	q.detach(subscriptionAt(3), 1)
	q.detach(subscriptionAt(4), 1)
	wantGiven(t, q, map[int]string{9: "0"})
}

// Of an older epoch nothing counts: neither a settlement, nor a claim, nor a goodbye.
func TestStaleEpochsAreIgnored(t *testing.T) {
	q := filled(queueLimits{}, 2)
	q.attach(subscriptionAt(1), 1, 1, false, consumerLink{})
	given(q, moment)
	old := oldest(q, 1)
	if q.attach(subscriptionAt(1), 1, 9, false, consumerLink{}) {
		t.Error("the same epoch attached twice")
	}
	if !q.attach(subscriptionAt(1), 2, 1, false, consumerLink{}) {
		t.Error("a newer epoch was not attached")
	}
	wantGiven(t, q, map[int]string{1: "0"})
	if e := oldest(q, 1); e != old || e.deliveries != 2 {
		t.Errorf("message %s with %d deliveries, wants the first one with 2", e.msg.id, e.deliveries)
	}
	q.settle(subscriptionAt(1), 1, old, acknowledged)
	q.settleOldest(subscriptionAt(1), 1, 1)
	if q.claim(subscriptionAt(1), 1, old, acknowledged) || q.detach(subscriptionAt(1), 1) || q.attach(subscriptionAt(1), 1, 1, false, consumerLink{}) {
		t.Error("a stale epoch was taken seriously")
	}
	if q.count != 2 || oldest(q, 1) != old {
		t.Errorf("%d messages left", q.count)
	}
	q.settle(subscriptionAt(1), 2, old, acknowledged)
	q.settle(subscriptionAt(1), 2, old, acknowledged)
	if c := q.consumers[subscriptionAt(1)]; q.count != 1 || c.credit != 1 {
		t.Errorf("%d messages left, credit %d: a message was settled twice", q.count, c.credit)
	}
}

// One consumer gets the messages of each priority in the order they came, whatever its credit.
func TestOrderIsKeptPerPriority(t *testing.T) {
	randomly(t, 20, func(t *testing.T, r *rand.Rand) {
		q := newQueue(queueLimits{})
		q.attach(subscriptionAt(1), 1, 1+r.IntN(5), false, consumerLink{})
		put, next, left := 0, [priorities]int{}, 0
		for range 300 {
			if r.IntN(2) == 0 {
				q.put(&Message{id: fmt.Sprint(put), priority: uint8(r.IntN(priorities)), size: 1}, moment)
				put++
				left++
			}
			for _, c := range q.dispatch(moment, nil) {
				for _, e := range c.batch {
					n := 0
					fmt.Sscan(e.msg.id, &n)
					if p := e.msg.priority; n < next[p] {
						t.Fatalf("message %d of priority %d came after %d", n, p, next[p]-1)
					} else {
						next[p] = n + 1
					}
				}
				c.batch = nil
			}
			if e := oldest(q, 1); e != nil && r.IntN(2) == 0 {
				q.settle(subscriptionAt(1), 1, e, acknowledged)
				left--
			}
		}
		if q.count != left {
			t.Errorf("%d messages left, wants %d", q.count, left)
		}
	})
}

// Consumers that come and go while nothing is given out leave nothing behind.
func TestGoneConsumersAreForgotten(t *testing.T) {
	q := newQueue(queueLimits{})
	q.attach(subscriptionAt(1), 1, 1, false, consumerLink{})
	for i := range 1000 {
		q.attach(subscriptionAt(2+i), 1, 1, false, consumerLink{})
		q.detach(subscriptionAt(2+i), 1)
	}
	if n := q.turn.len(); n != 1 {
		t.Errorf("%d consumers are in turn, wants 1", n)
	}
}

// What a crash kept from leaving is given out by the next incarnation; its consumer is not cut off.
func TestRebuildGivesOutWhatNeverLeft(t *testing.T) {
	q := filled(queueLimits{}, 3)
	q.attach(subscriptionAt(1), 1, 2, false, consumerLink{})
	q.dispatch(moment, nil) // and the actor crashes before it can hand the batch on
	q.rebuild()
	wantGiven(t, q, map[int]string{1: "0 1"})
	q.settle(subscriptionAt(1), 1, oldest(q, 1), acknowledged)
	wantGiven(t, q, map[int]string{1: "2"})
}

// A restart keeps whose turn it is.
func TestRebuildKeepsTheTurn(t *testing.T) {
	q := newQueue(queueLimits{})
	var want []subscriptionKey
	for i := range 20 {
		want = append(want, subscriptionAt((i*7)%20+1))
		q.attach(want[i], 1, 1, false, consumerLink{})
	}
	q.rebuild()
	var got []subscriptionKey
	for q.turn.len() > 0 {
		got = append(got, q.turn.pop().key)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the turn is %v, was %v", got, want)
	}
}

// Room is made by dropping the oldest of the lowest priority, no more than needed; where nothing that may
// be dropped is enough, nothing is.
func TestMakeRoomDropsNoMoreThanNeeded(t *testing.T) {
	put := func(q *queue, id string, priority uint8, size int) {
		q.put(&Message{id: id, priority: priority, size: size}, moment)
	}
	left := func(q *queue) string {
		var ids []string
		for p := range q.ready {
			walkList(t, &q.ready[p], func(e *entry) { ids = append(ids, e.msg.id) })
		}
		return strings.Join(ids, " ")
	}
	fresh := func() *queue {
		q := newQueue(queueLimits{maxMessages: 6, maxBytes: 100})
		put(q, "held", 9, 40)
		q.attach(subscriptionAt(1), 1, 1, false, consumerLink{})
		given(q, moment)
		put(q, "a", 5, 10)
		put(q, "b", 3, 10)
		put(q, "c", 3, 10)
		put(q, "d", 5, 10)
		return q
	}
	for _, c := range []struct {
		n, size int
		fits    bool
		left    string
	}{
		{1, 20, true, "b c a d"},
		{1, 21, true, "c a d"},
		{2, 20, true, "c a d"},
		{5, 20, true, ""},
		{1, 60, true, ""},
		{1, 61, false, "b c a d"},
		{6, 1, false, "b c a d"},
	} {
		q := fresh()
		if fits := q.makeRoom(c.n, c.size); fits != c.fits || left(q) != c.left {
			t.Errorf("room for %d messages of %d bytes: %t, and %q is left; wants %t and %q", c.n, c.size, fits, left(q), c.fits, c.left)
		}
	}
}

// A message that expired while a consumer had it takes no room once it is back, though others go first.
func TestReturnedMessageExpires(t *testing.T) {
	q := newQueue(queueLimits{maxMessages: 2})
	q.put(&Message{id: "short", priority: 1, size: 1, expires: moment.Add(time.Second)}, moment)
	q.attach(subscriptionAt(1), 1, 1, false, consumerLink{})
	given(q, moment)
	q.put(&Message{id: "first in line", priority: 9, size: 1}, moment)
	later := moment.Add(time.Minute)
	q.tick(later)
	q.detach(subscriptionAt(1), 1)
	if at, ok := q.wake(); !ok || at.After(later) {
		t.Errorf("wakes at %v, %t", at, ok)
	}
	q.tick(later)
	if q.count != 1 || q.expired != 1 || !q.room(1, 1) {
		t.Errorf("%d messages, %d expired", q.count, q.expired)
	}
}

// What is due comes in by its time, then in the order it was sent, behind what is there already.
func TestDelayedMessagesComeInWhenDue(t *testing.T) {
	q := newQueue(queueLimits{})
	for i, delay := range []time.Duration{3, 1, 2, 1, 0, 3, 2, 0} {
		q.put(&Message{id: fmt.Sprint(i), size: 1, notBefore: moment.Add(delay * time.Second)}, moment)
	}
	q.attach(subscriptionAt(1), 1, 100, false, consumerLink{})
	wantGiven(t, q, map[int]string{1: "4 7"})
	if at, _ := q.wake(); !at.Equal(moment.Add(time.Second)) {
		t.Errorf("wakes at %v", at)
	}
	q.tick(moment.Add(time.Second - 1))
	wantGiven(t, q, nil)
	q.tick(moment.Add(time.Second))
	wantGiven(t, q, map[int]string{1: "1 3"})
	q.tick(moment.Add(time.Hour))
	wantGiven(t, q, map[int]string{1: "2 6 0 5"})
}

// Returning takes no time that grows with the square of the queue: every message of a full queue coming due at random moments, and consumers
// with a lot in hand leaving one after the other.
func TestReturningIsNotQuadratic(t *testing.T) {
	const n = 100_000
	start := time.Now()
	q := newQueue(queueLimits{})
	r := rand.New(rand.NewPCG(1, 1))
	for i := range n {
		m := &Message{size: 1}
		if i%2 == 0 {
			m.notBefore = moment.Add(time.Duration(1+r.IntN(1000)) * time.Millisecond)
		}
		q.put(m, moment)
	}
	q.tick(moment.Add(time.Hour))
	const consumers = 10
	for i := range consumers {
		q.attach(subscriptionAt(1+i), 1, n/consumers, false, consumerLink{})
	}
	given(q, moment)
	for i := range consumers {
		q.detach(subscriptionAt(1+i), 1)
	}
	if q.count != n {
		t.Errorf("%d messages left", q.count)
	}
	walkList(t, &q.ready[0], func(e *entry) {
		if e.prev != nil && e.prev.seq > e.seq {
			t.Fatal("the messages are not in order")
		}
	})
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("took %v", took)
	}
}

// The ring of consumers is a FIFO through any number of turns, keeps the others in order when one leaves,
// and does not grow.
func TestConsumerRing(t *testing.T) {
	randomly(t, 20, func(t *testing.T, r *rand.Rand) {
		var ring consumerRing
		var want []*consumer
		for range 2000 {
			switch n := r.IntN(10); {
			case n < 5 && len(want) < 20:
				c := &consumer{}
				ring.push(c)
				want = append(want, c)
			case n < 8 && len(want) > 0:
				if c := ring.pop(); c != want[0] {
					t.Fatal("not the first one came out")
				}
				want = want[1:]
			case n < 9 && len(want) > 0:
				i := r.IntN(len(want))
				ring.remove(want[i])
				want = slices.Concat(want[:i], want[i+1:])
			default:
				ring.remove(&consumer{}) // a stranger
			}
			if ring.len() != len(want) || !slices.Equal(ring.items[ring.first:], want) {
				t.Fatalf("%d in the ring, wants %d", ring.len(), len(want))
			}
		}
		if cap(ring.items) > 256 {
			t.Errorf("the ring has grown to %d for at most 20", cap(ring.items))
		}
		for _, c := range slices.Concat(ring.items[:ring.first], ring.items[len(ring.items):cap(ring.items)]) {
			if c != nil {
				t.Fatal("the ring holds on to one that has left")
			}
		}
	})
}

// Entries with the same moment leave a heap in the order they came, also when others were dropped.
func TestTimeHeapTies(t *testing.T) {
	randomly(t, 20, func(t *testing.T, r *rand.Rand) {
		q := newQueue(queueLimits{})
		h := &q.delayed
		for i := range 200 {
			heap.Push(h, &entry{seq: uint64(i), msg: &Message{id: fmt.Sprint(i), notBefore: moment.Add(time.Duration(r.IntN(5)) * time.Second)}})
		}
		for range 60 {
			e := h.entries[r.IntN(len(h.entries))]
			h.drop(e)
			h.drop(e) // it is in there no longer: nothing happens
		}
		walkHeap(t, h, func(*entry) {})
		for last := h.top(); h.top() != nil; {
			e := h.top()
			if e.msg.notBefore.Before(last.msg.notBefore) || e.msg.notBefore.Equal(last.msg.notBefore) && e.seq < last.seq {
				t.Fatalf("%d came out after %d", e.seq, last.seq)
			}
			last = e
			h.drop(e)
		}
	})
}

// A consumer that has gone is not kept alive, with its connection, by a message it once refused.
func TestGoneConsumerLetsItsConnectionGo(t *testing.T) {
	q := filled(queueLimits{}, 1)
	q.attach(subscriptionAt(1), 1, 1, false, consumerLink{auto: true})
	given(q, moment)
	c := q.consumers[subscriptionAt(1)]
	q.settle(subscriptionAt(1), 1, oldest(q, 1), refused)
	q.detach(subscriptionAt(1), 1)
	if c.link != (consumerLink{}) {
		t.Error("it still has its link")
	}
}
