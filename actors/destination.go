package actors

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/config"
	"stampede/transport"
)

// destinationState is what a destination must not lose in a crash: its messages, who receives
// them, and what it has promised. The router hands it in; every incarnation works on the same one.
type destinationState struct {
	owed atomic.Pointer[func()] // the answer that the router waits for; &paid: its actor has ended

	handle   *handle
	queue    *queue // one of these two
	topic    *topic
	buffer   *buffer    // of a topic with min_delivery: its own subscribers, and what it keeps
	entered  spread     // how far those who came by a pattern have what has come into the buffer
	browsers []*browser // of a queue, in the order they came
	held     []*publish // publishers waiting for room, first come first
	turns    uint64     // who waits for room has a number, and whoever has the lowest is next
	heldTill time.Time  // when the first of them gets an ERROR
	prepared map[txID]*prepare
	waiting  []*prepare // COMMITs waiting for room
	activity uint64     // messages handled; what idleness is told by
}

func newDestinationState(h *handle) *destinationState {
	s := &destinationState{handle: h}
	if h.kind == kindTopic {
		s.topic = &topic{}
		if set := h.settings.Load(); h.buffered {
			s.buffer = newBuffer(set.queue, set.minDelivery)
			s.buffer.filter = set.filter
		}
		return s
	}
	s.queue = newQueue(h.settings.Load().queue)
	return s
}

// unused tells whether nothing would be missed if it went away.
func (s *destinationState) unused() bool {
	if len(s.held)+len(s.waiting)+len(s.prepared) > 0 {
		return false
	}
	if s.buffer != nil && (s.buffer.count > 0 || len(s.buffer.readers) > 0) {
		return false
	}
	if s.topic != nil {
		return s.topic.own == 0 && s.topic.delayed.Len() == 0
	}
	return s.queue.count == 0 && len(s.queue.consumers) == 0 && len(s.browsers) == 0
}

// destination is the actor that gives a queue's or topic's messages out.
type destination struct {
	*destinationState
	core  *core
	life  *life
	alarm *alarm // for the next thing that is due; nil: nothing is
	idle  transport.Timer

	told      *toldTimes // when followers last heard of what may happen with every message; nil: never
	toldDrops uint64     // messages dropped that they have heard of

	looking bool // a lookOn is on the way

	*scratch // while a message is being handled
}

// alarm is a timer that runs.
type alarm struct {
	timer transport.Timer
	due   time.Time
}

// toldTimes keeps what may happen with every message from becoming an event each time.
type toldTimes struct {
	held  time.Time // publishers are held
	drops time.Time // messages were dropped
}

// scratch is what a destination gives messages out with, so that a burst allocates nothing for each message and subscriber.
// It is lent to whoever handles a message: most destinations lie still most of the time, and what the last one has used is
// still in the processor's cache.
type scratch struct {
	deliveries []transport.Delivery
	touched    []*consumer
	extra      []byte
}

func (d *destination) renew() process {
	return &destination{destinationState: d.destinationState, core: d.core, life: d.life}
}

// borrow gets the scratch, unless it is there.
func (d *destination) borrow() {
	if d.scratch == nil {
		d.scratch = d.core.scratches.Get().(*scratch)
	}
}

// giveBack is not done in a panic: who knows what is in it then.
func (d *destination) giveBack() {
	d.core.scratches.Put(d.scratch)
	d.scratch = nil
}

func (d *destination) about() string { return d.handle.address }

func (d *destination) receive(ctx actor.Context, message any) {
	d.borrow()
	d.act(ctx, message)
	d.giveBack()
}

func (d *destination) act(ctx actor.Context, message any) {
	switch m := message.(type) {
	case *publish:
		d.publish(ctx, m)
	case *settle:
		d.settle(ctx, m)
	case *written:
		if b := d.browser(m.key); b != nil {
			if b.epoch == m.epoch {
				b.written(m.n)
			}
		} else if d.buffer != nil {
			d.buffer.settleOldest(m.key, m.epoch, m.n)
		} else {
			d.queue.settleOldest(m.key, m.epoch, m.n)
		}
		d.flush(ctx)
	case *subscribe:
		d.subscribe(ctx, m)
	case *unsubscribe:
		d.unsubscribe(ctx, m)
	case *withdrawn:
		d.withdraw(ctx, m.publish)
	case *prepare:
		d.prepare(ctx, m)
	case *decide:
		d.decide(ctx, m)
	case *buried:
		d.queue.buried(m.entry)
		d.flush(ctx)
	case *unburied:
		d.unburied(ctx, m)
	case *lookOn:
		d.looking = false
		d.flush(ctx)
	case *tick:
		d.alarm = nil
		d.tick(ctx)
	case *reconfigure:
		d.reconfigure(ctx, m)
	case *catchUp:
		m.done()
	case *idleCheck:
		d.idleCheck(ctx, m)
		return
	case *actor.Started:
		d.started(ctx)
	case *actor.Stopping, *actor.Restarting:
		d.stopTimers()
	case *actor.Stopped:
		d.handle.pay()
	default:
		d.core.unhandled(d.life, message)
	}
	d.activity++
	d.observe()
	if n := d.handle.counters.dropped.Load(); n != d.toldDrops {
		d.tellDrops(n)
	}
	d.arm(ctx)
}

