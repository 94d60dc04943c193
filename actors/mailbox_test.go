package actors

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/asynkron/protoactor-go/actor"
)

// desk is a mailbox whose owner and whose dispatcher are the test: nothing runs until it says so.
type desk struct {
	*mailbox
	share     int
	scheduled []func()
	handled   []string
	on        map[any]func() // what handling a message does besides
	quiet     bool           // nothing is noted down
	failures  []failure
}

type failure struct{ reason, message any }

func newDesk(share int) *desk {
	d := &desk{share: share, on: make(map[any]func())}
	d.mailbox = newMailbox(d, d)
	d.scheduled[0]()
	d.scheduled = nil
	return d
}

// newMailbox is the mailbox of an actor that is nothing else.
func newMailbox(invoker actor.MessageInvoker, d actor.Dispatcher) *mailbox {
	l := &life{core: &core{dispatcher: d}, role: new(role)}
	l.mailbox.init(l)
	l.mailbox.RegisterHandlers(invoker, d)
	l.mailbox.open()
	return &l.mailbox
}

func (d *desk) Schedule(f func()) { d.scheduled = append(d.scheduled, f) }
func (d *desk) Throughput() int   { return d.share }

func (d *desk) InvokeUserMessage(m any) {
	if d.quiet {
		return
	}
	d.handled = append(d.handled, fmt.Sprint(m))
	if f := d.on[m]; f != nil {
		f()
	}
}

func (d *desk) InvokeSystemMessage(m any) {
	d.handled = append(d.handled, fmt.Sprint("!", m))
	if f := d.on[m]; f != nil {
		f()
	}
}

func (d *desk) EscalateFailure(reason, message any) {
	d.failures = append(d.failures, failure{reason, message})
}

// step runs what is scheduled; more than one thing would mean that an actor could run twice at a time.
func (d *desk) step(t *testing.T) bool {
	t.Helper()
	if len(d.scheduled) > 1 {
		t.Fatalf("scheduled %d times", len(d.scheduled))
	}
	if len(d.scheduled) == 0 {
		return false
	}
	f := d.scheduled[0]
	d.scheduled = nil
	f()
	return true
}

// run goes on until the mailbox is idle, and tells what was handled since the last time.
func (d *desk) run(t *testing.T) string {
	t.Helper()
	for d.step(t) {
	}
	s := strings.Join(d.handled, " ")
	d.handled = nil
	return s
}

func (d *desk) want(t *testing.T, want string) {
	t.Helper()
	if got := d.run(t); got != want {
		t.Errorf("handled %q, wants %q", got, want)
	}
}

// Messages are handled in the order they were posted, those of the library before the user's, also between
// two of a burst.
func TestMailboxOrder(t *testing.T) {
	d := newDesk(100)
	d.PostUserMessage("a")
	d.PostUserMessage("b")
	d.PostSystemMessage("s")
	d.PostUserMessage("c")
	d.PostSystemMessage("t")
	if n := d.UserMessageCount(); n != 3 {
		t.Errorf("%d user messages, wants 3", n)
	}
	d.want(t, "!s !t a b c")
	d.on["a"] = func() {
		d.PostUserMessage("late")
		d.PostSystemMessage("u")
		d.PostSystemMessage("v")
	}
	d.PostUserMessage("a")
	d.PostUserMessage("b")
	d.want(t, "a !u !v b late")
	if n := d.UserMessageCount(); n != 0 {
		t.Errorf("%d user messages are left", n)
	}
}

// A suspended mailbox handles the library's messages and keeps the user's, in their order, until it is
// resumed; a user's message does not even wake it.
func TestMailboxSuspended(t *testing.T) {
	d := newDesk(100)
	d.on["a"] = func() { d.PostSystemMessage(&actor.SuspendMailbox{}) }
	d.PostUserMessage("a")
	d.PostUserMessage("b")
	d.want(t, "a")
	d.PostUserMessage("c")
	if len(d.scheduled) > 0 {
		t.Error("a message that can't be handled wakes the mailbox")
	}
	d.PostSystemMessage("s")
	d.want(t, "!s")
	if n := d.UserMessageCount(); n != 2 {
		t.Errorf("%d user messages wait, wants 2", n)
	}
	d.PostSystemMessage(&actor.ResumeMailbox{})
	d.PostSystemMessage("t")
	d.PostUserMessage("d")
	d.want(t, "!t b c d")
	d.PostSystemMessage(&actor.SuspendMailbox{})
	d.PostSystemMessage(&actor.ResumeMailbox{})
	d.PostUserMessage("e")
	d.want(t, "e")
}

