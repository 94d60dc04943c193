package transport

import (
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// keepAlive has those who connect checked by TCP. They inherit that from the socket that
// listens, which saves four system calls for each.
func keepAlive(lc *net.ListenConfig) {
	lc.KeepAlive = -1 // nothing is to be set for each
	lc.Control = func(network, _ string, raw syscall.RawConn) error {
		if !strings.HasPrefix(network, "tcp") {
			return nil
		}
		return control(raw, func(fd int) error {
			for _, o := range []struct{ level, name, value int }{
				{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
				{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, int(keepAliveIdle / time.Second)},
				{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, int(keepAliveInterval / time.Second)},
				{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, keepAliveCount},
			} {
				if err := syscall.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
					return os.NewSyscallError("setsockopt", err)
				}
			}
			return nil
		})
	}
}