// started makes derived state anew: after a crash nobody knows how far the last incarnation got.
func (d *destination) started(ctx actor.Context) {
	d.toldDrops = d.handle.counters.dropped.Load()
	if d.queue != nil {
		d.queue.rebuild()
		d.flush(ctx)
		return
	}
	d.topic.rebuild()
	if d.buffer != nil {
		d.buffer.rebuild()
		d.flush(ctx)
	}
}

// insists: what was decided happens, and what is with a socket or another queue is not here any more.
func (d *destination) insists(message any) bool {
	switch message.(type) {
	case *decide, *written, *buried, *unburied:
		return true
	default:
		return false
	}
}

// refuse answers for a message that keeps crashing the destination.
func (d *destination) refuse(ctx actor.Context, message any) {
	d.borrow()
	fault := internalFault()
	switch m := message.(type) {
	case *publish:
		d.reject(ctx, m, fault)
	case *settle: // its connection ends, and all that was not settled goes back
		d.life.pass(m.session, &rejected{serial: m.key.serial, fault: fault})
	case *subscribe:
		if m.session != nil {
			d.life.pass(m.session, &subscriptionRefused{serial: m.key.serial, epoch: m.epoch, fault: fault})
		}
	case *unsubscribe: // one more try: else it would be served for ever; and an answer, whatever comes of that
		if m.session != nil {
			defer d.life.pass(m.session, &unsubscribed{serial: m.key.serial})
		}
		unasked := *m
		unasked.session = nil
		d.unsubscribe(ctx, &unasked)
	case *prepare:
		m.to.release()
		ctx.Send(m.session, &prepared{id: m.id, to: d.handle, fault: fault})
	case *reconfigure:
		m.done()
	case *catchUp:
		m.done()
	}
	d.arm(ctx) // it may be of no more use
	d.giveBack()
}

// settings is what holds for this destination now.
func (d *destination) settings() *destinationSettings { return d.handle.settings.Load() }

// reconfigure changes what holds here from now on. What is here stays, also if it is more than may come.
func (d *destination) reconfigure(ctx actor.Context, m *reconfigure) {
	d.handle.settings.Store(m.settings)
	switch {
	case d.queue != nil:
		d.queue.limits = m.settings.queue
	case d.buffer != nil:
		d.buffer.limits, d.buffer.filter = m.settings.queue, m.settings.filter
		d.buffer.setNeed(m.settings.minDelivery)
	}
	if d.keeps() {
		d.hold()
		d.flush(ctx)
	}
	m.done()
}

func (d *destination) publish(ctx actor.Context, p *publish) {
	d.limitExpiry(p.batch)
	switch {
	case p.behindRefusal():
		d.finish(ctx, p)
		return
	case !d.keeps() && p.spread == (spread{}) && !d.roomToDelay(p.batch):
		s := d.settings()
		d.reject(ctx, p, limitFault(CodeDestinationFull, "too much is delayed on this topic", s.limit("queues", "max_bytes"), int64(s.maxBytes)))
	case !d.keeps() && p.spread == (spread{}) && d.nobodyFor(p.batch) >= 0:
		p.done = d.nobodyFor(p.batch)
		d.fanOut(ctx, p.batch[:p.done], &p.spread) // those before it are for later
		p.collect(p.batch[:p.done])
		d.reject(ctx, p, d.nobodyFault())
	case !d.keeps():
		if p.unwanted() {
			d.finish(ctx, p)
			return
		}
		d.fanOut(ctx, p.batch, &p.spread)
		d.accept(ctx, p)
	case len(d.held)+len(d.waiting) > 0:
		// Behind those that wait already: messages of one connection stay in order.
		d.queueUp(p)
	case !d.enqueue(ctx, p):
		d.queueUp(p)
		d.hold()
		d.tellHeld()
	}
	if d.keeps() {
		d.flush(ctx)
	}
}

