package actors

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/actors/access"
	"stampede/actors/selector"
	"stampede/stompwire"
)

// subscribe handles a SUBSCRIBE. The frames behind it wait until the subscription is attached. False:
// the destination has to be found first.
func (s *session) subscribe(ctx actor.Context, f *stompwire.Frame) (bool, *Fault) {
	sub, fault := s.parseSubscribe(f)
	if fault != nil {
		return true, fault
	}
	if s.permits.restricted {
		fault, known := s.permitted(ctx, access.Read, sub.destination.full, sub.destination.pattern)
		if !known {
			return false, nil
		}
		if fault != nil {
			return true, fault
		}
	}
	if sub.destination.pattern {
		if fault := sub.onTopic(strconv.Quote(sub.destination.full) + " stands for topics"); fault != nil {
			return true, fault
		}
	}
	if !sub.destination.pattern {
		h, fault, found := s.find(ctx, sub.destination.full, true)
		if fault != nil {
			return true, fault
		}
		if !found {
			return false, nil
		}
		if h.owner != 0 && h.owner != s.id {
			return true, noTemporary(sub.destination.full)
		}
		if !h.acquire() { // held until it is attached
			return false, nil
		}
		sub.handle = h
		if h.settings.Load().webReadBlock && s.fromWeb() {
			h.release()
			return true, faultf(CodeBlocked, "blocked", "clients from the web may not subscribe to %q (web_read_block)", h.name)
		}
		if h.kind != kindQueue {
			if fault := sub.onTopic(strconv.Quote(h.name) + " is a topic"); fault != nil {
				h.release()
				return true, fault
			}
		}
	}
	if fault := s.unackedRoom(sub); fault != nil {
		if sub.handle != nil {
			sub.handle.release()
		}
		return true, fault
	}
	s.nextSerial++
	if sub.mode != ackAuto {
		sub.shelf = &shelf{postponed: &s.postponed}
	}
	sub.keepNames()
	sub.key = subscriptionKey{connection: s.id, serial: s.nextSerial}
	sub.version, sub.web = s.version, s.fromWeb()
	s.subscriptions.add(sub)
	s.subscribing = sub.key.serial
	s.stall(waitSubscribe)
	s.attach(ctx, sub)
	return true, nil
}

// keepNames lets go of the frame whose parts its names are.
func (sub *subscriptionState) keepNames() {
	sub.id = strings.Clone(sub.id)
	if h := sub.handle; h != nil && h.name == sub.destination.full {
		sub.destination.full = h.name
	} else {
		sub.destination.full = strings.Clone(sub.destination.full)
	}
}

func (s *session) parseSubscribe(f *stompwire.Frame) (*subscriptionState, *Fault) {
	name, ok := f.Header.Get("destination")
	if !ok {
		return nil, faultf(CodeSyntax, "missing destination header", "SUBSCRIBE needs a destination header")
	}
	sub := &subscriptionState{}
	sub.receipt = receiptOf(f)
	if sub.id, ok = f.Header.Get("id"); !ok {
		if s.version > stompwire.V10 {
			return nil, faultf(CodeSyntax, "missing id header", "SUBSCRIBE needs an id header since STOMP 1.1")
		}
		sub.id = name
	}
	if s.subscriptions.named(sub.id) != nil {
		return nil, faultf(CodeSubscription, "subscription id in use", "this connection has a subscription %q already", sub.id)
	}
	if limit := s.core.settings().Limits.MaxSubscriptions; s.subscriptions.open() >= limit {
		return nil, limitFault(CodeSubscriptions, "too many subscriptions", "limits.max_subscriptions", int64(limit))
	}
	var fault *Fault
	if sub.destination, fault = parseName(name, true); fault != nil && fault.Code != CodeDestinationUnknown {
		return nil, fault
	}
	sub.destination.full = name
	mode, present := f.Header.Get("ack")
	if sub.mode, fault = parseAckMode(mode, present); fault != nil {
		return nil, fault
	}
	if sub.prefetch, fault = s.prefetch(f); fault != nil {
		return nil, fault
	}
	if sub.selector, fault = parseSelector(f); fault != nil {
		return nil, fault
	}
	if fault = parseSubscribeFeatures(f, sub); fault != nil {
		return nil, fault
	}
	switch {
	case sub.browse && sub.exclusive:
		return nil, faultf(CodeSyntax, "browse and exclusive exclude each other", "who browses a queue takes nothing from it, so there is nothing to have for itself")
	case sub.browse && sub.mode != ackAuto:
		return nil, faultf(CodeSyntax, "browse needs no acknowledgement", "who browses a queue takes nothing from it, so there is nothing to acknowledge: leave the ack header out")
	}
	return sub, nil
}

