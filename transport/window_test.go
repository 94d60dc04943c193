package transport

import (
	"sync"
	"testing"
	"testing/synctest"
)

// newWindow returns a window without a connection around it.
func newWindow(capacity int) *Window {
	return &Window{capacity: int64(capacity), conn: &Conn{common: &common{}}}
}

// A window lets batches through while it is not full, and one that overdraws it.
func TestWindowAllowsOneOverdraft(t *testing.T) {
	w := newWindow(100)
	for _, n := range []int{99, 1000} {
		if !w.acquire(n) {
			t.Fatalf("acquire(%d) refused with %d of 100 used", n, w.Used())
		}
	}
	if w.Used() != 1099 || !w.Full() {
		t.Fatalf("used %d, full %v; want 1099 and full", w.Used(), w.Full())
	}
}

// A full window stays shut until it is at most half full, then it wakes the reader.
func TestWindowWakesAtHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWindow(100)
		w.acquire(100)
		through := false
		go func() {
			through = w.acquire(10)
		}()
		synctest.Wait()
		for _, step := range []struct {
			release int
			want    bool
		}{{1, false}, {48, false}, {1, true}} {
			w.Release(step.release)
			synctest.Wait()
			if through != step.want {
				t.Fatalf("with %d of 100 used: through is %v", w.Used(), through)
			}
		}
		if w.Used() != 60 {
			t.Fatalf("used %d, want 60", w.Used())
		}
	})
}

// An acquire that waits takes nothing and returns false when the connection is stopped, and the window works on.
func TestWindowGivesUpWhenDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWindow(10)
		w.acquire(10)
		result := make(chan bool, 1)
		go func() { result <- w.acquire(5) }()
		synctest.Wait()
		w.conn.course.reach(stageStopped)
		w.conn.gate.change()
		if <-result {
			t.Fatal("acquire succeeded")
		}
		if w.Used() != 10 {
			t.Fatalf("used %d, want 10", w.Used())
		}
		w.Release(10)
		if !w.acquire(5) {
			t.Fatal("acquire failed on an empty window")
		}
	})
}

// Releases from many goroutines never lose a wake: the reader gets through all its batches.
func TestWindowUnderContention(t *testing.T) {
	const batches, cost = 20000, 7
	w := newWindow(64)
	spent := make(chan int, 1024)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for n := range spent {
				w.Release(n)
			}
		})
	}
	for range batches {
		if !w.acquire(cost) {
			t.Fatal("acquire failed")
		}
		spent <- cost
	}
	close(spent)
	wait.Wait()
	if w.Used() != 0 {
		t.Fatalf("used %d after everything was released", w.Used())
	}
}

// A Release that opened the window the last time and is late to say so costs the reader, which waits again, no wake.
func TestWindowSurvivesALateRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWindow(100)
		w.acquire(100)
		w.used.Add(-100) // the first half of a Release; the reader saw it, went on and waits for another
		w.acquire(100)
		through := false
		go func() { through = w.acquire(1) }()
		synctest.Wait()
		if w.waiting.Swap(false) { // the second half
			w.conn.gate.change()
		}
		synctest.Wait()
		w.Release(100)
		synctest.Wait()
		if !through {
			t.Error("the reader was not woken")
			w.conn.gate.change()
		}
	})
}

// Releasing more than was acquired is caught where invariants are checked, and evened out elsewhere.
func TestWindowOverRelease(t *testing.T) {
	w := newWindow(10)
	w.acquire(3)
	defer func() {
		if p := recover(); p == nil && w.Used() != 0 {
			t.Fatalf("used %d", w.Used())
		}
	}()
	w.Release(4)
}

// BenchmarkWindow is what a batch pays for the credit it takes and gives back.
func BenchmarkWindow(b *testing.B) {
	w := newWindow(1 << 20)
	for b.Loop() {
		w.acquire(512)
		w.Release(512)
	}
}
