package actors

import (
	"slices"
	"strconv"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/stompwire"
	"stampede/transport"
)

// browser is a subscription with browse:true. It is shown the messages that wait in a queue when it comes, in
// the order in which they would be given out, and then a last one that says so; it takes none of them. Its
// prefetch is how many may be on the way to its socket. A plain struct; the destination actor carries it out.
type browser struct {
	key    subscriptionKey
	epoch  uint32
	window int
	link   consumerLink
	list   []*entry // that it has not been shown; those that are gone by then are passed over
	again  []*entry // to be shown before: a restart of its subscription took them out of its socket's way
	open   []*entry // shown, and not with the socket yet; nil: the end
	ended  bool     // the end was shown
}

// waiting is what a browser sees: what could be given to somebody now, in order.
func (q *queue) waiting() []*entry {
	var all []*entry
	for p := len(q.ready) - 1; p >= 0; p-- {
		for e := q.ready[p].head; e != nil; e = e.next {
			all = append(all, e)
		}
	}
	return all
}

// showing is what comes next for a browser. Nothing has happened until it is told that it was shown.
type showing struct {
	batch  []*entry
	again  int  // so many of these were to be shown again
	passed int  // so many of the list were looked at
	end    bool // behind them comes the end
	more   bool // it stopped only because it has looked at so many
}

// next works out what to show. It looks at no more than so many.
func (b *browser) next(now time.Time, looks int) (s showing) {
	room := b.window - len(b.open)
	for s.again < len(b.again) && room > 0 {
		s.batch = append(s.batch, b.again[s.again])
		s.again++
		room--
	}
	for s.passed < len(b.list) && room > 0 {
		if s.passed == looks {
			s.more = true
			return s
		}
		e := b.list[s.passed]
		s.passed++
		if e.state == entrySettled || !e.msg.expires.IsZero() && !e.msg.expires.After(now) {
			continue
		}
		if b.link.selector == nil || b.link.selector.Matches(e.msg.lookup) {
			s.batch = append(s.batch, e)
			room--
		}
	}
	s.end = !b.ended && room > 0 && s.again == len(b.again) && s.passed == len(b.list)
	return s
}

// shown notes what was.
func (b *browser) shown(s showing) {
	b.again, b.list = b.again[s.again:], b.list[s.passed:]
	b.open = append(b.open, s.batch...)
	if s.end {
		b.open, b.ended = append(b.open, nil), true
	}
	if len(b.list) == 0 {
		b.list = nil // don't hold on to what others have taken by now
	}
}

// written: the socket has the first n of what was shown.
func (b *browser) written(n int) { b.open = slices.Delete(b.open, 0, min(n, len(b.open))) }

// restart has what the socket does not have shown again.
func (b *browser) restart(epoch uint32, window int, link consumerLink) bool {
	if epoch <= b.epoch {
		return false
	}
	b.epoch, b.window, b.link = epoch, window, link
	if n := len(b.open); n > 0 && b.open[n-1] == nil {
		b.open, b.ended = b.open[:n-1], false
	}
	b.again, b.open = append(b.open, b.again...), nil
	return true
}

// browse takes a browser, or one that starts over.
func (d *destination) browse(ctx actor.Context, m *subscribe) {
	if b := d.browser(m.key); b != nil {
		b.restart(m.epoch, m.credit, m.link)
	} else {
		d.browsers = append(d.browsers, &browser{key: m.key, epoch: m.epoch, window: m.credit, link: m.link, list: d.queue.waiting()})
	}
	d.flush(ctx)
}

func (s *destinationState) browser(key subscriptionKey) *browser {
	for _, b := range s.browsers {
		if b.key == key {
			return b
		}
	}
	return nil
}

// unbrowse takes a browser away; false: there is none of that key.
func (d *destination) unbrowse(m *unsubscribe) bool {
	b := d.browser(m.key)
	if b == nil {
		return false
	}
	if b.epoch <= m.epoch {
		d.browsers = slices.DeleteFunc(d.browsers, func(o *browser) bool { return o == b })
	}
	return true
}

// show gives every browser what it has room for. It tells whether there is more to look at.
func (d *destination) show() (more bool) {
	now := d.core.clock.Now()
	for _, b := range d.browsers {
		s := b.next(now, maxLooked)
		out := d.deliveries[:0]
		d.extra = d.extra[:0]
		for i, e := range s.batch {
			start := len(d.extra)
			if i < s.again {
				d.extra = append(d.extra, "redelivered:true\n"...)
			}
			out = append(out, transport.Delivery{Extra: d.extra[start:], Tail: e.msg.tail(b.link.version)})
		}
		if s.end {
			out = append(out, transport.Delivery{Tail: d.endOfBrowse(b).tail(b.link.version)})
		}
		if len(out) > 0 {
			d.core.stats.delivered.Add(uint64(b.link.sink.DeliverBy(d.life, out)))
		}
		b.shown(s)
		clear(out)
		d.deliveries = out[:0]
		more = more || s.more
	}
	return more
}

// endOfBrowse is the message behind the last one, as ActiveMQ has it.
func (d *destination) endOfBrowse(b *browser) *Message {
	id := d.core.boot + "-b-" + strconv.FormatUint(b.key.connection, 36) + "-" + strconv.FormatUint(uint64(b.key.serial), 36)
	return &Message{id: id, destination: d.handle.name, header: stompwire.Header{{Name: "browser", Value: "end"}}, size: messageOverhead}
}
