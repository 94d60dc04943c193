package actors

import (
	"cmp"
	"container/heap"
	"slices"
	"time"
)

// buffer is the delivery rule of a topic with min_delivery: each message to every subscriber, and kept until
// that many have had it; who comes meanwhile gets first what is kept. A subscriber has had a message when it
// has acknowledged it, or, if it acknowledges nothing, when its socket has it. A plain struct like queue; the
// destination actor carries what it decides.
//
// Nobody holds anybody up: each reader goes through the list at its own pace. A message that enough have had
// stays while somebody is still to get it, but no longer than there is room.
type buffer struct {
	limits        queueLimits
	need          int    // min_delivery
	filter        string // header whose value readers have named; empty: none
	list          entryList
	readers       []*reader // in the order they came
	index         map[subscriptionKey]*reader
	delayed       timeHeap // entries not due yet
	expiring      timeHeap
	claimed       map[bufferClaim]claimedReading
	count         int // messages owned: in the list and delayed
	bytes         int
	spare         int // messages in the list that enough have had
	seq           uint64
	reserved      int
	reservedBytes int
	looked        int        // selectors and filters tried in this dispatch
	unfinished    bool       // the last dispatch tried as many as it may: there may be more to give
	entered       []*Message // that came into the list, for those who subscribe by a pattern
	expired       uint64     // counters, for the actor to publish
	dropped       uint64
	settled       uint64
}

// reader is a subscription as its buffer sees it.
type reader struct {
	key    subscriptionKey
	epoch  uint32
	window int // messages it may have at a time
	link   consumerLink
	passed uint64    // it has looked at everything up to this number
	next   *entry    // the first behind that; nil: there is none
	again  []reading // to be given before that, by number: what was kept when it came, and what a restart put back
	open   []reading // what it has, in the order it was given
	claims int       // what COMMITs have set aside of that
	batch  int       // the last ones of open, picked since the last flush
	lost   bool      // something was dropped that it was to get; the actor's to tell
}

// reading is one message for one reader.
type reading struct {
	e          *entry
	deliveries int // how often it was given to this reader
}

// bufferClaim is a delivery that a COMMIT has set aside.
type bufferClaim struct {
	key subscriptionKey
	e   *entry
}

type claimedReading struct {
	reading
	epoch uint32
	how   outcome
}

func newBuffer(l queueLimits, need int) *buffer {
	return &buffer{
		limits:   l,
		need:     need,
		index:    make(map[subscriptionKey]*reader),
		claimed:  make(map[bufferClaim]claimedReading),
		expiring: timeHeap{expiring: true},
	}
}

// room tells whether n messages of size octets can be taken now.
func (b *buffer) room(n, size int) bool {
	return (b.limits.maxMessages == 0 || b.count+b.reserved+n <= b.limits.maxMessages) &&
		(b.limits.maxBytes == 0 || b.bytes+b.reservedBytes+size <= b.limits.maxBytes)
}

// everRoom tells whether they could be taken if nothing were kept.
func (b *buffer) everRoom(n, size int) bool {
	return (b.limits.maxMessages == 0 || n <= b.limits.maxMessages) &&
		(b.limits.maxBytes == 0 || size <= b.limits.maxBytes)
}

// reserve books room for a transaction's messages, or with negative numbers gives it back.
func (b *buffer) reserve(n, size int) { b.reserved += n; b.reservedBytes += size }

// shed drops messages that enough have had and only slow readers are still to get, the oldest first, until
// n messages of size octets fit. It tells whether they do; if not, it drops none.
func (b *buffer) shed(n, size int) bool {
	return b.spare > 0 && b.drop(n, size, func(e *entry) bool { return int(e.had) >= b.need })
}

// makeRoom is shed for messages that not enough have had, too.
func (b *buffer) makeRoom(n, size int) bool {
	return b.drop(n, size, func(*entry) bool { return true })
}

func (b *buffer) drop(n, size int, which func(*entry) bool) bool {
	drops := 0
	for e := b.list.head; e != nil && !b.room(n-drops, size); e = e.next {
		if which(e) {
			drops++
			size -= e.msg.size
		}
	}
	if !b.room(n-drops, size) {
		return false
	}
	for e := b.list.head; drops > 0; {
		next := e.next
		if which(e) {
			drops--
			b.lose(e)
		}
		e = next
	}
	return true
}

