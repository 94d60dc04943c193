package actors

import (
	"context"
	"errors"

	"stampede/actors/access"
)

// Authorize tells who somebody is that comes another way than by STOMP, over HTTP say, and whether they may do something
// with a destination: by the same authenticators, rules and bounds as clients of the broker. The error is a [Fault]: its
// code is CodeAuth if they are not let in at all, CodeForbidden if they may not do that.
func (b *Broker) Authorize(ctx context.Context, given *access.Credentials, action access.Action, destination string) (*access.Identity, error) {
	c := b.core
	var id *access.Identity
	answer := make(chan error, 1)
	submitted := c.desk.submit(question{ctx: ctx, ask: func() {
		call(func() (err error) {
			id, err = c.identify(ctx, given)
			if err == nil {
				err = c.check(ctx, id, action, destination)
			}
			return err
		}, func(err error) { answer <- err })
	}})
	if !submitted {
		return nil, &Fault{Code: CodeConnections, Message: "too many logins at once", Detail: "many others wait to be logged in; try again later"}
	}
	select {
	case err := <-answer:
		var p *panicked
		if errors.As(err, &p) {
			c.log.Error("an authenticator failed", "login", given.Login, "cause", err.Error(), "stack", p.stack)
			err = internalFault()
		}
		if err != nil {
			return nil, err
		}
		return id, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// identify finds out who somebody is.
func (c *core) identify(ctx context.Context, given *access.Credentials) (id *access.Identity, err error) {
	policy := c.access.Load()
	if c.authenticator == nil && policy.Open() {
		id, err = policy.Welcome(given)
	} else {
		id, err = policy.Authenticate(ctx, c.authenticator, given)
	}
	switch {
	case err == nil:
		return id, nil
	case errors.Is(err, access.ErrUnavailable):
		c.log.Error("a login could not be checked", "login", given.Login, "remote", given.Remote, "cause", err.Error())
		return nil, internalFault()
	case given.HasLogin || given.HasPasscode:
		c.stats.refusedLogins.Add(1)
		c.log.Warn("a login was refused", "login", given.Login, "remote", given.Remote, "cause", err.Error())
	}
	return nil, faultf(CodeAuth, "login refused", "a login is required, and this one is not right")
}

// check tells whether somebody may do something with a destination.
func (c *core) check(ctx context.Context, id *access.Identity, action access.Action, destination string) error {
	if g := c.access.Load().Grants(id); g != nil && !g.Allows(action, destination) {
		return forbidden(action, destination)
	}
	if c.authorizer != nil && c.authorizer.Authorize(ctx, id, action, destination) != nil {
		return forbidden(action, destination)
	}
	return nil
}
