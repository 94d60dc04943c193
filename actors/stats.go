package actors

import (
	"cmp"
	"os"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"time"

	"stampede/config"
	"stampede/stompwire"
	"stampede/transport"
)

// Stats is what a broker has done since it started and what it has at the moment. The numbers are read
// one after another while the broker goes on: they need not add up to the last message.
type Stats struct {
	Time    time.Time // by the broker's clock
	Started time.Time

	Connections      int64  // open
	ConnectionsTotal uint64 // taken since the start
	Logins           uint64 // clients that were CONNECTED
	LoginsRefused    uint64
	Errors           uint64 // ERROR frames, each the end of a connection

	Published    uint64 // messages that destinations took
	Delivered    uint64 // messages given to subscribers, each time counted
	Settled      uint64 // ends of deliveries that queues were told of: ACK, NACK
	DeadLettered uint64 // messages that went to a dead-letter queue
	Dropped      uint64 // messages of topics given up for subscriptions in a client mode that are slow
	Unroutable   uint64 // replies to somebody who is gone
	Recorded     uint64 // messages of destinations with log_messages that are in their journals, or about to be
	NotRecorded  uint64 // messages that should be there and are not: the disk was full, or too slow

	Memory       uint64             // octets of the process that are in memory
	Destinations []DestinationStats // by name
}

// DestinationStats is what a queue or topic has, and what happened to its messages for as long as it has
// been there.
type DestinationStats struct {
	Name      string
	Type      config.DestinationType
	Temporary bool // its name means something to its owner only

	Messages    int64 // kept: waiting, delayed, or given out and not yet settled
	Bytes       int64 // octets of these
	Subscribers int64 // subscriptions, those through a wildcard too

	Enqueued     uint64 // messages taken from publishers
	Delivered    uint64 // messages given to subscribers, each time counted
	Settled      uint64 // of a queue: deliveries that ended with the message done
	Dropped      uint64 // messages given up by a policy: a full queue's, a slow consumer's
	Expired      uint64 // messages whose time ran out before anybody got them
	DeadLettered uint64 // messages that went to the dead-letter queue, or were discarded for want of one
}

// ClientStats is a client's connection.
type ClientStats struct {
	ID       uint64 // as in the names of actors and in logs: 42 is c42
	Kind     transport.Kind
	Remote   string // its address
	Listener string // what it came through
	TLS      bool
	Since    time.Time
	User     string            // empty before it is CONNECTED
	Version  stompwire.Version // likewise 0

	Traffic transport.Traffic
	Waiting int // octets that its socket has not taken yet
}

// Stats returns what the broker has done and has. It costs some memory for each destination, and asks no
// actor: it may be called at any time, and often.
func (b *Broker) Stats() Stats {
	c := b.core
	s := Stats{
		Time: c.clock.Now(), Started: c.began,
		Connections: c.connections.Load(), ConnectionsTotal: c.nextConnection.Load(),
		Logins: c.stats.logins.Load(), LoginsRefused: c.stats.refusedLogins.Load(), Errors: c.stats.errors.Load(),
		Published: c.stats.published.Load(), Delivered: c.stats.delivered.Load(), Settled: c.stats.settled.Load(),
		DeadLettered: c.stats.deadLettered.Load(), Dropped: c.stats.dropped.Load(), Unroutable: c.stats.unroutable.Load(),
		Recorded: c.journal.written.Load(), NotRecorded: c.journal.lost.Load(),
		Memory: memoryInUse(),
	}
	for _, h := range c.table.all() {
		s.Destinations = append(s.Destinations, h.stats())
	}
	return s
}

// Clients returns the connections that are open, in the order they came. Like Stats it asks no actor.
func (b *Broker) Clients() []ClientStats {
	var all []ClientStats
	for _, cp := range b.core.clients.all() {
		all = append(all, cp.stats(b.core.began))
	}
	return all
}

// all is every destination there is, by name. Names of temporary ones may be the same: then by address.
func (t *table) all() []*handle {
	found := make([]*handle, 0, t.count.Load())
	t.each(func(h *handle) { found = append(found, h) })
	slices.SortFunc(found, func(a, b *handle) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.address, b.address))
	})
	return found
}

func (h *handle) stats() DestinationStats {
	c := &h.counters
	s := DestinationStats{
		Name: h.name, Type: config.TypeTopic, Temporary: h.owner != 0,
		Messages: c.size.Load(), Bytes: c.bytes.Load(), Subscribers: c.subscribers.Load(),
		Enqueued: c.enqueued.Load(), Delivered: c.delivered.Load(), Settled: c.settled.Load(),
		Dropped: c.dropped.Load(), Expired: c.expired.Load(), DeadLettered: c.deadLettered.Load(),
	}
	if h.kind == kindQueue {
		s.Type = config.TypeQueue
	}
	return s
}

func (cp *checkpoint) stats(began time.Time) ClientStats {
	info := cp.conn.Info()
	s := ClientStats{ID: cp.id, Kind: info.Kind, Listener: info.Listener, TLS: info.TLS, Since: began.Add(cp.since), Traffic: cp.conn.Traffic()}
	s.Waiting, _ = cp.conn.Outbox().Pending()
	if info.Remote != nil {
		s.Remote = info.Remote.String()
	}
	if who := cp.identity.Load(); who != nil {
		s.User, s.Version = who.User, cp.version
	}
	return s
}

// memoryInUse is how much of the process is in memory, as the operating system sees it. Where that can't
// be asked it is what Go has taken and not given back.
func memoryInUse() uint64 {
	if text, err := os.ReadFile("/proc/self/statm"); err == nil { // Linux: sizes in pages
		if fields := strings.Fields(string(text)); len(fields) > 1 {
			if pages, err := strconv.ParseUint(fields[1], 10, 64); err == nil {
				return pages * uint64(os.Getpagesize())
			}
		}
	}
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}