// onTopic refuses what makes sense for queues only; what tells what the destination is instead.
func (s *subscriptionState) onTopic(what string) *Fault {
	switch {
	case s.exclusive:
		return faultf(CodeSyntax, "exclusive is for queues", "%s: each subscriber gets every message", what)
	case s.browse:
		return faultf(CodeSyntax, "browse is for queues", "%s: nothing waits there that could be looked at", what)
	}
	return nil
}

// parseSubscribeFeatures refuses what is not offered: ignoring it would give a subscriber other
// messages than it asked for.
func parseSubscribeFeatures(f *stompwire.Frame, sub *subscriptionState) *Fault {
	for i := range f.Header {
		field := &f.Header[i]
		on := field.Value == "true"
		switch field.Name {
		case "filter":
			if sub.filter == nil {
				sub.filter = new(field.Value)
			}
		case "from":
			return unsupported("replay (the from header)")
		case "durable", "persistent":
			if on {
				return unsupported("durable subscriptions (" + field.Name + ":true)")
			}
		case "durable-subscription-name", "activemq.subscriptionName":
			return unsupported("durable subscriptions (the " + field.Name + " header)")
		case "browse", "browser":
			sub.browse = sub.browse || on
		case "exclusive", "activemq.exclusive":
			sub.exclusive = sub.exclusive || on
		}
	}
	return nil
}

// parseSelector gives nil for a selector that every message matches.
func parseSelector(f *stompwire.Frame) (*selector.Selector, *Fault) {
	text, ok := f.Header.Get("selector")
	if !ok {
		return nil, nil
	}
	s, err := selector.Parse(text)
	if err != nil {
		return nil, faultf(CodeSyntax, "bad selector header", "the selector can't be read: %v", err)
	}
	if s.String() == "" {
		return nil, nil
	}
	return s, nil
}

// prefetch is how many messages may be unacknowledged.
func (s *session) prefetch(f *stompwire.Frame) (int, *Fault) {
	cfg := s.core.settings().Session
	for _, name := range []string{"prefetch-count", "activemq.prefetchSize"} {
		value, ok := f.Header.Get(name)
		if !ok {
			continue
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			return 0, faultf(CodeSyntax, "bad "+name+" header", "%s is a whole number from 1 and is %q", name, value)
		}
		return min(n, cfg.MaxPrefetch), nil
	}
	return cfg.DefaultPrefetch, nil
}

// unackedRoom tells whether the connection may hold as many messages more as a subscription asks for.
func (s *session) unackedRoom(sub *subscriptionState) *Fault {
	limit := s.core.settings().Limits.MaxUnacked
	if limit == 0 {
		return nil
	}
	sum := sub.unacked()
	for _, other := range s.subscriptions.all {
		if !other.ended.Load() {
			sum += other.unacked()
		}
	}
	if sum <= limit {
		return nil
	}
	fault := limitFault(CodeSubscriptions, "too many unacknowledged messages", "limits.max_unacked", int64(limit))
	fault.Detail += fmt.Sprintf(", and the prefetches of all subscriptions of this connection would add up to %d", sum)
	return fault
}

// unacked is how many messages a subscription can hold unacknowledged at most.
func (sub *subscriptionState) unacked() int {
	if sub.mode == ackAuto && (sub.handle == nil || sub.handle.kind == kindTopic) {
		return 0
	}
	return sub.prefetch
}

