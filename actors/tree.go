package actors

import (
	"fmt"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// NodeState is what an actor is doing, as its supervisor sees it.
type NodeState string

// The states.
const (
	NodeRunning    NodeState = "running"
	NodeRestarting NodeState = "restarting" // it failed, and its next incarnation begins when Backoff is over
	NodeStopping   NodeState = "stopping"   // it ends, or its children do first
)

// Node is one actor of the supervision tree at the moment it was looked at.
type Node struct {
	Name        string        `json:"name"`
	Role        string        `json:"role"`
	About       string        `json:"about,omitempty"` // a destination's name, a client's address
	State       NodeState     `json:"state"`
	Since       time.Time     `json:"since"`                // when the state began
	Incarnation int           `json:"incarnation"`          // how often it was begun
	Failures    int           `json:"failures,omitempty"`   // within the window in which restarts are counted
	Cause       string        `json:"cause,omitempty"`      // of the last failure
	Backoff     time.Duration `json:"backoff_ns,omitempty"` // how long its restart still waits
	Mailbox     int           `json:"mailbox,omitempty"`    // messages that wait
	Children    []*Node       `json:"children,omitempty"`   // in the order in which they were started
	Hidden      int           `json:"hidden,omitempty"`     // children that were not asked for
}

// Tree tells what actors there are, and how they are. Nothing is stopped for it: each actor is looked at by itself, so
// two of them may be shown at slightly different moments.
func (b *Broker) Tree() *Node { return b.core.look(b.top, -1, -1) }

// Subtree is Tree from the actor at a path on ("connections/c1"; "" is the top), depth levels deep and with at most so
// many children of each actor, the first ones; less than 0: all. It is nil if there is no such actor.
func (b *Broker) Subtree(path string, depth, children int) *Node {
	l := b.top
	for name := range strings.SplitSeq(path, "/") {
		if name == "" {
			continue
		}
		if l = l.child(name); l == nil {
			return nil
		}
	}
	return b.core.look(l, depth, children)
}

func (c *core) look(l *life, depth, most int) *Node {
	s := l.shown()
	t := s.troubles()
	now := c.clock.Now()
	n := &Node{
		Name: nameOf(l.pid), Role: l.role.name, About: l.about(), State: s.state.node(), Since: c.began.Add(s.since),
		Incarnation: int(s.incarnation), Cause: t.cause, Mailbox: l.mailbox.UserMessageCount(),
	}
	window := l.role.restarts(c.settings()).window
	for _, at := range t.failed {
		if now.Sub(at) < window {
			n.Failures++
		}
	}
	if s.state == restarting {
		n.Backoff = max(t.until.Sub(now), 0)
	}
	children := l.children()
	if depth == 0 {
		most = 0
	}
	if most >= 0 && len(children) > most {
		n.Hidden = len(children) - most
		children = children[:most]
	}
	for _, child := range children {
		n.Children = append(n.Children, c.look(child, depth-1, most))
	}
	return n
}

func nameOf(pid *actor.PID) string { return pid.Id[strings.LastIndexByte(pid.Id, '/')+1:] }

// String draws the tree.
func (n *Node) String() string {
	var b strings.Builder
	n.draw(&b, "", "")
	return b.String()
}

func (n *Node) draw(b *strings.Builder, first, rest string) {
	b.WriteString(first)
	b.WriteString(n.Name)
	fmt.Fprintf(b, "  %s", n.Role)
	if n.About != "" {
		fmt.Fprintf(b, " %s", n.About)
	}
	if n.State != NodeRunning {
		fmt.Fprintf(b, ", %s", n.State)
	}
	if n.State == NodeRestarting && n.Backoff > 0 {
		fmt.Fprintf(b, " in %v", n.Backoff.Round(time.Millisecond))
	}
	if n.Mailbox > 0 {
		fmt.Fprintf(b, ", %d waiting", n.Mailbox)
	}
	if n.Incarnation > 1 {
		fmt.Fprintf(b, ", incarnation %d", n.Incarnation)
	}
	if n.Cause != "" {
		fmt.Fprintf(b, ", failed %d times of late, last: %s", n.Failures, n.Cause)
	}
	b.WriteByte('\n')
	for i, child := range n.Children {
		if i == len(n.Children)-1 && n.Hidden == 0 {
			child.draw(b, rest+"└─ ", rest+"   ")
		} else {
			child.draw(b, rest+"├─ ", rest+"│  ")
		}
	}
	if n.Hidden > 0 {
		fmt.Fprintf(b, "%s└─ … %d more\n", rest, n.Hidden)
	}
}

// status is what of a life others may look at.
type status struct {
	state       lifeState
	incarnation int32
	since       time.Duration // from the broker's beginning
	trouble     *trouble      // never changed; nil: it has not failed yet
}

// lifeState is a NodeState where there are many of it.
type lifeState uint8

const (
	unborn lifeState = iota
	running
	restarting
	stopping
)

func (s lifeState) node() NodeState {
	return [...]NodeState{running: NodeRunning, restarting: NodeRestarting, stopping: NodeStopping}[s]
}

// trouble is how an actor failed.
type trouble struct {
	failed   []time.Time // the last failures
	restarts []time.Time // those that its supervisor counts
	cause    string
	until    time.Time // the end of the pause before a restart
}

func (s status) troubles() trouble {
	if s.trouble == nil {
		return trouble{}
	}
	return *s.trouble
}

// enters changes the status of an actor. Only one goroutine does at a time: its own, or that of its supervisor while it
// lies still.
func (l *life) enters(state lifeState, change func(*status)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := &l.status; s.state != state {
		s.state, s.since = state, l.core.clock.Now().Sub(l.core.began)
	}
	if change != nil {
		change(&l.status)
	}
}

// becomes gives an actor the process of its next incarnation.
func (l *life) becomes(p process) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.process = p
}

