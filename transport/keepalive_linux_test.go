package transport

import (
	"net"
	"syscall"
	"testing"
)

// TCP looks after everybody who connects, also at a listener beside another one on the same port.
func TestKeepAlive(t *testing.T) {
	first, err := Listen(t.Context(), ListenerConfig{Address: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	_, port, _ := net.SplitHostPort(first.Addr().String())
	beside, err := Listen(t.Context(), ListenerConfig{Address: "0.0.0.0:" + port}, first)
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	for l, address := range map[net.Listener]string{first: first.Addr().String(), beside: "127.0.0.2:" + port} {
		client, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		raw, err := c.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []struct {
			what                string
			level, option, want int
		}{
			{"SO_KEEPALIVE", syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
			{"TCP_KEEPIDLE", syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 120},
			{"TCP_KEEPINTVL", syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 15},
			{"TCP_KEEPCNT", syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 4},
			{"TCP_NODELAY", syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1},
		} {
			got := 0
			if err := control(raw, func(fd int) (err error) {
				got, err = syscall.GetsockoptInt(fd, o.level, o.option)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if got != o.want {
				t.Errorf("%s: %s is %d, wants %d", address, o.what, got, o.want)
			}
		}
	}
}
