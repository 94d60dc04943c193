package actors

import (
	"fmt"
	"slices"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/transport"
)

// A parent ends after its children, however its Stops and Restarts come while it waits for them: a Stop is final, and
// each is told to its process once.
func TestParentEndsAfterItsChildren(t *testing.T) {
	stop, restart := any(&actor.Stop{}), any(&actor.Restart{})
	for _, tt := range []struct {
		posted []any
		want   string
	}{
		{[]any{stop}, "[Stopping Terminated Terminated Stopped]"},
		{[]any{stop, stop}, "[Stopping Terminated Terminated Stopped]"},
		{[]any{stop, restart}, "[Stopping Terminated Terminated Stopped]"},
		{[]any{restart, stop}, "[Restarting Stopping Terminated Terminated Stopped]"},
		{[]any{restart, restart, stop, restart}, "[Restarting Stopping Terminated Terminated Stopped]"},
		{[]any{restart}, "[Restarting Terminated Terminated Started]"},
		{[]any{restart, restart}, "[Restarting Terminated Terminated Started]"},
	} {
		t.Run(tt.want+fmt.Sprintf(" after %d", len(tt.posted)), func(t *testing.T) {
			system := newSystem(quiet())
			defer system.Shutdown()
			d := &steps{}
			c := &core{system: system, dispatcher: d, clock: transport.SystemClock()}
			p := &keeper{core: c}
			l, err := c.spawn(system.Root, &role{name: "keeper"}, "keeper", func(*life) process { return p })
			if err != nil {
				t.Fatal(err)
			}
			d.run()
			p.heard = nil
			for _, m := range tt.posted {
				l.mailbox.PostSystemMessage(m)
			}
			d.run()
			if got := fmt.Sprint(p.heard); got != tt.want {
				t.Errorf("heard %s, wants %s", got, tt.want)
			}
			stopped := slices.Contains(p.heard, "Stopped")
			if _, there := system.ProcessRegistry.GetLocal(l.pid.Id); there == stopped {
				t.Errorf("there: %v, stopped: %v", there, stopped)
			}
			l.mailbox.PostSystemMessage(restart)
			if before := len(p.heard); stopped {
				if d.run(); len(p.heard) > before {
					t.Errorf("after the end it heard %v", p.heard[before:])
				}
			}
			if len(c.births.between) > 0 {
				t.Error("a life is kept for a next incarnation that does not come")
			}
		})
	}
}

// steps is a dispatcher that runs what is scheduled in order, when it is told to.
type steps struct{ scheduled []func() }

func (s *steps) Schedule(f func()) { s.scheduled = append(s.scheduled, f) }
func (s *steps) Throughput() int   { return 1 }

func (s *steps) run() {
	for len(s.scheduled) > 0 {
		f := s.scheduled[0]
		s.scheduled = s.scheduled[1:]
		f()
	}
}

// keeper is an actor with two children at first, which notes what it hears.
type keeper struct {
	core  *core
	begun bool
	heard []string
}

func (p *keeper) receive(ctx actor.Context, message any) {
	p.heard = append(p.heard, fmt.Sprintf("%T", message)[len("*actor."):])
	if _, ok := message.(*actor.Started); !ok || p.begun {
		return
	}
	p.begun = true
	for _, name := range []string{"a", "b"} {
		if _, err := p.core.spawn(ctx, &role{name: "idler"}, name, func(*life) process { return idler{} }); err != nil {
			panic(err)
		}
	}
}
