package actors

import (
	"sync"
	"time"
)

// sparse keeps a log readable while somebody floods the broker: one line a second, which says how many there
// would have been.
type sparse struct {
	mu   sync.Mutex
	last time.Time
	kept int
}

// due tells whether a line may be written now, and how many were not since the last.
func (s *sparse) due(now time.Time) (kept int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.last.IsZero() && now.Sub(s.last) < time.Second && !now.Before(s.last) {
		s.kept++
		return 0, false
	}
	kept, s.kept, s.last = s.kept, 0, now
	return kept, true
}
