package actors

import (
	"fmt"
	"strings"
)

// kind is what a destination does with a message.
type kind uint8

const (
	kindTopic kind = iota + 1
	kindQueue
)

func (k kind) String() string {
	switch k {
	case kindTopic:
		return "topic"
	case kindQueue:
		return "queue"
	default:
		return "unknown"
	}
}

// The name spaces that need no configuration.
const (
	queuePrefix      = "/queue/"
	topicPrefix      = "/topic/"
	tempQueuePrefix  = "/temp-queue/"
	tempTopicPrefix  = "/temp-topic/"
	replyQueuePrefix = "/reply-queue/"
	replyTopicPrefix = "/reply-topic/"
	durableSubPrefix = "/dsub/"
)

// maxNameBytes bounds a destination name: it is copied into every MESSAGE and into the actor's name.
const maxNameBytes = 1024

// destinationName is a destination header taken apart.
type destinationName struct {
	full    string
	kind    kind
	temp    bool // private to the connection that names it
	reply   bool // the opaque name of somebody's temporary destination
	pattern bool // a wildcard subscription
}

// parseName reads a destination header; subscribing allows wildcards.
func parseName(name string, subscribing bool) (destinationName, *Fault) {
	d := destinationName{full: name}
	if len(name) > maxNameBytes {
		return d, faultf(CodeBadDestination, "destination name too long", "a destination name has at most %d bytes, this one has %d", maxNameBytes, len(name))
	}
	for _, r := range name {
		if r < ' ' || r == 0x7f {
			return d, faultf(CodeBadDestination, "control character in destination", "the destination %q contains a control character", name)
		}
	}
	var rest string
	switch {
	case strings.HasPrefix(name, queuePrefix):
		d.kind, rest = kindQueue, name[len(queuePrefix):]
	case strings.HasPrefix(name, topicPrefix):
		d.kind, rest = kindTopic, name[len(topicPrefix):]
	case strings.HasPrefix(name, tempQueuePrefix):
		d.kind, d.temp, rest = kindQueue, true, name[len(tempQueuePrefix):]
	case strings.HasPrefix(name, tempTopicPrefix):
		d.kind, d.temp, rest = kindTopic, true, name[len(tempTopicPrefix):]
	case strings.HasPrefix(name, replyQueuePrefix):
		d.kind, d.reply, rest = kindQueue, true, name[len(replyQueuePrefix):]
	case strings.HasPrefix(name, replyTopicPrefix):
		d.kind, d.reply, rest = kindTopic, true, name[len(replyTopicPrefix):]
	case strings.HasPrefix(name, durableSubPrefix):
		return d, unsupported("durable subscriptions (/dsub/)")
	default:
		return d, unknownDestination(name)
	}
	if rest == "" {
		return d, faultf(CodeBadDestination, "destination has no name", "%q needs a name after its prefix", name)
	}
	wild, fault := hasWildcard(name, rest)
	if fault != nil {
		return d, fault
	}
	if !wild {
		return d, nil
	}
	switch {
	case !subscribing:
		return d, faultf(CodeBadDestination, "wildcard in the destination of a SEND", "%q is a pattern; patterns can be subscribed to, a message goes to one name", name)
	case d.kind != kindTopic || d.temp || d.reply:
		return d, faultf(CodeBadDestination, "wildcards are for topics", "%q: only /topic/ destinations can be subscribed to by a pattern", name)
	}
	d.pattern = true
	return d, nil
}

func unknownDestination(name string) *Fault {
	return faultf(CodeDestinationUnknown, "destination unknown", "no destination %q is configured; names made on first use start with /queue/, /topic/, /temp-queue/ or /temp-topic/", name)
}

// noTemporary is the answer to who wants to read a temporary destination by its public name: the same if there is one, which
// is somebody else's.
func noTemporary(name string) *Fault {
	return faultf(CodeDestinationUnknown, "destination unknown", "no temporary destination %q is yours to subscribe to", name)
}

// hasWildcard tells whether a level of rest is a wildcard; one in a wrong place is a fault.
func hasWildcard(name, rest string) (bool, *Fault) {
	if !strings.ContainsAny(rest, "*#>") {
		return false, nil
	}
	levels := strings.Split(rest, ".")
	wild := false
	for i, level := range levels {
		switch {
		case level == "*":
			wild = true
		case level == "#" || level == ">":
			if i != len(levels)-1 {
				return false, faultf(CodeBadDestination, "wildcard in the wrong place", "%q: %s stands for all further levels and can only be the last one", name, level)
			}
			wild = true
		case level == "**":
			return false, faultf(CodeBadDestination, "wildcard not offered", "%q: ** is not offered; * matches one level, a last # or > all further levels", name)
		case strings.ContainsAny(level, "*#>"):
			return false, faultf(CodeBadDestination, "wildcard in the wrong place", "%q: a wildcard must be a whole level between dots", name)
		}
	}
	return wild, nil
}

// actorName is a destination's name as a path element: protoactor splits paths at slashes.
func actorName(k kind, name string, generation uint64) string {
	return fmt.Sprintf("%s:%s~%d", k, strings.NewReplacer("%", "%25", "/", "%2F").Replace(name), generation)
}
