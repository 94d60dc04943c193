package actors

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// programState is what the program that embeds the broker shares with the actor that serves it.
type programState struct {
	core     *core
	messages atomic.Uint64
	work     *gate // publishing that is under way
	handlers *gate // handlers of SubscribeFunc that run

	replies     atomic.Pointer[replies] // made with the first Request
	subscribing chan struct{}           // held by who makes it

	mu        sync.Mutex
	temporary map[string]*handle // the program's own, by the name it uses
}

// programID stands where a client has the number of its connection.
const programID = math.MaxUint64

func newProgramState(c *core) *programState {
	return &programState{
		core: c, work: newGate(), handlers: newGate(),
		subscribing: make(chan struct{}, 1), temporary: make(map[string]*handle),
	}
}

// lookup gives a destination, leased, or what to ask the router for.
func (p *programState) lookup(name string, subscribing bool) (destinationName, *handle, *Fault) {
	parsed, fault := parseName(name, subscribing)
	if fault != nil && fault.Code != CodeDestinationUnknown {
		return parsed, nil, fault
	}
	h := p.own(name)
	if h == nil && !parsed.temp {
		h = p.core.table.lookup(name)
	}
	if h != nil && h.acquire() {
		return parsed, h, nil
	}
	return parsed, nil, fault
}

