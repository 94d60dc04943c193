package faults_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"stampede/actors"
	"stampede/actors/faults"
	"stampede/tests/stomptest"
)

// In a stall timers wait for its end and then go off in the order in which they were due; one that is stopped meanwhile
// does not. A clock that jumps shows another time and leaves timers alone.
func TestClock(t *testing.T) {
	base := stomptest.NewClock()
	began := base.Now()
	plan := faults.New(1,
		faults.Rule{Do: faults.Stall, After: 10 * time.Second, For: 5 * time.Second},
		faults.Rule{Do: faults.Jump, After: 20 * time.Second, For: -time.Hour},
	)
	var told []string
	clock := plan.Clock(base, func(e actors.Event) { told = append(told, e.Cause) })
	var rang []string
	at := func(d time.Duration, name string) interface{ Stop() bool } {
		return clock.AfterFunc(d, func() { rang = append(rang, name) })
	}
	at(9*time.Second, "before")
	at(11*time.Second, "first")
	at(12*time.Second, "second")
	stopped := at(13*time.Second, "stopped")
	at(16*time.Second, "after")
	base.Advance(14 * time.Second)
	if !slices.Equal(rang, []string{"before"}) {
		t.Errorf("in the stall: %v", rang)
	}
	if !stopped.Stop() || stopped.Stop() {
		t.Error("a timer that waits for the end of a stall can be stopped, once")
	}
	base.Advance(3 * time.Second)
	if !slices.Equal(rang, []string{"before", "first", "second", "after"}) {
		t.Errorf("after the stall: %v", rang)
	}
	if clock.Now() != began.Add(17*time.Second) {
		t.Errorf("before the jump it shows %v", clock.Now())
	}
	at(10*time.Second, "over the jump")
	base.Advance(10 * time.Second)
	if got := clock.Now().Sub(began); got != 27*time.Second-time.Hour || len(rang) != 5 {
		t.Errorf("after the jump it shows %v; rang: %v", got, rang)
	}
	plan.Jump(2 * time.Hour)
	plan.Stall(time.Second)
	if got := clock.Now().Sub(began); got != 27*time.Second+time.Hour {
		t.Errorf("after the second jump it shows %v", got)
	}
	at(0, "late")
	base.Advance(0)
	if len(rang) != 5 {
		t.Errorf("in the second stall: %v", rang)
	}
	base.Advance(time.Second)
	if len(rang) != 6 {
		t.Errorf("after the second stall: %v", rang)
	}
	if want := []string{"jump by -1h0m0s", "jump by 2h0m0s", "stall"}; !slices.Equal(told, want) {
		t.Errorf("told %q, wants %q", told, want)
	}
}

// A message that waits for its time comes when the timer is late, and one whose time the clock has jumped past is gone.
func TestBrokerOutlivesTheClock(t *testing.T) {
	base := stomptest.NewClock()
	plan := faults.New(1)
	w := start(t, plan, actors.WithClock(base))
	c := w.client()
	c.Sync("SEND", "destination:/queue/x", "delay:2000")
	plan.Stall(4 * time.Second)
	base.Advance(3 * time.Second)
	c.Subscribe("1", "/queue/x")
	c.Sync("SEND", "destination:/queue/other") // no MESSAGE came before this receipt
	base.Advance(time.Second)
	c.Expect("MESSAGE", "destination:/queue/x")
	if got := w.story(1)[0]; !strings.HasSuffix(got, "stall, 0, 4s") {
		t.Errorf("got %s", got)
	}
	c.Sync("SEND", "destination:/queue/y", fmt.Sprintf("expires:%d", base.Now().Add(5*time.Second).UnixMilli()))
	plan.Jump(10 * time.Second)
	c.Subscribe("2", "/queue/y")
	c.Sync("SEND", "destination:/queue/other")
}
