package actors

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/actors/access"
	"stampede/config"
	"stampede/stompwire"
	"stampede/transport"
)

// Broker is a running STOMP broker. All its methods may be called from any goroutine.
type Broker struct {
	core *core
	root *actor.PID
	top  *life // what root is

	reloading sync.Mutex // one Reload at a time
	mu        sync.Mutex
	doors     []*door // those of the configuration in force
	addrs     []net.Addr
	own       own

	done   chan struct{}
	pool   *workerPool
	ending atomic.Bool
	ended  chan struct{} // closed when Shutdown has done all it does; err says how it went
	err    error

	ownSystem bool // no other actors live in it
}

// core is what every actor of one broker shares. Nothing in it changes after Start but counters and
// the configuration in force.
type core struct {
	system     *actor.ActorSystem
	dispatcher actor.Dispatcher
	births     births
	slots      slotPool
	handsOver  bool                          // who makes actors ready runs them: see handover
	scheduler  transport.Scheduler           // nil: Go's
	parking    *transport.Parking            // of all connections; nil: they don't park
	live       atomic.Pointer[config.Config] // read it with settings
	rates      atomic.Pointer[rates]         // what follows from it; nil: there are none
	transports atomic.Pointer[transportTerms]
	users      users
	peers      peers
	refused    sparse       // lines about connections that are too many
	refusing   atomic.Int64 // clients that are being told so
	log        *slog.Logger
	clock      transport.Clock
	server     string // the server header
	boot       string // tells message and session ids of this run from any other's
	roles      roles
	events     eventBus
	injector   Injector     // nil: no faults
	edge       EdgeInjector // the same, if it is one
	began      time.Time    // the start, by clock
	table      *table
	encodings  sync.Pool // *encoding
	scratches  sync.Pool // of destinations
	trays      sync.Pool // of sessions
	stats      counters
	journal    *recorderState

	access        atomic.Pointer[access.Policy]
	authenticator access.Authenticator // the program's own, may be nil
	authorizer    access.Authorizer    // likewise
	interceptors  []Interceptor
	desk          loginDesk
	throttle      access.Throttle
	site          http.Handler // nil: the page that explains the port

	connections    atomic.Int64
	clients        clients // what they hold
	nextConnection atomic.Uint64
	names          struct {
		sync.Mutex
		from io.Reader
	}

	destinations *router // for Audit alone; anybody else sends messages

	program         *programState
	programPID      *actor.PID
	routerLife      *life
	connectionsLife *life
	listenersPID    *actor.PID
	statisticsPID   *actor.PID
}

// counters are kept with atomics, per broker.
type counters struct {
	logins, refusedLogins, errors     atomic.Uint64
	published, delivered, settled     atomic.Uint64
	deadLettered, dropped, unroutable atomic.Uint64
}

// roles are the kinds of actors and how each is treated when it fails.
type roles struct {
	root, router, connections, program, listeners                       role
	recorder, statistics                                                role
	destination, connection, transport, session, subscription, listener role
	consumer                                                            role // a subscription of the program's
}

func newRoles() roles {
	forever := func(cfg *config.Config) restartPolicy {
		s := cfg.Supervision
		return restartPolicy{maxRestarts: -1, window: s.Window, backoffMin: s.BackoffMin, backoffMax: s.BackoffMax}
	}
	client := func(cfg *config.Config) restartPolicy {
		return restartPolicy{maxRestarts: cfg.Session.MaxRestarts, window: cfg.Session.RestartWindow}
	}
	return roles{
		root:         role{name: "broker", resumes: true, policy: forever},
		router:       role{name: "destinations", resumes: true, policy: forever},
		connections:  role{name: "connections", resumes: true, policy: forever},
		program:      role{name: "program", resumes: true, policy: forever},
		listeners:    role{name: "listeners", resumes: true, waits: true, policy: forever},
		recorder:     role{name: "journal", waits: true, policy: forever},
		statistics:   role{name: "statistics", policy: forever},
		destination:  role{name: "destination", policy: forever},
		listener:     role{name: "listener", waits: true, policy: forever},
		connection:   role{name: "connection", resumes: true},
		transport:    role{name: "transport", waits: true},
		session:      role{name: "session", policy: client},
		subscription: role{name: "subscription", policy: client},
		consumer:     role{name: "subscription", policy: forever},
	}
}

