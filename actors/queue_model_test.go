package actors

import (
	"cmp"
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// modelQueue says what a queue does, in loops over everything: nothing is linked, indexed or counted on
// the way. A message is in one place because it has one field that says which.
type modelQueue struct {
	limits            queueLimits
	all               []*modelMessage // every message ever put, settled ones too
	consumers         []*modelConsumer
	turn              []*modelConsumer // with room for more, in the order they are served
	exclusive         *modelConsumer
	arrivals          uint64
	handed            uint64 // orders what a consumer holds
	reserved          int
	reservedBytes     int
	expired, dropped  uint64
	gaveOut, returned int // for the test to know that something happened
}

type modelMessage struct {
	msg        *Message
	entry      *entry // the queue's, found by walking it
	state      entryState
	arrival    uint64
	holder     *modelConsumer
	handed     uint64
	avoid      *modelConsumer
	claim      claim
	deliveries int
	refusals   int
	seen       int // how often a consumer really got it
}

type modelConsumer struct {
	key       subscriptionKey
	epoch     uint32
	credit    int
	exclusive bool
	gone      bool
	real      *consumer
	batch     []*modelMessage // dispatched, and not yet taken by the actor
}

func (m *modelQueue) find(key subscriptionKey) *modelConsumer {
	for _, c := range m.consumers {
		if c.key == key {
			return c
		}
	}
	return nil
}

func (m *modelQueue) in(s entryState) []*modelMessage {
	var found []*modelMessage
	for _, x := range m.all {
		if x.state == s {
			found = append(found, x)
		}
	}
	slices.SortFunc(found, func(a, b *modelMessage) int { return cmp.Compare(a.arrival, b.arrival) })
	return found
}

// readyAt is what waits in one priority, the oldest first.
func (m *modelQueue) readyAt(p uint8) []*modelMessage {
	return slices.DeleteFunc(m.in(entryReady), func(x *modelMessage) bool { return x.msg.priority != p })
}

func (m *modelQueue) heldBy(c *modelConsumer) []*modelMessage {
	held := slices.DeleteFunc(m.in(entryOutstanding), func(x *modelMessage) bool { return x.holder != c })
	slices.SortFunc(held, func(a, b *modelMessage) int { return cmp.Compare(a.handed, b.handed) })
	return held
}

func (m *modelQueue) size() (count, bytes int) {
	for _, x := range m.all {
		if x.state != entrySettled {
			count++
			bytes += x.msg.size
		}
	}
	return count, bytes
}

func (m *modelQueue) room(n, size int) bool {
	count, bytes := m.size()
	return (m.limits.maxMessages == 0 || count+m.reserved+n <= m.limits.maxMessages) &&
		(m.limits.maxBytes == 0 || bytes+m.reservedBytes+size <= m.limits.maxBytes)
}

// makeRoom drops nothing if dropping everything that waits would not be enough.
func (m *modelQueue) makeRoom(n, size int) bool {
	var gone []*modelMessage
	for p := range uint8(priorities) {
		for _, x := range m.readyAt(p) {
			if m.room(n, size) {
				break
			}
			x.state = entrySettled
			gone = append(gone, x)
		}
	}
	if !m.room(n, size) {
		for _, x := range gone {
			x.state = entryReady
		}
		return false
	}
	m.dropped += uint64(len(gone))
	return true
}

func (m *modelQueue) put(msg *Message, now time.Time) {
	m.arrivals++
	x := &modelMessage{msg: msg, arrival: m.arrivals}
	if msg.notBefore.After(now) {
		x.state = entryDelayed
	}
	m.all = append(m.all, x)
}

// enter gives a consumer with room its turn, behind the others.
func (m *modelQueue) enter(c *modelConsumer) {
	if c.credit > 0 && !c.gone && !slices.Contains(m.turn, c) {
		m.turn = append(m.turn, c)
	}
}

func (m *modelQueue) attach(key subscriptionKey, epoch uint32, credit int, exclusive bool) bool {
	if old := m.find(key); old != nil {
		if epoch <= old.epoch {
			return false
		}
		m.leave(old)
	}
	c := &modelConsumer{key: key, epoch: epoch, credit: credit, exclusive: exclusive}
	m.consumers = append(m.consumers, c)
	if exclusive && m.exclusive == nil {
		m.exclusive = c
	}
	m.enter(c)
	return true
}

func (m *modelQueue) detach(key subscriptionKey, epoch uint32) bool {
	c := m.find(key)
	if c == nil || epoch < c.epoch {
		return false
	}
	m.leave(c)
	return true
}

func (m *modelQueue) leave(c *modelConsumer) {
	c.gone = true
	m.consumers = slices.DeleteFunc(m.consumers, func(o *modelConsumer) bool { return o == c })
	m.turn = slices.DeleteFunc(m.turn, func(o *modelConsumer) bool { return o == c })
	for _, x := range m.heldBy(c) {
		x.state, x.holder = entryReady, nil
		m.returned++
	}
	if m.exclusive == c {
		m.exclusive = nil
		for _, o := range m.consumers {
			if o.exclusive && (m.exclusive == nil || o.key.less(m.exclusive.key)) {
				m.exclusive = o
			}
		}
	}
}

// end tells whether the message has to be dead-lettered.
func (m *modelQueue) end(x *modelMessage, c *modelConsumer, how outcome) bool {
	x.holder = nil
	switch how {
	case acknowledged:
		x.state = entrySettled
	case released:
		x.state = entryReady
		m.returned++
	case refused:
		x.refusals++
		x.avoid = c
		m.returned++
		x.state = entryReady
		if m.limits.maxDeliveries > 0 && x.refusals >= m.limits.maxDeliveries {
			x.state = entryParked
		}
	case discarded:
		x.state = entryParked
	}
	return x.state == entryParked
}

// holds gives the consumer of this epoch if it has the message.
func (m *modelQueue) holds(key subscriptionKey, epoch uint32, x *modelMessage) *modelConsumer {
	if c := m.find(key); c != nil && c.epoch == epoch && x.state == entryOutstanding && x.holder == c {
		return c
	}
	return nil
}

func (m *modelQueue) settle(key subscriptionKey, epoch uint32, x *modelMessage, how outcome) bool {
	c := m.holds(key, epoch, x)
	if c == nil {
		return false
	}
	c.credit++
	m.enter(c)
	return m.end(x, c, how)
}

func (m *modelQueue) claimFor(key subscriptionKey, epoch uint32, x *modelMessage, how outcome) bool {
	if m.holds(key, epoch, x) == nil {
		return false
	}
	x.state, x.holder, x.claim = entryClaimed, nil, claim{key: key, epoch: epoch, how: how}
	return true
}

func (m *modelQueue) unclaim(x *modelMessage) {
	if x.state != entryClaimed {
		return
	}
	if c := m.find(x.claim.key); c != nil && c.epoch == x.claim.epoch {
		m.handed++
		x.state, x.holder, x.handed = entryOutstanding, c, m.handed
		return
	}
	x.state = entryReady
	m.returned++
}

func (m *modelQueue) settleClaimed(x *modelMessage) bool {
	if x.state != entryClaimed {
		return false
	}
	c := m.find(x.claim.key)
	if c != nil && c.epoch == x.claim.epoch {
		c.credit++
		m.enter(c)
	} else {
		c = nil
	}
	return m.end(x, c, x.claim.how)
}

func (m *modelQueue) settleOldest(key subscriptionKey, epoch uint32, n int) {
	c := m.find(key)
	if c == nil || c.epoch != epoch {
		return
	}
	held := m.heldBy(c)
	for _, x := range held[:min(n, len(held))] {
		x.state, x.holder = entrySettled, nil
		c.credit++
	}
	m.enter(c)
}

func (m *modelQueue) tick(now time.Time) {
	due := slices.DeleteFunc(m.in(entryDelayed), func(x *modelMessage) bool { return x.msg.notBefore.After(now) })
	slices.SortStableFunc(due, func(a, b *modelMessage) int { return a.msg.notBefore.Compare(b.msg.notBefore) })
	for _, x := range due { // it arrives when it is due
		m.arrivals++
		x.state, x.arrival = entryReady, m.arrivals
	}
	for _, x := range slices.Concat(m.in(entryReady), m.in(entryDelayed)) {
		m.expire(x, now)
	}
}

func (m *modelQueue) expire(x *modelMessage, now time.Time) bool {
	if x.msg.expires.IsZero() || x.msg.expires.After(now) {
		return false
	}
	x.state = entrySettled
	m.expired++
	return true
}

// dispatch gives out what it can and tells who got something, in the order they first did.
func (m *modelQueue) dispatch(now time.Time) (touched []*modelConsumer) {
	for {
		var next *modelMessage
		for p := range uint8(priorities) {
			if waiting := m.readyAt(p); len(waiting) > 0 {
				next = waiting[0]
			}
		}
		if next == nil {
			return touched
		}
		if m.expire(next, now) {
			continue
		}
		c := m.pick(next)
		if c == nil {
			return touched
		}
		m.handed++
		next.state, next.holder, next.handed = entryOutstanding, c, m.handed
		next.deliveries++
		c.credit--
		if len(c.batch) == 0 {
			touched = append(touched, c)
		}
		c.batch = append(c.batch, next)
		m.enter(c)
		m.gaveOut++
	}
}

// pick takes the first in turn that may have it; who is passed over goes to the end.
func (m *modelQueue) pick(x *modelMessage) *modelConsumer {
	mayHave := func(c *modelConsumer) bool { return m.exclusive == nil || m.exclusive == c }
	for i, c := range m.turn {
		if mayHave(c) && c != x.avoid {
			m.turn = slices.Concat(m.turn[i+1:], m.turn[:i])
			return c
		}
	}
	for i, c := range m.turn {
		if mayHave(c) {
			m.turn = slices.Concat(m.turn[:i], m.turn[i+1:])
			return c
		}
	}
	return nil
}

// rebuild puts back what was dispatched and never left.
func (m *modelQueue) rebuild() {
	for _, c := range m.consumers {
		for _, x := range c.batch {
			if x.state == entryOutstanding && x.holder == c {
				x.state, x.holder = entryReady, nil
				c.credit++
			}
		}
		c.batch = nil
	}
	again := slices.Clone(m.consumers)
	slices.SortFunc(again, func(a, b *modelConsumer) int { return compareKeys(a.key, b.key) })
	for _, c := range again {
		m.enter(c)
	}
}

// wake is the first moment at which tick has something to do.
func (m *modelQueue) wake() time.Time {
	var at time.Time
	sooner := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	for _, x := range m.in(entryDelayed) {
		sooner(x.msg.notBefore)
		sooner(x.msg.expires)
	}
	for _, x := range m.in(entryReady) {
		sooner(x.msg.expires)
	}
	return at
}

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
	for _, c := range q.turn.items[q.turn.first:] {
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
	var _ heap.Interface = h
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

// queuePair is a queue and its model, and what was done to both.
type queuePair struct {
	t   *testing.T
	r   *rand.Rand
	q   *queue
	m   *modelQueue
	now time.Time
	log []string
}

func (p *queuePair) did(format string, args ...any) {
	p.log = append(p.log, fmt.Sprintf(format, args...))
}

func (p *queuePair) same(what string, got, want any) {
	p.t.Helper()
	if got != want {
		p.t.Fatalf("%s gave %v; the model gives %v", what, got, want)
	}
}

func (p *queuePair) message() *Message {
	m := &Message{id: fmt.Sprint(len(p.m.all)), priority: defaultPriority, size: 1 + p.r.IntN(50)}
	if p.r.IntN(2) == 0 {
		m.priority = uint8(p.r.IntN(priorities))
	}
	if p.r.IntN(4) == 0 {
		m.expires = p.later()
	}
	if p.r.IntN(5) == 0 {
		m.notBefore = p.later()
	}
	return m
}

// later is a moment that others are likely to share; it may have passed already.
func (p *queuePair) later() time.Time { return p.now.Add(time.Duration(p.r.IntN(8)-1) * time.Second) }

func (p *queuePair) key() subscriptionKey {
	return subscriptionKey{connection: 1 + p.r.Uint64N(2), serial: 1 + p.r.Uint32N(3)}
}

// epoch is one that its consumer has, or near it.
func (p *queuePair) epoch(key subscriptionKey) uint32 {
	c := p.m.find(key)
	if c == nil {
		return 1 + p.r.Uint32N(3)
	}
	if p.r.IntN(4) > 0 {
		return c.epoch
	}
	return c.epoch + p.r.Uint32N(3) - 1
}

// any gives a message in one of these states, or else whichever.
func (p *queuePair) any(states ...entryState) *modelMessage {
	if len(p.m.all) == 0 {
		return nil
	}
	var fit []*modelMessage
	for _, s := range states {
		fit = append(fit, p.m.in(s)...)
	}
	if len(fit) == 0 || p.r.IntN(8) == 0 {
		return p.m.all[p.r.IntN(len(p.m.all))]
	}
	return fit[p.r.IntN(len(fit))]
}

// delivery gives a message, and most often who has it.
func (p *queuePair) delivery() (*modelMessage, subscriptionKey, uint32) {
	x := p.any(entryOutstanding)
	key := p.key()
	if x != nil && x.holder != nil && p.r.IntN(8) > 0 {
		key = x.holder.key
	}
	return x, key, p.epoch(key)
}

func (p *queuePair) outcome() outcome {
	return []outcome{acknowledged, released, refused, discarded}[p.r.IntN(4)]
}

// step does one thing to both.
func (p *queuePair) step() {
	p.t.Helper()
	switch n := p.r.IntN(100); {
	case n < 25:
		p.put()
	case n < 33:
		key := p.key()
		epoch, credit, exclusive := p.epoch(key)+p.r.Uint32N(2), 1+p.r.IntN(4), p.r.IntN(6) == 0
		p.did("attach %v epoch %d credit %d exclusive %t", key, epoch, credit, exclusive)
		p.same("attach", p.q.attach(key, epoch, credit, exclusive, consumerLink{}), p.m.attach(key, epoch, credit, exclusive))
	case n < 37:
		key := p.key()
		epoch := p.epoch(key)
		p.did("detach %v epoch %d", key, epoch)
		p.same("detach", p.q.detach(key, epoch), p.m.detach(key, epoch))
	case n < 55:
		p.settle()
	case n < 58:
		key := p.key()
		epoch, n := p.epoch(key), p.r.IntN(4)
		p.did("settleOldest %v epoch %d n %d", key, epoch, n)
		p.q.settleOldest(key, epoch, n)
		p.m.settleOldest(key, epoch, n)
	case n < 70:
		p.transact()
	case n < 76:
		if x := p.any(entryParked); x != nil {
			p.did("buried %s", x.msg.id)
			p.q.buried(x.entry)
			if x.state == entryParked {
				x.state = entrySettled
			}
		}
	case n < 82:
		p.now = p.now.Add(time.Duration(p.r.IntN(3)) * time.Second)
		p.did("tick %v", p.now.Unix())
		p.q.tick(p.now)
		p.m.tick(p.now)
		if at, ok := p.q.wake(); ok && !at.After(p.now) {
			p.t.Fatal("after a tick it wants to be woken at once")
		}
	case n < 96:
		p.dispatch(p.r.IntN(8) == 0)
	default:
		p.rebuild()
	}
}

func (p *queuePair) put() {
	x := p.message()
	p.did("put %s priority %d size %d", x.id, x.priority, x.size)
	room := p.q.room(1, x.size)
	p.same("room", room, p.m.room(1, x.size))
	if !room && p.m.limits.full == fullDropOldest {
		room = p.q.makeRoom(1, x.size)
		p.same("makeRoom", room, p.m.makeRoom(1, x.size))
	}
	if room {
		p.q.put(x, p.now)
		p.m.put(x, p.now)
	}
}

func (p *queuePair) settle() {
	x, key, epoch := p.delivery()
	if x == nil {
		return
	}
	how := p.outcome()
	p.did("settle %s by %v epoch %d as %d", x.msg.id, key, epoch, how)
	dead := p.q.settle(key, epoch, x.entry, how)
	p.same("settle", dead != nil, p.m.settle(key, epoch, x, how))
	if dead != nil && dead != x.entry {
		p.t.Fatal("settle gave another entry to be dead-lettered")
	}
}

// transact does a part of what a COMMIT does.
func (p *queuePair) transact() {
	switch p.r.IntN(5) {
	case 0, 1:
		x, key, epoch := p.delivery()
		if x == nil {
			return
		}
		how := p.outcome()
		p.did("claim %s by %v epoch %d as %d", x.msg.id, key, epoch, how)
		p.same("claim", p.q.claim(key, epoch, x.entry, how), p.m.claimFor(key, epoch, x, how))
	case 2:
		if x := p.any(entryClaimed); x != nil {
			p.did("unclaim %s", x.msg.id)
			p.q.unclaim(x.entry)
			p.m.unclaim(x)
		}
	case 3:
		if x := p.any(entryClaimed); x != nil {
			p.did("settleClaimed %s", x.msg.id)
			dead := p.q.settleClaimed(x.entry)
			p.same("settleClaimed", dead != nil, p.m.settleClaimed(x))
		}
	case 4:
		n, size := 1+p.r.IntN(3), 1+p.r.IntN(80)
		if p.m.reserved > 0 {
			n, size = -p.m.reserved, -p.m.reservedBytes
		} else if !p.m.room(n, size) {
			return
		}
		p.did("reserve %d of %d bytes", n, size)
		if n > 0 {
			p.q.reserve(n, size)
		} else {
			p.q.unreserve(-n, -size)
		}
		p.m.reserved += n
		p.m.reservedBytes += size
	}
}

// dispatch hands the batches on as the actor does. A crash on the way leaves some untaken.
func (p *queuePair) dispatch(crash bool) {
	p.t.Helper()
	p.did("dispatch, crash %t", crash)
	touched := p.q.dispatch(p.now, nil)
	want := p.m.dispatch(p.now)
	p.same("dispatch: consumers with a batch", len(touched), len(want))
	taken := len(touched)
	if crash && taken > 0 {
		taken = p.r.IntN(taken)
	}
	for i, c := range touched {
		p.same("dispatch: consumer", c.key, want[i].key)
		p.same("dispatch: messages for it", len(c.batch), len(want[i].batch))
		for j, e := range c.batch {
			x := want[i].batch[j]
			p.same("dispatch: message", e.msg, x.msg)
			if i < taken {
				if x.seen++; x.seen > 1 && e.deliveries < 2 {
					p.t.Fatalf("message %s is given out again and counts %d deliveries", x.msg.id, e.deliveries)
				}
			}
		}
		if i < taken {
			c.batch, want[i].batch = nil, nil
		}
	}
	if crash {
		p.rebuild()
	}
}

// rebuild is a restart of the actor; what is derived may have been left in any state.
func (p *queuePair) rebuild() {
	p.did("rebuild")
	if p.r.IntN(2) == 0 {
		p.q.count, p.q.bytes, p.q.mask = p.r.IntN(1000), p.r.IntN(1000), uint16(p.r.IntN(1<<priorities))
		p.q.expiring.entries = p.q.expiring.entries[:0]
	}
	p.q.rebuild()
	p.m.rebuild()
}

// Whatever is done to a queue, in any order and with a crash at any point: every message has exactly one
// owner until it is settled, and counts, order, turns, credit and wake-ups are those of a model that
// is too simple to be wrong.
func TestQueueAgainstModel(t *testing.T) {
	gaveOut, returned := 0, 0
	randomly(t, 60, func(t *testing.T, r *rand.Rand) {
		limits := queueLimits{full: fullPolicy(r.IntN(3))}
		if r.IntN(3) > 0 {
			limits.maxMessages = 1 + r.IntN(30)
		}
		if r.IntN(3) == 0 {
			limits.maxBytes = 40 + r.IntN(600)
		}
		if r.IntN(2) == 0 {
			limits.maxDeliveries = 1 + r.IntN(3)
		}
		p := &queuePair{t: t, r: r, q: newQueue(limits), m: &modelQueue{limits: limits}, now: time.Unix(1000, 0)}
		defer func() {
			if t.Failed() {
				t.Logf("limits %+v; the last steps:\n%s", limits, strings.Join(p.log[max(0, len(p.log)-25):], "\n"))
			}
		}()
		for range 250 {
			p.step()
			compareQueue(t, p.q, p.m)
		}
		gaveOut += p.m.gaveOut
		returned += p.m.returned
	})
	if *seedFlag == 0 && (gaveOut == 0 || returned == 0) {
		t.Errorf("%d messages were given out and %d came back: the steps don't reach what they are to test", gaveOut, returned)
	}
}
