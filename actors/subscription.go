package actors

import (
	"strconv"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/actors/selector"
	"stampede/config"
	"stampede/stompwire"
	"stampede/transport"
)

// subscriptionState is what a subscription keeps over restarts of its own and of its session. The
// session's checkpoint owns it.
type subscriptionState struct {
	key         subscriptionKey
	id          string // as the client names it
	destination destinationName
	handle      *handle // nil for a pattern
	prefetch    int
	selector    *selector.Selector // nil: every message
	filter      *string            // the value that it named; nil: it named none
	receipt     *string            // of the SUBSCRIBE, until it is out, then of the UNSUBSCRIBE; nil: none is asked for
	shelf       *shelf             // what waits for a client that has to acknowledge first; nil: in auto mode
	life        *life              // of the newest actor
	sink        atomic.Pointer[transport.Sink]
	drops       atomic.Uint64 // of a pattern's sink, not counted by a topic yet
	epoch       uint32        // of the newest incarnation; the subscription actor's, read by others through messages
	ended       atomic.Bool   // UNSUBSCRIBE or the end of the connection: no incarnation attaches any more
	mode        ackMode
	exclusive   bool
	browse      bool
	attached    bool // the destination has it; the session's
	version     stompwire.Version
	web         bool // the client comes from the open web
}

// subscription is the actor that owns the ack window of one subscription. In auto mode messages go
// straight into the sink and it only attaches, detaches, and starts over after a failure.
type subscription struct {
	*subscriptionState
	life    *life
	conn    *transport.Conn
	session *life
	own     *Subscription // the program's, which has no connection: its messages stay Go values
	*giving               // nil: in auto mode
}

// giving is what a subscription in a client mode gives messages with.
type giving struct {
	window  *ackWindow
	extra   []byte // these are scratch
	out     []transport.Delivery
	handed  []*Delivery // to the program
	encoded *encoding   // what out refers to; nil: nothing
}

func (s *subscription) renew() process {
	return &subscription{subscriptionState: s.subscriptionState, life: s.life, conn: s.conn, session: s.session, own: s.own}
}

func (s *subscription) about() string { return s.destination.full }

func (s *subscription) receive(ctx actor.Context, message any) {
	switch m := message.(type) {
	case *deliver:
		s.deliver(m)
	case *arrived:
		s.arrived(ctx)
	case *acknowledge:
		s.acknowledge(ctx, m)
	case *collect:
		s.collect(ctx, m)
	case *endTx:
		s.endTx(ctx, m)
	case *endSubscription:
		s.detach(ctx)
	case *fellBehind:
		s.life.pass(s.session, &overflowed{serial: s.key.serial, pending: s.waiting(), lost: m.lost})
	case *startOver:
		s.attach(ctx)
	case *actor.Started:
		s.attach(ctx)
	case *actor.Stopping, *actor.Stopped, *actor.Restarting:
	default:
		s.life.core.unhandled(s.life, message)
	}
}

// refuse: what keeps crashing it is dropped. A delivery goes back with the next epoch anyway; the
// session must not wait for ever for an answer.
func (s *subscription) refuse(ctx actor.Context, message any) {
	switch m := message.(type) {
	case *acknowledge:
		s.life.pass(s.session, &rejected{serial: s.key.serial, receipt: m.acks[0].receipt, hasReceipt: m.acks[0].hasReceipt, fault: internalFault()})
	case *collect:
		s.life.pass(s.session, &collected{serial: s.key.serial, epoch: s.epoch, tx: m.tx})
	case *endSubscription:
		s.detach(ctx) // else its destination would serve it for ever
	}
}

