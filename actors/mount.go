package actors

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"

	"stampede/config"
	"stampede/transport"
)

// Handler returns a handler that takes WebSocket connections for the broker, to be mounted in a
// program's own http.Server beside other routes, on any path. Of l it uses Name, WebSocketsOrigin, HTTP,
// Web, Trusted, TrustedProxies and ForwardedHeader; with HTTP it answers plain requests too, GET /health_check and a page at /, so strip
// the prefix of a path that it is mounted under.
//
//	mux.Handle("/stomp", broker.Handler(config.Listen{WebSocketsOrigin: []string{"https://shop.example"}}))
//
// The http.Server needs no particular settings, but must speak HTTP/1.1. Shutdown ends the connections
// in order, whether the http.Server still runs or not; then the handler answers 503.
func (b *Broker) Handler(l config.Listen) http.Handler {
	if l.Name == "" {
		l.Name = "handler"
	}
	l.WebSockets = true
	c := b.core
	m := &mount{listen: l, server: c.newServer(c.listenerConfig(c.settings(), &l, nil))}
	b.own.mu.Lock()
	defer b.own.mu.Unlock()
	if b.own.shut {
		_ = m.server.Close()
	} else {
		b.own.mounts = append(b.own.mounts, m)
	}
	return m.server.Handler()
}

// WithListener has the broker serve l, which the program has opened, as cfg says; cfg's address is not
// looked at. The broker closes l when it ends, and also if Start fails. If l's Accept fails for good, nobody
// but the program could open it again: the broker goes on without it, and says so with the event "given
// up".
func WithListener(l net.Listener, cfg config.Listen) Option {
	return func(o *options) { o.listeners = append(o.listeners, ownListener{l, cfg}) }
}

// ownListener is one of the program's.
type ownListener struct {
	listener net.Listener
	config   config.Listen
}

func listens(all []ownListener) []config.Listen {
	var configs []config.Listen
	for _, l := range all {
		configs = append(configs, l.config)
	}
	return configs
}

// own is where clients come in that the configuration does not know of.
type own struct {
	doors   []*door
	listens []config.Listen // of the doors
	tls     []*tls.Config

	mu     sync.Mutex
	mounts []*mount
	shut   bool
}

// mount is one handler.
type mount struct {
	listen config.Listen
	server *transport.Server
}

// serve makes doors of the program's listeners.
func (o *own) serve(b *Broker, listeners []ownListener) error {
	var failed error
	for _, l := range listeners {
		address := l.listener.Addr()
		tlsConfig, err := l.config.TLS()
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("listener %s: %w", l.config.Name, err))
		}
		d := &door{address: address}
		d.hold(l.listener)
		o.doors, o.listens, o.tls = append(o.doors, d), append(o.listens, l.config), append(o.tls, tlsConfig)
		cfg := b.core.listenerConfig(b.core.settings(), &l.config, tlsConfig)
		cfg.Network, cfg.Address = address.Network(), address.String()
		d.config.Store(&cfg)
		d.server = b.core.newServer(cfg)
	}
	return failed
}

// with are those of the configuration and these.
func (o *own) with(doors []*door) []*door { return slices.Concat(doors, o.doors) }

// update has all of them serve by another configuration.
func (o *own) update(c *core, cfg *config.Config) {
	for i, d := range o.doors {
		next := c.listenerConfig(cfg, &o.listens[i], o.tls[i])
		last := d.config.Load()
		next.Network, next.Address = last.Network, last.Address
		d.config.Store(&next)
		d.server.Update(next)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range o.mounts {
		m.server.Update(c.listenerConfig(cfg, &m.listen, nil))
	}
}

// close lets nobody in by the handlers any more. It waits for handshakes that are under way.
func (o *own) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.shut = true
	for _, m := range o.mounts {
		_ = m.server.Close()
	}
}
