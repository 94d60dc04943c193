package faults

import (
	"fmt"
	"strings"
	"time"

	"stampede/actors"
)

// Action is what a rule does.
type Action = actors.Action

// The actions on actors and on the frames of clients.
const (
	Kill      = actors.ActionKill
	Delay     = actors.ActionDelay
	Drop      = actors.ActionDrop
	Duplicate = actors.ActionDuplicate
	Reorder   = actors.ActionReorder
)

// Rule says what is broken, where and when. What is left empty does not matter: a Rule that only says Kill kills every
// actor at every message.
type Rule struct {
	Do Action

	// Where: all that is given must agree. Actor and Destination may hold *, which stands for any number of characters.
	Role        string       // the kind of actor: session, destination, …
	Actor       string       // its path below the top: connections/c1/session
	Destination string       // the destination's name, or that of the frame
	Message     string       // name of a message: publish, settle, …
	Command     string       // of a frame of a client: SEND, ACK, …
	Phase       actors.Phase // "": frame if Command is given or Do is for frames, else message

	// When: of the occasions that agree with the above.
	Nth         int           // only this one, counted from 1
	Every       int           // each that this divides
	Probability float64       // this share of them, by the seed; 0: all
	After       time.Duration // not before the broker has run for this long
	Until       time.Duration // nor from then on; 0: for ever
	Limit       int           // at most so many in all; 0: any number
	PerActor    bool          // Nth and Every count for each actor by itself

	For time.Duration // how long a delay is
}

// phase is the phase in force.
func (r *Rule) phase() actors.Phase {
	switch {
	case r.Phase != "":
		return r.Phase
	case r.Command != "" || r.Do == Drop || r.Do == Duplicate || r.Do == Reorder:
		return actors.PhaseFrame
	default:
		return actors.PhaseMessage
	}
}

// Check says what is wrong with a rule.
func (r *Rule) Check() error {
	frames := r.Do == Drop || r.Do == Duplicate || r.Do == Reorder
	switch {
	case r.Do != Kill && r.Do != Delay && !frames:
		return fmt.Errorf("%q is nothing that a rule can do", r.Do)
	case frames && r.phase() != actors.PhaseFrame:
		return fmt.Errorf("%s is for frames of clients: messages between actors don't get lost", r.Do)
	case frames && r.Role != "" && r.Role != "session":
		return fmt.Errorf("%s is for frames of clients, which sessions handle, not actors of the role %q", r.Do, r.Role)
	case r.Do == Delay && r.phase() != actors.PhaseMessage:
		return fmt.Errorf("a delay is for messages, not for the phase %s", r.phase())
	case r.Do == Delay && r.For <= 0:
		return fmt.Errorf("a delay needs to say for how long")
	case r.Message != "" && r.phase() != actors.PhaseMessage:
		return fmt.Errorf("only the phase message has messages, not %s", r.phase())
	case r.Probability < 0 || r.Probability > 1:
		return fmt.Errorf("%v is no probability; it is from 0 to 1", r.Probability)
	case r.Nth < 0 || r.Every < 0 || r.Limit < 0 || r.After < 0 || r.Until < 0:
		return fmt.Errorf("counts and times can't be negative")
	case r.Until > 0 && r.Until <= r.After:
		return fmt.Errorf("it ends, after %v, before it begins, after %v", r.Until, r.After)
	}
	return nil
}

// matches tells whether an occasion agrees with what the rule says of where.
func (r *Rule) matches(o *actors.Occasion) bool {
	return o.Phase == r.phase() &&
		(r.Role == "" || r.Role == o.Role) &&
		(r.Message == "" || r.Message == o.Message) &&
		(r.Command == "" || r.Command == o.Command) &&
		like(r.Destination, o.Destination) &&
		like(r.Actor, o.Actor)
}

// like matches a pattern in which * stands for anything; "" matches all.
func like(pattern, s string) bool {
	if pattern == "" {
		return true
	}
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return true
}
