package transport

import (
	"os"
	"sync"
	"syscall"
)

// watch has connections resumed when their sockets can be read. It is an epoll
// instance, which the runtime's own poller watches in turn, so that its goroutine
// waits like any other and holds no thread. There is none before the first
// connection parks.
type watch struct {
	mu     sync.Mutex
	epoll  *os.File // nil: not begun
	raw    syscall.RawConn
	closed bool
	over   chan struct{} // closed at the end of the goroutine

	// The kernel knows sockets by their places in slots, and by how often the
	// place was taken: what was under way for one must not be taken for
	// another, as it would be by descriptors, which are used again.
	slots []slot
	free  []uint32
}

type slot struct {
	conn  *Conn // nil: free
	round int32
}

// At most so many sockets are resumed between two looks.
const watchEvents = 128

// notify has c resumed when its socket can be read, has ended or failed.
func (r *fdReader) notify(c *Conn) error { return c.common.parking.watch.add(r.raw, c) }

// add watches the socket of c until it can be read.
func (w *watch) add(socket syscall.RawConn, c *Conn) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.begin(); err != nil {
		return err
	}
	i := w.take(c)
	op, known := syscall.EPOLL_CTL_MOD, c.berth.known
	if !known {
		op = syscall.EPOLL_CTL_ADD
	}
	err := control(w.raw, func(epoll int) error {
		return control(socket, func(fd int) error {
			return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(epoll, op, fd, &syscall.EpollEvent{
				Events: syscall.EPOLLIN | syscall.EPOLLRDHUP | syscall.EPOLLONESHOT, Fd: int32(i), Pad: w.slots[i].round,
			}))
		})
	})
	if err != nil {
		w.release(i)
		return err
	}
	c.berth.known = true
	return nil
}

// control calls f with a descriptor that is not closed meanwhile.
func control(raw syscall.RawConn, f func(fd int) error) (err error) {
	if closed := raw.Control(func(fd uintptr) { err = f(int(fd)) }); closed != nil {
		return closed
	}
	return err
}

// begin makes the epoll instance and starts its goroutine, unless that was done.
// The lock is held.
func (w *watch) begin() error {
	if w.closed {
		return os.ErrClosed
	}
	if w.epoll != nil {
		return nil
	}
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	syscall.SetNonblock(fd, true) // so that the runtime polls it
	epoll := os.NewFile(uintptr(fd), "epoll")
	raw, err := epoll.SyscallConn()
	if err != nil {
		epoll.Close()
		return err
	}
	w.epoll, w.raw, w.over = epoll, raw, make(chan struct{})
	go w.run()
	return nil
}

// run is the goroutine. It ends when epoll is closed.
func (w *watch) run() {
	defer close(w.over)
	events := make([]syscall.EpollEvent, watchEvents)
	ready := make([]*Conn, 0, watchEvents)
	for {
		n := 0
		err := w.raw.Read(func(fd uintptr) bool {
			n, _ = syscall.EpollWait(int(fd), events, 0) // fails for a signal, if at all
			return n > 0
		})
		if err != nil {
			return
		}
		w.mu.Lock()
		for _, e := range events[:n] {
			i := uint32(e.Fd)
			if s := &w.slots[i]; s.conn != nil && s.round == e.Pad {
				ready = append(ready, s.conn)
				w.release(i)
			}
		}
		w.mu.Unlock()
		for i, c := range ready {
			c.resume()
			ready[i] = nil
		}
		ready = ready[:0]
	}
}

// take gives c a place, or its own for another round. The lock is held.
func (w *watch) take(c *Conn) (i uint32) {
	switch n := len(w.free); {
	case c.berth.slot != 0:
		i = c.berth.slot - 1
	case n > 0:
		i, w.free = w.free[n-1], w.free[:n-1]
	default:
		i = uint32(len(w.slots))
		w.slots = append(w.slots, slot{})
	}
	c.berth.slot = i + 1
	w.slots[i].conn = c
	w.slots[i].round++
	return i
}

// release frees a place. The lock is held.
func (w *watch) release(i uint32) {
	w.slots[i].conn.berth.slot = 0
	w.slots[i].conn = nil
	w.free = append(w.free, i)
}

// forget frees the place of c, if it has one. c has been stopped.
func (w *watch) forget(c *Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.berth.slot != 0 {
		w.release(c.berth.slot - 1)
	}
}

// close ends the goroutine and resumes all whose sockets were watched.
func (w *watch) close() {
	w.mu.Lock()
	w.closed = true
	epoll := w.epoll
	var parked []*Conn
	for i := range w.slots {
		if c := w.slots[i].conn; c != nil {
			parked = append(parked, c)
			w.release(uint32(i))
		}
	}
	w.mu.Unlock()
	for _, c := range parked {
		c.resume()
	}
	if epoll != nil {
		epoll.Close()
		<-w.over
	}
}
