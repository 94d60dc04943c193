package actors

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/transport"
)

// listeners is the supervisor of the doors. It says when all are shut, and when a change of them is done.
type listeners struct {
	core   *core
	life   *life
	doors  []*door
	open   map[string]bool // those whose actors are not gone yet
	number int             // of the next actor: names are not used again
	change *changeDoors    // being carried out
	ending bool
	shut   chan<- struct{}
}

// shutDoors (broker → listeners): accept nobody any more; shut is closed when that is so.
type shutDoors struct{ shut chan<- struct{} }

// changeDoors (broker → listeners): these are the doors from now on. done is closed when the others
// are shut and the new ones have their actors.
type changeDoors struct {
	doors []*door
	done  chan<- struct{}
}

func newListeners(c *core, doors []*door) func(*life) process {
	s := &listeners{core: c, doors: doors, open: make(map[string]bool)}
	return func(l *life) process {
		s.life = l
		return s
	}
}

func (s *listeners) receive(ctx actor.Context, message any) {
	switch m := message.(type) {
	case *actor.Started:
		s.spawn(ctx)
	case *ping:
		m.pong()
	case *changeDoors:
		s.begin(ctx, m)
	case *shutDoors:
		s.ending, s.shut = true, m.shut
		for _, d := range s.doors {
			if d.life != nil {
				d.life.stop(ctx)
			}
		}
		s.tellShut()
	case *actor.Terminated:
		delete(s.open, m.Who.Id)
		s.tellShut()
		s.finish()
	case *gaveUp, *actor.Stopping, *actor.Stopped, *actor.Restarting:
	default:
		s.core.unhandled(s.life, message)
	}
}

// spawn starts the actors of doors that have none.
func (s *listeners) spawn(ctx actor.Context) {
	for _, d := range s.doors {
		if d.life != nil {
			continue
		}
		name := strconv.Itoa(s.number) + ":" + d.config.Load().Name
		s.number++
		l, err := s.core.spawn(ctx, &s.core.roles.listener, name, func(l *life) process {
			return &listener{door: d, core: s.core, life: l}
		})
		if err != nil {
			panic(err)
		}
		d.life = l
		s.open[l.pid.Id] = true
	}
}

// begin shuts the doors that are no more, and has the new ones served, whose sockets are open already.
func (s *listeners) begin(ctx actor.Context, m *changeDoors) {
	if s.ending {
		return
	}
	stay := make(map[*door]bool, len(m.doors))
	for _, d := range m.doors {
		stay[d] = true
	}
	for _, d := range s.doors {
		if !stay[d] && d.life != nil {
			d.life.stop(ctx)
		}
	}
	s.doors = m.doors
	s.spawn(ctx)
	s.change = m
	s.finish()
}

// finish ends a change when the doors that go are gone.
func (s *listeners) finish() {
	if s.change == nil || s.ending {
		return
	}
	leaving := len(s.open)
	for _, d := range s.doors {
		if d.life != nil && s.open[d.life.pid.Id] {
			leaving--
		}
	}
	if leaving == 0 {
		close(s.change.done)
		s.change = nil
	}
}

func (s *listeners) tellShut() {
	if s.shut != nil && len(s.open) == 0 {
		close(s.shut)
		s.shut = nil
	}
}

// listener is the actor of one address. The accept loop is a goroutine of the server's; it goes on
// over a crash of the actor, so that no client notices.
type listener struct {
	*door
	core *core
	life *life
}

// served (accept loop → listener): it ended, with an error unless it was closed.
type served struct{ err error }

func (l *listener) renew() process { return &listener{door: l.door, core: l.core, life: l.life} }

func (l *listener) receive(ctx actor.Context, message any) {
	switch m := message.(type) {
	case *actor.Started:
		l.serve(ctx)
	case *served:
		l.serving = false
		l.socket.Store(nil)
		if m.err != nil && l.address != nil {
			l.core.event(Event{Kind: EventGivenUp, Role: l.life.role.name, Actor: l.life.pid.Id, Cause: fmt.Sprintf("accepting on the program's listener %s: %v", l.address, m.err)})
			l.life.stop(ctx)
		} else if m.err != nil {
			panic(fmt.Errorf("accepting on %s: %w", l.config.Load().Address, m.err))
		}
	case *actor.Stopping:
		if err := l.server.Close(); err != nil {
			l.core.log.Warn("closing a listener", "listener", l.config.Load().Name, "cause", err)
		}
	case *actor.Stopped, *actor.Restarting:
	default:
		l.core.unhandled(l.life, message)
	}
}

func (l *listener) serve(ctx actor.Context) {
	if l.serving || l.address != nil && l.held() == nil {
		return
	}
	if l.held() == nil && l.within.Load() {
		l.life.stop(ctx) // its clients come to the door of all addresses now
		return
	}
	if l.held() == nil {
		timeout, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		var beside []*door
		if inner := l.inner.Load(); inner != nil {
			beside = *inner
		}
		ln, err := transport.Listen(timeout, *l.config.Load(), sockets(beside)...)
		if err != nil {
			panic(err) // tried again, after a backoff
		}
		l.hold(ln)
	}
	l.serving = true
	server, ln, system, self := l.server, l.held(), ctx.ActorSystem(), ctx.Self()
	go func() {
		err := server.Serve(ln)
		system.Root.Send(self, &served{err: err})
	}()
}
