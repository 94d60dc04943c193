//go:build !linux

package bench

import "time"

// precise does nothing here: latencies below a millisecond will be a little long.
func precise() (done func()) { return func() {} }

// nap sleeps for d. It can't be interrupted.
func nap(d time.Duration) { time.Sleep(d) }