// roomToDelay tells whether a topic may keep the messages of a batch that are not due yet: as many
// octets as a queue may.
func (d *destination) roomToDelay(batch []*Message) bool {
	size := 0
	for _, m := range batch {
		if !m.notBefore.IsZero() {
			size += m.size
		}
	}
	return size == 0 || d.topic.held+size <= d.settings().maxBytes
}

// limitExpiry has messages live no longer than they may here.
func (d *destination) limitExpiry(batch []*Message) {
	longest := d.settings().expiry
	if longest == 0 {
		return
	}
	latest := d.core.clock.Now().Add(longest)
	for _, m := range batch {
		m.expireAt(latest)
	}
}

// nobodyFor finds the first message of a batch that a topic refuses because nobody is there to get
// it; -1: there is none.
func (d *destination) nobodyFor(batch []*Message) int {
	if d.settings().noSubscribers != config.NoSubscribersReject || len(d.topic.subscribers) > 0 {
		return -1
	}
	return slices.IndexFunc(batch, func(m *Message) bool { return m.notBefore.IsZero() })
}

func (d *destination) nobodyFault() *Fault {
	return faultf(CodeNoSubscribers, "nobody is subscribed", "nobody is subscribed to %q, and the setting %s is reject", d.handle.name, d.settings().limit("topics", "no_subscribers"))
}

// enqueue takes what there is room for of a batch; false: the rest has to wait.
func (d *destination) enqueue(ctx actor.Context, p *publish) bool {
	if p.behindRefusal() {
		d.finish(ctx, p)
		return true
	}
	limits := &d.settings().queue
	now := d.core.clock.Now()
	for p.done < len(p.batch) {
		m := p.batch[p.done]
		if !d.room(1, m.size) {
			switch {
			case !d.everRoom(1, m.size):
				d.reject(ctx, p, limitFault(CodeMessageTooLarge, "message larger than its "+d.handle.kind.String(), d.settings().limit("queues", "max_bytes"), int64(limits.maxBytes)))
				return true
			case limits.full == fullDropOldest && d.makeRoom(1, m.size):
			case limits.full == fullHold && p.bury == nil:
				d.report(ctx, p) // those that were taken don't wait with the rest
				return false
			default:
				d.reject(ctx, p, d.fullFault())
				return true
			}
		}
		if p.unwanted() {
			d.finish(ctx, p)
			return true
		}
		d.put(m, now)
		p.done++
		if m.hasReceipt {
			p.receipts = append(p.receipts, m.receipt)
		}
	}
	d.accept(ctx, p)
	return true
}

func (d *destination) fullFault() *Fault {
	why := "no consumer made room in time"
	if d.settings().queue.full == fullReject {
		why = "the setting " + d.settings().limit("queues", "full") + " is reject"
	}
	if d.buffer != nil {
		why = fmt.Sprintf("fewer than %d subscribers (min_delivery) have had what it keeps", d.buffer.need)
	}
	return faultf(CodeDestinationFull, "destination full", "the %s %q is full: %s, and %s", d.handle.kind, d.handle.name, d.maxima(), why)
}

// maxima names the limits of what keeps messages.
func (d *destination) maxima() string {
	s := d.settings()
	return fmt.Sprintf("%s is %d, %s is %d", s.limit("queues", "max_messages"), s.queue.maxMessages, s.limit("queues", "max_bytes"), s.maxBytes)
}

// accept ends a batch whose messages are all owned here, or given out.
func (d *destination) accept(ctx actor.Context, p *publish) {
	if !d.keeps() {
		p.collect(p.batch)
	}
	d.took(p.batch)
	d.finish(ctx, p)
	if p.bury != nil {
		ctx.Send(p.bury.from.pid(), &buried{entry: p.bury.entry})
	}
}

// withdraw lets go of a message whose publisher has stopped waiting for room.
func (d *destination) withdraw(ctx actor.Context, p *publish) {
	if i := slices.Index(d.held, p); i >= 0 {
		d.held = slices.Delete(d.held, i, i+1)
		d.finish(ctx, p)
		d.flush(ctx) // those behind it may need less room
	}
}

// reject ends a batch at its next message; nothing behind that is taken, since its connection ends.
func (d *destination) reject(ctx actor.Context, p *publish, fault *Fault) {
	next := p.batch[min(p.done, len(p.batch)-1)]
	d.took(p.batch[:p.done])
	d.report(ctx, p)
	if p.flow != nil {
		p.flow.refuse(p.number)
	}
	if p.from != nil {
		d.life.pass(p.from, &rejected{receipt: next.receipt, hasReceipt: next.hasReceipt, fault: fault})
	}
	if p.asked != nil {
		p.asked.give(fault)
	}
	d.finish(ctx, p)
	if p.bury != nil {
		ctx.Send(p.bury.from.pid(), &unburied{burial: p.bury})
	}
}

