package actors

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// EventKind names what happened.
type EventKind string

// The events of supervision.
const (
	EventRestarting      EventKind = "restarting"       // a failed actor is restarted, after Backoff
	EventResumed         EventKind = "resumed"          // a supervisor went on after a failure of its own
	EventGivenUp         EventKind = "given up"         // an actor failed too often and was stopped
	EventMessageDropped  EventKind = "message dropped"  // a message crashed its actor again and again
	EventFailedEnding    EventKind = "failed ending"    // a panic while stopping; the actor stopped all the same
	EventHandlerPanicked EventKind = "handler panicked" // a handler or interceptor of the program; its message was refused
	EventFault           EventKind = "fault injected"   // an injector broke something on purpose
	EventUnhandled       EventKind = "unhandled"        // an actor got a message it has no use for: a bug
)

// The events of the broker's life. Those of one connection, subscription or destination come in order.
const (
	EventConnected          EventKind = "connected"           // a client was let in
	EventLoginRefused       EventKind = "login refused"       // a client was not let in; may come behind its end
	EventDisconnected       EventKind = "disconnected"        // a connection ended, with all it had; Cause is its reason
	EventSubscribed         EventKind = "subscribed"          // messages of Destination reach a subscription
	EventUnsubscribed       EventKind = "unsubscribed"        // they do no longer; not sent for what ends with its connection
	EventDestinationMade    EventKind = "destination made"    // on first use, or by the configuration
	EventDestinationRemoved EventKind = "destination removed" // nobody used it, or its owner has gone
	EventPublisherHeld      EventKind = "publisher held"      // a queue is full, and who sends to it waits
	EventDropped            EventKind = "dropped"             // a policy gave up Count messages: at a full queue, for a slow client
	EventSlowConsumer       EventKind = "slow consumer"       // a client or subscription can't keep up, and is ended
	EventDeadLetter         EventKind = "dead letter"         // a message went to the dead-letter queue, or would have
	EventJournalFailed      EventKind = "journal failed"      // Count messages could not be recorded; told once until it works again
	EventJournalOverloaded  EventKind = "journal overloaded"  // messages come faster than they can be recorded; likewise
)

// Supervision tells whether the event is about actors that fail and what becomes of them: what a test of a
// broker that is broken on purpose asserts.
func (k EventKind) Supervision() bool {
	switch k {
	case EventRestarting, EventResumed, EventGivenUp, EventMessageDropped, EventFailedEnding, EventHandlerPanicked, EventFault, EventUnhandled:
		return true
	}
	return false
}

// Event is something that happened inside the broker. Fields that say nothing about it are empty.
type Event struct {
	Time  time.Time
	Kind  EventKind
	Role  string // the kind of actor: session, destination, …
	Actor string // its path
	Cause string

	Connection   string // "c42"; "" where it is the program's own
	Login        string // who the client is; where its login was refused, who it said it was, cut short
	Remote       string // transport and address of the client
	Destination  string
	Subscription string // its id
	Count        uint64 // of messages

	Attempt int           // failures within the window, this one included; of a fault: how often the message was begun
	Backoff time.Duration // pause before the restart
	Stack   string        // of a panic

	Lost uint64 // events that this follower lost before this one, because it was too far behind
}

// level is how loud an event is in the log.
func (e *Event) level() slog.Level {
	switch e.Kind {
	case EventConnected, EventDisconnected, EventSubscribed, EventUnsubscribed, EventDestinationMade, EventDestinationRemoved, EventPublisherHeld:
		return slog.LevelDebug
	case EventDeadLetter:
		return slog.LevelInfo
	case EventSlowConsumer, EventDropped, EventResumed, EventRestarting, EventFault:
		return slog.LevelWarn
	default:
		return slog.LevelError
	}
}

// attrs is what of an event goes into the log.
func (e *Event) attrs() []slog.Attr {
	attrs := make([]slog.Attr, 0, 8)
	for _, a := range [...]struct{ key, value string }{
		{"role", e.Role},
		{"actor", e.Actor},
		{"connection", e.Connection},
		{"login", e.Login},
		{"remote", e.Remote},
		{"destination", e.Destination},
		{"subscription", e.Subscription},
		{"cause", e.Cause},
	} {
		if a.value != "" {
			attrs = append(attrs, slog.String(a.key, a.value))
		}
	}
	if e.Count > 0 {
		attrs = append(attrs, slog.Uint64("count", e.Count))
	}
	if e.Attempt > 0 {
		attrs = append(attrs, slog.Int("attempt", e.Attempt), slog.Duration("backoff", e.Backoff))
	}
	if e.Stack != "" {
		attrs = append(attrs, slog.String("stack", e.Stack))
	}
	return attrs
}

// eventBus hands events to whoever follows them, and never waits for them.
type eventBus struct {
	mu        sync.Mutex
	followers map[*follower]struct{}
	ended     bool
}

type follower struct {
	events chan Event
	lost   uint64
}

// eventBuffer is how many events a follower may be behind before it loses some.
const eventBuffer = 1024

func (b *eventBus) publish(e Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for f := range b.followers {
		e.Lost = f.lost
		select {
		case f.events <- e:
			f.lost = 0
		default:
			f.lost++
		}
	}
}

// follow returns a channel of the events from now on. It is closed when ctx or the broker ends.
func (b *eventBus) follow(ctx context.Context) <-chan Event {
	f := &follower{events: make(chan Event, eventBuffer)}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		close(f.events)
		return f.events
	}
	if b.followers == nil {
		b.followers = make(map[*follower]struct{})
	}
	b.followers[f] = struct{}{}
	context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.leave(f)
	})
	return f.events
}

// leave closes a follower's channel, once. The lock is held.
func (b *eventBus) leave(f *follower) {
	if _, there := b.followers[f]; there {
		delete(b.followers, f)
		close(f.events)
	}
}

// end: nothing will happen any more.
func (b *eventBus) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	for f := range b.followers {
		b.leave(f)
	}
}

// event logs an event and hands it on.
func (c *core) event(e Event) {
	if level := e.level(); c.log.Enabled(context.Background(), level) {
		c.log.LogAttrs(context.Background(), level, string(e.Kind), e.attrs()...)
	}
	c.tell(e)
}

// tell hands on an event that the log has in words of its own, or has no need of.
func (c *core) tell(e Event) {
	e.Time = c.clock.Now()
	c.events.publish(e)
}
