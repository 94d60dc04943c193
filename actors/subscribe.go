package actors

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/stompwire"
)

// Subscription is a subscription of the program's own. Its methods may be called from any goroutine.
type Subscription struct {
	broker *Broker
	state  *subscriptionState
	outlet outlet
	auto   bool
	asked  *inquiry[*Fault]
	why    *Fault // the program actor's: why it ends

	mu      sync.Mutex
	items   []*Delivery   // put and not yet taken
	more    chan struct{} // there may be something in items
	ended   bool          // nothing is given out any more
	closing bool          // closeSubscription is out
	workers int           // goroutines that call the handler

	ctx    context.Context // of handlers
	cancel context.CancelFunc
	done   chan struct{}
	err    error // once done is closed
}

// outlet is where a subscription's deliveries go.
type outlet interface {
	put(deliveries []*Delivery)
	purge() // the queue gives out again what was not answered: forget it where that can be
}

// told is the outlet of SubscribeActor.
type told struct {
	subscription *Subscription
	pid          *actor.PID
}

// AckMode says who settles a delivery, and how many.
type AckMode string

// The modes of a subscription.
const (
	AckIndividual AckMode = "client-individual" // each delivery by itself; the default
	AckCumulative AckMode = "client"            // Ack and Nack are for all deliveries before it too
	AckAuto       AckMode = "auto"              // a message counts as dealt with when the program takes it
)

// subscribeOptions is what options of Subscribe set.
type subscribeOptions struct {
	header   stompwire.Header
	prefetch int
	mode     AckMode
	workers  int
}

type subscribeOption func(*subscribeOptions)

func (f subscribeOption) subscribing(o *subscribeOptions) { f(o) }

// WithPrefetch bounds how many deliveries may be unanswered at a time, from 1 to session.max_prefetch.
// Without it session.default_prefetch holds.
func WithPrefetch(n int) SubscribeOption {
	return subscribeOption(func(o *subscribeOptions) { o.prefetch = n })
}

// WithAck sets the mode.
func WithAck(m AckMode) SubscribeOption {
	return subscribeOption(func(o *subscribeOptions) { o.mode = m })
}

// WithWorkers has SubscribeFunc call its handler on n goroutines at a time; without it on one, so that
// messages are handled in order.
func WithWorkers(n int) SubscribeOption {
	return subscribeOption(func(o *subscribeOptions) { o.workers = n })
}

// ErrEnded is the error of a subscription that has ended because the program wanted it to.
var ErrEnded = errors.New("the subscription has ended")

// Subscribe subscribes the program to a destination, or to all topics of a wildcard, and returns when
// messages reach it. Take them with Next or All, and answer each with Ack, Nack or Discard.
//
// The subscription ends with ctx, with Unsubscribe, or with the broker; what is unanswered then goes back
// to its queue. It outlives a failure of any part of the broker: what was unanswered comes again,
// and says so by Redelivered. The error is a *Fault, or ctx's.
func (b *Broker) Subscribe(ctx context.Context, destination string, opts ...SubscribeOption) (*Subscription, error) {
	s, _, err := b.subscribe(ctx, destination, nil, opts)
	return s, err
}

// SubscribeFunc is Subscribe with a handler that is called for each message. The message is
// acknowledged when the handler returns nil, and refused (see Delivery.Nack) when it returns an error or
// panics; a handler may also answer by itself. Its context is made of ctx.
//
// Handlers that run when the subscription is to end are waited for, so that nobody else gets their
// messages meanwhile; Broker.Shutdown waits for them too.
func (b *Broker) SubscribeFunc(ctx context.Context, destination string, handler func(context.Context, *Delivery) error, opts ...SubscribeOption) (*Subscription, error) {
	s, o, err := b.subscribe(ctx, destination, nil, opts)
	if err != nil {
		return nil, err
	}
	for range max(o.workers, 1) {
		if s.enter() {
			go s.work(handler)
		}
	}
	return s, nil
}

// SubscribeActor has messages told to an actor of the program's, as *Delivery. The actor must live in
// the system of the broker: see WithActorSystem. Prefetch bounds how many it may have unanswered; in
// the mode AckAuto nothing does.
//
// The subscription ends with ctx, with Unsubscribe, with the actor, or with the broker; an actor that
// is restarted keeps it. Unless it was the actor that ended, it is told *SubscriptionEnded. An actor
// that fails while it handles a Delivery should be given NackOnFailure.
func (b *Broker) SubscribeActor(ctx context.Context, pid *actor.PID, destination string, opts ...SubscribeOption) (*Subscription, error) {
	if b.ownSystem {
		return nil, errors.New("subscribe an actor: the broker has an actor system of its own; start it in the program's, with WithActorSystem")
	}
	if pid == nil {
		return nil, errors.New("subscribe an actor: the PID is nil")
	}
	s, _, err := b.subscribe(ctx, destination, &told{pid: pid}, opts)
	return s, err
}