// attach starts an epoch: what the last one held is put back, and comes again marked as redelivered.
func (s *subscription) attach(ctx actor.Context) {
	s.epoch++
	if s.mode != ackAuto {
		s.giving = &giving{window: newAckWindow(s.mode, s.version < stompwire.V12)}
	}
	if s.ended.Load() {
		return // what was asked of it before its end is still answered
	}
	if old := s.sink.Load(); old != nil && s.settles() {
		old.Purge() // the queue gives it all out again
	}
	if s.own != nil && s.settles() {
		s.own.outlet.purge()
	}
	m := &subscribe{
		key: s.key, epoch: s.epoch, credit: s.prefetch, exclusive: s.exclusive, browse: s.browse, web: s.web, session: s.session,
		link: consumerLink{auto: s.mode == ackAuto, subscription: s.life, version: s.version, selector: s.selector, filter: s.filter},
	}
	if s.shelf != nil {
		m.link.inbox = &s.shelf.inbox
	}
	if s.own != nil {
		m.link.version = 0
	}
	if m.link.sink = s.sink.Load(); s.own == nil && (m.link.sink == nil || s.settles()) {
		m.link.sink = s.newSink(ctx)
		s.sink.Store(m.link.sink)
	}
	to := s.life.core.routerLife
	if s.handle != nil {
		to = s.handle.life
	} else {
		m.pattern = s.destination.full
		m.link.drops = &s.drops
	}
	s.life.pass(to, m)
	if s.mode != ackAuto {
		s.resume()
		s.arrived(ctx)
	}
}

// settles tells whether what is not settled comes again: from a queue, or a topic with min_delivery. Any other topic
// has nothing to give again: its sink stays the same over all incarnations, with what it holds, and what waits for
// acknowledgements stays in the state.
func (s *subscription) settles() bool {
	return s.handle != nil && (s.handle.kind == kindQueue || s.handle.buffered)
}

func (s *subscription) newSink(ctx actor.Context) *transport.Sink {
	prefix := append([]byte(nil), "MESSAGE\n"...)
	prefix = stompwire.AppendHeader(prefix, "subscription", s.id, s.version)
	box := s.conn.Outbox()
	if !s.settles() {
		sink := box.NewSink(prefix, slowPolicy(s.slowConsumer()), nil)
		if s.handle != nil {
			sink.CountDrops(&s.handle.counters.dropped)
		} else {
			sink.CountDrops(&s.drops)
		}
		return sink
	}
	if s.mode != ackAuto {
		return box.NewSink(prefix, transport.Keep, nil)
	}
	// A queue's message is settled when the socket has it, and that makes room for the next.
	system, queue, key, epoch := ctx.ActorSystem(), s.handle.pid(), s.key, s.epoch
	return box.NewSink(prefix, transport.Keep, func(n int) {
		system.Root.Send(queue, &written{key: key, epoch: epoch, n: n})
	})
}

// slowConsumer is the policy of the topic; a pattern stands for many and has that of all of them.
func (s *subscription) slowConsumer() config.SlowConsumer {
	if s.handle != nil {
		return s.handle.settings.Load().slowConsumer
	}
	return s.life.core.settings().Topics.SlowConsumer
}

func slowPolicy(p config.SlowConsumer) transport.SinkPolicy {
	switch p {
	case config.SlowDropOldest:
		return transport.DropOldest
	case config.SlowDropNewest:
		return transport.DropNewest
	default:
		return transport.Disconnect
	}
}

// deliver gives a queue's messages to the client; a queue never sends more than the prefetch allows.
func (s *subscription) deliver(m *deliver) {
	if s.ended.Load() || m.epoch != s.epoch {
		return // an incarnation's that is gone: its queue has it back already
	}
	s.out, s.extra = s.out[:0], s.extra[:0]
	for _, item := range m.items {
		s.give(item, m.from)
	}
	s.send()
}

// arrived gives topics' messages to the client as far as its prefetch allows; what is over waits here.
func (s *subscription) arrived(ctx actor.Context) {
	items := s.shelf.inbox.take()
	if s.ended.Load() {
		return
	}
	s.out, s.extra = s.out[:0], s.extra[:0]
	for i, item := range items {
		if len(s.shelf.pending) > 0 || s.window.open >= s.prefetch {
			s.postpone(ctx, items[i:])
			break
		}
		s.give(item.delivered, item.from)
	}
	s.send()
}

