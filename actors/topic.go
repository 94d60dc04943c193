package actors

import (
	"container/heap"
	"time"
)

// topic is the delivery rule of a topic: each message to every subscriber of the moment, nothing
// kept. A plain struct; the destination actor carries what it decides.
type topic struct {
	subscribers []*subscriber
	index       map[subscriptionKey]*subscriber // nil: the list is short
	byFilter    map[string][]*subscriber        // those that named a value, by it
	own         int                             // subscribers that named this topic; the others came through a pattern
	delayed     timeHeap                        // messages not due yet
	held        int                             // octets of those
	seq         uint64
}

// subscriber is a subscription as its topic sees it.
type subscriber struct {
	key     subscriptionKey
	link    consumerLink
	epoch   uint32
	pattern bool
	at      int // its place in subscribers
	among   int // its place among those with the same filter
}

// find gives the subscriber of a key; nil: there is none.
func (t *topic) find(key subscriptionKey) *subscriber {
	if t.index != nil {
		return t.index[key]
	}
	for _, s := range t.subscribers {
		if s.key == key {
			return s
		}
	}
	return nil
}

// attach adds a subscriber, in the place of one with an older epoch; a newer or equal one stays.
func (t *topic) attach(key subscriptionKey, epoch uint32, pattern bool, link consumerLink) bool {
	if old := t.find(key); old != nil {
		if epoch <= old.epoch {
			return false
		}
		t.drop(old)
	}
	s := &subscriber{key: key, epoch: epoch, link: link, pattern: pattern, at: len(t.subscribers)}
	t.subscribers = append(t.subscribers, s)
	t.addIndex(s)
	t.addFilter(s)
	if !pattern {
		t.own++
	}
	return true
}

// addIndex makes the index when the list has got long.
func (t *topic) addIndex(s *subscriber) {
	switch {
	case t.index != nil:
		t.index[s.key] = s
	case len(t.subscribers) > shortSet:
		t.index = make(map[subscriptionKey]*subscriber, 2*shortSet)
		for _, one := range t.subscribers {
			t.index[one.key] = one
		}
	}
}

// detach removes a subscriber of this epoch or an older one.
func (t *topic) detach(key subscriptionKey, epoch uint32) {
	if s := t.find(key); s != nil && s.epoch <= epoch {
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
	fresh := topic{delayed: t.delayed, held: t.held, seq: t.seq}
	for _, s := range t.subscribers {
		if s != nil {
			fresh.attach(s.key, s.epoch, s.pattern, s.link)
		}
	}
	*t = fresh
}
