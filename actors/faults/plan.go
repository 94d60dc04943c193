package faults

import (
	"fmt"
	"sync"

	"stampede/actors"
)

// Plan is a set of rules and how often each was met: an actors.Injector. A Plan is for one broker. Its methods may be
// called from any goroutine, also while the broker runs.
type Plan struct {
	mu    sync.Mutex
	seed  uint64
	rules []*state
	off   bool
}

// state is a rule and its past.
type state struct {
	Rule
	seen  int            // occasions that agree
	by    map[string]int // the same, by actor
	fired int
}

// New makes a plan. Of several rules that would strike at once the first does. New panics on a rule that makes no sense;
// [Rule.Check] says why one doesn't.
func New(seed uint64, rules ...Rule) *Plan {
	p := &Plan{seed: seed}
	p.Add(rules...)
	return p
}

// Add adds rules to those there are.
func (p *Plan) Add(rules ...Rule) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range rules {
		if err := r.Check(); err != nil {
			panic(fmt.Sprintf("faults: rule %d: %v", len(p.rules)+1, err))
		}
		p.rules = append(p.rules, &state{Rule: r, by: make(map[string]int)})
	}
}

// Stop ends all faults; occasions are still counted. Resume lets them go on.
func (p *Plan) Stop() { p.turn(true) }

// Resume lets a plan that was stopped go on.
func (p *Plan) Resume() { p.turn(false) }

func (p *Plan) turn(off bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.off = off
}

// Fired tells how often each rule has struck, in the order in which they were given.
func (p *Plan) Fired() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	fired := make([]int, len(p.rules))
	for i, r := range p.rules {
		fired[i] = r.fired
	}
	return fired
}

// At implements actors.Injector.
func (p *Plan) At(o *actors.Occasion) actors.Injection {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found actors.Injection
	for i, r := range p.rules {
		if !r.matches(o) {
			continue
		}
		r.seen++
		r.by[o.Actor]++
		if found.Do == "" && !p.off && r.due(o) && p.chance(i, r, o) {
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

// due tells whether the rule's turn has come.
func (r *state) due(o *actors.Occasion) bool {
	n := r.seen
	if r.PerActor {
		n = r.by[o.Actor]
	}
	switch {
	case o.Since < r.After || (r.Until > 0 && o.Since >= r.Until):
		return false
	case r.Limit > 0 && r.fired >= r.Limit:
		return false
	case r.Nth > 0 && n != r.Nth:
		return false
	case r.Every > 0 && n%r.Every != 0:
		return false
	}
	return true
}

// chance decides by the seed, the rule, the actor and which of its occasions this is: what others do meanwhile has no
// part in it.
func (p *Plan) chance(rule int, r *state, o *actors.Occasion) bool {
	if r.Probability == 0 {
		return true
	}
	x := p.seed
	for _, v := range []uint64{uint64(rule), hash(o.Actor), uint64(r.by[o.Actor])} {
		x = mix(x ^ v)
	}
	return float64(x>>11)/(1<<53) < r.Probability
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

var _ actors.Injector = (*Plan)(nil)
