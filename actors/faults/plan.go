package faults

import (
	"fmt"
	"sync"
	"time"

	"stampede/actors"
	"stampede/config"
	"stampede/transport"
)

// Plan is a set of rules and how often each was met: an actors.EdgeInjector. A Plan is for one broker. Its methods may
// be called from any goroutine, also while the broker runs.
type Plan struct {
	mu       sync.Mutex
	seed     uint64
	rules    []*state
	off      bool
	accepted int
	clock    *clock
	report   func(actors.Event)
}

var _ actors.EdgeInjector = (*Plan)(nil)

// state is a rule and its past.
type state struct {
	Rule
	seen  int            // occasions that agree
	by    map[string]int // the same, by actor
	fired int
}

// New makes a plan. Of several rules that would strike an actor at once the first does. New panics on a rule that makes
// no sense; Check of a Rule says why one doesn't.
func New(seed uint64, rules ...Rule) *Plan {
	p := &Plan{seed: seed, report: func(actors.Event) {}}
	p.Add(rules...)
	return p
}

// FromConfig makes a plan of a schedule that was read from a file.
func FromConfig(f *config.Faults) *Plan { return New(uint64(f.Seed), f.Fault...) }

// Add adds rules to those there are. A fault of the clock can only be added before the broker starts; later there are
// [Plan.Jump] and [Plan.Stall].
func (p *Plan) Add(rules ...Rule) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range rules {
		if err := rules[i].Check(); err != nil {
			panic(fmt.Sprintf("faults: rule %d: %v", len(p.rules)+1, err))
		}
		p.rules = append(p.rules, &state{Rule: rules[i], by: make(map[string]int)})
	}
}

// Stop ends all faults but those that connections already have; occasions are still counted. Resume lets them go on.
func (p *Plan) Stop() { p.turn(true) }

// Resume lets a plan that was stopped go on.
func (p *Plan) Resume() { p.turn(false) }

func (p *Plan) turn(off bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.off = off
}

// Fired tells how often each rule has struck, in the order in which they were given. Of a rule for connections that is
// how many it was given to.
func (p *Plan) Fired() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	fired := make([]int, len(p.rules))
	for i, r := range p.rules {
		fired[i] = r.fired
	}
	return fired
}

// Prompt implements actors.PromptInjector: a plan does what it does in no time.
func (p *Plan) Prompt() {}

// At implements actors.Injector.
func (p *Plan) At(o *actors.Occasion) actors.Injection {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found actors.Injection
	for i, r := range p.rules {
		if !strikes(&r.Rule, o) {
			continue
		}
		if p.turnOf(i, r, o.Actor, o.Since) && found.Do == "" {
			r.fired++
			found = actors.Injection{Do: r.Do, For: r.For, Cause: fmt.Sprintf("%s at %s", r.Do, o)}
		}
	}
	if o.Phase == actors.PhaseStopped {
		for _, r := range p.rules {
			delete(r.by, o.Actor) // no other actor will have this path
		}
	}
	return found
}

// turnOf counts an occasion and tells whether it is the rule's turn. The lock is held.
func (p *Plan) turnOf(rule int, r *state, who string, since time.Duration) bool {
	r.seen++
	r.by[who]++
	n := r.seen
	if r.PerActor {
		n = r.by[who]
	}
	switch {
	case p.off,
		since < r.After || (r.Until > 0 && since >= r.Until),
		r.Limit > 0 && r.fired >= r.Limit,
		r.Nth > 0 && n != r.Nth,
		r.Every > 0 && n%r.Every != 0:
		return false
	}
	return p.chance(rule, r, who)
}

// chance decides by the seed, the rule, the actor and which of its occasions this is: what others do meanwhile has no
// part in it.
func (p *Plan) chance(rule int, r *state, who string) bool {
	if r.Probability == 0 {
		return true
	}
	return float64(p.draw(uint64(rule), hash(who), uint64(r.by[who]))>>11)/(1<<53) < r.Probability
}

// draw is a number that follows from the seed and the values.
func (p *Plan) draw(values ...uint64) uint64 {
	x := p.seed
	for _, v := range values {
		x = mix(x ^ v)
	}
	return x
}

// mix is the step of the generator SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hash is FNV-1a.
func hash(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return h
}

// Clock implements actors.EdgeInjector.
func (p *Plan) Clock(base transport.Clock, report func(actors.Event)) transport.Clock {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.report = report
	p.clock = newClock(base, report)
	for _, r := range p.rules {
		switch r.Do {
		case Jump:
			p.clock.jumps = append(p.clock.jumps, &jump{after: r.After, by: r.For})
		case Stall:
			p.clock.stalls = append(p.clock.stalls, stall{r.After, r.After + r.For})
		}
	}
	return p.clock
}

// Jump moves the clock of the running broker, forwards or backwards. Timers are not moved by it.
func (p *Plan) Jump(by time.Duration) { p.running().jump(by) }

// Stall keeps all timers of the running broker from going off for a while.
func (p *Plan) Stall(d time.Duration) { p.running().stall(d) }

func (p *Plan) running() *clock {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.clock == nil {
		panic("faults: the plan belongs to no broker yet")
	}
	return p.clock
}
