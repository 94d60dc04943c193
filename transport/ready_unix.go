//go:build unix

package transport

import (
	"net"
	"os"
	"syscall"
)

// fdReader reads from a socket through its RawConn, which waits in the
// runtime's poller between two tries and lets us choose the buffer per try.
type fdReader struct {
	raw syscall.RawConn
	try func(fd uintptr) bool // one closure for all reads
	in  *inlet
	n   int
	err error
}

// newReadyReader returns nil for a connection that is no plain socket.
func newReadyReader(conn net.Conn) readyReader {
	if r, ok := conn.(readyReader); ok {
		return r
	}
	var raw syscall.RawConn
	var err error
	switch c := conn.(type) {
	case *net.TCPConn:
		raw, err = c.SyscallConn()
	case *net.UnixConn:
		raw, err = c.SyscallConn()
	default:
		return nil
	}
	if err != nil {
		return nil
	}
	r := &fdReader{raw: raw}
	r.try = r.read
	return r
}

func (r *fdReader) readReady(in *inlet) (int, error) {
	r.in = in
	if err := r.raw.Read(r.try); err != nil {
		return 0, err // closed, or past a deadline
	}
	return r.n, r.err
}

func (r *fdReader) read(fd uintptr) (done bool) {
	b := r.in.buffer()
	for {
		r.n, r.err = syscall.Read(int(fd), b)
		if r.err != syscall.EINTR {
			break
		}
	}
	switch {
	case r.err == syscall.EAGAIN:
		r.in.giveBack()
		if r.in.brief {
			r.n, r.err = 0, errNothing
			return true
		}
		return false
	case r.err != nil:
		r.n, r.err = 0, os.NewSyscallError("read", r.err)
	}
	return true
}
