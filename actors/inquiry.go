package actors

import (
	"context"
	"sync/atomic"
)

// inquiry is what a goroutine of the program asks an actor. It is answered once, or withdrawn by
// the asker before anybody has begun to act on it: then nothing of it happens.
type inquiry[T any] struct {
	state  atomic.Uint32
	answer T
	done   chan struct{} // closed with the answer
	notify func(T)       // instead of done, for askers that must not wait; must not block
}

// The states of an inquiry.
const (
	inquiryOpen uint32 = iota
	inquiryClaimed
	inquiryAnswering
	inquiryWithdrawn
)

func ask[T any]() *inquiry[T] { return &inquiry[T]{done: make(chan struct{})} }

// claim is called by who is about to do what was asked; false: it is not wanted any more. It may be
// called again, after a crash.
func (q *inquiry[T]) claim() bool {
	return q.state.CompareAndSwap(inquiryOpen, inquiryClaimed) || q.state.Load() != inquiryWithdrawn
}

// give answers; false: there was an answer already, or the asker has gone.
func (q *inquiry[T]) give(answer T) bool {
	if !q.state.CompareAndSwap(inquiryOpen, inquiryAnswering) && !q.state.CompareAndSwap(inquiryClaimed, inquiryAnswering) {
		return false
	}
	if q.notify != nil {
		q.notify(answer)
		return true
	}
	q.answer = answer
	close(q.done)
	return true
}

// withdraw takes it back; false: it was claimed or answered, and the answer is there or about to be.
func (q *inquiry[T]) withdraw() bool {
	return q.state.CompareAndSwap(inquiryOpen, inquiryWithdrawn)
}

// wait returns the answer. If ctx ends first the inquiry is withdrawn, and the error is ctx's; once
// somebody acts on it, it waits for what comes of that. gone is closed when nobody will answer.
func (q *inquiry[T]) wait(ctx context.Context, c *core, gone <-chan struct{}) (answer T, err error) {
	c.await(func() bool { return isClosed(q.done) || isClosed(gone) || ctx.Err() != nil })
	if isClosed(q.done) {
		return q.answer, nil
	}
	select {
	case <-q.done:
		return q.answer, nil
	case <-ctx.Done():
		if q.withdraw() {
			return answer, context.Cause(ctx)
		}
	case <-gone:
	}
	c.await(func() bool { return isClosed(q.done) || isClosed(gone) })
	select {
	case <-q.done:
		return q.answer, nil
	case <-gone:
		if isClosed(q.done) { // both: what was done before the end counts
			return q.answer, nil
		}
		return answer, shutdownFault()
	}
}
