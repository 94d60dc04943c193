package main

import (
	"syscall"
	"time"
	"unsafe"
)

// monotonic reads CLOCK_MONOTONIC, which package time keeps to itself and a service manager asks for.
func monotonic() time.Duration {
	const clockMonotonic = 1
	var t syscall.Timespec
	_, _, _ = syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&t)), 0)
	return time.Duration(t.Nano())
}