// took counts messages that are taken from a publisher.
func (d *destination) took(batch []*Message) {
	n := uint64(len(batch))
	d.core.stats.published.Add(n)
	d.handle.counters.enqueued.Add(n)
	if d.settings().logMessages {
		d.core.journal.record(d.handle, batch)
	}
}

// gave counts messages that are given to subscribers.
func (d *destination) gave(n int) {
	d.core.stats.delivered.Add(uint64(n))
	d.handle.counters.delivered.Add(uint64(n))
}

// report tells the session which receipts are due.
func (d *destination) report(ctx actor.Context, p *publish) {
	if len(p.receipts) > 0 && p.from != nil {
		d.life.pass(p.from, &accepted{receipts: p.receipts})
	}
	p.receipts = nil
}

func (d *destination) finish(ctx actor.Context, p *publish) {
	d.report(ctx, p)
	if p.flow != nil {
		p.flow.done(len(p.batch), p.cost)
	}
	if p.asked != nil {
		p.asked.give(nil)
	}
	p.to.release()
}

// hold starts the patience with the first publisher that waits.
func (d *destination) hold() {
	d.heldTill = time.Time{}
	if t := d.settings().holdTimeout; t > 0 {
		d.heldTill = d.core.clock.Now().Add(t)
	}
}

// eventPause is between two events of such a kind.
const eventPause = time.Second

// tellHeld says that publishers are held.
func (d *destination) tellHeld() {
	if now := d.core.clock.Now(); now.Sub(d.lastTold().held) >= eventPause {
		d.told.held = now
		d.core.event(Event{Kind: EventPublisherHeld, Role: d.life.role.name, Actor: d.life.pid.Id, Destination: d.handle.name})
	}
}

// tellDrops says that messages were dropped: n since the destination was made.
func (d *destination) tellDrops(n uint64) {
	if now := d.core.clock.Now(); now.Sub(d.lastTold().drops) >= eventPause {
		d.core.event(Event{Kind: EventDropped, Role: d.life.role.name, Actor: d.life.pid.Id, Destination: d.handle.name, Count: n - d.toldDrops})
		d.toldDrops, d.told.drops = n, now
	}
}

func (d *destination) lastTold() *toldTimes {
	if d.told == nil {
		d.told = &toldTimes{}
	}
	return d.told
}

// queueUp has a publisher wait for room.
func (d *destination) queueUp(p *publish) {
	d.turns++
	p.turn = d.turns
	d.held = append(d.held, p)
}

// commitIsNext tells whether a COMMIT has waited longest for room, and not a publisher: a SEND and the
// COMMIT behind it stay in order.
func (d *destination) commitIsNext() bool {
	return len(d.waiting) > 0 && (len(d.held) == 0 || d.waiting[0].turn < d.held[0].turn)
}

// resumeHeld lets waiting publishers go on as far as there is room.
func (d *destination) resumeHeld(ctx actor.Context) (any bool) {
	for len(d.held) > 0 || len(d.waiting) > 0 {
		if d.commitIsNext() {
			if !d.tryPrepare(ctx, d.waiting[0]) {
				return any
			}
			d.waiting = d.waiting[1:]
			any = true
			continue
		}
		before := d.held[0].done
		if !d.enqueue(ctx, d.held[0]) {
			moved := d.held[0].done > before
			if moved {
				d.hold()
			}
			return any || moved
		}
		d.held[0] = nil
		d.held = d.held[1:]
		d.hold()
		any = true
	}
	return any
}

// fanOut gives messages to every subscriber of the topic: encoded once per version, one lock and
// one wake-up per subscriber and batch. How far it came is kept, so that a crash on the way repeats
// nothing.
func (d *destination) fanOut(ctx actor.Context, batch []*Message, progress *spread) {
	now := time.Time{}
	var live []*Message
	for i, m := range batch {
		ordinary := m.notBefore.IsZero() && m.expires.IsZero()
		if !ordinary {
			if now.IsZero() {
				now = d.core.clock.Now()
			}
			if live == nil {
				live = append(make([]*Message, 0, len(batch)), batch[:i]...)
			}
			switch {
			case !m.expires.IsZero() && !m.expires.After(now):
				d.handle.counters.expired.Add(1)
				continue
			case !m.notBefore.IsZero() && (progress.delayed > i || m.notBefore.After(now)):
				if progress.delayed <= i {
					d.topic.delay(m.kept())
					progress.delayed = i + 1
				}
				continue
			}
		}
		if live != nil {
			live = append(live, m)
		}
	}
	if live == nil {
		live = batch
	}
	d.spread(ctx, live, progress)
}