func (p *programState) own(name string) *handle {
	if !isTemporary(name) {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.temporary[name]
}

func (p *programState) remember(name string, h *handle) {
	if h.owner != programID {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.temporary[name] = h
}

// program is the actor that serves the program in which the broker runs. To subscriptions and
// destinations it is what a session is to them, but for the codec: messages come and go as Go values.
type program struct {
	*programState
	life          *life
	serial        uint32
	subscriptions map[uint32]*Subscription
	waiting       map[string][]finder // for a destination, in the order they came
	commits       map[txID]*ownCommit
	nextCommit    uint64
	closing       bool // the broker ends: no new subscription, and none stays
}

// endSubscriptions (broker → program): the broker is going to end.
type endSubscriptions struct{}

func newProgram(c *core) func(*life) process {
	p := &program{programState: c.program, subscriptions: make(map[uint32]*Subscription), waiting: make(map[string][]finder), commits: make(map[txID]*ownCommit)}
	return func(l *life) process {
		p.life = l
		return p
	}
}

// openSubscription (goroutine → program): attach it. Its destination is found and leased.
type openSubscription struct{ subscription *Subscription }

// closeSubscription (goroutine, clock → program): detach it. Why is nil if the program wanted it.
type closeSubscription struct {
	subscription *Subscription
	why          *Fault
}

func (p *program) receive(ctx actor.Context, message any) {
	switch m := message.(type) {
	case *PublishRequest:
		p.publishRequest(ctx, m)
	case *Transaction:
		p.transact(ctx, m)
	case *ownCommit:
		p.commit(ctx, m)
	case *giveUpCommit:
		p.failCommit(ctx, m.commit, nil)
		m.undone.give(nil)
	case *prepared:
		p.prepared(ctx, m)
	case *decided:
		p.decided(m)
	case *resolved:
		p.resolved(ctx, m)
	case *openSubscription:
		p.open(ctx, m.subscription)
	case *closeSubscription:
		p.close(ctx, m.subscription, m.why)
	case *endSubscriptions:
		p.closing = true
		for _, s := range p.ordered() {
			if _, stays := s.outlet.(*replies); stays {
				continue // a handler that runs may wait for one
			}
			s.why = shutdownFault()
			s.end()
		}
	case *subscribed:
		p.subscribed(m)
	case *subscriptionRefused:
		p.refused(ctx, m)
	case *unsubscribed:
		p.unsubscribed(ctx, m)
	case *overflowed:
		if s := p.subscriptions[m.serial]; s != nil {
			p.core.event(Event{Kind: EventSlowConsumer, Role: p.life.role.name, Actor: p.life.pid.Id, Destination: s.Destination(), Cause: strconv.Itoa(m.pending) + " bytes pending"})
			p.close(ctx, s, m.fault(p.core.settings()))
		}
	case *rejected: // an Ack that came too late: the message is another's by now
		if s := p.subscriptions[m.serial]; s != nil && m.fault.Code == CodeInternal {
			ctx.Send(s.state.life.pid, &startOver{}) // or one that was lost: what it was for comes again
		}
	case *accepted, *acked:
	case *actor.Terminated:
		p.terminated(ctx, m)
	case *actor.Started:
		p.started(ctx)
	case *actor.Stopping:
		p.stopping()
	case *gaveUp, *actor.Stopped, *actor.Restarting:
	default:
		p.core.unhandled(p.life, message)
	}
}

// refuse answers for a message that keeps crashing the actor.
func (p *program) refuse(ctx actor.Context, message any) {
	switch m := message.(type) {
	case *PublishRequest:
		if !m.routed {
			m.routed = true
			p.respond(&waitingRequest{request: m, sender: ctx.Sender()}, internalFault())
		}
	case *ownCommit:
		p.failCommit(ctx, m, internalFault())
		m.asked.give(internalFault())
	case *openSubscription:
		p.turnAway(m.subscription, internalFault())
	}
}

// turnAway refuses a subscription that was not begun.
func (p *program) turnAway(s *Subscription, why *Fault) {
	p.settled(s)
	s.asked.give(why)
	s.finish(why)
}

// started: it resumes over panics, but a goroutine that ends within it costs it an incarnation, and that its
// children.
func (p *program) started(ctx actor.Context) {
	for _, s := range p.ordered() {
		switch {
		case s.state.life == nil: // its opening is done again
		case !s.state.ended.Load():
			p.attach(ctx, s)
		default: // its end was on the way with an actor that is gone
			m := &unsubscribe{key: s.state.key, epoch: s.state.epoch, session: p.life}
			to := p.core.router()
			if s.state.handle != nil {
				to = s.state.handle.pid()
			} else {
				m.pattern = s.state.destination.full
			}
			ctx.Send(to, m)
		}
	}
}

// open begins a subscription.
func (p *program) open(ctx actor.Context, s *Subscription) {
	if s.state.life != nil {
		return // begun before
	}
	if p.closing {
		p.turnAway(s, shutdownFault())
		return
	}
	if s.state.key.serial == 0 {
		p.serial++
		s.state.key = subscriptionKey{connection: programID, serial: p.serial}
	}
	p.subscriptions[s.state.key.serial] = s
	p.attach(ctx, s)
}

// attach starts an actor for a subscription; that attaches it.
func (p *program) attach(ctx actor.Context, s *Subscription) {
	name := "sub." + strconv.FormatUint(uint64(s.state.key.serial), 10)
	if s.state.epoch > 0 {
		name += "~" + strconv.FormatUint(uint64(s.state.epoch), 10) // names are never used again
	}
	l, err := p.core.spawn(ctx, &p.core.roles.consumer, name, func(l *life) process {
		return &subscription{subscriptionState: s.state, life: l, session: p.life, own: s}
	})
	if err != nil {
		panic(err)
	}
	s.state.life = l
	if pid := s.pid(); pid != nil {
		ctx.Watch(pid)
	}
}

func (p *program) subscribed(m *subscribed) {
	s := p.subscriptions[m.serial]
	if s == nil {
		return
	}
	if !s.state.attached {
		p.core.event(Event{Kind: EventSubscribed, Role: p.life.role.name, Actor: p.life.pid.Id, Destination: s.Destination()})
	}
	p.settled(s)
	s.asked.give(nil)
}

// settled gives back the lease that kept the destination until it had the subscription.
func (p *program) settled(s *Subscription) {
	if s.state.handle != nil && !s.state.attached {
		s.state.handle.release()
	}
	s.state.attached = true
}

func (p *program) refused(ctx actor.Context, m *subscriptionRefused) {
	s := p.subscriptions[m.serial]
	if s == nil {
		return
	}
	s.state.ended.Store(true)
	s.asked.give(m.fault)
	p.gone(ctx, s, m.fault)
}

// close detaches a subscription. What was asked of it before is done before.
func (p *program) close(ctx actor.Context, s *Subscription, why *Fault) {
	if s.state.ended.Load() || p.subscriptions[s.state.key.serial] != s {
		return
	}
	if s.why == nil {
		s.why = why
	}
	s.state.ended.Store(true)
	s.end()
	ctx.Send(s.state.life.pid, &endSubscription{})
}

func (p *program) unsubscribed(ctx actor.Context, m *unsubscribed) {
	if s := p.subscriptions[m.serial]; s != nil {
		s.asked.give(nil)
		p.core.event(Event{Kind: EventUnsubscribed, Role: p.life.role.name, Actor: p.life.pid.Id, Destination: s.Destination()})
		p.gone(ctx, s, s.why)
	}
}

// gone lets go of a subscription that its destination has no more.
func (p *program) gone(ctx actor.Context, s *Subscription, why *Fault) {
	delete(p.subscriptions, s.state.key.serial)
	p.settled(s)
	s.state.life.stop(ctx)
	if pid := s.pid(); pid != nil && !p.serves(pid) {
		ctx.Unwatch(pid)
	}
	if h := s.state.handle; h != nil && h.owner == programID {
		p.dropTemporary(ctx, s.state.destination.full, h)
	}
	s.finish(why)
}

// serves tells whether an actor has a subscription left.
func (p *program) serves(pid *actor.PID) bool {
	for _, s := range p.subscriptions {
		if own := s.pid(); own != nil && own.Equal(pid) {
			return true
		}
	}
	return false
}

// dropTemporary lets a temporary destination go with its last subscription.
func (p *program) dropTemporary(ctx actor.Context, name string, h *handle) {
	for _, s := range p.subscriptions {
		if s.state.handle == h {
			return
		}
	}
	p.mu.Lock()
	delete(p.temporary, name)
	p.mu.Unlock()
	ctx.Send(p.core.router(), &dropTemporary{handle: h})
}

// terminated ends the subscriptions of an actor that has ended.
func (p *program) terminated(ctx actor.Context, m *actor.Terminated) {
	for _, s := range p.ordered() {
		if pid := s.pid(); pid != nil && pid.Equal(m.Who) {
			p.close(ctx, s, nil)
		}
	}
}

// stopping: the broker has ended, and with it what the program is subscribed to. Answers may still come while
// the children stop: nobody waits for them any more.
func (p *program) stopping() {
	for _, s := range p.ordered() {
		delete(p.subscriptions, s.state.key.serial)
		s.asked.give(shutdownFault())
		s.finish(shutdownFault())
	}
}

func (p *program) ordered() []*Subscription {
	all := make([]*Subscription, 0, len(p.subscriptions))
	for _, serial := range slices.Sorted(maps.Keys(p.subscriptions)) {
		all = append(all, p.subscriptions[serial])
	}
	return all
}
