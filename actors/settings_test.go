package actors

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"stampede/config"
)

// Of the blocks that match a name the most specific counts: its very name, then word by word from the left.
func TestMostSpecificBlock(t *testing.T) {
	blocks := func(names ...string) []config.Destination {
		var all []config.Destination
		for _, n := range names {
			all = append(all, config.Destination{Name: n})
		}
		return all
	}
	for _, c := range []struct {
		name string
		kind kind
		want string // the first that counts; then those behind it
	}{
		{"/topic/a.b", kindTopic, "/topic/a.b /topic/a.* /topic/a.*.# /topic/a.# /topic/*.b /topic/*.* /topic/*.> /topic/#"},
		{"/topic/a", kindTopic, "/topic/a.# /topic/* /topic/*.> /topic/#"},
		{"/topic/a.b.c", kindTopic, "/topic/a.b.> /topic/a.*.# /topic/a.# /topic/*.> /topic/#"},
		{"/queue/a.b", kindQueue, "/queue/a.* /queue/#"},
		{"/queue/a/b.c", kindQueue, "/queue/a/b.* /queue/*.c"},
		{"memtop", kindTopic, "memtop"},
		{"/temp-queue/a", kindQueue, ""},
	} {
		names := strings.Fields(c.want)
		for range 20 {
			others := []string{"/topic/b.*", "/topic/a.b.c.d", "/queue/b.#", "memq", "/topic/*.c.*"}
			all := blocks(append(slices.Clone(names), others...)...)
			rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			for _, want := range append(names, "") {
				got := ""
				if d := blockFor(all, c.name, c.kind); d != nil {
					got = d.Name
				}
				if got != want {
					t.Fatalf("%s goes by %q, wants %q", c.name, got, want)
				}
				all = slices.DeleteFunc(all, func(d config.Destination) bool { return d.Name == want })
			}
		}
	}
}

// Every setting of a block overrides what its section says, alone, and is named by the block in an ERROR; what
// it leaves out is the section's.
func TestSettingsComeFromTheBlockOrTheSection(t *testing.T) {
	base := config.Default()
	base.Queues = config.Queues{MaxMessages: 11, MaxBytes: 12 << 10, Full: config.FullReject, HoldTimeout: 13, MaxDeliveries: 14, DeadLetter: "/queue/15", Expiry: 16}
	base.Topics = config.Topics{SlowConsumer: config.SlowDropNewest, NoSubscribers: config.NoSubscribersReject, Expiry: 17}
	show := func(s *destinationSettings) string {
		c := *s
		c.block, c.kept, c.given = "", false, nil
		return fmt.Sprintf("%+v", c)
	}
	for _, c := range []struct {
		key    string
		name   string
		set    func(*config.Destination)
		change func(*destinationSettings)
	}{
		{"max_messages", "/queue/q", func(d *config.Destination) { d.MaxMessages = new(1) }, func(s *destinationSettings) { s.queue.maxMessages = 1 }},
		{"max_bytes", "/queue/q", func(d *config.Destination) { d.MaxBytes = new(config.Bytes(2)) }, func(s *destinationSettings) { s.maxBytes, s.queue.maxBytes = 2, 2 }},
		{"full", "/queue/q", func(d *config.Destination) { d.Full = new(config.FullDropOldest) }, func(s *destinationSettings) { s.queue.full = fullDropOldest }},
		{"full", "/queue/q", func(d *config.Destination) { d.Full = new(config.FullHold) }, func(s *destinationSettings) { s.queue.full = fullHold }},
		{"hold_timeout", "/queue/q", func(d *config.Destination) { d.HoldTimeout = new(time.Duration(0)) }, func(s *destinationSettings) { s.holdTimeout = 0 }},
		{"max_message_size", "/queue/q", func(d *config.Destination) { d.MaxMessageSize = new(config.Bytes(3)) }, func(s *destinationSettings) { s.maxMessageSize = 3 }},
		{"max_deliveries", "/queue/q", func(d *config.Destination) { d.MaxDeliveries = new(0) }, func(s *destinationSettings) { s.queue.maxDeliveries = 0 }},
		{"dead_letter", "/queue/q", func(d *config.Destination) { d.DeadLetter = new("") }, func(s *destinationSettings) { s.deadLetter = "" }},
		{"expiry", "/queue/q", func(d *config.Destination) { d.Expiry = new(time.Duration(0)) }, func(s *destinationSettings) { s.expiry = 0 }},
		{"expiry", "/topic/t", func(d *config.Destination) { d.Expiry = new(time.Duration(5)) }, func(s *destinationSettings) { s.expiry = 5 }},
		{"slow_consumer", "/topic/t", func(d *config.Destination) { d.SlowConsumer = new(config.SlowDisconnect) }, func(s *destinationSettings) { s.slowConsumer = config.SlowDisconnect }},
		{"no_subscribers", "/topic/t", func(d *config.Destination) { d.NoSubscribers = new(config.NoSubscribersDrop) }, func(s *destinationSettings) { s.noSubscribers = config.NoSubscribersDrop }},
		{"", "/topic/t", func(d *config.Destination) { d.MaxConnections = 6 }, func(s *destinationSettings) { s.maxConnections = 6 }},
		{"", "/topic/t", func(d *config.Destination) { d.Filter = true }, func(s *destinationSettings) { s.filter = "filter" }},
		{"", "/topic/t", func(d *config.Destination) { d.Filter, d.FilterHeader = true, "h" }, func(s *destinationSettings) { s.filter = "h" }},
		{"", "/topic/t", func(d *config.Destination) { d.MinDelivery = 6 }, func(s *destinationSettings) { s.minDelivery = 6 }},
		{"max_messages", "/topic/t", func(d *config.Destination) { d.MaxMessages = new(1) }, func(s *destinationSettings) { s.queue.maxMessages = 1 }},
		{"", "/topic/t", func(d *config.Destination) { d.WebReadBlock = true }, func(s *destinationSettings) { s.webReadBlock = true }},
		{"", "/topic/t", func(d *config.Destination) { d.WebWriteBlock = true }, func(s *destinationSettings) { s.webWriteBlock = true }},
	} {
		k := kindTopic
		if strings.HasPrefix(c.name, queuePrefix) {
			k = kindQueue
		}
		want := settingsFor(base, c.name, k)
		if want.kept || want.limit("queues", "x") != "queues.x" {
			t.Errorf("without a block: %+v", want)
		}
		c.change(want)
		cfg := *base
		cfg.Destination = []config.Destination{{Name: c.name}}
		c.set(&cfg.Destination[0])
		got := settingsFor(&cfg, c.name, k)
		if show(got) != show(want) || !got.kept {
			t.Errorf("%s of %s:\ngot  %+v\nwant %+v", c.key, c.name, got, want)
		}
		if name := got.limit("queues", c.key); c.key != "" && name != c.key+` of the destination "`+c.name+`"` {
			t.Errorf("%s is called %s", c.key, name)
		}
		cfg.Destination[0].Name = c.name[:len(queuePrefix)] + "#"
		if got := settingsFor(&cfg, c.name, k); show(got) != show(want) || got.kept {
			t.Errorf("%s by a pattern:\ngot  %+v\nwant %+v", c.key, got, want)
		}
	}
}