func (d *destination) spread(ctx actor.Context, batch []*Message, progress *spread) {
	if len(batch) == 0 || len(d.topic.subscribers) == 0 {
		return
	}
	if header := d.settings().filter; header != "" {
		d.spreadFiltered(ctx, header, batch, progress)
		return
	}
	d.spreadTo(ctx, d.topic.subscribers, batch, progress, 0)
}

// spreadTo gives a batch to these subscribers; the progress counts them from passed on.
func (d *destination) spreadTo(ctx actor.Context, to []*subscriber, batch []*Message, progress *spread, passed int) {
	var items []delivered
	auto, others := 0, 0
	encoded := d.core.takeEncoding()
	for progress.served < passed+len(to) {
		s := to[progress.served-passed]
		progress.served++
		if s.link.selector != nil {
			a, o := d.spreadSelected(ctx, s, batch, encoded)
			auto, others = auto+a, others+o
			continue
		}
		if s.link.auto {
			auto += s.link.sink.DeliverBy(d.life, encoded.deliveries(batch, s.link.version, s.link.sink.WebSocket()))
			d.countDrops(s)
			continue
		}
		others += len(batch)
		if items == nil {
			items = make([]delivered, len(batch))
			for i, m := range batch {
				items[i] = delivered{msg: m.kept(), deliveries: 1}
			}
		}
		for i := 0; len(to) > 1 && i < len(items); i++ {
			items[i].msg.encodeFor(&s.link)
		}
		if s.link.inbox.put(items, d.handle) {
			d.life.pass(s.link.subscription, &arrived{})
		}
	}
	d.core.stats.delivered.Add(uint64(auto)) // the others when their subscriptions have let them through
	d.handle.counters.delivered.Add(uint64(auto + others))
	d.core.putEncoding(encoded)
}

// countDrops counts what a pattern's sink gave up. It serves many topics: who delivers to it next counts it, most often
// the one whose message there was no room for.
func (d *destination) countDrops(s *subscriber) {
	if drops := s.link.drops; drops != nil && drops.Load() > 0 {
		d.handle.counters.dropped.Add(drops.Swap(0))
	}
}

// spreadSelected gives a subscriber those messages of a batch that its selector matches. It tells how many
// went into an outbox, and how many into an inbox.
func (d *destination) spreadSelected(ctx actor.Context, s *subscriber, batch []*Message, encoded *encoding) (auto, others int) {
	var items []delivered
	chosen := encoded.chosen[:0]
	for i, m := range batch {
		switch {
		case !s.link.selector.Matches(m.lookup):
		case s.link.auto:
			chosen = append(chosen, encoded.deliveries(batch, s.link.version, s.link.sink.WebSocket())[i])
		default:
			m.kept().encodeFor(&s.link)
			items = append(items, delivered{msg: m.kept(), deliveries: 1})
		}
	}
	if len(chosen) > 0 {
		auto = s.link.sink.DeliverBy(d.life, chosen)
		d.countDrops(s)
	}
	encoded.chosen = chosen
	if len(items) > 0 && s.link.inbox.put(items, d.handle) {
		d.life.pass(s.link.subscription, &arrived{})
	}
	return auto, len(items)
}

// flush gives out what can be given: it is called after everything that may have made a message
// ready, given a consumer credit, or made room.
func (d *destination) flush(ctx actor.Context) {
	if d.buffer != nil {
		d.flushBuffer(ctx)
		return
	}
	for {
		d.touched = d.queue.dispatch(d.core.clock.Now(), d.touched[:0])
		refused := false
		for i, c := range d.touched {
			refused = d.give(ctx, c) || refused
			d.touched[i] = nil
		}
		if !d.resumeHeld(ctx) && !refused {
			break
		}
	}
	if more := d.show(); (more || d.queue.unfinished) && !d.looking {
		d.looking = true
		ctx.Send(ctx.Self(), &lookOn{})
	}
}

