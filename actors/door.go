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
	"strconv"
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

	// A door of one address may stand within one of all addresses: it was there first, and stays so that nobody who is
	// coming in by it is lost. It serves as the other one does, and is not listed.
	within atomic.Bool
	inner  atomic.Pointer[[]*door] // the doors that stand within this one

	socket  atomic.Pointer[net.Listener] // open since before its actor started, so that errors reach who started the broker
	serving bool                         // its listener's

	life *life // of the listener; its supervisor's
}

// doorPlan is how the doors of a configuration follow from those that there are. Making it opens what
// has to be opened, and changes nothing else.
type doorPlan struct {
	doors  []*door
	next   []transport.ListenerConfig // how each of them shall serve
	fresh  []*door                    // those that are new
	closed []*door                    // those that are there and not among doors
	inner  map[*door][]*door          // doors that stand within another
	named  []*door                    // those that this configuration names and the last one did not
	left   []*door                    // the other way round
}

// planDoors opens what cfg listens on and old does not. The error of an address that can't be had
// says what to do; nothing is left open then.
func (c *core) planDoors(ctx context.Context, cfg *config.Config, old []*door) (*doorPlan, error) {
	p := &doorPlan{closed: slices.Clone(old)}
	// What stays is found first: what is new may be on the port of what goes.
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
	p.left = slices.DeleteFunc(slices.Clone(p.closed), func(d *door) bool { return d.within.Load() })
	for i := range cfg.Listen {
		if err := c.planListener(ctx, p, kept, cfg, &cfg.Listen[i]); err != nil {
			closeAll(p.fresh)
			return nil, fmt.Errorf("listener %s: %w", listenerName(&cfg.Listen[i]), err)
		}
	}
	p.named = slices.DeleteFunc(slices.Clone(p.doors), func(d *door) bool { return !slices.Contains(p.fresh, d) && !d.within.Load() })
	p.leaveWithin()
	return p, nil
}

// leaveWithin has doors of one address stay where the door of all addresses comes. Their sockets hold clients whom the
// operating system has welcomed and who were not accepted yet, and it goes on sending clients to them: to close one
// is to turn some away.
func (p *doorPlan) leaveWithin() {
	p.inner = make(map[*door][]*door)
	for i, wide := range slices.Clone(p.doors) {
		p.closed = slices.DeleteFunc(p.closed, func(d *door) bool {
			if d.held() == nil || !standsWithin(d.config.Load(), &p.next[i]) {
				return false
			}
			next := p.next[i]
			next.Network, next.Address = d.config.Load().Network, d.config.Load().Address
			p.doors, p.next = append(p.doors, d), append(p.next, next)
			p.inner[wide] = append(p.inner[wide], d)
			return true
		})
	}
}

// standsWithin tells whether all that comes to one address would come to the other, if that were alone.
func standsWithin(one, all *transport.ListenerConfig) bool {
	if one.Network == "unix" || all.Network == "unix" {
		return false
	}
	narrow, errNarrow := netip.ParseAddrPort(one.Address)
	wide, errWide := netip.ParseAddrPort(all.Address)
	return errNarrow == nil && errWide == nil && narrow.Port() == wide.Port() && !narrow.Addr().IsUnspecified() &&
		wide.Addr().IsUnspecified() && (wide.Addr().Is6() || narrow.Addr().Is4())
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
	i := slices.IndexFunc(p.closed, func(d *door) bool { return d.standsAt(e) })
	if i < 0 {
		return nil
	}
	d := p.closed[i]
	p.closed = slices.Delete(p.closed, i, i+1)
	return d
}

// standsAt tells whether this door is where e is, however that was written.
func (d *door) standsAt(e config.Endpoint) bool {
	at := d.config.Load()
	if d.within.Load() && d.held() == nil {
		return false // it was not opened again
	}
	if e.Network == "unix" || at.Network == "unix" {
		return at.Network == e.Network && at.Address == e.Address
	}
	if d.endpoint == e && !d.within.Load() {
		return true
	}
	here, err := netip.ParseAddrPort(at.Address)
	if _, port, _ := net.SplitHostPort(e.Address); err != nil || port != strconv.Itoa(int(here.Port())) {
		return false
	}
	there, err := net.ResolveTCPAddr(e.Network, e.Address)
	if err != nil {
		return false // whoever opens it tells
	}
	ip := there.AddrPort().Addr().Unmap()
	anywhere := there.IP == nil || ip.IsUnspecified()
	return here.Addr() == ip || anywhere && here.Addr().IsUnspecified()
}

// openDoor opens a new door. Nil and no error: an optional address that is not there. Doors that may go don't stand
// in its way, if they are on the same port: they stay open until the new one is, and longer.
func (c *core) openDoor(ctx context.Context, p *doorPlan, e config.Endpoint, want transport.ListenerConfig) (*door, error) {
	d := &door{endpoint: e}
	socket, err := transport.Listen(ctx, want, sockets(p.closed)...)
	switch {
	case err == nil && e.Network != "unix":
		want.Address = socket.Addr().String()
	case err == nil:
	case e.Optional && !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, context.Canceled):
		c.log.Debug("an optional address is not there", "address", e.Address, "cause", err)
		return nil, nil
	default:
		return nil, err
	}
	d.hold(socket)
	d.config.Store(&want)
	d.server = c.newServer(want)
	return d, nil
}

// held is the open socket, if there is one.
func (d *door) held() net.Listener {
	if l := d.socket.Load(); l != nil {
		return *l
	}
	return nil
}

func (d *door) hold(l net.Listener) { d.socket.Store(&l) }

// sockets are those that doors hold.
func sockets(doors []*door) []net.Listener {
	var all []net.Listener
	for _, d := range doors {
		if l := d.held(); l != nil {
			all = append(all, l)
		}
	}
	return all
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
		d.within.Store(false)
		inner := p.inner[d]
		d.inner.Store(&inner)
	}
	for _, inner := range p.inner {
		for _, d := range inner {
			d.within.Store(true)
		}
	}
	return failed
}

// addresses are those of doors that the configuration, or the program, has named.
func addresses(doors []*door) []net.Addr {
	all := make([]net.Addr, 0, len(doors))
	for _, d := range doors {
		if !d.within.Load() {
			all = append(all, d.addr())
		}
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
		if l := d.held(); l != nil {
			_ = l.Close()
		}
	}
}

func listenerName(l *config.Listen) string {
	if l.Name != "" {
		return l.Name
	}
	return l.Address
}
