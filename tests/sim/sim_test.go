package sim

import (
	"bytes"
	"flag"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stampede/actors/sim"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "play this one seed, and say what happens step by step if it fails; 0: many")
	seedsFlag = flag.Int("seeds", 0, "how many seeds to play; 0: 2000, and 200 with the race detector")
	fromFlag  = flag.Uint64("from", 1, "the first of them")
	onlyFlag  = flag.Int("only", 10, "stop after so many that fail; 1: and do not look for a smaller plan")
)

// shrinkTries bounds how often a failing plan is played to make it smaller.
const shrinkTries = 5000

// Whatever clients do, whatever breaks and in whatever order it happens: no message is lost, misplaced, repeated without a
// mark or kept for ever, and nothing is left of who has gone.
func TestSim(t *testing.T) {
	if *seedFlag != 0 {
		replay(t, newPlan(*seedFlag))
		return
	}
	seeds := *seedsFlag
	if seeds == 0 {
		seeds = 2000
		if racing {
			seeds = 200
		}
	}
	start := time.Now()
	var next, steps, played atomic.Uint64
	next.Store(*fromFlag)
	var mu sync.Mutex
	var failed []*sim.Result
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			system := sim.NewSystem()
			for {
				seed := next.Add(1) - 1
				mu.Lock()
				enough := len(failed) >= *onlyFlag
				mu.Unlock()
				if enough || seed-*fromFlag >= uint64(seeds) {
					return
				}
				r := run(newPlan(seed), system, false)
				steps.Add(uint64(r.Steps))
				played.Add(1)
				if r.Err() != nil {
					mu.Lock()
					failed = append(failed, r)
					mu.Unlock()
					system = sim.NewSystem()
				}
			}
		})
	}
	workers.Wait()
	for _, r := range failed {
		t.Errorf("%v\nagain: go test ./tests/... -run TestSim -seed=%d", firstLine(r), r.Seed)
	}
	if len(failed) > 0 && *onlyFlag > 1 {
		p, r := shrink(newPlan(failed[0].Seed), failed[0], shrinkTries)
		t.Logf("the first of them, made smaller:\n%s%v", p, firstLine(r))
	}
	t.Logf("%d seeds, %d steps in %s", played.Load(), steps.Load(), time.Since(start).Round(time.Millisecond))
}

// replay plays one plan and, if it fails, the smallest one found that fails like it, which it prints step by step.
func replay(t *testing.T, p *plan) {
	r := run(p, nil, true)
	if r.Err() == nil {
		t.Logf("%s%d steps, %s, trace %016x", p, r.Steps, r.Elapsed, r.Sum)
		return
	}
	t.Errorf("%s%v (trace %016x)", p, r.Err(), r.Sum)
	small, _ := shrink(p, r, shrinkTries)
	r = run(small, nil, true)
	t.Logf("made smaller:\n%s%s%v", small, r.Trace, r.Err())
}

func firstLine(r *sim.Result) string {
	line, _, _ := strings.Cut(r.Err().Error(), "\n")
	return line
}

// A seed is a run: played again it takes the same steps to the last octet, with and without its text, on a fresh actor
// system and on one that others have used, and one step more or less makes another trace.
func TestReplay(t *testing.T) {
	system := sim.NewSystem()
	sums := make(map[uint64]bool)
	for seed := uint64(1); seed <= 30; seed++ {
		a := run(newPlan(seed), system, true)
		b := run(newPlan(seed), sim.NewSystem(), true)
		c := run(newPlan(seed), system, false)
		if !bytes.Equal(a.Trace, b.Trace) {
			t.Fatalf("seed %d: two runs differ: %s", seed, difference(a.Trace, b.Trace))
		}
		if a.Sum != b.Sum || a.Sum != c.Sum || a.Steps != c.Steps || a.Elapsed != c.Elapsed {
			t.Errorf("seed %d: %x in %d steps and %s, and %x in %d steps and %s", seed, a.Sum, a.Steps, a.Elapsed, c.Sum, c.Steps, c.Elapsed)
		}
		if len(a.Trace) == 0 || sums[a.Sum] {
			t.Errorf("seed %d has the trace of another", seed)
		}
		sums[a.Sum] = true
	}
}

func difference(a, b []byte) string {
	x, y := strings.Split(string(a), "\n"), strings.Split(string(b), "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return fmt.Sprintf("line %d is %q and %q", i+1, x[i], y[i])
		}
	}
	return fmt.Sprintf("%d and %d lines", len(x), len(y))
}
