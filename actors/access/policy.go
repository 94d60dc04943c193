package access

import (
	"context"
	"errors"
	"net"

	"stampede/config"
)

// Policy is what a configuration says about who may come in and what they may do. It is not changed once it was made: a
// new configuration makes a new one.
type Policy struct {
	authenticators chain // none: the configuration asks nobody to log in
	anonymous      bool  // who shows nothing is let in all the same
	rules          []rule
}

// FromConfig makes the policy of a configuration that is valid.
func FromConfig(cfg *config.Config) (*Policy, error) {
	p := &Policy{anonymous: cfg.AllowAnonymous, rules: rulesOf(cfg.Rights)}
	if cfg.Login != "" || cfg.Passcode != "" {
		p.authenticators = append(p.authenticators, newPair(cfg.Login, cfg.Passcode.Reveal()))
	}
	return p, nil
}

// Open tells whether nobody has to log in, as far as the configuration is concerned.
func (p *Policy) Open() bool { return len(p.authenticators) == 0 }

// Welcome lets a client in where nobody has to log in: one of this machine, one with a certificate that is trusted, and
// any if the configuration says so. Addresses are checked when the broker starts already; but connections may come to it in
// other ways than through its own listeners.
func (p *Policy) Welcome(c *Credentials) (*Identity, error) {
	if !p.anonymous && len(c.Certificates) == 0 && !ofThisMachine(c.Local) {
		return nil, ErrNoLogins
	}
	return anonymous(), nil
}

// ofThisMachine tells whether only programs of this machine can connect to an address.
func ofThisMachine(a net.Addr) bool {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.IP.IsLoopback()
	case *net.UnixAddr:
		return true
	default:
		return a != nil && a.Network() == "pipe"
	}
}

// Authenticate asks first, if it is not nil, and then what is configured. The error is never ErrUnknown.
func (p *Policy) Authenticate(ctx context.Context, first Authenticator, c *Credentials) (*Identity, error) {
	all := p.authenticators
	if first != nil {
		all = append(chain{first}, all...)
	}
	id, err := all.Authenticate(ctx, c)
	if !errors.Is(err, ErrUnknown) {
		return id, err
	}
	if p.anonymous && !c.HasLogin && !c.HasPasscode {
		return anonymous(), nil
	}
	return nil, ErrRefused
}
