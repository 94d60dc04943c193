package config

import (
	"fmt"
	"strings"
)

// destinations looks at the blocks: each by itself, and with the others.
func (c *Config) destinations(f *faults) {
	seen := map[string]string{}
	for i := range c.Destination {
		d := &c.Destination[i]
		at := fmt.Sprintf("destination[%d]", i)
		name := at + ".name"
		if d.Name == "" {
			f.add("has no name", at)
			continue
		}
		why := badName(d.Name)
		switch prefix := typeOf(d.Name); {
		case why != "":
			f.add(fmt.Sprintf("%.60q %s", d.Name, why), name)
		case d.Type == "":
			f.add("is needed: queue or topic (only names with /queue/ or /topic/ say it themselves)", at+".type")
		case prefix != "" && prefix != d.Type:
			f.add(fmt.Sprintf("is %s, though the name begins with /%s/", d.Type, prefix), at+".type", name)
		default:
			c.destination(f, at, d)
		}
		if d.Pattern() && why == "" && !c.Destinations.AutoCreate {
			f.add(fmt.Sprintf("%.60q is a pattern for names made on first use, and destinations.auto_create is false", d.Name), name, "destinations.auto_create")
		}
		same := strings.ReplaceAll(d.Name, ">", "#")
		if first, ok := seen[same]; ok {
			f.add(fmt.Sprintf("%.60q is the name of %s too", d.Name, first), name)
		}
		seen[same] = at
	}
	c.deadLetterNeverMade(f)
}

// destination looks for settings that could have no effect on a destination of this type, or contradict each other.
func (c *Config) destination(f *faults, at string, d *Destination) {
	queue := d.Type == TypeQueue
	keeps := queue || d.MinDelivery > 0
	for _, s := range []struct {
		key         string
		given, fits bool
		why         string
	}{
		{"min_delivery", d.MinDelivery > 0, !queue, "is for topics; a queue keeps a message until one consumer has had it"},
		{"max_messages", d.MaxMessages != nil, keeps, "is for queues and min_delivery; any other topic keeps no messages"},
		{"full", d.Full != nil, keeps, "is for queues and min_delivery; any other topic keeps no messages"},
		{"hold_timeout", d.HoldTimeout != nil, keeps, "is for queues and min_delivery; any other topic keeps no messages"},
		{"max_deliveries", d.MaxDeliveries != nil, queue, "is for queues; a topic gives no message twice"},
		{"dead_letter", d.DeadLetter != nil, queue, "is for queues; a topic gives no message twice"},
		{"slow_consumer", d.SlowConsumer != nil, !queue, "is for topics; a queue gives a consumer no more than its prefetch"},
		{"filter", d.Filter, !queue, "is for topics; consumers of a queue choose by selector"},
		{"filter_header", d.FilterHeader != "" && d.FilterHeader != "filter", d.Filter, "has no effect without filter = true"},
		{"filter_header", true, badHeader(d.FilterHeader) == "", badHeader(d.FilterHeader)},
		{"no_subscribers", d.NoSubscribers != nil, !queue, "is for topics; a queue keeps its messages until somebody comes"},
		{"no_subscribers", d.NoSubscribers != nil && !queue, d.MinDelivery == 0, "is set together with min_delivery, by which messages are kept until somebody comes"},
	} {
		if s.given && !s.fits {
			f.add(s.why, at+"."+s.key)
		}
	}
	if d.LogMessages && c.Journal.Directory == "" {
		f.add("needs a place for the files: set journal.directory", at+".log_messages", "journal.directory")
	}
	const whole = "a message of the full size would never be taken"
	if size := d.MaxMessageSize; size != nil {
		f.atMost(at+".max_message_size", "limits.max_body_bytes", *size, c.Limits.MaxBodyBytes, *size > c.Limits.MaxBodyBytes,
			"no frame brings a body of that size")
		if d.MaxBytes != nil {
			f.atMost(at+".max_message_size", at+".max_bytes", *size, *d.MaxBytes, *size > *d.MaxBytes, whole)
		}
	}
	if d.DeadLetter != nil && queue {
		c.deadLetter(f, at+".dead_letter", *d.DeadLetter)
	}
}

// badHeader says why no header can be called so, or "".
func badHeader(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "has a control character; no header is called so"
	}
	return ""
}

// badName says why no destination can be called so, or "". A wildcard is what it is in a subscription.
func badName(name string) string {
	const max = 1024
	if len(name) > max {
		return fmt.Sprintf("has %d bytes, a name has at most %d", len(name), max)
	}
	for _, r := range name {
		if r < ' ' || r == 0x7f {
			return "has a control character; that can't be in a destination's name"
		}
	}
	for _, prefix := range []string{"/temp-queue/", "/temp-topic/", "/reply-queue/", "/reply-topic/", "/dsub/"} {
		if strings.HasPrefix(name, prefix) {
			return "belongs to one client; it can't be made for all"
		}
	}
	if name == "/queue/" || name == "/topic/" {
		return "has nothing behind its prefix"
	}
	if !strings.ContainsAny(name, "*#>") {
		return ""
	}
	if typeOf(name) == "" {
		return "has a wildcard; that is for names with /queue/ or /topic/, which are made on first use"
	}
	levels := strings.Split(name[len("/queue/"):], ".")
	for i, level := range levels {
		switch {
		case !strings.ContainsAny(level, "*#>"), level == "*":
		case (level == "#" || level == ">") && i == len(levels)-1:
		default:
			return "has a wildcard in the wrong place; * is a whole level between dots, # or > the last one"
		}
	}
	return ""
}

// typeOf is the type that a name's prefix says, or "".
func typeOf(name string) DestinationType {
	switch {
	case strings.HasPrefix(name, "/queue/"):
		return TypeQueue
	case strings.HasPrefix(name, "/topic/"):
		return TypeTopic
	}
	return ""
}

// deadLetter looks at a name for dead letters.
func (c *Config) deadLetter(f *faults, key, name string) {
	if name == "" || strings.HasPrefix(name, "/queue/") && badName(name) == "" && !strings.ContainsAny(name, "*#>") || c.namesQueue(name) {
		return
	}
	f.add(fmt.Sprintf("%.60q is not a queue; write /queue/NAME, a queue of [[destination]], or \"\" to discard", name), key)
}

func (c *Config) namesQueue(name string) bool {
	for _, d := range c.Destination {
		if d.Name == name && d.Type == TypeQueue && !d.Pattern() {
			return true
		}
	}
	return false
}

// deadLetterNeverMade reports queues for dead letters that nothing makes: they are not configured, and nothing is made
// on first use. What should go there would stay where it is for ever.
func (c *Config) deadLetterNeverMade(f *faults) {
	if c.Destinations.AutoCreate {
		return
	}
	reported := false
	for i := range c.Destination {
		d := &c.Destination[i]
		key, name := "queues.dead_letter", c.Queues.DeadLetter
		if d.DeadLetter != nil {
			key, name = fmt.Sprintf("destination[%d].dead_letter", i), *d.DeadLetter
		} else if reported {
			continue
		}
		if d.Type != TypeQueue || d.Pattern() || !strings.HasPrefix(name, "/queue/") || c.namesQueue(name) {
			continue
		}
		reported = reported || d.DeadLetter == nil
		f.add(fmt.Sprintf("%.60q could never be made: destinations.auto_create is false and no [[destination]] has that name; add one, or write \"\" to discard", name),
			key, "destinations.auto_create")
	}
}
