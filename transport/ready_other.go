//go:build !unix

package transport

import "net"

// newReadyReader knows no way to wait without a buffer on this platform.
func newReadyReader(conn net.Conn) readyReader {
	r, _ := conn.(readyReader)
	return r
}
