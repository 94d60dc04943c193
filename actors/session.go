package actors

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/stompwire"
	"stampede/transport"
)

// session is the actor that speaks STOMP with one client. Frames are handled strictly in order:
// what needs an answer from elsewhere stalls those behind it.
type session struct {
	*checkpoint
	core *core
	life *life

	*tray            // while run is at work, and what it calls must not start it again; else nil
	acksBefore uint8 // how many ACKs were sent together last
	asked      bool  // the injector has had its say on the next frame
}

// tray is what a session handles frames with, so that those of one read share allocations. It is lent to whoever has frames
// to handle: most sessions have none most of the time.
type tray struct {
	rates    *rates          // on SENDs; nil: there are none
	ids      strings.Builder // the newest message ids
	messages []Message       // the newest messages of the read that is being handled
	acks     []collectedAcks // ACKs and NACKs not yet sent
}

func (s *session) renew() process {
	return &session{checkpoint: s.checkpoint, core: s.core, life: s.life}
}

func (s *session) receive(ctx actor.Context, message any) {
	switch m := message.(type) {
	case *transport.Inbound, *transport.Malformed, *transport.Ended, *quiesce:
		s.enqueue(ctx, m)
	case *sayGoodbye:
		s.fail(ctx, shutdownFault(), "", false)
	case *accepted:
		for _, r := range m.receipts {
			s.receipt(r)
		}
	case *acked:
		for _, r := range m.receipts {
			s.acked(r)
		}
	case *rejected:
		s.fail(ctx, m.fault, m.receipt, m.hasReceipt)
	case *loggedIn:
		s.loggedIn(ctx, m)
	case *authorized:
		s.authorized(ctx, m)
	case *loginExpired:
		s.loginExpired(ctx)
	case *resolved:
		s.resolved(ctx)
	case *subscribed:
		s.subscribed(ctx, m)
	case *subscriptionRefused:
		s.refused(ctx, m)
	case *unsubscribed:
		s.unsubscribed(ctx, m)
	case *attributed:
		s.attributed(ctx, m)
	case *collected:
		s.collected(ctx, m)
	case *prepared:
		s.prepared(ctx, m)
	case *decided:
		s.decided(ctx, m)
	case *drained:
		s.drained(ctx)
	case *settingsChanged:
		s.settingsChanged(ctx)
	case *rateElapsed:
		s.resume(ctx, waitRate)
	case *idleLook:
		s.watchIdle(ctx)
	case *proceed:
		s.run(ctx)
	case *outOfPatience:
		s.goDown(ctx)
	case *transport.Overflow:
		s.slow(ctx, &overflowed{pending: m.Bytes})
	case *overflowed:
		s.slow(ctx, m)
	case *gaveUp:
		s.fail(ctx, internalFault(), "", false)
	case *actor.Started:
		s.started(ctx)
	case *actor.Terminated, *actor.Stopping, *actor.Stopped, *actor.Restarting:
	default:
		s.core.unhandled(s.life, message)
	}
}

// refuse: a frame that keeps crashing the session ends the connection; the client is told.
func (s *session) refuse(ctx actor.Context, _ any) {
	s.filed = false
	s.fail(ctx, internalFault(), "", false)
}

// started brings a restarted session to where the last one was: its subscriptions attach anew, its
// open transactions are gone. What was sent to destinations is theirs and goes on.
func (s *session) started(ctx actor.Context) {
	for _, sub := range s.subscriptions.all {
		if !sub.ended.Load() {
			s.attach(ctx, sub)
			continue
		}
		// Its UNSUBSCRIBE was on the way with an actor that is gone.
		s.detachGone(ctx, sub)
	}
	for _, tx := range s.transactions.all() {
		releaseAll(tx)
	}
	s.transactions = nil
	if s.commit != nil {
		s.abandonCommit(ctx)
	}
	s.ackAgain()
	s.send(ctx)
	if s.phase == failing || s.wait == waitDisconnect || s.wait == waitQuiesced {
		s.flow.tellWhenDone()
	}
	if s.life.inflight == nil {
		s.run(ctx)
		return
	}
	// The guard hands that over again, and from there it goes on. But what the message was for may be done, all
	// but the frames behind it.
	ctx.Send(ctx.Self(), &proceed{})
}

// enqueue files what the transport says behind what it said before. A message that a crash
// interrupted is handed over again and filed already.
func (s *session) enqueue(ctx actor.Context, m any) {
	if s.filed {
		s.run(ctx)
		s.filed = false
		return
	}
	if s.phase >= failing {
		s.discard(m)
		s.flow.tellWhenDone()
		return
	}
	if _, ending := m.(*quiesce); ending {
		s.unpace()
	}
	if s.wait == waitLogin && s.giveUpLogin(m) {
		s.drop()
		s.wait = waitNothing
	}
	s.backlog = append(s.backlog, m)
	s.filed = true
	s.run(ctx)
	s.filed = false
}

