package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"stampede/transport"
)

// disconnect handles a DISCONNECT: when everything before it is done comes the receipt, and then
// the server closes.
func (s *session) disconnect(ctx actor.Context, receipt *string) {
	s.goodbye = receipt
	s.reason = transport.ReasonClientDisconnected
	s.stall(waitDisconnect)
	for _, sub := range s.subscriptions.all {
		if !sub.ended.Load() {
			s.end(ctx, sub)
		}
	}
	s.flow.tellWhenDone()
}

// drained: nothing this client sent is on its way any more, and its receipts are out.
func (s *session) drained(ctx actor.Context) {
	switch {
	case s.phase == failing:
		s.goDown(ctx)
	case s.wait == waitQuiesced || s.phase == closing:
		ctx.Send(s.core.connectionsLife.pid, &quiesced{connection: s.id})
	case s.wait == waitDisconnect:
		s.tryDisconnect(ctx)
	}
}

// tryDisconnect closes, unless subscriptions are still being detached. After the end of input they
// stay until the connection is gone: a client that only closed its sending side still gets the
// answers to what it sent.
func (s *session) tryDisconnect(ctx actor.Context) {
	if s.goodbye != nil || !s.ended {
		for _, sub := range s.subscriptions.all {
			if sub.ended.Load() {
				return // unsubscribed brings us back
			}
		}
	}
	if s.goodbye != nil {
		s.receipt(*s.goodbye)
	}
	s.close(ctx, s.reason, "")
}
