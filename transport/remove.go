package transport

// Taking frames out of the middle of an outbox: for a policy that makes room,
// and for a subscription that ends. A removed frame is only marked; its chunk
// is skipped, squeezed or given back when nothing in it is left alive, and all
// is rebuilt when the dead take up more room than the living.

// evict drops the oldest frames of DropOldest sinks until need bytes fit. It
// drops nothing and returns false when that can't be reached. The lock is held.
func (o *Outbox) evict(need int) bool {
	if o.bytes-o.evictable+need > o.capacity {
		return false
	}
	for o.bytes+need > o.capacity {
		c, i := o.nextEvictable()
		if c == nil {
			invariant(false, "transport: evictable bytes counted that no frame has")
			return false
		}
		c.marks[i].sink.drop(1)
		o.remove(c, i)
	}
	o.compact()
	return true
}

// nextEvictable moves the cursor to the oldest frame that may be dropped. The
// cursor only moves forward, so all evictions together look at a frame once.
func (o *Outbox) nextEvictable() (*chunk, int) {
	if o.evictChunk == nil {
		o.evictChunk, o.evictIndex = o.first, 0
	}
	for c := o.evictChunk; c != nil; c = c.next {
		if c != o.evictChunk {
			o.evictChunk, o.evictIndex = c, 0
		}
		if c.evictable == 0 {
			continue
		}
		for ; o.evictIndex < len(c.marks); o.evictIndex++ {
			m := &c.marks[o.evictIndex]
			if m.wire != 0 && m.sink != nil && m.sink.policy == DropOldest {
				return c, o.evictIndex
			}
		}
	}
	return nil, 0
}

// purge removes all waiting frames of s and returns how many there were. The
// lock is held.
func (o *Outbox) purge(s *Sink) (removed int) {
	for c := o.first; c != nil; {
		next := c.next
		for i := 0; i < len(c.marks); i++ {
			if c.marks[i].sink != s {
				continue
			}
			removed++
			if o.remove(c, i) {
				break
			}
		}
		c = next
	}
	o.compact()
	return removed
}

// remove takes frame i out of c. When c has no live frame any more it leaves
// the queue and must not be touched again: gone says so. The lock is held.
func (o *Outbox) remove(c *chunk, i int) (gone bool) {
	m := &c.marks[i]
	wire, copied := int(m.wire), int(m.end-c.start(i))
	if m.sink != nil && m.sink.policy == DropOldest {
		c.evictable -= wire
		o.evictable -= wire
	}
	for r := range c.refs {
		if c.refs[r].mark == uint32(i) {
			c.refs[r].bytes = nil
		}
	}
	m.wire, m.sink = 0, nil
	c.live--
	c.wire -= wire
	c.deadCopied += copied
	o.deadCopied += copied
	o.bytes -= wire
	o.frames--
	if c.live > 0 {
		return false
	}
	o.unlink(c)
	o.deadCopied -= c.deadCopied
	c.recycle()
	return true
}

// unlink takes c out of the queue. The lock is held.
func (o *Outbox) unlink(c *chunk) {
	o.copied -= len(c.buf)
	if o.evictChunk == c {
		// Nothing before c can be evicted: go on behind it, or, when it was
		// the last, at the end of the one that becomes the last.
		switch {
		case c.next != nil:
			o.evictChunk, o.evictIndex = c.next, 0
		case c.prev != nil:
			o.evictChunk, o.evictIndex = c.prev, len(c.prev.marks)
		default:
			o.evictChunk, o.evictIndex = nil, 0
		}
	}
	if c.prev == nil {
		o.first = c.next
	} else {
		c.prev.next = c.next
	}
	if c.next == nil {
		o.last = c.prev
	} else {
		c.next.prev = c.prev
	}
	c.next, c.prev = nil, nil
}

// compact rebuilds the queue when removed frames take up more of its memory
// than live ones. Each byte moved was paid for by a byte removed. The lock is
// held.
func (o *Outbox) compact() {
	if o.deadCopied < compactBytes || o.deadCopied*2 < o.copied {
		return
	}
	old := o.first
	o.first, o.last, o.evictChunk, o.evictIndex = nil, nil, nil, 0
	o.copied, o.deadCopied, o.evictable = 0, 0, 0
	for old != nil {
		refs := old.refs
		for i := range old.marks {
			m := old.marks[i]
			own := refs
			for len(refs) > 0 && refs[0].mark == uint32(i) {
				refs = refs[1:]
			}
			if m.wire == 0 {
				continue
			}
			own = own[:len(own)-len(refs)]
			start := old.start(i)
			c := o.room(int(m.end - start))
			for _, r := range own {
				c.refer(uint32(len(c.buf))+r.at-start, r.bytes)
			}
			c.buf = append(c.buf, old.buf[start:m.end]...)
			o.mark(c, m.sink, int(m.end-start), int(m.wire))
		}
		next := old.next
		old.recycle()
		old = next
	}
}
