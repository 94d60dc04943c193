package actors

import (
	"bytes"
	"context"
	"strconv"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/stompwire"
)

// Publish hands a message to the broker and returns when that has taken it, which is what a RECEIPT
// means to a client: a queue owns it, or a topic has passed it on to every subscriber of the moment.
//
// A full queue makes Publish wait, as queues.full says; ctx bounds that. The error is a *Fault with
// its Code, or ctx's: then the message was not taken and never will be. body may be used again as soon
// as Publish has returned.
func (b *Broker) Publish(ctx context.Context, destination string, body []byte, opts ...PublishOption) error {
	f := sendFrame(destination, bytes.Clone(body), opts)
	return b.publish(ctx, f)
}

// PublishOption is what Publish can be told beside destination and body: WithHeader.
type PublishOption interface{ publishing(*stompwire.Header) }

// SubscribeOption is what Subscribe and its sisters can be told: WithHeader, WithPrefetch, WithAck,
// WithWorkers.
type SubscribeOption interface{ subscribing(*subscribeOptions) }

// HeaderOption is one header line of a SEND or a SUBSCRIBE. See WithHeader.
type HeaderOption struct{ field stompwire.Field }

// WithHeader adds a header. What headers mean to the broker (priority, expires, delay, selector, …)
// is in docs/protocol.md; a SEND's other headers go to who receives the message.
func WithHeader(name, value string) HeaderOption {
	return HeaderOption{stompwire.Field{Name: name, Value: value}}
}

func (o HeaderOption) publishing(h *stompwire.Header) { *h = append(*h, o.field) }

func (o HeaderOption) subscribing(s *subscribeOptions) { s.header = append(s.header, o.field) }

func sendFrame(destination string, body []byte, opts []PublishOption) *stompwire.Frame {
	f := &stompwire.Frame{Command: stompwire.Send, Body: body, Header: make(stompwire.Header, 1, 1+len(opts))}
	f.Header[0] = stompwire.Field{Name: "destination", Value: destination}
	for _, o := range opts {
		o.publishing(&f.Header)
	}
	return f
}

// publish does for a goroutine of the program what session.publish does for a client.
func (b *Broker) publish(ctx context.Context, f *stompwire.Frame) error {
	p := b.core.program
	if !p.work.enter() {
		return shutdownFault()
	}
	defer p.work.leave()
	dropped, fault := b.core.intercept(&Send{}, f)
	if fault != nil {
		return fault
	}
	if dropped {
		return nil
	}
	h, fault := p.parse(f)
	if fault != nil {
		return fault
	}
	to, err := b.find(ctx, h.destination, false)
	if err != nil {
		return err
	}
	m, fault := p.message(f, h, to)
	if fault != nil {
		to.release()
		return fault
	}
	sent := &publish{to: to, batch: []*Message{m}, asked: ask[*Fault]()}
	b.core.bring(to.life, sent)
	fault, err = sent.asked.wait(ctx, b.core, b.done)
	if err != nil {
		b.core.system.Root.Send(to.pid(), &withdrawn{publish: sent})
		return err
	}
	if fault != nil {
		return fault
	}
	return nil
}

// find gives a destination, leased, and makes it if it may be made.
func (b *Broker) find(ctx context.Context, name string, subscribing bool) (*handle, error) {
	parsed, h, fault := b.core.program.lookup(name, subscribing)
	if fault != nil {
		return nil, fault
	}
	if h != nil {
		return h, nil
	}
	asked := ask[*resolved]()
	b.core.system.Root.Send(b.core.router(), &resolve{name: parsed, owner: programID, mayCreate: true, asked: asked})
	r, err := asked.wait(ctx, b.core, b.done)
	if err != nil {
		return nil, err
	}
	if r.fault != nil {
		return nil, r.fault
	}
	b.core.program.remember(name, r.handle)
	return r.handle, nil
}

// parse reads the headers of a SEND of the program's.
func (p *programState) parse(f *stompwire.Frame) (send, *Fault) {
	if limit := int64(p.core.settings().Limits.MaxBodyBytes); int64(len(f.Body)) > limit {
		return send{}, limitFault(CodeMessageTooLarge, "body too large", "limits.max_body_bytes", limit)
	}
	h, fault := parseSend(f)
	if fault == nil && h.inTx {
		fault = faultf(CodeTransaction, "unknown transaction", "a program's message is in no transaction: leave the transaction header out")
	}
	return h, fault
}

// message makes a message of a SEND to a destination that was found.
func (p *programState) message(f *stompwire.Frame, h send, to *handle) (*Message, *Fault) {
	if fault := to.mayTake(h, f); fault != nil {
		return nil, fault
	}
	if h.hasReplyTo && isTemporary(h.replyTo) {
		reply := p.own(h.replyTo)
		if reply == nil {
			return nil, faultf(CodeDestinationUnknown, "destination unknown", "the program has no subscription to %q, so nobody would get the reply", h.replyTo)
		}
		for i := range f.Header {
			if f.Header[i].Name == "reply-to" && f.Header[i].Value == h.replyTo {
				f.Header[i].Value = reply.address
			}
		}
	}
	return newMessage(p.messageID(), to.name, f, p.core.clock.Now)
}

