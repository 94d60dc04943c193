package actors

import "sync"

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
