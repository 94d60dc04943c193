package actors

import (
	"cmp"
	"container/heap"
	"maps"
	"math/bits"
	"slices"
	"time"
)

// queue is the delivery rule of a queue: each message to one consumer, kept while there is none,
// owned here until it is settled. It is a plain struct; the destination actor carries what it
// decides. Times come in as arguments, so that it runs under any clock.
type queue struct {
	limits        queueLimits
	ready         [priorities]entryList
	mask          uint16 // which of ready are not empty
	consumers     map[subscriptionKey]*consumer
	turn          consumerRing // of consumers without a selector
	turns         uint64       // counts who entered a turn: it orders several turns among each other
	selections    []*selection // one for each selector, see queue_select.go
	maxLooked     int          // messages one dispatch tries selectors on
	unfinished    bool         // the last dispatch reached that: there may be more to give
	exclusive     *consumer    // while set, the only one served
	delayed       timeHeap     // entries not due yet
	expiring      timeHeap     // entries with an expiry
	parked        map[*entry]struct{}
	claimed       map[*entry]claim
	count         int // messages owned: ready, delayed, outstanding, claimed, parked
	bytes         int
	seq           uint64
	reserved      int // messages and octets booked by COMMITs that are not decided yet
	reservedBytes int
	expired       uint64 // counters, for the actor to publish
	dropped       uint64
	settled       uint64
}

const priorities = 10

// defaultPriority is JMS's.
const defaultPriority = 4

// fullPolicy is what happens to a message for a queue at its limits.
type fullPolicy uint8

const (
	fullHold fullPolicy = iota // the publisher waits, up to hold_timeout
	fullReject
	fullDropOldest
)

type queueLimits struct {
	maxMessages   int // 0: no limit
	maxBytes      int
	full          fullPolicy
	maxDeliveries int // NACKs until a message is dead-lettered; 0: no limit
}

type entryState uint8

const (
	entryReady entryState = iota
	entryDelayed
	entryOutstanding
	entryClaimed // set aside by a COMMIT that is not decided yet
	entryParked  // on its way to the dead-letter queue, owned here until that has it
	entrySettled
)

// entry is one message a queue owns.
type entry struct {
	msg        *Message
	seq        uint64
	state      entryState
	consumer   *consumer // while outstanding
	avoid      *consumer // who refused it last
	deliveries int       // how often it was given out
	refusals   int       // how often a consumer sent NACK
	had        int32     // a buffer's: how many have had it
	awaiting   int32     // likewise: readers that are to get it, or have it and have not answered
	prev, next *entry
	delayedAt  int // 1 + index in the heap, 0: not in it
	expiringAt int
}

// consumer is a subscription as its queue sees it.
type consumer struct {
	key         subscriptionKey
	epoch       uint32
	prefetch    int // messages it may have at a time
	credit      int // messages it may still be given
	exclusive   bool
	selection   *selection // nil: no selector
	inTurn      bool
	turn        uint64 // which, while inTurn
	gone        bool
	outstanding entryList
	link        consumerLink
	batch       []*entry // picked for it since the last flush
}

// outcome is how a delivery ended, in AMQP's words.
type outcome uint8

const (
	acknowledged outcome = iota + 1 // done with
	released                        // back to the queue; nobody is to blame
	refused                         // NACK: back to the queue, counted
	discarded                       // NACK with requeue:false
)

func newQueue(l queueLimits) *queue {
	return &queue{
		limits:    l,
		maxLooked: maxLooked,
		consumers: make(map[subscriptionKey]*consumer),
		parked:    make(map[*entry]struct{}),
		claimed:   make(map[*entry]claim),
		expiring:  timeHeap{expiring: true},
	}
}

// room tells whether a message (or several, of size bytes) can be taken now.
func (q *queue) room(n, size int) bool {
	return (q.limits.maxMessages == 0 || q.count+q.reserved+n <= q.limits.maxMessages) &&
		(q.limits.maxBytes == 0 || q.bytes+q.reservedBytes+size <= q.limits.maxBytes)
}

