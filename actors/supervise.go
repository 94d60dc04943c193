package actors

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/config"
)

// process is what an actor of this package does. Messages come as an argument and not from the
// context, so that the guard can hand a message over again after a crash.
type process interface {
	receive(ctx actor.Context, message any)
}

// renewer is a process that holds what ends with an incarnation: its next one is another. One that is not goes on with
// all it has.
type renewer interface {
	renew() process
}

// refuser is a process that owes somebody an answer to a message that crashed it again and again.
type refuser interface {
	refuse(ctx actor.Context, message any)
}

// insister is a process that never gives up some messages: it handles them until they are done, at the pace of its
// restarts. For facts that cannot be refused any more, because others have acted on them.
type insister interface {
	insists(message any) bool
}

// role is what supervision knows of a kind of actor.
type role struct {
	name string
	// resumes: a failure costs the message and nothing else; state and children stay. For
	// supervisors, which hold no business that a message could have left half done.
	resumes bool
	waits   bool                               // for other goroutines, or for the operating system
	policy  func(*config.Config) restartPolicy // of the configuration in force; nil: not restarted
}

func (r *role) restarts(cfg *config.Config) restartPolicy {
	if r.policy == nil {
		return restartPolicy{}
	}
	return r.policy(cfg)
}

// restartPolicy is how a failed actor is treated by its supervisor.
type restartPolicy struct {
	maxRestarts int           // within window; more: the supervisor gives it up. <0: never given up
	window      time.Duration // failures older than this are forgotten
	backoffMin  time.Duration // pause before the second restart within window, doubling
	backoffMax  time.Duration
}

// decide takes the moments of earlier failures and adds this one. It tells how long to wait, or
// to give up.
func (p restartPolicy) decide(history []time.Time, now time.Time) (kept []time.Time, wait time.Duration, giveUp bool) {
	for _, t := range history {
		if now.Sub(t) < p.window {
			kept = append(kept, t)
		}
	}
	kept = append(kept, now)
	if most := max(maxHistory, p.maxRestarts+1); len(kept) > most {
		kept = kept[len(kept)-most:]
	}
	n := len(kept)
	if p.maxRestarts >= 0 && n > p.maxRestarts {
		return kept, 0, true
	}
	if n > 1 && p.backoffMin > 0 {
		wait = p.backoffMin
		for range n - 2 {
			if wait > p.backoffMax/2 {
				wait = p.backoffMax
				break
			}
			wait *= 2
		}
		wait = min(wait, p.backoffMax)
	}
	return kept, wait, false
}

// maxHistory bounds what is remembered of an actor that fails for ever, unless more is needed to give it up.
const maxHistory = 64

// life is what survives an actor's restarts: who it is, what it was doing, how it failed, and its mailbox. An idle
// connection has three, and one more for each subscription, so it has no room for what is seldom needed.
type life struct {
	core    *core
	role    *role
	pid     *actor.PID
	process process // of the present incarnation; becomes changes it
	mailbox mailbox

	handover *handover // of who runs this turn; nil: what it makes ready is scheduled
	inflight any       // the message being handled, or that a crash interrupted
	attempts int32
	brood    int32  // children that are not gone yet: their last word has not been heard
	exempt   bool   // the next message was delayed by the injector, which is not asked again
	ending   ending // what this incarnation ends for, once it is told to
	told     bool   // its process knows; protoactor will say it again

	// stopping records that somebody wants it gone: its supervisor does not restart it, and an incarnation
	// that begins all the same stops itself.
	stopping atomic.Bool

	mu     sync.Mutex // of what others look at
	status status
	family family
	place  place // in the family of its parent, whose lock guards it
}

// progress tells that a part of the message in flight is done: the next crash is a new one.
func (l *life) progress() { l.attempts = 1 }

// stop ends the actor. Only its parent and itself may call it.
func (l *life) stop(ctx actor.Context) {
	l.stopping.Store(true)
	lifeOf(ctx).tell(l, func() { ctx.Stop(l.pid) })
}

// crash is a panic with the place it came from; it is what a guard fails with.
type crash struct {
	life  *life
	cause any
	stack []byte
}

func (c *crash) Error() string { return fmt.Sprint(c.cause) }

// gaveUp tells an actor that it has given up a child.
type gaveUp struct {
	child *life
	cause *crash
}

// restartChild comes back to a supervisor when a backoff is over.
type restartChild struct{ child *life }

