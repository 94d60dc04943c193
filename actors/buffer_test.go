package actors

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"stampede/actors/selector"
)

// modelBuffer says what a buffer does with lists that are searched from end to end: each reader has a list of
// all that it is still to get.
type modelBuffer struct {
	limits           queueLimits
	need             int
	all              []*modelKept
	readers          []*modelReader
	arrivals         uint64
	reserved         int
	reservedBytes    int
	expired, dropped uint64
	gaveOut, again   int // for the test to know that something happened
}

type modelKept struct {
	msg     *Message
	entry   *entry
	state   entryState // ready, delayed or settled
	arrival uint64
	had     int
	claims  []*modelReading // set aside by COMMITs
}

type modelReader struct {
	key      subscriptionKey
	epoch    uint32
	window   int
	selector *selector.Selector
	todo     []*modelReading
	open     []*modelReading
	batch    int
	lost     bool
	gone     bool
}

type modelReading struct {
	x          *modelKept
	by         *modelReader
	epoch      uint32
	how        outcome
	deliveries int
}

func (m *modelBuffer) in(s entryState) []*modelKept {
	found := slices.DeleteFunc(slices.Clone(m.all), func(x *modelKept) bool { return x.state != s })
	slices.SortFunc(found, func(a, b *modelKept) int { return cmp.Compare(a.arrival, b.arrival) })
	return found
}

func (m *modelBuffer) find(key subscriptionKey) *modelReader {
	for _, r := range m.readers {
		if r.key == key {
			return r
		}
	}
	return nil
}

func (m *modelBuffer) size() (count, bytes int) {
	for _, x := range m.all {
		if x.state != entrySettled {
			count++
			bytes += x.msg.size
		}
	}
	return count, bytes
}

func (m *modelBuffer) room(n, size int) bool {
	count, bytes := m.size()
	return (m.limits.maxMessages == 0 || count+m.reserved+n <= m.limits.maxMessages) &&
		(m.limits.maxBytes == 0 || bytes+m.reservedBytes+size <= m.limits.maxBytes)
}

// end takes a message away from everybody who is still to get it.
func (m *modelBuffer) end(x *modelKept) (missed bool) {
	x.state = entrySettled
	for _, r := range m.readers {
		before := len(r.todo)
		r.todo = slices.DeleteFunc(r.todo, func(g *modelReading) bool { return g.x == x })
		if len(r.todo) < before {
			missed = true
		}
	}
	return missed
}

func (m *modelBuffer) drop(n, size int, which func(*modelKept) bool) bool {
	var drops []*modelKept
	left := size
	for _, x := range m.in(entryReady) {
		if !m.room(n-len(drops), left) && which(x) {
			drops = append(drops, x)
			left -= x.msg.size
		}
	}
	if !m.room(n-len(drops), left) {
		return false
	}
	for _, x := range drops {
		for _, r := range m.readers {
			if slices.ContainsFunc(r.todo, func(g *modelReading) bool { return g.x == x }) {
				r.lost = true
			}
		}
		if m.end(x) || x.had < m.need {
			m.dropped++
		}
	}
	return true
}

func (m *modelBuffer) put(msg *Message, now time.Time) {
	m.arrivals++
	x := &modelKept{msg: msg, arrival: m.arrivals, state: entryDelayed}
	m.all = append(m.all, x)
	if !msg.notBefore.After(now) {
		m.enter(x)
	}
}

func (m *modelBuffer) enter(x *modelKept) {
	x.state = entryReady
	for _, r := range m.readers {
		r.todo = append(r.todo, &modelReading{x: x, by: r})
	}
}

// settleAll lets go of what enough have had and nobody is to answer for.
func (m *modelBuffer) settleAll() {
	for _, x := range m.in(entryReady) {
		wanted := len(x.claims) > 0
		for _, r := range m.readers {
			for _, g := range slices.Concat(r.todo, r.open) {
				wanted = wanted || g.x == x
			}
		}
		if x.had >= m.need && !wanted {
			x.state = entrySettled
		}
	}
}

func (m *modelBuffer) attach(key subscriptionKey, epoch uint32, window int, s *selector.Selector) bool {
	r := m.find(key)
	if r == nil {
		r = &modelReader{key: key, epoch: epoch, window: window, selector: s}
		for _, x := range m.in(entryReady) {
			if x.had < m.need {
				r.todo = append(r.todo, &modelReading{x: x, by: r})
			}
		}
		m.readers = append(m.readers, r)
		return true
	}
	if epoch <= r.epoch {
		return false
	}
	r.epoch, r.window, r.selector = epoch, window, s
	m.back(r, r.open)
	r.open, r.batch = nil, 0
	return true
}

