package actors

import (
	"bytes"
	"context"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/stompwire"
)

// Transaction is what is to happen whole or not at all: messages that are published, and deliveries that
// are acknowledged. A worker that takes from one queue and puts into the next does both in one, so that whatever
// fails, nothing is lost between the two and nothing is passed on twice. The zero value is empty; it is not
// for several goroutines at a time.
//
// Give it to Broker.Commit, or send it as *Transaction from an actor to Broker.PID: a *TransactionResponse
// comes back. Then it must not be changed any more.
type Transaction struct {
	sends  []*stompwire.Frame
	acks   []*Delivery
	commit *ownCommit // since the program's actor has it
}

// TransactionResponse answers a Transaction that an actor has sent. Err is as Commit returns it.
type TransactionResponse struct {
	Transaction *Transaction
	Err         error
}

// Publish adds a message. body may be used again.
func (t *Transaction) Publish(destination string, body []byte, opts ...PublishOption) {
	t.sends = append(t.sends, sendFrame(destination, bytes.Clone(body), opts))
}

// Ack adds the acknowledgement of a delivery of the same broker. It must not be answered otherwise.
func (t *Transaction) Ack(d *Delivery) { t.acks = append(t.acks, d) }

// Nack puts the deliveries of a transaction that failed back into their queues: what is to be done with a
// TransactionResponse that has an error, by an actor that may have been restarted meanwhile.
func (t *Transaction) Nack() {
	for _, d := range t.acks {
		d.Nack()
	}
}

// Commit carries a transaction out and returns when it is done. If it returns an error nothing of it was done,
// and it may be committed again, or its deliveries be answered otherwise. The error is
// ctx's or a *Fault; CodeAck says that a delivery is not this consumer's any more, and comes again. A full
// queue makes it wait, as queues.full says.
func (b *Broker) Commit(ctx context.Context, t *Transaction) error {
	p := b.core.program
	if !p.work.enter() {
		return shutdownFault()
	}
	defer p.work.leave()
	c := &ownCommit{transaction: t, asked: ask[*Fault]()}
	b.core.system.Root.Send(b.core.programPID, c)
	fault, err := c.asked.wait(ctx, b.core, b.done)
	switch {
	case err != nil:
		// Its deliveries are the caller's again when this returns.
		undone := ask[*Fault]()
		b.core.system.Root.Send(b.core.programPID, &giveUpCommit{commit: c, undone: undone})
		_, _ = undone.wait(context.WithoutCancel(ctx), b.core, b.done)
		return err
	case fault != nil:
		return fault
	}
	return nil
}

// ownCommit (goroutine → program) is a COMMIT of the program's, and how far it has come in the phases that
// session_transaction.go explains: destinations are found, all of them prepare, all of them decide.
type ownCommit struct {
	transaction *Transaction
	asked       *inquiry[*Fault]

	id        txID
	marked    int // of its deliveries: nobody else may answer them meanwhile
	finding   int // messages whose destinations are not known yet; one more while they are asked for
	parts     []*prepare
	asking    bool // the parts are with their destinations
	preparing map[*handle]bool
	refused   map[*handle]bool
	deciding  map[*handle]bool
}

// giveUpCommit (goroutine → program): nobody waits for it any more.
type giveUpCommit struct {
	commit *ownCommit
	undone *inquiry[*Fault]
}

// transact takes a Transaction that an actor has sent.
func (p *program) transact(ctx actor.Context, t *Transaction) {
	system, sender := ctx.ActorSystem(), ctx.Sender()
	answer := func(fault *Fault) {
		if sender == nil {
			return
		}
		m := &TransactionResponse{Transaction: t}
		if fault != nil {
			m.Err = fault
		}
		system.Root.Send(sender, m)
	}
	if !p.work.enter() {
		answer(shutdownFault())
		return
	}
	p.commit(ctx, &ownCommit{transaction: t, asked: &inquiry[*Fault]{notify: func(fault *Fault) {
		answer(fault)
		p.work.leave()
	}}})
}

// commit begins a COMMIT: every message gets its destination.
func (p *program) commit(ctx actor.Context, c *ownCommit) {
	t := c.transaction
	if t.commit == nil {
		t.commit = c
	}
	if t.commit != c {
		c.asked.give(faultf(CodeTransaction, "transaction committed already", "a transaction can be committed once"))
		return
	}
	if c.finding > 0 { // this failed half-way the last time
		p.failCommit(ctx, c, internalFault())
		return
	}
	p.nextCommit++
	c.id = txID{connection: programID, serial: p.nextCommit}
	p.commits[c.id] = c
	c.finding = len(t.sends) + 1
	c.preparing, c.refused, c.deciding = make(map[*handle]bool), make(map[*handle]bool), make(map[*handle]bool)
	for _, d := range t.acks {
		if fault := p.commitAck(c, d); fault != nil {
			p.failCommit(ctx, c, fault)
			return
		}
	}
	for _, f := range t.sends {
		if p.commits[c.id] == nil {
			return
		}
		p.commitSend(ctx, c, f)
	}
	p.found(ctx, c)
}

