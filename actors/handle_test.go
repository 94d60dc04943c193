package actors

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
)

// routed is a handle whose router is the test: what it is told comes out of the channel.
func routed(t *testing.T) (h *handle, told func() int) {
	t.Helper()
	system := newSystem(quiet())
	t.Cleanup(system.Shutdown)
	type enough struct{}
	count, reached := 0, make(chan int)
	pid := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case *retired:
			if m.handle != h {
				t.Error("the router hears of another handle")
			}
			count++
		case enough:
			reached <- count
		}
	}))
	t.Cleanup(func() { _ = system.Root.StopFuture(pid).Wait() })
	h = &handle{life: &life{core: &core{system: system, routerLife: &life{pid: pid}}}}
	return h, func() int {
		system.Root.Send(pid, enough{})
		return <-reached
	}
}

// A destination retires only when nobody holds a lease, and gives none afterwards.
func TestRetire(t *testing.T) {
	h, told := routed(t)
	for range 2 {
		if !h.acquire() {
			t.Fatal("no lease")
		}
	}
	for range 2 {
		if h.retire() {
			t.Error("retired with a lease given out")
		}
		h.release()
	}
	if !h.retire() || h.acquire() || h.retire() {
		t.Error("it did not retire once and for all")
	}
	if n := told(); n != 0 {
		t.Errorf("the router was told %d times of what it did itself", n)
	}
}

// A dropped destination gives no lease any more; when the last one comes back its router hears so, once. If
// none is out, drop says so instead.
func TestDrop(t *testing.T) {
	h, told := routed(t)
	h.acquire()
	h.acquire()
	if h.drop() {
		t.Error("dropped as if nobody held a lease")
	}
	if h.acquire() {
		t.Error("a lease of a dropped destination")
	}
	h.release()
	if n := told(); n != 0 {
		t.Errorf("the router was told %d times while a lease was out", n)
	}
	h.release()
	if n := told(); n != 1 {
		t.Errorf("the router was told %d times", n)
	}
	if h.retire() {
		t.Error("a dropped destination retired")
	}
	unused, told := routed(t)
	if !unused.drop() || unused.acquire() {
		t.Error("it was not dropped at once")
	}
	if n := told(); n != 0 {
		t.Errorf("the router was told %d times of what it did itself", n)
	}
}

// leaseholders take and give back leases, many times or until there are none; each looks at over while it
// holds one. They are under way when this returns.
func leaseholders(h *handle, over *atomic.Bool) (wait func() (violations int64)) {
	var wg, begun sync.WaitGroup
	var violations atomic.Int64
	for range 4 {
		begun.Add(1)
		wg.Go(func() {
			for i := range 2000 {
				leased := h.acquire()
				if leased && over.Load() {
					violations.Add(1)
				}
				if leased {
					h.release()
				}
				if i == 0 {
					begun.Done()
				}
				if !leased {
					return
				}
				runtime.Gosched()
			}
		})
	}
	begun.Wait()
	return func() int64 {
		wg.Wait()
		return violations.Load()
	}
}

// Under concurrency too, nobody holds a lease of a destination that has retired.
func TestRetireWhileLeased(t *testing.T) {
	for range 200 {
		h := &handle{}
		var over atomic.Bool
		wait := leaseholders(h, &over)
		for !h.retire() {
			runtime.Gosched()
		}
		over.Store(true)
		if n := wait(); n > 0 || h.leases.Load() != retiredLeases {
			t.Fatalf("%d leases were out after it had retired, and %d were given back", n, retiredLeases-h.leases.Load())
		}
	}
}

// Under concurrency too, somebody hears that nothing is on its way to a dropped destination any more: either
// drop says so, or the router is told once, and then nobody holds a lease.
func TestDropWhileLeased(t *testing.T) {
	h, told := routed(t)
	for range 20 {
		h.leases.Store(0)
		before := told()
		wait := leaseholders(h, new(atomic.Bool))
		want := before
		if !h.drop() {
			want++
		}
		wait()
		if n := told(); n != want {
			t.Fatalf("the router was told %d times, wants %d", n-before, want-before)
		}
		if n := h.leases.Load(); n != retiredLeases {
			t.Fatalf("%d leases are out", n-retiredLeases)
		}
	}
}

// What the router waits for from a destination is answered in the end, by its actor or because that has ended, before it was asked or after.
func TestEndedDestinationOwesNothing(t *testing.T) {
	h := handle{state: new(destinationState)}
	answers := 0
	owe := func() func() { return h.owes(sync.OnceFunc(func() { answers++ })) }
	owe()()
	owe()
	h.pay()
	if answers != 2 {
		t.Errorf("%d answers", answers)
	}
	owe()
	h.pay()
	if answers != 3 {
		t.Errorf("%d answers", answers)
	}
}
