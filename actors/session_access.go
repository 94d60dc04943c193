package actors

import (
	"context"

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
	if s.asking == nil {
		s.asking, s.hangUp = context.WithCancel(context.Background())
	}
	return s.asking
}

// stopAsking tells whoever still looks at this client that nobody waits for the answer.
func (cp *checkpoint) stopAsking() {
	if cp.hangUp != nil {
		cp.hangUp()
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
		s.core.authorize(s.present(), s.identity, action, name, ctx.Self())
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

// permit works out what a client may do, now that it is known who it is.
func (s *session) permit() {
	s.permits = permits{grants: s.core.access.Load().Grants(s.identity)}
	s.permits.restricted = s.permits.grants != nil || s.core.authorizer != nil
}

// authorized files what the program said, and goes on with the frame that waits for it.
func (s *session) authorized(ctx actor.Context, m *authorized) {
	s.permits.file(m.name, m.action, m.allowed)
	s.resume(ctx, waitPermit)
}

// file remembers a verdict; beyond a bound all are forgotten and found anew.
func (p *permits) file(name string, action access.Action, allowed bool) {
	if _, there := p.verdicts[name]; !there && len(p.verdicts) >= maxKnown {
		clear(p.verdicts)
	}
	if p.verdicts == nil {
		p.verdicts = make(map[string]verdict)
	}
	p.verdicts[name] = p.verdicts[name].with(action, allowed)
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
