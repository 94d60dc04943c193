package actors

import "sync"

// search is what a session has asked the router: where a destination is. Its answer brings a lease, and may make a temporary
// destination of the session's; so it must not get lost when the session is gone before it comes. Who
// answers and who gives up asking may come in any order: the second of them gives back what the answer brings.
type search struct {
	mu     sync.Mutex
	answer *resolved // given, and not yet taken
	over   bool      // it was answered, or nobody waits any more
}

// give files the answer; false: nobody will take it.
func (q *search) give(r *resolved) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.over {
		return false
	}
	q.answer, q.over = r, true
	return true
}

// take gives the answer, if there is one that was not taken; there will be none later.
func (q *search) take() *resolved {
	q.mu.Lock()
	defer q.mu.Unlock()
	r := q.answer
	q.answer, q.over = nil, true
	return r
}