func (m *modelBuffer) back(r *modelReader, back []*modelReading) {
	for _, g := range back {
		if g.x.state == entryReady {
			r.todo = append(r.todo, g)
		}
	}
	slices.SortFunc(r.todo, func(a, b *modelReading) int { return cmp.Compare(a.x.arrival, b.x.arrival) })
}

func (m *modelBuffer) detach(key subscriptionKey, epoch uint32) bool {
	r := m.find(key)
	if r == nil || epoch < r.epoch {
		return false
	}
	r.gone = true
	m.readers = slices.DeleteFunc(m.readers, func(o *modelReader) bool { return o == r })
	return true
}

func (m *modelBuffer) take(key subscriptionKey, epoch uint32, x *modelKept) *modelReading {
	r := m.find(key)
	if r == nil || r.epoch != epoch {
		return nil
	}
	for i, g := range r.open {
		if g.x == x {
			r.open = slices.Delete(r.open, i, i+1)
			return g
		}
	}
	return nil
}

func (x *modelKept) answer(how outcome) {
	if how == acknowledged && x.state == entryReady {
		x.had++
	}
}

func (m *modelBuffer) unclaim(g *modelReading) {
	g.x.claims = slices.DeleteFunc(g.x.claims, func(o *modelReading) bool { return o == g })
	switch {
	case m.find(g.by.key) == nil:
	case !g.by.gone && g.by.epoch == g.epoch:
		g.by.open = append(g.by.open, g)
	default:
		m.back(m.find(g.by.key), []*modelReading{g})
	}
}

func (m *modelBuffer) tick(now time.Time) {
	due := slices.DeleteFunc(m.in(entryDelayed), func(x *modelKept) bool { return x.msg.notBefore.After(now) })
	slices.SortStableFunc(due, func(a, b *modelKept) int { return a.msg.notBefore.Compare(b.msg.notBefore) })
	for _, x := range due {
		m.arrivals++
		x.arrival = m.arrivals
		if x.msg.expires.IsZero() || x.msg.expires.After(now) {
			m.enter(x)
		}
	}
	for _, x := range m.all {
		if x.state != entrySettled && !x.msg.expires.IsZero() && !x.msg.expires.After(now) {
			if x.had == 0 {
				m.expired++
			}
			m.end(x)
		}
	}
}

func (m *modelBuffer) dispatch(now time.Time) {
	for _, x := range m.all {
		if x.state != entrySettled && !x.msg.expires.IsZero() && !x.msg.expires.After(now) {
			m.tick(now)
		}
	}
	claims := func(r *modelReader) int {
		n := 0
		for _, x := range m.all {
			for _, g := range x.claims {
				if g.by == r && g.epoch == r.epoch {
					n++
				}
			}
		}
		return n
	}
	for _, r := range m.readers {
		for len(r.todo) > 0 && len(r.open)+claims(r) < r.window {
			g := r.todo[0]
			r.todo = r.todo[1:]
			if g.deliveries == 0 && r.selector != nil && !r.selector.Matches(g.x.msg.lookup) {
				continue
			}
			if g.deliveries++; g.deliveries > 1 {
				m.again++
			}
			r.open = append(r.open, g)
			r.batch++
			m.gaveOut++
		}
	}
}

func (m *modelBuffer) rebuild() {
	for _, r := range m.readers {
		batch := r.open[len(r.open)-r.batch:]
		r.open = r.open[:len(r.open)-r.batch]
		r.batch = 0
		m.back(r, batch)
	}
}

// bufferPair is a buffer and its model.
type bufferPair struct {
	*queuePair // for its messages, keys and moments
	b          *buffer
	m          *modelBuffer
	claims     []*modelReading
	ended      uint32 // subscriptions that have; their keys are never used again
}

func (p *bufferPair) key() subscriptionKey {
	key := p.queuePair.key()
	key.serial += 10 * p.ended
	for _, r := range p.m.readers {
		if r.key.connection == key.connection && r.key.serial%10 == key.serial%10 {
			return r.key
		}
	}
	return key
}

// delivery gives a message that a reader has, and most often the right reader.
func (p *bufferPair) delivery() (*modelKept, subscriptionKey, uint32) {
	key := p.key()
	epoch := 1 + p.r.Uint32N(3)
	r := p.m.find(key)
	if len(p.m.readers) > 0 && p.r.IntN(8) > 0 {
		r = p.m.readers[p.r.IntN(len(p.m.readers))]
		key = r.key
	}
	if r != nil && p.r.IntN(8) > 0 {
		epoch = r.epoch
	}
	if r != nil && len(r.open) > 0 && p.r.IntN(8) > 0 {
		return r.open[p.r.IntN(len(r.open))].x, key, epoch
	}
	if len(p.m.all) == 0 {
		return nil, key, epoch
	}
	return p.m.all[p.r.IntN(len(p.m.all))], key, epoch
}

