package actors

import (
	"context"
	"fmt"

	"github.com/asynkron/protoactor-go/actor"
)

// ping (broker → router, connections, listeners) asks whether an actor gets to its messages.
type ping struct{ answer chan<- struct{} }

// pong answers. Who is asked again after a failure answers twice, and nobody waits for the second.
func (p *ping) pong() {
	select {
	case p.answer <- struct{}{}:
	default:
	}
}

// Ping returns when each of the actors on whom everything in the broker depends has come to answer. The
// error names one that has not while ctx lasted.
func (b *Broker) Ping(ctx context.Context) error {
	c := b.core
	for _, asked := range []struct {
		name string
		pid  *actor.PID
	}{{"destinations", c.router()}, {"connections", c.connectionsLife.pid}, {"listeners", c.listenersPID}} {
		answer := make(chan struct{}, 1)
		c.system.Root.Send(asked.pid, &ping{answer: answer})
		select {
		case <-answer:
		case <-b.done:
			return errBrokerEnded
		case <-ctx.Done():
			return fmt.Errorf("the actor %s does not answer: %w", asked.name, ctx.Err())
		}
	}
	return nil
}
