//go:build !(linux && (386 || amd64 || arm || arm64 || loong64 || ppc64 || ppc64le || riscv64 || s390x))

package transport

import (
	"context"
	"net"
)

// listenBeside tries once more: elsewhere than on Linux sockets for one address and
// for all of them don't stand in each other's way, and it is somebody else who
// does.
func listenBeside(ctx context.Context, lc net.ListenConfig, network, address string, _ []net.Listener) (net.Listener, error) {
	return lc.Listen(ctx, network, address)
}
