package faults

import (
	"strings"

	"stampede/actors"
	"stampede/config"
)

// Rule says what is broken, where and when. It is what a [[fault]] block of a schedule in a file is.
type Rule = config.Fault

// Action is what a rule does.
type Action = config.FaultAction

// The actions: to actors; to frames of clients; to connections; to the clock.
const (
	Kill  = config.FaultKill
	Delay = config.FaultDelay

	Drop      = config.FaultDrop
	Duplicate = config.FaultDuplicate
	Reorder   = config.FaultReorder

	Cut       = config.FaultCut
	Reset     = config.FaultReset
	HalfOpen  = config.FaultHalfOpen
	SlowRead  = config.FaultSlowRead
	SlowWrite = config.FaultSlowWrite
	Trickle   = config.FaultTrickle
	Garbage   = config.FaultGarbage

	Jump  = config.FaultJump
	Stall = config.FaultStall
)

// strikes tells whether an occasion agrees with what a rule says of where.
func strikes(r *Rule, o *actors.Occasion) bool {
	return o.Phase == r.At() && !r.Do.OnConnections() && !r.Do.OnClock() &&
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