// Option changes how Start sets a broker up.
type Option func(*options)

type options struct {
	log       *slog.Logger
	version   string
	clock     transport.Clock
	system    *actor.ActorSystem
	scheduler Scheduler
	random    io.Reader
	listeners []ownListener

	interceptors []Interceptor
	injector     Injector

	authenticator access.Authenticator
	authorizer    access.Authorizer

	site http.Handler
}

// WithLogger has the broker log to l; without it it logs nothing. Its actors do that in the middle of their work, so a handler
// must not wait for them: it may call no Publish, for one.
func WithLogger(l *slog.Logger) Option { return func(o *options) { o.log = l } }

// WithVersion sets the version that clients see in the server header.
func WithVersion(v string) Option { return func(o *options) { o.version = v } }

// WithClock sets the clock that all timers of the broker run on.
func WithClock(c transport.Clock) Option { return func(o *options) { o.clock = c } }

// WithActorSystem puts the broker's actors into a program's own system, which outlives it.
func WithActorSystem(s *actor.ActorSystem) Option { return func(o *options) { o.system = s } }

// Scheduler decides what of a broker runs next, in place of Go's: it has a method for whatever would
// else start a goroutine or block one. With it, a clock and a source of random names of its own, a
// program can run a broker step by step, and again in the same way.
type Scheduler interface {
	actor.Dispatcher
	transport.Scheduler
}

// WithScheduler has s run all of the broker. The broker then has no listeners' goroutines to wait
// for: its clients come by Pipe. Start, Shutdown and what reads or writes a client's end must be
// called from functions that s runs. It is meant for simulations: see package sim.
func WithScheduler(s Scheduler) Option { return func(o *options) { o.scheduler = s } }

// WithRandom has the broker take what nobody may guess from r, and not from crypto/rand: the run in
// the ids of messages and sessions, and the public names of temporary destinations. It is meant for
// simulations.
func WithRandom(r io.Reader) Option { return func(o *options) { o.random = r } }

// WithAuthenticator has the program say who its clients are. It is asked first; what it answers with access.ErrUnknown is
// looked for in the configuration.
func WithAuthenticator(a access.Authenticator) Option {
	return func(o *options) { o.authenticator = a }
}

// WithAuthorizer has the program say what its clients may do, besides the rules of the configuration: both have to agree.
func WithAuthorizer(a access.Authorizer) Option { return func(o *options) { o.authorizer = a } }

// Start starts a broker and returns when it accepts connections. cfg must be valid (config.Load,
// config.Parse and config.Default return such) and must not be changed afterwards. ctx bounds the
// start only. The error of an address that can't be listened on says what to do.
func Start(ctx context.Context, cfg *config.Config, opts ...Option) (*Broker, error) {
	o := options{log: slog.New(slog.DiscardHandler), version: "dev", clock: transport.SystemClock(), random: rand.Reader}
	for _, opt := range opts {
		opt(&o)
	}
	b, err := startWith(ctx, cfg, &o)
	if err != nil {
		for _, l := range o.listeners {
			_ = l.listener.Close()
		}
		return nil, err
	}
	return b, nil
}

func startWith(ctx context.Context, cfg *config.Config, o *options) (*Broker, error) {
	b := &Broker{done: make(chan struct{}), ended: make(chan struct{})}
	c := &core{log: o.log, clock: o.clock, injector: o.injector, began: o.clock.Now(), server: "stampede/" + o.version, roles: newRoles(), table: newTable()}
	c.scratches.New = func() any { return new(scratch) }
	c.trays.New = func() any { return new(tray) }
	if edge, ok := o.injector.(EdgeInjector); ok {
		c.edge = edge
		c.clock = edge.Clock(o.clock, c.event)
	}
	c.live.Store(cfg)
	c.journal = newRecorderState(c)
	c.rates.Store(newRates(&cfg.Limits))
	c.names.from = o.random
	c.authenticator, c.authorizer, c.interceptors = o.authenticator, o.authorizer, o.interceptors
	c.site = o.site
	if err := c.checkExposure(cfg); err != nil {
		return nil, err
	}
	policy, err := access.FromConfig(cfg, c.clock.Now, nil, listens(o.listeners)...)
	if err != nil {
		return nil, err
	}
	c.access.Store(policy)
	c.boot = c.random(5)
	if o.scheduler != nil {
		c.dispatcher, c.scheduler = o.scheduler, o.scheduler
	} else {
		b.pool = newWorkerPool()
		c.dispatcher, c.parking = b.pool, transport.NewParking(c.clock)
		_, prompt := o.injector.(PromptInjector)
		c.handsOver = len(c.interceptors) == 0 && (o.injector == nil || prompt)
	}
	c.desk.schedule = c.dispatcher.Schedule
	c.system = o.system
	if c.system == nil {
		c.system = newSystem(o.log)
		b.ownSystem = true
	}
	c.program = newProgramState(c)
	b.core = c
	if err := errors.Join(b.own.serve(b, o.listeners), b.listen(ctx)); err != nil {
		b.release()
		return nil, err
	}
	if err := b.spawn(ctx); err != nil {
		b.release()
		return nil, err
	}
	return b, nil
}

