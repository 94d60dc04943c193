//go:build linux && (386 || amd64 || arm || arm64 || loong64 || ppc64 || ppc64le || riscv64 || s390x)

package transport

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
)

// soReusePort is missing in package syscall. On MIPS it has another value.
const soReusePort = 0xf

// listenBeside opens a listener on the port of others. Linux lets it if all of them
// have SO_REUSEPORT, and belong to one user. They keep it: so does the kernel, in what
// it remembers of the port. A program that does not ask for it finds the port
// taken, as ever.
func listenBeside(ctx context.Context, lc net.ListenConfig, network, address string, beside []net.Listener) (net.Listener, error) {
	for _, l := range beside {
		if err := share(l); err != nil {
			return nil, err
		}
	}
	first := lc.Control
	lc.Control = func(network, address string, raw syscall.RawConn) error {
		if err := first(network, address, raw); err != nil {
			return err
		}
		return reusePort(raw)
	}
	return lc.Listen(ctx, network, address)
}

// share has a listener share its port. One that is closed does.
func share(l net.Listener) error {
	socket, ok := l.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err == nil {
		err = reusePort(raw)
	}
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func reusePort(raw syscall.RawConn) error {
	return control(raw, func(fd int) error {
		return os.NewSyscallError("setsockopt", syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, soReusePort, 1))
	})
}
