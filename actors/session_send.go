package actors

import (
	"strconv"
	"strings"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/actors/access"
	"stampede/stompwire"
	"stampede/transport"
)

// publish handles a SEND. Messages for one destination are collected while frames of one read are
// handled, and leave together. False: the destination has to be found first.
func (s *session) publish(ctx actor.Context, f *stompwire.Frame, in *transport.Inbound) bool {
	var h send
	var fault *Fault
	if len(s.core.interceptors) > 0 {
		var on bool
		if on, fault = s.passes(f); !on && fault == nil {
			if receipt, has := f.Header.Get("receipt"); has {
				s.receipt(receipt)
			}
			return true
		}
	}
	if fault == nil {
		h, fault = parseSend(f)
	}
	if fault != nil {
		receipt, has := f.Header.Get("receipt")
		s.fail(ctx, fault, receipt, has)
		return true
	}
	if s.permits.restricted {
		fault, known := s.permitted(ctx, access.Write, h.destination, false)
		if !known {
			return false
		}
		if fault != nil {
			s.fail(ctx, fault, h.receipt, h.hasReceipt)
			return true
		}
	}
	to, fault, found := s.find(ctx, h.destination, false)
	if fault == nil && !found {
		return false
	}
	if fault != nil && isReply(h.destination) {
		// Who asked is gone, and nobody else could have received it. That must not end the
		// connection of the one who answers.
		s.core.stats.unroutable.Add(1)
		if h.hasReceipt {
			s.receipt(h.receipt)
		}
		return true
	}
	if fault == nil {
		fault = to.mayTake(h, f)
	}
	if fault == nil && to.settings.Load().webWriteBlock && s.fromWeb() {
		fault = faultf(CodeBlocked, "blocked", "clients from the web may not send to %q (web_write_block)", to.name)
	}
	if fault == nil && h.hasReplyTo && isTemporary(h.replyTo) {
		if found, fault = s.rewriteReplyTo(ctx, f, h.replyTo); fault == nil && !found {
			return false
		}
	}
	var m *Message
	if fault == nil {
		m = s.message(in)
		fault = m.read(s.messageID(), to.name, f, s.core.clock.Now)
		m.shared = m.shared || cap(s.messages) > 1
	}
	if fault == nil && s.conn.Info().Trusted {
		fault = m.keepID(f)
	}
	if fault != nil {
		s.fail(ctx, fault, h.receipt, h.hasReceipt)
		return true
	}
	if h.inTx {
		if fault = s.sendInTransaction(h.transaction, to, m.kept()); fault != nil {
			s.fail(ctx, fault, h.receipt, h.hasReceipt)
		} else if h.hasReceipt {
			s.receipt(h.receipt)
		}
		return true
	}
	m.receipt, m.hasReceipt = h.receipt, h.hasReceipt
	// Its share of what the read cost is given back when the destination is done with it.
	cost := min(m.size, in.Cost)
	for _, p := range s.pending {
		if p.to == to {
			in.Cost -= cost
			p.batch = append(p.batch, m)
			p.cost += cost
			return true
		}
	}
	if !to.acquire() {
		return false // it retired a moment ago, and is not found again
	}
	in.Cost -= cost
	s.pending = append(s.pending, &publish{to: to, batch: append(make([]*Message, 0, 4), m), flow: &s.flow, cost: cost, from: s.life})
	return true
}

// message gives an empty message. Those of one read share allocations.
func (s *session) message(in *transport.Inbound) *Message {
	if len(s.messages) == cap(s.messages) {
		s.messages = make([]Message, 0, min(len(in.Frames)-s.cursor, messagesTogether))
	}
	s.messages = s.messages[:len(s.messages)+1]
	return &s.messages[len(s.messages)-1]
}

// messagesTogether is how many messages share an allocation at most.
const messagesTogether = 16

// mayTake holds a SEND against what its destination can do, and the settings that it has.
func (h *handle) mayTake(s send, f *stompwire.Frame) *Fault {
	if s.persistent && h.kind == kindQueue && h.owner == 0 { // a temporary queue lasts no longer than its owner
		return unsupported("durable storage (persistent:true)")
	}
	set := h.settings.Load()
	if len(f.Body) <= set.maxMessageSize {
		return h.filterMissing(f)
	}
	limit := "limits.max_body_bytes"
	if set.given["max_message_size"] {
		limit = set.limit("", "max_message_size")
	}
	return limitFault(CodeMessageTooLarge, "body too large for this destination", limit, int64(set.maxMessageSize))
}

// fromWeb tells whether the client comes from the open web.
func (s *session) fromWeb() bool {
	info := s.conn.Info()
	return info.Kind == transport.WebSocket || info.Web
}

// send lets what was collected go: acknowledgements, then messages.
func (s *session) send(ctx actor.Context) {
	s.sendAcks(ctx)
	for i, p := range s.pending {
		s.flow.sent++
		p.number = s.flow.sent
		s.flow.begin(len(p.batch))
		s.life.pass(p.to.life, p)
		s.pending[i] = nil
	}
	s.pending = s.pending[:0]
}

