package actors

import "sync/atomic"

// destinationCounters is what others may know of a destination without asking it. Its actor writes
// them, once for each thing it handles and not for each message, and only those that changed; they
// may be read from anywhere at any time. Those of what waits or is subscribed are of the moment, the
// others only grow for as long as the destination is there.
type destinationCounters struct {
	enqueued     atomic.Uint64 // messages taken from publishers
	delivered    atomic.Uint64 // messages given to subscribers, each time counted
	settled      atomic.Uint64 // queues: deliveries that ended with the message done
	dropped      atomic.Uint64 // messages given up by a policy: a full queue's, a slow consumer's
	expired      atomic.Uint64 // messages whose time ran out before anybody got them
	deadLettered atomic.Uint64 // messages sent to the dead-letter queue, or discarded for want of one

	size        atomic.Int64 // messages kept, those that consumers have not settled too
	bytes       atomic.Int64 // octets of these
	subscribers atomic.Int64 // subscriptions, those by a pattern too
}

// observe publishes what the rules have counted; the destination's actor calls it when it is done
// with a message.
func (d *destination) observe() {
	c := &d.handle.counters
	if b := d.buffer; b != nil {
		show(&c.size, b.count)
		show(&c.bytes, b.bytes)
		show(&c.subscribers, len(b.readers)+len(d.topic.subscribers))
		showTotal(&c.settled, b.settled)
		showTotal(&c.expired, b.expired)
		c.dropped.Add(b.dropped) // those who came by a pattern count there too
		b.dropped = 0
		return
	}
	if d.topic != nil {
		show(&c.size, d.topic.delayed.Len())
		show(&c.bytes, d.topic.held)
		show(&c.subscribers, len(d.topic.subscribers))
		return
	}
	show(&c.size, d.queue.count)
	show(&c.bytes, d.queue.bytes)
	show(&c.subscribers, len(d.queue.consumers)+len(d.browsers))
	showTotal(&c.settled, d.queue.settled)
	showTotal(&c.dropped, d.queue.dropped)
	showTotal(&c.expired, d.queue.expired)
}

// show stores what has changed: unlike a store, a load costs next to nothing.
func show(c *atomic.Int64, n int) {
	if c.Load() != int64(n) {
		c.Store(int64(n))
	}
}

func showTotal(c *atomic.Uint64, n uint64) {
	if c.Load() != n {
		c.Store(n)
	}
}
