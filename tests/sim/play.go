package sim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/actors"
	"stampede/actors/faults"
	"stampede/actors/sim"
	"stampede/config"
	"stampede/stompwire"
)

// play is one run of a plan: it carries the plan out and watches every message on the way.
type play struct {
	plan    *plan
	world   *sim.World
	faults  *faults.Plan
	conns   []*conn
	numbers map[uint64]*conn
	dialed  uint64

	messages map[string]*message
	all      []*message
	commits  map[string]*transaction // by the receipt they asked for
	ticks    int                     // what happened before what, as clients see it
	closing  bool                    // everybody says goodbye
	hurry    bool                    // nobody reads slowly any more
	struck   int                     // faults
}

// holdTimeout is the broker's, in all runs.
const holdTimeout = 5 * time.Second

// run plays a plan; text asks for the trace as text.
func run(p *plan, system *actor.ActorSystem, text bool) *sim.Result {
	pl := &play{
		plan: p, faults: faults.New(p.seed, p.kills...),
		numbers: make(map[uint64]*conn), messages: make(map[string]*message), commits: make(map[string]*transaction),
	}
	cfg := config.Default()
	cfg.Queues.Full, cfg.Queues.MaxMessages, cfg.Queues.MaxDeliveries = p.config.full, p.config.maxMessages, p.config.maxDeliveries
	cfg.Queues.HoldTimeout = holdTimeout
	cfg.Limits.InboundWindow = p.config.window
	cfg.Destinations.IdleTimeout = p.config.idle
	return sim.Run(p.seed, sim.Options{Config: cfg, Faults: &watcher{pl}, System: system, Trace: text}, pl.scenario)
}

func (p *play) fail(format string, args ...any) { p.world.Fail(format, args...) }

func (p *play) tick() int {
	p.ticks++
	return p.ticks
}

func (p *play) scenario(w *sim.World) {
	p.world = w
	w.Heard(p.event)
	for i := range p.plan.clients {
		c := &conn{
			client: &p.plan.clients[i], play: p, dec: stompwire.NewDecoder(stompwire.Limits{}),
			receipts: make(map[string]func()), inOrder: make(map[string][]string),
		}
		p.conns = append(p.conns, c)
		w.Go(c.name, c.run)
	}
	for _, j := range p.plan.jumps {
		w.Go("jump", func() {
			w.Sleep(j.at)
			w.Jump(j.length)
		})
	}
	p.await("to have done what they were to do", func(c *conn) bool { return c.done || c.finished && c.end == stays })
	p.faults.Stop()
	p.hurry = true
	w.Sleep(2 * time.Minute)
	p.settleTopics()
	p.checkAtRest(p.audit())
	p.closing = true
	p.await("to have gone", func(c *conn) bool { return c.done })
	w.Sleep(time.Minute)
	a := p.audit()
	p.checkDeserted(a)
	p.checkMessages(a)
	w.Sleep(3 * p.plan.config.idle)
	p.checkForgotten(p.audit())
}

// await waits for all clients; an hour is more than enough for anything.
func (p *play) await(what string, done func(*conn) bool) {
	all := func() bool { return !slices.ContainsFunc(p.conns, func(c *conn) bool { return !done(c) }) }
	if !p.world.WaitFor(time.Hour, all) {
		for _, c := range p.conns {
			if !done(c) {
				p.fail("an hour was not enough for %s %s", c.name, what)
			}
		}
	}
}

// settleTopics has the clients that stay acknowledge what topics gave them, until no more comes: what
// waits behind a prefetch has to come too.
func (p *play) settleTopics() {
	for more := true; more && !p.world.Failed(); {
		more = false
		for _, c := range p.conns {
			for _, s := range c.subs {
				if c.over || s.queue() || s.mode == "auto" || !s.live() {
					continue
				}
				for _, d := range s.held {
					if d.how == 0 {
						c.settle(d, opAck, nil, false, 0)
						more = true
					}
				}
			}
		}
		p.world.Sleep(time.Second)
	}
}

