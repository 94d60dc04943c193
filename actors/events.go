package actors

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// EventKind names what happened.
type EventKind string

// The events of supervision, and those of the broker's life that a program may want to follow.
const (
	EventRestarting      EventKind = "restarting"       // a failed actor is restarted, after Backoff
	EventResumed         EventKind = "resumed"          // a supervisor went on after a failure of its own
	EventGivenUp         EventKind = "given up"         // an actor failed too often and was stopped
	EventMessageDropped  EventKind = "message dropped"  // a message crashed its actor again and again
	EventFailedEnding    EventKind = "failed ending"    // a panic while stopping; the actor stopped all the same
	EventConnected       EventKind = "connected"        // a client was let in
	EventDisconnected    EventKind = "disconnected"     // a connection ended; Cause is its reason
	EventSlowConsumer    EventKind = "slow consumer"    // a client's outbox is full
	EventDeadLetter      EventKind = "dead letter"      // a message went to the dead-letter queue
	EventHandlerPanicked EventKind = "handler panicked" // a handler of SubscribeFunc; its message was refused
	EventFault           EventKind = "fault injected"   // an injector broke something on purpose
	EventUnhandled       EventKind = "unhandled"        // an actor got a message it has no use for: a bug
)

// Event is something that happened inside the broker.
type Event struct {
	Time    time.Time
	Kind    EventKind
	Role    string // the kind of actor: session, destination, …
	Actor   string // its path
	Cause   string
	Attempt int           // failures within the window, this one included; of a fault: how often the message was begun
	Backoff time.Duration // pause before the restart
	Stack   string        // of a panic
}

// level is how loud an event is in the log.
func (e *Event) level() slog.Level {
	switch e.Kind {
	case EventConnected, EventDisconnected:
		return slog.LevelDebug
	case EventDeadLetter:
		return slog.LevelInfo
	case EventSlowConsumer, EventResumed, EventRestarting, EventFault:
		return slog.LevelWarn
	default:
		return slog.LevelError
	}
}

// eventBus hands events to whoever follows them, and never waits for them.
type eventBus struct {
	mu        sync.Mutex
	followers map[chan Event]*atomic.Uint64
}

// eventBuffer is how many events a follower may be behind before it loses some.
const eventBuffer = 1024

func (b *eventBus) publish(e Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for ch, lost := range b.followers {
		select {
		case ch <- e:
		default:
			lost.Add(1)
		}
	}
}

// follow returns a channel of the events from now on. It is closed when ctx ends.
func (b *eventBus) follow(ctx context.Context) <-chan Event {
	ch := make(chan Event, eventBuffer)
	b.mu.Lock()
	if b.followers == nil {
		b.followers = make(map[chan Event]*atomic.Uint64)
	}
	b.followers[ch] = new(atomic.Uint64)
	b.mu.Unlock()
	context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.followers, ch)
		close(ch)
	})
	return ch
}

// event logs an event and hands it on.
func (c *core) event(e Event) {
	e.Time = c.clock.Now()
	attrs := make([]slog.Attr, 0, 6)
	if e.Role != "" {
		attrs = append(attrs, slog.String("role", e.Role))
	}
	attrs = append(attrs, slog.String("actor", e.Actor))
	if e.Cause != "" {
		attrs = append(attrs, slog.String("cause", e.Cause))
	}
	if e.Attempt > 0 {
		attrs = append(attrs, slog.Int("attempt", e.Attempt), slog.Duration("backoff", e.Backoff))
	}
	if e.Stack != "" {
		attrs = append(attrs, slog.String("stack", e.Stack))
	}
	c.log.LogAttrs(context.Background(), e.level(), string(e.Kind), attrs...)
	c.events.publish(e)
}
