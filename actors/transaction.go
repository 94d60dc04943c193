package actors

import (
	"maps"
	"slices"
)

// transactions are the open transactions of one connection: what BEGIN, COMMIT and ABORT mean,
// and their limits. A plain struct; the session actor carries it, from the first BEGIN on: nil has none open.
type transactions struct {
	limits transactionLimits
	open   map[string]*transaction
	frames int
	bytes  int
}

type transactionLimits struct {
	count  int
	frames int
	bytes  int
}

// transaction collects what its COMMIT will do: SENDs by destination in the order they came, and
// which subscriptions have acknowledgements marked.
type transaction struct {
	id    string
	sends []pendingSend
	subs  []uint32 // serials of subscriptions with marks, once each
	bytes int
	count int

	spoiled *Fault // why it can't be committed any more
}

// pendingSend is a SEND that waits for its COMMIT.
type pendingSend struct {
	to  *handle
	msg *Message
}

// all gives the open transactions in an order that is always the same: what is done for each of them
// can be seen elsewhere.
func (t *transactions) all() []*transaction {
	if t == nil {
		return nil
	}
	txs := make([]*transaction, 0, len(t.open))
	for _, id := range slices.Sorted(maps.Keys(t.open)) {
		txs = append(txs, t.open[id])
	}
	return txs
}

func (t *transactions) begin(id string) *Fault {
	if _, dup := t.open[id]; dup {
		return faultf(CodeTransaction, "transaction already begun", "the transaction %q is open already", id)
	}
	if len(t.open) >= t.limits.count {
		return limitFault(CodeTransaction, "too many transactions", "limits.max_transactions", int64(t.limits.count))
	}
	if t.open == nil {
		t.open = make(map[string]*transaction)
	}
	t.open[id] = &transaction{id: id}
	return nil
}

func (t *transactions) get(id string) (*transaction, *Fault) {
	if t != nil && t.open[id] != nil {
		return t.open[id], nil
	}
	return nil, faultf(CodeTransaction, "unknown transaction", "there is no open transaction %q: it was never begun, or it has ended", id)
}

// charge books one more frame of size bytes to a transaction.
func (t *transactions) charge(tx *transaction, size int) *Fault {
	switch {
	case t.frames+1 > t.limits.frames:
		return limitFault(CodeTransaction, "too many frames in transactions", "limits.max_transaction_frames", int64(t.limits.frames))
	case t.bytes+size > t.limits.bytes:
		return limitFault(CodeTransaction, "too many bytes in transactions", "limits.max_transaction_bytes", int64(t.limits.bytes))
	}
	t.frames++
	t.bytes += size
	tx.count++
	tx.bytes += size
	return nil
}

func (t *transactions) send(tx *transaction, to *handle, m *Message) *Fault {
	if fault := t.charge(tx, m.size); fault != nil {
		return fault
	}
	tx.sends = append(tx.sends, pendingSend{to: to, msg: m})
	return nil
}

func (t *transactions) mark(tx *transaction, sub uint32) *Fault {
	if fault := t.charge(tx, messageOverhead); fault != nil {
		return fault
	}
	for _, s := range tx.subs {
		if s == sub {
			return nil
		}
	}
	tx.subs = append(tx.subs, sub)
	return nil
}

// spoil tells that a subscription of a queue ends. What it has to acknowledge goes back to the queue; a
// transaction that was to do it can't do all that it should.
func (t *transactions) spoil(sub uint32, id string) {
	for _, tx := range t.all() {
		if slices.Contains(tx.subs, sub) {
			tx.spoiled = faultf(CodeTransaction, "a subscription of it has ended",
				"the subscription %q was ended after messages of it had been acknowledged in the transaction %q; they are back in their queue", id, tx.id)
		}
	}
}

// end forgets a transaction; its id may be begun anew.
func (t *transactions) end(tx *transaction) {
	if t == nil || t.open[tx.id] != tx {
		return // begun before a restart, which has ended all that were
	}
	t.frames -= tx.count
	t.bytes -= tx.bytes
	delete(t.open, tx.id)
}