// rethrow carries a panic out of a place where protoactor can't bear one.
type rethrow struct{ crash *crash }

// spawn starts a guarded actor as a child of ctx. produce makes its first incarnation, see renewer for others.
func (c *core) spawn(ctx actor.SpawnerContext, r *role, name string, produce func(*life) process) (*life, error) {
	l := &life{core: c, role: r}
	l.process = produce(l)
	parent := lifeOf(ctx)
	if parent != nil && parent.ending != endsNot {
		// An actor that waits for its children to end goes on getting messages. What such a message starts
		// ends at once: nobody would stop it, and its parent would wait for it for ever.
		l.stopping.Store(true)
	}
	if err := c.births.bear(ctx, parent, l, name); err != nil {
		return nil, fmt.Errorf("spawn %s %s: %w", r.name, name, err)
	}
	if parent == nil {
		l.open()
		return l, nil
	}
	parent.adopt(l)
	l.enters(running, nil)
	parent.ready(l)
	return l, nil
}

// births brings lives and protoactor's actors together. All actors of a broker share their Props, which are larger than
// a life, so what makes an actor is not told which one.
type births struct {
	mu      sync.Mutex
	props   *actor.Props
	next    *life                // being spawned; the lock is held meanwhile
	between map[*actor.PID]*life // ended one incarnation, did not begin another
}

func (b *births) newProps(c *core, options ...actor.PropsOption) *actor.Props {
	return actor.PropsFromProducer(
		func() actor.Actor { return &guard{births: b} },
		append(options,
			// Both are called by a spawn and by nothing else.
			actor.WithMailbox(func() actor.Mailbox { return &b.next.mailbox }),
			actor.WithOnInit(func(ctx actor.Context) { ctx.Actor().(*guard).life = b.next }),
			actor.WithDispatcher(c.dispatcher))...,
	)
}

// bear spawns an actor for a life. It handles nothing before it is opened.
func (b *births) bear(ctx actor.SpawnerContext, parent, l *life, name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.props == nil {
		b.props = b.newProps(l.core)
	}
	return b.spawn(l, func() (*actor.PID, error) {
		if parent == nil {
			return ctx.SpawnNamed(b.props, name)
		}
		// protoactor does not hear of the child: its parent's life counts it.
		return actor.DefaultSpawner(ctx.ActorSystem(), parent.pid.Id+"/"+name, b.props, ctx)
	})
}

// bearTop is bear for the top of a broker's tree.
func (b *births) bearTop(l *life, name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	props := b.newProps(l.core, actor.WithGuardian(rootStrategy{}))
	return b.spawn(l, func() (*actor.PID, error) { return l.core.system.Root.SpawnNamed(props, name) })
}

// spawn has f make the actor of a life. The lock is held.
func (b *births) spawn(l *life, f func() (*actor.PID, error)) (err error) {
	l.mailbox.init(l)
	b.next = l
	l.pid, err = f()
	b.next = nil
	return err
}

// open lets a new actor begin.
func (l *life) open() {
	l.enters(running, nil)
	l.mailbox.open()
}

// keep holds a life until its next incarnation asks for it.
func (b *births) keep(l *life) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.between == nil {
		b.between = make(map[*actor.PID]*life)
	}
	b.between[l.pid] = l
}

// claim gives a life to its next incarnation.
func (b *births) claim(pid *actor.PID) *life {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.between[pid]
	delete(b.between, pid)
	return l
}

// lifeOf is the life of the actor that spawns; nil: it is none of ours.
func lifeOf(ctx actor.SpawnerContext) *life {
	if c, ok := ctx.(actor.Context); ok {
		if g, ok := c.Actor().(*guard); ok {
			return g.life
		}
	}
	return nil
}

// guard stands between protoactor and a process. It is where every trap of the library that
// a failing actor can fall into is closed, and where faults are injected. Each incarnation has one.
type guard struct {
	life   *life // nil: of an incarnation that has not had its first message
	births *births
}

var _ actor.SupervisorStrategy = (*guard)(nil)

// claim makes this the guard of the life whose last incarnation has ended.
func (g *guard) claim(ctx actor.Context) {
	l := g.births.claim(ctx.Self())
	g.life = l
	l.ending, l.told = endsNot, false
	if p, ok := l.process.(renewer); ok {
		l.becomes(p.renew())
	}
}

