package actors

import (
	"net"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/config"
)

// WithInjector has f called before every message and phase of every guarded actor; a panic in it
// is that actor's.
func WithInjector(f func(role, path, phase string, message any)) Option {
	return WithFaults(promptInjector{f})
}

// WithRudeInjector is WithInjector for an f that may end its goroutine.
func WithRudeInjector(f func(role, path, phase string, message any)) Option {
	return WithFaults(injectorFunc(f))
}

type promptInjector struct{ injectorFunc }

func (promptInjector) Prompt() {}

type injectorFunc func(role, path, phase string, message any)

func (f injectorFunc) At(o *Occasion) Injection {
	if o.Phase != PhaseFrame {
		f(o.Role, o.life.pid.Id, string(o.Phase), o.message)
	}
	return Injection{}
}

// Actors counts the actors of the broker's system, the library's own few included.
func (b *Broker) Actors() int { return countActors(b.core.system) }

func countActors(s *actor.ActorSystem) int {
	n := 0
	for i := range s.ProcessRegistry.LocalPIDs.LocalPIDs {
		n += s.ProcessRegistry.LocalPIDs.LocalPIDs[i].Count()
	}
	return n
}

// Root is the top of the broker's tree.
func (b *Broker) Root() *actor.PID { return b.root }

// CountActors counts the actors of a system.
func CountActors(s *actor.ActorSystem) int { return countActors(s) }

// Counters gives what a destination shows of itself once it has dealt with all that was sent to it; nil: there is no such
// destination.
func (b *Broker) Counters(address string) map[string]int64 {
	h := b.core.table.lookup(address)
	if h == nil {
		return nil
	}
	done := actor.NewFuture(b.core.system, time.Minute)
	b.core.system.Root.Send(h.pid(), &decide{session: done.PID()})
	if err := done.Wait(); err != nil {
		panic(err)
	}
	c := &h.counters
	return map[string]int64{
		"enqueued": int64(c.enqueued.Load()), "delivered": int64(c.delivered.Load()), "settled": int64(c.settled.Load()),
		"dropped": int64(c.dropped.Load()), "expired": int64(c.expired.Load()), "dead-lettered": int64(c.deadLettered.Load()),
		"size": c.size.Load(), "bytes": c.bytes.Load(), "subscribers": c.subscribers.Load(),
	}
}

// MaxQuestions is how many authenticators and authorizers are asked at once.
const MaxQuestions = maxQuestions

// Config gives a copy of the configuration in force.
func (b *Broker) Config() *config.Config {
	c := *b.core.settings()
	return &c
}

// FlushJournal returns when everything that was handed to the journal before is on the disk, or counted as lost.
func (b *Broker) FlushJournal() {
	finished := make(chan struct{})
	b.core.system.Root.Send(b.core.journal.pid, &finishJournal{done: sync.OnceFunc(func() { close(finished) })})
	<-finished
}

// BreakSocket closes the socket of an address under its listener, and returns when that has found out: with the new
// one open, or none.
func (b *Broker) BreakSocket(address string, again bool) {
	d := b.doors[slices.IndexFunc(b.doors, func(d *door) bool { return d.config.Load().Address == address })]
	broken := d.held()
	_ = broken.Close()
	for now := net.Listener(broken); now == broken || again != (now != nil); now = d.held() {
		runtime.Gosched()
	}
}
