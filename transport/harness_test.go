package transport

import (
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/stompwire"
)

// newSystem returns an actor system that keeps quiet. A dead letter fails the
// test: nobody may be told anything after he is gone.
func newSystem(t *testing.T) *actor.ActorSystem {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	s := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return quiet }))
	t.Cleanup(s.Shutdown)
	s.EventStream.Subscribe(func(e any) {
		if d, ok := e.(*actor.DeadLetterEvent); ok {
			t.Errorf("dead letter for %v: %T %+v", d.PID, d.Message, d.Message)
		}
	})
	return s
}

// probe is an actor that hands what it hears to the test.
type probe struct {
	pid  *actor.PID
	said chan any
}

func (p *probe) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started, *actor.Stopping, *actor.Stopped:
	default:
		p.said <- m
	}
}

func newProbe(s *actor.ActorSystem) *probe {
	p := &probe{said: make(chan any, 10000)}
	p.pid = s.Root.Spawn(actor.PropsFromProducer(func() actor.Actor { return p }))
	return p
}

// next waits for a message of type T; any other fails the test.
func next[T any](t *testing.T, p *probe) T {
	t.Helper()
	m := receive(t, "a message", p.said)
	got, ok := m.(T)
	if !ok {
		t.Fatalf("got %T %+v, want %T", m, m, got)
	}
	return got
}

// silent fails the test if p has heard something.
func silent(t *testing.T, p *probe) {
	t.Helper()
	select {
	case m := <-p.said:
		t.Fatalf("got %T %+v, want nothing", m, m)
	default:
	}
}

// owner is the parent of a transport actor: it stops it when it fails, or
// restarts it if told so, and hands Closed and Terminated to the test.
type owner struct {
	probe
	conn    *Conn
	options ActorOptions
	session *actor.PID
	receive Receiver // gets what is read; nil: the session
	child   *actor.PID
	ready   chan struct{}
	restart bool
}

func (o *owner) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		o.child = ctx.Spawn(actor.PropsFromProducer(func() actor.Actor {
			return NewActor(o.conn, Hearers{Session: o.session, Receive: o.receive, Owner: ctx.Self()}, NewActorTerms(o.options))
		}))
		close(o.ready)
	case *actor.Stopping, *actor.Stopped:
	default:
		o.said <- m
	}
}

// HandleFailure stops the child, or restarts it.
func (o *owner) HandleFailure(_ *actor.ActorSystem, s actor.Supervisor, child *actor.PID, _ *actor.RestartStatistics, _, _ any) {
	if o.restart {
		s.RestartChildren(child)
		return
	}
	s.StopChildren(child)
}

// rig is a connection with its transport actor, a session that is a probe, and
// an owner.
type rig struct {
	t       *testing.T
	system  *actor.ActorSystem
	conn    *Conn
	session *probe
	owner   *owner
	ended   bool

	terminated bool // the owner has heard so
}

// newRig starts a transport actor for c.
func newRig(t *testing.T, c *Conn, options ActorOptions, adjust ...func(*owner)) *rig {
	t.Helper()
	r := &rig{t: t, system: newSystem(t), conn: c}
	r.session = newProbe(r.system)
	r.owner = &owner{probe: probe{said: make(chan any, 100)}, conn: c, session: r.session.pid, options: options, ready: make(chan struct{})}
	for _, f := range adjust {
		f(r.owner)
	}
	r.owner.pid = r.system.Root.Spawn(actor.PropsFromProducer(func() actor.Actor { return r.owner }))
	closes(t, "the start", r.owner.ready)
	t.Cleanup(r.stop)
	return r
}

// awaitTerminated waits until the owner knows that the actor, which was stopped
// by another, has ended; else it would send a Stop after it.
func (r *rig) awaitTerminated() {
	r.t.Helper()
	if !r.terminated {
		next[*actor.Terminated](r.t, &r.owner.probe)
	}
}

