package access

import (
	"context"
	"errors"

	"stampede/config"
)

// Policy is what a configuration says about who may come in and what they may do. It is not changed once it was made: a
// new configuration makes a new one.
type Policy struct {
	authenticators chain // none: the configuration asks nobody to log in
	anonymous      bool  // who shows nothing is let in all the same
}

// FromConfig makes the policy of a configuration that is valid.
func FromConfig(cfg *config.Config) (*Policy, error) {
	p := &Policy{}
	if cfg.Login != "" || cfg.Passcode != "" {
		p.authenticators = append(p.authenticators, newPair(cfg.Login, cfg.Passcode.Reveal()))
	}
	return p, nil
}

// Open tells whether nobody has to log in, as far as the configuration is concerned.
func (p *Policy) Open() bool { return len(p.authenticators) == 0 }

// Anonymous is the identity of a client where nobody has to log in.
func (p *Policy) Anonymous() *Identity { return anonymous() }

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
