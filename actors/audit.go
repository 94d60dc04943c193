package actors

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Audit is what a broker holds at one moment, for a simulation to compare with what it should.
type Audit struct {
	Destinations []DestinationAudit // by address
	Connections  []ConnectionAudit  // by number
	Patterns     int                // wildcard subscriptions
	// Faults are contradictions: sums that don't add up, counts below zero, more given to a consumer
	// than it may have.
	Faults []string
}

// DestinationAudit is what a queue or topic holds.
type DestinationAudit struct {
	Name, Address string
	Queue         bool
	Temporary     bool
	Leases        int64
	Subscribers   int
	Held          int // batches of publishers that wait for room
	Waiting       int // COMMITs that do
	Prepared      int // COMMITs that are not decided
	Count         int // messages owned
	Bytes         int
	Reserved      int // for COMMITs
	ReservedBytes int
	Outstanding   int            // with consumers
	Claimed       int            // set aside for COMMITs
	Parked        int            // on their way to the dead-letter queue
	Messages      []MessageAudit // all that a queue owns, by id; none while its actor is down
}

// MessageAudit is a message that a queue owns.
type MessageAudit struct {
	ID   string
	Body []byte
}

// ConnectionAudit is what a connection holds.
type ConnectionAudit struct {
	Name          string
	WindowUsed    int
	Publishing    int64 // messages on their way to destinations
	OutboxBytes   int
	OutboxFrames  int
	Backlog       int // reads not yet handled
	Pending       int // batches not yet sent
	Subscriptions int
	Transactions  int
	TxFrames      int
	TxBytes       int
	Committing    bool
	Unacked       int // topics' messages that wait in subscriptions, beyond their prefetch
}

// Audit looks into a broker that a Scheduler of the program's own runs, while none of its actors does. Any
// other broker never stands still, and gets an error.
func (b *Broker) Audit() (*Audit, error) {
	c := b.core
	if c.scheduler == nil {
		return nil, fmt.Errorf("only a broker with a Scheduler of its own stands still to be looked into")
	}
	a := &Audit{}
	c.table.each(func(h *handle) { a.Destinations = append(a.Destinations, a.destination(h)) })
	slices.SortFunc(a.Destinations, func(x, y DestinationAudit) int { return strings.Compare(x.Address, y.Address) })
	if n := int(c.table.count.Load()); n != len(a.Destinations) {
		a.fault("the table counts %d destinations and has %d", n, len(a.Destinations))
	}
	for _, cp := range c.clients.all() {
		a.Connections = append(a.Connections, a.connection(cp))
	}
	if c.destinations != nil {
		a.Patterns = len(c.destinations.byKey)
	}
	return a, nil
}

func (a *Audit) fault(format string, args ...any) {
	a.Faults = append(a.Faults, fmt.Sprintf(format, args...))
}

func (a *Audit) destination(h *handle) DestinationAudit {
	s := h.state
	d := DestinationAudit{
		Name: h.name, Address: h.address, Queue: h.kind == kindQueue, Temporary: h.owner != 0, Leases: h.leases.Load(),
		Held: len(s.held), Waiting: len(s.waiting), Prepared: len(s.prepared),
	}
	if s.topic != nil {
		d.Subscribers, d.Count, d.Bytes = len(s.topic.subscribers), s.topic.delayed.Len(), s.topic.held
		a.topic(h, s.topic)
		if s.buffer != nil && h.life.inflight == nil {
			a.buffer(h, s.buffer, &d)
		}
		return d
	}
	q := s.queue
	d.Subscribers, d.Count, d.Bytes = len(q.consumers), q.count, q.bytes
	d.Reserved, d.ReservedBytes, d.Claimed, d.Parked = q.reserved, q.reservedBytes, len(q.claimed), len(q.parked)
	if h.life.inflight == nil { // else a crash left it half done; its next incarnation begins with putting it right
		a.queue(h, q, &d)
	}
	return d
}

func (a *Audit) topic(h *handle, t *topic) {
	own := 0
	for i, s := range t.subscribers {
		if s.at != i || t.find(s.key) != s {
			a.fault("%s: subscriber %v is not where it says", h.address, s.key)
		}
		if !s.pattern {
			own++
		}
	}
	if own != t.own || t.index != nil && len(t.index) != len(t.subscribers) {
		a.fault("%s: counts %d subscribers of its own and has %d; %d in the index, %d in the list", h.address, t.own, own, len(t.index), len(t.subscribers))
	}
}

