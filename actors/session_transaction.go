package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"stampede/stompwire"
)

// commit is a COMMIT that is being decided. First every subscription with acknowledgements in it
// says which; then every destination concerned books room and sets those deliveries aside; if all
// have, all carry it out, else none does.
type commit struct {
	tx          *transaction
	id          txID
	receipt     string
	hasReceipt  bool
	collecting  map[uint32]bool // subscriptions that have not answered
	parts       []*prepare      // one per destination
	preparing   map[*handle]bool
	preparedAll []*handle // those that agreed
	deciding    map[*handle]bool
	decided     bool // the decision to carry it out is out
}

func (s *session) begin(f *stompwire.Frame) *Fault {
	id, fault := transactionID(f)
	if fault != nil {
		return fault
	}
	if s.transactions == nil {
		s.transactions = &transactions{limits: s.core.transactionLimits()}
	}
	return s.transactions.begin(id)
}

func transactionID(f *stompwire.Frame) (string, *Fault) {
	id, ok := f.Header.Get("transaction")
	if !ok {
		return "", faultf(CodeSyntax, "missing transaction header", "%s needs a transaction header", f.Command)
	}
	return id, nil
}

func (s *session) sendInTransaction(id string, to *handle, m *Message) *Fault {
	tx, fault := s.transactions.get(id)
	if fault != nil {
		return fault
	}
	if !to.acquire() {
		return unknownDestination(to.name)
	}
	if fault := s.transactions.send(tx, to, m); fault != nil {
		to.release()
		return fault
	}
	return nil
}

func (s *session) ackInTransaction(id string, sub *subscriptionState) *Fault {
	tx, fault := s.transactions.get(id)
	if fault != nil {
		return fault
	}
	return s.transactions.mark(tx, sub.key.serial)
}

func (s *session) abortTransaction(ctx actor.Context, f *stompwire.Frame) *Fault {
	id, fault := transactionID(f)
	if fault != nil {
		return fault
	}
	tx, fault := s.transactions.get(id)
	if fault != nil {
		return fault
	}
	s.endMarks(ctx, tx, false)
	releaseAll(tx)
	s.transactions.end(tx)
	return nil
}

// endMarks tells the subscriptions what became of the acknowledgements of a transaction.
func (s *session) endMarks(ctx actor.Context, tx *transaction, commit bool) {
	for _, serial := range tx.subs {
		if sub := s.subscriptions.serial(serial); sub != nil && !sub.ended.Load() {
			ctx.Send(sub.life.pid, &endTx{tx: tx.id, commit: commit})
		}
	}
}

// releaseAll gives back the leases of a transaction's SENDs.
func releaseAll(tx *transaction) {
	for _, send := range tx.sends {
		send.to.release()
	}
	tx.sends = nil
}

// beginCommit handles a COMMIT; the frames behind it wait until it is decided.
func (s *session) beginCommit(ctx actor.Context, f *stompwire.Frame) *Fault {
	id, fault := transactionID(f)
	if fault != nil {
		return fault
	}
	tx, fault := s.transactions.get(id)
	if fault != nil {
		return fault
	}
	if tx.spoiled != nil {
		return &Fault{Code: tx.spoiled.Code, Message: notCommitted + tx.spoiled.Message, Detail: nothingDone + tx.spoiled.Detail}
	}
	s.nextCommit++
	c := &commit{tx: tx, id: txID{connection: s.id, serial: s.nextCommit}, collecting: make(map[uint32]bool), preparing: make(map[*handle]bool)}
	c.receipt, c.hasReceipt = f.Header.Get("receipt")
	s.commit = c
	s.stall(waitCommit)
	for _, send := range tx.sends {
		p := c.part(send.to)
		p.batch = append(p.batch, send.msg)
		p.size += send.msg.size
	}
	for _, serial := range tx.subs {
		if sub := s.subscriptions.serial(serial); sub != nil && !sub.ended.Load() {
			c.collecting[serial] = true
			ctx.Send(sub.life.pid, &collect{tx: tx.id})
		}
	}
	if len(c.collecting) == 0 {
		s.prepareAll(ctx)
	}
	return nil
}

// part is what a COMMIT asks of one destination.
func (c *commit) part(h *handle) *prepare {
	for _, p := range c.parts {
		if p.to == h {
			return p
		}
	}
	p := &prepare{id: c.id, to: h}
	c.parts = append(c.parts, p)
	return p
}