// discard drops input after the end; its cost is still given back.
func (s *session) discard(m any) {
	if in, ok := m.(*transport.Inbound); ok {
		s.conn.Window().Release(in.Cost)
		in.Cost = 0
	}
}

// run handles what has come, up to something that has to wait.
func (s *session) run(ctx actor.Context) {
	if s.tray != nil {
		return
	}
	s.tray = s.core.trays.Get().(*tray)
	s.work(ctx)
	s.messages = nil
	s.core.trays.Put(s.tray) // not in a panic: who knows what is on it then
	s.tray = nil
}

func (s *session) work(ctx actor.Context) {
	defer s.sendAcks(ctx) // also if a frame behind them crashes it: what they settle need not come again
	for s.wait == waitNothing && len(s.backlog) > 0 && s.phase < failing {
		if s.swapped != nil {
			s.endSwap()
		}
		switch m := s.backlog[0].(type) {
		case *transport.Inbound:
			if !s.frames(ctx, m) {
				s.send(ctx)
				return
			}
			s.conn.Window().Release(m.Cost)
			m.Cost = 0
			s.messages = nil
			s.next()
		case *transport.Malformed:
			s.next()
			s.malformed(ctx, m)
		case *transport.Ended:
			s.next()
			s.inputEnded(ctx, m)
		case *quiesce:
			s.next()
			s.send(ctx)
			s.stall(waitQuiesced)
			s.flow.tellWhenDone()
		}
	}
	s.send(ctx)
}

// next takes the first of the backlog off.
func (s *session) next() {
	s.backlog[0] = nil
	s.backlog = s.backlog[1:]
	s.cursor = 0
	if len(s.backlog) == 0 {
		s.backlog = nil
	}
}

// frames handles the frames of one read from where it stopped last; false: something has to wait,
// or the connection is closing.
func (s *session) frames(ctx actor.Context, in *transport.Inbound) bool {
	s.rates = s.core.rates.Load()
	for s.cursor < len(in.Frames) {
		if s.core.injector != nil && !s.asked && !s.intact(in) {
			s.step()
			continue
		}
		f := &in.Frames[s.cursor]
		done := s.handle(ctx, f, in)
		if s.phase >= failing {
			return false
		}
		if done {
			*f = stompwire.Frame{}
			s.step()
			if s.swapped != nil {
				s.swap(in)
			}
		}
		if s.wait != waitNothing {
			return false
		}
	}
	return true
}

// step goes on to the next frame.
func (s *session) step() {
	s.cursor++
	s.frameCount++
	s.asked, s.intercepted, s.pace.paid = false, false, false
	s.life.progress()
}

// handle carries out one frame. False: it is not done and will be handled again after a wait.
func (s *session) handle(ctx actor.Context, f *stompwire.Frame, in *transport.Inbound) bool {
	if s.phase == awaitingConnect {
		return s.first(ctx, f)
	}
	if f.Command == stompwire.Send {
		if s.rates != nil && !s.afford(ctx, f) {
			return false
		}
		return s.publish(ctx, f, in)
	}
	if f.Command != stompwire.Ack && f.Command != stompwire.Nack {
		s.send(ctx) // what was sent before takes effect before
	}
	receipt, hasReceipt := f.Header.Get("receipt")
	var fault *Fault
	done := true
	switch f.Command {
	case stompwire.Ack:
		fault = s.ack(ctx, f, acknowledged)
	case stompwire.Nack:
		fault = s.nack(ctx, f)
	case stompwire.Subscribe:
		done, fault = s.subscribe(ctx, f)
	case stompwire.Unsubscribe:
		fault = s.unsubscribe(ctx, f)
	case stompwire.Begin:
		fault = s.begin(f)
	case stompwire.Commit:
		fault = s.beginCommit(ctx, f)
	case stompwire.Abort:
		fault = s.abortTransaction(ctx, f)
	case stompwire.Disconnect:
		s.disconnect(ctx, receiptOf(f))
	case stompwire.Connect, stompwire.Stomp:
		fault = faultf(CodeAlreadyConnected, "already connected", "a second %s on one connection", f.Command)
	default:
		fault = faultf(CodeSyntax, "not a client's command", "%s is a frame that servers send", f.Command)
	}
	if fault != nil {
		s.fail(ctx, fault, receipt, hasReceipt)
		return true
	}
	if done && hasReceipt && receiptNow(f.Command) {
		s.receipt(receipt)
	}
	return done
}

// receiptNow: these frames are done when they are handled; others answer when they are.
func receiptNow(c stompwire.Command) bool {
	return c == stompwire.Begin || c == stompwire.Abort
}

