package transport

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/stompwire"
)

// ActorOptions are what transport actors are made with.
type ActorOptions struct {
	Clock  Clock // nil: SystemClock
	Logger *slog.Logger
	// Limits hold until Admit; what is 0 is taken from ConnectLimits.
	Limits stompwire.Limits
	// FrameTimeout is how long a frame that was begun may go on without being
	// finished and without 16 KiB of progress; 0: for ever.
	FrameTimeout time.Duration
	// LoginlessTimeout is how long Admit may take from the start; then the
	// session hears Ended with ReasonLoginTimeout; 0: for ever.
	LoginlessTimeout time.Duration
	// EndGrace is how long after Ended or Malformed the transport waits for
	// Close before it closes by itself; 0: DefaultEndGrace.
	EndGrace time.Duration
}

// Receiver takes what was read, on the goroutine that reads, which has nothing else to do meanwhile: it may
// do the work there, and what comes of it, for a while. It must not wait for anything.
type Receiver interface{ Receive(in *Inbound) }

// DefaultEndGrace is the EndGrace of options that name none.
const DefaultEndGrace = 10 * time.Second

// ActorTerms are ActorOptions as actors keep them: one for all that are made with the same.
type ActorTerms struct {
	clock        Clock
	logger       *slog.Logger
	limits       stompwire.Limits // before Admit
	firstMessage int64            // most octets of a WebSocket message before Admit
	frameTimeout time.Duration
	loginTimeout time.Duration
	endGrace     time.Duration
}

// NewActorTerms fills in what the options leave open.
func NewActorTerms(o ActorOptions) *ActorTerms {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.EndGrace <= 0 {
		o.EndGrace = DefaultEndGrace
	}
	t := &ActorTerms{
		clock: orSystem(o.Clock), logger: o.Logger, limits: connectLimits(o.Limits),
		frameTimeout: o.FrameTimeout, loginTimeout: o.LoginlessTimeout, endGrace: o.EndGrace,
	}
	first := t.limits
	first.MaxBodyBytes = max(first.MaxBodyBytes, firstMessageBytes)
	t.firstMessage = messageLimit(first)
	return t
}

// Hearers are who hears of a connection.
type Hearers struct {
	Session *actor.PID // hears Inbound, Malformed, Ended, Overflow
	Receive Receiver   // if not nil, it gets each Inbound instead of Session
	Owner   *actor.PID // hears Closed
}

// NewActor returns the transport actor of c. It hears *Admit, *SetLimits,
// *SetHeartBeat and *Close. It must not be restarted: when it fails, it is to be stopped, and
// reports Closed while it stops. If it is restarted all the same, the new
// incarnation stops itself.
func NewActor(c *Conn, h Hearers, t *ActorTerms) actor.Actor {
	a := &connActor{conn: c, ActorTerms: t, session: h.Session, receiver: h.Receive, owner: h.Owner}
	a.reader.conn, a.reader.actor, a.reader.dec = c, a, stompwire.NewDecoder(t.limits)
	return a
}

type phase uint8

const (
	phaseIdle phase = iota // not started
	phaseOpen
	phaseFlushing // closing: the outbox is being written
	phaseDraining // closing: waiting for the peer to end, too
	phaseClosed
)

// connActor runs one connection. It owns the socket, the reader goroutine and
// the write loop; the data itself passes it by: the reader tells the session,
// destinations fill the outbox.
type connActor struct {
	// These do not change; the reader and the outbox look at them too.
	conn *Conn
	*ActorTerms
	session, owner *actor.PID
	receiver       Receiver           // of what is read; nil: the session
	system         *actor.ActorSystem // from start on
	self           *actor.PID

	reader      reader
	phase       phase
	readerGone  bool
	admitted    bool
	writeFailed bool
	reason      CloseReason // why it closes; what Closed will say
	err         error
	beat        *SetHeartBeat // nil: nobody has asked for any
	alarms      *alarm        // that are set
	linger      time.Duration
}

// Receive dispatches. A panic leaves its trace, for Closed to name it, and goes
// on to the supervisor.
func (a *connActor) Receive(ctx actor.Context) {
	defer func() {
		if p := recover(); p != nil {
			if a.err == nil || a.reason != ReasonInternalError {
				a.reason, a.err = ReasonInternalError, recovered(p)
			}
			panic(p)
		}
	}()
	switch m := ctx.Message().(type) {
	case *actor.Started:
		a.start(ctx)
	case *Admit:
		a.admit(m)
	case *SetLimits:
		a.setLimits(m)
	case *SetHeartBeat:
		a.setHeartBeat(m)
	case *Close:
		a.close(m)
	case *ending:
		a.ended(m)
	case *readerGone:
		a.readerIsGone()
	case *frameBegun:
		a.set(alarmFrame, a.frameTimeout)
	case *outboxOverflow:
		a.tell(a.session, &Overflow{Bytes: m.bytes})
	case *outboxDrained:
		a.drained()
	case *outboxFailure:
		a.writingFailed(m.err)
	case *alarm:
		a.ring(m)
	case *actor.Stopping, *actor.Restarting:
		a.stopping()
	case *actor.Stopped:
	default:
		a.logger.Error("transport actor got a message it does not know", "type", fmt.Sprintf("%T", m))
	}
}

// tell sends; protoactor spins on a nil PID.
func (a *connActor) tell(to *actor.PID, m any) {
	if to != nil {
		a.system.Root.Send(to, m)
	}
}

