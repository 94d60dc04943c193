package actors_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/actors"
	"stampede/actors/faults"
	"stampede/config"
	"stampede/tests/stomptest"
)

// phases in which an actor can be killed.
var phases = []actors.Phase{actors.PhaseStarted, actors.PhaseMessage, actors.PhaseStopping, actors.PhaseStopped, actors.PhaseRestarting}

// victims are the kinds of actors, each with the ones of it that a test kills: parts of the second client, its queue, and
// what there is only one of.
var victims = []faults.Rule{
	{Role: "broker"},
	{Role: "destinations"},
	{Role: "destination", Destination: "/queue/work"},
	{Role: "connections"},
	{Role: "connection", Actor: "connections/c2"},
	{Role: "transport", Actor: "connections/c2/*"},
	{Role: "session", Actor: "connections/c2/*"},
	{Role: "subscription", Actor: "connections/c2/*"},
	{Role: "listeners"},
	{Role: "listener"},
}

// Whatever kind of actor is killed, in whatever phase of its life: its siblings notice nothing, nothing that was receipted
// is lost, what is given twice says so, the broker ends in good order, and nothing is left over.
func TestEveryActorInEveryPhase(t *testing.T) {
	for _, victim := range victims {
		for _, phase := range phases {
			restarts := slices.Contains([]string{"destination", "session", "subscription", "listener"}, victim.Role)
			if phase == actors.PhaseRestarting && !restarts {
				continue // supervisors resume, and a connection has one transport
			}
			if victim.Role == "broker" && phase == actors.PhaseMessage {
				continue // it gets none
			}
			if victim.Role == "listener" && (phase == actors.PhaseMessage || phase == actors.PhaseRestarting) {
				continue // it gets a message only when its socket fails
			}
			t.Run(victim.Role+"/"+string(phase), func(t *testing.T) {
				t.Parallel()
				rule := victim
				rule.Do, rule.Phase, rule.Limit = faults.Kill, phase, 1
				rules := []faults.Rule{rule}
				if phase == actors.PhaseRestarting {
					rule.Phase = actors.PhaseMessage
					rules = append(rules, rule)
				}
				killOne(t, faults.New(1, rules...))
			})
		}
	}
}

// killOne has a bystander publish, a second client consume and vanish, and a third take the rest.
func killOne(t *testing.T, plan *faults.Plan) {
	t.Helper()
	const messages = 5
	system := actor.NewActorSystem(actor.WithLoggerFactory(discard), actor.WithDeadLetterThrottleInterval(time.Millisecond))
	before := actors.CountActors(system)
	b := start(t, func(c *config.Config) {
		c.Listen = config.Default().Listen
		c.Listen[0].Address = "127.0.0.1:0"
	}, actors.WithFaults(plan), actors.WithActorSystem(system))
	bystander := dial(t, b)
	bystander.Connect("1.2")
	bystander.Subscribe("s", "/topic/news", "ack:client")
	news := 0
	report := func() { // the bystander is served, in order
		t.Helper()
		bystander.SendBody("/topic/news", fmt.Sprint(news))
		if m := bystander.Expect("MESSAGE"); m.Body != fmt.Sprint(news) {
			t.Fatalf("the bystander got %s, wants %d", m, news)
		}
		news++
	}
	report()
	seen := make(map[string]bool)
	unlucky := dial(t, b)
	// Some faults end this one's connection, which is no fault of the test.
	alive := unlucky.TryWrite("CONNECT\naccept-version:1.2\nhost:x\n\n\x00"+stomptest.Text("SUBSCRIBE", "id:1", "destination:/queue/work", "ack:client", "receipt:r")) == nil
	for alive {
		f, err := unlucky.TryFrame()
		if alive = err == nil; err != nil || f.Command == "RECEIPT" {
			break
		}
	}
	report()
	for i := range messages {
		bystander.SendBody("/queue/work", fmt.Sprint(i), "receipt:r")
		bystander.Expect("RECEIPT")
	}
	for alive && len(seen) < messages {
		f, err := unlucky.TryFrame()
		if alive = err == nil; !alive {
			break
		}
		if seen[f.Body] && f.Header1("redelivered") != "true" {
			t.Errorf("the second client got message %s twice and unmarked", f.Body)
		}
		seen[f.Body] = true
	}
	unlucky.Drop()
	report()
	next := dial(t, b)
	next.Connect("1.2")
	next.Subscribe("1", "/queue/work", "ack:client")
	for i := range messages {
		m := next.Expect("MESSAGE")
		if m.Body != fmt.Sprint(i) || (seen[m.Body] && m.Header1("redelivered") != "true") {
			t.Errorf("the third client got %s, wants %d; the second had %v", m, i, seen)
		}
		if i == messages-1 {
			next.Sync("ACK", "id:"+m.Header1("ack"))
		}
	}
	report()
	next.Disconnect()
	shutDown(t, b)
	for i, fired := range plan.Fired() {
		if fired == 0 {
			t.Errorf("fault %d never struck", i+1)
		}
	}
	if after := actors.CountActors(system); after > before+1 { // the guardian stays with the system
		t.Errorf("%d actors before, %d after", before, after)
	}
}

