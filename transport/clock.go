package transport

import "time"

// Clock tells the time and starts timers. Everything in this package that
// waits for time to pass asks a Clock, so that a simulation can drive it.
type Clock interface {
	// Now returns the current time.
	Now() time.Time
	// AfterFunc runs f on a goroutine of its own once d has passed.
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is a pending AfterFunc.
type Timer interface {
	// Stop keeps the function from running and reports whether it came in time.
	Stop() bool
}

// SystemClock returns the clock of package time. Inside a testing/synctest
// bubble that is the bubble's clock.
func SystemClock() Clock { return systemClock{} }

// orSystem returns c, or the system clock for nil.
func orSystem(c Clock) Clock {
	if c == nil {
		return SystemClock()
	}
	return c
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }
