package actors

import (
	"sync"
	"sync/atomic"
)

// shelf is what topics have for a subscription in a client mode and its client has no room for yet. Its state owns it.
type shelf struct {
	inbox     inbox
	pending   []arrival     // beyond the prefetch
	postponed *atomic.Int64 // octets of those, and of the connection's other subscriptions
}

func (s *shelf) add(item arrival) {
	s.pending = append(s.pending, item)
	s.postponed.Add(int64(item.msg.size))
}

// next takes what has waited longest.
func (s *shelf) next() arrival {
	item := s.pending[0]
	s.pending[0] = arrival{}
	s.pending = s.pending[1:]
	s.postponed.Add(-int64(item.msg.size))
	return item
}

// inbox is where topics put messages for a subscription in a client mode. Its state owns it, not its
// actor: what is in it when the actor or its session fails is there for the next one.
type inbox struct {
	mu    sync.Mutex
	items []arrival
}

// arrival is a message and the topic it came by.
type arrival struct {
	delivered
	from *handle
}

// put adds messages; it tells whether there were none, so that the subscription has to be told.
func (b *inbox) put(items []delivered, from *handle) (first bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	first = len(b.items) == 0
	for _, item := range items {
		b.items = append(b.items, arrival{delivered: item, from: from})
	}
	return first
}

// take empties the inbox.
func (b *inbox) take() []arrival {
	b.mu.Lock()
	defer b.mu.Unlock()
	items := b.items
	b.items = nil
	return items
}
