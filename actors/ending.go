package actors

import (
	"slices"
	"strings"

	"github.com/asynkron/protoactor-go/actor"
)

// ending is what an incarnation ends for. What stands further down overrides what stands above: once an actor is to be
// gone, no Restart brings it back.
type ending uint8

const (
	endsNot ending = iota
	endsToBeginAgain
	endsForGood
	hasEnded
)

// end carries out a Stop or a Restart. An actor ends after its children: protoactor's own way is to keep a set of them
// for each actor, and to lose a Stop that a Restart overtakes while it waits for them. So it is told of an end
// when there are no children, or no more.
func (l *life) end(invoker actor.MessageInvoker, e ending) {
	if l.ending >= e {
		return
	}
	l.ending = e
	if l.brood == 0 {
		l.finish(invoker)
		return
	}
	l.told = false
	if e == endsForGood {
		invoker.InvokeUserMessage(&actor.Stopping{})
	} else {
		invoker.InvokeUserMessage(&actor.Restarting{})
	}
	l.told = true
	children := l.children()
	slices.Reverse(children)
	for _, child := range children {
		l.tell(child, func() { invoker.(actor.Supervisor).StopChildren(child.pid) })
	}
}

// finish ends an actor that has no children, as l.ending says.
func (l *life) finish(invoker actor.MessageInvoker) {
	if l.ending != endsForGood {
		invoker.InvokeSystemMessage(&actor.Restart{})
		return
	}
	if parent := l.place.parent; parent != nil && !l.role.waits {
		l.tell(parent, func() { invoker.InvokeSystemMessage(&actor.Stop{}) })
	} else {
		invoker.InvokeSystemMessage(&actor.Stop{})
	}
}

// terminated handles the last word of a child, or of somebody whom the actor watches.
func (l *life) terminated(invoker actor.MessageInvoker, m *actor.Terminated) {
	if !l.isParentOf(m.Who) {
		invoker.InvokeSystemMessage(m)
		return
	}
	l.brood--
	invoker.InvokeSystemMessage(m)
	if l.brood == 0 && (l.ending == endsToBeginAgain || l.ending == endsForGood) {
		l.finish(invoker)
	}
}

// isParentOf looks at the name: only children have one below their parent's, and say their last word to it.
func (l *life) isParentOf(pid *actor.PID) bool {
	below, ok := strings.CutPrefix(pid.Id, l.pid.Id)
	return ok && strings.HasPrefix(below, "/")
}
