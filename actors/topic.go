package actors

import (
	"container/heap"
	"time"
)

// topic is the delivery rule of a topic: each message to every subscriber of the moment, nothing
// kept. A plain struct; the destination actor carries what it decides.
type topic struct {
	subscribers []*subscriber
	index       map[subscriptionKey]*subscriber
	byFilter    map[string][]*subscriber // those that named a value, by it
	own         int                      // subscribers that named this topic; the others came through a pattern
	delayed     timeHeap                 // messages not due yet
	held        int                      // octets of those
	seq         uint64
}

// subscriber is a subscription as its topic sees it.
type subscriber struct {
	key     subscriptionKey
	epoch   uint32
	link    consumerLink
	pattern bool
	at      int // its place in subscribers
	among   int // its place among those with the same filter
}

func newTopic() *topic {
	return &topic{
		index:   make(map[subscriptionKey]*subscriber),
		delayed: timeHeap{at: func(e *entry) time.Time { return e.msg.notBefore }, index: func(e *entry) *int { return &e.delayedAt }},
	}
}

// attach adds a subscriber, in the place of one with an older epoch; a newer or equal one stays.
func (t *topic) attach(key subscriptionKey, epoch uint32, pattern bool, link consumerLink) bool {
	if old := t.index[key]; old != nil {
		if epoch <= old.epoch {
			return false
		}
		t.drop(old)
	}
	s := &subscriber{key: key, epoch: epoch, link: link, pattern: pattern, at: len(t.subscribers)}
	t.subscribers = append(t.subscribers, s)
	t.index[key] = s
	t.addFilter(s)
	if !pattern {
		t.own++
	}
	return true
}

// detach removes a subscriber of this epoch or an older one.
func (t *topic) detach(key subscriptionKey, epoch uint32) {
	if s := t.index[key]; s != nil && s.epoch <= epoch {
		t.drop(s)
	}
}

func (t *topic) drop(s *subscriber) {
	last := len(t.subscribers) - 1
	t.subscribers[s.at] = t.subscribers[last]
	t.subscribers[s.at].at = s.at
	t.subscribers[last] = nil
	t.subscribers = t.subscribers[:last]
	delete(t.index, s.key)
	t.dropFilter(s)
	if !s.pattern {
		t.own--
	}
}

// delay keeps a message until it is due.
func (t *topic) delay(m *Message) {
	t.seq++
	t.held += m.size
	heap.Push(&t.delayed, &entry{msg: m, seq: t.seq})
}

// due takes out the messages whose time has come, oldest first.
func (t *topic) due(now time.Time) []*Message {
	var due []*Message
	for e := t.delayed.top(); e != nil && !e.msg.notBefore.After(now); e = t.delayed.top() {
		t.delayed.drop(e)
		t.held -= e.msg.size
		due = append(due, e.msg)
	}
	return due
}

// rebuild makes the derived parts anew after a crash.
func (t *topic) rebuild() {
	fresh := newTopic()
	fresh.delayed, fresh.held, fresh.seq = t.delayed, t.held, t.seq
	for _, s := range t.subscribers {
		if s != nil {
			fresh.attach(s.key, s.epoch, s.pattern, s.link)
		}
	}
	*t = *fresh
}
