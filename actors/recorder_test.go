package actors_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stampede/actors"
	"stampede/actors/journal"
	"stampede/config"
	"stampede/tests/stomptest"
)

// recorded is a configuration whose queues and topics with a name that begins so are recorded.
func recorded(directory string) func(*config.Config) {
	return func(c *config.Config) {
		c.Journal.Directory = directory
		c.Destination = []config.Destination{{Name: "/queue/log.#", Type: config.TypeQueue, LogMessages: true}, {Name: "/topic/log.#", Type: config.TypeTopic, LogMessages: true}, {Name: "log", Type: config.TypeTopic, LogMessages: true}}
	}
}

// inJournal is what was recorded: destinations and bodies.
func inJournal(t *testing.T, directory string) (all []string) {
	t.Helper()
	files, err := journal.Files(directory)
	if err != nil {
		t.Fatal(err)
	}
	err = journal.Read(files, journal.Query{Problem: func(f journal.File, err error) { t.Errorf("%s: %v", f.Path, err) }}, func(r *journal.Record) error {
		all = append(all, r.Destination+" "+string(r.Body))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// What destinations with log_messages take is in their journals when the broker has ended: sent, committed, or come
// as a dead letter; with the headers that subscribers get and the time of the broker's clock; and nothing else is.
func TestWhatIsTakenIsRecorded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	clock := stomptest.NewClock()
	b := start(t, func(c *config.Config) {
		recorded(dir)(c)
		c.Queues.DeadLetter = "/queue/log.dead"
	}, actors.WithClock(clock))
	c := open(t, b)
	c.SendBody("log", "1", "a:x", "receipt:r", "login:secret", "a:y")
	c.Expect("RECEIPT")
	c.SendBody("/queue/other", "no")
	c.Send("BEGIN", "transaction:t")
	c.SendBody("/topic/log.a", "2", "transaction:t")
	c.Sync("COMMIT", "transaction:t")
	c.Send("BEGIN", "transaction:u")
	c.SendBody("/topic/log.a", "no", "transaction:u")
	c.Sync("ABORT", "transaction:u")
	c.Subscribe("s", "/queue/other", "ack:client")
	c.Sync("NACK", "id:"+c.Expect("MESSAGE").Header1("ack"), "requeue:false")
	d := open(t, b)
	d.Subscribe("dead", "/queue/log.dead")
	d.Expect("MESSAGE")
	stats := b.Stats()
	c.Drop()
	d.Drop()
	shutDown(t, b)
	if got := inJournal(t, dir); !slices.Equal(got, []string{"/queue/log.dead no", "/topic/log.a 2", "log 1"}) {
		t.Errorf("recorded: %q", got)
	}
	if stats.NotRecorded != 0 {
		t.Errorf("%d messages were not recorded", stats.NotRecorded)
	}
	files, _ := journal.Files(dir)
	err := journal.Read(files, journal.Query{Destination: func(name string) bool { return name == "log" }}, func(r *journal.Record) error {
		if fmt.Sprint(r.Header) != `["a":"x" "a":"y"]` || !r.Time.Equal(clock.Now()) || r.ID == "" {
			t.Errorf("%+v", r)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A reload may begin to record, and may move the journal elsewhere.
func TestJournalOverReloads(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	b := start(t, nil)
	c := open(t, b)
	c.SendBody("/queue/log.a", "0", "receipt:r")
	c.Expect("RECEIPT")
	for i, dir := range []string{first, second} {
		reload(t, b, loopback(recorded(dir)))
		c.SendBody("/queue/log.a", fmt.Sprint(i+1), "receipt:r")
		c.Expect("RECEIPT")
		b.FlushJournal() // what is not written yet goes where the next configuration says
	}
	if one, two := inJournal(t, first), inJournal(t, second); !slices.Equal(one, []string{"/queue/log.a 1"}) || !slices.Equal(two, []string{"/queue/log.a 2"}) {
		t.Errorf("recorded first %q, then %q", one, two)
	}
}

// A journal that fails at every message it handles keeps nobody waiting, and what it could not record is counted.
func TestRecorderThatFails(t *testing.T) {
	dir := t.TempDir()
	f := &fault{role: "journal", phase: "message", at: occasions(2, 4, 5, 6)}
	b := start(t, recorded(dir), actors.WithInjector(f.inject))
	c := open(t, b)
	for i := range 10 {
		c.SendBody("log", fmt.Sprint(i), "receipt:r")
		c.Expect("RECEIPT")
	}
	shutDown(t, b)
	stats := b.Stats()
	got := inJournal(t, dir)
	if f.fired.Load() != 4 || uint64(len(got)) != stats.Recorded || stats.Recorded+stats.NotRecorded != 10 || stats.NotRecorded != 1 {
		t.Errorf("%d faults, recorded %q; counted %d and %d", f.fired.Load(), got, stats.Recorded, stats.NotRecorded)
	}
}

// A disk that takes nothing is told of once, counted, and neither loses nor delays a delivery; once it takes
// something again the rest is recorded.
func TestDiskThatTakesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // a file stands where the directory should be
		t.Fatal(err)
	}
	clock := stomptest.NewClock()
	b := start(t, recorded(dir), actors.WithClock(clock))
	events := b.Events(t.Context())
	c := open(t, b)
	c.Subscribe("s", "log")
	for i := range 10 {
		c.SendBody("log", fmt.Sprint(i), "receipt:r")
		if m := c.Expect("MESSAGE"); m.Body != fmt.Sprint(i) {
			t.Errorf("got %s", m)
		}
		c.Expect("RECEIPT") // only now the journal is sure to have got it
	}
	for e := range events {
		if e.Kind == actors.EventJournalFailed {
			if e.Destination != "log" || !strings.Contains(e.Cause, "journal") || e.Count == 0 {
				t.Errorf("%+v", e)
			}
			break
		}
	}
	b.FlushJournal()
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	clock.Advance(2 * time.Second)
	c.SendBody("log", "again", "receipt:r")
	c.Expect("MESSAGE")
	c.Expect("RECEIPT")
	c.Drop()
	shutDown(t, b)
	if got := inJournal(t, dir); !slices.Equal(got, []string{"log again"}) {
		t.Errorf("recorded: %q", got)
	}
	if s := b.Stats(); s.Recorded != 1 || s.NotRecorded != 10 {
		t.Errorf("counted %d and %d", s.Recorded, s.NotRecorded)
	}
	for e := range events { // until the broker's end
		if e.Kind == actors.EventJournalFailed {
			t.Errorf("told again: %+v", e)
		}
	}
}

// What comes faster than it can be written is left out beyond a bound, told of once, and its delivery waits for
// nothing.
func TestJournalThatIsTooSlow(t *testing.T) {
	dir := t.TempDir()
	hold := make(chan struct{})
	b := start(t, func(c *config.Config) {
		recorded(dir)(c)
		c.Journal.Buffer = 64 << 10
	}, actors.WithInjector(func(role, _, phase string, _ any) {
		if role == "journal" && phase == "message" {
			<-hold
		}
	}))
	events := b.Events(t.Context())
	c := open(t, b)
	body := strings.Repeat("x", 10_000)
	for range 20 {
		c.SendBody("log", body, "receipt:r")
		c.Expect("RECEIPT")
	}
	close(hold)
	for e := range events {
		if e.Kind == actors.EventJournalOverloaded {
			break
		}
	}
	b.FlushJournal()
	c.SendBody("log", "again", "receipt:r")
	c.Expect("RECEIPT")
	shutDown(t, b)
	got := inJournal(t, dir)
	if s := b.Stats(); s.Recorded != 7 || s.NotRecorded != 14 || len(got) != 7 || got[6] != "log again" {
		t.Errorf("counted %d and %d; %d are recorded", s.Recorded, s.NotRecorded, len(got))
	}
	for e := range events {
		if e.Kind == actors.EventJournalOverloaded {
			t.Errorf("told again: %+v", e)
		}
	}
}

// What the broker has read of a client that it sends away, and that destinations are not done with when that client is
// gone, is in the journals when the broker has ended, dead letters and what was sent without a receipt included.
func TestWhatIsOnTheWayAtTheEndIsRecorded(t *testing.T) {
	dir := t.TempDir()
	clock := stomptest.NewClock()
	begun, release := make(chan struct{}), make(chan struct{})
	begin, let := sync.OnceFunc(func() { close(begun) }), sync.OnceFunc(func() { close(release) })
	var ending atomic.Bool
	b := start(t, func(c *config.Config) {
		recorded(dir)(c)
		c.Queues.DeadLetter, c.Queues.MaxDeliveries = "/queue/log.dead", 1
	}, actors.WithClock(clock), actors.WithRudeInjector(func(role, path, phase string, message any) {
		switch {
		case strings.Contains(path, "log.slow") && strings.HasSuffix(fmt.Sprintf("%T", message), ".settle"):
			begin()
			<-release
		case ending.Load() && role == "destinations" && phase == "message", role == "journal" && phase == "stopping":
			let() // the broker waits for destinations, or for nobody
		}
	}))
	c := open(t, b)
	c.Subscribe("s", "/queue/log.slow", "ack:client-individual")
	c.SendBody("/queue/log.slow", "1")
	m := c.Expect("MESSAGE")
	c.Send("NACK", "id:"+m.Header1("ack"), "requeue:false")
	<-begun
	c.Write(stomptest.TextBody("2", "SEND", "destination:/queue/log.slow") + stomptest.Text("BEGIN", "transaction:t") +
		stomptest.TextBody("3", "SEND", "destination:/queue/log.slow") + stomptest.Text("BEGIN", "transaction:t"))
	clock.AwaitTimer(time.Second) // the second BEGIN is an ERROR, which waits so long for what is before it
	clock.Advance(time.Second)
	c.Expect("ERROR")
	c.Drop()
	ending.Store(true)
	shutDown(t, b)
	if got := inJournal(t, dir); !slices.Equal(got, []string{"/queue/log.dead 1", "/queue/log.slow 1", "/queue/log.slow 2", "/queue/log.slow 3"}) {
		t.Errorf("recorded: %q", got)
	}
}

// What destinations have taken is in the journals also when the broker's end takes longer than it may.
func TestEndThatIsCutOffIsRecorded(t *testing.T) {
	dir := t.TempDir()
	cfg := loopback(recorded(dir), func(c *config.Config) {
		c.Queues.MaxMessages, c.Session.Linger = 1, time.Millisecond
	})
	b, err := actors.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, b)
	c.SendBody("/queue/log.full", "1", "receipt:r")
	c.Expect("RECEIPT")
	c.SendBody("/queue/log.full", "2") // is held, and nobody makes room
	c.SendBody("log", "3", "receipt:r")
	c.Expect("RECEIPT")
	over, cancel := context.WithCancel(t.Context())
	cancel()
	err = b.Shutdown(over)
	if err == nil || !strings.Contains(err.Error(), "1 connections were cut off") || strings.Contains(err.Error(), "journal") {
		t.Errorf("the end says %v", err)
	}
	if got := inJournal(t, dir); !slices.Equal(got, []string{"/queue/log.full 1", "log 3"}) {
		t.Errorf("recorded: %q", got)
	}
}