func (p *bufferPair) put() {
	msg := p.message()
	msg.id = fmt.Sprint(len(p.m.all))
	p.did("put %s size %d", msg.id, msg.size)
	room := p.b.room(1, msg.size)
	p.same("room", room, p.m.room(1, msg.size))
	if !room {
		room = p.b.shed(1, msg.size)
		p.same("shed", room, p.m.drop(1, msg.size, func(x *modelKept) bool { return x.had >= p.m.need }))
	}
	if !room && p.m.limits.full == fullDropOldest {
		room = p.b.makeRoom(1, msg.size)
		p.same("makeRoom", room, p.m.drop(1, msg.size, func(*modelKept) bool { return true }))
	}
	if !room {
		return
	}
	p.b.put(msg, p.now)
	p.m.put(msg, p.now)
	x := p.m.all[len(p.m.all)-1]
	if x.entry = p.b.list.tail; x.state == entryDelayed {
		for _, e := range p.b.delayed.entries {
			if e.msg == msg {
				x.entry = e
			}
		}
	}
}

func (p *bufferPair) transact() {
	if len(p.claims) > 0 && p.r.IntN(3) > 0 {
		i := p.r.IntN(len(p.claims))
		g := p.claims[i]
		p.claims = slices.Delete(p.claims, i, i+1)
		commit := p.r.IntN(2) == 0
		p.did("decide on %s of %v: %t", g.x.msg.id, g.by.key, commit)
		if commit {
			p.b.settleClaimed(g.by.key, g.x.entry)
			g.x.claims = slices.DeleteFunc(g.x.claims, func(o *modelReading) bool { return o == g })
			g.x.answer(g.how)
		} else {
			p.b.unclaim(g.by.key, g.x.entry)
			p.m.unclaim(g)
		}
		return
	}
	x, key, epoch := p.delivery()
	if x == nil {
		return
	}
	for _, g := range p.claims {
		if g.x == x && g.by.key == key {
			return // after a restart of its subscription it may be had once more; two COMMITs never claim it both
		}
	}
	how := p.outcome()
	p.did("claim %s by %v epoch %d as %d", x.msg.id, key, epoch, how)
	g := p.m.take(key, epoch, x)
	p.same("claim", p.b.claim(key, epoch, x.entry, how), g != nil)
	if g != nil {
		g.epoch, g.how = epoch, how
		x.claims = append(x.claims, g)
		p.claims = append(p.claims, g)
	}
}

func (p *bufferPair) step() {
	p.t.Helper()
	switch n := p.r.IntN(100); {
	case n < 25:
		p.put()
	case n < 35:
		key := p.key()
		epoch := 1 + p.r.Uint32N(3)
		if r := p.m.find(key); r != nil {
			epoch = r.epoch + p.r.Uint32N(2)
		}
		window, s := 1+p.r.IntN(4), p.selectors[p.r.IntN(len(p.selectors))]
		p.did("attach %v epoch %d window %d selector %v", key, epoch, window, s)
		p.same("attach", p.b.attach(key, epoch, window, consumerLink{selector: s}), p.m.attach(key, epoch, window, s))
	case n < 39:
		_, key, epoch := p.delivery()
		p.did("detach %v epoch %d", key, epoch)
		gone := p.m.detach(key, epoch)
		p.same("detach", p.b.detach(key, epoch), gone)
		if gone {
			p.ended++
		}
	case n < 58:
		if x, key, epoch := p.delivery(); x != nil {
			how := p.outcome()
			p.did("settle %s by %v epoch %d as %d", x.msg.id, key, epoch, how)
			p.b.settle(key, epoch, x.entry, how)
			if p.m.take(key, epoch, x) != nil {
				x.answer(how)
			}
		}
	case n < 62:
		_, key, epoch := p.delivery()
		n := p.r.IntN(4)
		p.did("settleOldest %v epoch %d n %d", key, epoch, n)
		p.b.settleOldest(key, epoch, n)
		for ; n > 0; n-- {
			if r := p.m.find(key); r != nil && r.epoch == epoch && len(r.open) > 0 {
				r.open[0].x.answer(acknowledged)
				r.open = r.open[1:]
			}
		}
	case n < 72:
		p.transact()
	case n < 78:
		p.now = p.now.Add(time.Duration(p.r.IntN(3)) * time.Second)
		p.did("tick %v", p.now.Unix())
		p.b.tick(p.now)
		p.m.tick(p.now)
		if at := p.b.wake(); !at.IsZero() && !at.After(p.now) {
			p.t.Fatal("after a tick it wants to be woken at once")
		}
	case n < 80:
		p.m.need = 1 + p.r.IntN(4)
		p.did("need %d", p.m.need)
		p.b.setNeed(p.m.need)
	case n < 96:
		crash := p.r.IntN(8) == 0
		p.did("dispatch, crash %t", crash)
		p.b.dispatch(p.now)
		p.m.dispatch(p.now)
		taken := len(p.b.readers)
		if crash {
			taken = p.r.IntN(taken + 1)
		}
		for i, r := range p.b.readers[:taken] {
			p.same("batch", r.batch, p.m.readers[i].batch)
			r.batch, p.m.readers[i].batch = 0, 0
		}
		if crash {
			p.rebuild()
		}
	default:
		p.rebuild()
	}
	p.m.settleAll()
}

