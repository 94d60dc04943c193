package sim

import (
	"container/heap"
	"time"

	"stampede/transport"
)

// epoch is when every world begins.
var epoch = time.Date(2030, time.January, 1, 0, 0, 0, 0, time.UTC)

// clock is virtual time. It stands still while a step is taken.
type clock struct {
	now       time.Time
	timers    timers
	seq       uint64
	scheduler *scheduler
}

// Now implements transport.Clock.
func (c *clock) Now() time.Time { return c.now }

// AfterFunc implements transport.Clock: f is a step of its own once d has passed.
func (c *clock) AfterFunc(d time.Duration, f func()) transport.Timer {
	c.seq++
	t := &timer{clock: c, due: c.now.Add(max(d, 0)), seq: c.seq, f: f}
	heap.Push(&c.timers, t)
	return t
}

// fire schedules what is due.
func (c *clock) fire() {
	for len(c.timers) > 0 && !c.timers[0].due.After(c.now) {
		t := heap.Pop(&c.timers).(*timer)
		c.scheduler.Schedule(t.f)
	}
}

// next moves on to the next timer, if there is one.
func (c *clock) next() bool {
	if len(c.timers) == 0 {
		return false
	}
	c.now = c.timers[0].due
	c.fire()
	return true
}

func (c *clock) advance(d time.Duration) { c.now = c.now.Add(d) }

type timer struct {
	clock *clock
	due   time.Time
	seq   uint64 // of two that are due together the older one goes first
	f     func()
	at    int // 1 + its place in the heap; 0: it went off or was stopped
}

// Stop implements transport.Timer.
func (t *timer) Stop() bool {
	if t.at == 0 {
		return false
	}
	heap.Remove(&t.clock.timers, t.at-1)
	return true
}

type timers []*timer

func (h timers) Len() int { return len(h) }
func (h timers) Less(i, j int) bool {
	return h[i].due.Before(h[j].due) || h[i].due.Equal(h[j].due) && h[i].seq < h[j].seq
}

func (h timers) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i+1, j+1
}

func (h *timers) Push(x any) {
	t := x.(*timer)
	*h = append(*h, t)
	t.at = len(*h)
}

func (h *timers) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	t.at = 0
	return t
}