// Receive implements actor.Actor.
func (g *guard) Receive(ctx actor.Context) {
	if g.life == nil {
		g.claim(ctx)
	}
	switch m := ctx.Message().(type) {
	case *actor.Started:
		g.started(ctx, m)
	case *actor.Stopping:
		if g.life.told {
			return
		}
		g.life.stopping.Store(true)
		g.life.enters(stopping, nil)
		g.last(ctx, PhaseStopping, m)
	case *actor.Restarting:
		if !g.life.told {
			g.last(ctx, PhaseRestarting, m)
		}
		if g.life.brood == 0 { // else it comes again
			g.births.keep(g.life)
		}
	case *actor.Stopped:
		g.life.ending = hasEnded
		g.last(ctx, PhaseStopped, m)
		g.life.leave()
	case *actor.Terminated:
		g.terminated(ctx, m)
	case *restartChild:
		g.restartChild(ctx, m)
	case *rethrow:
		panic(m.crash)
	default:
		g.handle(ctx, m)
	}
}

func (g *guard) started(ctx actor.Context, m *actor.Started) {
	l := g.life
	if l.stopping.Load() { // a Restart overtook the Stop
		ctx.Stop(l.pid)
		return
	}
	defer g.crashed()
	l.enters(running, func(s *status) { s.incarnation++ })
	if l.core.injector != nil {
		l.strike(PhaseStarted, m)
	}
	g.life.process.receive(ctx, m)
	if l.inflight != nil {
		g.resume(ctx)
	}
}

// maxAttempts is how often a message is begun before it counts as the cause of the crashes and is
// refused: the first time, and twice more for faults that had nothing to do with it.
const maxAttempts = 3

// resume handles the message that a crash interrupted once more, or refuses it.
func (g *guard) resume(ctx actor.Context) {
	l := g.life
	message := l.inflight
	i, ok := l.process.(insister)
	if l.attempts < maxAttempts || ok && i.insists(message) {
		g.begin(ctx, message)
		return
	}
	l.inflight = nil
	l.core.event(Event{Kind: EventMessageDropped, Role: l.role.name, Actor: l.pid.Id, Cause: fmt.Sprintf("%T crashed it %d times", message, l.attempts)})
	if r, ok := g.life.process.(refuser); ok {
		r.refuse(ctx, message)
	}
}

// handle is an ordinary message.
func (g *guard) handle(ctx actor.Context, message any) {
	g.life.attempts = 0
	if g.life.role.resumes {
		g.handleAndResume(ctx, message)
		return
	}
	defer g.crashed()
	g.begin(ctx, message)
}

func (g *guard) begin(ctx actor.Context, message any) {
	l := g.life
	l.inflight = message
	l.attempts++
	if l.core.injector != nil && l.strike(PhaseMessage, message) {
		l.inflight = nil // it comes again
		return
	}
	g.life.process.receive(ctx, message)
	l.inflight = nil
}

// handleAndResume keeps a supervisor alive over a panic of its own.
func (g *guard) handleAndResume(ctx actor.Context, message any) {
	for attempt := 0; ; attempt++ {
		c := g.try(func() {
			if attempt < maxAttempts {
				g.begin(ctx, message)
			} else if r, ok := g.life.process.(refuser); ok {
				r.refuse(ctx, message)
			}
		})
		g.life.inflight = nil
		if c == nil {
			return
		}
		g.life.enters(running, func(s *status) {
			t := s.troubles()
			t.failed = append(t.failed[max(0, len(t.failed)-maxHistory+1):len(t.failed):len(t.failed)], g.life.core.clock.Now())
			t.cause = c.Error()
			s.trouble = &t
		})
		g.life.core.event(Event{Kind: EventResumed, Role: g.life.role.name, Actor: g.life.pid.Id, Cause: c.Error(), Attempt: attempt + 1, Stack: string(c.stack)})
		if attempt == maxAttempts {
			return
		}
	}
}

// crashed turns a panic into one that says who and where; it goes on to the supervisor.
func (g *guard) crashed() {
	if reason := recover(); reason != nil {
		panic(g.crash(reason))
	}
}

func (g *guard) crash(reason any) *crash {
	if c, ok := reason.(*crash); ok {
		return c
	}
	return &crash{life: g.life, cause: reason, stack: debug.Stack()}
}

func (g *guard) try(f func()) (c *crash) {
	defer func() {
		if reason := recover(); reason != nil {
			c = g.crash(reason)
		}
	}()
	f()
	return nil
}