func (p *bufferPair) rebuild() {
	p.did("rebuild")
	if p.r.IntN(2) == 0 { // what is derived may have been left in any state
		p.b.count, p.b.bytes, p.b.spare = p.r.IntN(1000), p.r.IntN(1000), p.r.IntN(1000)
		p.b.expiring.entries = p.b.expiring.entries[:0]
		for _, r := range p.b.readers {
			r.next, r.claims = nil, p.r.IntN(10)
		}
		for e := p.b.list.head; e != nil; e = e.next {
			e.awaiting = p.r.Int32N(10)
		}
	}
	p.b.rebuild()
	p.m.rebuild()
}

// compare walks everything a buffer has and holds it against the model.
func (p *bufferPair) compare() {
	p.t.Helper()
	b, m := p.b, p.m
	show := func(e *entry, had int) string { return fmt.Sprintf("%s:%d", e.msg.id, had) }
	var got, want []string
	spare := 0
	for e := b.list.head; e != nil; e = e.next {
		got = append(got, show(e, int(e.had)))
	}
	for _, x := range m.in(entryReady) {
		want = append(want, show(x.entry, x.had))
		if x.had >= m.need {
			spare++
		}
	}
	p.same("the list", strings.Join(got, " "), strings.Join(want, " "))
	count, bytes := m.size()
	p.same("what is counted", fmt.Sprint(b.count, b.bytes, b.spare, b.delayed.Len(), b.expired, b.dropped), fmt.Sprint(count, bytes, spare, len(m.in(entryDelayed)), m.expired, m.dropped))
	p.same("readers", len(b.readers), len(m.readers))
	for i, r := range b.readers {
		x := m.readers[i]
		var got, want []string
		for _, g := range r.again {
			if g.e.state == entryReady {
				got = append(got, fmt.Sprintf("%s/%d", g.e.msg.id, g.deliveries))
			}
		}
		for e := r.next; e != nil; e = e.next {
			got = append(got, e.msg.id+"/0")
		}
		got = append(got, "|")
		for _, g := range r.open {
			got = append(got, fmt.Sprintf("%s/%d", g.e.msg.id, g.deliveries))
		}
		for _, g := range x.todo {
			want = append(want, fmt.Sprintf("%s/%d", g.x.msg.id, g.deliveries))
		}
		want = append(want, "|")
		for _, g := range x.open {
			want = append(want, fmt.Sprintf("%s/%d", g.x.msg.id, g.deliveries))
		}
		p.same(fmt.Sprintf("reader %v", r.key), fmt.Sprint(r.key, r.epoch, got, r.lost), fmt.Sprint(x.key, x.epoch, want, x.lost))
	}
}

// Whatever is done to a buffer, in any order and with a crash at any point: every subscriber gets every message that came
// while it was there, and those before that fewer than min_delivery had had, once and in order, or again if a restart
// put it back; a message goes when enough have had it and nobody is to answer for it, or when there is no room. The
// model is too simple to be wrong.
func TestBufferAgainstModel(t *testing.T) {
	gaveOut, again, dropped := 0, 0, uint64(0)
	randomly(t, 60, func(t *testing.T, r *rand.Rand) {
		limits := queueLimits{full: fullPolicy(r.IntN(3))}
		if r.IntN(3) > 0 {
			limits.maxMessages = 1 + r.IntN(20)
		}
		if r.IntN(3) == 0 {
			limits.maxBytes = 40 + r.IntN(400)
		}
		need := 1 + r.IntN(3)
		p := &bufferPair{
			queuePair: &queuePair{t: t, r: r, m: &modelQueue{}, now: time.Unix(1000, 0), selectors: someSelectors(t, r)},
			b:         newBuffer(limits, need), m: &modelBuffer{limits: limits, need: need},
		}
		defer func() {
			if t.Failed() {
				t.Logf("limits %+v, need %d, selectors %v; the last steps:\n%s", limits, need, p.selectors, strings.Join(p.log[max(0, len(p.log)-25):], "\n"))
			}
		}()
		for range 250 {
			p.step()
			p.compare()
		}
		gaveOut += p.m.gaveOut
		again += p.m.again
		dropped += p.m.dropped
	})
	if *seedFlag == 0 && (gaveOut == 0 || again == 0 || dropped == 0) {
		t.Errorf("%d messages were given out, %d again, %d dropped: the steps don't reach what they are to test", gaveOut, again, dropped)
	}
}