// subject is a process that is about something: a destination, a client. It says so at any time, to anybody.
type subject interface {
	about() string
}

// about is a destination's name or a client's address; "": there is nothing like that.
func (l *life) about() string {
	l.mu.Lock()
	p := l.process
	l.mu.Unlock()
	if s, ok := p.(subject); ok {
		return s.about()
	}
	return ""
}

// shown is the status of an actor at this moment.
func (l *life) shown() status {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.status
}

// family is the children of an actor, from the first message that they could get to the end of their last.
type family struct{ first *life }

// place is where an actor is in its parent's family.
type place struct {
	parent     *life // nil: in none
	prev, next *life // prev of the first is the last
}

// adopt adds a child as the youngest.
func (l *life) adopt(child *life) {
	l.mu.Lock()
	defer l.mu.Unlock()
	child.place = place{parent: l, prev: child}
	if first := l.family.first; first != nil {
		last := first.place.prev
		last.place.next, child.place.prev, first.place.prev = child, last, child
	} else {
		l.family.first = child
	}
	l.brood++
}

// leave takes an actor out of its parent's family.
func (l *life) leave() {
	parent := l.place.parent
	if parent == nil {
		return
	}
	parent.mu.Lock()
	defer parent.mu.Unlock()
	prev, next := l.place.prev, l.place.next
	if parent.family.first == l {
		parent.family.first = next
	} else {
		prev.place.next = next
	}
	if next != nil {
		next.place.prev = prev
	} else if first := parent.family.first; first != nil {
		first.place.prev = prev
	}
	l.place = place{}
}

func (l *life) children() (all []*life) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for child := l.family.first; child != nil; child = child.place.next {
		all = append(all, child)
	}
	return all
}

func (l *life) child(name string) *life {
	l.mu.Lock()
	defer l.mu.Unlock()
	for child := l.family.first; child != nil; child = child.place.next {
		if nameOf(child.pid) == name {
			return child
		}
	}
	return nil
}
