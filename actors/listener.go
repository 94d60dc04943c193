package actors

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/transport"
)

// listeners is the supervisor of the doors. It says when all are shut.
type listeners struct {
	core  *core
	life  *life
	doors []*door
	open  map[string]bool
	shut  chan<- struct{}
}

// shutDoors (broker → listeners): accept nobody any more; shut is closed when that is so.
type shutDoors struct{ shut chan<- struct{} }

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
		for i, d := range s.doors {
			l, err := s.core.spawn(ctx, s.core.roles.listener, fmt.Sprintf("%d:%s", i, d.config.Name), func(l *life) process {
				return &listener{door: d, core: s.core, life: l}
			})
			if err != nil {
				panic(err)
			}
			d.life = l
			s.open[l.pid.Id] = true
		}
	case *shutDoors:
		s.shut = m.shut
		for _, d := range s.doors {
			d.life.stop(ctx)
		}
		s.tellShut()
	case *actor.Terminated:
		delete(s.open, m.Who.Id)
		s.tellShut()
	case *gaveUp, *actor.Stopping, *actor.Stopped, *actor.Restarting:
	default:
		s.core.unhandled(s.life, message)
	}
}

func (s *listeners) tellShut() {
	if s.shut != nil && len(s.open) == 0 {
		close(s.shut)
		s.shut = nil
	}
}

// door is what a listener keeps over restarts: the open socket and who serves it.
type door struct {
	config   transport.ListenerConfig
	server   *transport.Server
	listener net.Listener // open since before the actor started, so that its errors reach who started the broker
	serving  bool
	life     *life
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

func (l *listener) receive(ctx actor.Context, message any) {
	switch m := message.(type) {
	case *actor.Started:
		l.serve(ctx)
	case *served:
		l.serving, l.listener = false, nil
		if m.err != nil {
			panic(fmt.Errorf("accepting on %s: %w", l.config.Address, m.err))
		}
	case *actor.Stopping:
		if err := l.server.Close(); err != nil {
			l.core.log.Warn("closing a listener", "listener", l.config.Name, "cause", err)
		}
	case *actor.Stopped, *actor.Restarting:
	default:
		l.core.unhandled(l.life, message)
	}
}

func (l *listener) serve(ctx actor.Context) {
	if l.serving {
		return
	}
	if l.listener == nil {
		timeout, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		ln, err := transport.Listen(timeout, l.config)
		if err != nil {
			panic(err) // tried again, after a backoff
		}
		l.listener = ln
	}
	l.serving = true
	server, ln, system, self := l.server, l.listener, ctx.ActorSystem(), ctx.Self()
	go func() {
		err := server.Serve(ln)
		system.Root.Send(self, &served{err: err})
	}()
}
