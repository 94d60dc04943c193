package actors

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// router is the supervisor of the destinations: it makes them, lets them retire, and knows the
// wildcard subscriptions, which it attaches to every topic they match, present and future. So a
// topic's fan-out is a flat list, however its subscribers came to it.
type router struct {
	core       *core
	life       *life
	patterns   patternTree[*patternSubscription]
	byKey      map[subscriptionKey]*patternSubscription
	generation uint64 // an actor's name is never used again
	settings   settingsTable
	begun      func()
	ready      <-chan struct{} // closed when the configured destinations are there for the first time
	made       int             // destinations made on first use that are there
}

// patternSubscription is a wildcard subscription as it was last asked for.
type patternSubscription struct{ last *subscribe }

func newRouter(c *core) func(*life) process {
	// Made once: the router resumes over failures, but should it ever be restarted, its table lives on.
	ready := make(chan struct{})
	r := &router{core: c, byKey: make(map[subscriptionKey]*patternSubscription), ready: ready}
	r.begun = sync.OnceFunc(func() { close(ready) })
	c.destinations = r
	return func(l *life) process {
		r.life = l
		return r
	}
}

func (r *router) receive(ctx actor.Context, message any) {
	switch m := message.(type) {
	case *resolve:
		h, fault := r.resolve(ctx, m.name, m.owner, m.mayCreate)
		if !m.answer(ctx, &resolved{name: m.name.full, handle: h, fault: fault}) && h != nil {
			h.release()
			if h.owner != 0 && h.owner == m.owner && m.search != nil {
				r.drop(ctx, h) // its owner has gone, and does not know of it
			}
		}
	case *subscribe:
		r.subscribe(ctx, m)
	case *unsubscribe:
		r.unsubscribe(ctx, m)
	case *burial:
		r.bury(ctx, m)
	case *retired:
		r.remove(ctx, m.handle)
	case *dropTemporary:
		r.drop(ctx, m.handle)
	case *gaveUp:
		// Destinations are never given up: their policy has no maximum.
		r.core.unhandled(r.life, message)
	case *ping:
		m.pong()
	case *settingsChanged:
		r.settingsChanged(ctx, m)
	case *catchUp:
		r.catchUp(ctx, m)
	case *actor.Started:
		r.configure(ctx)
		r.begun()
	case *actor.Terminated, *actor.Stopping, *actor.Stopped, *actor.Restarting:
	default:
		r.core.unhandled(r.life, message)
	}
}

// refuse answers for a message that keeps crashing the router.
func (r *router) refuse(ctx actor.Context, message any) {
	switch m := message.(type) {
	case *resolve:
		m.answer(ctx, &resolved{name: m.name.full, fault: internalFault()})
	case *subscribe:
		if m.session != nil {
			r.life.pass(m.session, &subscriptionRefused{serial: m.key.serial, epoch: m.epoch, fault: internalFault()})
		}
	case *unsubscribe: // one more try: else it would be served for ever; and an answer, whatever comes of that
		if m.session != nil {
			defer r.life.pass(m.session, &unsubscribed{serial: m.key.serial})
		}
		unasked := *m
		unasked.session = nil
		r.unsubscribe(ctx, &unasked)
	case *burial:
		ctx.Send(m.from.pid(), &unburied{burial: m})
	case *settingsChanged:
		m.done()
	case *catchUp:
		m.done()
	}
}

// configure makes the configured destinations that are not there yet.
func (r *router) configure(ctx actor.Context) {
	for i := range r.core.settings().Destination {
		d := &r.core.settings().Destination[i]
		if d.Pattern() {
			continue
		}
		k := kindOf(d)
		if h := r.core.table.lookup(d.Name); h != nil {
			if h.kind != k {
				r.core.log.Warn("a destination can't change its type while the broker runs", "destination", d.Name, "is", h.kind.String(), "configured", k.String())
			}
			continue
		}
		if _, err := r.make(ctx, &handle{name: d.Name, address: d.Name, kind: k}); err != nil {
			panic(err)
		}
	}
	if s := r.core.settings().Stats; s.Enabled && r.core.table.lookup(s.Destination) == nil {
		if _, err := r.make(ctx, &handle{name: s.Destination, address: s.Destination, kind: kindTopic}); err != nil {
			panic(err)
		}
	}
}

