package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// FaultAction is what is done to a part of the broker, on purpose.
type FaultAction string

// The actions. The first group is for actors, the second for frames of clients, the third for connections, the last for
// the clock.
const (
	FaultKill  FaultAction = "kill"  // the actor panics
	FaultDelay FaultAction = "delay" // a message, and those behind it, wait

	FaultDrop      FaultAction = "drop"      // the frame counts as handled and is not
	FaultDuplicate FaultAction = "duplicate" // the frame is handled twice
	FaultReorder   FaultAction = "reorder"   // the frame changes places with the next

	FaultCut       FaultAction = "cut"        // the connection ends, wherever in a frame that is
	FaultReset     FaultAction = "reset"      // the same, by a TCP reset where there is TCP
	FaultHalfOpen  FaultAction = "half_open"  // the client is gone and nobody says so
	FaultSlowRead  FaultAction = "slow_read"  // the broker gets what the client sends with pauses
	FaultSlowWrite FaultAction = "slow_write" // the client gets what the broker sends with pauses
	FaultTrickle   FaultAction = "trickle"    // one octet at a time, both ways
	FaultGarbage   FaultAction = "garbage"    // octets that the client did not send

	FaultJump  FaultAction = "jump"  // the clock shows another time
	FaultStall FaultAction = "stall" // no timer goes off for a while
)

// FaultPhase is a moment in an actor's life.
type FaultPhase string

// The phases.
const (
	PhaseStarted    FaultPhase = "started"    // a new incarnation begins
	PhaseMessage    FaultPhase = "message"    // a message is about to be handled
	PhaseFrame      FaultPhase = "frame"      // a session is about to handle a frame of its client
	PhaseStopping   FaultPhase = "stopping"   // it is to end; its children end next
	PhaseStopped    FaultPhase = "stopped"    // they have
	PhaseRestarting FaultPhase = "restarting" // it failed, and the next incarnation is to come
)

// Fault is a rule: what is broken, where and when. What is left empty does not matter: one that only says kill kills
// every actor at every message.
type Fault struct {
	Do FaultAction `toml:"do"`

	// Where: all that is given must agree. In Actor, Destination and Listener a * stands for any number of characters.
	Role        string     `toml:"role"`        // the kind of actor: session, destination, …
	Actor       string     `toml:"actor"`       // its path below the top: connections/c1/session
	Destination string     `toml:"destination"` // that of the actor, or of the frame
	Message     string     `toml:"message"`     // a message between actors: publish, settle, …
	Command     string     `toml:"command"`     // of a frame of a client: SEND, ACK, …
	Phase       FaultPhase `toml:"phase"`       // "": frame with a Command and for what is done to frames, else message
	Listener    string     `toml:"listener"`    // for connections: the listener's name, or pipe

	// When: of the occasions that agree with the above. An occasion is a message, a frame, or for connections an accept.
	Nth         int           `toml:"nth"`         // only this one, counted from 1
	Every       int           `toml:"every"`       // each that this divides
	Probability float64       `toml:"probability"` // this share of them, by the seed; 0: all
	After       time.Duration `toml:"after"`       // not before the broker has run for this long
	Until       time.Duration `toml:"until"`       // nor from then on; 0: for ever
	Limit       int           `toml:"limit"`       // at most so many in all; 0: any number
	PerActor    bool          `toml:"per_actor"`   // Nth and Every count for each actor by itself

	For   time.Duration `toml:"for"`   // how long a delay, a pause or a stall is, and how far the clock jumps
	Bytes Bytes         `toml:"bytes"` // for connections: how much they carry, both ways together, before it begins
}

// Faults is a schedule of faults. Its file is one of its own: see [LoadFaults].
type Faults struct {
	// Seed decides what the rules leave to chance.
	Seed  int     `toml:"seed"`
	Fault []Fault `toml:"fault"`
}

// Of what kind an action is.
func (a FaultAction) onActors() bool { return a == FaultKill || a == FaultDelay }

func (a FaultAction) onFrames() bool {
	return a == FaultDrop || a == FaultDuplicate || a == FaultReorder
}

// OnConnections says that an action breaks connections.
func (a FaultAction) OnConnections() bool {
	switch a {
	case FaultCut, FaultReset, FaultHalfOpen, FaultSlowRead, FaultSlowWrite, FaultTrickle, FaultGarbage:
		return true
	}
	return false
}

// OnClock says that an action breaks the clock.
func (a FaultAction) OnClock() bool { return a == FaultJump || a == FaultStall }

// needsFor: without a duration they mean nothing.
func (a FaultAction) needsFor() bool {
	return a == FaultDelay || a == FaultSlowRead || a == FaultSlowWrite || a.OnClock()
}

var (
	faultActions = []string{"kill", "delay", "drop", "duplicate", "reorder", "cut", "reset", "half_open", "slow_read", "slow_write", "trickle", "garbage", "jump", "stall"}
	faultPhases  = []string{"started", "message", "frame", "stopping", "stopped", "restarting"}
	faultRoles   = []string{"broker", "destinations", "destination", "connections", "connection", "transport", "session", "subscription", "program", "listeners", "listener"}
	// STOMP's client commands.
	faultCommands = []string{"CONNECT", "STOMP", "SEND", "SUBSCRIBE", "UNSUBSCRIBE", "ACK", "NACK", "BEGIN", "COMMIT", "ABORT", "DISCONNECT"}
)

