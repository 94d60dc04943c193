package transport

// Scheduler stands in for Go's own scheduler where something else has to decide
// what runs next: a simulation. What may block is begun with Schedule, and says
// with Await what it is about to block for. nil, everywhere, is Go's scheduler.
type Scheduler interface {
	// Schedule runs f soon, beside the caller. f may call Await.
	Schedule(f func())
	// Await returns once ready has returned true. The caller holds no lock and
	// was begun by Schedule. What it does next must not block.
	Await(ready func() bool)
}

// await comes before everything that blocks. It does nothing, unless the
// program has a scheduler of its own: then what follows does not block.
func await(s Scheduler, ready func() bool) {
	if s != nil {
		s.Await(ready)
	}
}

// closed reports whether ch is.
func closed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}
