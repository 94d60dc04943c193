//go:build !linux

package transport

import "net"

// keepAlive has those who connect checked by TCP.
func keepAlive(lc *net.ListenConfig) {
	lc.KeepAliveConfig = net.KeepAliveConfig{Enable: true, Idle: keepAliveIdle, Interval: keepAliveInterval, Count: keepAliveCount}
}
