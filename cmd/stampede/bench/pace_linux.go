package bench

import (
	"runtime"
	"syscall"
	"time"
)

// precise prepares this goroutine for sleepUntil. The runtime's own timers may fire a millisecond late when nothing else
// runs, and that would be most of what a ping measures; a thread that sleeps in the kernel is woken within some
// microseconds, once its timer slack is set to the least there is.
func precise() (done func()) {
	const setTimerSlack = 29 // PR_SET_TIMERSLACK
	runtime.LockOSThread()
	syscall.RawSyscall(syscall.SYS_PRCTL, setTimerSlack, 1, 0)
	return func() {
		syscall.RawSyscall(syscall.SYS_PRCTL, setTimerSlack, 0, 0) // 0: the thread's default
		runtime.UnlockOSThread()
	}
}

// nap sleeps for d. It can't be interrupted.
func nap(d time.Duration) {
	left := syscall.NsecToTimespec(int64(d))
	for syscall.Nanosleep(&left, &left) == syscall.EINTR {
	}
}
