package actors

import (
	"strconv"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/actors/access"
	"stampede/stompwire"
	"stampede/transport"
)

// login is a CONNECT whose client is being looked at. It is in the checkpoint, so that a restarted session waits for the
// answer that the last one asked for.
type login struct {
	version       stompwire.Version
	send, receive time.Duration // heart-beats
	policy        *access.Policy
	answer        *loggedIn // nil: it has not come
}

// first handles the first frame, which must be CONNECT or STOMP. False: who the client is has to be found out first.
func (s *session) first(ctx actor.Context, f *stompwire.Frame) bool {
	if f.Command != stompwire.Connect && f.Command != stompwire.Stomp {
		receipt, has := f.Header.Get("receipt")
		s.fail(ctx, faultf(CodeNotConnected, "not connected", "the first frame must be CONNECT or STOMP and was %s", f.Command), receipt, has)
		return true
	}
	if s.login == nil {
		if fault := s.beginLogin(ctx, f); fault != nil {
			login, _ := f.Header.Get("login")
			s.core.tellRefused(s.checkpoint, login, fault.Message)
			s.fail(ctx, fault, "", false)
			return true
		}
	}
	switch answer := s.login.answer; {
	case answer == nil:
		s.stall(waitLogin)
		return false
	case answer.fault != nil:
		s.fail(ctx, answer.fault, "", false)
	default:
		fault := s.stillGood(s.login)
		if fault == nil {
			fault = s.join(s.login)
		}
		if fault != nil {
			s.core.tellRefused(s.checkpoint, s.login.answer.identity.User, fault.Message)
			s.fail(ctx, fault, "", false)
			return true
		}
		s.admit(ctx, s.login)
	}
	return true
}

// beginLogin reads a CONNECT and has the authenticators asked who it comes from.
func (s *session) beginLogin(ctx actor.Context, f *stompwire.Frame) *Fault {
	version, fault := s.negotiate(f)
	if fault != nil {
		return fault
	}
	beat, fault := clientHeartBeat(f)
	if fault != nil {
		return fault
	}
	l := &login{version: version}
	if l.send, l.receive, fault = s.heartBeats(s.core.heartBeat(), beat); fault != nil {
		return fault
	}
	given := credentials(f, s.conn)
	l.policy = s.core.access.Load()
	if s.core.authenticator == nil && l.policy.Open() {
		l.answer = &loggedIn{}
		var err error
		if l.answer.identity, err = l.policy.Welcome(given); err != nil {
			l.answer.fault = s.core.loginRefused(s.checkpoint, given, err)
		}
	} else {
		s.core.authenticate(s.present(), l.policy, s.checkpoint, given, ctx.Self())
	}
	s.login = l
	return nil
}

// stillGood holds who comes in against the policy of now, should the configuration have changed meanwhile.
func (s *session) stillGood(l *login) *Fault {
	policy := s.core.access.Load()
	if policy == l.policy {
		return nil
	}
	id, err := policy.Recheck(l.answer.identity)
	if err != nil {
		return loginWithdrawn()
	}
	l.answer, l.policy = &loggedIn{identity: id}, policy
	return nil
}

// loggedIn goes on with the CONNECT. A session that failed while it asked may have asked twice: the first answer counts.
func (s *session) loggedIn(ctx actor.Context, m *loggedIn) {
	if s.login != nil && s.login.answer == nil {
		s.login.answer = m
	}
	s.resume(ctx, waitLogin)
}

// admit lets a client in.
func (s *session) admit(ctx actor.Context, l *login) {
	if s.identity.Load() == nil { // else a crash came between, and others may be reading it
		s.version = l.version
	}
	s.identity.Store(l.answer.identity)
	s.permit()
	s.watchExpiry(ctx)
	answer := stompwire.Frame{Command: stompwire.Connected, Header: stompwire.Header{
		{Name: "version", Value: s.version.String()},
		{Name: "session", Value: s.core.boot + "-" + strconv.FormatUint(s.id, 10)},
		{Name: "server", Value: s.core.server},
		{Name: "heart-beat", Value: s.core.heartBeat().String()},
	}}
	s.write(&answer)
	s.phase = connected
	ctx.Send(s.transport.pid, &transport.Admit{Version: s.version, Limits: s.core.wireLimits()})
	if l.send > 0 || l.receive > 0 {
		ctx.Send(s.transport.pid, &transport.SetHeartBeat{Send: l.send, Receive: l.receive, Tolerance: s.core.settings().HeartBeat.Tolerance})
	}
	s.login = nil
	s.watchIdle(ctx)
	s.core.stats.logins.Add(1)
	s.core.event(Event{Kind: EventConnected, Role: s.life.role.name, Actor: s.life.pid.Id, Connection: connectionName(s.id), Login: s.user(), Remote: remote(s.conn)})
}

// heartBeat is what the broker offers.
func (c *core) heartBeat() stompwire.HeartBeat {
	cfg := c.settings().HeartBeat
	return stompwire.HeartBeat{Send: cfg.Send, Want: cfg.Receive}
}

// negotiate agrees on a version, within what a WebSocket sub-protocol demands.
func (s *session) negotiate(f *stompwire.Frame) (stompwire.Version, *Fault) {
	offered, present := f.Header.Get("accept-version")
	demanded := s.conn.Info().Version
	v, ok := stompwire.Negotiate(offered, present)
	if ok && demanded != 0 {
		ok = v == demanded || (present && offers(offered, demanded))
		v = demanded
	}
	if ok {
		return v, nil
	}
	fault := faultf(CodeVersion, "no common protocol version", "the client accepts %q, this broker speaks %s", offered, stompwire.SupportedVersions)
	if demanded != 0 {
		fault.Detail += "; the WebSocket sub-protocol demands " + demanded.String()
	}
	fault.Headers = []stompwire.Field{{Name: "version", Value: stompwire.SupportedVersions}}
	return 0, fault
}

func offers(accept string, v stompwire.Version) bool {
	for part := range strings.SplitSeq(accept, ",") {
		if strings.TrimSpace(part) == v.String() {
			return true
		}
	}
	return false
}

func clientHeartBeat(f *stompwire.Frame) (stompwire.HeartBeat, *Fault) {
	value, present := f.Header.Get("heart-beat")
	if !present {
		return stompwire.HeartBeat{}, nil
	}
	beat, err := stompwire.ParseHeartBeat(value)
	if err != nil {
		return beat, faultf(CodeSyntax, "bad heart-beat header", "heart-beat is two whole numbers of milliseconds such as 10000,10000, and is %q", value)
	}
	return beat, nil
}

// heartBeats are the intervals in force: the longer of what one side offers and the other wants,
// within the configured maximum.
func (s *session) heartBeats(server, client stompwire.HeartBeat) (send, receive time.Duration, fault *Fault) {
	send, receive = stompwire.EffectiveHeartBeat(server, client)
	longest := s.core.settings().HeartBeat.Max
	if longest == 0 {
		return send, receive, nil
	}
	if send > longest {
		send = longest // more often than asked for is always allowed
	}
	if receive > longest {
		return 0, 0, faultf(CodeHeartBeat, "heart-beat interval too long", "the client offers a heart-beat every %s; heartbeat.max is %s", receive, longest)
	}
	return send, receive, nil
}
