package actors

import (
	"testing"
	"time"
)

// Of many lines one a second is written, the first at once, and it says how many were not.
func TestSparse(t *testing.T) {
	var s sparse
	now := time.Unix(1000, 0)
	for i, step := range []struct {
		passed time.Duration
		kept   int
		ok     bool
	}{
		{0, 0, true},
		{0, 0, false},
		{999 * time.Millisecond, 0, false},
		{time.Millisecond, 2, true},
		{time.Hour, 0, true},
		{-time.Minute, 0, true}, // a clock that was set back does not silence the log
	} {
		now = now.Add(step.passed)
		if kept, ok := s.due(now); kept != step.kept || ok != step.ok {
			t.Errorf("step %d: %d, %t", i, kept, ok)
		}
	}
}
