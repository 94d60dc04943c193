package sim

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime/debug"
	"time"
)

// scheduler runs everything of a world, one step at a time. It is the broker's dispatcher and where
// whatever may block waits.
type scheduler struct {
	rand   *rand.Rand
	order  order
	holds  bool // now and then something that could run is kept back for long
	clock  clock
	trace  *trace
	steps  int
	most   int // steps a run may take
	tasks  []task
	parked []*routine // in the order in which they began to wait
	idle   []*routine
	active *routine // whose step it is
	choice []candidate

	failures []string
}

// order is which of several steps a run prefers. All are possible in every run; each preference finds
// what the others find seldom.
type order uint8

const (
	anyOrder order = iota
	newestFirst
	oldestFirst
	orders
)

// task is a function that was scheduled and has not begun.
type task struct {
	run   func()
	after int // not before this step, unless there is nothing else
}

// routine is what a task runs on, so that it can wait: a coroutine, which is taken up again for the next.
type routine struct {
	resume func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool
	run    func()
	ready  func() bool // what it waits for
	lull   bool        // it waits until nothing else can run
}

// candidate is a step that can be taken: a task, or a routine that can go on.
type candidate struct {
	routine bool
	at      int
}

func newScheduler(seed uint64, t *trace, most int) *scheduler {
	s := &scheduler{rand: rand.New(rand.NewPCG(seed, 1)), trace: t, most: most}
	s.order = order(s.rand.IntN(int(orders)))
	s.holds = s.rand.IntN(2) == 0
	s.clock = clock{now: epoch, scheduler: s}
	return s
}

// Schedule implements transport.Scheduler and actor.Dispatcher.
func (s *scheduler) Schedule(f func()) {
	t := task{run: f}
	if s.holds && s.rand.IntN(16) == 0 {
		t.after = s.steps + s.rand.IntN(400)
	}
	s.tasks = append(s.tasks, t)
}

// Throughput implements actor.Dispatcher: an actor handles one message, then others may run.
func (s *scheduler) Throughput() int { return 1 }

// Await implements transport.Scheduler.
func (s *scheduler) Await(ready func() bool) {
	if !ready() {
		s.wait(ready, false)
	}
}

func (s *scheduler) wait(ready func() bool, lull bool) {
	r := s.active
	if r == nil {
		panic("sim: something waits that the scheduler did not begin")
	}
	r.ready, r.lull = ready, lull
	s.parked = append(s.parked, r)
	r.yield(struct{}{})
}

// step takes one step; false: there is none left to take, or the run has failed.
func (s *scheduler) step() bool {
	if len(s.failures) > 0 {
		return false
	}
	if s.steps++; s.steps > s.most {
		s.fail("not at rest after %d steps", s.most)
		return false
	}
	if s.rand.IntN(64) == 0 {
		s.clock.advance(time.Duration(s.rand.IntN(2_000_000)))
	}
	s.clock.fire()
	for s.candidates(); len(s.choice) == 0; s.candidates() {
		if !s.calm() {
			return false
		}
	}
	pick := s.pick(len(s.choice))
	s.trace.step(s.steps, pick, len(s.choice), s.clock.now)
	if c := s.choice[pick]; c.routine {
		r := s.parked[c.at]
		s.parked = append(s.parked[:c.at], s.parked[c.at+1:]...)
		s.run(r)
	} else {
		f := s.tasks[c.at].run
		s.tasks = append(s.tasks[:c.at], s.tasks[c.at+1:]...)
		r := s.take()
		r.run = f
		s.run(r)
	}
	return true
}

// candidates lists what can be done next.
func (s *scheduler) candidates() {
	s.choice = s.choice[:0]
	for i, r := range s.parked {
		if !r.lull && r.ready() {
			s.choice = append(s.choice, candidate{routine: true, at: i})
		}
	}
	held := false
	for i := range s.tasks {
		if s.tasks[i].after <= s.steps {
			s.choice = append(s.choice, candidate{at: i})
		} else {
			held = true
		}
	}
	if len(s.choice) == 0 && held {
		for i := range s.tasks {
			s.choice = append(s.choice, candidate{at: i})
		}
	}
}

// calm is what happens when nothing can run: whoever waited for that goes on, else time does. False: not
// even that is left.
func (s *scheduler) calm() bool {
	for _, r := range s.parked {
		if r.lull {
			r.lull = false
			r.ready = always
			return true
		}
	}
	return s.clock.next()
}

func always() bool { return true }

func (s *scheduler) pick(n int) int {
	switch {
	case s.order == newestFirst && s.rand.IntN(4) > 0:
		return n - 1
	case s.order == oldestFirst && s.rand.IntN(4) > 0:
		return 0
	}
	return s.rand.IntN(n)
}

// run lets a routine go on until it waits again or is done.
func (s *scheduler) run(r *routine) {
	s.active = r
	r.resume()
	s.active = nil
	if r.run == nil {
		s.idle = append(s.idle, r)
	}
}

// take gives a routine that is free.
func (s *scheduler) take() *routine {
	if n := len(s.idle); n > 0 {
		r := s.idle[n-1]
		s.idle = s.idle[:n-1]
		return r
	}
	r := &routine{}
	r.resume, r.stop = iter.Pull(func(yield func(struct{}) bool) {
		r.yield = yield
		for {
			s.call(r.run)
			r.run = nil
			if !yield(struct{}{}) {
				return
			}
		}
	})
	return r
}

// call makes a panic of f a failure of the run.
func (s *scheduler) call(f func()) {
	defer func() {
		if reason := recover(); reason != nil {
			s.fail("panic: %v\n%s", reason, calls(string(debug.Stack())))
		}
	}()
	f()
}

func (s *scheduler) fail(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.failures = append(s.failures, text)
	s.trace.Note("failure", text)
}

// release ends the coroutines that are free. Those that wait for ever are lost: the run has failed.
func (s *scheduler) release() {
	for _, r := range s.idle {
		r.stop()
	}
	s.idle = nil
}
