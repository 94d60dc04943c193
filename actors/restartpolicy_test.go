package actors

import (
	"slices"
	"testing"
	"time"
)

// pausesOf plays failures at these moments; it gives the pause after each, -1 for giving up.
func pausesOf(p restartPolicy, at ...time.Duration) (waits []time.Duration) {
	var history []time.Time
	for _, d := range at {
		var wait time.Duration
		var giveUp bool
		history, wait, giveUp = p.decide(history, moment.Add(d))
		if giveUp {
			wait = -1
		}
		waits = append(waits, wait)
	}
	return waits
}

// The first failure is restarted at once, each further one within the window after twice the pause up to the
// longest, one more than the maximum gives up; what is as old as the window is forgotten.
func TestRestartPolicy(t *testing.T) {
	const s, ms, up = time.Second, time.Millisecond, time.Duration(-1)
	backoff := func(n int) restartPolicy {
		return restartPolicy{maxRestarts: n, window: 10 * s, backoffMin: 10 * ms, backoffMax: 50 * ms}
	}
	plain := func(n int) restartPolicy { return restartPolicy{maxRestarts: n, window: 10 * s} }
	for _, c := range []struct {
		name     string
		policy   restartPolicy
		at, want []time.Duration
	}{
		{"never restarted", restartPolicy{}, []time.Duration{0}, []time.Duration{up}},
		{"one", plain(1), []time.Duration{0, 0}, []time.Duration{0, up}},
		{"three at once", plain(3), []time.Duration{0, 0, 0, 0}, []time.Duration{0, 0, 0, up}},
		{"three, the fourth within the window", plain(3), []time.Duration{0, s, 2 * s, 10*s - 1}, []time.Duration{0, 0, 0, up}},
		{"three, the fourth just outside", plain(3), []time.Duration{0, s, 2 * s, 10 * s}, []time.Duration{0, 0, 0, 0}},
		{"a window that slides", plain(1), []time.Duration{0, 10 * s, 20 * s, 30*s - 1}, []time.Duration{0, 0, 0, up}},
		{"a clock that went back", plain(2), []time.Duration{5 * s, 0, 0}, []time.Duration{0, 0, up}},
		{"doubling up to the longest", backoff(-1), []time.Duration{0, 0, 0, 0, 0, 0}, []time.Duration{0, 10 * ms, 20 * ms, 40 * ms, 50 * ms, 50 * ms}},
		{"doubling and giving up", backoff(3), []time.Duration{0, 0, 0, 0}, []time.Duration{0, 10 * ms, 20 * ms, up}},
		{"doubling begins anew", backoff(-1), []time.Duration{0, 0, 0, 20 * s, 20 * s}, []time.Duration{0, 10 * ms, 20 * ms, 0, 10 * ms}},
		{"the longest pause is the shortest", restartPolicy{maxRestarts: -1, window: s, backoffMin: ms, backoffMax: ms}, []time.Duration{0, 0, 0}, []time.Duration{0, ms, ms}},
	} {
		if got := pausesOf(c.policy, c.at...); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, wants %v", c.name, got, c.want)
		}
	}
}

// An actor that fails for ever without being given up is remembered by a bounded number of failures, and its
// pause stays the longest.
func TestRestartPolicyIsBounded(t *testing.T) {
	p := restartPolicy{maxRestarts: -1, window: time.Hour, backoffMin: time.Millisecond, backoffMax: 5 * time.Second}
	var history []time.Time
	for n := range 10 * maxHistory {
		var wait time.Duration
		var giveUp bool
		history, wait, giveUp = p.decide(history, moment.Add(time.Duration(n)))
		if want := min(5*time.Second, time.Millisecond<<min(30, max(0, n-1))); giveUp || len(history) > maxHistory || n > 0 && wait != want {
			t.Fatalf("failure %d: %d remembered, waits %v, gives up %t", n, len(history), wait, giveUp)
		}
	}
}

// Deciding leaves the history it was given alone.
func TestRestartPolicyKeepsTheHistoryItWasGiven(t *testing.T) {
	history := make([]time.Time, 1, 8)
	history[0] = moment
	p := restartPolicy{maxRestarts: -1, window: time.Hour}
	a, _, _ := p.decide(history, moment.Add(1))
	b, _, _ := p.decide(history, moment.Add(2))
	if !slices.Equal(a, []time.Time{moment, moment.Add(1)}) || !slices.Equal(b, []time.Time{moment, moment.Add(2)}) {
		t.Errorf("got %v and %v", a, b)
	}
}

// However long the shortest pause and however many the failures, the pause is never less than the one before.
func TestLongBackoffDoesNotOverflow(t *testing.T) {
	p := restartPolicy{maxRestarts: -1, window: time.Hour, backoffMin: 5 * time.Second, backoffMax: time.Hour}
	last := time.Duration(0)
	for i, wait := range pausesOf(p, make([]time.Duration, 64)...) {
		if wait < last || wait > time.Hour {
			t.Fatalf("failure %d waits %s after %s", i+1, wait, last)
		}
		last = wait
	}
}

// A maximum above what is usually remembered still gives up.
func TestManyRestartsAreCounted(t *testing.T) {
	p := restartPolicy{maxRestarts: 1000, window: time.Hour}
	waits := pausesOf(p, make([]time.Duration, 1001)...)
	if waits[999] != 0 || waits[1000] != -1 {
		t.Errorf("the 1000th failure waits %s, the next %s", waits[999], waits[1000])
	}
}
