package transport

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
)

const (
	readBytes      = 64 << 10 // one read of a socket
	smallReadBytes = 4 << 10  // where a buffer has to be held while waiting
)

type (
	readBuffer  [readBytes]byte
	smallBuffer [smallReadBytes]byte
)

var (
	readPool  = sync.Pool{New: func() any { return new(readBuffer) }}
	smallPool = sync.Pool{New: func() any { return new(smallBuffer) }}
)

// readyReader reads without holding a buffer while it waits: it takes one with
// in.buffer when there may be something to read, and gives it back if there was
// nothing after all. 0 and no error is the end of the stream. With in.brief it
// returns errNothing instead of waiting.
type readyReader interface {
	readReady(in *inlet) (int, error)
}

// inlet is the read side of a connection. It owns a buffer only while there
// are unread bytes in it, so an idle connection costs none. TLS has to hold a
// small one: crypto/tls can't tell whether a read would wait.
type inlet struct {
	conn   net.Conn
	ready  readyReader // nil: conn.Read into a small buffer
	unread []byte
	large  *readBuffer  // what unread is part of, if not nil
	small  *smallBuffer // likewise
	given  int          // if it is neither: how large the memory is that it is part of, which is nobody else's

	brief    bool          // errNothing instead of a wait
	timed    atomic.Bool   // someone looks at lastRead
	lastRead atomic.Int64  // Unix nanoseconds
	taken    atomic.Uint64 // bytes read
}

// open prepares an inlet for conn; head was read from it before.
func (in *inlet) open(conn net.Conn, head []byte) {
	in.conn = conn
	if len(head) > 0 { // else it may be the end of something large
		in.unread = head
	}
	in.taken.Add(uint64(len(head)))
	in.ready = newReadyReader(conn)
}

// buffer takes the large buffer.
func (in *inlet) buffer() []byte {
	if in.large == nil {
		in.large = readPool.Get().(*readBuffer)
	}
	return in.large[:]
}

// fill waits for bytes unless there are unread ones. io.EOF is the end of the
// stream.
func (in *inlet) fill(clock Clock) error {
	for len(in.unread) == 0 {
		in.giveBack()
		n, err := in.read()
		if n > 0 {
			in.taken.Add(uint64(n))
			if in.timed.Load() {
				in.lastRead.Store(clock.Now().UnixNano())
			}
			if in.large != nil {
				in.unread = in.large[:n]
			} else {
				in.unread = in.small[:n]
			}
			return nil // an error, if there is one, comes again
		}
		if err != nil {
			in.giveBack()
			return err
		}
	}
	return nil
}

func (in *inlet) read() (int, error) {
	if in.ready != nil {
		n, err := in.ready.readReady(in)
		if n == 0 && err == nil {
			err = io.EOF
		}
		return n, err
	}
	in.small = smallPool.Get().(*smallBuffer)
	return in.conn.Read(in.small[:])
}

// consume forgets the first n unread bytes, and the buffer with the last.
func (in *inlet) consume(n int) {
	in.unread = in.unread[n:]
	if len(in.unread) == 0 {
		in.giveBack()
	}
}

// shrink moves the unread bytes to memory of their own, from which nothing is
// given back.
func (in *inlet) shrink() {
	if in.large == nil && in.small == nil {
		return
	}
	rest := append([]byte(nil), in.unread...)
	in.giveBack()
	in.unread, in.given = rest, len(rest)
}

// giveBack returns the buffer to its pool; what is unread is lost.
func (in *inlet) giveBack() {
	in.unread, in.given = nil, 0
	if in.large != nil {
		readPool.Put(in.large)
		in.large = nil
	}
	if in.small != nil {
		smallPool.Put(in.small)
		in.small = nil
	}
}