// While many clients are busy and actors of all kinds die around them again and again, each message that was receipted
// reaches a consumer, what comes twice says so, and in the end no goroutine, actor or file descriptor is left over.
func TestDeathsWhileOthersAreBusy(t *testing.T) {
	descriptors := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			return 0
		}
		return len(entries)
	}
	before := descriptors()
	const clients, messages = 8, 40
	plan := faults.New(11,
		faults.Rule{Do: faults.Kill, Role: "session", Every: 37},
		faults.Rule{Do: faults.Kill, Role: "session", Phase: actors.PhaseFrame, Every: 53},
		faults.Rule{Do: faults.Kill, Role: "subscription", Every: 29},
		faults.Rule{Do: faults.Kill, Role: "destination", Every: 31},
		faults.Rule{Do: faults.Kill, Role: "destination", Phase: actors.PhaseStarted, Every: 3},
		faults.Rule{Do: faults.Kill, Role: "destinations", Every: 5},
		faults.Rule{Do: faults.Kill, Role: "connections", Every: 7},
		faults.Rule{Do: faults.Kill, Role: "session", Phase: actors.PhaseRestarting, Every: 4},
		faults.Rule{Do: faults.Kill, Phase: actors.PhaseStopping, Every: 3},
		faults.Rule{Do: faults.Kill, Phase: actors.PhaseStopped, Every: 4},
		faults.Rule{Do: faults.Delay, Role: "destination", Every: 41, For: 2 * time.Millisecond},
	)
	b := start(t, func(c *config.Config) {
		c.Listen = config.Default().Listen
		c.Listen[0].Address = "127.0.0.1:0"
		c.Session.MaxRestarts = 1000
	}, actors.WithFaults(plan))
	var wg sync.WaitGroup
	for i := range clients {
		queue := fmt.Sprintf("/queue/%d", i)
		consumer, producer := dial(t, b), dial(t, b)
		wg.Go(func() {
			consumer.Connect("1.2")
			consumer.Subscribe("1", queue, "ack:client-individual", "prefetch-count:7")
			seen := make(map[string]int)
			for len(seen) < messages {
				m := consumer.Expect("MESSAGE")
				if seen[m.Body]++; seen[m.Body] > 1 && m.Header1("redelivered") != "true" {
					t.Errorf("%s came twice and does not say so", m)
				}
				consumer.Send("ACK", "id:"+m.Header1("ack"))
			}
			consumer.Drop()
		})
		wg.Go(func() {
			producer.Connect("1.1")
			for n := range messages {
				producer.SendBody(queue, fmt.Sprint(n), "receipt:r")
				producer.Expect("RECEIPT")
			}
			producer.Disconnect()
			producer.Drop()
		})
	}
	wg.Wait()
	shutDown(t, b)
	for i, fired := range plan.Fired() {
		if fired == 0 {
			t.Errorf("fault %d never struck", i+1)
		}
	}
	if after := descriptors(); after > before+2 { // the poller's own may have been opened meanwhile
		t.Errorf("%d file descriptors before, %d after", before, after)
	}
}

