package actors

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/stompwire"
	"stampede/transport"
)

// statisticsState is what the statistics keep over a restart.
type statisticsState struct {
	last     map[*handle]uint64 // messages taken until the last time
	messages uint64             // published so far
	due      time.Time          // when the next ones are
	owed     bool               // the last ones are not out
}

// statistics is the actor that publishes, every period, what the broker does: a message for each
// destination and one for the broker itself, in xtomp's words.
type statistics struct {
	*statisticsState
	core  *core
	life  *life
	timer transport.Timer
}

func newStatistics(c *core) func(*life) process {
	state := &statisticsState{last: make(map[*handle]uint64)}
	return func(l *life) process { return &statistics{statisticsState: state, core: c, life: l} }
}

// destinationReport is the message about a destination.
type destinationReport struct {
	Destination string `json:"dest"`
	Subscribers int64  `json:"sz"`
	Messages    int64  `json:"q"`
	Recent      uint64 `json:"Δ"`
	Total       uint64 `json:"Σ"`
}

// brokerReport is the message about the broker.
type brokerReport struct {
	Broker brokerNumbers `json:"cc"`
}

type brokerNumbers struct {
	Connections int64  `json:"sz"`
	Seconds     int64  `json:"up"`
	Total       uint64 `json:"Σ"`
	Messages    uint64 `json:"Σµ"`
	Memory      uint64 `json:"m"`
}

func (s *statistics) renew() process {
	return &statistics{statisticsState: s.statisticsState, core: s.core, life: s.life}
}

func (s *statistics) receive(ctx actor.Context, message any) {
	switch message.(type) {
	case *actor.Started:
		s.arm(ctx)
	case *settingsChanged:
		s.disarm()
		s.due = time.Time{}
		s.arm(ctx)
	case *tick:
		s.disarm()
		if now := s.core.clock.Now(); !s.due.IsZero() && !now.Before(s.due) { // else a restart has had it twice
			s.due, s.owed = time.Time{}, true
		}
		s.arm(ctx) // first: the next period begins now, however long this takes
		if s.owed {
			s.publish(ctx)
			s.owed = false
		}
	case *actor.Stopping, *actor.Restarting:
		s.disarm()
	case *actor.Stopped:
	default:
		s.core.unhandled(s.life, message)
	}
}

func (s *statistics) arm(ctx actor.Context) {
	cfg := s.core.settings().Stats
	if !cfg.Enabled || s.timer != nil {
		return
	}
	now := s.core.clock.Now()
	if s.due.IsZero() { // else a restart came between
		s.due = now.Add(cfg.Period)
	}
	system, self := ctx.ActorSystem(), ctx.Self()
	s.timer = s.core.clock.AfterFunc(max(s.due.Sub(now), 0), func() { system.Root.Send(self, &tick{}) })
}

func (s *statistics) disarm() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}

// statisticsBatch bounds a batch: there may be very many destinations.
const statisticsBatch = 256

func (s *statistics) publish(ctx actor.Context) {
	cfg := s.core.settings().Stats
	to := s.core.table.lookup(cfg.Destination)
	if !cfg.Enabled || to == nil { // switched on a moment ago: the router has not come to it
		return
	}
	batch := make([]*Message, 0, statisticsBatch)
	say := func(report any) {
		batch = append(batch, s.message(to, report))
		if len(batch) == statisticsBatch {
			s.send(ctx, to, batch)
			batch = make([]*Message, 0, statisticsBatch)
		}
	}
	last := s.last
	s.last = make(map[*handle]uint64, len(last))
	for _, h := range s.core.table.all() {
		if h.owner != 0 {
			continue // what it is called is its owner's business
		}
		total := h.counters.enqueued.Load()
		s.last[h] = total
		say(&destinationReport{
			Destination: h.name, Subscribers: h.counters.subscribers.Load(), Messages: h.counters.size.Load(),
			Recent: total - last[h], Total: total,
		})
	}
	say(&brokerReport{brokerNumbers{
		Connections: s.core.connections.Load(), Seconds: int64(s.core.clock.Now().Sub(s.core.began) / time.Second),
		Total: s.core.nextConnection.Load(), Messages: s.core.stats.published.Load(), Memory: memoryInUse(),
	}})
	s.send(ctx, to, batch)
}

func (s *statistics) send(ctx actor.Context, to *handle, batch []*Message) {
	if len(batch) > 0 && to.acquire() {
		ctx.Send(to.pid(), &publish{to: to, batch: batch})
	}
}

func (s *statistics) message(to *handle, report any) *Message {
	body, err := json.Marshal(report)
	if err != nil {
		panic(err) // numbers and a string always are JSON
	}
	s.messages++
	id := s.core.boot + "-S-" + strconv.FormatUint(s.messages, 36) // where a session's has a number in small letters
	m, fault := newMessage(id, to.name, &stompwire.Frame{
		Command: stompwire.Send, Body: body,
		Header: stompwire.Header{{Name: "content-type", Value: "application/json"}},
	}, s.core.clock.Now)
	if fault != nil {
		panic(fault)
	}
	return m
}
