package actors_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"stampede/actors"
	"stampede/actors/faults"
	"stampede/actors/sim"
	"stampede/config"
)

// Each test here is a conversation that went wrong in some order of steps. It is held in many orders, drawn from seeds.

// orders plays a scenario under so many seeds.
func orders(t *testing.T, seeds int, settings func(*config.Config), rules []faults.Rule, scenario func(*sim.World)) {
	t.Helper()
	system := sim.NewSystem()
	for seed := range uint64(seeds) {
		cfg := config.Default()
		if settings != nil {
			settings(cfg)
		}
		o := sim.Options{Config: cfg, System: system}
		if len(rules) > 0 {
			o.Faults = faults.New(seed, rules...)
		}
		r := sim.Run(seed, o, scenario)
		if err := r.Err(); err != nil {
			o.Trace, o.System = true, nil
			if len(rules) > 0 {
				o.Faults = faults.New(seed, rules...)
			}
			t.Fatalf("%v\n%s", err, sim.Run(seed, o, scenario).Trace)
		}
	}
}

// talker is a client that says what a test tells it to.
type talker struct {
	*sim.Conn
	world *sim.World
	name  string
	heard string
}

func talk(w *sim.World, name, version string) *talker {
	c := &talker{Conn: w.Dial(sim.Link{Name: name}), world: w, name: name}
	c.say("CONNECT", "accept-version:"+version, "host:sim")
	c.hears("CONNECTED")
	return c
}

// holder has so many messages of /queue/a, and has acknowledged none of them.
func holder(w *sim.World, mode string, messages int) *talker {
	c := talk(w, "c", "1.2")
	c.say("SUBSCRIBE", "id:1", "destination:/queue/a", "ack:"+mode)
	for n := range messages {
		c.says(fmt.Sprintf("SEND\ndestination:/queue/a\nn:%d", n))
		c.hears(fmt.Sprintf("\nn:%d\n", n))
	}
	return c
}

func (c *talker) say(lines ...string) { io.WriteString(c, strings.Join(lines, "\n")+"\n\n\x00") }

// says writes several frames at once.
func (c *talker) says(frames ...string) {
	io.WriteString(c, strings.Join(frames, "\n\n\x00")+"\n\n\x00")
}

// hears waits until this comes, and gives what came before it.
func (c *talker) hears(what string) (before string) {
	buffer := make([]byte, 4096)
	for {
		if at := strings.Index(c.heard, what); at >= 0 {
			before = c.heard[:at]
			c.heard = c.heard[at+len(what):]
			return before
		}
		n, err := c.Read(buffer)
		c.heard += string(buffer[:n])
		if err != nil {
			c.world.Fail("%s wants to hear %q and heard %q", c.name, what, c.heard)
			return c.heard
		}
	}
}

// gets waits for a receipt.
func (c *talker) gets(receipt string) (before string) { return c.hears("receipt-id:" + receipt + "\n") }

// has gives what the broker holds of a destination.
func has(w *sim.World, address string) actors.DestinationAudit {
	a, err := w.Broker.Audit()
	if err != nil {
		w.Fail("%v", err)
		return actors.DestinationAudit{}
	}
	for _, d := range a.Destinations {
		if d.Address == address {
			return d
		}
	}
	return actors.DestinationAudit{}
}

// A client that is gone before the router has found its destinations leaves nothing behind: no lease that keeps a
// destination for ever, no temporary destination that nobody will drop.
func TestGoneBeforeItsDestinationIsFound(t *testing.T) {
	rules := []faults.Rule{{Do: faults.Delay, Role: "destinations", Message: "resolve", For: time.Minute}}
	for _, name := range []string{"/queue/a", "/temp-queue/a"} {
		orders(t, 20, nil, rules, func(w *sim.World) {
			c := talk(w, "c", "1.2")
			c.say("SEND", "destination:"+name)
			w.Sleep(time.Second)
			c.Cut()
			w.Sleep(2 * time.Minute)
			a, err := w.Broker.Audit()
			if err != nil || len(a.Connections) > 0 || len(a.Destinations) != 1 && name == "/queue/a" || len(a.Destinations) > 0 && name != "/queue/a" {
				w.Fail("%v: %+v", err, a)
			}
			for _, d := range a.Destinations {
				if d.Leases != 0 {
					w.Fail("%+v", d)
				}
			}
		})
	}
}

