package actors

import (
	"flag"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"testing"
)

var seedFlag = flag.Uint64("seed", 0, "play the random tests with this one seed; 0: with new ones every time")

// randomly plays f with n seeds, or with the one that was asked for. A failure says how to play it again.
func randomly(t *testing.T, n int, f func(t *testing.T, r *rand.Rand)) {
	t.Helper()
	if *seedFlag != 0 {
		n = 1
	}
	for range n {
		seed := *seedFlag
		if seed == 0 {
			seed = rand.Uint64() | 1
		}
		play(t, seed, f)
		if t.Failed() {
			return
		}
	}
}

func play(t *testing.T, seed uint64, f func(t *testing.T, r *rand.Rand)) {
	t.Helper()
	defer func() {
		if reason := recover(); reason != nil {
			t.Errorf("panic: %v\n%s", reason, debug.Stack())
		}
		if t.Failed() {
			t.Logf("play it again with: go test ./actors -run '^%s$' -seed=%d", t.Name(), seed)
		}
	}()
	f(t, rand.New(rand.NewPCG(seed, 0)))
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
