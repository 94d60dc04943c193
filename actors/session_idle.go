package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/transport"
)

// idleWatch finds connections over which no frame goes, in either direction. Heart-beats are no frames.
type idleWatch struct {
	timer transport.Timer // nil: it has run out
	count uint64          // frames so far, at the last look
	since time.Time       // no frame since then
}

// idleLook (clock → session): has there been a frame?
type idleLook struct{}

// watchIdle begins, goes on or ends watching, as the configuration says.
func (s *session) watchIdle(ctx actor.Context) {
	limit := s.core.settings().Session.IdleTimeout
	s.stopWatching()
	if limit <= 0 || s.phase != connected {
		return
	}
	if s.idle == nil {
		s.idle = &idleWatch{}
	}
	now := s.core.clock.Now()
	busy := s.wait != waitNothing || len(s.backlog) > 0 // the client waits for us
	if count := s.frameCount + s.conn.Outbox().Stats().Delivered; count != s.idle.count || busy || s.idle.since.IsZero() {
		s.idle.count, s.idle.since = count, now
	}
	if now.Sub(s.idle.since) >= limit {
		s.fail(ctx, limitTimeFault(CodeIdle, "idle for too long", "session.idle_timeout", limit), "", false)
		return
	}
	system, self := ctx.ActorSystem(), ctx.Self()
	s.idle.timer = s.core.clock.AfterFunc(max(limit/idleLooks, time.Millisecond), func() { system.Root.Send(self, &idleLook{}) })
}

// idleLooks is how often a connection is looked at within its timeout: it ends so much later at most.
const idleLooks = 4

// stopWatching ends it.
func (cp *checkpoint) stopWatching() {
	if cp.idle != nil && cp.idle.timer != nil {
		cp.idle.timer.Stop()
		cp.idle.timer = nil
	}
}
