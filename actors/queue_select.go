package actors

import (
	"container/heap"
	"math/bits"
	"slices"
	"time"

	"stampede/actors/selector"
)

// selection is what a queue knows for those of its consumers that have the same selector. Whether a
// message matches never changes, so each is looked at once: what stands in front of next was looked
// at, and does not match but for what is in back.
type selection struct {
	selector *selector.Selector
	text     string // in its canonical form
	members  int
	turn     consumerRing
	next     [priorities]*entry // nil: everything was looked at
	sure     uint16             // priorities whose next is known to match
	back     returned
	at       *entry // dispatch's: the first that matches, if it is the next one to be given to anybody
	looks    int    // dispatch's: how many more it may look at
}

// maxLooked is how many messages one dispatch tries selectors on. A consumer whose selector matches
// little of a long queue must not keep the queue from everybody else for long.
const maxLooked = 4096

// join makes a consumer one of those with its selector.
func (q *queue) join(c *consumer) {
	if c.link.selector == nil {
		return
	}
	text := c.link.selector.String()
	for _, s := range q.selections {
		if s.text == text {
			s.members++
			c.selection = s
			return
		}
	}
	s := &selection{selector: c.link.selector, text: text, members: 1}
	for p := range q.ready {
		s.next[p] = q.ready[p].head
	}
	q.selections = append(q.selections, s)
	c.selection = s
}

// part undoes join.
func (q *queue) part(c *consumer) {
	s := c.selection
	if s == nil {
		return
	}
	c.selection = nil
	if s.members--; s.members == 0 {
		q.selections = slices.DeleteFunc(q.selections, func(o *selection) bool { return o == s })
	}
}

// turnOf is where a consumer waits for its turn: those without a selector in one line, those with
// the same in one each.
func (q *queue) turnOf(c *consumer) *consumerRing {
	if c.selection != nil {
		return &c.selection.turn
	}
	return &q.turn
}

// came takes notice of a message that has become ready.
func (s *selection) came(e *entry) {
	p := e.msg.priority
	switch next := s.next[p]; {
	case next == nil && e.next == nil, next != nil && e.next == next:
		s.next[p] = e
		s.sure &^= 1 << p
	case next == nil || e.seq < next.seq: // it comes back to where everything was looked at
		if s.selector.Matches(e.msg.lookup) {
			s.back.add(e)
		}
	}
}

// goes takes notice of a message that will not be ready any more.
func (s *selection) goes(e *entry) {
	if p := e.msg.priority; s.next[p] == e {
		s.next[p] = e.next
		s.sure &^= 1 << p
	} else {
		s.back.drop(e)
	}
}

// first finds the first message that matches, if there is one that does not come after limit. False:
// it looked at as many as it may before it knew.
func (s *selection) first(mask uint16, limit *entry) (*entry, bool) {
	returned := s.back.top()
	if returned != nil && limit != nil && limit.before(returned) {
		returned = nil
	}
	if returned != nil {
		limit = returned
	}
	for ; mask != 0; mask &^= 1 << (bits.Len16(mask) - 1) {
		p := bits.Len16(mask) - 1
		for e := s.next[p]; e != nil && (limit == nil || !limit.before(e)); e = e.next {
			if s.sure&(1<<p) == 0 {
				if s.looks <= 0 {
					return nil, false
				}
				s.looks--
				if !s.selector.Matches(e.msg.lookup) {
					s.next[p] = e.next
					continue
				}
				s.sure |= 1 << p
			}
			return e, true
		}
	}
	return returned, true
}

// dispatchSelected is dispatch for a queue with selectors: each message in turn goes to the consumer
// whose turn came first among those that may have it, and one that nobody may have stays where it is.
func (q *queue) dispatchSelected(now time.Time, touched []*consumer) []*consumer {
	q.unfinished = false
	for _, s := range q.selections {
		s.looks = (q.maxLooked + len(q.selections) - 1) / len(q.selections)
	}
	for q.mask != 0 {
		e := q.firstWanted()
		if e == nil {
			break
		}
		if q.dropExpired(e, now) {
			continue
		}
		touched = q.give(e, q.pickSelected(e), touched)
	}
	return touched
}

// firstWanted finds the first message that somebody with room may have, and notes which selections it
// is the first one of.
func (q *queue) firstWanted() *entry {
	var first *entry
	if q.turn.len() > 0 && (q.exclusive == nil || q.exclusive.selection == nil && q.exclusive.inTurn) {
		first = q.ready[bits.Len16(q.mask)-1].head
	}
	for _, s := range q.selections {
		s.at = nil
		if s.turn.len() == 0 || q.exclusive != nil && (q.exclusive.selection != s || !q.exclusive.inTurn) {
			continue
		}
		e, known := s.first(q.mask, first)
		if !known {
			q.unfinished = true
			continue
		}
		if s.at = e; e != nil {
			first = e // none before it: what comes after it was not looked for
		}
	}
	return first
}

// pickSelected takes the consumer whose turn it is out of its turn. Who refused the entry last gets it
// again only if nobody else can take it.
func (q *queue) pickSelected(e *entry) *consumer {
	c := q.exclusive
	if c == nil {
		if q.turn.len() > 0 {
			c = q.turn.firstBut(e.avoid)
		}
		for _, s := range q.selections {
			if s.at != e {
				continue
			}
			if o := s.turn.firstBut(e.avoid); c == nil || c == e.avoid || o != e.avoid && o.turn < c.turn {
				c = o
			}
		}
	}
	q.leaveTurn(c)
	return c
}

// returned is messages that came back and match a selection, the first one on top.
type returned struct {
	entries []*entry
	places  map[*entry]int
}

func (r *returned) Len() int           { return len(r.entries) }
func (r *returned) Less(i, j int) bool { return r.entries[i].before(r.entries[j]) }

func (r *returned) Swap(i, j int) {
	r.entries[i], r.entries[j] = r.entries[j], r.entries[i]
	r.places[r.entries[i]], r.places[r.entries[j]] = i, j
}

func (r *returned) Push(x any) {
	e := x.(*entry)
	r.places[e] = len(r.entries)
	r.entries = append(r.entries, e)
}

func (r *returned) Pop() any {
	last := r.entries[len(r.entries)-1]
	r.entries[len(r.entries)-1] = nil
	r.entries = r.entries[:len(r.entries)-1]
	delete(r.places, last)
	return last
}

func (r *returned) add(e *entry) {
	if r.places == nil {
		r.places = make(map[*entry]int)
	}
	heap.Push(r, e)
}

func (r *returned) drop(e *entry) {
	if i, ok := r.places[e]; ok {
		heap.Remove(r, i)
	}
}

func (r *returned) top() *entry {
	if len(r.entries) == 0 {
		return nil
	}
	return r.entries[0]
}
