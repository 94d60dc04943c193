package faults

import (
	"fmt"
	"sync"
	"time"

	"stampede/actors"
	"stampede/transport"
)

// clock shows another time than the one it is built on, and lets timers go off late. It needs no timer of its own: what
// time it is, and whether it stalls, follow from the time of its base.
type clock struct {
	base   transport.Clock
	began  time.Time
	report func(actors.Event)

	mu     sync.Mutex
	jumps  []*jump
	stalls []stall
}

type jump struct {
	after, by time.Duration
	seen      bool // it was reported
}

// stall is a time in which no timer goes off.
type stall struct{ from, till time.Duration }

func newClock(base transport.Clock, report func(actors.Event)) *clock {
	return &clock{base: base, began: base.Now(), report: report}
}

// Now implements transport.Clock.
func (c *clock) Now() time.Time {
	now := c.base.Now()
	since := now.Sub(c.began)
	var fresh []*jump
	c.mu.Lock()
	for _, j := range c.jumps {
		if since < j.after {
			continue
		}
		now = now.Add(j.by)
		if !j.seen {
			j.seen = true
			fresh = append(fresh, j)
		}
	}
	c.mu.Unlock()
	for _, j := range fresh { // reporting asks for the time
		c.report(actors.Event{Kind: actors.EventFault, Role: "clock", Cause: fmt.Sprintf("jump by %v", j.by)})
	}
	return now
}

func (c *clock) jump(by time.Duration) {
	c.mu.Lock()
	c.jumps = append(c.jumps, &jump{after: c.base.Now().Sub(c.began), by: by})
	c.mu.Unlock()
	c.Now()
}

func (c *clock) stall(d time.Duration) {
	c.mu.Lock()
	now := c.base.Now().Sub(c.began)
	c.stalls = append(c.stalls, stall{now, now + d})
	c.mu.Unlock()
	c.report(actors.Event{Kind: actors.EventFault, Role: "clock", Cause: "stall", Backoff: d})
}

// stalled tells for how long no timer may go off, from now on.
func (c *clock) stalled() (wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.base.Now().Sub(c.began)
	for _, s := range c.stalls {
		if s.from <= now && now < s.till {
			wait = max(wait, s.till-now)
		}
	}
	return wait
}

// AfterFunc implements transport.Clock.
func (c *clock) AfterFunc(d time.Duration, f func()) transport.Timer {
	t := &timer{clock: c, f: f}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.base = c.base.AfterFunc(d, t.ring)
	return t
}

// timer is one of the base that is wound up again when it goes off in a stall.
type timer struct {
	clock *clock
	f     func()

	mu   sync.Mutex
	base transport.Timer
	over bool // stopped, or gone off
}

func (t *timer) ring() {
	if t.again() {
		t.f()
	}
}

func (t *timer) again() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return false
	}
	if wait := t.clock.stalled(); wait > 0 {
		t.base = t.clock.base.AfterFunc(wait, t.ring)
		return false
	}
	t.over = true
	return true
}

// Stop implements transport.Timer.
func (t *timer) Stop() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return false
	}
	t.over = true
	t.base.Stop()
	return true
}
