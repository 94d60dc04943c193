package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

// notifier tells the service manager how the broker is, in the protocol of sd_notify(3): lines in a datagram to the socket
// that NOTIFY_SOCKET names. Without one it says nothing.
type notifier struct {
	conn     net.Conn
	interval time.Duration // between two signs of life; 0: nobody wants them
}

func newNotifier(env []string) *notifier {
	n := &notifier{}
	address := lookup(env, "NOTIFY_SOCKET")
	if address == "" {
		return n
	}
	conn, err := net.Dial("unixgram", address)
	if err != nil {
		return n // whoever set it does not listen: that is not the broker's trouble
	}
	n.conn = conn
	pid := lookup(env, "WATCHDOG_PID")
	if timeout, err := strconv.ParseInt(lookup(env, "WATCHDOG_USEC"), 10, 64); err == nil && timeout > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		n.interval = time.Duration(timeout) * time.Microsecond / 2
	}
	return n
}

// say sends lines. A manager that is gone loses them.
func (n *notifier) say(lines string) {
	if n.conn != nil {
		_, _ = n.conn.Write([]byte(lines))
	}
}

func (n *notifier) ready()    { n.say("READY=1\nSTATUS=accepting clients") }
func (n *notifier) stopping() { n.say("STOPPING=1\nSTATUS=finishing what clients have sent") }
func (n *notifier) alive()    { n.say("WATCHDOG=1") }

// reloading says when the reload began, by the clock that the manager compares it with.
func (n *notifier) reloading() {
	n.say(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d\nSTATUS=reading the configuration", monotonic()/time.Microsecond))
}

// watchdog ticks when a sign of life is due.
func (n *notifier) watchdog() (<-chan time.Time, func()) {
	if n.interval <= 0 {
		return nil, func() {}
	}
	t := time.NewTicker(n.interval)
	return t.C, t.Stop
}

func (n *notifier) close() {
	if n.conn != nil {
		_ = n.conn.Close()
	}
}