// A handler that panics escalates, with its message and with the life it belongs to; one that says so itself
// is taken at its word. The mailbox goes on with the next message.
func TestMailboxEscalatesPanics(t *testing.T) {
	d := newDesk(100)
	known := &crash{life: &life{}, cause: "known"}
	cause := errors.New("user")
	d.on["a"] = func() { panic(cause) }
	d.on["b"] = func() { panic(known) }
	d.on["s"] = func() { panic("system") }
	d.on["nil"] = func() { panic(nil) }
	for _, m := range []string{"a", "b", "nil", "c"} {
		d.PostUserMessage(m)
	}
	d.PostSystemMessage("s")
	d.want(t, "!s a b nil c")
	if len(d.failures) != 4 {
		t.Fatalf("%d failures: %v", len(d.failures), d.failures)
	}
	for i, message := range []any{"s", "a", "b", "nil"} {
		c, ok := d.failures[i].reason.(*crash)
		if !ok || d.failures[i].message != message {
			t.Errorf("failure %d is %v with message %v", i, d.failures[i].reason, d.failures[i].message)
			continue
		}
		if c == known {
			continue
		}
		if c.life != d.life || !strings.Contains(string(c.stack), "mailbox_test.go") {
			t.Errorf("failure %d does not say whose it is, or where: %s", i, c.stack)
		}
	}
	if d.failures[1].reason.(*crash).cause != any(cause) || d.failures[2].reason != any(known) {
		t.Errorf("failures %v", d.failures)
	}
}

// After a panic that suspends the mailbox, as the library does it, nothing more is handled until it is
// resumed.
func TestMailboxStopsAtAFailure(t *testing.T) {
	d := newDesk(100)
	d.on["a"] = func() {
		d.PostSystemMessage(&actor.SuspendMailbox{})
		panic("x")
	}
	d.PostUserMessage("a")
	d.PostUserMessage("b")
	d.want(t, "a")
	d.PostSystemMessage("restart")
	d.PostSystemMessage(&actor.ResumeMailbox{})
	d.want(t, "!restart b")
}

// A handler that ends its goroutine escalates like one that panics, and the mailbox goes on, on another.
func TestMailboxSurvivesGoexit(t *testing.T) {
	for _, system := range []bool{false, true} {
		d := newDesk(100)
		d.on["a"] = runtime.Goexit
		if system {
			d.PostSystemMessage("a")
		} else {
			d.PostUserMessage("a")
		}
		d.PostUserMessage("b")
		gone := make(chan struct{})
		run := d.scheduled[0]
		d.scheduled = nil
		go func() {
			defer close(gone)
			run()
			t.Error("the goroutine was not ended")
		}()
		<-gone
		if d.run(t); len(d.failures) != 1 || d.failures[0].message != "a" {
			t.Fatalf("failures %v", d.failures)
		}
		if c := d.failures[0].reason.(*crash); c.cause != errGoexit || c.life != d.life {
			t.Errorf("got %v", c)
		}
		d.PostUserMessage("c")
		d.want(t, "c")
	}
}

// A run handles no more messages than the dispatcher's share, whatever they are, then lets others run; with a
// share of one every message is a step.
func TestMailboxShare(t *testing.T) {
	for _, share := range []int{1, 2, 3, 7} {
		d := newDesk(share)
		d.on["4"] = func() { panic("x") }
		for i := range 10 {
			d.PostUserMessage(fmt.Sprint(i))
		}
		d.PostSystemMessage("s")
		steps, handled := 0, 0
		for d.step(t) {
			n := len(d.handled) - handled
			if n > share || n < share && len(d.scheduled) > 0 {
				t.Errorf("share %d: %d messages in one step", share, n)
			}
			handled = len(d.handled)
			steps++
		}
		if want := 11/share + 1; steps != want {
			t.Errorf("share %d: %d steps, wants %d", share, steps, want)
		}
		if got := strings.Join(d.handled, " "); got != "!s 0 1 2 3 4 5 6 7 8 9" {
			t.Errorf("share %d: handled %q", share, got)
		}
	}
}

// An idle mailbox keeps no slots of a burst but its own, and none of its messages.
func TestIdleMailboxIsSmall(t *testing.T) {
	d := newDesk(300)
	empty := func(slots []any) bool { return !slices.ContainsFunc(slots, func(m any) bool { return m != nil }) }
	for _, burst := range []int{1, 2, 10, keptCapacity, keptCapacity + 1, 10_000, 5} {
		for range 3 {
			for i := range burst {
				d.PostUserMessage(i)
				d.PostSystemMessage(i)
			}
			d.run(t)
			if a, b := cap(d.user), cap(d.taken); a > 1 || b > 1 || d.system != nil {
				t.Errorf("after a burst of %d it keeps %d and %d slots, %v", burst, a, b, d.system)
			}
			pooled := d.life.core.slots.get()
			if !empty(d.slots[0][:]) || !empty(d.slots[1][:]) || !empty(pooled[:keptCapacity]) {
				t.Errorf("after a burst of %d it holds on to messages", burst)
			}
			d.life.core.slots.put(pooled)
		}
	}
}

