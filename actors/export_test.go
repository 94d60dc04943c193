package actors

import (
	"github.com/asynkron/protoactor-go/actor"
)

// WithInjector has f called before every message and phase of every guarded actor; a panic in it
// is that actor's.
func WithInjector(f func(role, path, phase string, message any)) Option {
	return func(o *options) { o.injector = f }
}

// Actors counts the actors of the broker's system, the library's own few included.
func (b *Broker) Actors() int { return countActors(b.core.system) }

func countActors(s *actor.ActorSystem) int {
	n := 0
	for i := range s.ProcessRegistry.LocalPIDs.LocalPIDs {
		n += s.ProcessRegistry.LocalPIDs.LocalPIDs[i].Count()
	}
	return n
}

// CountActors counts the actors of a system.
func CountActors(s *actor.ActorSystem) int { return countActors(s) }