// SubscriptionEnded tells an actor that no more deliveries will come. Err is as of Subscription.Err.
type SubscriptionEnded struct {
	Subscription *Subscription
	Err          error
}

// NackOnFailure is a middleware for the Props of an actor that gets deliveries: when it panics over one,
// that is refused before the actor's supervisor decides what becomes of it.
//
//	actor.PropsFromProducer(produce, actor.WithReceiverMiddleware(actors.NackOnFailure))
func NackOnFailure(next actor.ReceiverFunc) actor.ReceiverFunc {
	return func(ctx actor.ReceiverContext, envelope *actor.MessageEnvelope) {
		if d, ok := envelope.Message.(*Delivery); ok {
			returned := false
			defer func() {
				if !returned {
					d.Nack()
				}
			}()
			next(ctx, envelope)
			returned = true
			return
		}
		next(ctx, envelope)
	}
}

// subscribe does for the program what session.subscribe does for a client. Without an outlet the
// deliveries wait in the Subscription.
func (b *Broker) subscribe(ctx context.Context, destination string, to outlet, opts []SubscribeOption) (*Subscription, *subscribeOptions, error) {
	o := &subscribeOptions{mode: AckIndividual}
	for _, opt := range opts {
		opt.subscribing(o)
	}
	state, fault := b.parseSubscription(destination, o)
	if fault != nil {
		return nil, nil, fault
	}
	if !state.destination.pattern {
		h, err := b.find(ctx, destination, true)
		if err != nil {
			return nil, nil, err
		}
		if state.exclusive && h.kind != kindQueue {
			h.release()
			return nil, nil, exclusiveFault(h.name)
		}
		state.handle = h // leased until it is attached
	}
	s := &Subscription{
		broker: b, state: state, outlet: to, auto: o.mode == AckAuto, asked: ask[*Fault](),
		more: make(chan struct{}, 1), done: make(chan struct{}),
	}
	switch to := to.(type) {
	case nil:
		s.outlet = s
	case *told:
		to.subscription = s
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	b.core.system.Root.Send(b.core.programPID, &openSubscription{subscription: s})
	context.AfterFunc(s.ctx, s.end) // not before it was sent: the end must come behind the beginning
	refusal, err := s.asked.wait(ctx, b.core, b.done)
	if err == nil && refusal != nil {
		err = refusal
	}
	if err != nil {
		s.cancel()
		return nil, nil, err
	}
	return s, o, nil
}

// parseSubscription makes of the options what a SUBSCRIBE frame with these headers would be.
func (b *Broker) parseSubscription(destination string, o *subscribeOptions) (*subscriptionState, *Fault) {
	f := &stompwire.Frame{Command: stompwire.Subscribe, Header: append(stompwire.Header{{Name: "destination", Value: destination}}, o.header...)}
	cfg := b.core.settings().Session
	s := &subscriptionState{id: destination, prefetch: cfg.DefaultPrefetch, version: stompwire.V12, shelf: &shelf{postponed: new(atomic.Int64)}}
	switch {
	case o.prefetch < 0:
		return nil, faultf(CodeSyntax, "bad prefetch", "a prefetch is a whole number from 1 and is %d", o.prefetch)
	case o.prefetch > 0:
		s.prefetch = min(o.prefetch, cfg.MaxPrefetch)
	}
	switch o.mode {
	case AckCumulative:
		s.mode = ackClient
	case AckIndividual, AckAuto: // the program itself settles what it takes
		s.mode = ackIndividual
	default:
		return nil, faultf(CodeSyntax, "unknown ack mode", "the mode is one of AckAuto, AckCumulative and AckIndividual, and is %q", o.mode)
	}
	var fault *Fault
	if s.destination, fault = parseName(destination, true); fault != nil && fault.Code != CodeDestinationUnknown {
		return nil, fault
	}
	if s.selector, fault = parseSelector(f); fault != nil {
		return nil, fault
	}
	if fault = parseSubscribeFeatures(f, s); fault != nil {
		return nil, fault
	}
	if s.destination.pattern && s.exclusive {
		return nil, exclusiveFault(destination)
	}
	return s, nil
}

func exclusiveFault(name string) *Fault {
	return faultf(CodeSyntax, "exclusive is for queues", "%q stands for topics: each of their subscribers gets every message", name)
}

// Next waits for a message. When the subscription has ended, the error is what Err returns, or
// ErrEnded; when ctx has, it is ctx's.
func (s *Subscription) Next(ctx context.Context) (*Delivery, error) {
	for {
		d, ended := s.take()
		if d != nil {
			if s.auto {
				d.Ack()
			}
			return d, nil
		}
		if ended {
			select {
			case <-s.done:
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
			if s.err != nil {
				return nil, s.err
			}
			return nil, ErrEnded
		}
		select {
		case <-s.more:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// All returns the messages as they come, until the subscription is to end; Err says why it did.
//
//	for d := range subscription.All() {
//		d.Ack()
//	}
func (s *Subscription) All() iter.Seq[*Delivery] {
	return func(yield func(*Delivery) bool) {
		for {
			d, ended := s.take()
			switch {
			case ended:
				return
			case d == nil:
				<-s.more
				continue
			case s.auto:
				d.Ack()
			}
			if !yield(d) {
				return
			}
		}
	}
}

// Destination is what was subscribed to.
func (s *Subscription) Destination() string { return s.state.destination.full }

// Done is closed when the subscription has ended.
func (s *Subscription) Done() <-chan struct{} { return s.done }

// Err returns nil until the subscription has ended, and also then if that was what the program wanted.
// Else it is a *Fault: CodeSlowConsumer, CodeShutdown or CodeInternal.
func (s *Subscription) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// Unsubscribe ends the subscription and returns when what was unanswered is back in its queue. It waits
// for handlers that run, so a handler must not wait for it.
func (s *Subscription) Unsubscribe(ctx context.Context) error {
	s.end()
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// end begins the end: nothing is given out any more, and when the last handler has returned the
// subscription is closed.
func (s *Subscription) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shut()
	s.close()
}

// shut gives out nothing more. The lock is held.
func (s *Subscription) shut() {
	s.ended = true
	s.items = nil
	s.wake()
}

// close has the subscription closed, if it is time. The lock is held.
func (s *Subscription) close() {
	if s.ended && !s.closing && s.workers == 0 {
		s.closing = true
		s.broker.core.system.Root.Send(s.broker.core.programPID, &closeSubscription{subscription: s})
	}
}

// wake tells a waiting Next to look again. The lock is held.
func (s *Subscription) wake() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// finish is the end. The program's actor calls it, once.
func (s *Subscription) finish(why *Fault) {
	s.mu.Lock()
	s.closing = true
	s.shut()
	s.mu.Unlock()
	if why != nil {
		s.err = why
	}
	close(s.done)
	s.cancel()
	if pid := s.pid(); pid != nil {
		s.broker.core.system.Root.Send(pid, &SubscriptionEnded{Subscription: s, Err: s.err})
	}
}

// pid is the actor that is told the deliveries, or nil.
func (s *Subscription) pid() *actor.PID {
	if t, ok := s.outlet.(*told); ok {
		return t.pid
	}
	return nil
}

// take gives the next delivery, if there is one.
func (s *Subscription) take() (d *Delivery, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		s.wake() // for the next one that waits
		return nil, true
	}
	if len(s.items) == 0 {
		return nil, false
	}
	d = s.items[0]
	s.items[0] = nil
	s.items = s.items[1:]
	if len(s.items) > 0 {
		s.wake()
	}
	return d, false
}

// put is called by the subscription's actor: messages have come.
func (s *Subscription) put(deliveries []*Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.items = append(s.items, deliveries...)
		s.wake()
	}
}

// purge forgets what was not taken: the queue gives it out again.
func (s *Subscription) purge() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items = nil
}

func (t *told) put(deliveries []*Delivery) {
	for _, d := range deliveries {
		t.subscription.broker.core.system.Root.Send(t.pid, d)
		if t.subscription.auto {
			d.Ack()
		}
	}
}

// purge: what an actor was told can't be called back. Its answers will come too late.
func (t *told) purge() {}

// enter counts a goroutine that is to call the handler; false: it is too late for that.
func (s *Subscription) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || !s.broker.core.program.handlers.enter() {
		return false
	}
	s.workers++
	return true
}

func (s *Subscription) leave() {
	s.broker.core.program.handlers.leave()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.workers--
	s.close()
}

// work calls a handler until there is nothing more for it.
func (s *Subscription) work(handler func(context.Context, *Delivery) error) {
	defer s.leave()
	for d := range s.All() {
		s.handle(handler, d)
	}
}

// handle calls a handler once. Its panic costs this message a refusal and nothing else.
func (s *Subscription) handle(handler func(context.Context, *Delivery) error, d *Delivery) {
	returned := false
	defer func() {
		if returned {
			return
		}
		d.Nack()
		if reason := recover(); reason != nil {
			s.broker.core.event(Event{Kind: EventHandlerPanicked, Role: s.broker.core.roles.consumer.name, Actor: d.actor.Id, Cause: fmt.Sprint(reason), Stack: string(debug.Stack())})
		}
	}()
	err := handler(s.ctx, d)
	returned = true
	if err != nil {
		s.broker.core.log.Warn("a message was refused by its handler", "destination", d.destination, "message-id", d.id, "cause", err)
		d.Nack()
		return
	}
	d.Ack()
}