// What waits behind a SUBSCRIBE waits for that one, though another subscription starts over meanwhile.
func TestSubscribeWaitsForItself(t *testing.T) {
	rules := []faults.Rule{
		{Do: faults.Kill, Role: "subscription", Message: "arrived", Actor: "connections/c1/session/sub.1", Nth: 2},
		{Do: faults.Delay, Role: "destination", Destination: "/topic/slow", Message: "subscribe", For: time.Second},
	}
	orders(t, 50, nil, rules, func(w *sim.World) {
		c := talk(w, "c", "1.2")
		c.say("SUBSCRIBE", "id:1", "destination:/topic/a", "ack:client", "receipt:1")
		c.gets("1")
		c.says("SUBSCRIBE\nid:2\ndestination:/topic/slow\nreceipt:2", "UNSUBSCRIBE\nid:2\nreceipt:3")
		p := talk(w, "p", "1.2")
		p.say("SEND", "destination:/topic/a")
		if before := c.gets("2"); strings.Contains(before, "receipt-id:3") {
			w.Fail("UNSUBSCRIBE was carried out before SUBSCRIBE: %q", before)
		}
		c.gets("3")
	})
}

// A connection whose transport fails ends, whatever it had begun: no part is started behind the end and kept for ever.
func TestNothingStartsBehindTheEnd(t *testing.T) {
	for n := range 4 {
		rules := []faults.Rule{{Do: faults.Kill, Role: "transport", Nth: 1 + n}}
		orders(t, 150, nil, rules, func(w *sim.World) {
			gone := false
			w.Heard(func(e actors.Event) { gone = gone || e.Kind == actors.EventDisconnected })
			c := &talker{Conn: w.Dial(sim.Link{}), world: w}
			c.says("CONNECT\naccept-version:1.2\nhost:sim\nheart-beat:1000,1000", "SUBSCRIBE\nid:1\ndestination:/topic/a", "SUBSCRIBE\nid:2\ndestination:/topic/b",
				"SUBSCRIBE\nid:3\ndestination:/topic/c", "SUBSCRIBE\nid:4\ndestination:/topic/#")
			c.CloseWrite()
			if !w.WaitFor(time.Hour, func() bool { return gone }) {
				w.Fail("the connection is still there")
			}
		})
	}
}

// In STOMP 1.0 an ACK names a message and no subscription. It finds the right one of several, also if that is
// unsubscribed right behind it, or another one that is asked first starts over.
func TestAckFindsItsSubscription(t *testing.T) {
	for _, rules := range [][]faults.Rule{
		nil,
		{{Do: faults.Delay, Role: "subscription", Message: "acknowledge", Nth: 1, For: time.Second}},
		{{Do: faults.Kill, Role: "subscription", Message: "acknowledge", Nth: 1}},
	} {
		orders(t, 50, nil, rules, func(w *sim.World) {
			c := talk(w, "c", "1.0")
			c.says("SUBSCRIBE\nid:1\ndestination:/queue/a\nack:client", "SUBSCRIBE\nid:2\ndestination:/queue/b\nack:client", "SEND\ndestination:/queue/b")
			c.hears("message-id:")
			id := c.hears("\n") + ""
			id = strings.TrimSpace(id)
			c.says("ACK\nmessage-id:"+id+"\nreceipt:1", "UNSUBSCRIBE\nid:2\nreceipt:2")
			c.gets("1")
			c.gets("2")
			if d := has(w, "/queue/b"); d.Count != 0 {
				w.Fail("it was acknowledged, and its queue has it: %+v", d)
			}
		})
	}
}

// The receipt of an ACK comes, and once, though the session or the subscription fails before it was seen to.
func TestReceiptOfAnAckOutlivesItsSession(t *testing.T) {
	for _, rules := range [][]faults.Rule{
		nil,
		{{Do: faults.Kill, Role: "session", Command: "BEGIN", Nth: 1}},
		{{Do: faults.Kill, Role: "subscription", Message: "acknowledge", Nth: 1}},
		{
			{Do: faults.Delay, Role: "subscription", Message: "acknowledge", Nth: 1, For: time.Second},
			{Do: faults.Kill, Role: "session", Command: "BEGIN", Nth: 1},
		},
	} {
		orders(t, 50, nil, rules, func(w *sim.World) {
			c := talk(w, "c", "1.2")
			c.says("SUBSCRIBE\nid:1\ndestination:/queue/a\nack:client", "SEND\ndestination:/queue/a")
			c.hears("ack:")
			id := c.hears("\n")
			c.says("ACK\nid:"+id+"\nreceipt:1", "BEGIN\ntransaction:t\nreceipt:2", "UNSUBSCRIBE\nid:1\nreceipt:3", "DISCONNECT\nreceipt:4")
			all := c.gets("4")
			if n := strings.Count(all, "receipt-id:1\n"); n != 1 {
				w.Fail("the receipt of the ACK came %d times: %q", n, all)
			}
		})
	}
}

