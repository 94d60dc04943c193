package actors

import (
	"cmp"
	"slices"
	"time"

	"stampede/actors/selector"
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
	selector  *selector.Selector // nil: every message
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

func (m *modelQueue) attach(key subscriptionKey, epoch uint32, credit int, exclusive bool, s *selector.Selector) bool {
	if old := m.find(key); old != nil {
		if epoch <= old.epoch {
			return false
		}
		m.leave(old)
	}
	c := &modelConsumer{key: key, epoch: epoch, credit: credit, exclusive: exclusive, selector: s}
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

// selecting tells whether any consumer has a selector.
func (m *modelQueue) selecting() bool {
	return slices.ContainsFunc(m.consumers, func(c *modelConsumer) bool { return c.selector != nil })
}

// wanted is the first message that somebody with room may have. If nobody has a selector it is the first
// message.
func (m *modelQueue) wanted() *modelMessage {
	for p := priorities - 1; p >= 0; p-- {
		for _, x := range m.readyAt(uint8(p)) {
			if !m.selecting() || slices.ContainsFunc(m.turn, func(c *modelConsumer) bool { return m.mayHave(c, x) }) {
				return x
			}
		}
	}
	return nil
}

// dispatch gives out what it can and tells who got something, in the order they first did.
func (m *modelQueue) dispatch(now time.Time) (touched []*modelConsumer) {
	for {
		next := m.wanted()
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

func (m *modelQueue) mayHave(c *modelConsumer, x *modelMessage) bool {
	return (m.exclusive == nil || m.exclusive == c) && c.selector.Matches(x.msg.lookup)
}

// pick takes the first in turn that may have it, rather not the one that refused it last; who is passed
// over keeps its turn.
func (m *modelQueue) pick(x *modelMessage) *modelConsumer {
	fit := slices.DeleteFunc(slices.Clone(m.turn), func(c *modelConsumer) bool { return !m.mayHave(c, x) })
	if len(fit) == 0 {
		return nil
	}
	c := fit[0]
	if c == x.avoid && len(fit) > 1 {
		c = fit[1]
	}
	m.turn = slices.DeleteFunc(m.turn, func(o *modelConsumer) bool { return o == c })
	return c
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
