package transport

import (
	"sync"
	"testing"
	"testing/synctest"
)

// A window lets batches through while it is not full, and one that overdraws it.
func TestWindowAllowsOneOverdraft(t *testing.T) {
	w := NewWindow(100)
	for _, n := range []int{99, 1000} {
		if !w.Acquire(n, nil) {
			t.Fatalf("Acquire(%d) refused with %d of 100 used", n, w.Used())
		}
	}
	if w.Used() != 1099 || !w.Full() {
		t.Fatalf("used %d, full %v; want 1099 and full", w.Used(), w.Full())
	}
}

// A full window stays shut until it is at most half full, then it wakes the reader.
func TestWindowWakesAtHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWindow(100)
		w.Acquire(100, nil)
		through := false
		go func() {
			through = w.Acquire(10, nil)
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

// A waiting Acquire takes nothing and returns false when done is closed, and the window works on.
func TestWindowGivesUpWhenDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWindow(10)
		w.Acquire(10, nil)
		done := make(chan struct{})
		result := make(chan bool, 1)
		go func() { result <- w.Acquire(5, done) }()
		synctest.Wait()
		close(done)
		if <-result {
			t.Fatal("Acquire succeeded")
		}
		if w.Used() != 10 {
			t.Fatalf("used %d, want 10", w.Used())
		}
		w.Release(10)
		if !w.Acquire(5, nil) {
			t.Fatal("Acquire failed on an empty window")
		}
	})
}

// Releases from many goroutines never lose a wake: the reader gets through all its batches.
func TestWindowUnderContention(t *testing.T) {
	const batches, cost = 20000, 7
	w := NewWindow(64)
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
		if !w.Acquire(cost, nil) {
			t.Fatal("Acquire failed")
		}
		spent <- cost
	}
	close(spent)
	wait.Wait()
	if w.Used() != 0 {
		t.Fatalf("used %d after everything was released", w.Used())
	}
}

// Releasing more than was acquired is caught where invariants are checked, and evened out elsewhere.
func TestWindowOverRelease(t *testing.T) {
	w := NewWindow(10)
	w.Acquire(3, nil)
	defer func() {
		if p := recover(); p == nil && w.Used() != 0 {
			t.Fatalf("used %d", w.Used())
		}
	}()
	w.Release(4)
}

// BenchmarkWindow is what a batch pays for the credit it takes and gives back.
func BenchmarkWindow(b *testing.B) {
	w := NewWindow(1 << 20)
	for b.Loop() {
		w.Acquire(512, nil)
		w.Release(512)
	}
}
