package actors

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync/atomic"
	"syscall"

	"stampede/config"
	"stampede/transport"
)

// door is one address: the open socket and who serves it. Its listener keeps it over restarts, the
// broker over changes of the configuration.
type door struct {
	endpoint config.Endpoint // as the configuration has it: the port may be 0
	config   atomic.Pointer[transport.ListenerConfig]
	server   *transport.Server
	address  net.Addr // of a listener of the program's, which nobody else can open again; else nil

	// These are the listener's, once there is one.
	listener net.Listener // open since before its actor started, so that errors reach who started the broker
	serving  bool

	life *life // of the listener; its supervisor's
}

// doorPlan is how the doors of a configuration follow from those that there are. Making it opens what
// has to be opened, and changes nothing else.
type doorPlan struct {
	doors  []*door
	next   []transport.ListenerConfig // how each of them shall serve
	fresh  []*door                    // those that are new
	closed []*door                    // those that are there and not among doors
}

// planDoors opens what cfg listens on and old does not. The error of an address that can't be had
// says what to do; nothing is left open then.
func (c *core) planDoors(ctx context.Context, cfg *config.Config, old []*door) (*doorPlan, error) {
	p := &doorPlan{closed: slices.Clone(old)}
	// What stays is found first: what is left may have to make way for what is new.
	kept := make(map[config.Endpoint]*door)
	for i := range cfg.Listen {
		endpoints, err := cfg.Listen[i].Endpoints()
		if err != nil {
			return nil, fmt.Errorf("listener %s: address %w", listenerName(&cfg.Listen[i]), err)
		}
		for _, e := range endpoints {
			if d := p.keep(e); d != nil {
				kept[e] = d
			}
		}
	}
	for i := range cfg.Listen {
		if err := c.planListener(ctx, p, kept, cfg, &cfg.Listen[i]); err != nil {
			closeAll(p.fresh)
			return nil, fmt.Errorf("listener %s: %w", listenerName(&cfg.Listen[i]), err)
		}
	}
	return p, nil
}

func (c *core) planListener(ctx context.Context, p *doorPlan, kept map[config.Endpoint]*door, cfg *config.Config, l *config.Listen) error {
	tlsConfig, err := l.TLS()
	if err != nil {
		return err
	}
	endpoints, err := l.Endpoints()
	if err != nil {
		return fmt.Errorf("address %w", err)
	}
	port := ""
	for _, e := range endpoints {
		want := c.listenerConfig(cfg, l, tlsConfig)
		want.Network, want.Address = e.Network, e.Address
		d := kept[e]
		delete(kept, e) // two listeners with port 0 have the same endpoint
		if d == nil {
			if host, at, err := net.SplitHostPort(e.Address); err == nil && at == "0" && port != "" {
				want.Address = net.JoinHostPort(host, port) // both loopback addresses, one port
			}
			if d, err = c.openDoor(ctx, p, e, want); err != nil {
				return err
			} else if d == nil {
				continue
			}
			p.fresh = append(p.fresh, d)
		}
		want.Address = d.config.Load().Address // a restart must find the same port
		if _, at, err := net.SplitHostPort(want.Address); err == nil {
			port = at
		}
		p.doors, p.next = append(p.doors, d), append(p.next, want)
	}
	return nil
}

// keep finds the door that stands where e is: it stays, whatever else changes about it.
func (p *doorPlan) keep(e config.Endpoint) *door {
	i := slices.IndexFunc(p.closed, func(d *door) bool {
		return d.endpoint.Network == e.Network && (d.endpoint.Address == e.Address || d.config.Load().Address == e.Address)
	})
	if i < 0 {
		return nil
	}
	d := p.closed[i]
	p.closed = slices.Delete(p.closed, i, i+1)
	return d
}