// settingsChanged has every destination go by the configuration that is in force now. Nothing is lost: one
// that is no longer configured is from now on like one made on first use.
func (r *router) settingsChanged(ctx actor.Context, m *settingsChanged) {
	r.configure(ctx)
	answers := newTally(m.done)
	for _, h := range r.all(func(*handle) bool { return true }) {
		was, is := h.settings.Load(), r.settingsOf(h)
		if was == is {
			continue
		}
		if h.buffered != (is.minDelivery > 0) {
			r.core.log.Warn("a topic can't begin or cease to have min_delivery while it is there", "destination", h.name, "is", was.minDelivery, "configured", is.minDelivery)
			as := *is
			as.minDelivery = was.minDelivery
			is = &as
		}
		ctx.Send(h.pid(), &reconfigure{settings: is, done: h.owes(answers.one())})
		if was.webReadBlock && !is.webReadBlock && h.kind == kindTopic {
			for _, p := range r.matching(h.address) {
				if p.last.web {
					ctx.Send(h.pid(), p.quietly())
				}
			}
		}
	}
	answers.complete()
}

// catchUp has every destination say when it has dealt with what it was sent.
func (r *router) catchUp(ctx actor.Context, m *catchUp) {
	answers := newTally(m.done)
	for _, h := range r.all(func(*handle) bool { return true }) {
		ctx.Send(h.pid(), &catchUp{done: h.owes(answers.one())})
	}
	answers.complete()
}

// tally calls done when all who were asked have answered.
type tally struct {
	left atomic.Int64
	done func()
}

func newTally(done func()) *tally {
	t := &tally{done: done}
	t.left.Store(1) // for complete
	return t
}

// one counts one more, who is to call what it gets; that it may do so twice.
func (t *tally) one() func() {
	t.left.Add(1)
	return sync.OnceFunc(t.complete)
}

// complete is called when nobody else will be asked.
func (t *tally) complete() {
	if t.left.Add(-1) == 0 {
		t.done()
	}
}

func (r *router) settingsOf(h *handle) *destinationSettings {
	return r.settings.settingsFor(r.core.settings(), h.name, h.kind)
}

// resolve finds a destination, or makes it if it may be made. The handle is leased.
func (r *router) resolve(ctx actor.Context, name destinationName, owner uint64, mayCreate bool) (*handle, *Fault) {
	if !name.temp {
		if h := r.core.table.lookup(name.full); h != nil {
			if h.acquire() {
				return h, nil
			}
			r.remove(ctx, h) // it has retired and its notice is on the way
		}
	}
	full := strings.Clone(name.full) // of a frame, which is not to stay in memory for its name
	h := &handle{name: full, address: full, kind: name.kind}
	limit := r.core.settings().Destinations.Max
	switch {
	case name.kind == 0:
		return nil, unknownDestination(name.full)
	case name.reply:
		return nil, noTemporary(name.full)
	case name.temp:
		h.owner = owner
		h.address = r.core.opaqueName(name.kind)
	case !mayCreate:
		return nil, faultf(CodeDestinationUnknown, "destination unknown", "there is no destination %q, and this login has no right to make it", name.full)
	case !r.core.settings().Destinations.AutoCreate:
		return nil, faultf(CodeDestinationUnknown, "destination unknown", "no destination %q is configured, and destinations.auto_create is off", name.full)
	}
	if limit > 0 && r.made >= limit && !takesDeadLetters(r.core.settings(), name.full) {
		r.core.log.Warn("a destination was not made", "destination", name.full, "limit", "destinations.max", "value", limit)
		return nil, limitFault(CodeConnections, "too many destinations", "destinations.max", int64(limit))
	}
	h.leases.Store(1)
	h, err := r.make(ctx, h)
	if err != nil {
		panic(err)
	}
	return h, nil
}

// make starts a destination, attaches the patterns that match it, and only then lets others find it.
func (r *router) make(ctx actor.Context, h *handle) (*handle, error) {
	h.settings.Store(r.settingsOf(h))
	h.buffered = h.settings.Load().minDelivery > 0
	h.state = newDestinationState(h)
	r.generation++
	l, err := r.core.spawn(ctx, &r.core.roles.destination, actorName(h.kind, h.address, r.generation), func(l *life) process {
		return &destination{destinationState: h.state, core: r.core, life: l}
	})
	if err != nil {
		return nil, fmt.Errorf("make destination %q: %w", h.name, err)
	}
	h.life = l
	if h.kind == kindTopic {
		for _, p := range r.matching(h.address) {
			if p.mayRead(h) {
				ctx.Send(l.pid, p.quietly())
			}
		}
	}
	if !h.settings.Load().kept {
		h.counted = true
		r.made++
	}
	r.core.table.put(h)
	r.core.event(Event{Kind: EventDestinationMade, Role: r.core.roles.destination.name, Actor: l.pid.Id, Destination: h.name})
	return h, nil
}

