package bench

import (
	"math/bits"
	"sync/atomic"
)

// A lane is what one publisher sends to one destination, with numbers of its own. Numbers come in groups of a fixed
// size; the ring has a slot for each group that may be on its way at once, and that is the window. A slot is used again
// only when its group is over, so a lane never holds more than its ring, however fast the publisher is.
type lane struct {
	index       uint32
	destination int
	group       int64 // messages in a group, at most 64: a bit each
	receivers   int64 // how many times each message arrives, or 0 if the receivers share them
	ring        []slot
	wake        chan struct{} // of the publisher: a slot has become free

	sent atomic.Int64
}

// slot is one group on its way.
type slot struct {
	number atomic.Int64  // of the group
	left   atomic.Int64  // subscribers that have not passed the group, or messages of it that were not consumed
	seen   atomic.Uint64 // messages of it that were consumed, if they are shared
}

func newLane(index uint32, destination, group, window, receivers int, wake chan struct{}) *lane {
	l := &lane{index: index, destination: destination, group: int64(group), receivers: int64(receivers), wake: wake}
	l.ring = make([]slot, max(window/group, 1))
	for i := range l.ring {
		l.ring[i].number.Store(-1)
	}
	return l
}

func (l *lane) slot(group int64) *slot { return &l.ring[group%int64(len(l.ring))] }

// free says whether the next group may be sent.
func (l *lane) free() bool { return l.slot(l.sent.Load()/l.group).left.Load() == 0 }

// open begins the next group, of n messages.
func (l *lane) open(n int64) {
	g := l.sent.Load() / l.group
	s := l.slot(g)
	s.seen.Store(0)
	s.number.Store(g)
	if l.receivers > 0 {
		s.left.Store(l.receivers)
	} else {
		s.left.Store(n)
	}
}

// idle says whether nothing is on its way.
func (l *lane) idle() bool {
	for i := range l.ring {
		if l.ring[i].left.Load() != 0 {
			return false
		}
	}
	return true
}

// done takes n off what a slot waits for.
func (l *lane) done(s *slot, n int64) {
	if n > 0 && s.left.Add(-n) == 0 {
		notify(l.wake)
	}
}

// passed tells that one subscriber is past the groups from to until before to.
func (l *lane) passed(from, to int64) {
	for g := from; g < to; g++ {
		if s := l.slot(g); s.number.Load() == g {
			l.done(s, 1)
		}
	}
}

// consumed tells that messages of a group were consumed, and returns how many of them for the first time. The caller
// counts those and then calls done with the slot.
func (l *lane) consumed(group int64, messages uint64) (s *slot, fresh int64) {
	s = l.slot(group)
	if s.number.Load() != group {
		return s, 0 // the group is over, so all of it was there before
	}
	return s, int64(bits.OnesCount64(messages &^ s.seen.Or(messages)))
}

// notify wakes who waits on a channel with room for one.
func notify(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// track is how far one subscriber of a topic has come in a lane.
type track struct {
	next    int64 // the number that should come now
	passed  int64 // groups
	missing map[int64]bool
}

// missingKept bounds the memory for numbers that were skipped: beyond it a late one counts as a duplicate.
const missingKept = 1 << 16

// follow checks a number. It is only called for one that is not next, which happens when the broker does something wrong.
func (t *track) follow(seq int64, f *faults) {
	switch {
	case seq > t.next:
		if t.missing == nil {
			t.missing = map[int64]bool{}
		}
		for n := t.next; n < seq && len(t.missing) < missingKept; n++ {
			t.missing[n] = true
		}
		f.lost += seq - t.next
		t.next = seq + 1
	case t.missing[seq]:
		delete(t.missing, seq)
		f.lost--
		f.disordered++
	default:
		f.duplicates++
	}
}

// faults are what a broker did wrong with messages.
type faults struct {
	lost       int64 // sent and never received
	duplicates int64 // received again, and not marked as redelivered
	disordered int64 // received behind a later one of the same publisher
	corrupt    int64 // of a wrong length or number, or on a wrong subscription
}

func (f *faults) add(o faults) {
	f.lost += o.lost
	f.duplicates += o.duplicates
	f.disordered += o.disordered
	f.corrupt += o.corrupt
}
