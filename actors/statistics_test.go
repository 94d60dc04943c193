package actors_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"stampede/actors"
	"stampede/config"
	"stampede/tests/stomptest"
)

// reports takes messages of statistics up to the one about the broker.
func reports(t *testing.T, c *stomptest.Conn) (all []string) {
	t.Helper()
	for {
		m := c.Expect("MESSAGE", "content-type:application/json")
		all = append(all, m.Body)
		if strings.HasPrefix(m.Body, `{"cc":`) {
			return all
		}
	}
}

// Every period there is one message for each destination that is not temporary, in the order of names, and then
// one for the broker, with xtomp's fields.
func TestStatistics(t *testing.T) {
	clock := stomptest.NewClock()
	b := start(t, func(c *config.Config) {
		c.Stats.Enabled, c.Stats.Period = true, 2*time.Second
		c.Destination = []config.Destination{{Name: "memtop", Type: config.TypeTopic}}
	}, actors.WithClock(clock))
	c := open(t, b)
	c.Subscribe("s", "/xtomp/stat")
	c.Subscribe("t", "/temp-queue/x")
	for range 3 {
		c.Sync("SEND", "destination:/queue/a")
	}
	b.Counters("/queue/a") // a queue counts when it is done, which may be after the receipt
	clock.AwaitTimer(2 * time.Second)
	clock.Advance(2 * time.Second)
	got := reports(t, c)
	want := []string{
		`{"dest":"/queue/a","sz":0,"q":3,"Δ":3,"Σ":3}`,
		`{"dest":"/xtomp/stat","sz":1,"q":0,"Δ":0,"Σ":0}`,
		`{"dest":"memtop","sz":0,"q":0,"Δ":0,"Σ":0}`,
	}
	if !slices.Equal(got[:len(got)-1], want) {
		t.Errorf("got %s", strings.Join(got, "\n"))
	}
	var numbers struct{ CC map[string]uint64 }
	last := got[len(got)-1]
	if err := json.Unmarshal([]byte(last), &numbers); err != nil {
		t.Fatal(err)
	}
	m := numbers.CC["m"]
	if last != fmt.Sprintf(`{"cc":{"sz":1,"up":2,"Σ":1,"Σµ":3,"m":%d}}`, m) || m < 1<<20 || m > 1<<40 {
		t.Errorf("of the broker: %s", last)
	}
	c.Sync("SEND", "destination:/queue/a")
	b.Counters("/queue/a")
	b.Counters("/xtomp/stat")
	clock.AwaitTimer(2 * time.Second)
	clock.Advance(2 * time.Second)
	if got := reports(t, c); got[0] != `{"dest":"/queue/a","sz":0,"q":4,"Δ":1,"Σ":4}` || got[1] != `{"dest":"/xtomp/stat","sz":1,"q":0,"Δ":4,"Σ":4}` {
		t.Errorf("the second time: %s", strings.Join(got, "\n"))
	}
}

// Statistics are there and gone as the configuration says, at its period and its destination, and a restart of
// their actor skips none and counts none twice.
func TestStatisticsOverReloadsAndRestarts(t *testing.T) {
	clock := stomptest.NewClock()
	f := &fault{role: "statistics", phase: "message", at: occasions(2)}
	b := start(t, nil, actors.WithClock(clock), actors.WithInjector(f.inject))
	c := open(t, b)
	clock.Advance(time.Second)
	cfg := loopback()
	cfg.Supervision.BackoffMin = time.Millisecond
	cfg.Stats = config.Stats{Enabled: true, Period: 2 * time.Second, Destination: "numbers"}
	reload(t, b, cfg)
	c.Subscribe("s", "numbers")
	for range 3 {
		c.Sync("SEND", "destination:/queue/a")
		b.Counters("/queue/a")
		clock.AwaitTimer(2 * time.Second)
		clock.Advance(1900 * time.Millisecond)
		clock.Advance(100 * time.Millisecond)
		got := reports(t, c)
		if len(got) != 3 || !strings.Contains(got[0], `"Δ":1,`) {
			t.Errorf("got %s", strings.Join(got, "\n"))
		}
	}
	off := *cfg
	off.Stats.Enabled = false
	reload(t, b, &off)
	clock.Advance(5 * time.Second)
	c.Sync("BEGIN", "transaction:t") // nothing came before its receipt
	if f.fired.Load() != 1 {
		t.Errorf("the fault fired %d times", f.fired.Load())
	}
}
