package actors

import (
	"cmp"
	"strings"
	"time"

	"stampede/config"
)

// destinationSettings is what the configuration says of one destination: everything that holds for it,
// wherever it is written. A value is never changed; a reload makes another.
type destinationSettings struct {
	block string // the name of its [[destination]]; empty: it has none
	kept  bool   // it has a block of its very name, so it never retires

	maxConnections int // subscriptions; 0: any number
	maxMessageSize int // octets of a body
	expiry         time.Duration
	webReadBlock   bool
	webWriteBlock  bool
	logMessages    bool

	maxBytes int // a queue's messages, or a topic's that are not due yet

	// Queues.
	queue       queueLimits
	holdTimeout time.Duration
	deadLetter  string // empty: there is nowhere to go
	letters     bool   // it is itself where dead letters go

	// Topics.
	minDelivery   int // how many subscribers must have had a message; 0: none. With it queue and holdTimeout hold too
	slowConsumer  config.SlowConsumer
	noSubscribers config.NoSubscribers
	filter        string // the header by which subscribers choose; empty: they get everything

	given map[string]bool // keys that the block sets
}

// settingsFor works out what holds for a destination of this name and kind. Of the blocks that match
// the most specific one counts, as a whole; what it leaves out is as [queues] or [topics] have it.
func settingsFor(cfg *config.Config, name string, k kind) *destinationSettings {
	q := cfg.Queues
	s := &destinationSettings{maxMessageSize: int(cfg.Limits.MaxBodyBytes), maxBytes: int(q.MaxBytes), holdTimeout: q.HoldTimeout}
	s.queue = queueLimits{maxMessages: q.MaxMessages, full: fullPolicyOf(q.Full)}
	if k == kindQueue {
		s.queue.maxDeliveries, s.deadLetter, s.expiry = q.MaxDeliveries, q.DeadLetter, q.Expiry
	} else {
		s.slowConsumer, s.noSubscribers, s.expiry = cfg.Topics.SlowConsumer, cfg.Topics.NoSubscribers, cfg.Topics.Expiry
	}
	if d := blockFor(cfg.Destination, name, k); d != nil {
		s.apply(d)
		s.kept = d.Name == name
	}
	s.kept = s.kept || takesStatistics(cfg, name)
	s.queue.maxBytes = s.maxBytes
	if s.letters = k == kindQueue && takesDeadLetters(cfg, name); s.letters {
		s.queue.maxDeliveries, s.deadLetter = 0, "" // there is nowhere further to go
	}
	return s
}

// apply takes over what a block says.
func (s *destinationSettings) apply(d *config.Destination) {
	s.block, s.given = d.Name, make(map[string]bool)
	s.maxConnections, s.minDelivery = d.MaxConnections, d.MinDelivery
	s.logMessages = d.LogMessages
	s.webReadBlock, s.webWriteBlock = d.WebReadBlock, d.WebWriteBlock
	if d.Filter {
		s.filter = cmp.Or(d.FilterHeader, "filter")
	}
	override(s, "max_messages", &s.queue.maxMessages, d.MaxMessages)
	if d.MaxBytes != nil {
		s.maxBytes, s.given["max_bytes"] = int(*d.MaxBytes), true
	}
	if d.Full != nil {
		s.queue.full, s.given["full"] = fullPolicyOf(*d.Full), true
	}
	if d.MaxMessageSize != nil {
		s.maxMessageSize, s.given["max_message_size"] = int(*d.MaxMessageSize), true
	}
	override(s, "hold_timeout", &s.holdTimeout, d.HoldTimeout)
	override(s, "max_deliveries", &s.queue.maxDeliveries, d.MaxDeliveries)
	override(s, "dead_letter", &s.deadLetter, d.DeadLetter)
	override(s, "expiry", &s.expiry, d.Expiry)
	override(s, "slow_consumer", &s.slowConsumer, d.SlowConsumer)
	override(s, "no_subscribers", &s.noSubscribers, d.NoSubscribers)
}

func override[T any](s *destinationSettings, key string, to, from *T) {
	if from != nil {
		*to, s.given[key] = *from, true
	}
}