// last handles a message after which protoactor can't bear a panic: one in Stopping restarts the
// actor, one in Stopped hangs its parent for ever.
func (g *guard) last(ctx actor.Context, p Phase, message any) {
	// Two tries: an injected fault must not keep the process from letting go of what it holds.
	for _, step := range []func(){
		func() {
			if g.life.core.injector != nil {
				g.life.strike(p, message)
			}
		},
		func() { g.life.process.receive(ctx, message) },
	} {
		if c := g.try(step); c != nil {
			g.life.core.event(Event{Kind: EventFailedEnding, Role: g.life.role.name, Actor: g.life.pid.Id, Cause: c.Error(), Stack: string(c.stack)})
		}
	}
}

// terminated is delivered inside protoactor's own bookkeeping, which a panic would cut short; the
// panic happens a moment later instead.
func (g *guard) terminated(ctx actor.Context, m *actor.Terminated) {
	if g.life.role.resumes {
		g.handleAndResume(ctx, m)
		return
	}
	if c := g.try(func() { g.life.process.receive(ctx, m) }); c != nil {
		ctx.Send(ctx.Self(), &rethrow{crash: c})
	}
}

// HandleFailure implements actor.SupervisorStrategy: it is how a guard treats a failed child.
// protoactor calls it on the supervisor's own goroutine.
func (g *guard) HandleFailure(system *actor.ActorSystem, supervisor actor.Supervisor, pid *actor.PID, _ *actor.RestartStatistics, reason, _ any) {
	c, known := reason.(*crash)
	if !known {
		// Not one of ours: without its life it can't be restarted safely.
		g.life.core.event(Event{Kind: EventGivenUp, Role: "unknown", Actor: pid.Id, Cause: fmt.Sprint(reason)})
		supervisor.StopChildren(pid)
		return
	}
	child := c.life
	if g.life.ending != endsNot || g.life.stopping.Load() || child.stopping.Load() {
		child.stopping.Store(true)
		supervisor.StopChildren(pid)
		return
	}
	now := g.life.core.clock.Now()
	t := child.shown().troubles()
	history, wait, giveUp := child.role.restarts(g.life.core.settings()).decide(t.restarts, now)
	e := Event{Role: child.role.name, Actor: pid.Id, Cause: c.Error(), Attempt: len(history), Backoff: wait, Stack: string(c.stack)}
	state := restarting
	if giveUp {
		state = stopping
	}
	t = trouble{failed: history, restarts: history, cause: e.Cause, until: now.Add(wait)}
	child.enters(state, func(s *status) { s.trouble = &t })
	switch {
	case giveUp:
		e.Kind = EventGivenUp
		child.stopping.Store(true)
		supervisor.StopChildren(pid)
		system.Root.Send(g.life.pid, &gaveUp{child: child, cause: c})
	case wait > 0:
		e.Kind = EventRestarting
		self := g.life.pid
		g.life.core.clock.AfterFunc(wait, func() { system.Root.Send(self, &restartChild{child: child}) })
	default:
		e.Kind = EventRestarting
		supervisor.RestartChildren(pid)
	}
	g.life.core.event(e)
}

// restartChild is a restart whose backoff is over. It goes through the supervisor's mailbox, so
// that a Stop decided meanwhile is seen.
func (g *guard) restartChild(ctx actor.Context, m *restartChild) {
	switch s := ctx.(actor.Supervisor); {
	case g.life.ending != endsNot || g.life.stopping.Load(): // its children end with it
	case m.child.stopping.Load():
		s.StopChildren(m.child.pid) // a Poison waits in a mailbox that nobody reads any more
	default:
		s.RestartChildren(m.child.pid)
	}
}

// rootStrategy supervises the top of a broker's tree. The top resumes over its own panics, so
// only a fault outside its guard comes here; it is restarted, for ever: no supervisor of ours may
// end the process. It is a comparable value, so that brokers in one actor system share a guardian.
type rootStrategy struct{}

// HandleFailure implements actor.SupervisorStrategy.
func (rootStrategy) HandleFailure(system *actor.ActorSystem, supervisor actor.Supervisor, child *actor.PID, _ *actor.RestartStatistics, reason, _ any) {
	system.Logger().Error("the top of the supervision tree failed", slog.String("actor", child.Id), slog.Any("cause", reason))
	supervisor.RestartChildren(child)
}

// foreign lets an actor of another room be guarded.
type foreign struct{ actor actor.Actor }

func (f foreign) receive(ctx actor.Context, _ any) { f.actor.Receive(ctx) }
