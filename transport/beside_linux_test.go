//go:build linux && (386 || amd64 || arm || arm64 || loong64 || ppc64 || ppc64le || riscv64 || s390x)

package transport

import (
	"errors"
	"net"
	"syscall"
	"testing"
)

// A listener for all addresses opens beside one for one address, and the other way round, if it is told of that one; whoever
// is told of none finds the port taken.
func TestListenBeside(t *testing.T) {
	ctx := t.Context()
	open := func(address string, beside ...net.Listener) net.Listener {
		t.Helper()
		l, err := Listen(ctx, ListenerConfig{Address: address}, beside...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	one := open("127.0.0.1:0")
	address := one.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	if _, err := Listen(ctx, ListenerConfig{Address: ":" + port}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("without a word of the other: %v", err)
	}
	all := open(":"+port, one)
	one.Close()
	one = open(address, all, one) // one that is closed does no harm
	all.Close()
	open(":"+port, one)

	for _, a := range []string{address, "127.0.0.2:" + port, ":" + port} {
		if _, err := Listen(ctx, ListenerConfig{Address: a}); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("somebody else comes to %s: %v", a, err)
		}
	}
}
