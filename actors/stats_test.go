package actors_test

import (
	"slices"
	"testing"

	"stampede/actors"
	"stampede/config"
	"stampede/stompwire"
	"stampede/tests/stomptest"
	"stampede/transport"
)

// statsOf finds a destination in a broker's statistics.
func statsOf(b *actors.Broker, name string) actors.DestinationStats {
	all := b.Stats().Destinations
	if i := slices.IndexFunc(all, func(d actors.DestinationStats) bool { return d.Name == name }); i >= 0 {
		return all[i]
	}
	return actors.DestinationStats{}
}

// What Stats says of a broker and of its destinations is what clients have done.
func TestStats(t *testing.T) {
	clock := stomptest.NewClock()
	b := start(t, nil, actors.WithClock(clock))
	c, other := open(t, b), open(t, b)
	c.Sync("SEND", "destination:/queue/b")
	c.Subscribe("1", "/topic/a")
	c.Send("SEND", "destination:/topic/a")
	c.Expect("MESSAGE")
	b.Counters("/topic/a") // it has counted
	c.Subscribe("t", "/temp-queue/x")
	other.Send("ACK", "id:1")
	other.Expect("ERROR")
	other.Closed()
	s := b.Stats()
	if !s.Started.Equal(s.Time) || s.ConnectionsTotal != 2 || s.Logins != 2 || s.Errors != 1 || s.Published != 2 || s.Delivered != 1 {
		t.Errorf("%+v", s)
	}
	if s.Memory < 1<<20 || s.Memory > 1<<40 {
		t.Errorf("%d octets of memory", s.Memory)
	}
	var names []string
	for _, d := range s.Destinations {
		names = append(names, d.Name)
		if d.Temporary != (d.Name == "/temp-queue/x") {
			t.Errorf("%s: temporary is %t", d.Name, d.Temporary)
		}
	}
	if !slices.Equal(names, []string{"/queue/b", "/temp-queue/x", "/topic/a"}) {
		t.Errorf("the destinations are %q", names)
	}
	if d := statsOf(b, "/queue/b"); d.Type != config.TypeQueue || d.Messages != 1 || d.Bytes == 0 || d.Enqueued != 1 || d.Subscribers != 0 {
		t.Errorf("%+v", d)
	}
	if d := statsOf(b, "/topic/a"); d.Type != config.TypeTopic || d.Messages != 0 || d.Enqueued != 1 || d.Delivered != 1 || d.Subscribers != 1 {
		t.Errorf("%+v", d)
	}
}

// Clients lists who is connected, what came from each and what went to each, and forgets who has gone.
func TestClientStats(t *testing.T) {
	b := start(t, nil)
	first := open(t, b)
	second := stomptest.New(t, b.Pipe())
	first.Subscribe("1", "/topic/a")
	first.Send("SEND", "destination:/topic/a")
	first.Expect("MESSAGE")
	second.Connect("1.0")
	all := b.Clients()
	if len(all) != 2 || all[0].ID != 1 || all[1].ID != 2 {
		t.Fatalf("the clients are %+v", all)
	}
	if c := all[0]; c.Kind != transport.InMemory || c.User != "anonymous" || c.Version != stompwire.V12 || c.Since.IsZero() {
		t.Errorf("%+v", c)
	}
	// The last write may not have been counted yet.
	if tr := all[0].Traffic; tr.FramesIn != 3 || tr.FramesOut < 2 || tr.FramesOut > 3 || tr.BytesIn < 60 || tr.BytesOut < 60 || tr.Dropped != 0 {
		t.Errorf("%+v", tr)
	}
	if c := all[1]; c.Version != stompwire.V10 || c.Traffic.FramesIn != 1 || c.Traffic.FramesOut > 1 {
		t.Errorf("%+v", c)
	}
	events := b.Events(t.Context())
	first.Disconnect()
	for e := range events {
		if e.Kind == actors.EventDisconnected {
			break
		}
	}
	if all := b.Clients(); len(all) != 1 || all[0].ID != 2 {
		t.Errorf("the clients are %+v", all)
	}
}