func (s *subscription) give(item delivered, from *handle) {
	u := unacked{entry: item.entry, from: from}
	if s.version < stompwire.V12 {
		u.messageID = item.msg.id
	}
	number := s.window.add(u)
	if s.own != nil {
		s.handed = append(s.handed, &Delivery{Message: item.msg, subscription: s.own, actor: s.life.pid, entry: item.entry, epoch: s.epoch, number: number, attempt: item.deliveries})
		return
	}
	start := len(s.extra)
	if s.version >= stompwire.V12 {
		s.extra = append(s.extra, "ack:"...)
		s.extra = appendAckID(s.extra, s.key.serial, s.epoch, number)
		s.extra = append(s.extra, '\n')
	}
	s.extra = appendRedelivered(s.extra, item.deliveries)
	if s.encoded == nil {
		s.encoded = s.life.core.takeEncoding()
	}
	tail := s.encoded.tail(item.msg, s.version, s.conn.Info().Kind == transport.WebSocket)
	s.out = append(s.out, transport.Delivery{Extra: s.extra[start:], Tail: tail})
}

func (s *subscription) send() {
	if len(s.handed) > 0 {
		s.life.core.stats.delivered.Add(uint64(len(s.handed)))
		s.own.outlet.put(s.handed)
		s.handed = nil
		return
	}
	if len(s.out) == 0 {
		return
	}
	n := s.sink.Load().DeliverBy(s.life, s.out)
	s.life.core.stats.delivered.Add(uint64(n))
	clear(s.out)
	s.life.core.putEncoding(s.encoded)
	s.encoded = nil
	if cap(s.extra) > 1<<16 {
		s.extra = nil
	}
}

// postpone keeps a topic's messages until the client has acknowledged others.
func (s *subscription) postpone(ctx actor.Context, items []arrival) {
	limit := int(s.life.core.settings().Limits.Outbox)
	policy := s.slowConsumer()
	for _, item := range items {
		if s.waiting()+item.msg.size > limit {
			if policy != config.SlowDropOldest {
				s.drop(item.from)
				if policy == config.SlowDisconnect {
					s.life.pass(s.session, &overflowed{serial: s.key.serial, pending: s.waiting()})
					return
				}
				continue
			}
			for len(s.shelf.pending) > 0 && s.waiting()+item.msg.size > limit {
				s.drop(s.shelf.next().from)
			}
			if s.waiting()+item.msg.size > limit { // others of the connection hold so much
				s.drop(item.from)
				continue
			}
		}
		s.shelf.add(item)
	}
}

// drop counts a message that was given up.
func (s *subscription) drop(from *handle) {
	s.life.core.stats.dropped.Add(1)
	from.counters.dropped.Add(1)
}

// waiting is what all subscriptions of the connection have put off.
func (s *subscription) waiting() int {
	if s.shelf == nil {
		return 0
	}
	return int(s.shelf.postponed.Load())
}

// forget gives up what waits, when the subscription ends.
func (s *subscriptionState) forget() {
	for s.shelf != nil && len(s.shelf.pending) > 0 {
		s.shelf.next()
	}
}

// resume gives out what waited, now that something was acknowledged.
func (s *subscription) resume() {
	s.out, s.extra = s.out[:0], s.extra[:0]
	for len(s.shelf.pending) > 0 && s.window.open < s.prefetch {
		item := s.shelf.next()
		s.give(item.delivered, item.from)
	}
	s.send()
}

// acknowledge is ACKs and NACKs. What they settle goes to the queue together. The session lets none, and nothing of a
// transaction, come to a subscription in auto mode.
func (s *subscription) acknowledge(ctx actor.Context, m *acknowledge) {
	var one [1]unacked // what most of them settle
	var items []settlement
	var receipts []string
	for i := range m.acks {
		a := &m.acks[i]
		settled, ok := s.mark(a, m, one[:0])
		// After a restart the client may still acknowledge what it got before.
		stale := m.stale || a.epoch != 0 && a.epoch < s.epoch || a.epoch == 0 && !ok && s.epoch > 1
		if !ok && len(m.next) > 0 {
			on := *m
			on.next, on.stale = m.next[1:], stale
			ctx.Send(m.next[0], &on)
			return
		}
		if m.shared {
			s.life.pass(s.session, &attributed{serial: s.key.serial})
		}
		if !ok && !stale {
			s.settle(ctx, items, receipts)
			items, receipts = nil, nil
			s.life.pass(s.session, &rejected{receipt: a.receipt, hasReceipt: a.hasReceipt, fault: faultf(CodeAck, "nothing to acknowledge",
				"the subscription %q has no delivery that awaits this acknowledgement: it is unknown, or settled already", s.id)})
			continue
		}
		for _, u := range settled {
			if u.entry == nil {
				continue // a topic's: there is nobody to tell
			}
			if items == nil {
				items = make([]settlement, 0, max(len(m.acks)-i, len(settled)))
			}
			items = append(items, settlement{entry: u.entry, how: u.how})
		}
		if a.hasReceipt {
			receipts = append(receipts, a.receipt)
		}
	}
	s.settle(ctx, items, receipts)
	s.resume()
}