// openDoor opens a new door. Nil and no error: an optional address that is not there. A door whose
// address is held by one that goes is opened by its listener, when that is gone.
func (c *core) openDoor(ctx context.Context, p *doorPlan, e config.Endpoint, want transport.ListenerConfig) (*door, error) {
	d := &door{endpoint: e}
	var err error
	d.listener, err = transport.Listen(ctx, want)
	inUse := errors.Is(err, syscall.EADDRINUSE)
	switch {
	case err == nil && e.Network != "unix":
		want.Address = d.listener.Addr().String()
	case err == nil:
	case inUse && slices.ContainsFunc(p.closed, func(old *door) bool { return samePort(old.config.Load().Address, want.Address) }):
	case e.Optional && !inUse && !errors.Is(err, context.Canceled):
		c.log.Debug("an optional address is not there", "address", e.Address, "cause", err)
		return nil, nil
	default:
		return nil, err
	}
	d.config.Store(&want)
	d.server = c.newServer(want)
	return d, nil
}

// listenerConfig is how a listener serves, but for its address.
func (c *core) listenerConfig(cfg *config.Config, l *config.Listen, tlsConfig *tls.Config) transport.ListenerConfig {
	name := listenerName(l)
	networks, unix, _ := l.Proxies() // validated
	return transport.ListenerConfig{
		Wrap: c.wrapper(name), Parking: c.parking,
		Site: c.site,
		Name: name, UnixMode: l.FileMode(),
		STOMP: l.STOMP, WebSocket: l.WebSockets, HTTP: l.HTTP, TLS: tlsConfig, Origins: l.WebSocketsOrigin,
		TLSOnly: l.TLSOnly, Web: l.Web, Trusted: l.Trusted, SniffTimeout: cfg.Session.LoginTimeout, ServerHeader: c.server,
		InboundWindow: int(cfg.Limits.InboundWindow), OutboxCapacity: int(cfg.Limits.Outbox),
		ProxyProtocol: l.ProxyProtocol, TrustedProxies: networks, TrustUnix: unix, ForwardedHeader: l.ForwardedHeader,
		Enter: func(client netip.Addr) (func(), bool) {
			return c.peers.enter(client, c.settings().Limits.MaxConnectionsPerAddress)
		},
	}
}

func (c *core) newServer(cfg transport.ListenerConfig) *transport.Server {
	return transport.NewServer(cfg, c.accepted, c.log, c.clock, c.dispatcher.Schedule)
}

func samePort(a, b string) bool {
	_, one, errA := net.SplitHostPort(a)
	_, other, errB := net.SplitHostPort(b)
	return errA == nil && errB == nil && one == other
}

// apply has every door serve as the plan says.
func (p *doorPlan) apply() error {
	var failed error
	for i, d := range p.doors {
		next := &p.next[i]
		if mode := next.UnixMode; next.Network == "unix" && mode != 0 && mode != d.config.Load().UnixMode {
			failed = errors.Join(failed, os.Chmod(next.Address, mode))
		}
		d.config.Store(next)
		d.server.Update(*next)
	}
	return failed
}

func addresses(doors []*door) []net.Addr {
	all := make([]net.Addr, 0, len(doors))
	for _, d := range doors {
		all = append(all, d.addr())
	}
	return all
}

// addr is where a door is, or will be.
func (d *door) addr() net.Addr {
	if d.address != nil {
		return d.address
	}
	cfg := d.config.Load()
	if cfg.Network == "unix" {
		return &net.UnixAddr{Name: cfg.Address, Net: "unix"}
	}
	addr, err := net.ResolveTCPAddr(cfg.Network, cfg.Address)
	if err != nil { // what could be listened on could be resolved
		return &net.TCPAddr{}
	}
	return addr
}

// closeAll closes the sockets of doors that no actor serves.
func closeAll(doors []*door) {
	for _, d := range doors {
		if d.listener != nil {
			_ = d.listener.Close()
		}
	}
}

func listenerName(l *config.Listen) string {
	if l.Name != "" {
		return l.Name
	}
	return l.Address
}