// give hands a consumer its batch; refused: not all of it, and others may have the rest.
func (d *destination) give(ctx actor.Context, c *consumer) (refused bool) {
	batch := c.batch
	if len(batch) == 0 || c.gone {
		c.batch = nil
		return false
	}
	// The batch stays the consumer's until it is handed over: after a crash rebuild puts it back.
	if !c.link.auto {
		items := make([]delivered, len(batch))
		for i, e := range batch {
			items[i] = delivered{msg: e.msg, entry: e, deliveries: e.deliveries}
		}
		d.life.pass(c.link.subscription, &deliver{epoch: c.epoch, from: d.handle, items: items})
		c.batch = nil
		d.handle.counters.delivered.Add(uint64(len(items)))
		return false
	}
	out := d.deliveries[:0]
	d.extra = d.extra[:0]
	encoded := d.core.takeEncoding()
	for _, e := range batch {
		start := len(d.extra)
		d.extra = appendRedelivered(d.extra, e.deliveries)
		out = append(out, transport.Delivery{Extra: d.extra[start:], Tail: encoded.tail(e.msg, c.link.version, c.link.sink.WebSocket())})
	}
	n := c.link.sink.DeliverBy(d.life, out)
	d.gave(n)
	d.core.putEncoding(encoded)
	clear(out)
	if refused = n < len(batch); refused { // its sink is closed, and its end on the way
		d.queue.takeBack(c, batch[n:])
	}
	clear(batch)
	c.batch = batch[:0] // nobody else sees it
	d.deliveries = out[:0]
	return refused
}

func (d *destination) settle(ctx actor.Context, m *settle) {
	for _, s := range m.items {
		if d.buffer != nil {
			d.buffer.settle(m.key, m.epoch, s.entry, s.how)
		} else if dead := d.queue.settle(m.key, m.epoch, s.entry, s.how); dead != nil {
			d.bury(ctx, dead, reasonOf(s.how))
		}
	}
	d.core.stats.settled.Add(uint64(len(m.items)))
	if len(m.receipts) > 0 {
		d.life.pass(m.session, &acked{receipts: m.receipts})
	}
	d.flush(ctx)
}

func reasonOf(how outcome) string {
	if how == discarded {
		return "discarded"
	}
	return "max_deliveries"
}

// bury sends an entry to the dead-letter queue. It is owned here until that has it.
func (d *destination) bury(ctx actor.Context, e *entry, reason string) {
	to := d.settings().deadLetter
	d.handle.counters.deadLettered.Add(1)
	d.core.event(Event{Kind: EventDeadLetter, Role: d.life.role.name, Actor: d.life.pid.Id, Destination: d.handle.name, Cause: fmt.Sprintf("%s: message %s", reason, e.msg.id)})
	if to == "" {
		d.queue.buried(e)
		return
	}
	d.core.stats.deadLettered.Add(1)
	ctx.Send(d.core.router(), &burial{from: d.handle, to: to, entry: e, msg: e.msg.deadLetter(to, reason, e.refusals, e.deliveries)})
}

// unburied tries again after a while: the dead-letter queue is full, or could not be made.
func (d *destination) unburied(ctx actor.Context, m *unburied) {
	router, again := d.core.router(), m.burial
	system := ctx.ActorSystem()
	d.core.clock.AfterFunc(buryAgain, func() { system.Root.Send(router, again) })
}

// buryAgain is the pause between tries to hand a message to a dead-letter queue that refused it.
const buryAgain = time.Second

func (d *destination) subscribe(ctx actor.Context, m *subscribe) {
	if !d.roomToSubscribe(m) {
		s := d.settings()
		d.life.pass(m.session, &subscriptionRefused{serial: m.key.serial, epoch: m.epoch, fault: limitFault(CodeConnections, "too many subscribers", s.limit("", "max_connections"), int64(s.maxConnections))})
		return
	}
	if fits, fault := d.filterFits(m); !fits {
		if m.session != nil {
			d.life.pass(m.session, &subscriptionRefused{serial: m.key.serial, epoch: m.epoch, fault: fault})
		}
		return
	}
	if m.browse {
		d.browse(ctx, m)
	} else if d.buffer != nil && m.pattern == "" {
		d.buffer.attach(m.key, m.epoch, m.credit, m.link)
		d.flush(ctx)
	} else if d.topic != nil {
		d.topic.attach(m.key, m.epoch, m.pattern != "", m.link)
		if !m.link.auto {
			d.life.pass(m.link.subscription, &arrived{}) // what came meanwhile was announced to the last incarnation
		}
	} else {
		d.queue.attach(m.key, m.epoch, m.credit, m.exclusive, m.link)
		d.flush(ctx)
	}
	if m.session != nil {
		d.life.pass(m.session, &subscribed{serial: m.key.serial, epoch: m.epoch})
	}
}

