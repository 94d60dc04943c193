package actors

import (
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/config"
	"stampede/transport"
)

// What a queue and a topic with min_delivery have in common: they keep messages, and have room for so many.

// keeps tells whether messages are owned here until somebody has answered for them.
func (s *destinationState) keeps() bool { return s.queue != nil || s.buffer != nil }

func (s *destinationState) room(n, size int) bool {
	if s.queue != nil {
		return s.queue.room(n, size)
	}
	return s.buffer.room(n, size) || s.buffer.shed(n, size)
}

func (s *destinationState) everRoom(n, size int) bool {
	if s.queue != nil {
		return s.queue.everRoom(n, size)
	}
	return s.buffer.everRoom(n, size)
}

func (s *destinationState) makeRoom(n, size int) bool {
	if s.queue != nil {
		return s.queue.makeRoom(n, size)
	}
	return s.buffer.makeRoom(n, size)
}

func (s *destinationState) put(m *Message, now time.Time) {
	m = m.kept()
	if s.queue != nil {
		s.queue.put(m, now)
		return
	}
	s.buffer.put(m, now)
}

// book reserves room for a transaction's messages, or with negative numbers gives it back.
func (s *destinationState) book(n, size int) {
	switch {
	case s.buffer != nil:
		s.buffer.reserve(n, size)
	case n > 0:
		s.queue.reserve(n, size)
	default:
		s.queue.unreserve(-n, -size)
	}
}

// flushBuffer gives out what a topic with min_delivery can give.
func (d *destination) flushBuffer(ctx actor.Context) {
	b := d.buffer
	for {
		b.dispatch(d.core.clock.Now())
		d.spreadEntered(ctx)
		for _, r := range b.readers {
			if r.batch > 0 {
				d.giveReadings(ctx, r)
			}
			if r.lost {
				r.lost = false
				if d.settings().slowConsumer == config.SlowDisconnect {
					d.life.pass(r.link.subscription, &fellBehind{lost: fmt.Sprintf("the topic %q had no room to keep for this subscription what others have had: %s", d.handle.name, d.maxima())})
				}
			}
		}
		if !d.resumeHeld(ctx) {
			break
		}
	}
	if b.unfinished && !d.looking {
		d.looking = true
		ctx.Send(ctx.Self(), &lookOn{})
	}
}

// giveReadings hands a reader its batch. It stays in the batch until then: after a crash rebuild puts it back.
func (d *destination) giveReadings(ctx actor.Context, r *reader) {
	batch := r.open[len(r.open)-r.batch:]
	if !r.link.auto {
		items := make([]delivered, len(batch))
		for i, x := range batch {
			x.e.msg.encodeFor(&r.link)
			items[i] = delivered{msg: x.e.msg, entry: x.e, deliveries: x.deliveries}
		}
		d.life.pass(r.link.subscription, &deliver{epoch: r.epoch, from: d.handle, items: items})
		r.batch = 0
		d.handle.counters.delivered.Add(uint64(len(items)))
		return
	}
	out := d.deliveries[:0]
	d.extra = d.extra[:0]
	for _, x := range batch {
		start := len(d.extra)
		d.extra = appendRedelivered(d.extra, x.deliveries)
		out = append(out, transport.Delivery{Extra: d.extra[start:], Tail: x.e.msg.tail(r.link.version)})
	}
	d.gave(r.link.sink.DeliverBy(d.life, out))
	r.batch = 0
	clear(out)
	d.deliveries = out[:0]
}

// spreadEntered gives what has come in to those who subscribe by a pattern: at once, as any topic does. They
// don't count for min_delivery, and nothing is kept for them.
func (d *destination) spreadEntered(ctx actor.Context) {
	b := d.buffer
	if len(b.entered) == 0 {
		return
	}
	if len(d.topic.subscribers) > 0 {
		now := d.core.clock.Now()
		live := make([]*Message, 0, len(b.entered))
		for _, m := range b.entered {
			if m.expires.IsZero() || m.expires.After(now) {
				live = append(live, m)
			}
		}
		d.spread(ctx, live, &d.entered)
	}
	clear(b.entered)
	b.entered, d.entered = b.entered[:0], spread{}
}