// matching gives the wildcard subscriptions for a topic, oldest first: a map's order must not
// decide who gets a message first.
func (r *router) matching(address string) []*patternSubscription {
	var found []*patternSubscription
	if levels, ok := strings.CutPrefix(address, topicPrefix); ok { // configured plain names match no pattern
		r.patterns.match(levels, func(p *patternSubscription) { found = append(found, p) })
	}
	slices.SortFunc(found, func(a, b *patternSubscription) int {
		if a.last.key.less(b.last.key) {
			return -1
		}
		return 1
	})
	return found
}

// mayRead tells whether a pattern reaches this topic.
func (p *patternSubscription) mayRead(h *handle) bool {
	return !p.last.web || !h.settings.Load().webReadBlock
}

// quietly is the subscription for one more topic: nobody waits for an answer.
func (p *patternSubscription) quietly() *subscribe {
	s := *p.last
	s.session = nil
	return &s
}

// subscribe attaches a wildcard subscription everywhere. The topics have it in their mailboxes
// when the answer goes out, so whatever is sent after the answer reaches it.
func (r *router) subscribe(ctx actor.Context, m *subscribe) {
	p := r.byKey[m.key]
	if p != nil && p.last.epoch >= m.epoch {
		return
	}
	if p == nil {
		p = &patternSubscription{last: m}
		r.byKey[m.key] = p
		r.patterns.add(levelsOf(m.pattern), p)
	}
	p.last = m
	r.eachMatch(m.pattern, func(h *handle) {
		if p.mayRead(h) {
			ctx.Send(h.pid(), p.quietly())
		}
	})
	if m.session != nil {
		r.life.pass(m.session, &subscribed{serial: m.key.serial, epoch: m.epoch})
	}
}

func (r *router) unsubscribe(ctx actor.Context, m *unsubscribe) {
	if p := r.byKey[m.key]; p != nil && p.last.epoch <= m.epoch {
		delete(r.byKey, m.key)
		r.patterns.remove(levelsOf(m.pattern), p)
		r.eachMatch(m.pattern, func(h *handle) {
			ctx.Send(h.pid(), &unsubscribe{key: m.key, epoch: m.epoch, pattern: m.pattern})
		})
	}
	if m.session != nil {
		r.life.pass(m.session, &unsubscribed{serial: m.key.serial})
	}
}

// levelsOf is what of a pattern or topic name is levels.
func levelsOf(name string) string { return strings.TrimPrefix(name, topicPrefix) }

func (r *router) eachMatch(pattern string, f func(*handle)) {
	pattern = levelsOf(pattern)
	for _, h := range r.all(func(h *handle) bool {
		levels, ok := strings.CutPrefix(h.address, topicPrefix)
		return ok && matchesPattern(pattern, levels)
	}) {
		f(h)
	}
}

// all gives the destinations that f is true for, in the order of their names.
func (r *router) all(f func(*handle) bool) []*handle {
	var found []*handle
	r.core.table.each(func(h *handle) {
		if f(h) {
			found = append(found, h)
		}
	})
	slices.SortFunc(found, func(a, b *handle) int { return strings.Compare(a.address, b.address) })
	return found
}

// bury passes a dead letter on.
func (r *router) bury(ctx actor.Context, b *burial) {
	name, fault := parseName(b.to, false)
	var h *handle
	if fault == nil || fault.Code == CodeDestinationUnknown {
		h, fault = r.resolve(ctx, name, 0, true)
	}
	if fault != nil {
		r.core.log.Warn("no dead-letter queue", "destination", name.full, "cause", fault)
		ctx.Send(b.from.pid(), &unburied{burial: b})
		return
	}
	ctx.Send(h.pid(), &publish{to: h, batch: []*Message{b.msg}, bury: b})
}

// drop ends a temporary destination with its connection. Messages in it had one possible reader.
// It stops once what is on the way to it has been dealt with.
func (r *router) drop(ctx actor.Context, h *handle) {
	if r.forget(h) && h.drop() {
		r.stop(ctx, h)
	}
}

// remove ends a destination that takes no leases any more and has none.
func (r *router) remove(ctx actor.Context, h *handle) {
	r.forget(h)
	r.stop(ctx, h)
}

func (r *router) forget(h *handle) bool {
	if !r.core.table.remove(h) {
		return false
	}
	if h.counted {
		r.made--
	}
	return true
}

func (r *router) stop(ctx actor.Context, h *handle) {
	if !h.life.stopping.Swap(true) {
		r.core.event(Event{Kind: EventDestinationRemoved, Role: h.life.role.name, Actor: h.pid().Id, Destination: h.name})
		ctx.Poison(h.pid())
	}
}
