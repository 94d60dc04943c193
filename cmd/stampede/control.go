package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"stampede/actors"
	"stampede/actors/control"
	"stampede/config"
	"stampede/transport"
)

// envRuntimeDir is where a user's sockets belong, by the XDG Base Directory Specification.
const envRuntimeDir = "XDG_RUNTIME_DIR"

// controlSocket is the path of the control socket of a broker whose first address is first, or "" if it has none.
func controlSocket(cfg *config.Config, first string, env []string) string {
	if path, ok := strings.CutPrefix(cfg.Control.Address, "unix:"); ok {
		return path
	}
	if cfg.Control.Address == "" || first == "" {
		return ""
	}
	name := filepath.Base(first) // of a Unix socket
	if _, port, err := net.SplitHostPort(first); err == nil {
		name = port
	}
	return filepath.Join(runtimeDir(env), name+".control")
}

// runtimeDir is a directory for the sockets of this user alone.
func runtimeDir(env []string) string {
	if dir := lookup(env, envRuntimeDir); filepath.IsAbs(dir) {
		return filepath.Join(dir, "stampede")
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("stampede-%d", os.Getuid()))
}

// privateDir makes a directory that nobody else can enter, or says that there is none.
func privateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return checkPrivate(dir)
}

// checkPrivate refuses a directory that somebody else has prepared, in which a socket could be anybody's.
func checkPrivate(dir string) error {
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is no directory", dir)
	case !ours(info) || info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s is not this user's alone; remove it, or set control.address", dir)
	}
	return nil
}

// serveControl answers on the control socket until the returned function is called. A broker runs without one where the
// default place can't be had.
func serveControl(cfg *config.Config, b *actors.Broker, env []string, log *slog.Logger, more func(*control.Control)) (end func(), err error) {
	first := ""
	if addrs := b.Addrs(); len(addrs) > 0 {
		first = addrs[0].String()
	}
	path := controlSocket(cfg, first, env)
	if path == "" {
		return func() {}, nil
	}
	auto := cfg.Control.Address == config.ControlAuto
	if auto {
		err = privateDir(filepath.Dir(path))
	}
	var l net.Listener
	if err == nil {
		l, err = transport.Listen(context.Background(), transport.ListenerConfig{Network: "unix", Address: path, UnixMode: 0o600})
	}
	if err != nil && auto {
		log.Warn("no control socket", "cause", err)
		return func() {}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("control.address: %w", err)
	}
	c := control.New(b)
	more(c)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := c.Serve(l); err != nil {
			log.Error("the control socket failed", "cause", err)
		}
	}()
	log.Info("control socket", "path", path)
	return func() {
		c.Close()
		<-ended
	}, nil
}

// unreachable is the error of a broker that can't be asked by its control socket, and perhaps in another way.
type unreachable struct{ error }

// controlClient asks a running broker.
type controlClient struct {
	path string
	http *http.Client
}

func dialControl(path string) *controlClient {
	return &controlClient{path: path, http: &http.Client{
		Timeout: 30 * time.Second,
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		}},
	}}
}

// get asks for a path below /v1/. The error says what to do.
func (c *controlClient) get(ctx context.Context, target string) (*http.Response, error) {
	return c.do(ctx, http.MethodGet, target)
}

func (c *controlClient) do(ctx context.Context, method, target string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://broker/v1/"+target, nil)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(r)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, fs.ErrNotExist):
		return nil, unreachable{fmt.Errorf("no broker has its control socket at %s: name the broker's configuration with -c, or the socket with --control", c.path)}
	case errors.Is(err, fs.ErrPermission):
		return nil, unreachable{fmt.Errorf("the control socket %s is another user's: ask as the user that runs the broker", c.path)}
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil, unreachable{fmt.Errorf("no broker answers at the control socket %s any more: it was left behind", c.path)}
	case err != nil:
		return nil, fmt.Errorf("ask the broker at %s: %w", c.path, errors.Unwrap(err))
	}
	return response, nil
}