// An actor that gets a message now and then, or some at a time, allocates nothing for it.
func TestMailboxAllocatesNothing(t *testing.T) {
	d := newDesk(300)
	d.quiet = true
	for _, burst := range []int{1, 2, keptCapacity} {
		n := testing.AllocsPerRun(1000, func() {
			for range burst {
				d.PostUserMessage(d)
			}
			run := d.scheduled[0]
			d.scheduled = d.scheduled[:0]
			run()
		})
		if n != 0 {
			t.Errorf("a burst of %d: %v allocations", burst, n)
		}
	}
}

// Through any mixture of posting, steps, suspension and failures the mailbox handles what a pair of lists
// would, and never sleeps while there is something it may handle.
func TestMailboxAgainstModel(t *testing.T) {
	randomly(t, 60, func(t *testing.T, r *rand.Rand) {
		d := newDesk(1 + r.IntN(4))
		var user, system, want []string
		suspended := false
		model := func() (handled bool) { // one message
			switch {
			case len(system) > 0:
				m := system[0]
				system = system[1:]
				if m == "suspend" || m == "resume" {
					suspended = m == "suspend"
				} else {
					want = append(want, "!"+m)
				}
			case !suspended && len(user) > 0:
				want = append(want, user[0])
				user = user[1:]
			default:
				return false
			}
			return true
		}
		for i := range 300 {
			m := fmt.Sprint(i)
			switch r.IntN(8) {
			case 0, 1, 2:
				if r.IntN(5) == 0 {
					d.on[m] = func() { panic(m) }
				}
				d.PostUserMessage(m)
				user = append(user, m)
			case 3:
				d.PostSystemMessage(m)
				system = append(system, m)
			case 4:
				if r.IntN(2) == 0 {
					d.PostSystemMessage(&actor.SuspendMailbox{})
					system = append(system, "suspend")
				} else {
					d.PostSystemMessage(&actor.ResumeMailbox{})
					system = append(system, "resume")
				}
			default:
				d.step(t)
				for range d.share {
					model()
				}
			}
			if busy := len(system) > 0 || !suspended && len(user) > 0; busy && len(d.scheduled) == 0 {
				t.Fatalf("step %d: it sleeps with work to do", i)
			}
			if !slices.Equal(d.handled, want) || d.UserMessageCount() != len(user) {
				t.Fatalf("step %d: handled %v, wants %v; %d are left, wants %d", i, d.handled, want, d.UserMessageCount(), len(user))
			}
		}
	})
}

// counting handles messages of several posters and checks that each comes once, in its poster's order, and
// one at a time.
type counting struct {
	t       *testing.T
	running atomic.Bool
	next    map[int]int
	total   int
	failed  int
}

type numbered struct{ poster, n int }

func (c *counting) handle(message any) {
	if c.running.Swap(true) {
		c.t.Error("two messages are handled at a time")
	}
	defer c.running.Store(false)
	m := message.(numbered)
	if c.next[m.poster] != m.n {
		c.t.Errorf("poster %d: message %d came when %d was due", m.poster, m.n, c.next[m.poster])
	}
	c.next[m.poster] = m.n + 1
	c.total++
	if m.n%1000 == 999 {
		panic("now and then")
	}
}

func (c *counting) InvokeUserMessage(m any)   { c.handle(m) }
func (c *counting) InvokeSystemMessage(m any) { c.handle(m) }
func (c *counting) EscalateFailure(_, _ any)  { c.failed++ }

// Many posters at once lose no message, and each one's stay in order, on the worker pool as it is used.
func TestMailboxLosesNothing(t *testing.T) {
	const posters, each = 8, 5000
	c := &counting{t: t, next: make(map[int]int)}
	synctest.Test(t, func(t *testing.T) {
		pool := newWorkerPool()
		m := newMailbox(c, pool)
		var wg sync.WaitGroup
		for p := range posters {
			wg.Go(func() {
				for n := range each {
					if p == 0 {
						m.PostSystemMessage(numbered{p, n})
					} else {
						m.PostUserMessage(numbered{p, n})
					}
				}
			})
		}
		wg.Wait()
		synctest.Wait() // the mailbox has gone idle, or never will
		if c.total != posters*each || c.failed != posters*each/1000 || m.UserMessageCount() != 0 {
			t.Errorf("%d messages handled, %d failures, %d left", c.total, c.failed, m.UserMessageCount())
		}
		pool.Close()
	})
}

// waking tells of every message it handles.
type waking chan any

func (w waking) InvokeUserMessage(m any)   { w <- m }
func (w waking) InvokeSystemMessage(m any) { w <- m }
func (w waking) EscalateFailure(_, _ any)  {}

// A message that is posted while the mailbox is about to go idle is handled all the same.
func TestMailboxMissesNoWakeUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where a message that stays is a deadlock, and found at once
		pool := newWorkerPool()
		w := make(waking, 1)
		m := newMailbox(w, pool)
		for i := range 20_000 {
			if i%2 == 0 {
				m.PostSystemMessage(i)
			} else {
				m.PostUserMessage(i)
			}
			if got := <-w; got != i {
				t.Fatalf("handled %v, wants %d", got, i)
			}
		}
		pool.Close()
	})
}