// attach starts an actor for a subscription; that attaches it to its destination.
func (s *session) attach(ctx actor.Context, sub *subscriptionState) {
	own, conn := s.life, s.conn
	name := "sub." + strconv.FormatUint(uint64(sub.key.serial), 10)
	if sub.epoch > 0 {
		name += "~" + strconv.FormatUint(uint64(sub.epoch), 10) // names are never used again
	}
	l, err := s.core.spawn(ctx, &s.core.roles.subscription, name, func(l *life) process {
		return &subscription{subscriptionState: sub, life: l, conn: conn, session: own}
	})
	if err != nil {
		panic(err)
	}
	sub.life = l
}

// subscribed opens the door: the receipt first, then what has come meanwhile.
func (s *session) subscribed(ctx actor.Context, m *subscribed) {
	sub := s.subscriptions.serial(m.serial)
	if sub == nil || sub.ended.Load() || s.phase >= failing {
		return
	}
	var receipt []byte
	if sub.receipt != nil {
		receipt = appendReceipt(make([]byte, 0, receiptBytes), *sub.receipt, s.version)
		sub.receipt = nil
	}
	if !sub.attached {
		s.core.event(Event{Kind: EventSubscribed, Role: s.life.role.name, Actor: s.life.pid.Id, Connection: connectionName(s.id), Login: s.user(), Destination: sub.destination.full, Subscription: sub.id})
	}
	s.settled(sub)
	sub.sink.Load().OpenBy(s.life, receipt)
	if s.subscribing == m.serial { // and not one that starts over behind our back
		s.resume(ctx, waitSubscribe)
	}
}

// settled gives back the lease that kept the destination until it had the subscription.
func (s *session) settled(sub *subscriptionState) {
	if sub.handle != nil && !sub.attached {
		sub.handle.release()
	}
	sub.attached = true
}

func (s *session) refused(ctx actor.Context, m *subscriptionRefused) {
	sub := s.subscriptions.serial(m.serial)
	if sub == nil {
		return
	}
	s.settled(sub)
	if sub.receipt == nil {
		s.fail(ctx, m.fault, "", false)
		return
	}
	s.fail(ctx, m.fault, *sub.receipt, true)
}

// unsubscribe: from here on no MESSAGE of the subscription leaves; the receipt comes when the
// destination has back what was not acknowledged.
func (s *session) unsubscribe(ctx actor.Context, f *stompwire.Frame) *Fault {
	id, ok := f.Header.Get("id")
	byDestination := !ok && s.version == stompwire.V10
	if byDestination {
		id, ok = f.Header.Get("destination")
	}
	if !ok {
		return faultf(CodeSyntax, "missing id header", "UNSUBSCRIBE needs the id of the subscription")
	}
	sub := s.subscriptions.named(id)
	if sub == nil && byDestination { // its SUBSCRIBE had an id all the same
		sub = s.subscriptions.to(id)
	}
	if sub == nil {
		return faultf(CodeSubscription, "unknown subscription", "this connection has no subscription %q", id)
	}
	sub.receipt = receiptOf(f)
	if sub.handle != nil && sub.handle.kind == kindQueue {
		s.transactions.spoil(sub.key.serial, sub.id)
	}
	s.end(ctx, sub)
	return nil
}

// writtenPatience bounds how long the end of a subscription waits for what is with the socket.
const writtenPatience = time.Second

// end closes a subscription's door and has its actor detach it. What the socket has is settled first: the client may
// have read it, and answered by this, before the writer has told so. A client that reads nothing is not waited for
// for ever.
func (s *session) end(ctx actor.Context, sub *subscriptionState) {
	s.subscriptions.end(sub)
	var once sync.Once
	system, to := ctx.ActorSystem(), sub.life.pid
	detach := func() { once.Do(func() { system.Root.Send(to, &endSubscription{}) }) }
	if sink := sub.sink.Load(); sink != nil && sink.Retire(detach) {
		s.core.clock.AfterFunc(writtenPatience, detach)
		return
	}
	s.life.pass(sub.life, &endSubscription{})
}