// A queue that takes the dead letters of another has nowhere to send its own, and counts no deliveries.
func TestDeadLetterQueuesAreTheEnd(t *testing.T) {
	cfg := config.Default()
	cfg.Destination = []config.Destination{
		{Name: "/queue/a", DeadLetter: new("/queue/a.dead"), MaxDeliveries: new(3)},
		{Name: "/queue/a.dead", DeadLetter: new("/queue/b"), MaxDeliveries: new(3)},
	}
	for name, want := range map[string]string{"/queue/a": "/queue/a.dead", "/queue/a.dead": "", "/queue/b": "", "/queue/DLQ": "", "/queue/c": "/queue/DLQ"} {
		s := settingsFor(cfg, name, kindQueue)
		if s.deadLetter != want || (s.queue.maxDeliveries == 0) != (want == "") {
			t.Errorf("%s: %d deliveries, then to %q, wants %q", name, s.queue.maxDeliveries, s.deadLetter, want)
		}
	}
}

// The table gives the same settings as settingsFor, shares them where nothing tells destinations apart, and
// begins anew with another configuration.
func TestSettingsTable(t *testing.T) {
	cfg := config.Default()
	cfg.Destination = []config.Destination{{Name: "/queue/jobs.#", MaxMessages: new(5)}, {Name: "memq", Type: config.TypeQueue}}
	var table settingsTable
	for range 2 {
		for _, name := range []string{"/queue/a", "/queue/b", "/queue/jobs.a", "/queue/jobs.b", "memq", "/queue/DLQ"} {
			got, want := table.settingsFor(cfg, name, kindQueue), settingsFor(cfg, name, kindQueue)
			if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
				t.Errorf("%s: got %+v, want %+v", name, got, want)
			}
		}
		if table.settingsFor(cfg, "/queue/a", kindQueue) != table.settingsFor(cfg, "/queue/b", kindQueue) ||
			table.settingsFor(cfg, "/queue/jobs.a", kindQueue) != table.settingsFor(cfg, "/queue/jobs.b", kindQueue) ||
			table.settingsFor(cfg, "/queue/jobs.a", kindQueue) == table.settingsFor(cfg, "/queue/a", kindQueue) {
			t.Error("settings are not shared as they should be")
		}
		other := *cfg
		other.Queues.MaxMessages++
		cfg = &other
	}
}
