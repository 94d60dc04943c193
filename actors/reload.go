package actors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/actors/access"
	"stampede/config"
	"stampede/transport"
)

// Reloaded says what a Reload has changed.
type Reloaded struct {
	Changed []string // keys with another value, which is in force now
	Restart []string // keys with another value that only a new broker takes over, and those that a destination which is there can't follow
	Opened  []string // addresses that are listened on now
	Closed  []string // addresses that no listener names any more; the connections that came through them stay
}

// Reload puts another configuration in force without dropping a connection or a message. cfg must not
// be changed afterwards. If something in it can't be had, because it is not valid, or a certificate can't
// be read, or an address is taken, then nothing changes, and the error says what.
//
// What was agreed on with a client at CONNECT stays with its connection: heart-beats, and the sizes of
// its window and outbox. All else holds from the next frame on. Nobody is sent away because of a limit on
// connections that is lower now.
//
// Where an address grows from one interface to all of them, the old socket stays beside the new one, so that nobody
// who is connecting is turned away. Where it shrinks, the new one is open before the old one goes: nobody is refused,
// but who is just connecting may have to try again.
func (b *Broker) Reload(ctx context.Context, cfg *config.Config) (*Reloaded, error) {
	b.reloading.Lock()
	defer b.reloading.Unlock()
	c := b.core
	if err := errors.Join(cfg.Validate(), cfg.CheckFiles(), c.checkExposure(cfg)); err != nil {
		return nil, err
	}
	policy, err := access.FromConfig(cfg, c.clock.Now, c.access.Load(), b.own.listens...)
	if err != nil {
		return nil, err
	}
	plan, err := c.planDoors(ctx, cfg, b.doors)
	if err != nil {
		return nil, err
	}
	r := &Reloaded{Opened: texts(plan.named), Closed: texts(plan.left)}
	kept := c.keptKeys(cfg)
	for _, change := range c.settings().Changes(cfg) {
		switch {
		case change.Restart:
			r.Restart = append(r.Restart, change.Key)
		case !slices.Contains(kept, change.Key):
			r.Changed = append(r.Changed, change.Key)
		}
	}
	r.Restart = append(r.Restart, kept...)

	// From here on it happens.
	c.live.Store(cfg)
	c.rates.Store(newRates(&cfg.Limits))
	c.access.Store(policy)
	failed := plan.apply()
	b.own.update(c, cfg)
	all := b.own.with(plan.doors)
	b.mu.Lock()
	b.doors, b.addrs = plan.doors, addresses(all)
	b.mu.Unlock()
	doors, destinations := make(chan struct{}), make(chan struct{})
	c.system.Root.Send(c.listenersPID, &changeDoors{doors: all, done: doors})
	c.system.Root.Send(c.router(), &settingsChanged{done: sync.OnceFunc(func() { close(destinations) })})
	c.system.Root.Send(c.connectionsLife.pid, &settingsChanged{})
	c.system.Root.Send(c.statisticsPID, &settingsChanged{})
	c.system.Root.Send(c.journal.pid, &settingsChanged{})
	for _, done := range []<-chan struct{}{doors, destinations} {
		select {
		case <-done:
		case <-b.done:
			closeAll(plan.fresh)
			return nil, errBrokerEnded
		case <-ctx.Done():
			return r, errors.Join(failed, fmt.Errorf("the configuration is in force, but not everything has changed yet: %w", ctx.Err()))
		}
	}
	return r, failed
}

// keptKeys names, in the order of the blocks, what destinations that are there can't follow.
func (c *core) keptKeys(cfg *config.Config) []string {
	kept := make(map[*config.Destination][]string)
	c.table.each(func(h *handle) {
		if d := blockFor(cfg.Destination, h.name, h.kind); d != nil {
			kept[d] = append(kept[d], h.keptFrom(d)...)
		}
	})
	var keys []string
	for i := range cfg.Destination {
		of := kept[&cfg.Destination[i]]
		slices.Sort(of)
		for _, key := range slices.Compact(of) {
			keys = append(keys, fmt.Sprintf("destination[%d].%s", i, key))
		}
	}
	return keys
}

var errBrokerEnded = errors.New("the broker has ended")

func texts(doors []*door) []string {
	var all []string
	for _, d := range doors {
		all = append(all, d.addr().String())
	}
	return all
}

// settingsChanged (broker → router; broker → connections → connection → session): another configuration
// is in force. The router calls done when the destinations are as it says.
type settingsChanged struct{ done func() }

// settingsChanged takes over what a session keeps of the configuration.
func (s *session) settingsChanged(ctx actor.Context) {
	if s.transactions != nil {
		s.transactions.limits = s.core.transactionLimits()
	}
	s.policyChanged(ctx)
	s.watchIdle(ctx)
	s.resume(ctx, waitRate) // there may be no bound any more
	if s.phase == connected {
		ctx.Send(s.transport.pid, &transport.SetLimits{Limits: s.core.wireLimits()})
	}
}
