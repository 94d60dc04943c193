package actors

import (
	"context"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/actors/access"
	"stampede/transport"
)

// permits is what is known of what a client may do. Without any rule it is the zero value, and nobody looks into it.
type permits struct {
	restricted bool               // there are rules, or a program that makes them
	grants     *access.Grants     // by the rules; nil: there are none
	verdicts   map[string]verdict // by destination
}

// verdict holds two bits for each action: it is known, and it is allowed.
type verdict uint8

func (v verdict) about(a access.Action) (allowed, known bool) {
	return v>>(2*a)&2 != 0, v>>(2*a)&1 != 0
}

func (v verdict) with(a access.Action, allowed bool) verdict {
	v = v&^(3<<(2*a)) | 1<<(2*a)
	if allowed {
		v |= 2 << (2 * a)
	}
	return v
}

// present is the context of questions about this client. It ends when the client has gone.
func (s *session) present() context.Context {
	if s.presence == nil {
		s.presence = &presence{}
	}
	if s.presence.ctx == nil {
		s.presence.ctx, s.presence.end = context.WithCancel(context.Background())
	}
	return s.presence.ctx
}

// presence is what ends with a client: questions about who it is and what it may do, and a login that does not last for ever.
type presence struct {
	ctx    context.Context // of questions; nil: there were none
	end    context.CancelFunc
	expiry transport.Timer // ends the connection when the login does; nil: it does not end
}

// stopAsking tells whoever still looks at this client that nobody waits for the answer.
func (cp *checkpoint) stopAsking() {
	if cp.presence == nil {
		return
	}
	if cp.presence.end != nil {
		cp.presence.end()
	}
	if cp.presence.expiry != nil {
		cp.presence.expiry.Stop()
	}
}

// giveUpLogin tells whether what has come means that the CONNECT before it need not be answered any more: its time is up,
// the client is gone for good, or the broker is going down. Who only closed its sending side still gets its answer.
func (s *session) giveUpLogin(m any) bool {
	switch m := m.(type) {
	case *quiesce:
		return true
	case *transport.Ended:
		return m.Reason == transport.ReasonLoginTimeout
	}
	return false
}

// permitted tells whether the client may do something. False: the program has to be asked first, and the frame is handled
// again when it has answered.
func (s *session) permitted(ctx actor.Context, action access.Action, name string, pattern bool) (fault *Fault, known bool) {
	if isTemporary(name) || action != access.Read && isReply(name) {
		return nil, true // its own; or it was given the name
	}
	if len(name) > maxNameBytes {
		return nil, true // it is refused for that, and not to be remembered
	}
	allowed, known := s.permits.verdicts[name].about(action)
	if !known {
		allowed = s.permits.granted(action, name, pattern)
		if known = !allowed || s.core.authorizer == nil; known {
			s.permits.file(name, action, allowed)
		}
	}
	if !known {
		s.core.authorize(s.present(), s.identity.Load(), action, name, ctx.Self())
		s.stall(waitPermit)
		return nil, false
	}
	if !allowed {
		return forbidden(action, name), true
	}
	return nil, true
}

// granted tells whether the rules allow something. A pattern is allowed if everything it may ever stand for is.
func (p *permits) granted(action access.Action, name string, pattern bool) bool {
	switch {
	case p.grants == nil:
		return true
	case pattern:
		return p.grants.AllowsAll(action, name)
	}
	return p.grants.Allows(action, name)
}

// loginExpired (clock → session): a login is not good any more.
type loginExpired struct{}

// watchExpiry sets the timer that ends a connection with its login. It outlives the session, as its mailbox does.
func (s *session) watchExpiry(ctx actor.Context) {
	if s.presence != nil && s.presence.expiry != nil {
		s.presence.expiry.Stop()
		s.presence.expiry = nil
	}
	if s.identity.Load().Expires.IsZero() {
		return
	}
	system, self := ctx.ActorSystem(), ctx.Self()
	if s.presence == nil {
		s.presence = &presence{}
	}
	s.presence.expiry = s.core.clock.AfterFunc(s.identity.Load().Expires.Sub(s.core.clock.Now()), func() { system.Root.Send(self, &loginExpired{}) })
}

func (s *session) loginExpired(ctx actor.Context) {
	if s.phase != connected || s.identity.Load().Expires.IsZero() {
		return
	}
	if s.core.clock.Now().Before(s.identity.Load().Expires) {
		s.watchExpiry(ctx)
		return
	}
	s.core.log.Info("a login has expired", "user", s.identity.Load().User, "by", s.identity.Load().By, "remote", remote(s.conn))
	s.fail(ctx, faultf(CodeLoginExpired, "login expired", "the %s that let this connection in was good until %s; log in again", s.identity.Load().By, s.identity.Load().Expires.UTC().Format(time.RFC3339)), "", false)
}

// policyChanged holds a client against a new configuration. Who could not come in now as it did then, and who is subscribed
// to something that it may not read any more, is sent away.
func (s *session) policyChanged(ctx actor.Context) {
	if s.phase != connected {
		return // whoever is about to come in is looked at again then
	}
	id, err := s.core.access.Load().Recheck(s.identity.Load())
	if err != nil {
		s.core.log.Warn("a login was withdrawn", "user", s.identity.Load().User, "by", s.identity.Load().By, "remote", remote(s.conn))
		s.fail(ctx, loginWithdrawn(), "", false)
		return
	}
	s.identity.Store(id)
	s.permit()
	for _, sub := range s.subscriptions.all {
		name, pattern := sub.destination.full, sub.destination.pattern
		if !sub.ended.Load() && !isTemporary(name) && !s.permits.granted(access.Read, name, pattern) {
			s.core.log.Warn("a right was withdrawn", "user", id.User, "destination", name, "remote", remote(s.conn))
			s.fail(ctx, forbidden(access.Read, name), "", false)
			return
		}
	}
}

func loginWithdrawn() *Fault {
	return faultf(CodeAuth, "login withdrawn", "the configuration of the broker has changed, and this login is not good any more")
}

// permit works out what a client may do, now that it is known who it is.
func (s *session) permit() {
	s.permits = permits{grants: s.core.access.Load().Grants(s.identity.Load())}
	s.permits.restricted = s.permits.grants != nil || s.core.authorizer != nil
}

// authorized files what the program said, and goes on with the frame that waits for it.
func (s *session) authorized(ctx actor.Context, m *authorized) {
	s.permits.file(m.name, m.action, m.allowed)
	s.resume(ctx, waitPermit)
}

// maxVerdicts bounds the destinations about which a session remembers what its client may do.
const maxVerdicts = 256

// file remembers a verdict; beyond a bound all are forgotten and found anew.
func (p *permits) file(name string, action access.Action, allowed bool) {
	if _, there := p.verdicts[name]; !there && len(p.verdicts) >= maxVerdicts {
		clear(p.verdicts)
	}
	if p.verdicts == nil {
		p.verdicts = make(map[string]verdict)
	}
	p.verdicts[strings.Clone(name)] = p.verdicts[name].with(action, allowed) // that of a frame is part of more
}

// forbidden is the answer to a frame that its client has no right to. It is the same whether the destination exists or not.
func forbidden(action access.Action, name string) *Fault {
	verb := "send to"
	switch action {
	case access.Read:
		verb = "subscribe to"
	case access.Create:
		verb = "make"
	}
	return faultf(CodeForbidden, "forbidden", "this login has no right to %s %q", verb, name)
}
