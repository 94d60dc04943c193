package actors

import (
	"errors"
	"runtime/debug"
	"slices"
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
//
// It is part of its actor's life, and there are many lives that get a message now and then: while there is no more than
// one to handle at a time, it needs no memory but its own.
type mailbox struct {
	life    *life // whose mailbox it is
	invoker actor.MessageInvoker
	run     func() // bound once: a method value allocates

	mu        sync.Mutex
	user      []any // posted, not yet taken
	system    *systemMessage
	left      atomic.Int32 // user messages posted and not yet handled
	scheduled bool
	suspended bool // failed or paused

	failed, paused bool // the reader's

	hasSystem atomic.Bool // a hint, so that the reader needs no lock between user messages
	next      int32       // the reader's place in its batch
	taken     []any       // the batch

	slots [2][1]any // what user and taken start with, in turns
}

// systemMessage is one of a ring that the mailbox knows the last of: there is seldom more than one.
type systemMessage struct {
	message any
	next    *systemMessage
}

// keptCapacity is how many message slots a mailbox may keep from a burst, in the list that is posted to and in the one
// that is read, until it is idle. Then it shares them with those of all other actors.
const keptCapacity = 64

// slotPool is where idle mailboxes leave their lists, all slots empty.
type slotPool struct{ pool sync.Pool }

func (p *slotPool) get() []any {
	if slots, ok := p.pool.Get().(*[keptCapacity]any); ok {
		return slots[:0]
	}
	return new([keptCapacity]any)[:0]
}

// put takes back a list if it is one of the pool's.
func (p *slotPool) put(list []any) {
	if cap(list) == keptCapacity {
		p.pool.Put((*[keptCapacity]any)(list[:keptCapacity]))
	}
}

var errGoexit = errors.New("the message handler ended its goroutine")

// init makes an empty mailbox, which handles nothing before it is opened.
func (m *mailbox) init(l *life) {
	m.life = l
	m.run = m.work
	m.scheduled = true
	m.shrink()
}

// open begins to handle messages.
func (m *mailbox) open() { m.life.core.dispatcher.Schedule(m.run) }

// PostUserMessage implements actor.Mailbox.
func (m *mailbox) PostUserMessage(message any) {
	if m.post(message) {
		m.life.core.dispatcher.Schedule(m.run)
	}
}

// post adds a message. After true nobody is at work on the mailbox, and the caller has to see to it that it is run.
func (m *mailbox) post(message any) (idle bool) {
	m.left.Add(1)
	m.mu.Lock()
	if len(m.user) == cap(m.user) {
		m.grow()
	}
	m.user = append(m.user, message)
	idle = !m.scheduled && !m.suspended
	if idle {
		m.scheduled = true
	}
	m.mu.Unlock()
	return idle
}

// reserve claims a mailbox that nobody is at work on for the caller, who has to see to it that it is run; false: it is run already.
func (m *mailbox) reserve() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.scheduled {
		return false
	}
	m.scheduled = true
	return true
}

// grow makes room in the list that is posted to, which is full. The lock is held.
func (m *mailbox) grow() {
	full := m.user
	if cap(full) >= keptCapacity {
		m.user = slices.Grow(full, 1)
	} else {
		m.user = append(m.life.core.slots.get(), full...)
	}
	if cap(full) <= keptCapacity {
		clear(full)
		m.life.core.slots.put(full)
	}
}

// shrink leaves the lists, which are empty, to others. The lock is held.
func (m *mailbox) shrink() {
	slots := &m.life.core.slots
	slots.put(m.user)
	slots.put(m.taken)
	m.user, m.taken, m.next = m.slots[0][:0], m.slots[1][:0], 0
}

// PostSystemMessage implements actor.Mailbox.
func (m *mailbox) PostSystemMessage(message any) {
	s := &systemMessage{message: message}
	m.mu.Lock()
	if last := m.system; last != nil {
		s.next, last.next = last.next, s
	} else {
		s.next = s
	}
	m.system = s
	m.hasSystem.Store(true)
	wake := !m.scheduled
	m.scheduled = true
	m.mu.Unlock()
	if wake {
		m.life.core.dispatcher.Schedule(m.run)
	}
}

// RegisterHandlers implements actor.Mailbox. The dispatcher is the broker's.
func (m *mailbox) RegisterHandlers(invoker actor.MessageInvoker, _ actor.Dispatcher) {
	m.invoker = invoker
}

// Start implements actor.Mailbox. See open.
func (m *mailbox) Start() {}

// UserMessageCount implements actor.Mailbox.
func (m *mailbox) UserMessageCount() int { return int(m.left.Load()) }

// work is process on a goroutine of the dispatcher's.
func (m *mailbox) work() {
	share := m.life.core.dispatcher.Throughput()
	if !m.life.core.handsOver || m.life.role.waits {
		m.process(share)
		return
	}
	h := handovers.Get().(*handover)
	h.run(m, share)
	handovers.Put(h)
}

// turn is process on a goroutine that goes on with what the turn makes ready.
func (m *mailbox) turn(h *handover, share int) {
	m.life.handover = h
	m.process(min(share, m.life.core.dispatcher.Throughput()))
}

// process handles messages until there are none, or its share is used up.
func (m *mailbox) process(share int) {
	for share > 0 {
		done, handled := m.handle(share)
		if done {
			return
		}
		share -= handled
	}
	m.life.handover = nil
	m.life.core.dispatcher.Schedule(m.run) // still marked as scheduled: nobody else runs it meanwhile
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
			if h := m.life.handover; h != nil { // and so is its reader
				h.letGo()
				m.life.handover = nil
			}
			defer m.life.core.dispatcher.Schedule(m.run)
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
		if int(m.next) == len(m.taken) && !m.takeUser() {
			if m.goIdle() {
				finished = true
				return true, handled
			}
			continue
		}
		if h := m.life.handover; h != nil {
			h.letGo() // what the last message has made ready does not wait for this one
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
	switch message := message.(type) {
	case *actor.SuspendMailbox:
		m.suspend(true, m.paused)
	case *actor.ResumeMailbox:
		m.suspend(false, m.paused)
	case *unpause:
		m.suspend(m.failed, false)
	case *actor.Stop:
		m.life.end(m.invoker, endsForGood)
	case *actor.Restart:
		m.life.end(m.invoker, endsToBeginAgain)
	case *actor.Terminated:
		m.life.terminated(m.invoker, message)
	default:
		m.invoker.InvokeSystemMessage(message)
	}
}

func (m *mailbox) takeSystem() any {
	m.mu.Lock()
	defer m.mu.Unlock()
	last := m.system
	if last == nil {
		return nil
	}
	first := last.next
	if first == last {
		m.system = nil
		m.hasSystem.Store(false)
	} else {
		last.next = first.next
	}
	return first.message
}

// takeUser swaps the posted messages in; it tells whether there were any.
func (m *mailbox) takeUser() bool {
	spare := m.taken[:0]
	if cap(spare) > keptCapacity {
		spare = m.life.core.slots.get()
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
	waiting := len(m.user) > 0 || int(m.next) < len(m.taken)
	if m.system != nil || waiting && !m.suspended {
		return false
	}
	if !waiting && (cap(m.user) > 1 || cap(m.taken) > 1) {
		m.shrink()
	}
	m.life.handover = nil
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
