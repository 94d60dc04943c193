package main

import "testing"

// Memory goes back when a good deal more is held than is in use and nothing happens, and again only after something has happened.
func TestMemoryGoesBackWhenQuiet(t *testing.T) {
	const mib = 1 << 20
	var k memoryKeeper
	for i, step := range []struct {
		live, held, allocated uint64 // MiB
		want                  bool
	}{
		{40, 45, 5, false},
		{40, 200, 300, false},  // busy
		{100, 200, 303, true},  // and now quiet
		{100, 200, 304, false}, // it has just been done
		{100, 200, 305, false},
		{100, 200, 400, false}, // busy again
		{100, 110, 401, false}, // not much is held in vain
		{100, 130, 402, true},
		{1, 8, 600, false},
		{1, 8, 600, false}, // a few MiB are not worth it
	} {
		if got := k.wants(heapLook{live: step.live * mib, held: step.held * mib, allocated: step.allocated * mib}); got != step.want {
			t.Errorf("step %d: %v, want %v", i, got, step.want)
		}
	}
}

// What the runtime is asked for is there.
func TestLookAtHeap(t *testing.T) {
	if l := lookAtHeap(); l.allocated == 0 || l.held == 0 {
		t.Errorf("got %+v", l)
	}
}
