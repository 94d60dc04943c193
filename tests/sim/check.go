package sim

import (
	"strconv"
	"strings"

	"stampede/actors"
	"stampede/config"
	"stampede/stompwire"
)

const deadLetters = "/queue/DLQ"

// message checks one MESSAGE that came to c.
func (p *play) message(c *conn, f *stompwire.Frame) {
	get := func(name string) string {
		v, _ := f.Header.Get(name)
		return v
	}
	id, at := get("subscription"), get("destination")
	var s *subscription
	for _, x := range c.subs {
		if x.id == id {
			s = x
		}
	}
	name := strings.TrimRight(string(f.Body), ".")
	m := p.messages[name]
	switch {
	case s == nil:
		p.fail("%s got a message for the subscription %q, which it does not have", c.name, id)
		return
	case m == nil || len(f.Body) != len(m.name)+m.size:
		p.fail("%s got a message that nobody sent: %q", c.name, f.Body)
		return
	case s.closed:
		p.fail("%s got %s for %s behind the RECEIPT of its UNSUBSCRIBE", c.name, name, id)
	case s.asked && !s.opened && !c.over:
		p.fail("%s got %s for %s before the RECEIPT of its SUBSCRIBE", c.name, name, id)
	case !matches(s.destination, at):
		p.fail("%s got %s, which was sent to %s, for its subscription of %s", c.name, name, at, s.destination)
	case at != m.destination && at != deadLetters:
		p.fail("%s was sent to %s and came by %s", name, m.destination, at)
	case m.to != nil && m.to != c && at != deadLetters:
		p.fail("%s was for a temporary queue of %s and came to %s", name, m.to.name, c.name)
	case !m.written:
		p.fail("%s came before it was sent", name)
	case m.delay > 0 && at != deadLetters && p.world.Now().Before(m.at.Add(m.delay)):
		p.fail("%s came before its delay of %s was over", name, m.delay)
	case m.tx != nil && !m.tx.committed:
		p.fail("%s came before the COMMIT of its transaction", name)
	case m.tx != nil && m.tx.refused:
		p.fail("%s came, and its transaction was refused", name)
	}
	d := &delivery{
		message: m, sub: s, at: at, count: 1, ackID: get("ack"), messageID: get("message-id"), replyTo: get("reply-to"), disturbed: s.disturbed,
	}
	if n, again := f.Header.Get("delivery-count"); again {
		d.count, _ = strconv.Atoi(n)
	}
	if (d.count > 1) != (get("redelivered") == "true") {
		p.fail("%s came with delivery-count %d and redelivered %q", name, d.count, get("redelivered"))
	}
	if !s.queue() {
		p.byTopic(s, d)
	} else {
		p.byQueue(s, d)
	}
	s.held = append(s.held, d)
	p.checkPrefetch(s)
	p.checkOrder(s, d)
}

func (p *play) byTopic(s *subscription, d *delivery) {
	if d.count > 1 {
		p.fail("%s came by a topic with delivery-count %d", d.message.name, d.count)
	}
	if s.got[d.message] {
		p.fail("%s came twice to %s of %s", d.message.name, s.id, s.conn.name)
	}
	s.got[d.message] = true
	d.message.topic++
}

// byQueue checks that a message has one owner: whoever had it before has given it back, or lost it.
func (p *play) byQueue(s *subscription, d *delivery) {
	e := d.message.entry(d.at)
	if e.settled != nil && d.count > e.settled.count {
		p.fail("%s came to %s after the RECEIPT of its ACK by %s", d.message.name, s.conn.name, e.settled.sub.conn.name)
	}
	for _, o := range e.copies {
		older := o
		if d.count < o.count {
			older = d
		}
		switch {
		case o.count == d.count:
			p.fail("%s was given out twice with delivery-count %d: to %s of %s and to %s of %s",
				d.message.name, d.count, o.sub.id, o.sub.conn.name, s.id, s.conn.name)
		case !older.given():
			p.fail("%s is with %s of %s (delivery %d) and with %s of %s (delivery %d)",
				d.message.name, o.sub.id, o.sub.conn.name, o.count, s.id, s.conn.name, d.count)
		}
	}
	e.copies = append(e.copies, d)
}

// given tells whether there is a reason for a delivery to be given to somebody else.
func (d *delivery) given() bool {
	s := d.sub
	if s.disturbed > 0 || s.conn.disturbed > 0 || s.conn.over {
		return true
	}
	if d.tx != nil && (!d.tx.committed || d.tx.spoiled) {
		return s.ending
	}
	switch d.how {
	case opNack:
		return true
	case opAck, opReject:
		return false // and an UNSUBSCRIBE behind it changes nothing
	}
	return s.ending
}

// settled: the broker has said that these were settled.
func (p *play) settled(done []*delivery) {
	for _, d := range done {
		if d.sub.queue() && d.sub.broken == 0 && d.sub.conn.broken == 0 && (d.how == opAck || d.how == opReject) {
			if e := d.message.entry(d.at); e.settled == nil || e.settled.count < d.count {
				e.settled = d
			}
		}
	}
}