// everRoom tells whether it could be taken by an empty queue.
func (q *queue) everRoom(n, size int) bool {
	return (q.limits.maxMessages == 0 || n <= q.limits.maxMessages) &&
		(q.limits.maxBytes == 0 || size <= q.limits.maxBytes)
}

// reserve books room for a transaction's messages; unreserve gives it back.
func (q *queue) reserve(n, size int)   { q.reserved += n; q.reservedBytes += size }
func (q *queue) unreserve(n, size int) { q.reserved -= n; q.reservedBytes -= size }

// makeRoom drops the oldest ready messages, lowest priority first, until n messages of size bytes
// fit; it tells whether they do. If dropping all of them would not be enough it drops none.
func (q *queue) makeRoom(n, size int) bool {
	drop := 0
	for p := 0; !q.room(n-drop, size) && p < len(q.ready); p++ {
		for e := q.ready[p].head; e != nil && !q.room(n-drop, size); e = e.next {
			drop++
			size -= e.msg.size
		}
	}
	if !q.room(n-drop, size) {
		return false
	}
	for range drop {
		e := q.ready[bits.TrailingZeros16(q.mask)].head
		q.unready(e)
		q.forget(e)
		q.dropped++
	}
	return true
}

// put takes a message; the queue owns it from here on. Room is the caller's business.
func (q *queue) put(m *Message, now time.Time) {
	q.seq++
	e := &entry{msg: m, seq: q.seq}
	q.count++
	q.bytes += m.size
	if !m.expires.IsZero() {
		heap.Push(&q.expiring, e)
	}
	if m.notBefore.After(now) {
		e.state = entryDelayed
		heap.Push(&q.delayed, e)
		return
	}
	q.makeReady(e)
}

// makeReady puts an entry where its number says among the ready ones of its priority.
func (q *queue) makeReady(e *entry) {
	e.state, e.consumer = entryReady, nil
	if e.expiringAt == 0 && !e.msg.expires.IsZero() {
		heap.Push(&q.expiring, e) // it expired while somebody had it: tick drops it
	}
	p := e.msg.priority
	q.ready[p].insert(e)
	q.mask |= 1 << p
	for _, s := range q.selections {
		s.came(e)
	}
}

func (q *queue) unready(e *entry) {
	for _, s := range q.selections {
		s.goes(e)
	}
	p := e.msg.priority
	q.ready[p].remove(e)
	if q.ready[p].head == nil {
		q.mask &^= 1 << p
	}
}

// forget ends the queue's ownership of an entry that is in none of its lists.
func (q *queue) forget(e *entry) {
	e.state = entrySettled
	q.delayed.drop(e)
	q.expiring.drop(e)
	q.count--
	q.bytes -= e.msg.size
}

// attach adds a consumer. One with the same key and an older epoch is superseded: what it held
// goes back at once. It tells false, and does nothing, if the epoch isn't newer.
func (q *queue) attach(key subscriptionKey, epoch uint32, credit int, exclusive bool, link consumerLink) bool {
	if old := q.consumers[key]; old != nil {
		if epoch <= old.epoch {
			return false
		}
		q.detachConsumer(old)
	}
	c := &consumer{key: key, epoch: epoch, prefetch: credit, credit: credit, exclusive: exclusive, link: link}
	q.consumers[key] = c
	q.join(c)
	if exclusive && q.exclusive == nil {
		q.exclusive = c
	}
	q.enterTurn(c)
	return true
}

// detach removes a consumer and puts back what it held. An older epoch is none of its business.
func (q *queue) detach(key subscriptionKey, epoch uint32) bool {
	c := q.consumers[key]
	if c == nil || c.epoch > epoch {
		return false
	}
	q.detachConsumer(c)
	return true
}