// lose gives a message up, and notes whose loss it is.
func (b *buffer) lose(e *entry) {
	missed := false
	for _, r := range b.readers {
		if r.passed < e.seq || r.gets(e) {
			r.lost, missed = true, true
		}
	}
	if missed || int(e.had) < b.need {
		b.dropped++
	}
	b.forget(e)
}

// gets tells whether a message is to be given to a reader before others.
func (r *reader) gets(e *entry) bool {
	_, there := slices.BinarySearchFunc(r.again, e.seq, func(x reading, seq uint64) int { return cmp.Compare(x.e.seq, seq) })
	return there
}

// put takes a message. Room is the caller's business.
func (b *buffer) put(m *Message, now time.Time) {
	b.seq++
	e := &entry{msg: m, seq: b.seq}
	b.count++
	b.bytes += m.size
	if !m.expires.IsZero() {
		heap.Push(&b.expiring, e)
	}
	if m.notBefore.After(now) {
		e.state = entryDelayed
		heap.Push(&b.delayed, e)
		return
	}
	b.enter(e)
}

// enter puts an entry at the end of the list.
func (b *buffer) enter(e *entry) {
	e.state = entryReady
	b.list.pushBack(e)
	e.awaiting = int32(len(b.readers))
	for _, r := range b.readers {
		if r.next == nil {
			r.next = e
		}
	}
	b.entered = append(b.entered, e.msg)
}

// forget ends the ownership of an entry. Who has it may keep it; nobody else gets it.
func (b *buffer) forget(e *entry) {
	if e.state == entryReady {
		for _, r := range b.readers {
			if r.next == e {
				r.next = e.next
			}
		}
		b.list.remove(e)
		if int(e.had) >= b.need {
			b.spare--
		}
	}
	e.state = entrySettled
	b.delayed.drop(e)
	b.expiring.drop(e)
	b.count--
	b.bytes -= e.msg.size
}

// answer is the end of a message for one reader; had: it has had it.
func (b *buffer) answer(e *entry, had bool) {
	if e.state != entryReady {
		return
	}
	e.awaiting--
	if had {
		if e.had++; int(e.had) == b.need {
			b.spare++
		}
	}
	b.release(e)
}

// release lets go of a message that nobody needs any more.
func (b *buffer) release(e *entry) {
	if e.state == entryReady && int(e.had) >= b.need && e.awaiting == 0 {
		b.forget(e)
	}
}

// attach adds a reader, which gets first what not enough have had. One with the same key and an older epoch is
// superseded: what that had comes again. It tells false, and does nothing, if the epoch isn't newer.
func (b *buffer) attach(key subscriptionKey, epoch uint32, window int, link consumerLink) bool {
	if r := b.index[key]; r != nil {
		if epoch <= r.epoch {
			return false
		}
		r.epoch, r.window, r.link, r.claims = epoch, window, link, 0
		b.putBack(r, r.open)
		r.open, r.batch = nil, 0
		return true
	}
	r := &reader{key: key, epoch: epoch, window: window, link: link}
	for e := b.list.head; e != nil; e = e.next {
		r.passed = e.seq
		if int(e.had) < b.need {
			e.awaiting++
			r.again = append(r.again, reading{e: e})
		}
	}
	b.readers = append(b.readers, r)
	b.index[key] = r
	return true
}

// putBack has a reader get messages again, in their order.
func (b *buffer) putBack(r *reader, back []reading) {
	r.again = slices.DeleteFunc(append(r.again, back...), func(x reading) bool { return x.e.state == entrySettled })
	slices.SortFunc(r.again, func(x, y reading) int { return cmp.Compare(x.e.seq, y.e.seq) })
}

// detach removes a reader. What it has not answered it has not had. An older epoch is none of its business.
func (b *buffer) detach(key subscriptionKey, epoch uint32) bool {
	r := b.index[key]
	if r == nil || r.epoch > epoch {
		return false
	}
	delete(b.index, key)
	b.readers = slices.DeleteFunc(b.readers, func(o *reader) bool { return o == r })
	for e := r.next; e != nil; {
		next := e.next
		b.answer(e, false)
		e = next
	}
	for _, x := range append(r.again, r.open...) {
		b.answer(x.e, false)
	}
	return true
}

