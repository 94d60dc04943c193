package actors

import (
	"context"
	"sync"
)

// Request publishes a message and returns the first reply to it. The message carries a reply-to header,
// which names a temporary queue of the program's, and a correlation-id, which the reply has to have
// too: Delivery.Reply sees to that, and STOMP services copy it. Without a reply it waits until ctx
// ends, so give that a deadline. The error is ctx's, or a *Fault as Publish returns it.
func (b *Broker) Request(ctx context.Context, destination string, body []byte, opts ...PublishOption) (*Message, error) {
	r, err := b.repliesOf(ctx)
	if err != nil {
		return nil, err
	}
	id := b.core.program.messageID()
	answer := r.expect(id)
	defer r.forget(id)
	// Of a repeated header the first counts: ours.
	opts = append([]PublishOption{WithHeader("reply-to", r.address), WithHeader("correlation-id", id)}, opts...)
	if err := b.Publish(ctx, destination, body, opts...); err != nil {
		return nil, err
	}
	select {
	case m := <-answer:
		return m, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-b.done:
		return nil, shutdownFault()
	}
}

// replies is the one temporary queue by which all replies to the program come.
type replies struct {
	address string

	mu      sync.Mutex
	waiting map[string]chan<- *Message // by correlation-id
}

// repliesName is what the program calls its queue of replies; nobody else sees the name.
const repliesName = tempQueuePrefix + "replies"

// repliesOf subscribes to the queue of replies, the first time.
func (b *Broker) repliesOf(ctx context.Context) (*replies, error) {
	p := b.core.program
	if r := p.replies.Load(); r != nil {
		return r, nil
	}
	select {
	case p.subscribing <- struct{}{}:
		defer func() { <-p.subscribing }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if r := p.replies.Load(); r != nil {
		return r, nil
	}
	r := &replies{waiting: make(map[string]chan<- *Message)}
	// It stays for as long as the broker: ctx is the first asker's alone.
	s, _, err := b.subscribe(context.WithoutCancel(ctx), repliesName, r, []SubscribeOption{WithPrefetch(b.core.settings().Session.MaxPrefetch)})
	if err != nil {
		return nil, err
	}
	r.address = s.state.handle.address
	p.replies.Store(r)
	return r, nil
}

func (r *replies) expect(id string) <-chan *Message {
	answer := make(chan *Message, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting[id] = answer
	return answer
}

func (r *replies) forget(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, id)
}

// put hands replies to who waits for them. One that comes too late, or again, is for nobody.
func (r *replies) put(deliveries []*Delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range deliveries {
		id, _ := d.Header("correlation-id")
		if answer := r.waiting[id]; answer != nil {
			delete(r.waiting, id)
			answer <- d.Message
		}
		d.Ack()
	}
}

// purge: what was put is answered already.
func (r *replies) purge() {}
