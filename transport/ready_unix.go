//go:build unix

package transport

import (
	"net"
	"os"
	"sync"
	"syscall"
)

// fdReader reads from a socket through its RawConn, which waits in the
// runtime's poller between two tries and lets us choose the buffer per try.
type fdReader struct{ raw syscall.RawConn }

// fdRead is one read, lent to who reads: a socket where nothing comes has none.
type fdRead struct {
	try func(fd uintptr) bool // one closure for all reads
	in  *inlet
	n   int
	err error
}

var fdReads = sync.Pool{New: func() any {
	r := new(fdRead)
	r.try = r.read
	return r
}}

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
	return &fdReader{raw: raw}
}

func (r *fdReader) readReady(in *inlet) (n int, err error) {
	one := fdReads.Get().(*fdRead)
	one.in = in
	if err = r.raw.Read(one.try); err == nil { // else it is closed, or past a deadline
		n, err = one.n, one.err
	}
	one.in, one.err = nil, nil
	fdReads.Put(one)
	return n, err
}

func (r *fdRead) read(fd uintptr) (done bool) {
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