func (s *session) unsubscribed(ctx actor.Context, m *unsubscribed) {
	sub := s.subscriptions.serial(m.serial)
	if sub == nil {
		return
	}
	s.subscriptions.remove(sub)
	sub.life.stop(ctx)
	s.core.event(Event{Kind: EventUnsubscribed, Role: s.life.role.name, Actor: s.life.pid.Id, Connection: connectionName(s.id), Login: s.user(), Destination: sub.destination.full, Subscription: sub.id})
	if sub.receipt != nil {
		s.receipt(*sub.receipt)
	}
	if s.wait == waitDisconnect {
		s.flow.tellWhenDone()
	}
}

// detachGone finishes an UNSUBSCRIBE whose subscription actor went down with the session.
func (s *session) detachGone(ctx actor.Context, sub *subscriptionState) {
	sub.forget()
	m := &unsubscribe{key: sub.key, epoch: sub.epoch, session: s.life}
	to := s.core.router()
	if sub.handle != nil {
		to = sub.handle.pid()
	} else {
		m.pattern = sub.destination.full
	}
	ctx.Send(to, m)
}

// ack handles an ACK: which subscription, which delivery, by the rules of the version. Those for one subscription are collected while
// frames of one read are handled, and leave together.
func (s *session) ack(ctx actor.Context, f *stompwire.Frame, how outcome) *Fault {
	a := ack{how: how}
	a.receipt, a.hasReceipt = f.Header.Get("receipt")
	sub, others, fault := s.acknowledged(f, &a)
	if fault != nil {
		return fault
	}
	tx, inTx := f.Header.Get("transaction")
	if inTx {
		open, fault := s.transactions.get(tx)
		if fault != nil {
			return fault
		}
		tx = open.id // that of the frame is part of more
	}
	if !inTx && len(others) == 0 {
		s.collectAck(sub, a)
	} else if fault := s.ackAlone(ctx, sub, others, &acknowledge{acks: []ack{a}, tx: tx, inTx: inTx}); fault != nil {
		return fault
	}
	if a.hasReceipt {
		m := s.unanswered()
		m.receipts = append(m.receipts, a.receipt)
	}
	return nil
}

// ackAlone sends one ACK or NACK that is in a transaction, or may be about others too.
func (s *session) ackAlone(ctx actor.Context, sub *subscriptionState, others []*subscriptionState, m *acknowledge) *Fault {
	if m.shared = len(others) > 0; m.shared {
		for _, other := range others {
			m.next = append(m.next, other.life.pid)
		}
		if m.tx != "" {
			s.unanswered().tx = m.tx
		}
		s.stall(waitAck) // an UNSUBSCRIBE behind must not overtake it on its way through them
	} else if fault := s.ackInTransaction(m.tx, sub); fault != nil {
		return fault
	}
	s.sendAcks(ctx) // what was acknowledged before takes effect before
	s.life.pass(sub.life, m)
	return nil
}

// collectedAcks are ACKs and NACKs of this read for one subscription.
type collectedAcks struct {
	sub  *subscriptionState
	acks []ack
}

func (s *session) collectAck(sub *subscriptionState, a ack) {
	for i := range s.acks {
		if c := &s.acks[i]; c.sub == sub {
			c.acks = append(c.acks, a)
			return
		}
	}
	s.acks = append(s.acks, collectedAcks{sub, append(make([]ack, 0, s.acksBefore), a)})
}

// sendAcks lets the collected ACKs go.
func (s *session) sendAcks(ctx actor.Context) {
	if s.tray == nil {
		return
	}
	acks := s.acks
	s.acks = acks[:0]
	for i, c := range acks {
		acks[i] = collectedAcks{}
		s.acksBefore = uint8(min(len(c.acks), ackRoom))
		s.life.pass(c.sub.life, &acknowledge{acks: c.acks})
	}
}

// ackRoom bounds what room is made for more ACKs with the first.
const ackRoom = 64

// attributed goes on behind an ACK that was about one of several subscriptions.
func (s *session) attributed(ctx actor.Context, m *attributed) {
	if sub := s.subscriptions.serial(m.serial); s.wait == waitAck && s.acking != nil && s.acking.tx != "" && sub != nil {
		if fault := s.ackInTransaction(s.acking.tx, sub); fault != nil {
			s.fail(ctx, fault, "", false)
		}
	}
	if s.acking != nil {
		s.acking.tx = ""
	}
	s.resume(ctx, waitAck)
}