// ACKs and NACKs of one read take effect together and before the UNSUBSCRIBE behind them, each as it says, and are answered once
// each, though the session or the subscription fails in their midst: what was acknowledged in vain comes again, and says so.
func TestAcksOfOneRead(t *testing.T) {
	for i, rules := range [][]faults.Rule{
		nil,
		{{Do: faults.Kill, Role: "subscription", Message: "acknowledge", Nth: 1}},
		{{Do: faults.Kill, Role: "session", Command: "NACK", Nth: 1}},
		{{Do: faults.Kill, Role: "session", Command: "UNSUBSCRIBE", Nth: 1}},
		{{Do: faults.Kill, Role: "destination", Message: "settle", Nth: 1}},
	} {
		orders(t, 50, nil, rules, func(w *sim.World) {
			c := holder(w, "client-individual", 4)
			c.says("ACK\nid:1-1-1\nreceipt:r1", "NACK\nid:1-1-2\nrequeue:false", "ACK\nid:1-1-3\nreceipt:r3", "UNSUBSCRIBE\nid:1\nreceipt:gone")
			all := c.gets("gone") + "receipt-id:gone\n"
			for _, r := range []string{"r1", "r3", "gone"} {
				if n := strings.Count(all, "receipt-id:"+r+"\n"); n != 1 {
					w.Fail("the receipt %s came %d times: %q", r, n, all)
				}
			}
			w.Sleep(time.Second) // until the dead-letter queue has what it gets
			d := has(w, "/queue/a")
			if kept := i == 0 || i == 4; d.Count > 4 || kept && d.Count != 1 {
				w.Fail("one message was not acknowledged, and there are %+v", d)
			}
			r := talk(w, "r", "1.2")
			r.say("SUBSCRIBE", "id:1", "destination:/queue/a")
			r.say("SEND", "destination:/queue/a", "n:last")
			rest := r.hears("\nn:last\n")
			if strings.Count(rest, "\nredelivered:true\n") != d.Count || !strings.Contains(rest, "\nn:3\n") {
				w.Fail("the next consumer got %q, wants %d redelivered", rest, d.Count)
			}
		})
	}
}

// An ACK of nothing ends the connection, and those that came before it in the same read have taken effect.
func TestWrongAckAmongOthers(t *testing.T) {
	orders(t, 50, nil, nil, func(w *sim.World) {
		c := holder(w, "client-individual", 3)
		c.says("ACK\nid:1-1-1", "ACK\nid:1-1-2", "ACK\nid:1-1-2\nreceipt:twice")
		c.hears("ERROR")
		c.hears("receipt-id:twice\n")
		w.Sleep(time.Second)
		if d := has(w, "/queue/a"); d.Count != 1 {
			w.Fail("two messages were acknowledged, and there are %+v", d)
		}
	})
}

// An ACK in a transaction leaves alone what the ACK before it in the same read has settled.
func TestAckBeforeATransaction(t *testing.T) {
	orders(t, 50, nil, nil, func(w *sim.World) {
		c := holder(w, "client", 3)
		c.says("BEGIN\ntransaction:t", "ACK\nid:1-1-1", "ACK\nid:1-1-3\ntransaction:t", "ABORT\ntransaction:t", "UNSUBSCRIBE\nid:1\nreceipt:gone")
		c.gets("gone")
		if d := has(w, "/queue/a"); d.Count != 2 {
			w.Fail("one message was acknowledged, and there are %+v", d)
		}
	})
}

// full has queues hold n messages and publishers wait for room.
func full(n int) func(*config.Config) {
	return func(c *config.Config) {
		c.Queues.MaxMessages, c.Queues.Full, c.Queues.HoldTimeout = n, config.FullHold, time.Minute
	}
}

// A SEND that waits for room and the COMMIT behind it stay in order.
func TestCommitBehindASendThatWaits(t *testing.T) {
	orders(t, 50, full(2), nil, func(w *sim.World) {
		c := talk(w, "c", "1.2")
		for i := range 2 {
			c.say("SEND", "destination:/queue/a", fmt.Sprint("n:", i), fmt.Sprint("receipt:", i))
			c.gets(fmt.Sprint(i))
		}
		c.says("SEND\ndestination:/queue/a\nn:2", "BEGIN\ntransaction:t", "SEND\ndestination:/queue/a\nn:3\ntransaction:t", "COMMIT\ntransaction:t\nreceipt:done")
		w.Sleep(time.Second)
		r := talk(w, "r", "1.2")
		r.say("SUBSCRIBE", "id:1", "destination:/queue/a", "prefetch-count:1")
		for i := range 4 {
			if before := r.hears(fmt.Sprint("\nn:", i, "\n")); strings.Contains(before, "\nn:") {
				w.Fail("before %d came %q", i, before)
			}
		}
		c.gets("done")
	})
}