func (q *queue) detachConsumer(c *consumer) {
	c.gone = true
	c.credit = 0
	c.batch = nil
	c.link = consumerLink{} // an entry it refused may hold on to c for long
	delete(q.consumers, c.key)
	if c.inTurn {
		q.leaveTurn(c)
	}
	q.part(c)
	for e := c.outstanding.tail; e != nil; e = c.outstanding.tail {
		c.outstanding.remove(e)
		q.makeReady(e)
	}
	if q.exclusive == c {
		q.exclusive = nil
		for _, other := range q.consumers {
			if other.exclusive && (q.exclusive == nil || other.key.less(q.exclusive.key)) {
				q.exclusive = other
			}
		}
	}
}

// settle ends a delivery. It returns the entry if it must be dead-lettered: it is parked then, and
// still owned here. Anything stale (an older epoch, settled before) is ignored.
func (q *queue) settle(key subscriptionKey, epoch uint32, e *entry, how outcome) *entry {
	c := q.consumers[key]
	if c == nil || c.epoch != epoch || e.state != entryOutstanding || e.consumer != c {
		return nil
	}
	c.outstanding.remove(e)
	c.credit++
	q.enterTurn(c)
	return q.end(e, c, how)
}

// end does what an outcome says to an entry that nobody holds any more; c is who refused it.
func (q *queue) end(e *entry, c *consumer, how outcome) *entry {
	switch how {
	case acknowledged:
		q.settled++
		q.forget(e)
	case released:
		q.makeReady(e)
	case refused:
		e.refusals++
		e.avoid = c
		if q.limits.maxDeliveries > 0 && e.refusals >= q.limits.maxDeliveries {
			return q.park(e)
		}
		q.makeReady(e)
	case discarded:
		return q.park(e)
	}
	return nil
}

// claim is who held an entry that a COMMIT has set aside, and what is to become of it.
type claim struct {
	key   subscriptionKey
	epoch uint32
	how   outcome
}

// has tells whether a delivery is that consumer's.
func (q *queue) has(key subscriptionKey, epoch uint32, e *entry) bool {
	c := q.consumers[key]
	return c != nil && c.epoch == epoch && e.state == entryOutstanding && e.consumer == c
}

// claim sets a delivery aside for a COMMIT; its consumer going away no longer puts it back. False:
// the delivery is not that consumer's any more.
func (q *queue) claim(key subscriptionKey, epoch uint32, e *entry, how outcome) bool {
	c := q.consumers[key]
	if c == nil || c.epoch != epoch || e.state != entryOutstanding || e.consumer != c {
		return false
	}
	c.outstanding.remove(e)
	e.state, e.consumer = entryClaimed, nil
	q.claimed[e] = claim{key: key, epoch: epoch, how: how}
	return true
}

// unclaim undoes a claim: the delivery is its consumer's again if that is still there, else the
// message goes back.
func (q *queue) unclaim(e *entry) {
	cl, ok := q.claimed[e]
	if !ok {
		return
	}
	delete(q.claimed, e)
	if c := q.consumers[cl.key]; c != nil && c.epoch == cl.epoch {
		e.state, e.consumer = entryOutstanding, c
		c.outstanding.pushBack(e)
		return
	}
	q.makeReady(e)
}

// settleClaimed carries out what a claim announced. It returns the entry if it must be dead-lettered.
func (q *queue) settleClaimed(e *entry) *entry {
	cl, ok := q.claimed[e]
	if !ok {
		return nil
	}
	delete(q.claimed, e)
	c := q.consumers[cl.key]
	if c != nil && c.epoch == cl.epoch {
		c.credit++
		q.enterTurn(c)
	} else {
		c = nil
	}
	return q.end(e, c, cl.how)
}

// settleOldest acknowledges the n deliveries longest outstanding: an auto-ack subscription's
// messages leave its socket in the order they were given to it.
func (q *queue) settleOldest(key subscriptionKey, epoch uint32, n int) {
	c := q.consumers[key]
	if c == nil || c.epoch != epoch {
		return
	}
	for ; n > 0 && c.outstanding.head != nil; n-- {
		e := c.outstanding.head
		c.outstanding.remove(e)
		c.credit++
		q.settled++
		q.forget(e)
	}
	q.enterTurn(c)
}

func (q *queue) park(e *entry) *entry {
	e.state, e.consumer = entryParked, nil
	q.parked[e] = struct{}{}
	return e
}