// epoch is which incarnation of the subscription a delivery of STOMP 1.2 came from.
func (d *delivery) epoch() string {
	if parts := strings.Split(d.ackID, "-"); len(parts) == 3 {
		return parts[1]
	}
	return ""
}

// checkPrefetch: no more is unacknowledged than was asked for.
func (p *play) checkPrefetch(s *subscription) {
	if s.aborted && !s.queue() {
		return // the room was given to others meanwhile
	}
	// After a restart the older deliveries are void; only the ids of 1.2 tell which those are.
	epoch := s.held[len(s.held)-1].epoch()
	if s.mode == "auto" || (s.disturbed > 0 || s.conn.disturbed > 0) && epoch == "" || s.conn.over {
		return
	}
	open := 0
	for _, d := range s.held {
		if d.epoch() != epoch {
			continue
		}
		if d.how == 0 || d.tx != nil && !d.tx.committed && s.queue() {
			open++
		}
	}
	if open > s.prefetch {
		p.fail("%s of %s has %d messages, and a prefetch of %d", s.id, s.conn.name, open, s.prefetch)
	}
}

// checkOrder: what one client sends to one destination arrives in that order, the first time.
func (p *play) checkOrder(s *subscription, d *delivery) {
	m := d.message
	if d.count > 1 || d.at == deadLetters || m.delay > 0 || m.to != nil && m.from != m.to {
		return
	}
	l := lane{from: m.from, priority: m.priority}
	if !s.queue() {
		l.priority = 0
	}
	if m.destination != s.destination && !s.queue() {
		return // a pattern: each topic has its own order
	}
	if m.order < s.last[l] {
		p.fail("%s came to %s of %s behind what %s sent later", m.name, s.id, s.conn.name, m.from.name)
	}
	s.last[l] = m.order
}

// receiptInOrder: receipts of SENDs to one destination come in the order of the SENDs.
func (p *play) receiptInOrder(c *conn, id string) {
	for destination, waiting := range c.inOrder {
		for i, w := range waiting {
			if w != id {
				continue
			}
			if i > 0 {
				p.fail("%s got the RECEIPT %s for %s before %s", c.name, id, destination, waiting[0])
			}
			c.inOrder[destination] = waiting[i+1:]
		}
	}
}

// refused checks an ERROR: clients make no mistakes, so there must be another reason for it.
func (p *play) refused(c *conn, f *stompwire.Frame) {
	code, _ := f.Header.Get("code")
	may := false
	switch code {
	case "internal error":
		may = p.struck > 0
	case "q flup":
		may = p.plan.config.maxMessages < 1000
	case "transaction":
		may = c.disturbed > 0 || c.spoiled
	case "heart-beat timeout", "frame timeout", "login timeout":
		may = len(p.plan.jumps) > 0 || p.struck > 0
	}
	if !may {
		p.fail("%s got an ERROR: %s %s", c.name, code, f.Body)
	}
	id, has := f.Header.Get("receipt-id")
	if t := p.commits[id]; has && t != nil {
		t.refused = true
		for _, m := range t.sends {
			if m.seen() {
				p.fail("%s came, and its transaction is refused", m.name)
			}
		}
	}
}

// seen tells whether anybody got it.
func (m *message) seen() bool {
	for _, e := range m.entries {
		if len(e.copies) > 0 {
			return true
		}
	}
	return m.topic > 0
}

// checkAtRest: nothing is under way, and clients that are still there have what they should.
func (p *play) checkAtRest(a *actors.Audit) {
	for _, c := range a.Connections {
		if c.WindowUsed != 0 || c.Publishing != 0 || c.OutboxBytes != 0 || c.OutboxFrames != 0 || c.Backlog != 0 || c.Pending != 0 || c.Committing {
			p.fail("nothing is under way, and %s holds %+v", c.Name, c)
		}
	}
	p.checkIdle(a)
	for _, c := range p.conns {
		if c.over {
			continue
		}
		if len(c.receipts) > 0 {
			p.fail("%s got no RECEIPT for %v", c.name, keys(c.receipts))
		}
		for _, s := range c.subs {
			if s.queue() || !s.opened || s.ending {
				continue
			}
			for _, m := range p.all {
				if m.sure && m.order > s.openedAt && m.expiration == 0 && matches(s.destination, m.destination) && !s.got[m] {
					p.fail("%s was sent after the RECEIPT of %s of %s, and did not come", m.name, s.id, c.name)
				}
			}
		}
	}
	held := inQueues(a)
	for _, c := range p.conns {
		for _, s := range c.subs {
			if c.over || c.disturbed > 0 || s.disturbed > 0 || s.ending || !s.queue() || s.mode != "auto" {
				continue
			}
			for _, d := range s.held {
				if held[d.message.name] > 0 && d.message.entries[deadLetters] == nil {
					p.fail("%s came to %s in the mode auto, and its queue still has it", d.message.name, c.name)
				}
			}
		}
	}
}