// commitAck adds the acknowledgement of a delivery. On topics there is nobody to tell.
func (p *program) commitAck(c *ownCommit, d *Delivery) *Fault {
	if d.subscription.broker.core != p.core {
		return faultf(CodeAck, "nothing to acknowledge", "the delivery %q is another broker's", d.id)
	}
	if d.subscription.state.mode == ackClient {
		return faultf(CodeAck, "acknowledgements in a transaction are for one delivery each", "the subscription of %q is in the mode AckCumulative", d.id)
	}
	if !d.answered.CompareAndSwap(false, true) {
		return faultf(CodeAck, "nothing to acknowledge", "the delivery %q was answered before", d.id)
	}
	c.marked++
	s := d.subscription.state
	if d.entry == nil {
		return nil
	}
	part := c.part(s.handle)
	if part == nil {
		if !s.handle.acquire() {
			return unknownDestination(s.handle.name)
		}
		part = c.newPart(s.handle)
	}
	part.settles = append(part.settles, preparedSettles{key: s.key, epoch: d.epoch, items: []settlement{{entry: d.entry, how: acknowledged}}})
	return nil
}

// commitSend has the destination of a message found.
func (p *program) commitSend(ctx actor.Context, c *ownCommit, f *stompwire.Frame) {
	dropped, fault := p.core.intercept(&Send{}, f)
	if dropped {
		p.found(ctx, c)
		return
	}
	var h send
	if fault == nil {
		h, fault = p.parse(f)
	}
	if fault != nil {
		p.failCommit(ctx, c, fault)
		return
	}
	p.find(ctx, h.destination, func(ctx actor.Context, to *handle, fault *Fault) {
		if p.commits[c.id] == nil { // over
			if to != nil {
				to.release()
			}
			return
		}
		var m *Message
		if fault == nil {
			m, fault = p.message(f, h, to)
		}
		if to != nil {
			part := c.part(to)
			if part == nil {
				part = c.newPart(to)
			} else {
				to.release() // the part has a lease
			}
			if m != nil {
				part.batch = append(part.batch, m)
				part.size += m.size
			}
		}
		if fault != nil {
			p.failCommit(ctx, c, fault)
			return
		}
		p.found(ctx, c)
	})
}

// part is what a COMMIT asks of one destination, if it asks anything yet.
func (c *ownCommit) part(h *handle) *prepare {
	for _, part := range c.parts {
		if part.to == h {
			return part
		}
	}
	return nil
}

// newPart takes over a lease of the destination.
func (c *ownCommit) newPart(h *handle) *prepare {
	part := &prepare{id: c.id, to: h, strict: true}
	c.parts = append(c.parts, part)
	return part
}

// found counts; when all destinations are known each is asked to prepare.
func (p *program) found(ctx actor.Context, c *ownCommit) {
	if c.finding--; c.finding > 0 {
		return
	}
	c.asking = true
	for _, part := range c.parts {
		part.session = ctx.Self()
		c.preparing[part.to] = true
		ctx.Send(part.to.pid(), part)
	}
	p.decideAll(ctx, c)
}

func (p *program) prepared(ctx actor.Context, m *prepared) {
	c := p.commits[m.id]
	if c == nil || !c.preparing[m.to] {
		return
	}
	delete(c.preparing, m.to)
	if m.fault != nil {
		c.refused[m.to] = true
		p.failCommit(ctx, c, m.fault)
		return
	}
	p.decideAll(ctx, c)
}

// decideAll carries it out, if all have agreed and it is still wanted; then nothing can take it back.
func (p *program) decideAll(ctx actor.Context, c *ownCommit) {
	if len(c.preparing) > 0 {
		return
	}
	if !c.asked.claim() {
		p.failCommit(ctx, c, nil)
		return
	}
	for _, part := range c.parts {
		c.deciding[part.to] = true
		ctx.Send(part.to.pid(), &decide{id: c.id, commit: true, session: ctx.Self()})
	}
	p.endCommit(c)
}

func (p *program) decided(m *decided) {
	if c := p.commits[m.id]; c != nil && c.deciding[m.to] {
		delete(c.deciding, m.to)
		p.endCommit(c)
	}
}

// endCommit answers when all have done it.
func (p *program) endCommit(c *ownCommit) {
	if len(c.deciding) > 0 {
		return
	}
	delete(p.commits, c.id)
	for _, d := range c.transaction.acks {
		d.tell(acknowledged) // its queue knows; its subscription does not yet
	}
	c.asked.give(nil)
}

// failCommit undoes what was prepared: nothing of it happens.
func (p *program) failCommit(ctx actor.Context, c *ownCommit, fault *Fault) {
	if p.commits[c.id] != c || len(c.deciding) > 0 {
		return
	}
	delete(p.commits, c.id)
	for _, part := range c.parts {
		switch {
		case !c.asking:
			part.to.release()
		case !c.refused[part.to]:
			ctx.Send(part.to.pid(), &decide{id: c.id})
		}
	}
	for _, d := range c.transaction.acks[:c.marked] {
		d.answered.Store(false)
	}
	c.transaction.commit = nil
	if fault != nil {
		c.asked.give(&Fault{Code: fault.Code, Message: "transaction not committed: " + fault.Message, Detail: "Nothing of the transaction was done. " + fault.Detail})
	}
}
