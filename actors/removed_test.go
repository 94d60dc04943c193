package actors_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"stampede/actors"
	"stampede/config"
	"stampede/tests/stomptest"
)

// A destination that is removed while it waits for its restart ends when that would come.
func TestDestinationIsRemovedBeforeItsRestart(t *testing.T) {
	clock := stomptest.NewClock()
	stopped := make(chan struct{})
	end := sync.OnceFunc(func() { close(stopped) })
	var begun atomic.Int32
	b := start(t, nil, actors.WithClock(clock), actors.WithInjector(func(role, _, phase string, m any) {
		switch {
		case role != "destination":
		case phase == "stopped":
			end()
		case strings.HasSuffix(fmt.Sprintf("%T", m), ".unsubscribe") && begun.Add(1) <= 2:
			panic("ouch")
		}
	}))
	events := b.Events(t.Context())
	c := open(t, b)
	c.Subscribe("s", "/temp-queue/t")
	c.Send("UNSUBSCRIBE", "id:s")
	await(t, events, actors.EventRestarting)
	await(t, events, actors.EventRestarting) // after a pause
	c.Drop()
	await(t, events, actors.EventDestinationRemoved)
	clock.Advance(config.Default().Supervision.BackoffMin)
	select {
	case <-stopped:
	case <-patience(t).Done():
		t.Error("it is still there")
	}
}
