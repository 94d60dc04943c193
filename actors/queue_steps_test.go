package actors

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"stampede/actors/selector"
	"stampede/stompwire"
)

// queuePair is a queue and its model, and what was done to both.
type queuePair struct {
	t   *testing.T
	r   *rand.Rand
	q   *queue
	m   *modelQueue
	now time.Time
	log []string

	selectors []*selector.Selector // that consumers may have
}

// someSelectors gives what consumers choose from: mostly nothing but "every message", so that queues
// without selectors are tested as hard as those with.
func someSelectors(t *testing.T, r *rand.Rand) []*selector.Selector {
	found := []*selector.Selector{nil}
	if r.IntN(2) == 0 {
		return found
	}
	for range 1 + r.IntN(4) {
		text := []string{"color = 'red'", "color <> 'red'", "n > 2", "n BETWEEN 1 AND 3", "color IS NULL", "n = 7"}[r.IntN(6)]
		s, err := selector.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, s)
	}
	return found[r.IntN(2):]
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
	if p.r.IntN(3) > 0 {
		m.header = append(m.header, stompwire.Field{Name: "color", Value: []string{"red", "green"}[p.r.IntN(2)]})
	}
	if p.r.IntN(3) > 0 {
		m.header = append(m.header, stompwire.Field{Name: "n", Value: fmt.Sprint(p.r.IntN(5))})
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
		s := p.selectors[p.r.IntN(len(p.selectors))]
		p.did("attach %v epoch %d credit %d exclusive %t selector %v", key, epoch, credit, exclusive, s)
		p.same("attach", p.q.attach(key, epoch, credit, exclusive, consumerLink{selector: s}), p.m.attach(key, epoch, credit, exclusive, s))
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
		p := &queuePair{t: t, r: r, q: newQueue(limits), m: &modelQueue{limits: limits}, now: time.Unix(1000, 0), selectors: someSelectors(t, r)}
		defer func() {
			if t.Failed() {
				t.Logf("limits %+v, selectors %v; the last steps:\n%s", limits, p.selectors, strings.Join(p.log[max(0, len(p.log)-25):], "\n"))
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
