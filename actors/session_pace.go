package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/actors/access"
	"stampede/stompwire"
)

// pacing is how a session keeps to the bounds on what is sent. It is in the checkpoint.
type pacing struct {
	quota  *quota // of this connection; made when it is first counted
	paid   bool   // the frame at hand was counted; it may be handled again after a wait
	held   bool   // was held back once: the log has it
	exempt bool   // the broker is going down: what was read is carried out
}

// rateElapsed (clock → session): there may be room for the next message.
type rateElapsed struct{}

// afford counts a SEND. False: the client has sent too much, and the frame has to wait, or was refused.
func (s *session) afford(ctx actor.Context, f *stompwire.Frame) bool {
	p, r := &s.pace, s.rates
	if p.paid || p.exempt {
		return true
	}
	if p.quota == nil {
		p.quota = &quota{}
	}
	now := s.core.clock.Now()
	wait, key, value := p.quota.excess(&r.connection, r.burst, now)
	if s.account != nil && r.user.bounded() {
		if w, k, v := s.account.excess(r, now); w > wait {
			wait, key, value = w, k, v
		}
	}
	if wait == 0 {
		p.quota.spend(sendOctets(f))
		if s.account != nil && r.user.bounded() {
			s.account.spend(sendOctets(f))
		}
		p.paid = true
		return true
	}
	if r.reject {
		receipt, has := f.Header.Get("receipt")
		s.fail(ctx, faultf(CodeRate, "messages come too fast", "the limit %s is %s", key, value), receipt, has)
		return false
	}
	if !p.held {
		p.held = true
		s.core.log.Info("a publisher is held back", "connection", connectionName(s.id), "remote", remote(s.conn), "limit", key, "value", value)
	}
	s.tell(ctx, wait, &rateElapsed{})
	s.stall(waitRate)
	return false
}

// tell sends a message to this session once d has passed.
func (s *session) tell(ctx actor.Context, d time.Duration, m any) {
	system, self := ctx.ActorSystem(), ctx.Self()
	s.core.clock.AfterFunc(d, func() { system.Root.Send(self, m) })
}

// unpace lets everything through that has come.
func (s *session) unpace() {
	s.pace.exempt = true
	if s.wait == waitRate {
		s.wait = waitNothing
	}
}

// join counts the connection as its user's. Clients that did not log in are nobody's.
func (s *session) join(login *login) *Fault {
	name := login.answer.identity.User
	if s.account != nil || name == "" || login.answer.identity.By == access.Anonymous {
		return nil
	}
	limit := s.core.settings().Limits.MaxConnectionsPerUser
	one, ok := s.core.users.enter(name, limit, s.core.rates.Load(), s.core.clock.Now())
	if !ok {
		return limitFault(CodeConnections, "too many connections of this user", "limits.max_connections_per_user", int64(limit))
	}
	s.account = one
	return nil
}