func (a *connActor) start(ctx actor.Context) {
	a.system, a.self = ctx.ActorSystem(), ctx.Self()
	if a.conn.used.Swap(true) {
		a.logger.Error("transport actor was restarted; a connection has one life")
		a.conn.Abort()
		ctx.Stop(ctx.Self())
		return
	}
	a.phase = phaseOpen
	a.conn.outbox.bind(a)
	a.conn.limitMessages(a.firstMessage)
	a.conn.reader = &a.reader
	a.conn.common.schedule(a.reader.run)
	a.set(alarmLogin, a.loginTimeout)
}

func (a *connActor) admit(m *Admit) {
	if a.phase != phaseOpen {
		return
	}
	a.clear(alarmLogin)
	if a.admitted {
		a.logger.Error("transport actor was told twice to admit")
		return
	}
	a.admitted = true
	a.conn.info.Upgrade = nil // its headers are often more than all the rest of an idle connection
	a.reader.admit.Store(m)
	a.conn.gate.change()
}

// setLimits leaves the limits where the reader finds them.
func (a *connActor) setLimits(m *SetLimits) {
	if a.phase == phaseOpen && a.admitted {
		a.reader.limits.Store(&m.Limits)
	}
}

// ended hears from the reader that no more input will come. The session has
// been told; if it is too ill to close, we do.
func (a *connActor) ended(e *ending) {
	if a.phase != phaseOpen {
		return
	}
	a.reason, a.err = e.reason, e.err
	if p, ok := e.err.(*PanicError); ok {
		a.logger.Error("transport reader panicked", "panic", p.Value, "stack", string(p.Stack))
	}
	a.clear(alarmLogin)
	a.clear(alarmFrame)
	a.clear(alarmReceive)
	a.set(alarmGrace, a.endGrace)
}

func (a *connActor) readerIsGone() {
	a.readerGone = true
	if a.phase == phaseDraining || a.conn.course.reached(stageAborted) {
		a.finish(ReasonConnectionLost, nil)
	}
}

func (a *connActor) writingFailed(err error) {
	a.writeFailed = true
	switch a.phase {
	case phaseOpen:
		if p, ok := err.(*PanicError); ok {
			a.logger.Error("transport write loop panicked", "panic", p.Value, "stack", string(p.Stack))
			a.conn.interrupt(&ending{reason: ReasonInternalError, err: err})
			return
		}
		a.conn.interrupt(&ending{reason: ReasonConnectionLost, err: err})
	case phaseFlushing, phaseDraining:
		a.finish(a.reason, err)
	}
}

func (a *connActor) close(m *Close) {
	if a.phase == phaseOpen || m.Linger < 0 && a.phase < phaseClosed {
		a.reason = m.Reason
	}
	if m.Linger < 0 {
		a.finish(m.Reason, nil)
		return
	}
	if a.phase != phaseOpen {
		return
	}
	a.phase = phaseFlushing
	a.clearAll()
	a.linger = m.Linger
	if a.linger == 0 {
		a.linger = DefaultLinger
	}
	a.conn.beginClose(m.Reason, m.Text)
	if a.writeFailed {
		a.finish(m.Reason, nil)
		return
	}
	a.set(alarmLinger, a.linger)
}

// drained hears that the last byte of a closing connection was written.
func (a *connActor) drained() {
	if a.phase != phaseFlushing {
		return
	}
	a.phase = phaseDraining
	if a.readerGone {
		a.finish(a.reason, nil)
		return
	}
	a.set(alarmLinger, a.linger)
}

// stopping finishes, and lets no panic out: protoactor would restart an actor
// that panics in Stopping.
func (a *connActor) stopping() {
	defer func() {
		if recover() != nil {
			a.conn.Abort()
		}
	}()
	a.finish(ReasonShutdown, nil)
}

// finish closes the socket, joins the goroutines and reports Closed. It waits
// for nothing but goroutines whose socket is gone.
func (a *connActor) finish(reason CloseReason, err error) {
	if a.phase == phaseClosed || a.system == nil {
		return
	}
	started := a.phase != phaseIdle
	a.phase = phaseClosed
	a.clearAll()
	if !started {
		return
	}
	a.conn.Abort()
	a.conn.wait(a.reader.gone.Load)
	a.conn.outbox.join()
	if told := a.reader.told; told != nil && a.reason == ReasonNone {
		reason, err = told.reason, told.err // a Stop overtook what the reader said
	}
	if a.reason == ReasonNone {
		a.reason = reason
	}
	if a.err == nil {
		a.err = err
	}
	a.logger.Debug("connection closed", "listener", a.conn.info.Listener, "remote", logged{a.conn.info.Remote},
		"reason", a.reason.Code(), "err", a.err)
	a.tell(a.owner, &Closed{Reason: a.reason, Err: a.err})
}

// What the outbox tells, on any goroutine, as messages to the actor.
type (
	outboxOverflow struct{ bytes int }
	outboxDrained  struct{}
	outboxFailure  struct{ err error }
)

func (a *connActor) outboxOverflowed(bytes int) { a.tell(a.self, &outboxOverflow{bytes}) }
func (a *connActor) outboxDrained()             { a.tell(a.self, &outboxDrained{}) }
func (a *connActor) outboxFailed(err error)     { a.tell(a.self, &outboxFailure{err}) }