func (a *Audit) buffer(h *handle, b *buffer, d *DestinationAudit) {
	d.Subscribers += len(b.readers)
	d.Reserved, d.ReservedBytes, d.Claimed = b.reserved, b.reservedBytes, len(b.claimed)
	count, bytes, spare := 0, 0, 0
	see := func(e *entry) {
		count++
		bytes += e.msg.size
		d.Messages = append(d.Messages, MessageAudit{ID: e.msg.id, Body: e.msg.body})
	}
	last := uint64(0)
	for e := b.list.head; e != nil; e = e.next {
		if e.seq <= last || e.state != entryReady || int(e.had) >= b.need && e.awaiting == 0 {
			a.fault("%s: message %s with number %d behind %d, state %d, %d of %d have had it, %d await it", h.address, e.msg.id, e.seq, last, e.state, e.had, b.need, e.awaiting)
		}
		last = e.seq
		if int(e.had) >= b.need {
			spare++
		}
		see(e)
	}
	for _, e := range b.delayed.entries {
		see(e)
	}
	if count != b.count || bytes != b.bytes || spare != b.spare {
		a.fault("%s: counts %d messages of %d octets, %d spare, and has %d of %d, %d", h.address, b.count, b.bytes, b.spare, count, bytes, spare)
	}
	d.Count, d.Bytes = b.count, b.bytes
	for _, r := range b.readers {
		d.Outstanding += len(r.open)
		if len(r.open)+r.claims > r.window || b.index[r.key] != r {
			a.fault("%s: reader %v has %d of %d, %d claimed", h.address, r.key, len(r.open), r.window, r.claims)
		}
	}
	slices.SortFunc(d.Messages, func(x, y MessageAudit) int { return strings.Compare(x.ID, y.ID) })
}

func (a *Audit) queue(h *handle, q *queue, d *DestinationAudit) {
	bytes, count := 0, 0
	see := func(e *entry, want entryState) {
		if e.state != want {
			a.fault("%s: message %s is in state %d where only %d belongs", h.address, e.msg.id, e.state, want)
		}
		count++
		bytes += e.msg.size
		d.Messages = append(d.Messages, MessageAudit{ID: e.msg.id, Body: e.msg.body})
	}
	for p := range q.ready {
		last := uint64(0)
		for e := q.ready[p].head; e != nil; e = e.next {
			if e.seq <= last {
				a.fault("%s: priority %d is out of order at %s", h.address, p, e.msg.id)
			}
			last = e.seq
			see(e, entryReady)
		}
	}
	for _, e := range q.delayed.entries {
		see(e, entryDelayed)
	}
	for e := range q.parked {
		see(e, entryParked)
	}
	claims := make(map[subscriptionKey]int)
	for e, cl := range q.claimed {
		see(e, entryClaimed)
		if c := q.consumers[cl.key]; c != nil && c.epoch == cl.epoch {
			claims[cl.key]++
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(q.consumers), compareKeys) {
		c := q.consumers[key]
		n := 0
		for e := c.outstanding.head; e != nil; e = e.next {
			n++
			see(e, entryOutstanding)
		}
		d.Outstanding += n
		if c.credit < 0 || c.prefetch != n+c.credit+claims[key] {
			a.fault("%s: consumer %v has %d of %d left, %d outstanding, %d claimed", h.address, key, c.credit, c.prefetch, n, claims[key])
		}
		if c.inTurn != slices.Contains(q.turn.items[q.turn.first:], c) || c.inTurn != (c.credit > 0) {
			a.fault("%s: consumer %v with credit %d: in turn: %v", h.address, key, c.credit, c.inTurn)
		}
	}
	if count != q.count || bytes != q.bytes {
		a.fault("%s: counts %d messages of %d octets and has %d of %d", h.address, q.count, q.bytes, count, bytes)
	}
	if q.reserved < 0 || q.reservedBytes < 0 {
		a.fault("%s: %d messages of %d octets are reserved", h.address, q.reserved, q.reservedBytes)
	}
	if q.mask != 0 && d.Subscribers > 0 && q.exclusive == nil && q.turn.len() > 0 {
		a.fault("%s: %d messages wait while a consumer has room", h.address, count-d.Outstanding)
	}
	slices.SortFunc(d.Messages, func(x, y MessageAudit) int { return strings.Compare(x.ID, y.ID) })
}

func (a *Audit) connection(cp *checkpoint) ConnectionAudit {
	bytes, frames := cp.conn.Outbox().Pending()
	n := ConnectionAudit{
		Name: connectionName(cp.id), WindowUsed: cp.conn.Window().Used(), Publishing: cp.flow.publishing.Load(),
		OutboxBytes: bytes, OutboxFrames: frames, Backlog: len(cp.backlog), Pending: len(cp.pending),
		Subscriptions: len(cp.subscriptions.all), Committing: cp.commit != nil,
	}
	if tx := cp.transactions; tx != nil {
		n.Transactions, n.TxFrames, n.TxBytes = len(tx.open), tx.frames, tx.bytes
	}
	for _, s := range cp.subscriptions.all {
		if s.shelf != nil {
			n.Unacked += len(s.shelf.pending)
		}
	}
	if n.WindowUsed < 0 || n.Publishing < 0 || n.OutboxBytes < 0 || n.OutboxFrames < 0 || n.TxFrames < 0 || n.TxBytes < 0 {
		a.fault("%s: below zero: %+v", n.Name, n)
	}
	return n
}
