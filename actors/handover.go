package actors

import (
	"sync"

	"stampede/transport"
)

// handover lets the goroutine that reads from a client carry what it has read as far as it goes: it runs the session,
// then what the session has made ready, a destination perhaps, and writes to a socket what that has put into an outbox.
// Each is an actor as ever, with a mailbox, a guard and a supervisor; but to hand something on to one that lies idle
// costs no switch to another goroutine, and wakes no thread of the operating system. That is most of what a small message costs.
//
// A goroutine of the dispatcher's goes on with what the actor that it runs makes ready, likewise.
//
// An actor that is at work already gets its message as ever, and no turn waits for another's. Only who blocks nobody is
// run like this: no actor that waits (a transport, for its reader), or that calls code of the program.
type handover struct {
	next   *mailbox          // made ready by the turn that is run, and idle until then; nil: none was
	outbox *transport.Outbox // likewise
}

var handovers = sync.Pool{New: func() any { return new(handover) }}

// longestHandover is how many turns a goroutine runs before it goes back to what it came from.
const longestHandover = 8

// readersShare is how many messages of one turn a reader handles. An actor that has more is busy, and no longer the reader's: its
// own client would wait for all that others send.
const readersShare = 16

// run runs a mailbox that lies idle, and what that makes ready. Each turn handles at most share messages.
func (h *handover) run(m *mailbox, share int) {
	for turns := 0; m != nil; turns++ {
		if turns == longestHandover {
			m.life.core.dispatcher.Schedule(m.run)
			return
		}
		m.turn(h, share)
		if o := h.outbox; o != nil {
			h.outbox = nil
			o.FlushNow()
		}
		m, h.next = h.next, nil
	}
}

// letGo gives what was made ready to the dispatcher.
func (h *handover) letGo() {
	if m := h.next; m != nil {
		h.next = nil
		m.life.core.dispatcher.Schedule(m.run)
	}
	if o := h.outbox; o != nil {
		h.outbox = nil
		o.Flush()
	}
}

// pass sends to another actor, which is run by the goroutine that runs this one, if it can be.
func (l *life) pass(to *life, message any) {
	if to.mailbox.post(message) {
		l.ready(to)
	}
}

// ready has an actor run that is reserved for it.
func (l *life) ready(to *life) {
	if h := l.handover; h != nil && h.next == nil && !to.role.waits {
		h.next = &to.mailbox
		return
	}
	l.core.dispatcher.Schedule(to.mailbox.run)
}

// tell has f tell another actor something by way of protoactor, and that run like one that a message is passed to.
func (l *life) tell(to *life, f func()) {
	if l.handover != nil && to.mailbox.reserve() {
		defer l.ready(to)
	}
	f()
}

// Wake implements transport.Waker.
func (l *life) Wake(o *transport.Outbox) {
	if h := l.handover; h != nil && h.outbox == nil {
		h.outbox = o
		return
	}
	o.Flush()
}

// bring sends to an actor from a goroutine that has nothing else to do until that has acted on it.
func (c *core) bring(to *life, message any) {
	if !to.mailbox.post(message) {
		return
	}
	if !c.handsOver {
		c.dispatcher.Schedule(to.mailbox.run)
		return
	}
	var h handover
	h.run(&to.mailbox, readersShare)
}

// Receive implements transport.Receiver.
func (c *connection) Receive(in *transport.Inbound) {
	m := &c.session.mailbox
	switch {
	case !m.post(in):
	case c.life.core.handsOver:
		c.handover.run(m, readersShare)
	default:
		c.life.core.dispatcher.Schedule(m.run)
	}
}