// buried ends a parked entry: the dead-letter queue has it.
func (q *queue) buried(e *entry) {
	if e.state == entryParked {
		delete(q.parked, e)
		q.forget(e)
	}
}

func (q *queue) enterTurn(c *consumer) {
	if c.credit > 0 && !c.inTurn && !c.gone {
		q.turns++
		c.turn, c.inTurn = q.turns, true
		q.turnOf(c).push(c)
	}
}

func (q *queue) leaveTurn(c *consumer) {
	q.turnOf(c).remove(c)
	c.inTurn = false
}

// tick moves what is due and drops what has expired.
func (q *queue) tick(now time.Time) {
	for e := q.delayed.top(); e != nil && !e.msg.notBefore.After(now); e = q.delayed.top() {
		q.delayed.drop(e)
		q.expiring.drop(e) // makeReady puts it back; meanwhile its number changes
		q.seq++
		e.seq = q.seq // it comes in now, behind what is there
		q.makeReady(e)
	}
	for e := q.expiring.top(); e != nil && !e.msg.expires.After(now); e = q.expiring.top() {
		q.expiring.drop(e)
		switch e.state {
		case entryReady:
			q.unready(e)
			q.forget(e)
			q.expired++
		case entryDelayed:
			q.forget(e)
			q.expired++
		case entryOutstanding, entryClaimed, entryParked, entrySettled:
			// A consumer has it, or had: if it comes back, dispatch looks again.
		}
	}
}

// wake is when tick has something to do next.
func (q *queue) wake() (time.Time, bool) {
	var at time.Time
	for _, h := range []*timeHeap{&q.delayed, &q.expiring} {
		if e := h.top(); e != nil && (at.IsZero() || h.at(e).Before(at)) {
			at = h.at(e)
		}
	}
	return at, !at.IsZero()
}

// dispatch gives ready messages to consumers with credit, one each in turn, highest priority
// first, into their batches; it appends every consumer with a new batch to touched.
func (q *queue) dispatch(now time.Time, touched []*consumer) []*consumer {
	if len(q.selections) > 0 {
		return q.dispatchSelected(now, touched)
	}
	q.unfinished = false
	for q.mask != 0 {
		e := q.ready[bits.Len16(q.mask)-1].head
		if q.dropExpired(e, now) {
			continue
		}
		c := q.pick(e)
		if c == nil {
			break
		}
		touched = q.give(e, c, touched)
	}
	return touched
}

func (q *queue) dropExpired(e *entry, now time.Time) bool {
	if e.msg.expires.IsZero() || e.msg.expires.After(now) {
		return false
	}
	q.unready(e)
	q.forget(e)
	q.expired++
	return true
}

// give puts a ready message into a consumer's batch.
func (q *queue) give(e *entry, c *consumer, touched []*consumer) []*consumer {
	q.unready(e)
	e.state, e.consumer = entryOutstanding, c
	e.deliveries++
	c.outstanding.pushBack(e)
	c.credit--
	if len(c.batch) == 0 {
		touched = append(touched, c)
	}
	c.batch = append(c.batch, e)
	q.enterTurn(c)
	return touched
}

// takeBack makes ready again what a consumer did not take of its batch. It counts as given out all the same: what came in later
// may have gone to others. The consumer gets nothing more until something of it is settled.
func (q *queue) takeBack(c *consumer, rest []*entry) {
	for _, e := range rest {
		c.outstanding.remove(e)
		q.makeReady(e)
	}
	c.credit = 0
	if c.inTurn {
		q.leaveTurn(c)
	}
}

// pick takes the consumer whose turn it is out of the turn. Who refused the entry last gets it
// again only if nobody else can take it.
func (q *queue) pick(e *entry) *consumer {
	c := q.exclusive
	switch {
	case c != nil && !c.inTurn, c == nil && q.turn.len() == 0:
		return nil
	case c == nil:
		c = q.turn.firstBut(e.avoid)
	}
	q.leaveTurn(c)
	return c
}

