package actors

import (
	"net"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/config"
	"stampede/stompwire"
	"stampede/transport"
)

// Injector breaks parts of a broker on purpose. It is asked at every occasion and decides; the broker
// carries out what it decides and reports it as an [EventFault]. Package actors/faults has one that is
// driven by rules and a seed.
//
// It is asked by the actor that the occasion is about, so by several at once, and must not block.
type Injector interface {
	At(o *Occasion) Injection
}

// PromptInjector is an Injector that is known to keep the promise not to block, and not to end the goroutine it is
// asked on either. With any other one no actor is run by the goroutine that reads from a client, see handover.
type PromptInjector interface {
	Injector
	Prompt()
}

// WithFaults has an injector asked at every occasion. Without it none is asked, and nothing is paid.
func WithFaults(i Injector) Option { return func(o *options) { o.injector = i } }

// EdgeInjector is an Injector that breaks what is around the actors, too.
type EdgeInjector interface {
	Injector
	// Clock is called once, before anything else, with the clock that the broker was given, and returns the one that it
	// will run on. report makes an event of what the injector does to the clock or to a connection.
	Clock(base transport.Clock, report func(Event)) transport.Clock
	// Accepted returns the connection that the broker shall see instead of one that a listener has accepted: the same,
	// if nothing is to happen to it.
	Accepted(listener string, c net.Conn) net.Conn
}

// wrapper is what an injector does with the connections of a listener; nil: nothing.
func (c *core) wrapper(listener string) func(net.Conn) net.Conn {
	if c.edge == nil || c.scheduler != nil { // the network of a scheduler is not one of sockets
		return nil
	}
	return func(conn net.Conn) net.Conn { return c.edge.Accepted(listener, conn) }
}

// Phase is a moment in an actor's life at which a fault can be injected.
type Phase = config.FaultPhase

// The phases.
const (
	PhaseStarted    = config.PhaseStarted
	PhaseMessage    = config.PhaseMessage
	PhaseFrame      = config.PhaseFrame
	PhaseStopping   = config.PhaseStopping
	PhaseStopped    = config.PhaseStopped
	PhaseRestarting = config.PhaseRestarting
)

// Occasion is a moment at which an actor can be broken. An injector must not keep it.
type Occasion struct {
	Role        string        // the kind of actor: session, destination, …
	Actor       string        // its path below the top of the tree: connections/c1/session; "" is the top
	Phase       Phase         //
	Message     string        // the name of the message: publish, inbound, …; "" in other phases
	Command     string        // of the frame
	Destination string        // the actor's own, or the frame's
	Attempt     int           // how often the message was begun, this time included
	Since       time.Duration // how long the broker has run

	message any
	life    *life
}

// Action is what an injector can have done. Those that are not listed for a phase do nothing there: messages between
// the actors of one process don't get lost, so those that lose, repeat or swap something are for the frames of clients.
type Action = config.FaultAction

// The actions.
const (
	ActionKill      = config.FaultKill      // in every phase
	ActionDelay     = config.FaultDelay     // of a message that is begun the first time
	ActionDrop      = config.FaultDrop      // of a frame
	ActionDuplicate = config.FaultDuplicate // of a frame
	ActionReorder   = config.FaultReorder   // of a frame
)

// Injection is what shall happen at an occasion. The zero value is nothing.
type Injection struct {
	Do    Action
	For   time.Duration // of a delay
	Cause string        // what the event, and the panic, say
}

// injected is what an actor panics with that was killed.
type injected struct{ cause string }

func (i injected) String() string { return "injected: " + i.cause }

// strike gives the injector its chance; it is only called if there is one. It tells whether the message was
// postponed.
func (l *life) strike(p Phase, message any) (postponed bool) {
	_, system := message.(*actor.Terminated) // it can't wait, and may come before the message that is exempt
	if l.exempt && p == PhaseMessage && !system {
		l.exempt = false
		return false
	}
	o := Occasion{Phase: p, message: message}
	if name := l.role.name; name == l.core.roles.destination.name || name == l.core.roles.subscription.name {
		o.Destination = l.about()
	}
	if p == PhaseMessage {
		o.Message, o.Attempt = messageName(message), int(l.attempts)
	}
	switch in := l.ask(&o); in.Do {
	case ActionKill:
		l.struck(&o, &in)
		panic(injected{in.Cause})
	case ActionDelay:
		if p != PhaseMessage || o.Attempt > 1 || system || in.For <= 0 {
			return false
		}
		l.struck(&o, &in)
		l.exempt = true
		l.mailbox.postpone(message, in.For)
		return true
	}
	return false
}

// strikeFrame is strike for a frame of a client. What is to be done with the frame is left to the session.
func (l *life) strikeFrame(f *stompwire.Frame) Action {
	o := Occasion{Phase: PhaseFrame, Command: string(f.Command), Attempt: int(l.attempts)}
	o.Destination, _ = f.Header.Get("destination")
	in := l.ask(&o)
	switch in.Do {
	case ActionKill:
		l.struck(&o, &in)
		panic(injected{in.Cause})
	case ActionDrop, ActionDuplicate, ActionReorder:
		l.struck(&o, &in)
		return in.Do
	}
	return ""
}

func (l *life) ask(o *Occasion) Injection {
	_, below, _ := strings.Cut(l.pid.Id, "/")
	o.Role, o.Actor, o.life = l.role.name, below, l
	o.Since = l.core.clock.Now().Sub(l.core.began)
	return l.core.injector.At(o)
}

func (l *life) struck(o *Occasion, in *Injection) {
	if in.Cause == "" {
		in.Cause = string(in.Do) + " at " + o.String()
	}
	l.core.event(Event{Kind: EventFault, Role: o.Role, Actor: l.pid.Id, Cause: in.Cause, Attempt: o.Attempt, Backoff: in.For})
}

// String names the occasion: "message publish", "frame SEND /queue/x", "stopping".
func (o *Occasion) String() string {
	parts := []string{string(o.Phase)}
	for _, s := range []string{o.Message, o.Command} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if o.Command != "" && o.Destination != "" {
		parts = append(parts, o.Destination)
	}
	return strings.Join(parts, " ")
}

// messageName is the name under which rules know a message: that of its type, with a small first letter.
func messageName(message any) string {
	t := reflect.TypeOf(message)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	r, n := utf8.DecodeRuneInString(t.Name())
	return string(unicode.ToLower(r)) + t.Name()[n:]
}
