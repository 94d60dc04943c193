package sim

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/actors"
	"stampede/config"
)

// Options are what a run depends on beside its seed. The zero value is fine.
type Options struct {
	Config *config.Config  // nil: the defaults. Its listeners are left out.
	Faults actors.Injector // nil: none; faults.New makes one
	Broker []actors.Option // further ones
	// System is an actor system of NewSystem that runs share, one after the other, because it takes
	// longer to make than many runs take; nil: one for this run. It is of no more use after a run that
	// failed.
	System *actor.ActorSystem
	Trace  bool // keep the trace as text
	Steps  int  // a run that takes more has failed; 0: a million
}

// Result is how a run ended.
type Result struct {
	Seed     uint64
	Steps    int
	Elapsed  time.Duration // virtual
	Sum      uint64        // of the trace
	Trace    []byte        // if it was asked for
	Failures []string
}

// Err is nil if the run went well; else it says what did not.
func (r *Result) Err() error {
	if len(r.Failures) == 0 {
		return nil
	}
	return fmt.Errorf("seed %d, step %d: %s", r.Seed, r.Steps, strings.Join(r.Failures, "; "))
}

// World is a broker and what happens around it. Its methods may be called from the scenario and
// from what it has begun with Go, and from nowhere else.
type World struct {
	Broker *actors.Broker
	// Rand is where scenarios take their random numbers from. It is seeded, and not the scheduler's:
	// what a scenario asks for does not change with the order of steps.
	Rand *rand.Rand

	scheduler *scheduler
	trace     *trace
	events    <-chan actors.Event
	heard     []func(actors.Event)
	running   int // begun with Go and not done
	down      bool
}

// NewSystem gives an actor system that runs may share.
func NewSystem() *actor.ActorSystem {
	return actor.NewActorSystem(
		actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }),
		actor.WithDeadLetterRequestLogging(false),
		actor.WithDeadLetterThrottleInterval(10*time.Millisecond),
	)
}

// Run runs scenario against a broker of its own. When the scenario has returned, and all that it
// began, the broker is shut down, unless that was done before, and nothing may be left of it.
func Run(seed uint64, o Options, scenario func(*World)) *Result {
	if o.Steps == 0 {
		o.Steps = 1_000_000
	}
	t := newTrace(o.Trace)
	w := &World{
		Rand:      rand.New(rand.NewPCG(seed, 2)),
		scheduler: newScheduler(seed, t, o.Steps),
		trace:     t,
	}
	w.play(seed, o, scenario)
	s := w.scheduler
	return &Result{
		Seed: seed, Steps: s.steps, Elapsed: s.clock.now.Sub(epoch),
		Sum: t.sum, Trace: t.text, Failures: s.failures,
	}
}

func (w *World) play(seed uint64, o Options, scenario func(*World)) {
	s := w.scheduler
	over := false
	s.Schedule(func() {
		if err := w.start(seed, o); err != nil {
			s.fail("%v", err)
			return
		}
		scenario(w)
		s.Await(func() bool { return w.running == 0 })
		w.Shutdown()
		over = true
	})
	for !over && s.step() {
		w.hear()
	}
	if len(s.failures) > 0 {
		return
	}
	if !over {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		s.fail("nothing can go on: %d wait for ever", len(s.parked))
		w.trace.remark("stacks", string(stacks))
		return
	}
	// What is left of timers has an hour to end by itself.
	for end := s.clock.now.Add(time.Hour); s.step(); {
		w.hear()
		if s.clock.now.After(end) {
			s.fail("timers still run an hour after the broker's end")
		}
	}
	if n := len(s.parked); n > 0 {
		s.fail("%d wait for ever after the broker's end", n)
	}
	s.release()
}

func (w *World) start(seed uint64, o Options) error {
	cfg := config.Default()
	if o.Config != nil {
		c := *o.Config
		cfg = &c
	}
	cfg.Listen = nil
	names := rand.NewPCG(seed, 3)
	options := []actors.Option{
		actors.WithScheduler(w.scheduler), actors.WithClock(&w.scheduler.clock),
		actors.WithRandom(source{names}), actors.WithVersion("sim"), actors.WithFaults(&observer{w.trace, o.Faults}),
	}
	if o.System == nil {
		o.System = NewSystem()
	}
	options = append(options, actors.WithActorSystem(o.System))
	if o.Trace {
		options = append(options, actors.WithLogger(slog.New(&logger{w.trace, ""})))
	}
	b, err := actors.Start(context.Background(), cfg, append(options, o.Broker...)...)
	if err != nil {
		return err
	}
	w.Broker = b
	w.events = b.Events(context.Background())
	return nil
}