// stall makes the frames behind wait.
func (s *session) stall(w wait) { s.wait = w }

// resume goes on, if it was this that the frames waited for.
func (s *session) resume(ctx actor.Context, w wait) {
	if s.wait == w {
		s.wait = waitNothing
	}
	s.run(ctx)
}

// write puts a frame of ours into the outbox.
func (s *session) write(f *stompwire.Frame) {
	v := s.version
	if v == 0 {
		v = stompwire.V10
	}
	var room [256]byte // of the stack, unless the frame is larger
	s.conn.Outbox().AppendBy(s.life, stompwire.AppendFrame(room[:0], f, v))
}

func (s *session) receipt(id string) {
	if s.phase == closing {
		return
	}
	var room [receiptBytes]byte // of the stack, unless the id is long
	s.conn.Outbox().AppendBy(s.life, appendReceipt(room[:0], id, s.version))
}

// receiptBytes is as long as an ordinary RECEIPT gets.
const receiptBytes = 128

func appendReceipt(dst []byte, id string, v stompwire.Version) []byte {
	dst = append(dst, "RECEIPT\n"...)
	dst = stompwire.AppendHeader(dst, "receipt-id", id, v)
	return append(dst, '\n', 0)
}

// receiptOf is the receipt that a frame asks for; nil: none.
func receiptOf(f *stompwire.Frame) *string {
	if id, ok := f.Header.Get("receipt"); ok {
		return &id
	}
	return nil
}

// fail sends the ERROR and closes: after an ERROR nothing else may come. What was sent before the
// frame that failed is carried out, and its receipts go out, first; for a while at the most.
func (s *session) fail(ctx actor.Context, fault *Fault, receipt string, hasReceipt bool) {
	if s.phase >= failing {
		return
	}
	s.send(ctx)
	s.phase = failing
	s.lastWord = &lastWord{frame: fault.frame(receipt, hasReceipt), reason: reasonFor(fault.Code), text: fault.Message}
	s.core.stats.errors.Add(1)
	s.core.log.Info("closing a connection with an ERROR", "connection", connectionName(s.id), "remote", remote(s.conn), "code", string(fault.Code), "message", fault.Message, "detail", fault.Detail)
	s.drop()
	s.flow.tellWhenDone()
	system, self := ctx.ActorSystem(), ctx.Self()
	s.core.clock.AfterFunc(failPatience, func() { system.Root.Send(self, &outOfPatience{}) })
}

// failPatience bounds how long an ERROR waits for what was sent before it.
const failPatience = time.Second

// proceed (session → itself, after a restart): go on with the frames that wait.
type proceed struct{}

// outOfPatience (clock → session): the ERROR goes out now.
type outOfPatience struct{}

// goDown writes the ERROR that waited and closes.
func (s *session) goDown(ctx actor.Context) {
	if s.phase != failing {
		return
	}
	s.conn.Outbox().AppendLast(stompwire.AppendFrame(nil, &s.lastWord.frame, max(s.version, stompwire.V10)))
	s.close(ctx, s.lastWord.reason, s.lastWord.text)
}

// drop forgets what has come and is not handled.
func (s *session) drop() {
	for _, m := range s.backlog {
		s.discard(m)
	}
	s.backlog, s.cursor = nil, 0
}

// close stops reading and has the transport flush and close.
func (s *session) close(ctx actor.Context, reason transport.CloseReason, text string) {
	s.phase, s.reason = closing, reason
	s.drop()
	s.stopAsking()
	ctx.Send(s.transport.pid, &transport.Close{Reason: reason, Text: text, Linger: s.core.settings().Session.Linger})
}

// reasonFor maps what a client is told to why its connection closes.
func reasonFor(c Code) transport.CloseReason {
	switch c {
	case CodeShutdown:
		return transport.ReasonShutdown
	case CodeInternal:
		return transport.ReasonInternalError
	case CodeAuth, CodeForbidden, CodeLoginExpired, CodeRefused:
		return transport.ReasonRefused
	case CodeHeartBeat:
		return transport.ReasonHeartBeatTimeout
	case CodeFrameTimeout:
		return transport.ReasonFrameTimeout
	case CodeIdle:
		return transport.ReasonIdle
	case CodeConnections:
		return transport.ReasonTryAgainLater
	case CodeLoginTimeout:
		return transport.ReasonLoginTimeout
	case CodeSlowConsumer:
		return transport.ReasonSlowConsumer
	case CodeBlocked:
		return transport.ReasonRefused
	case CodeMessageTooLarge, CodeHeaders, CodeSubscriptions, CodeDestinationFull, CodeRate:
		return transport.ReasonLimitExceeded
	default:
		return transport.ReasonProtocolError
	}
}

