//go:build !unix

package transport

import "syscall"

// attempt is a write that does not wait; nobody asks for one on this platform.
type attempt struct{}

func (*attempt) write(_ syscall.RawConn, bytes [][]byte) (rest [][]byte, err error) {
	return bytes, nil
}

func rawOf(readyReader) syscall.RawConn { return nil }