// checkIdle: no destination waits for anything but consumers.
func (p *play) checkIdle(a *actors.Audit) {
	for _, d := range a.Destinations {
		if d.Held != 0 || d.Waiting != 0 || d.Prepared != 0 || d.Reserved != 0 || d.ReservedBytes != 0 || d.Claimed != 0 || d.Parked != 0 && p.plan.config.maxMessages > 1000 {
			p.fail("nothing is under way, and %s holds %+v", d.Address, brief(d))
		}
	}
}

func brief(d actors.DestinationAudit) actors.DestinationAudit {
	d.Messages = nil
	return d
}

// checkDeserted: with the last client goes everything but messages.
func (p *play) checkDeserted(a *actors.Audit) {
	p.checkIdle(a)
	if len(a.Connections) > 0 || a.Patterns > 0 {
		p.fail("all clients are gone, and %d connections and %d patterns are left", len(a.Connections), a.Patterns)
	}
	for _, d := range a.Destinations {
		if d.Leases != 0 && d.Parked == 0 && d.Address != deadLetters || d.Subscribers != 0 || d.Temporary || d.Outstanding != 0 {
			p.fail("all clients are gone, and %s holds %+v", d.Address, brief(d))
		}
	}
}

// checkForgotten: what holds nothing is not kept.
func (p *play) checkForgotten(a *actors.Audit) {
	for _, d := range a.Destinations {
		if d.Count == 0 {
			p.fail("%s is empty and unused for long, and still there", d.Address)
		}
	}
}

// inQueues counts the messages that queues own, by name.
func inQueues(a *actors.Audit) map[string]int {
	held := make(map[string]int)
	for _, d := range a.Destinations {
		for _, m := range d.Messages {
			held[strings.TrimRight(string(m.Body), ".")]++
		}
	}
	return held
}

// checkMessages: every message that the broker has said it has was settled, or is still there, once.
func (p *play) checkMessages(a *actors.Audit) {
	held := inQueues(a)
	parked := 0
	for _, d := range a.Destinations {
		parked += d.Parked
	}
	for name, n := range held {
		if m := p.messages[name]; m == nil || !m.written {
			p.fail("a queue has %s, which nobody sent", name)
		}
		if n > 1 && parked == 0 {
			p.fail("queues have %s %d times", name, n)
		}
	}
	for _, m := range p.all {
		if !isQueue(m.destination) || m.to != nil {
			continue
		}
		there := held[m.name] > 0
		if m.tx != nil && (!m.tx.committed || m.tx.refused || m.tx.spoiled) && there {
			p.fail("%s is in its queue, and its transaction was not committed", m.name)
		}
		for _, at := range []string{m.destination, deadLetters} {
			if e := m.entries[at]; e != nil && e.settled != nil && e.settled.how == opAck && there {
				p.fail("%s is in a queue after the RECEIPT of its ACK by %s", m.name, e.settled.sub.conn.name)
			}
		}
		if m.sure && !there && !m.settled() && m.expiration == 0 && p.plan.config.full != config.FullDropOldest {
			p.fail("%s is lost: the broker had it, nobody has settled it, and no queue has it", m.name)
		}
	}
	p.checkAtomic(held)
}

// settled tells whether somebody has done with it, as far as anybody can know.
func (m *message) settled() bool {
	for at, e := range m.entries {
		for _, d := range e.copies {
			switch {
			case d.sub.mode == "auto":
				return true // the socket had it
			case d.sub.mode == "client" && d.sub.conn.client.version != "1.2" && (d.sub.disturbed > 0 || d.sub.conn.disturbed > 0):
				return true // an ACK by message-id was for a second copy, and for all in front of that
			case d.how == opAck && (d.tx == nil || d.tx.committed && !d.tx.spoiled):
				return true
			case d.how == opReject && at == deadLetters && (d.tx == nil || d.tx.committed && !d.tx.spoiled):
				return true
			}
		}
	}
	return false
}

// checkAtomic: of a transaction everything has happened, or nothing.
func (p *play) checkAtomic(held map[string]int) {
	if p.plan.config.full == config.FullDropOldest {
		return
	}
	all := make(map[*transaction][2]int)
	for _, m := range p.all {
		if m.tx == nil || !m.tx.committed || m.expiration > 0 || !isQueue(m.destination) || m.to != nil {
			continue
		}
		n := all[m.tx]
		if held[m.name] > 0 || m.seen() {
			n[0]++
		} else {
			n[1]++
		}
		all[m.tx] = n
	}
	for t, n := range all {
		if n[0] > 0 && n[1] > 0 {
			p.fail("of the transaction %s %d messages are there and %d are not", t.id, n[0], n[1])
		}
	}
}

// matches tells whether a subscription of a destination or pattern covers a name.
func matches(pattern, name string) bool {
	if !strings.ContainsAny(pattern, "*#") {
		return pattern == name
	}
	p, n := strings.Split(strings.TrimPrefix(pattern, "/topic/"), "."), strings.Split(strings.TrimPrefix(name, "/topic/"), ".")
	if !strings.HasPrefix(name, "/topic/") {
		return false
	}
	for i, level := range p {
		if level == "#" {
			return true
		}
		if i >= len(n) || level != "*" && level != n[i] {
			return false
		}
	}
	return len(p) == len(n)
}