// At is the phase in force.
func (f *Fault) At() FaultPhase {
	switch {
	case f.Phase != "":
		return f.Phase
	case f.Command != "" || f.Do.onFrames():
		return PhaseFrame
	default:
		return PhaseMessage
	}
}

// Check says what is wrong with a rule: [Problems], or nil.
func (f *Fault) Check() error {
	var all Problems
	for _, p := range f.faults() {
		all = append(all, Problem{Key: p.keys[0], Text: p.text})
	}
	return all.orNil()
}

func (f *Fault) faults() []fault {
	var all faults
	oneOf := func(key, value string, words []string) bool {
		if value == "" || slices.Contains(words, value) {
			return true
		}
		text := fmt.Sprintf("%.40q is not one of %s", value, strings.Join(words, ", "))
		if near := nearest(value, words); near != "" {
			text += fmt.Sprintf("; did you mean %q?", near)
		}
		all.add(text, key)
		return false
	}
	known := oneOf("do", string(f.Do), faultActions)
	known = oneOf("phase", string(f.Phase), faultPhases) && known
	oneOf("role", f.Role, faultRoles)
	oneOf("command", f.Command, faultCommands)
	for _, n := range []struct {
		key      string
		negative bool
	}{
		{"nth", f.Nth < 0},
		{"every", f.Every < 0},
		{"limit", f.Limit < 0},
		{"after", f.After < 0},
		{"until", f.Until < 0},
		{"bytes", f.Bytes < 0},
		{"for", f.For < 0 && f.Do != FaultJump},
	} {
		if n.negative {
			all.add("can't be negative", n.key)
		}
	}
	if !(f.Probability >= 0 && f.Probability <= 1) {
		all.add(fmt.Sprintf("%v is no probability; it is from 0 to 1", f.Probability), "probability")
	}
	if f.Until > 0 && f.After >= 0 && f.Until <= f.After {
		all.add(fmt.Sprintf("%s is not behind after (%s)", showDuration(f.Until), showDuration(f.After)), "until", "after")
	}
	if f.Do == "" {
		all.add("is missing; it says what the rule does", "do")
	} else if known {
		f.fits(&all)
	}
	return all
}

// fits asks whether a rule says anything that its action has no use for.
func (f *Fault) fits(all *faults) {
	at, do := f.At(), f.Do
	useless := func(key string, given bool, why string) {
		if given {
			all.add(fmt.Sprintf("has no meaning for %s: %s", do, why), key, "do")
		}
	}
	switch {
	case do.onFrames():
		useless("phase", at != PhaseFrame, "it is for frames of clients; messages between actors don't get lost")
		useless("role", f.Role != "" && f.Role != "session", "frames are handled by sessions")
	case do == FaultDelay:
		useless("phase", at != PhaseMessage && f.Command == "", "only messages can be delayed")
		useless("command", f.Command != "", "only messages can be delayed, not single frames")
	case !do.onActors():
		why := "it is for connections"
		if do.OnClock() {
			why = "it is for the clock"
		}
		useless("role", f.Role != "", why)
		useless("actor", f.Actor != "", why)
		useless("destination", f.Destination != "", why)
		useless("command", f.Command != "", why)
		useless("phase", f.Phase != "", why)
		useless("per_actor", f.PerActor, why)
	}
	useless("message", f.Message != "" && (at != PhaseMessage || !do.onActors()), "only the phase message has messages")
	useless("command", f.Command != "" && at != PhaseFrame && do == FaultKill, "only the phase frame has commands")
	useless("listener", f.Listener != "" && !do.OnConnections(), "it is not for connections")
	useless("bytes", f.Bytes > 0 && !do.OnConnections(), "it is not for connections")
	useless("for", f.For != 0 && !do.needsFor(), "it does not last")
	if f.For == 0 && do.needsFor() {
		all.add("is missing; "+string(do)+" needs to know how long", "for", "do")
	}
	if do.OnClock() {
		const why = "the clock does so once, after a time"
		useless("nth", f.Nth > 0, why)
		useless("every", f.Every > 0, why)
		useless("probability", f.Probability > 0, why)
		useless("until", f.Until > 0, why)
		useless("limit", f.Limit > 0, why)
	}
}

// LoadFaults reads a schedule of faults from a file. The error is one that says in one line why the file could not be
// read, or else [Problems].
func LoadFaults(path string) (*Faults, error) {
	data, err := read("schedule of faults", path)
	if err != nil {
		return nil, err
	}
	return ParseFaults(path, data)
}

// ParseFaults is LoadFaults for a file that was already read. name appears in problems.
func ParseFaults(name string, data []byte) (*Faults, error) {
	var s Faults
	d := decodeInto(name, data, reflect.ValueOf(&s).Elem())
	problems := d.problems
	if len(s.Fault) == 0 && len(problems) == 0 {
		problems = append(problems, Problem{File: name, Key: "fault", Text: "there is none; each fault is a [[fault]] block"})
	}
	for i := range s.Fault {
		at := fmt.Sprintf("fault[%d]", i)
		for _, f := range s.Fault[i].faults() {
			for k := range f.keys {
				f.keys[k] = at + "." + f.keys[k]
			}
			if p, fresh := locate(d, nil, f); fresh {
				problems = append(problems, p)
			}
		}
	}
	if err := problems.orNil(); err != nil {
		return nil, err
	}
	return &s, nil
}