func (s *session) malformed(ctx actor.Context, m *transport.Malformed) {
	fault := &Fault{Code: CodeSyntax, Message: "malformed frame", Detail: whereInStream(m.Err)}
	switch {
	case m.Reason == transport.ReasonFrameTimeout:
		fault.Code, fault.Message = CodeFrameTimeout, "frame not finished in time"
	case m.Err.Limit == transport.LimitMessageBytes: // of a WebSocket; it follows from the limits of a frame
		fault.Code, fault.Message = CodeMessageTooLarge, "WebSocket message too large"
		fault.Detail = fmt.Sprintf("a WebSocket message may have %d octets (limits.max_body_bytes and the headers of one frame): %s", m.Err.LimitValue, whereInStream(m.Err))
	case m.Err.Limit == stompwire.LimitBodyBytes:
		fault.Code, fault.Message = CodeMessageTooLarge, "body too large"
		fault.Detail = s.limitDetail(m.Err)
	case m.Err.Limit == stompwire.LimitHeaders:
		fault.Code, fault.Message = CodeHeaders, "too many headers"
		fault.Detail = s.limitDetail(m.Err)
	case m.Err.Limit == stompwire.LimitHeaderBytes:
		fault.Code, fault.Message = CodeHeaders, "header too long"
		fault.Detail = s.limitDetail(m.Err)
	case m.Err.Limit == stompwire.LimitHeaderBlockBytes:
		fault.Code, fault.Message = CodeHeaders, "headers too long"
		fault.Detail = s.limitDetail(m.Err)
	}
	s.fail(ctx, fault, m.Err.Receipt, m.Err.HasReceipt)
}

// whereInStream tells a client what was wrong, and where in what it sent.
func whereInStream(e *stompwire.SyntaxError) string {
	return fmt.Sprintf("%s, at octet %d of the stream [%s]", e.Problem, e.Offset, e.Clause)
}

// limitDetail names the limit as the configuration does: stompwire names the one, and before
// CONNECTED the smaller one holds.
func (s *session) limitDetail(e *stompwire.SyntaxError) string {
	key := "limits." + e.Limit
	detail := whereInStream(e)
	if s.phase == awaitingConnect && e.Limit != stompwire.LimitBodyBytes {
		key = "limits.connect_" + e.Limit
		detail = strings.ReplaceAll(detail, e.Limit, "connect_"+e.Limit)
	}
	return "the limit " + key + " is " + strconv.FormatInt(e.LimitValue, 10) + " (" + detail + ")"
}

// inputEnded: the client is gone, or has said all it will. What it sent is carried out first.
func (s *session) inputEnded(ctx actor.Context, m *transport.Ended) {
	s.ended = true
	switch m.Reason {
	case transport.ReasonHeartBeatTimeout:
		s.fail(ctx, &Fault{Code: CodeHeartBeat, Message: "heart-beat timeout", Detail: "nothing was heard from the client for longer than the heart-beats it promised allow"}, "", false)
		return
	case transport.ReasonLoginTimeout:
		s.fail(ctx, limitTimeFault(CodeLoginTimeout, "login timeout", "session.login_timeout", s.core.settings().Session.LoginTimeout), "", false)
		return
	case transport.ReasonProtocolError, transport.ReasonLimitExceeded, transport.ReasonInvalidText, transport.ReasonUnsupportedData:
		detail := m.Reason.Code()
		if m.Err != nil {
			detail = m.Err.Error()
		}
		s.fail(ctx, &Fault{Code: CodeSyntax, Message: m.Reason.Code(), Detail: detail}, "", false)
		return
	}
	s.reason = m.Reason
	s.stall(waitDisconnect)
	s.send(ctx)
	s.flow.tellWhenDone()
}

func shutdownFault() *Fault {
	return &Fault{Code: CodeShutdown, Message: "the broker is shutting down", Detail: "The broker is going down. What it has acknowledged by a RECEIPT was done; connect again later."}
}

func limitTimeFault(code Code, message, limit string, d time.Duration) *Fault {
	return faultf(code, message, "the limit %s is %s", limit, d)
}

func (s *session) slow(ctx actor.Context, m *overflowed) {
	if s.phase >= failing {
		return
	}
	s.core.event(Event{Kind: EventSlowConsumer, Role: s.life.role.name, Actor: s.life.pid.Id, Connection: connectionName(s.id), Login: s.user(), Remote: remote(s.conn), Cause: strconv.Itoa(m.pending) + " bytes pending"})
	s.fail(ctx, m.fault(s.core.settings()), "", false)
}

func internalFault() *Fault {
	return &Fault{Code: CodeInternal, Message: "internal error", Detail: "A part of the broker failed while it handled this. What was acknowledged by a RECEIPT stands; connect again."}
}