// roomToSubscribe tells whether one more subscription is allowed. Those that came through a pattern
// don't count: they did not ask for this topic.
func (d *destination) roomToSubscribe(m *subscribe) bool {
	most := d.settings().maxConnections
	switch {
	case most == 0 || m.pattern != "" || m.session == nil:
		return true
	case d.buffer != nil:
		return d.buffer.index[m.key] != nil || len(d.buffer.readers) < most
	case d.topic != nil:
		return d.topic.find(m.key) != nil || d.topic.own < most
	default:
		return d.queue.consumers[m.key] != nil || d.browser(m.key) != nil || len(d.queue.consumers)+len(d.browsers) < most
	}
}

func (d *destination) unsubscribe(ctx actor.Context, m *unsubscribe) {
	if d.unbrowse(m) {
		// It had nothing that could go back.
	} else if d.buffer != nil && m.pattern == "" {
		d.buffer.detach(m.key, m.epoch)
		d.flush(ctx)
	} else if d.topic != nil {
		d.topic.detach(m.key, m.epoch)
	} else {
		d.queue.detach(m.key, m.epoch)
		d.flush(ctx)
	}
	if m.session != nil {
		d.life.pass(m.session, &unsubscribed{serial: m.key.serial})
	}
}

// prepare is the first half of a COMMIT.
func (d *destination) prepare(ctx actor.Context, m *prepare) {
	if _, twice := d.prepared[m.id]; twice {
		return // handed over again after a crash
	}
	d.limitExpiry(m.batch)
	if !d.keeps() && d.nobodyFor(m.batch) >= 0 {
		d.refusePrepare(ctx, m, d.nobodyFault())
		return
	}
	if len(d.waiting) > 0 || len(d.held) > 0 && len(m.batch) > 0 || !d.tryPrepare(ctx, m) {
		d.turns++
		m.turn = d.turns
		d.waiting = append(d.waiting, m)
		if len(d.waiting)+len(d.held) == 1 {
			d.hold()
		}
	}
}

// tryPrepare answers a COMMIT; false: it has to wait for room.
func (d *destination) tryPrepare(ctx actor.Context, m *prepare) bool {
	if m.strict && !d.claimable(m.settles) {
		d.refusePrepare(ctx, m, faultf(CodeAck, "nothing to acknowledge", "a delivery of %q is not this subscription's any more: it comes again", d.handle.name))
		return true
	}
	if n := len(m.batch); n > 0 && d.keeps() {
		full := d.settings().queue.full
		switch {
		case d.room(n, m.size):
		case !d.everRoom(n, m.size):
			d.refusePrepare(ctx, m, faultf(CodeDestinationFull, "transaction larger than its "+d.handle.kind.String(), "the transaction's messages for %q are more than it can hold when it is empty (%s)", d.handle.name, d.maxima()))
			return true
		case full == fullDropOldest && d.makeRoom(n, m.size):
		case full == fullHold:
			return false
		default:
			d.refusePrepare(ctx, m, d.fullFault())
			return true
		}
		d.book(n, m.size)
	}
	for _, s := range m.settles {
		for _, item := range s.items {
			// One that is not the consumer's any more was put back by a restart of ours: it
			// comes again, marked as redelivered. The rest of the transaction stands.
			if d.buffer != nil {
				d.buffer.claim(s.key, s.epoch, item.entry, item.how)
			} else {
				d.queue.claim(s.key, s.epoch, item.entry, item.how)
			}
		}
	}
	if d.prepared == nil {
		d.prepared = make(map[txID]*prepare)
	}
	d.prepared[m.id] = m
	ctx.Send(m.session, &prepared{id: m.id, to: d.handle})
	return true
}

// claimable tells whether all of these deliveries are their consumers'.
func (d *destination) claimable(settles []preparedSettles) bool {
	for _, s := range settles {
		for _, item := range s.items {
			if d.buffer != nil && !d.buffer.has(s.key, s.epoch, item.entry) || d.queue != nil && !d.queue.has(s.key, s.epoch, item.entry) {
				return false
			}
		}
	}
	return true
}

func (d *destination) refusePrepare(ctx actor.Context, m *prepare, fault *Fault) {
	m.to.release()
	ctx.Send(m.session, &prepared{id: m.id, to: d.handle, fault: fault})
}