// gone fails the test if the owner hears anything but Terminated.
func (r *rig) gone() {
	r.t.Helper()
	for {
		select {
		case m := <-r.owner.said:
			if _, ok := m.(*actor.Terminated); !ok {
				r.t.Fatalf("the owner got %T %+v, want nothing more", m, m)
			}
		default:
			return
		}
	}
}

// stop ends all actors.
func (r *rig) stop() {
	if r.ended {
		return
	}
	r.ended = true
	for _, pid := range []*actor.PID{r.owner.pid, r.session.pid} {
		if err := r.system.Root.StopFuture(pid).Wait(); err != nil {
			r.t.Error("an actor did not stop:", err)
		}
	}
}

func (r *rig) tell(m any) { r.system.Root.Send(r.owner.child, m) }

// admit answers the first frame.
func (r *rig) admit() {
	r.t.Helper()
	in := next[*Inbound](r.t, r.session)
	if len(in.Frames) != 1 {
		r.t.Fatalf("%d frames before Admit", len(in.Frames))
	}
	r.conn.Window().Release(in.Cost)
	r.tell(&Admit{Version: stompwire.V12, Limits: stompwire.DefaultLimits()})
}

// closed waits for Closed. When the actor was stopped, its Terminated may come
// first: system messages overtake others.
func (r *rig) closed(want CloseReason) *Closed {
	r.t.Helper()
	m := receive(r.t, "Closed", r.owner.said)
	if _, ok := m.(*actor.Terminated); ok {
		r.terminated = true
		m = receive(r.t, "Closed", r.owner.said)
	}
	c, ok := m.(*Closed)
	if !ok {
		r.t.Fatalf("the owner got %T %+v, want Closed", m, m)
	}
	if c.Reason != want {
		r.t.Fatalf("closed because of %q (%v), want %q", c.Reason, c.Err, want)
	}
	return c
}

// inbound waits for n frames, releases what they cost, and returns their
// commands and bodies.
func (r *rig) inbound(n int) (got []string) {
	r.t.Helper()
	for len(got) < n {
		in := next[*Inbound](r.t, r.session)
		for _, f := range in.Frames {
			got = append(got, strings.TrimSuffix(string(f.Command)+" "+string(f.Body), " "))
		}
		r.conn.Window().Release(in.Cost)
	}
	return got
}

// pipeRig is a rig over a pipe.
func pipeRig(t *testing.T, options ActorOptions, adjust ...func(*owner)) (net.Conn, *rig) {
	client, server := Pipe(PipeOptions{})
	t.Cleanup(func() { client.Close() })
	return client, newRig(t, server, options, adjust...)
}

const connect = "CONNECT\naccept-version:1.2\nhost:x\n\n\x00"

func send(t *testing.T, c net.Conn, s string) {
	t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		t.Fatal(err)
	}
}

// readAll reads to the end.
func readAll(t *testing.T, c net.Conn) string {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(failAfter()))
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("after %q: %v", b, err)
	}
	return string(b)
}

// manualClock is a Clock that stands still until it is moved.
type manualClock struct {
	mu     sync.Mutex
	now    time.Time
	timers map[*manualTimer]struct{}
	set    chan time.Duration // hears every AfterFunc
}

type manualTimer struct {
	clock *manualClock
	at    time.Time
	f     func()
}

func newManualClock() *manualClock {
	return &manualClock{now: time.Unix(1e9, 0), timers: map[*manualTimer]struct{}{}, set: make(chan time.Duration, 1000)}
}

func (c *manualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *manualClock) AfterFunc(d time.Duration, f func()) Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &manualTimer{clock: c, at: c.now.Add(d), f: f}
	c.timers[t] = struct{}{}
	c.set <- d
	return t
}

func (t *manualTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	_, pending := t.clock.timers[t]
	delete(t.clock.timers, t)
	return pending
}

// advance moves the clock and runs what is due.
func (c *manualClock) advance(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	var due []func()
	for t := range c.timers {
		if !t.at.After(c.now) {
			due = append(due, t.f)
			delete(c.timers, t)
		}
	}
	c.mu.Unlock()
	for _, f := range due {
		f()
	}
}
