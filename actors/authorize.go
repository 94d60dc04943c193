package actors

import (
	"context"
	"errors"
	"time"

	"stampede/actors/access"
)

// Authorize tells who somebody is that comes another way than by STOMP, over HTTP say, and whether they may do something
// with a destination: by the same authenticators, rules and bounds as clients of the broker. The error is a *Fault, with
// CodeAuth if they are not let in at all and CodeForbidden if they may not do that; or ctx's, if that ends first.
func (b *Broker) Authorize(ctx context.Context, given *access.Credentials, action access.Action, destination string) (*access.Identity, error) {
	c := b.core
	if err := c.pause(ctx, c.throttle.Wait(given, c.clock.Now(), &c.settings().Access)); err != nil {
		return nil, err
	}
	var id *access.Identity
	var held time.Duration // the answer to a wrong login, as a STOMP client's is
	answer := make(chan error, 1)
	c.desk.submit(question{ctx: ctx, from: given.Source(), refuse: func() { answer <- tooManyLogins() }, ask: func() {
		call(func() (err error) {
			id, held, err = c.identify(ctx, given)
			if err == nil {
				err = c.check(ctx, id, action, destination)
			}
			return err
		}, func(err error) { answer <- err })
	}})
	select {
	case err := <-answer:
		var p *panicked
		if errors.As(err, &p) {
			if id == nil {
				c.tellUnknown(given, err)
			}
			c.log.Error("an authenticator failed", "login", short(given.Login), "cause", err.Error(), "stack", p.stack)
			err = internalFault()
		}
		if err != nil {
			if ended := c.pause(ctx, held); ended != nil {
				return nil, ended
			}
			return nil, err
		}
		return id, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// pause returns when d has passed, or ctx has ended first.
func (c *core) pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	over := make(chan struct{})
	t := c.clock.AfterFunc(d, func() { close(over) })
	defer t.Stop()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// identify finds out who somebody is, or for how long that it is not known who is to be kept to ourselves.
func (c *core) identify(ctx context.Context, given *access.Credentials) (id *access.Identity, held time.Duration, err error) {
	policy := c.access.Load()
	if c.authenticator == nil && policy.Open() {
		id, err = policy.Welcome(given)
	} else {
		id, err = policy.Authenticate(ctx, c.authenticator, given)
	}
	switch {
	case err == nil:
		c.throttle.Succeeded(given)
		return id, 0, nil
	case errors.Is(err, access.ErrUnavailable):
		c.tellUnknown(given, err)
		c.log.Error("a login could not be checked", "login", short(given.Login), "remote", given.Remote, "cause", err.Error())
		return nil, 0, internalFault()
	case given.HasLogin || given.HasPasscode:
		c.stats.refusedLogins.Add(1)
		c.tellUnknown(given, err)
		c.log.Warn("a login was refused", "login", short(given.Login), "remote", given.Remote, "cause", err.Error())
		held = c.throttle.Failed(given, c.clock.Now(), &c.settings().Access)
	}
	return nil, held, faultf(CodeAuth, "login refused", "a login is required, and this one is not right")
}

// tellUnknown has followers of the events hear of somebody who is no client and was not let in.
func (c *core) tellUnknown(given *access.Credentials, cause error) {
	from := ""
	if given.Remote != nil {
		from = given.Remote.String()
	}
	c.tell(Event{Kind: EventLoginRefused, Login: short(given.Login), Remote: from, Cause: cause.Error()})
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