// mark finds what an ACK or NACK is about and marks it; false: nothing here awaits it.
func (s *subscription) mark(a *ack, m *acknowledge, settled []unacked) ([]unacked, bool) {
	number := a.number
	if a.epoch == 0 {
		n, known := s.window.find(a.messageID)
		if !known {
			return settled, false
		}
		number = n
	} else if a.epoch != s.epoch {
		return settled, false
	}
	return s.window.mark(number, a.how, m.tx, m.inTx, settled)
}

// settle tells the queue; the receipts come when it is done.
func (s *subscription) settle(ctx actor.Context, items []settlement, receipts []string) {
	switch {
	case len(items) > 0: // all of one queue: patterns are for topics
		s.life.pass(s.handle.life, &settle{key: s.key, epoch: s.epoch, items: items, session: s.session, receipts: receipts})
	case len(receipts) > 0:
		s.life.pass(s.session, &acked{receipts: receipts})
	}
}

// collect gives what a transaction has acknowledged, for its COMMIT.
func (s *subscription) collect(ctx actor.Context, m *collect) {
	answer := &collected{serial: s.key.serial, epoch: s.epoch, tx: m.tx}
	var items []settlement
	for i := range s.window.items {
		if u := &s.window.items[i]; u.inTx && u.tx == m.tx && u.entry != nil {
			items = append(items, settlement{entry: u.entry, how: u.how})
		}
	}
	if len(items) > 0 {
		answer.parts = []collectedPart{{queue: s.handle, items: items}}
	}
	s.life.pass(s.session, answer)
}

func (s *subscription) endTx(_ actor.Context, m *endTx) {
	if m.commit {
		s.window.commit(m.tx, nil)
	} else {
		s.window.abort(m.tx)
	}
	s.resume()
}

// detach ends the subscription; everything asked of it before has been passed on before this.
func (s *subscription) detach(ctx actor.Context) {
	s.forget()
	m := &unsubscribe{key: s.key, epoch: s.epoch, session: s.session}
	to := s.life.core.routerLife
	if s.handle != nil {
		to = s.handle.life
	} else {
		m.pattern = s.destination.full
	}
	s.life.pass(to, m)
}

// appendAckID writes the ack id of a delivery: subscription, epoch and number, unique within the
// connection.
func appendAckID(dst []byte, serial, epoch uint32, number uint64) []byte {
	dst = strconv.AppendUint(dst, uint64(serial), 10)
	dst = append(dst, '-')
	dst = strconv.AppendUint(dst, uint64(epoch), 10)
	dst = append(dst, '-')
	return strconv.AppendUint(dst, number, 10)
}

// parseAckID reads what appendAckID wrote.
func parseAckID(s string) (serial, epoch uint32, number uint64, ok bool) {
	var parts [3]uint64
	part, digits := 0, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '-' && part < 2 && digits > 0:
			part, digits = part+1, 0
		case c >= '0' && c <= '9' && digits < 18:
			parts[part] = parts[part]*10 + uint64(c-'0')
			digits++
		default:
			return 0, 0, 0, false
		}
	}
	if part != 2 || digits == 0 || parts[0] > 1<<32-1 || parts[1] > 1<<32-1 || parts[1] == 0 {
		return 0, 0, 0, false
	}
	return uint32(parts[0]), uint32(parts[1]), parts[2], true
}