// newSystem is an actor system that logs through us, and never what a lost message said.
func newSystem(log *slog.Logger) *actor.ActorSystem {
	system := actor.NewActorSystem(
		actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
			return slog.New(warnings{log.Handler()}).With("library", "protoactor-go")
		}),
		actor.WithDeadLetterRequestLogging(false),
		// A goroutine lives for this long after each first dead letter.
		actor.WithDeadLetterThrottleInterval(10*time.Millisecond),
	)
	shareRegistry(system)
	return system
}

// warnings drops what the library has to say below a warning: it reports every panic that our
// supervisors report with more detail, and every message to a connection that has just gone.
type warnings struct{ slog.Handler }

func (w warnings) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && w.Handler.Enabled(ctx, l)
}
func (w warnings) WithAttrs(a []slog.Attr) slog.Handler { return warnings{w.Handler.WithAttrs(a)} }
func (w warnings) WithGroup(g string) slog.Handler      { return warnings{w.Handler.WithGroup(g)} }

// listen opens every address before any actor runs, so that Start can say what is wrong.
func (b *Broker) listen(ctx context.Context) error {
	plan, err := b.core.planDoors(ctx, b.core.settings(), nil)
	if err != nil {
		return err
	}
	b.doors, b.addrs = plan.doors, addresses(b.own.with(plan.doors))
	return nil
}

// release gives back what a failed start has opened.
func (b *Broker) release() {
	closeAll(b.doors)
	closeAll(b.own.doors)
	b.closePool()
}

// closePool ends the goroutines that serve all actors and connections.
func (b *Broker) closePool() {
	if b.pool != nil {
		b.pool.Close()
		b.core.parking.Close()
	}
}

// top is the root of the tree.
type top struct {
	core  *core
	life  *life
	doors []*door
	ready chan<- error
	gone  chan<- struct{}
}

func (t *top) receive(ctx actor.Context, message any) {
	switch message.(type) {
	case *actor.Started:
		if err := t.start(ctx); err != nil {
			t.ready <- err
		}
	case *configured:
		t.ready <- t.open(ctx)
	case *actor.Stopped:
		close(t.gone)
		t.core.events.end()
	case *actor.Terminated, *gaveUp, *actor.Stopping, *actor.Restarting:
	default:
		t.core.unhandled(t.life, message)
	}
}

// configured (router → broker): the destinations of the configuration are there.
type configured struct{}

// start spawns everything but the doors: who comes through them must find the destinations that the
// configuration names.
func (t *top) start(ctx actor.Context) error {
	c := t.core
	router, err := c.spawn(ctx, &c.roles.router, "destinations", newRouter(c))
	if err != nil {
		return err
	}
	c.routerLife = router
	clients, err := c.spawn(ctx, &c.roles.connections, "connections", newConnections(c))
	if err != nil {
		return err
	}
	c.connectionsLife = clients
	own, err := c.spawn(ctx, &c.roles.program, "program", newProgram(c))
	if err != nil {
		return err
	}
	c.programPID = own.pid
	recorder, err := c.spawn(ctx, &c.roles.recorder, "journal", newRecorder(c.journal))
	if err != nil {
		return err
	}
	c.journal.pid = recorder.pid
	numbers, err := c.spawn(ctx, &c.roles.statistics, "statistics", newStatistics(c))
	if err != nil {
		return err
	}
	c.statisticsPID = numbers.pid
	system, self := ctx.ActorSystem(), ctx.Self()
	ctx.Send(c.router(), &settingsChanged{done: sync.OnceFunc(func() { system.Root.Send(self, &configured{}) })})
	return nil
}