// limit names a setting as an ERROR does: where it is written.
func (s *destinationSettings) limit(section, key string) string {
	if s.given[key] || section == "" {
		return key + ` of the destination "` + s.block + `"` // they have the block's name in common, if it is a pattern
	}
	return section + "." + key
}

func fullPolicyOf(p config.QueueFull) fullPolicy {
	switch p {
	case config.FullReject:
		return fullReject
	case config.FullDropOldest:
		return fullDropOldest
	default:
		return fullHold
	}
}

// kindOf is what a block makes.
func kindOf(d *config.Destination) kind {
	if d.Type == config.TypeQueue || d.Type == "" && strings.HasPrefix(d.Name, queuePrefix) {
		return kindQueue
	}
	return kindTopic
}

// keptFrom names the keys of a block that a destination can't follow while it is there, as it is otherwise.
func (h *handle) keptFrom(d *config.Destination) (keys []string) {
	if h.kind != kindOf(d) {
		keys = append(keys, "type")
	}
	if h.buffered != (d.MinDelivery > 0) {
		keys = append(keys, "min_delivery")
	}
	return keys
}

// takesStatistics tells whether the broker publishes what it does to this destination.
func takesStatistics(cfg *config.Config, name string) bool {
	return cfg.Stats.Enabled && name == cfg.Stats.Destination
}

// takesDeadLetters tells whether some queue's dead letters go to this one.
func takesDeadLetters(cfg *config.Config, name string) bool {
	if name == cfg.Queues.DeadLetter {
		return true
	}
	for i := range cfg.Destination {
		if d := cfg.Destination[i].DeadLetter; d != nil && *d == name {
			return true
		}
	}
	return false
}

// blockFor finds the most specific block for a name: the one of that very name; else, level by level
// from the left, a word says more than *, and * more than #.
func blockFor(blocks []config.Destination, name string, k kind) *config.Destination {
	var best *config.Destination
	for i := range blocks {
		d := &blocks[i]
		switch {
		case d.Name == name:
			return d
		case !d.Pattern():
		case matchesBlock(d.Name, name, k) && (best == nil || moreSpecific(d.Name, best.Name)):
			best = d
		}
	}
	return best
}

func matchesBlock(pattern, name string, k kind) bool {
	prefix := topicPrefix
	if k == kindQueue {
		prefix = queuePrefix
	}
	levels, ok := strings.CutPrefix(pattern, prefix)
	rest, named := strings.CutPrefix(name, prefix)
	return ok && named && matchesPattern(levels, rest)
}

// moreSpecific compares two patterns that match the same name.
func moreSpecific(a, b string) bool {
	la, lb := strings.Split(a[len(topicPrefix):], "."), strings.Split(b[len(topicPrefix):], ".") // queuePrefix is as long
	for i := range min(len(la), len(lb)) {
		if ra, rb := wildness(la[i]), wildness(lb[i]); ra != rb {
			return ra < rb
		}
	}
	return len(la) < len(lb) // a.* against a.*.#, which matches more
}

// wildness orders what a level of a pattern can be.
func wildness(level string) int {
	switch {
	case level == "*":
		return 1
	case isRest(level):
		return 2
	default:
		return 0
	}
}

// settingsTable gives every destination its settings, the same to all that nothing tells apart.
type settingsTable struct {
	of    *config.Config
	known map[settingsKey]*destinationSettings
}

type settingsKey struct {
	block string
	kind  kind
}

func (t *settingsTable) settingsFor(cfg *config.Config, name string, k kind) *destinationSettings {
	if t.of != cfg {
		t.of, t.known = cfg, make(map[settingsKey]*destinationSettings)
	}
	key := settingsKey{kind: k}
	if d := blockFor(cfg.Destination, name, k); d != nil {
		key.block = d.Name
	}
	own := takesDeadLetters(cfg, name) || takesStatistics(cfg, name)
	if s := t.known[key]; s != nil && !own {
		return s
	}
	s := settingsFor(cfg, name, k)
	if !own {
		t.known[key] = s
	}
	return s
}