// hear passes on the events of the last step.
func (w *World) hear() {
	for len(w.events) > 0 {
		e := <-w.events
		w.trace.Note("event", fmt.Sprintf("%s %s %s %d %s", e.Kind, e.Actor, e.Cause, e.Attempt, e.Backoff))
		if e.Stack != "" {
			w.trace.remark("stack", calls(e.Stack))
		}
		for _, f := range w.heard {
			f(e)
		}
	}
}

// Heard has f called with every event of the broker, right after the step in which it happened.
func (w *World) Heard(f func(actors.Event)) { w.heard = append(w.heard, f) }

// Go runs f beside the caller.
func (w *World) Go(name string, f func()) {
	w.running++
	w.scheduler.Schedule(func() {
		defer func() { w.running-- }()
		w.trace.Note("begin", name)
		f()
		w.trace.Note("end", name)
	})
}

// Wait returns once ready has returned true. It is asked between steps, often: it must be quick and
// change nothing.
func (w *World) Wait(ready func() bool) { w.scheduler.Await(ready) }

// WaitFor is Wait for d at the most; it tells whether ready has returned true.
func (w *World) WaitFor(d time.Duration, ready func() bool) bool {
	late := false
	timer := w.scheduler.clock.AfterFunc(d, func() { late = true })
	defer timer.Stop()
	w.scheduler.Await(func() bool { return late || ready() })
	return ready()
}

// Yield lets everybody else go on for a while.
func (w *World) Yield() { w.scheduler.wait(always, false) }

// Calm returns when nothing can go on but by time.
func (w *World) Calm() { w.scheduler.wait(always, true) }

// Sleep returns when d has passed.
func (w *World) Sleep(d time.Duration) {
	over := false
	w.scheduler.clock.AfterFunc(d, func() { over = true })
	w.scheduler.Await(func() bool { return over })
}

// Now is the virtual time.
func (w *World) Now() time.Time { return w.scheduler.clock.now }

// Jump moves time on by d at once, whatever is under way: as a machine sees it that was asleep.
func (w *World) Jump(d time.Duration) {
	w.trace.Note("jump", d.String())
	w.scheduler.clock.advance(d)
}

// Dial opens a connection to the broker.
func (w *World) Dial(l Link) *Conn {
	if l.Buffer == 0 {
		l.Buffer = 64 << 10
	}
	return &Conn{Conn: w.Broker.PipeOf(l.Buffer), world: w, link: l}
}

// Fail ends the run: something is not as it should be.
func (w *World) Fail(format string, args ...any) { w.scheduler.fail(format, args...) }

// Failed tells whether it has.
func (w *World) Failed() bool { return len(w.scheduler.failures) > 0 }

// Note adds a line to the trace.
func (w *World) Note(what, text string) { w.trace.Note(what, text) }

// Steps is how many steps were taken so far.
func (w *World) Steps() int { return w.scheduler.steps }

// Shutdown shuts the broker down, as Broker.Shutdown does; any error of that is a failure.
func (w *World) Shutdown() {
	if w.down {
		return
	}
	w.down = true
	if err := w.Broker.Shutdown(context.Background()); err != nil {
		w.Fail("shutdown: %v", err)
	}
}

// source makes random names of a seeded generator.
type source struct{ *rand.PCG }

func (s source) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(s.Uint64() >> 32)
	}
	return len(p), nil
}

// observer notes what each actor begins, and passes the occasion on to who may break it.
type observer struct {
	trace *trace
	next  actors.Injector
}

// At implements actors.Injector.
func (v *observer) At(o *actors.Occasion) actors.Injection {
	v.trace.occasion(o)
	if v.next == nil {
		return actors.Injection{}
	}
	return v.next.At(o)
}

// logger puts the broker's log into the trace.
type logger struct {
	trace *trace
	with  string
}

func (l *logger) Enabled(context.Context, slog.Level) bool { return true }

func (l *logger) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message + l.with)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "stack" {
			b.WriteString(" " + a.String())
		}
		return true
	})
	l.trace.remark("log "+r.Level.String(), b.String())
	return nil
}

func (l *logger) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := l.with
	for _, a := range attrs {
		with += " " + a.String()
	}
	return &logger{l.trace, with}
}
func (l *logger) WithGroup(string) slog.Handler { return l }
