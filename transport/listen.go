package transport

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// TCP finds peers that vanished without a word. Heart-beats do that sooner, but not
// every client wants them.
const (
	keepAliveIdle     = 2 * time.Minute
	keepAliveInterval = 15 * time.Second
	keepAliveCount    = 4
)

// Listen opens the listener that cfg names. A Unix socket left behind by a
// process that is gone is removed first; the file's mode is set after it was
// made, until then the umask rules. The error says what to do; it wraps the
// cause.
//
// The listeners beside are open ones of the same process, which don't stand in
// the way where the new one is for all addresses and they are for one, or the
// other way round: they stay open. A client gets to the one that names its
// address, if there is one.
func Listen(ctx context.Context, cfg ListenerConfig, beside ...net.Listener) (net.Listener, error) {
	network := cfg.Network
	if network == "" {
		network = "tcp"
	}
	if network == "unix" {
		if err := removeStale(ctx, cfg.Address); err != nil {
			return nil, err
		}
	}
	var lc net.ListenConfig
	keepAlive(&lc)
	l, err := lc.Listen(ctx, network, cfg.Address)
	if len(beside) > 0 && network != "unix" && errors.Is(err, syscall.EADDRINUSE) {
		l, err = listenBeside(ctx, lc, network, cfg.Address, beside)
	}
	if err != nil {
		return nil, explain(cfg.Address, err)
	}
	if network == "unix" && cfg.UnixMode != 0 {
		if err := os.Chmod(cfg.Address, cfg.UnixMode); err != nil {
			l.Close()
			return nil, fmt.Errorf("%s: can't set the mode of the socket file: %w", cfg.Address, err)
		}
	}
	return l, nil
}

// explain adds to an error of listen what its reader can do about it.
func explain(address string, err error) error {
	var dns *net.DNSError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s: address already in use: stop the program that listens there or choose another address (%w)", address, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s: no interface of this machine has this address: choose another one (%w)", address, err)
	case errors.Is(err, syscall.EACCES), errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: permission denied: choose a port above 1023 or a directory that is writable, or grant the right (%w)", address, err)
	case errors.As(err, &dns):
		return fmt.Errorf("%s: unknown host name or port: use an address of this machine and a number (%w)", address, err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: no such directory: make it or choose another path (%w)", address, err)
	}
	return fmt.Errorf("%s: can't listen: %w", address, err)
}

// removeStale makes way for a Unix socket: it removes one that nobody listens
// to, and nothing else.
func removeStale(ctx context.Context, path string) error {
	if strings.HasPrefix(path, "@") { // abstract: there is no file
		return nil
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return explain(path, err)
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s: is there and is no socket: remove it or choose another path (%w)", path, syscall.EADDRINUSE)
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if err == nil {
		c.Close()
		return explain(path, syscall.EADDRINUSE)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return explain(path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: can't remove the socket file of a process that is gone: %w", path, err)
	}
	return nil
}
