package actors

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// workers counts the goroutines of pools made in the bubble of the test; those of other tests may still be
// on their way out.
func workers() (n int) {
	buf := make([]byte, 4<<20)
	for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(g, "synctest bubble") && strings.Contains(g, "(*workerPool).work(") {
			n++
		}
	}
	return n
}

// However many tasks block, the next one runs.
func TestBlockedWorkersHoldNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newWorkerPool()
		unblock := make(chan struct{})
		n := 3 * p.most
		var started atomic.Int64
		for range n {
			p.Schedule(func() {
				started.Add(1)
				<-unblock
			})
		}
		synctest.Wait()
		if started.Load() != int64(n) {
			t.Errorf("%d of %d tasks run", started.Load(), n)
		}
		done := make(chan struct{})
		p.Schedule(func() { close(done) })
		<-done
		close(unblock)
		p.Close()
	})
}

// After a burst no more goroutines stay than may park; they are used again, and Close lets them go.
func TestParkedWorkersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newWorkerPool()
		if want := max(128, 16*runtime.GOMAXPROCS(0)); p.most != want {
			t.Errorf("%d may park, wants %d", p.most, want)
		}
		for range 3 {
			unblock := make(chan struct{})
			for range 4 * p.most {
				p.Schedule(func() { <-unblock })
			}
			synctest.Wait()
			close(unblock)
			synctest.Wait()
			if n := workers(); n != p.most || p.count != n {
				t.Errorf("%d goroutines stay, %d count as parked, wants %d", n, p.count, p.most)
			}
		}
		for range 1000 {
			p.Schedule(func() {})
			synctest.Wait()
		}
		if n := workers(); n != p.most {
			t.Errorf("%d goroutines after tasks that came one by one", n)
		}
		p.Close()
		synctest.Wait()
		if n := workers(); n != 0 || p.count != 0 {
			t.Errorf("%d goroutines are left after Close, %d count as parked", n, p.count)
		}
	})
}

// Goroutines that have long work, as readers have, are none that park: others take their places.
func TestLongWorkLeavesItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newWorkerPool()
		for range 2 { // the second time on goroutines that were parked
			unblock := make(chan struct{})
			for range p.most {
				p.Schedule(func() { <-unblock })
			}
			synctest.Wait()
			p.Schedule(func() {})
			synctest.Wait()
			if n := workers(); n != p.most+1 {
				t.Errorf("%d goroutines; %d are at work and one is done, and should wait for more", n, p.most)
			}
			close(unblock)
			synctest.Wait()
		}
		p.Close()
	})
}

// A worker that has something to do keeps none of those that parked before it.
func TestWorkerForgetsWhoParkedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newWorkerPool()
		unblock := make(chan struct{})
		for range 2 {
			p.Schedule(func() { <-unblock })
		}
		synctest.Wait()
		unblock <- struct{}{}
		unblock <- struct{}{}
		synctest.Wait()
		w := p.parked
		if w == nil || w.next == nil {
			t.Fatal("two goroutines should be parked")
		}
		p.Schedule(func() { <-unblock })
		synctest.Wait()
		if w.next != nil {
			t.Error("it keeps the other one")
		}
		close(unblock)
		p.Close()
	})
}

// What is scheduled after Close runs all the same, and leaves no goroutine.
func TestScheduleAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newWorkerPool()
		p.Schedule(func() {})
		synctest.Wait()
		p.Close()
		var ran atomic.Int64
		for range 100 {
			p.Schedule(func() { ran.Add(1) })
		}
		synctest.Wait()
		if n := workers(); ran.Load() != 100 || n != 0 {
			t.Errorf("%d tasks ran, %d goroutines are left", ran.Load(), n)
		}
	})
}

// A task that ends its goroutine, on a fresh one or on one that was parked, costs the pool nothing.
func TestWorkerSurvivesGoexit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newWorkerPool()
		for range 10 * p.most {
			p.Schedule(runtime.Goexit)
			p.Schedule(func() {})
			synctest.Wait()
		}
		if n := workers(); n != p.count || n == 0 {
			t.Errorf("%d goroutines are parked, %d count as parked", n, p.count)
		}
		p.Close()
	})
}

// Tasks scheduled from everywhere, while the pool closes too, each run once.
func TestEveryTaskRunsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newWorkerPool()
		const schedulers, each = 8, 2000
		ran := make([]atomic.Int32, schedulers*each)
		var wg sync.WaitGroup
		for s := range schedulers {
			wg.Go(func() {
				for i := range each {
					p.Schedule(func() { ran[s*each+i].Add(1) })
					if s == 0 && i == each/2 {
						p.Close()
					}
				}
			})
		}
		wg.Wait()
		synctest.Wait()
		for i := range ran {
			if n := ran[i].Load(); n != 1 {
				t.Fatalf("task %d ran %d times", i, n)
			}
		}
	})
}