// settle ends a delivery. Anything stale is ignored.
func (b *buffer) settle(key subscriptionKey, epoch uint32, e *entry, how outcome) {
	if r := b.holder(key, epoch); r != nil && r.take(e) != nil {
		b.settled++
		b.answer(e, how == acknowledged)
	}
}

func (b *buffer) holder(key subscriptionKey, epoch uint32) *reader {
	if r := b.index[key]; r != nil && r.epoch == epoch {
		return r
	}
	return nil
}

// has tells whether a delivery is that reader's.
func (b *buffer) has(key subscriptionKey, epoch uint32, e *entry) bool {
	r := b.holder(key, epoch)
	return r != nil && slices.ContainsFunc(r.open, func(x reading) bool { return x.e == e })
}

// take takes a message out of what a reader has.
func (r *reader) take(e *entry) *reading {
	for i := range r.open {
		if r.open[i].e == e {
			x := r.open[i]
			r.open = slices.Delete(r.open, i, i+1)
			return &x
		}
	}
	return nil
}

// settleOldest acknowledges the n deliveries that a reader has had the longest: the socket has them.
func (b *buffer) settleOldest(key subscriptionKey, epoch uint32, n int) {
	r := b.holder(key, epoch)
	if r == nil {
		return
	}
	n = min(n, len(r.open))
	for _, x := range r.open[:n] {
		b.settled++
		b.answer(x.e, true)
	}
	r.open = slices.Delete(r.open, 0, n)
}

// claim sets a delivery aside for a COMMIT; its reader going away no longer counts as not having had it.
func (b *buffer) claim(key subscriptionKey, epoch uint32, e *entry, how outcome) bool {
	r := b.holder(key, epoch)
	if r == nil {
		return false
	}
	x := r.take(e)
	if x == nil {
		return false
	}
	r.claims++
	b.claimed[bufferClaim{key, e}] = claimedReading{reading: *x, epoch: epoch, how: how}
	return true
}

// unclaim undoes a claim: the delivery is its reader's again if that is still there.
func (b *buffer) unclaim(key subscriptionKey, e *entry) {
	at := bufferClaim{key, e}
	c, ok := b.claimed[at]
	if !ok {
		return
	}
	delete(b.claimed, at)
	r := b.index[key]
	switch {
	case r == nil:
		b.answer(e, false)
	case r.epoch == c.epoch:
		r.claims--
		r.open = append(r.open, c.reading)
	default:
		b.putBack(r, []reading{c.reading})
	}
}

// settleClaimed carries out what a claim announced.
func (b *buffer) settleClaimed(key subscriptionKey, e *entry) {
	at := bufferClaim{key, e}
	c, ok := b.claimed[at]
	if !ok {
		return
	}
	delete(b.claimed, at)
	if r := b.holder(key, c.epoch); r != nil {
		r.claims--
	}
	b.settled++
	b.answer(e, c.how == acknowledged)
}

// tick moves what is due into the list and drops what has expired.
func (b *buffer) tick(now time.Time) {
	for e := b.delayed.top(); e != nil && !e.msg.notBefore.After(now); e = b.delayed.top() {
		b.delayed.drop(e)
		b.seq++
		e.seq = b.seq // it comes in now, behind what is there
		b.expiring.drop(e)
		if !e.msg.expires.IsZero() {
			heap.Push(&b.expiring, e)
		}
		if !e.msg.expires.IsZero() && !e.msg.expires.After(now) {
			continue
		}
		b.enter(e)
	}
	for e := b.expiring.top(); e != nil && !e.msg.expires.After(now); e = b.expiring.top() {
		if e.had == 0 {
			b.expired++
		}
		b.forget(e)
	}
}

// wake is when tick has something to do next.
func (b *buffer) wake() (at time.Time) {
	for _, h := range []*timeHeap{&b.delayed, &b.expiring} {
		if e := h.top(); e != nil && (at.IsZero() || h.at(e).Before(at)) {
			at = h.at(e)
		}
	}
	return at
}