// open spawns the doors.
func (t *top) open(ctx actor.Context) error {
	c := t.core
	doors, err := c.spawn(ctx, &c.roles.listeners, "listeners", newListeners(c, t.doors))
	if err != nil {
		return err
	}
	c.listenersPID = doors.pid
	return nil
}

// spawn starts the tree.
func (b *Broker) spawn(ctx context.Context) error {
	c := b.core
	ready := make(chan error, 16) // a top that is ever restarted must not block
	l := &life{core: c, role: &c.roles.root}
	l.process = &top{core: c, life: l, doors: b.own.with(b.doors), ready: ready, gone: b.done}
	if err := c.births.bearTop(l, "stampede-"+c.boot); err != nil {
		return fmt.Errorf("start the supervision tree: %w", err)
	}
	b.root, b.top = l.pid, l
	l.open()
	var err error
	c.await(func() bool { return len(ready) > 0 || ctx.Err() != nil })
	select {
	case err = <-ready:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err == nil && !c.reached(ctx, c.destinations.ready) { // who connects now may use what is configured
		err = context.Cause(ctx)
	}
	if err != nil {
		c.system.Root.Stop(b.root)
		c.reached(context.Background(), b.done)
	}
	return err
}

// Addrs returns the addresses the broker listens on, in the order of the configuration.
func (b *Broker) Addrs() []net.Addr {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]net.Addr(nil), b.addrs...)
}

// Done is closed when the broker has ended.
func (b *Broker) Done() <-chan struct{} { return b.done }

// Events returns a channel of what happens in the broker from now on; it is closed when ctx or the broker
// ends. A follower that is more than 1024 events behind loses the newest ones; how many, the next one
// that it gets says in Lost.
func (b *Broker) Events(ctx context.Context) <-chan Event { return b.core.events.follow(ctx) }

// Pipe returns a connection to the broker that never leaves the process: a stream that speaks
// STOMP like a TCP connection, without a socket.
func (b *Broker) Pipe() net.Conn { return b.PipeOf(transport.DefaultPipeBytes) }

// PipeOf is Pipe with buffers of so many octets, one each way: a write waits when that much is unread.
func (b *Broker) PipeOf(octets int) net.Conn {
	client, server := transport.Pipe(transport.PipeOptions{
		Wrap: b.core.wrapper("pipe"), Clock: b.core.clock, Schedule: b.core.dispatcher.Schedule, Scheduler: b.core.scheduler, BufferBytes: octets,
		Parking:       b.core.parking,
		InboundWindow: int(b.core.settings().Limits.InboundWindow), OutboxCapacity: int(b.core.settings().Limits.Outbox),
	})
	b.core.accepted(server)
	return client
}

// Shutdown ends the broker in order: no new clients; everything received is carried out, handlers
// of SubscribeFunc that run return; every client gets an ERROR with the code shutdown and its socket is
// flushed and closed; then the actors stop. What is not done when ctx or shutdown.drain_timeout ends
// is cut off, and the error says so. Messages held in memory are gone afterwards.
//
// It may be called again, and from several goroutines: later calls wait for the first and return what it
// returns, or the error of their own ctx if that ends sooner.
func (b *Broker) Shutdown(ctx context.Context) error {
	if b.ending.CompareAndSwap(false, true) {
		defer close(b.ended)
		b.err = b.shutdown(ctx)
		return b.err
	}
	if !b.core.reached(ctx, b.ended) {
		return context.Cause(ctx)
	}
	return b.err
}