// messageID is unique for as long as the broker runs, and over its restarts.
func (p *programState) messageID() string {
	b := make([]byte, 0, 32)
	b = append(append(b, p.core.boot...), "-P-"...) // where a session's have a number in small letters
	return string(strconv.AppendUint(b, p.messages.Add(1), 36))
}

// PID is the broker's actor for the actors of the program: it takes *PublishRequest. It is of use in a
// system that the two share, see WithActorSystem.
func (b *Broker) PID() *actor.PID { return b.core.programPID }

// PublishRequest asks the broker to publish. An actor sends it to Broker.PID; if it was sent as a
// request, a *PublishResponse comes back when the broker has taken the message, or refused it. The
// request and what it refers to must not be changed once it is sent.
type PublishRequest struct {
	Destination string
	Header      stompwire.Header
	Body        []byte

	routed bool // it is on its way: the actor that failed behind that must not send it again
}

// PublishResponse answers a PublishRequest. Err is nil when the broker has taken the message, and
// else a *Fault.
type PublishResponse struct {
	Request *PublishRequest
	Err     error
}

// waitingRequest is one whose destination is being made.
type waitingRequest struct {
	request *PublishRequest
	frame   *stompwire.Frame
	send    send
	sender  *actor.PID
}

// publishRequest carries a PublishRequest out, once its destination is found.
func (p *program) publishRequest(ctx actor.Context, m *PublishRequest) {
	if m.routed {
		return
	}
	w := &waitingRequest{request: m, sender: ctx.Sender()}
	if !p.work.enter() {
		p.respond(w, shutdownFault())
		return
	}
	header := append(make(stompwire.Header, 0, 1+len(m.Header)), stompwire.Field{Name: "destination", Value: m.Destination})
	w.frame = &stompwire.Frame{Command: stompwire.Send, Header: append(header, m.Header...), Body: m.Body}
	m.routed = true
	dropped, fault := p.core.intercept(&Send{}, w.frame)
	if fault != nil || dropped {
		p.end(w, fault)
		return
	}
	if w.send, fault = p.parse(w.frame); fault != nil {
		p.end(w, fault)
		return
	}
	p.find(ctx, w.send.destination, func(ctx actor.Context, to *handle, fault *Fault) {
		if fault != nil {
			p.end(w, fault)
			return
		}
		p.route(ctx, w, to)
	})
}

// finder goes on with a destination that was found, leased, or with the reason why there is none.
type finder func(ctx actor.Context, to *handle, fault *Fault)

// find gives a destination to then: at once, or when the router has made it. Whoever asks for the same one gets
// it in the order of asking.
func (p *program) find(ctx actor.Context, name string, then finder) {
	parsed, to, fault := p.lookup(name, false)
	if to != nil && len(p.waiting[name]) > 0 {
		to.release()
		to = nil // made meanwhile; others wait for it, and came before
	}
	if to != nil || fault != nil {
		then(ctx, to, fault)
		return
	}
	p.waiting[name] = append(p.waiting[name], then)
	ctx.Send(p.core.router(), &resolve{name: parsed, session: ctx.Self(), owner: programID, mayCreate: true})
}

// resolved goes on with what waited for a destination. Each question of ours leased it once.
func (p *program) resolved(ctx actor.Context, m *resolved) {
	all := p.waiting[m.name]
	if len(all) == 0 {
		if m.handle != nil {
			m.handle.release()
		}
		return
	}
	if p.waiting[m.name] = all[1:]; len(all) == 1 {
		delete(p.waiting, m.name)
	}
	if m.fault == nil {
		p.remember(m.name, m.handle)
	}
	all[0](ctx, m.handle, m.fault)
}

func (p *program) route(ctx actor.Context, w *waitingRequest, to *handle) {
	m, fault := p.message(w.frame, w.send, to)
	if fault != nil {
		to.release()
		p.end(w, fault)
		return
	}
	asked := &inquiry[*Fault]{notify: func(fault *Fault) { p.end(w, fault) }}
	ctx.Send(to.pid(), &publish{to: to, batch: []*Message{m}, asked: asked})
}

// end answers a request that was let in. Destinations call it too.
func (p *programState) end(w *waitingRequest, fault *Fault) {
	p.respond(w, fault)
	p.work.leave()
}

func (p *programState) respond(w *waitingRequest, fault *Fault) {
	if w.sender == nil {
		if fault != nil {
			p.core.log.Warn("a message of the program was not published", "destination", w.request.Destination, "cause", fault)
		}
		return
	}
	answer := &PublishResponse{Request: w.request}
	if fault != nil {
		answer.Err = fault
	}
	p.core.system.Root.Send(w.sender, answer)
}