// A client whose session crashes a hundred times in ten minutes, with the default limit of three in ten seconds, loses no
// message and keeps its socket.
func TestAHundredCrashesInTenMinutes(t *testing.T) {
	clock := stomptest.NewClock()
	plan := faults.New(1)
	defaults := config.Default().Session
	b := start(t, func(c *config.Config) {
		c.Session.MaxRestarts, c.Session.RestartWindow = defaults.MaxRestarts, defaults.RestartWindow
	}, actors.WithClock(clock), actors.WithFaults(plan))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	events := b.Events(ctx)
	c, other := stomptest.New(t, b.Pipe()), stomptest.New(t, b.Pipe())
	c.Patience, other.Patience = time.Hour, time.Hour // by the broker's clock
	c.Connect("1.2")
	other.Connect("1.2")
	c.Subscribe("q", "/queue/work", "ack:client-individual")
	c.Subscribe("t", "/topic/news", "ack:auto")

	where := []faults.Rule{
		{Command: "SEND"},
		{Command: "ACK"},
		{Message: "inbound"},
		{Message: "accepted"},
		{Command: "SUBSCRIBE"},
		{Command: "UNSUBSCRIBE"},
	}
	for i := range 100 {
		clock.Advance(6 * time.Second)
		rule := where[i%len(where)]
		rule.Do, rule.Role, rule.Actor, rule.Limit = faults.Kill, "session", "connections/c1/session", 1
		plan.Add(rule)
		body := fmt.Sprint(i)
		c.SendBody("/queue/mine", body, "receipt:mine")
		other.SendBody("/queue/work", body)
		other.SendBody("/topic/news", body)
		c.Send("SUBSCRIBE", "id:more", "destination:/topic/more", "receipt:more")
		c.Send("UNSUBSCRIBE", "id:more", "receipt:no more")
		for want := map[string]bool{"more": true, "no more": true, "mine": true, "work": true, "news": true, "ack": true}; len(want) > 0; {
			f := c.Frame()
			switch {
			case f.Command == "RECEIPT":
				delete(want, f.Header1("receipt-id"))
			case f.Command == "MESSAGE" && f.Header1("subscription") == "t":
				if f.Body != body || !want["news"] {
					t.Fatalf("round %d: got %s of the topic", i, f)
				}
				delete(want, "news")
			case f.Command == "MESSAGE" && f.Body == body && want["work"]:
				delete(want, "work")
				c.Send("ACK", "id:"+f.Header1("ack"), "receipt:ack")
			case f.Command == "MESSAGE" && f.Header1("redelivered") == "true":
				c.Send("ACK", "id:"+f.Header1("ack")) // the crash came before the ACK was done
			default:
				t.Fatalf("round %d: got %s", i, f)
			}
		}
	}
	restarts := 0
	for restarts < 100 {
		switch e := <-events; e.Kind {
		case actors.EventRestarting:
			restarts++
		case actors.EventGivenUp, actors.EventMessageDropped, actors.EventDisconnected:
			t.Fatalf("after %d restarts: %+v", restarts, e)
		}
	}
	// Nothing of what it sent is missing, and none is there twice.
	other.Subscribe("q", "/queue/mine")
	for i := range 100 {
		if m := other.Expect("MESSAGE"); m.Body != fmt.Sprint(i) {
			t.Fatalf("got %s, wants %d", m, i)
		}
	}
	c.Send("DISCONNECT", "receipt:bye")
	for f := c.Frame(); f.Command != "RECEIPT"; f = c.Frame() {
		if f.Header1("redelivered") != "true" {
			t.Errorf("got %s", f)
		}
	}
}

// A client that others share the broker with never sees a mark of the deaths of another's actors: no copy, no gap, no
// ERROR.
func TestSiblingsNoticeNothing(t *testing.T) {
	plan := faults.New(5,
		faults.Rule{Do: faults.Kill, Actor: "connections/c1/session", Every: 2, Limit: 50},
		faults.Rule{Do: faults.Kill, Actor: "connections/c1/session/*", Every: 3, Limit: 50},
	)
	b := start(t, nil, actors.WithFaults(plan))
	unlucky, sibling := open(t, b), open(t, b)
	unlucky.Subscribe("1", "/topic/x")
	unlucky.Subscribe("2", "/queue/unlucky", "ack:client")
	sibling.Subscribe("1", "/topic/x", "ack:client")
	sibling.Subscribe("2", "/queue/sibling", "ack:client")
	for i := range 40 {
		unlucky.SendBody("/topic/x", fmt.Sprint(i))
		unlucky.SendBody("/queue/sibling", fmt.Sprint(i), "receipt:r")
		got := map[string]bool{}
		for range 2 {
			m := sibling.Expect("MESSAGE")
			if m.Body != fmt.Sprint(i) || strings.Contains(m.String(), "redelivered:true") {
				t.Fatalf("the sibling got %s, wants %d", m, i)
			}
			got[m.Header1("destination")] = true
		}
		if len(got) != 2 {
			t.Fatalf("the sibling got only %v of message %d", got, i)
		}
		for unlucky.Frame().Command != "RECEIPT" {
		}
	}
	sibling.Disconnect()
}

// After a crash other subscriptions attach anew while a SUBSCRIBE waits for its destination; what is behind it goes on
// waiting, and its receipt comes first.
func TestSubscribeBehindACrashKeepsItsReceipt(t *testing.T) {
	for round := range 20 {
		b := start(t, nil, actors.WithFaults(faults.New(1, faults.Rule{Do: faults.Kill, Command: "SEND", Limit: 1})))
		c := open(t, b)
		for i := range 5 {
			c.Subscribe(fmt.Sprint(i), fmt.Sprintf("/queue/%d", i))
		}
		c.Write(stomptest.Text("SEND", "destination:/queue/x") +
			stomptest.Text("SUBSCRIBE", "id:more", "destination:/topic/more", "receipt:more") +
			stomptest.Text("UNSUBSCRIBE", "id:more", "receipt:no more"))
		if f := c.Expect("RECEIPT"); f.Header1("receipt-id") != "more" {
			t.Fatalf("round %d: got %s first", round, f)
		}
		c.Expect("RECEIPT", "receipt-id:no more")
	}
}
