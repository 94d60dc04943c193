//go:build unix

package transport

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// attempt is a write that does not wait. It is kept, so that none allocates.
type attempt struct {
	bytes [][]byte
	n     int
	err   error
	try   func(fd uintptr) bool // a.once, bound once
}

// write writes as much as the socket takes now, and returns the rest.
func (a *attempt) write(raw syscall.RawConn, bytes [][]byte) (rest [][]byte, err error) {
	if a.try == nil {
		a.try = a.once
	}
	a.bytes = bytes
	err = raw.Write(a.try) // one that is closed, or past a deadline, does not try
	if err == nil {
		err = a.err
	}
	n := a.n
	a.bytes, a.n, a.err = nil, 0, nil
	for len(bytes) > 0 && n >= len(bytes[0]) {
		n -= len(bytes[0])
		bytes = bytes[1:]
	}
	if n > 0 {
		bytes[0] = bytes[0][n:]
	}
	return bytes, err
}

// once tries. It never asks to be called again.
func (a *attempt) once(fd uintptr) bool {
	for {
		if len(a.bytes) == 1 {
			a.n, a.err = unix.Write(int(fd), a.bytes[0])
		} else {
			a.n, a.err = unix.Writev(int(fd), a.bytes)
		}
		if a.err != unix.EINTR {
			break
		}
	}
	switch {
	case a.err == unix.EAGAIN:
		a.n, a.err = 0, nil
	case a.err != nil:
		a.n, a.err = 0, os.NewSyscallError("write", a.err)
	}
	return true
}

// rawOf is what such writes go to; nil: nothing.
func rawOf(r readyReader) syscall.RawConn {
	if r, ok := r.(*fdReader); ok {
		return r.raw
	}
	return nil
}