func (b *Broker) shutdown(ctx context.Context) error {
	c := b.core
	if d := c.settings().Shutdown.DrainTimeout; d > 0 {
		var cancel func()
		ctx, cancel = c.patience(ctx, d)
		defer cancel()
	}
	var cut error
	// await waits for one phase. An actor that is gone answers nothing: somebody has stopped the tree.
	await := func(phase <-chan struct{}, otherwise string) {
		over := func() bool { return isClosed(phase) || isClosed(b.done) }
		c.await(func() bool { return over() || ctx.Err() != nil })
		select {
		case <-phase:
		case <-b.done:
		case <-ctx.Done():
			if !over() {
				cut = errors.Join(cut, errors.New(otherwise))
			}
		}
	}
	shut, quiet, gone := make(chan struct{}), make(chan struct{}), make(chan struct{})
	b.own.close()
	c.system.Root.Send(c.listenersPID, &shutDoors{shut: shut})
	c.system.Root.Send(c.programPID, &endSubscriptions{})
	await(shut, "the listeners did not close in time")
	c.system.Root.Send(c.connectionsLife.pid, &drain{quiet: quiet, gone: gone})
	await(c.program.handlers.close(), "handlers of the program did not return in time")
	await(c.program.work.close(), "not everything that the program had published could be carried out in time")
	await(quiet, "not everything that clients had sent could be carried out in time")
	c.system.Root.Send(c.connectionsLife.pid, &farewell{})
	// A last ERROR gets its chance also when time is up.
	if !isClosed(b.done) && !c.reached(ctx, gone) && !c.reachedWithin(c.settings().Session.Linger, gone) {
		cut = errors.Join(cut, fmt.Errorf("%d connections were cut off", c.connections.Load()))
		c.system.Root.Send(c.connectionsLife.pid, &abort{})
		c.reachedWithin(time.Second, gone)
	}
	if !isClosed(b.done) {
		if ctx.Err() != nil { // the journal gets its chance also when time is up
			var cancel func()
			ctx, cancel = c.patience(context.Background(), time.Second)
			defer cancel()
		}
		await(c.finishJournal(), "the journal could not be written in time")
	}
	c.system.Root.Stop(b.root)
	if !c.reachedWithin(5*time.Second, b.done) {
		cut = errors.Join(cut, errors.New("the actors did not stop in time"))
	}
	b.closePool()
	return cut
}

// patience is a context that ends d from now by the broker's clock, if not before with ctx.
func (c *core) patience(ctx context.Context, d time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	timer := c.clock.AfterFunc(d, cancel)
	return ctx, func() {
		timer.Stop()
		cancel()
	}
}

// reached waits until ch is closed; false: ctx ended first.
func (c *core) reached(ctx context.Context, ch <-chan struct{}) bool {
	c.await(func() bool { return isClosed(ch) || ctx.Err() != nil })
	select {
	case <-ch:
		return true
	case <-ctx.Done():
		return isClosed(ch)
	}
}

// reachedWithin waits for ch for d at most.
func (c *core) reachedWithin(d time.Duration, ch <-chan struct{}) bool {
	ctx, cancel := c.patience(context.Background(), d)
	defer cancel()
	return c.reached(ctx, ch)
}

// await comes before everything that blocks: a scheduler of our own, if there is one, decides when it
// is over.
func (c *core) await(ready func() bool) {
	if c.scheduler != nil {
		c.scheduler.Await(ready)
	}
}

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// settings is the configuration in force. It is replaced whole, never changed: who needs several
// values that belong together takes it once.
func (c *core) settings() *config.Config { return c.live.Load() }

func (c *core) router() *actor.PID { return c.routerLife.pid }

func (c *core) unhandled(l *life, message any) {
	c.event(Event{Kind: EventUnhandled, Role: l.role.name, Actor: l.pid.Id, Cause: fmt.Sprintf("%T", message)})
}

func (c *core) wireLimits() stompwire.Limits {
	l := c.settings().Limits
	return stompwire.Limits{
		MaxHeaders: l.MaxHeaders, MaxHeaderBytes: int(l.MaxHeaderBytes),
		MaxHeaderBlockBytes: int(l.MaxHeaderBlockBytes), MaxBodyBytes: int(l.MaxBodyBytes),
	}
}

func (c *core) transactionLimits() transactionLimits {
	l := c.settings().Limits
	return transactionLimits{count: l.MaxTransactions, frames: l.MaxTransactionFrames, bytes: int(l.MaxTransactionBytes)}
}

// random is a name of n random octets that nobody can guess, if n is 16 or more.
func (c *core) random(n int) string {
	b := make([]byte, n)
	c.names.Lock()
	defer c.names.Unlock()
	if _, err := io.ReadFull(c.names.from, b); err != nil {
		panic(err) // crypto/rand never fails
	}
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
}

// opaqueName is the public name of a temporary destination: who knows it was given it.
func (c *core) opaqueName(k kind) string {
	if k == kindTopic {
		return replyTopicPrefix + c.random(20)
	}
	return replyQueuePrefix + c.random(20)
}