// rebuild makes a sound queue from what a crash may have left half done: every message this queue
// still owns, in order, with nothing given out that its consumer doesn't hold: a batch that was not
// handed on goes back. It is the first thing a restarted destination does.
func (q *queue) rebuild() {
	var held []*entry
	for p := range q.ready {
		for e := q.ready[p].head; e != nil; e = e.next {
			held = append(held, e)
		}
	}
	fresh := newQueue(q.limits)
	fresh.seq, fresh.expired, fresh.dropped, fresh.settled = q.seq, q.expired, q.dropped, q.settled
	fresh.exclusive, fresh.turns, fresh.maxLooked = q.exclusive, q.turns, q.maxLooked
	fresh.reserved, fresh.reservedBytes = q.reserved, q.reservedBytes
	for _, e := range held {
		if e.state != entrySettled {
			fresh.own(e)
			e.prev, e.next = nil, nil
			fresh.makeReady(e)
		}
	}
	for _, e := range q.delayed.entries {
		if e.state == entryDelayed {
			fresh.own(e)
			e.delayedAt = 0
			heap.Push(&fresh.delayed, e)
		}
	}
	for e := range q.parked {
		fresh.own(e)
		fresh.parked[e] = struct{}{}
	}
	for e, cl := range q.claimed {
		fresh.own(e)
		fresh.claimed[e] = cl
	}
	for key, c := range q.consumers {
		for _, e := range c.batch {
			if e.state == entryOutstanding && e.consumer == c {
				c.outstanding.remove(e)
				c.credit++
				fresh.own(e)
				fresh.makeReady(e)
			}
		}
		c.batch = nil
		var kept []*entry
		for e := c.outstanding.head; e != nil; e = e.next {
			if e.state == entryOutstanding && e.consumer == c {
				kept = append(kept, e)
			}
		}
		c.outstanding = entryList{}
		for _, e := range kept {
			e.prev, e.next = nil, nil
			c.outstanding.pushBack(e)
			fresh.own(e)
		}
		c.inTurn = false
		fresh.consumers[key] = c
	}
	keys := slices.SortedFunc(maps.Keys(fresh.consumers), compareKeys)
	for _, key := range keys {
		fresh.consumers[key].selection = nil
		fresh.join(fresh.consumers[key])
	}
	// Whose turn it was it still is.
	for _, c := range q.inTurn() {
		if fresh.consumers[c.key] == c {
			fresh.enterTurn(c)
		}
	}
	for _, key := range keys {
		fresh.enterTurn(fresh.consumers[key])
	}
	*q = *fresh
}

// inTurn is who waits for a turn, the first one first.
func (q *queue) inTurn() []*consumer {
	waiting := slices.Clone(q.turn.items[q.turn.first:])
	for _, s := range q.selections {
		waiting = append(waiting, s.turn.items[s.turn.first:]...)
	}
	slices.SortFunc(waiting, func(a, b *consumer) int { return cmp.Compare(a.turn, b.turn) })
	return waiting
}

func compareKeys(a, b subscriptionKey) int {
	return cmp.Or(cmp.Compare(a.connection, b.connection), cmp.Compare(a.serial, b.serial))
}

func (q *queue) own(e *entry) {
	q.count++
	q.bytes += e.msg.size
	e.expiringAt = 0
	if !e.msg.expires.IsZero() {
		heap.Push(&q.expiring, e)
	}
}

// consumerRing is a FIFO of consumers without an allocation per turn.
type consumerRing struct {
	items []*consumer
	first int
}

func (r *consumerRing) len() int { return len(r.items) - r.first }

func (r *consumerRing) push(c *consumer) {
	if len(r.items) == cap(r.items) && r.first > len(r.items)/2 {
		n := copy(r.items, r.items[r.first:])
		clear(r.items[n:])
		r.items, r.first = r.items[:n], 0
	}
	r.items = append(r.items, c)
}

func (r *consumerRing) pop() *consumer {
	c := r.items[r.first]
	r.items[r.first] = nil
	r.first++
	if r.first == len(r.items) {
		r.items, r.first = r.items[:0], 0
	}
	return c
}

