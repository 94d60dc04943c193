package stomptest

import (
	"slices"
	"sync"
	"time"

	"stampede/transport"
)

// Clock is a clock that stands still until it is told to move. A broker that runs on one has its timers go off in
// [Clock.Advance] and nowhere else, so that a test about time does not depend on how fast the machine is. The in-memory
// pipe takes its deadlines by it too: a test must not advance it by as much as [Guard] between two reads.
type Clock struct {
	mu     sync.Mutex
	set    sync.Cond // a timer was
	now    time.Time
	timers []*timer
}

type timer struct {
	clock *Clock
	due   time.Time
	f     func()
}

// NewClock gives a clock that shows the present.
func NewClock() *Clock {
	c := &Clock{now: time.Now()}
	c.set.L = &c.mu
	return c
}

// Now gives the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// AfterFunc has f called when the clock has moved on by d.
func (c *Clock) AfterFunc(d time.Duration, f func()) transport.Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{clock: c, due: c.now.Add(max(d, 0)), f: f}
	c.timers = append(c.timers, t)
	c.set.Broadcast()
	return t
}

// AwaitTimer returns once there is a timer that goes off in d, neither before nor behind: what is to be due then has been
// asked for, by an actor that may only just have started.
func (c *Clock) AwaitTimer(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !slices.ContainsFunc(c.timers, func(t *timer) bool { return t.due.Equal(c.now.Add(d)) }) {
		c.set.Wait()
	}
}

// Stop tells whether f will now not be called.
func (t *timer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	i := slices.Index(t.clock.timers, t)
	if i < 0 {
		return false
	}
	t.clock.timers = slices.Delete(t.clock.timers, i, i+1)
	return true
}

// Advance moves the clock on, from one timer that is due to the next, and returns when all of their functions have.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	end := c.now.Add(d)
	for {
		next := -1
		for i, t := range c.timers {
			if !t.due.After(end) && (next < 0 || t.due.Before(c.timers[next].due)) {
				next = i
			}
		}
		if next < 0 {
			break
		}
		t := c.timers[next]
		c.timers = slices.Delete(c.timers, next, next+1)
		if t.due.After(c.now) {
			c.now = t.due
		}
		c.mu.Unlock()
		t.f()
		c.mu.Lock()
	}
	c.now = end
}