func (s *session) collected(ctx actor.Context, m *collected) {
	c := s.commit
	if c == nil || c.tx.id != m.tx || !c.collecting[m.serial] {
		return
	}
	delete(c.collecting, m.serial)
	for _, part := range m.parts {
		p := c.part(part.queue)
		p.settles = append(p.settles, preparedSettles{
			key: subscriptionKey{connection: s.id, serial: m.serial}, epoch: m.epoch, items: part.items,
		})
	}
	if len(c.collecting) == 0 {
		s.prepareAll(ctx)
	}
}

// prepareAll asks every destination. Each part takes a lease of its own.
func (s *session) prepareAll(ctx actor.Context) {
	c := s.commit
	for _, p := range c.parts {
		if !p.to.acquire() {
			s.failCommit(ctx, unknownDestination(p.to.name))
			return
		}
		p.session = ctx.Self()
		c.preparing[p.to] = true
		ctx.Send(p.to.pid(), p)
	}
	if len(c.preparing) == 0 {
		s.decideAll(ctx)
	}
}

func (s *session) prepared(ctx actor.Context, m *prepared) {
	c := s.commit
	if c == nil || c.id != m.id || !c.preparing[m.to] {
		return
	}
	delete(c.preparing, m.to)
	if m.fault != nil {
		s.failCommit(ctx, m.fault)
		return
	}
	c.preparedAll = append(c.preparedAll, m.to)
	if len(c.preparing) == 0 {
		s.decideAll(ctx)
	}
}

// decideAll carries the transaction out: the decisions are in the destinations' mailboxes when
// this returns, and nothing can take them back.
func (s *session) decideAll(ctx actor.Context) {
	c := s.commit
	c.decided = true
	c.deciding = make(map[*handle]bool)
	for _, h := range c.preparedAll {
		c.deciding[h] = true
		ctx.Send(h.pid(), &decide{id: c.id, commit: true, session: ctx.Self()})
	}
	s.endMarks(ctx, c.tx, true)
	if len(c.deciding) == 0 {
		s.endCommit(ctx)
	}
}

func (s *session) decided(ctx actor.Context, m *decided) {
	c := s.commit
	if c == nil || c.id != m.id || !c.deciding[m.to] {
		return
	}
	delete(c.deciding, m.to)
	if len(c.deciding) == 0 {
		s.endCommit(ctx)
	}
}

func (s *session) endCommit(ctx actor.Context) {
	c := s.commit
	s.commit = nil
	releaseAll(c.tx)
	s.transactions.end(c.tx)
	if c.hasReceipt {
		s.receipt(c.receipt)
	}
	s.resume(ctx, waitCommit)
}

// failCommit undoes what was prepared; nothing of the transaction happens.
func (s *session) failCommit(ctx actor.Context, fault *Fault) {
	c := s.commit
	s.undoCommit(func(h *handle, m *decide) { ctx.Send(h.pid(), m) })
	fault = &Fault{Code: fault.Code, Message: notCommitted + fault.Message, Detail: nothingDone + fault.Detail, Headers: fault.Headers}
	s.fail(ctx, fault, c.receipt, c.hasReceipt)
}

// What the ERROR of a COMMIT begins with.
const (
	notCommitted = "transaction not committed: "
	nothingDone  = "Nothing of the transaction was done. "
)

// undoCommit tells every destination that was asked that nothing comes of it.
func (cp *checkpoint) undoCommit(send func(*handle, *decide)) {
	c := cp.commit
	cp.commit = nil
	for _, p := range c.parts {
		if c.preparing[p.to] {
			send(p.to, &decide{id: c.id})
		}
	}
	for _, h := range c.preparedAll {
		send(h, &decide{id: c.id})
	}
	releaseAll(c.tx)
	cp.transactions.end(c.tx)
}

// abandonCommit ends a COMMIT that the session went down with. If it was decided it happens; else
// it never will, and the client is told.
func (s *session) abandonCommit(ctx actor.Context) {
	c := s.commit
	if c.decided {
		if len(c.deciding) == 0 {
			s.endCommit(ctx)
		}
		return // the answers are on their way
	}
	s.failCommit(ctx, internalFault())
}