// acked answers an ACK or NACK, unless a restart has already.
func (s *session) acked(receipt string) {
	if s.acking == nil {
		return
	}
	if i := slices.Index(s.acking.receipts, receipt); i >= 0 {
		s.acking.receipts = slices.Delete(s.acking.receipts, i, i+1)
		s.receipt(receipt)
	}
}

// acking is what subscriptions have to say about ACKs and NACKs, and have not said yet.
type acking struct {
	tx       string   // the transaction of the one that is about one of several subscriptions
	receipts []string // of those that ask for one
}

func (s *session) unanswered() *acking {
	if s.acking == nil {
		s.acking = &acking{}
	}
	return s.acking
}

// ackAgain answers the acknowledgements that were with subscriptions when these went down with the session.
// They are done in the only way that is left: what they were about comes again, marked as redelivered.
func (s *session) ackAgain() {
	for s.acking != nil && len(s.acking.receipts) > 0 {
		s.acked(s.acking.receipts[0])
	}
	s.acking = nil
	if s.wait == waitAck {
		s.wait = waitNothing
	}
}

// acknowledged finds what an ACK or NACK is about: a subscription, or the first of those that it may be about.
func (s *session) acknowledged(f *stompwire.Frame, a *ack) (sub *subscriptionState, others []*subscriptionState, fault *Fault) {
	if s.version >= stompwire.V12 {
		id, ok := f.Header.Get("id")
		if !ok {
			return nil, nil, faultf(CodeSyntax, "missing id header", "%s needs the id that the ack header of the MESSAGE gave", f.Command)
		}
		serial, epoch, number, ok := parseAckID(id)
		sub := s.subscriptions.serial(serial)
		if !ok || sub == nil || sub.ended.Load() || sub.mode == ackAuto {
			return nil, nil, faultf(CodeAck, "nothing to acknowledge", "no delivery on this connection awaits an acknowledgement with the id %q", id)
		}
		a.epoch, a.number = epoch, number
		return sub, nil, nil
	}
	id, ok := f.Header.Get("message-id")
	if !ok {
		return nil, nil, faultf(CodeSyntax, "missing message-id header", "%s needs a message-id header", f.Command)
	}
	a.messageID = id
	name, ok := f.Header.Get("subscription")
	if !ok && s.version == stompwire.V11 {
		return nil, nil, faultf(CodeSyntax, "missing subscription header", "%s needs a subscription header in STOMP 1.1", f.Command)
	}
	if ok {
		if sub := s.subscriptions.named(name); sub != nil && sub.mode != ackAuto {
			return sub, nil, nil
		}
		return nil, nil, faultf(CodeAck, "nothing to acknowledge", "this connection has no subscription %q that takes acknowledgements", name)
	}
	// STOMP 1.0 names the message alone: whichever subscription has it.
	var subs []*subscriptionState
	for _, sub := range s.subscriptions.all {
		if sub.mode != ackAuto && !sub.ended.Load() {
			subs = append(subs, sub)
		}
	}
	if len(subs) == 0 {
		return nil, nil, faultf(CodeAck, "nothing to acknowledge", "no subscription on this connection takes acknowledgements")
	}
	return subs[0], subs[1:], nil
}

// nack: back to the queue, or with requeue:false to the dead-letter queue.
func (s *session) nack(ctx actor.Context, f *stompwire.Frame) *Fault {
	if s.version == stompwire.V10 {
		return faultf(CodeSyntax, "not a STOMP 1.0 command", "NACK came with STOMP 1.1")
	}
	how := refused
	if value, ok := f.Header.Get("requeue"); ok {
		switch value {
		case "false":
			how = discarded
		case "true":
		default:
			return faultf(CodeSyntax, "bad requeue header", "requeue is true or false, and is %q", value)
		}
	}
	return s.ack(ctx, f, how)
}
