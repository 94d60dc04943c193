package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"stampede/transport"
)

// disconnect handles a DISCONNECT: when everything before it is done comes the receipt, and then
// the server closes.
func (s *session) disconnect(ctx actor.Context, receipt string, hasReceipt bool) {
	s.goodbye, s.hasGoodbye = receipt, hasReceipt
	s.reason = transport.ReasonClientDisconnected
	s.stall(waitDisconnect)
	for _, sub := range s.orderedSubscriptions() {
		if !sub.ended.Load() {
			s.end(ctx, sub)
		}
	}
	s.settleDown(ctx)
}

// settleDown is called whenever something this client sent is done.
func (s *session) settleDown(ctx actor.Context) {
	switch {
	case s.wait == waitQuiesced || s.phase == closing:
		if s.flow.drain() {
			ctx.Send(s.core.connectionsPID, &quiesced{connection: s.id})
		}
	case s.wait == waitDisconnect && s.phase < failing:
		s.tryDisconnect(ctx)
	}
}

// tryDisconnect closes once nothing is on its way any more. After the end of input the
// subscriptions stay until the connection is gone: a client that only closed its sending side
// still gets the answers to what it sent.
func (s *session) tryDisconnect(ctx actor.Context) {
	if !s.ended || s.hasGoodbye {
		for _, sub := range s.serials {
			if sub.ended.Load() {
				return
			}
		}
	}
	if !s.flow.drain() {
		return
	}
	if s.hasGoodbye {
		s.receipt(s.goodbye)
	}
	s.close(ctx, s.reason, "")
}