// When the one that waited longest for room is given up, the next ones get what room there is at once.
func TestWhoWaitsBehindOneThatIsGivenUp(t *testing.T) {
	orders(t, 50, full(3), nil, func(w *sim.World) {
		c := talk(w, "c", "1.2")
		c.says("SEND\ndestination:/queue/a", "SEND\ndestination:/queue/a\nreceipt:1")
		c.gets("1")
		c.says("BEGIN\ntransaction:t", "SEND\ndestination:/queue/a\ntransaction:t", "SEND\ndestination:/queue/a\ntransaction:t", "COMMIT\ntransaction:t")
		w.Sleep(time.Second)
		p := talk(w, "p", "1.2")
		p.say("SEND", "destination:/queue/a", "receipt:2")
		start := w.Now()
		c.hears("ERROR")
		p.gets("2")
		if waited := w.Now().Sub(start); waited > 61*time.Second {
			w.Fail("there was room, and the SEND waited for %s", waited)
		}
	})
}

// COMMIT refuses what it can't do: a message that was acknowledged in the transaction is back in its queue once its
// subscription has ended.
func TestUnsubscribeSpoilsATransaction(t *testing.T) {
	orders(t, 50, nil, nil, func(w *sim.World) {
		c := talk(w, "c", "1.2")
		c.says("SUBSCRIBE\nid:1\ndestination:/queue/a\nack:client", "SEND\ndestination:/queue/a")
		c.hears("ack:")
		id := c.hears("\n")
		c.says("BEGIN\ntransaction:t", "SEND\ndestination:/queue/b\ntransaction:t", "ACK\nid:"+id+"\ntransaction:t", "UNSUBSCRIBE\nid:1", "COMMIT\ntransaction:t")
		if before := c.hears("transaction not committed"); !strings.Contains(before, "ERROR") {
			w.Fail("got %q", before)
		}
		w.Sleep(time.Minute)
		if a, b := has(w, "/queue/a"), has(w, "/queue/b"); a.Count != 1 || b.Count != 0 {
			w.Fail("%+v %+v", a, b)
		}
	})
}

// What a session was told is done, and it failed at a frame behind that: the frames behind go on all the same.
func TestFramesGoOnBehindWhatIsDone(t *testing.T) {
	rules := []faults.Rule{{Do: faults.Kill, Command: "SEND", Nth: 1}}
	orders(t, 20, nil, rules, func(w *sim.World) {
		c := talk(w, "c", "1.2")
		c.says("SUBSCRIBE\nid:1\ndestination:/queue/a", "UNSUBSCRIBE\nid:1\nreceipt:1", "SEND\ndestination:/queue/a\nreceipt:2")
		c.gets("1")
		c.gets("2")
	})
}

// An UNSUBSCRIBE at which an actor fails as often as it is tried is carried out all the same: nobody is served who is gone.
func TestUnsubscribeIsNotGivenUp(t *testing.T) {
	for _, rule := range []faults.Rule{
		{Role: "subscription", Message: "endSubscription"},
		{Role: "destination", Message: "unsubscribe"},
		{Role: "destinations", Message: "unsubscribe"},
	} {
		rule.Do, rule.Limit = faults.Kill, 3
		orders(t, 10, nil, []faults.Rule{rule}, func(w *sim.World) {
			c := talk(w, "c", "1.2")
			for i, name := range []string{"/queue/a", "/topic/a", "/topic/*"} {
				c.say("SUBSCRIBE", fmt.Sprint("id:", i), "destination:"+name, fmt.Sprint("receipt:s", i))
				c.gets(fmt.Sprint("s", i))
			}
			for i := range 3 {
				c.say("UNSUBSCRIBE", fmt.Sprint("id:", i), fmt.Sprint("receipt:u", i))
				c.gets(fmt.Sprint("u", i))
			}
			w.Calm()
			a, err := w.Broker.Audit()
			if err != nil || a.Patterns != 0 {
				w.Fail("%v, %d patterns", err, a.Patterns)
				return
			}
			for _, d := range a.Destinations {
				if d.Subscribers != 0 {
					w.Fail("%s still serves %d", d.Address, d.Subscribers)
				}
			}
			w.Sleep(time.Hour)
			if a, err := w.Broker.Audit(); err != nil || len(a.Destinations) > 0 {
				w.Fail("%v; an hour later there is still %+v", err, a.Destinations)
			}
		})
	}
}
