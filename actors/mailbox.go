package actors

import (
	"errors"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// mailbox is protoactor's Mailbox as a mutex-guarded slice that is swapped whole: a burst of
// messages costs one lock on the reading side. System messages go first, as protoactor requires.
//
// It also closes two holes of the default one: a message handler that ends its goroutine
// (runtime.Goexit) fails like one that panics instead of wedging the actor, and a long run gives
// way to others by rescheduling, so that a dispatcher that steps one message at a time can.
type mailbox struct {
	mu        sync.Mutex
	user      []any // posted, not yet taken
	system    []any
	scheduled bool
	suspended bool // failed or paused

	failed, paused bool // the reader's

	hasSystem atomic.Bool // a hint, so that the reader needs no lock between user messages
	taken     []any       // the reader's batch and its place in it
	next      int
	left      atomic.Int64 // user messages posted and not yet handled

	life       *life // whose mailbox it is
	invoker    actor.MessageInvoker
	dispatcher actor.Dispatcher
	run        func() // bound once: a method value allocates
}

// keptCapacity is how many message slots an idle mailbox may keep from a burst, in the list that is
// posted to and in the one that is read.
const keptCapacity = 64

var errGoexit = errors.New("the message handler ended its goroutine")

func newMailbox(l *life) actor.Mailbox {
	m := &mailbox{life: l}
	l.mailbox = m
	m.run = m.process
	return m
}

// PostUserMessage implements actor.Mailbox.
func (m *mailbox) PostUserMessage(message any) {
	m.left.Add(1)
	m.mu.Lock()
	m.user = append(m.user, message)
	wake := !m.scheduled && !m.suspended
	if wake {
		m.scheduled = true
	}
	m.mu.Unlock()
	if wake {
		m.dispatcher.Schedule(m.run)
	}
}

// PostSystemMessage implements actor.Mailbox.
func (m *mailbox) PostSystemMessage(message any) {
	m.mu.Lock()
	m.system = append(m.system, message)
	m.hasSystem.Store(true)
	wake := !m.scheduled
	m.scheduled = true
	m.mu.Unlock()
	if wake {
		m.dispatcher.Schedule(m.run)
	}
}

// RegisterHandlers implements actor.Mailbox.
func (m *mailbox) RegisterHandlers(invoker actor.MessageInvoker, dispatcher actor.Dispatcher) {
	m.invoker, m.dispatcher = invoker, dispatcher
}

// Start implements actor.Mailbox.
func (m *mailbox) Start() {}

// UserMessageCount implements actor.Mailbox.
func (m *mailbox) UserMessageCount() int { return int(m.left.Load()) }

// process handles messages until there are none, or its share is used up.
func (m *mailbox) process() {
	for share := m.dispatcher.Throughput(); share > 0; {
		done, handled := m.handle(share)
		if done {
			return
		}
		share -= handled
	}
	m.dispatcher.Schedule(m.run) // still marked as scheduled: nobody else runs it meanwhile
}

// handle works through at most share messages; done tells that the mailbox has gone idle.
func (m *mailbox) handle(share int) (done bool, handled int) {
	var message any
	finished := false
	defer func() {
		if finished {
			return
		}
		reason := recover()
		if reason == nil { // runtime.Goexit: this goroutine is lost, the actor is not
			reason = errGoexit
			defer m.dispatcher.Schedule(m.run)
		}
		// Its supervisor must know whose failure it is, also if it happened outside the guard.
		if _, known := reason.(*crash); !known {
			reason = &crash{life: m.life, cause: reason, stack: debug.Stack()}
		}
		m.invoker.EscalateFailure(reason, message)
	}()
	for handled < share {
		if m.hasSystem.Load() {
			if message = m.takeSystem(); message != nil {
				handled++
				m.dispatchSystem(message)
				continue
			}
		}
		if m.isSuspended() {
			if m.goIdle() {
				finished = true
				return true, handled
			}
			continue
		}
		if m.next == len(m.taken) && !m.takeUser() {
			if m.goIdle() {
				finished = true
				return true, handled
			}
			continue
		}
		message = m.taken[m.next]
		m.taken[m.next] = nil
		m.next++
		handled++
		m.left.Add(-1)
		m.invoker.InvokeUserMessage(message)
	}
	finished = true
	return false, handled
}

func (m *mailbox) dispatchSystem(message any) {
	switch message.(type) {
	case *actor.SuspendMailbox:
		m.suspend(true, m.paused)
	case *actor.ResumeMailbox:
		m.suspend(false, m.paused)
	case *unpause:
		m.suspend(m.failed, false)
	default:
		m.invoker.InvokeSystemMessage(message)
	}
}

func (m *mailbox) takeSystem() any {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.system) == 0 {
		return nil
	}
	message := m.system[0]
	m.system[0] = nil
	m.system = m.system[1:]
	if len(m.system) == 0 {
		m.system = nil
		m.hasSystem.Store(false)
	}
	return message
}

// takeUser swaps the posted messages in; it tells whether there were any.
func (m *mailbox) takeUser() bool {
	spare := m.taken[:0]
	if cap(spare) > keptCapacity {
		spare = nil
	}
	m.mu.Lock()
	m.taken, m.user = m.user, spare
	m.mu.Unlock()
	m.next = 0
	return len(m.taken) > 0
}

// goIdle ends the run, unless something came meanwhile.
func (m *mailbox) goIdle() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.system) > 0 || (!m.suspended && (len(m.user) > 0 || m.next < len(m.taken))) {
		return false
	}
	m.scheduled = false
	return true
}

// suspend is only called by the reader, but posting looks at what it sets.
func (m *mailbox) suspend(failed, paused bool) {
	m.failed, m.paused = failed, paused
	m.mu.Lock()
	m.suspended = failed || paused
	m.mu.Unlock()
}

// unpause ends what postpone began.
type unpause struct{}

// postpone puts the message that is being handled back to where it was, and takes no user message for a
// while. Only the handler of that message may call it.
func (m *mailbox) postpone(message any, d time.Duration) {
	m.next--
	m.taken[m.next] = message
	m.left.Add(1)
	m.suspend(m.failed, true)
	m.life.core.clock.AfterFunc(d, func() { m.PostSystemMessage(&unpause{}) })
}

// isSuspended is called by the reader alone, which is the only writer: no lock.
func (m *mailbox) isSuspended() bool { return m.suspended }
