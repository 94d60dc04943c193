package actors

import (
	"cmp"
	"slices"
	"sync"
)

// clients is what every open connection holds. The supervisor of the connections, which has to give it back should a
// connection be unable to, adds and removes; anybody may look.
type clients struct {
	mu   sync.Mutex
	byID map[uint64]*checkpoint
}

func (c *clients) add(cp *checkpoint) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID == nil {
		c.byID = make(map[uint64]*checkpoint)
	}
	c.byID[cp.id] = cp
}

// remove takes the connection of this number out; nil: there is none.
func (c *clients) remove(id uint64) *checkpoint {
	c.mu.Lock()
	defer c.mu.Unlock()
	cp := c.byID[id]
	delete(c.byID, id)
	return cp
}

func (c *clients) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.byID)
}

// all is every connection, in the order they came.
func (c *clients) all() []*checkpoint {
	c.mu.Lock()
	all := make([]*checkpoint, 0, len(c.byID))
	for _, cp := range c.byID {
		all = append(all, cp)
	}
	c.mu.Unlock()
	slices.SortFunc(all, func(a, b *checkpoint) int { return cmp.Compare(a.id, b.id) })
	return all
}
