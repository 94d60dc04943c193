package transport

import "sync"

const (
	// chunkBytes is the size of a pooled chunk: it is also the largest TLS
	// record, and a few hundred of them fill any socket buffer.
	chunkBytes = 16 << 10
	// referenceBytes is the length above which a tail or body is referred to
	// and not copied. A separate iovec costs about as much as copying this.
	referenceBytes = 4 << 10
	// chunkReferenced closes a chunk that refers to so many bytes, so that
	// what the writer takes at once, and can't be removed any more, stays small.
	chunkReferenced = 256 << 10
)

// chunk holds consecutive frames: their copied bytes in one buffer, a mark
// where each of them ends, and references to large shared parts.
type chunk struct {
	next, prev *chunk
	buf        []byte
	marks      []mark
	refs       []ref

	wire       int // bytes on the wire of live frames, references included
	live       int // frames that were not removed
	control    int // WebSocket control frames, which never are
	deadCopied int // bytes of buf that belong to removed frames
	evictable  int // bytes on the wire of live frames of DropOldest sinks
	referenced int // bytes referred to since the chunk was begun
}

// mark is one frame of a chunk.
type mark struct {
	sink *Sink  // nil for the connection's own frames; see controlFrames
	end  uint32 // of its copied bytes in buf
	wire uint32 // its length on the wire; 0: removed
}

// ref is a part of a frame that is not in buf but goes out at this place of it.
type ref struct {
	mark  uint32 // index of the frame
	at    uint32 // place in buf
	bytes []byte
}

var chunkPool = sync.Pool{New: func() any {
	return &chunk{buf: make([]byte, 0, chunkBytes)}
}}

// newChunk gives an empty chunk with room for n bytes.
func newChunk(n int) *chunk {
	if n > chunkBytes {
		return &chunk{buf: make([]byte, 0, n)}
	}
	return chunkPool.Get().(*chunk)
}

// reset forgets all frames.
func (c *chunk) reset() {
	clear(c.marks) // sinks and bodies must not stay reachable from the pool
	clear(c.refs)
	*c = chunk{next: c.next, prev: c.prev, buf: c.buf[:0], marks: c.marks[:0], refs: c.refs[:0]}
}

// recycle gives the chunk back to the pool. Oversized ones are left to the
// collector, or one large frame would pin its memory for good.
func (c *chunk) recycle() {
	if cap(c.buf) != chunkBytes {
		return
	}
	c.reset()
	c.next, c.prev = nil, nil
	chunkPool.Put(c)
}

// fits reports whether n more bytes can be copied into the chunk.
func (c *chunk) fits(n int) bool {
	return len(c.buf)+n <= cap(c.buf) && c.referenced < chunkReferenced
}

// start returns where the copied bytes of frame i begin.
func (c *chunk) start(i int) uint32 {
	if i == 0 {
		return 0
	}
	return c.marks[i-1].end
}

// segments bounds from above how many slices gather adds.
func (c *chunk) segments() int {
	if len(c.refs) == 0 {
		return 1
	}
	return 2*len(c.refs) + len(c.marks) - c.live + 1
}

// gather appends the bytes of the live frames to out, in order.
func (c *chunk) gather(out [][]byte) [][]byte {
	switch {
	case c.live == len(c.marks) && len(c.refs) == 0:
		return append(out, c.buf)
	case len(c.refs) == 0:
		c.squeeze()
		return append(out, c.buf)
	}
	run := uint32(0) // where the bytes not yet given out begin
	refs := c.refs
	for i := range c.marks {
		m := &c.marks[i]
		if m.wire == 0 {
			if s := c.start(i); run < s {
				out = append(out, c.buf[run:s])
			}
			run = m.end
			for len(refs) > 0 && refs[0].mark == uint32(i) {
				refs = refs[1:]
			}
			continue
		}
		for len(refs) > 0 && refs[0].mark == uint32(i) {
			if run < refs[0].at {
				out = append(out, c.buf[run:refs[0].at])
			}
			out = append(out, refs[0].bytes)
			run = refs[0].at
			refs = refs[1:]
		}
	}
	if int(run) < len(c.buf) {
		out = append(out, c.buf[run:])
	}
	return out
}

// squeeze moves the live frames together. The chunk has no references.
func (c *chunk) squeeze() {
	kept, from, to := 0, uint32(0), uint32(0)
	for _, m := range c.marks {
		end := m.end
		if m.wire != 0 {
			n := uint32(copy(c.buf[to:], c.buf[from:end]))
			to += n
			m.end = to
			c.marks[kept] = m
			kept++
		}
		from = end
	}
	clear(c.marks[kept:])
	c.marks = c.marks[:kept]
	c.buf = c.buf[:to]
	c.deadCopied = 0
}

// refer lets b go out at this place of buf, as part of the frame that the next
// mark will close.
func (c *chunk) refer(at uint32, b []byte) {
	c.refs = append(c.refs, ref{mark: uint32(len(c.marks)), at: at, bytes: b})
	c.referenced += len(b)
}