// dispatch gives every reader what it has room for, into its batch.
func (b *buffer) dispatch(now time.Time) {
	if e := b.expiring.top(); e != nil && !e.msg.expires.After(now) {
		b.tick(now)
	}
	b.looked, b.unfinished = 0, false
	for _, r := range b.readers {
		for len(r.open)+r.claims < r.window {
			x, ok := b.pick(r)
			if !ok {
				break
			}
			x.deliveries++
			r.open = append(r.open, x)
			r.batch++
		}
	}
}

// pick finds the next message for a reader.
func (b *buffer) pick(r *reader) (reading, bool) {
	for len(r.again) > 0 || r.next != nil {
		if r.link.selector != nil || b.filter != "" {
			if b.looked == maxLooked {
				b.unfinished = true
				break
			}
			b.looked++
		}
		var x reading
		if len(r.again) > 0 {
			x = r.again[0]
			r.again = r.again[1:]
		} else {
			x.e = r.next
			r.passed, r.next = x.e.seq, x.e.next
		}
		switch {
		case x.e.state != entryReady: // it was dropped meanwhile
		case x.deliveries > 0, b.wants(r, x.e.msg):
			return x, true
		default:
			b.answer(x.e, false)
		}
	}
	return reading{}, false
}

// wants tells whether a message is for a reader.
func (b *buffer) wants(r *reader, m *Message) bool {
	if b.filter != "" {
		if value, ok := m.header.Get(b.filter); !ok || r.link.filter == nil || value != *r.link.filter {
			return false
		}
	}
	return r.link.selector == nil || r.link.selector.Matches(m.lookup)
}

// setNeed changes min_delivery.
func (b *buffer) setNeed(need int) {
	b.need, b.spare = need, 0
	for e := b.list.head; e != nil; {
		next := e.next
		if int(e.had) >= need {
			b.spare++
		}
		b.release(e)
		e = next
	}
}

// rebuild makes a sound buffer from what a crash may have left half done. What is the truth: which messages
// are in the list or delayed, how many have had each, and what each reader has, has passed, and is to get
// again. A batch that was not handed on is got again.
func (b *buffer) rebuild() {
	fresh := newBuffer(b.limits, b.need)
	fresh.filter = b.filter
	fresh.seq, fresh.expired, fresh.dropped, fresh.settled = b.seq, b.expired, b.dropped, b.settled
	fresh.reserved, fresh.reservedBytes, fresh.entered = b.reserved, b.reservedBytes, b.entered
	var kept []*entry
	for e := b.list.head; e != nil; e = e.next {
		if e.state == entryReady {
			kept = append(kept, e)
		}
	}
	for _, e := range kept {
		e.prev, e.next, e.awaiting = nil, nil, 0
		fresh.own(e)
		fresh.list.pushBack(e)
		if int(e.had) >= fresh.need {
			fresh.spare++
		}
	}
	for _, e := range b.delayed.entries {
		if e.state == entryDelayed {
			e.delayedAt = 0
			fresh.own(e)
			heap.Push(&fresh.delayed, e)
		}
	}
	for _, r := range b.readers {
		fresh.readers = append(fresh.readers, r)
		fresh.index[r.key] = r
		r.claims = 0
		batch := r.open[len(r.open)-r.batch:]
		r.open = r.open[:len(r.open)-r.batch]
		r.batch = 0
		fresh.putBack(r, batch)
		r.next = nil
		for i := len(kept) - 1; i >= 0 && kept[i].seq > r.passed; i-- {
			kept[i].awaiting++
			r.next = kept[i]
		}
		for _, x := range slices.Concat(r.again, r.open) {
			x.e.awaiting++
		}
	}
	for at, c := range b.claimed {
		fresh.claimed[at] = c
		at.e.awaiting++
		if r := fresh.holder(at.key, c.epoch); r != nil {
			r.claims++
		}
	}
	*b = *fresh
	for _, e := range kept {
		b.release(e)
	}
}

func (b *buffer) own(e *entry) {
	b.count++
	b.bytes += e.msg.size
	e.expiringAt = 0
	if !e.msg.expires.IsZero() {
		heap.Push(&b.expiring, e)
	}
}