func (p *play) audit() *actors.Audit {
	p.world.Calm()
	a, err := p.world.Broker.Audit()
	if err != nil {
		p.fail("%v", err)
		return &actors.Audit{}
	}
	for _, f := range a.Faults {
		p.fail("the broker contradicts itself: %s", f)
	}
	return a
}

// event hears what the broker says of itself.
func (p *play) event(e actors.Event) {
	switch e.Kind {
	case actors.EventFault:
		p.struck++
	case actors.EventRestarting, actors.EventResumed, actors.EventGivenUp, actors.EventFailedEnding:
		if !strings.HasPrefix(e.Cause, "injected: ") {
			p.fail("%s: %s %s", e.Kind, e.Actor, e.Cause)
		}
	case actors.EventMessageDropped:
		if p.struck < 3 {
			p.fail("%s: %s %s", e.Kind, e.Actor, e.Cause)
		}
	case actors.EventUnhandled:
		p.fail("%s: %s %s", e.Kind, e.Actor, e.Cause)
	}
}

// watcher is the injector: it notes which parts of which connection go down inside the broker, since only
// that lets a message be given to somebody else while its consumer does nothing.
type watcher struct{ play *play }

// At implements actors.Injector.
func (v *watcher) At(o *actors.Occasion) actors.Injection {
	what := v.play.faults.At(o)
	if failed := what.Do == actors.ActionKill || o.Phase == actors.PhaseRestarting; failed || o.Phase == actors.PhaseStopping {
		v.down(o.Actor, failed)
	}
	return what
}

func (v *watcher) down(path string, failed bool) {
	parts := strings.Split(path, "/")
	if len(parts) < 2 || parts[0] != "connections" {
		return
	}
	number, _ := strconv.ParseUint(strings.TrimPrefix(parts[1], "c"), 10, 64)
	c := v.play.numbers[number]
	if c == nil {
		return
	}
	if len(parts) < 4 {
		c.disturbed++
		if failed {
			c.broken++
		}
		return
	}
	serial, _, _ := strings.Cut(strings.TrimPrefix(parts[3], "sub."), "~")
	for _, s := range c.subs {
		if strconv.Itoa(s.serial) == serial {
			s.disturbed++
			if failed {
				s.broken++
			}
		}
	}
}

func keys[M ~map[K]V, K cmp.Ordered, V any](m M) []K { return slices.Sorted(maps.Keys(m)) }

// message is one SEND and what became of it.
type message struct {
	name        string
	destination string
	from        *conn
	to          *conn // whose temporary queue it is for, if it is an answer
	order       int   // of two of one sender, which takes effect first; 0: not yet
	priority    int
	size        int
	delay       time.Duration
	expiration  time.Duration
	at          time.Time
	tx          *transaction
	written     bool
	sure        bool              // the broker has said that it has it
	entries     map[string]*entry // as queues have it: its own, and the dead-letter queue
	topic       int               // copies that came by topics
}

// entry is a message in one queue.
type entry struct {
	copies  []*delivery
	settled *delivery // the broker has said so
}

func (m *message) entry(at string) *entry {
	e := m.entries[at]
	if e == nil {
		e = &entry{}
		m.entries[at] = e
	}
	return e
}

func (p *play) newMessage(c *conn, o op) *message {
	c.next++
	m := &message{
		name: fmt.Sprintf("%s-%d", c.name, c.next), destination: o.destination, from: c, priority: o.priority, size: o.size,
		delay: o.delay, expiration: o.expiration, entries: make(map[string]*entry),
	}
	if o.destination == "/temp-queue/t" {
		m.to = c
	}
	if m.priority < 0 {
		m.priority = 4
	}
	p.messages[m.name] = m
	p.all = append(p.all, m)
	return m
}
