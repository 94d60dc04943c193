package actors

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/stompwire"
)

// Delivery is a message that was given to the program. Unless the subscription is in the mode AckAuto
// it has to be answered, with Ack, Nack or Discard: what is not counts against the prefetch, and goes
// back to its queue when the subscription ends. The first answer counts. The methods may be called from
// any goroutine, and never block, but for Reply.
//
// A Delivery is told to the actors of SubscribeActor as *Delivery.
type Delivery struct {
	*Message
	subscription *Subscription
	actor        *actor.PID // the subscription's
	entry        *entry     // the queue's; nil on topics
	epoch        uint32
	number       uint64
	attempt      int
	answered     atomic.Bool
}

// Ack tells that the message is dealt with.
func (d *Delivery) Ack() { d.answer(acknowledged) }

// Nack puts the message back into its queue, from where it comes again, to this consumer or another.
// When it was refused queues.max_deliveries times it goes to the dead-letter queue.
func (d *Delivery) Nack() { d.answer(refused) }

// Discard sends the message to the dead-letter queue at once: it will not be any better the next time.
func (d *Delivery) Discard() { d.answer(discarded) }

func (d *Delivery) answer(how outcome) {
	if d.answered.CompareAndSwap(false, true) {
		d.tell(how)
	}
}

func (d *Delivery) tell(how outcome) {
	d.subscription.broker.core.system.Root.Send(d.actor, &acknowledge{acks: []ack{{epoch: d.epoch, number: d.number, how: how}}})
}

// Redelivered tells whether the message was given out before, to whomever.
func (d *Delivery) Redelivered() bool { return d.attempt > 1 }

// Attempt is how often the message was given out, this time included.
func (d *Delivery) Attempt() int { return d.attempt }

// Subscription is the one that the message came by.
func (d *Delivery) Subscription() *Subscription { return d.subscription }

// ErrNoReply is what Reply returns for a message that asks for no reply.
var ErrNoReply = errors.New("the message has no reply-to header")

// Reply publishes the answer to a message that has a reply-to header: there, and with the
// correlation-id of the question. If who asked is gone, the error is a *Fault with the code
// CodeDestinationUnknown.
func (d *Delivery) Reply(ctx context.Context, body []byte, opts ...PublishOption) error {
	to, ok := d.Header("reply-to")
	if !ok {
		return ErrNoReply
	}
	if id, ok := d.Header("correlation-id"); ok {
		opts = append([]PublishOption{WithHeader("correlation-id", id)}, opts...)
	}
	return d.subscription.broker.Publish(ctx, to, body, opts...)
}

// ID is the message-id: unique, and the same when the message comes again.
func (m *Message) ID() string { return m.id }

// Destination is where the message was sent. By a wildcard, it is the topic.
func (m *Message) Destination() string { return m.destination }

// Header returns the first header line of that name as its sender wrote it.
func (m *Message) Header(name string) (value string, ok bool) { return m.header.Get(name) }

// Headers returns a copy of the header lines as the sender wrote them.
func (m *Message) Headers() stompwire.Header { return append(stompwire.Header(nil), m.header...) }

// Body returns the body. It is shared with all who get the message: do not change it.
func (m *Message) Body() []byte { return m.body }