// messageID is unique for as long as the broker runs, and over its restarts.
func (s *session) messageID() string {
	s.nextMessage++
	b := make([]byte, 0, maxMessageID)
	b = append(append(b, s.core.boot...), '-')
	b = append(strconv.AppendUint(b, s.id, 36), '-')
	b = strconv.AppendUint(b, s.nextMessage, 36)
	if s.ids.Cap()-s.ids.Len() < len(b) {
		s.ids = strings.Builder{}
		s.ids.Grow(idsTogether)
	}
	start := s.ids.Len()
	s.ids.Write(b)
	return s.ids.String()[start:]
}

const (
	// maxMessageID is as long as a message id gets: the run, and two numbers of 64 bits.
	maxMessageID = 40
	// idsTogether is the size of an allocation that some ids share. It is small, because any of them that is kept keeps all.
	idsTogether = 256
)

// find gives the destination of a name. If it isn't known here, the router is asked, and the frame
// is handled again when it has answered.
func (s *session) find(ctx actor.Context, name string, subscribing bool) (h *handle, fault *Fault, found bool) {
	if h := s.latest; h != nil && h.address == name && h.leases.Load() >= 0 {
		return h, nil, true
	}
	if r := s.found; r != nil && r.name == name {
		s.found = nil
		if r.fault != nil {
			return nil, r.fault, false
		}
		s.remember(r.name, r.handle)
		r.handle.release()
		return r.handle, nil, true
	}
	if h := s.core.table.lookup(name); h != nil && h.leases.Load() >= 0 {
		s.latest = h
		return h, nil, true
	}
	name = strings.Clone(name) // it is part of a frame, which is part of more, and is kept from here on
	parsed, fault := parseName(name, subscribing)
	if fault != nil && fault.Code != CodeDestinationUnknown {
		return nil, fault, false
	}
	if parsed.temp {
		if h := s.temporary[name]; h != nil {
			return h, nil, true
		}
		if limit := s.core.settings().Limits.MaxTemporaryDestinations; len(s.temporary) >= limit {
			return nil, limitFault(CodeConnections, "too many temporary destinations", "limits.max_temporary_destinations", int64(limit)), false
		}
	}
	if fault != nil {
		return nil, fault, false
	}
	mayCreate := true
	if s.permits.restricted {
		fault, known := s.permitted(ctx, access.Create, name, false)
		if !known {
			return nil, nil, false
		}
		mayCreate = fault == nil
	}
	s.ask(ctx, &resolve{name: parsed, session: ctx.Self(), owner: s.id, mayCreate: mayCreate})
	return nil, nil, false
}

// ask has the router find a destination; the frames behind wait for its answer.
func (s *session) ask(ctx actor.Context, m *resolve) {
	s.forgetAnswer(ctx, s.core)
	s.search = &search{}
	m.search = s.search
	s.stall(waitResolve)
	ctx.Send(s.core.router(), m)
}

// resolved takes the answer. The message may come again after a crash: then it was taken already.
func (s *session) resolved(ctx actor.Context) {
	if s.search != nil {
		answer := s.search.take()
		if answer == nil {
			return
		}
		s.search, s.found = nil, answer
	}
	s.resume(ctx, waitResolve)
}

// forgetAnswer gives back what an answer of the router's has brought, or will bring, and nobody will use.
func (cp *checkpoint) forgetAnswer(ctx actor.Context, c *core) {
	answers := []*resolved{cp.found}
	if cp.search != nil {
		answers = append(answers, cp.search.take())
	}
	cp.found, cp.search = nil, nil
	for _, r := range answers {
		if r == nil || r.handle == nil {
			continue
		}
		if r.handle.owner == cp.id && cp.temporary[r.name] == nil {
			ctx.Send(c.router(), &dropTemporary{handle: r.handle})
		}
		r.handle.release()
	}
}

// remember keeps what the router has found.
func (s *session) remember(name string, h *handle) {
	if isTemporary(name) {
		if s.temporary == nil {
			s.temporary = make(map[string]*handle)
		}
		s.temporary[name] = h
		return
	}
	s.latest = h
}

func isTemporary(name string) bool {
	return strings.HasPrefix(name, tempQueuePrefix) || strings.HasPrefix(name, tempTopicPrefix)
}

func isReply(name string) bool {
	return strings.HasPrefix(name, replyQueuePrefix) || strings.HasPrefix(name, replyTopicPrefix)
}

// rewriteReplyTo puts the opaque name of a temporary destination where its private name stood, so
// that whoever answers can SEND to it.
func (s *session) rewriteReplyTo(ctx actor.Context, f *stompwire.Frame, name string) (bool, *Fault) {
	h, fault, found := s.find(ctx, name, false)
	if !found {
		return false, fault
	}
	header := make(stompwire.Header, len(f.Header))
	copy(header, f.Header)
	for i := range header {
		if header[i].Name == "reply-to" && header[i].Value == name {
			header[i].Value = h.address
		}
	}
	f.Header = header
	return true, nil
}