// decide is the second half.
func (d *destination) decide(ctx actor.Context, m *decide) {
	p := d.prepared[m.id]
	if p == nil {
		d.forgetWaiting(ctx, m.id)
		if m.session != nil {
			ctx.Send(m.session, &decided{id: m.id, to: d.handle})
		}
		return
	}
	for _, st := range p.settles {
		for _, item := range st.items {
			if d.buffer != nil && m.commit {
				d.buffer.settleClaimed(st.key, item.entry)
			} else if d.buffer != nil {
				d.buffer.unclaim(st.key, item.entry)
			} else if !m.commit {
				d.queue.unclaim(item.entry)
			} else if dead := d.queue.settleClaimed(item.entry); dead != nil {
				d.bury(ctx, dead, reasonOf(item.how))
			}
		}
	}
	if d.keeps() && len(p.batch) > 0 && !p.freed {
		p.freed = true
		d.book(-len(p.batch), -p.size)
	}
	switch {
	case !m.commit:
	case !d.keeps():
		d.fanOut(ctx, p.batch, &p.spread)
	default:
		now := d.core.clock.Now()
		for p.done < len(p.batch) {
			d.put(p.batch[p.done], now)
			p.done++
		}
	}
	// Only now: a crash before this point goes on where it was.
	delete(d.prepared, m.id)
	p.to.release()
	if m.commit {
		d.took(p.batch)
	}
	if d.keeps() {
		d.flush(ctx)
	}
	if m.session != nil {
		ctx.Send(m.session, &decided{id: m.id, to: d.handle})
	}
}

// forgetWaiting drops a COMMIT that was given up while it waited for room.
func (d *destination) forgetWaiting(ctx actor.Context, id txID) {
	for i, w := range d.waiting {
		if w.id == id {
			d.waiting = append(d.waiting[:i:i], d.waiting[i+1:]...)
			w.to.release()
			d.flush(ctx) // those behind it may need less room
			return
		}
	}
}

// tick does what is due.
func (d *destination) tick(ctx actor.Context) {
	now := d.core.clock.Now()
	if !d.keeps() {
		d.fanOut(ctx, d.topic.due(now), &spread{})
		return
	}
	if d.buffer != nil {
		d.buffer.tick(now)
	} else {
		d.queue.tick(now)
	}
	d.flush(ctx)
	if !d.heldTill.IsZero() && !d.heldTill.After(now) {
		switch {
		case d.commitIsNext():
			d.refusePrepare(ctx, d.waiting[0], d.fullFault())
			d.waiting = d.waiting[1:]
		case len(d.held) > 0:
			d.reject(ctx, d.held[0], d.fullFault())
			d.held = d.held[1:]
		}
		d.hold()
		d.flush(ctx) // those behind it may need less room
	}
}

// arm sets the timers for what comes next.
func (d *destination) arm(ctx actor.Context) {
	var at time.Time
	if !d.keeps() {
		if e := d.topic.delayed.top(); e != nil {
			at = e.msg.notBefore
		}
	} else {
		if d.buffer != nil {
			at = d.buffer.wake()
		} else {
			at, _ = d.queue.wake()
		}
		if len(d.held)+len(d.waiting) > 0 && !d.heldTill.IsZero() && (at.IsZero() || d.heldTill.Before(at)) {
			at = d.heldTill
		}
	}
	if !at.IsZero() && (d.alarm == nil || at.Before(d.alarm.due)) {
		if d.alarm != nil {
			d.alarm.timer.Stop()
		}
		d.alarm = &alarm{timer: d.after(ctx, at.Sub(d.core.clock.Now()), &tick{}), due: at}
	}
	if d.idle == nil && !d.settings().kept && d.handle.owner == 0 && d.core.settings().Destinations.IdleTimeout > 0 && d.unused() && !d.life.stopping.Load() {
		d.idle = d.after(ctx, d.core.settings().Destinations.IdleTimeout, &idleCheck{activity: d.activity})
	}
}

func (d *destination) after(ctx actor.Context, wait time.Duration, message any) transport.Timer {
	system, self := ctx.ActorSystem(), ctx.Self()
	return d.core.clock.AfterFunc(max(wait, 0), func() { system.Root.Send(self, message) })
}

func (d *destination) stopTimers() {
	if d.alarm != nil {
		d.alarm.timer.Stop()
	}
	if d.idle != nil {
		d.idle.Stop()
	}
	d.alarm, d.idle = nil, nil
}

// idleCheck retires a destination that nothing happened to for a whole idle timeout.
func (d *destination) idleCheck(ctx actor.Context, m *idleCheck) {
	d.idle = nil
	if d.unused() && d.activity == m.activity && d.handle.retire() {
		ctx.Send(d.core.router(), &retired{handle: d.handle})
		return
	}
	d.arm(ctx)
}