// firstBut is the first one that is not c, or else c; the ring must not be empty.
func (r *consumerRing) firstBut(c *consumer) *consumer {
	if r.items[r.first] == c && r.len() > 1 {
		return r.items[r.first+1]
	}
	return r.items[r.first]
}

func (r *consumerRing) remove(c *consumer) {
	for i := r.first; i < len(r.items); i++ {
		if r.items[i] == c {
			// Who is taken out is mostly at the front: what is before it moves, not what is behind it.
			copy(r.items[r.first+1:i+1], r.items[r.first:i])
			r.pop()
			return
		}
	}
}

// before is the order in which ready messages are given out.
func (e *entry) before(o *entry) bool {
	if e.msg.priority != o.msg.priority {
		return e.msg.priority > o.msg.priority
	}
	return e.seq < o.seq
}

// entryList is a doubly linked list through the entries themselves. Those of ready entries are
// ordered by seq.
type entryList struct {
	head, tail *entry
	near       *entry // where the last insert was
}

func (l *entryList) pushBack(e *entry) {
	e.prev, e.next = l.tail, nil
	if l.tail == nil {
		l.head = e
	} else {
		l.tail.next = e
	}
	l.tail = e
}

// insert places e by its seq. A new entry goes to the end. Returned ones mostly come back many at a
// time and in order, forwards or backwards, so each is looked for from where the last one went.
func (l *entryList) insert(e *entry) {
	if l.tail == nil || l.tail.seq < e.seq {
		l.pushBack(e)
		return
	}
	after := l.near
	if after == nil {
		after = l.head
	}
	for after.seq < e.seq {
		after = after.next
	}
	for after.prev != nil && after.prev.seq > e.seq {
		after = after.prev
	}
	e.prev, e.next = after.prev, after
	if after.prev == nil {
		l.head = e
	} else {
		after.prev.next = e
	}
	after.prev = e
	l.near = e
}

func (l *entryList) remove(e *entry) {
	if l.near == e {
		l.near = e.next
	}
	if e.prev == nil {
		l.head = e.next
	} else {
		e.prev.next = e.next
	}
	if e.next == nil {
		l.tail = e.prev
	} else {
		e.next.prev = e.prev
	}
	e.prev, e.next = nil, nil
}

// timeHeap has the entry with the earliest moment on top, and can drop any entry.
type timeHeap struct {
	entries  []*entry
	expiring bool // by the end of their time; else by its beginning
}

func (h *timeHeap) at(e *entry) time.Time {
	if h.expiring {
		return e.msg.expires
	}
	return e.msg.notBefore
}

// index is where an entry remembers 1 + its place.
func (h *timeHeap) index(e *entry) *int {
	if h.expiring {
		return &e.expiringAt
	}
	return &e.delayedAt
}

func (h *timeHeap) Len() int { return len(h.entries) }
func (h *timeHeap) Less(i, j int) bool {
	a, b := h.at(h.entries[i]), h.at(h.entries[j])
	return a.Before(b) || (a.Equal(b) && h.entries[i].seq < h.entries[j].seq)
}

func (h *timeHeap) Swap(i, j int) {
	h.entries[i], h.entries[j] = h.entries[j], h.entries[i]
	*h.index(h.entries[i]), *h.index(h.entries[j]) = i+1, j+1
}

func (h *timeHeap) Push(x any) {
	e := x.(*entry)
	h.entries = append(h.entries, e)
	*h.index(e) = len(h.entries)
}

func (h *timeHeap) Pop() any {
	last := h.entries[len(h.entries)-1]
	h.entries[len(h.entries)-1] = nil
	h.entries = h.entries[:len(h.entries)-1]
	*h.index(last) = 0
	return last
}

func (h *timeHeap) top() *entry {
	if len(h.entries) == 0 {
		return nil
	}
	return h.entries[0]
}

func (h *timeHeap) drop(e *entry) {
	if i := *h.index(e); i > 0 {
		heap.Remove(h, i-1)
	}
}
