package actors_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stampede/actors"
	"stampede/actors/faults"
	"stampede/config"
	"stampede/tests/stomptest"
)

// find is the node at a path below a node.
func find(t *testing.T, n *actors.Node, path string) *actors.Node {
	t.Helper()
next:
	for name := range strings.SplitSeq(path, "/") {
		for _, child := range n.Children {
			if child.Name == name {
				n = child
				continue next
			}
		}
		t.Fatalf("no %s in\n%s", name, n)
	}
	return n
}

// The tree shows every actor with its role, what it is about, its place and how often it was begun.
func TestTree(t *testing.T) {
	clock := stomptest.NewClock()
	plan := faults.New(1, faults.Rule{Do: faults.Kill, Role: "session", Command: "BEGIN", Limit: 1})
	b := start(t, nil, actors.WithFaults(plan), actors.WithClock(clock))
	c := open(t, b)
	c.Subscribe("s", "/topic/x")
	c.Sync("SEND", "destination:/queue/a b")
	c.Sync("BEGIN", "transaction:1")
	top := b.Tree()
	if top.Role != "broker" || top.State != actors.NodeRunning || top.Incarnation != 1 {
		t.Errorf("the top is %+v", top)
	}
	if n := find(t, top, "destinations/queue:%2Fqueue%2Fa b~2"); n.Role != "destination" || n.About != "/queue/a b" || n.Mailbox != 0 {
		t.Errorf("the queue is %+v", n)
	}
	if n := find(t, top, "connections/c1"); !strings.HasPrefix(n.About, "pipe") || n.Incarnation != 1 || len(n.Children) != 2 {
		t.Errorf("the connection is %+v", n)
	}
	n := find(t, top, "connections/c1/session")
	if n.Incarnation != 2 || n.Failures != 1 || n.Cause != "injected: kill at frame BEGIN" || !n.Since.Equal(clock.Now()) {
		t.Errorf("the session is %+v", n)
	}
	deadline := time.Now().Add(stomptest.Guard)
	sub := find(t, n, "sub.1~1")
	for sub.Incarnation == 0 && time.Now().Before(deadline) { // the session does not wait for it to begin
		sub = b.Subtree("connections/c1/session/sub.1~1", 0, 0)
	}
	if sub.Role != "subscription" || sub.About != "/topic/x" || sub.Incarnation != 1 {
		t.Errorf("the subscription is %+v", sub)
	}
	clock.Advance(11 * time.Second)
	if n := b.Subtree("connections/c1/session", 0, -1); n.Failures != 0 || n.Hidden != 1 || n.Children != nil {
		t.Errorf("after the window, without its children, the session is %+v", n)
	}
	if b.Subtree("connections/c7", -1, -1) != nil {
		t.Error("there is an actor that there should not be")
	}
	c.Disconnect()
	c.Drop()
	for len(b.Subtree("connections", -1, -1).Children) > 0 {
		if time.Now().After(deadline) {
			t.Fatalf("what is left of the connection:\n%s", b.Tree())
		}
	}
}

// An actor that waits for its restart is shown so, with the pause that is left.
func TestTreeShowsRestarts(t *testing.T) {
	clock := stomptest.NewClock()
	plan := faults.New(1, faults.Rule{Do: faults.Kill, Role: "destination", Phase: actors.PhaseStarted, After: time.Second, Limit: 1},
		faults.Rule{Do: faults.Kill, Role: "destination", Message: "publish", After: time.Second, Limit: 1})
	b := start(t, func(c *config.Config) {
		c.Supervision.BackoffMin, c.Supervision.BackoffMax = 8*time.Second, 8*time.Second
	}, actors.WithFaults(plan), actors.WithClock(clock))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	events := b.Events(ctx)
	c := open(t, b)
	c.Sync("SEND", "destination:/queue/x")
	clock.Advance(time.Second)
	c.Send("SEND", "destination:/queue/x", "receipt:1") // kills it, and then it is killed as it starts
	for restarts := 0; restarts < 2; {
		if e := <-events; e.Kind == actors.EventRestarting {
			restarts++
		}
	}
	clock.Advance(2 * time.Second)
	n := b.Subtree("destinations/queue:%2Fqueue%2Fx~1", -1, -1)
	if n.State != actors.NodeRestarting || n.Backoff != 6*time.Second || n.Failures != 2 || n.Cause != "injected: kill at started" {
		t.Errorf("while it waits: %+v", n)
	}
	if text := b.Tree().String(); !strings.Contains(text, "destination /queue/x, restarting in 6s") {
		t.Errorf("drawn as\n%s", text)
	}
	clock.Advance(6 * time.Second)
	c.Expect("RECEIPT", "receipt-id:1")
	if n := b.Subtree("destinations/queue:%2Fqueue%2Fx~1", -1, -1); n.State != actors.NodeRunning || n.Incarnation != 3 {
		t.Errorf("afterwards: %+v", n)
	}
}

// The tree can be looked at, by several at once, while actors come, fail and go.
func TestTreeWhileEverythingMoves(t *testing.T) {
	plan := faults.New(1, faults.Rule{Do: faults.Kill, Every: 50})
	b := start(t, nil, actors.WithFaults(plan))
	var done atomic.Bool
	var looking, working sync.WaitGroup
	for range 3 {
		looking.Go(func() {
			for !done.Load() {
				if b.Tree().String() == "" {
					t.Error("there is nothing")
				}
			}
		})
	}
	for range 4 {
		working.Go(func() {
			for range 15 {
				link := b.Pipe()
				c := stomptest.New(t, link)
				if c.TryWrite("CONNECT\naccept-version:1.2\nhost:x\n\n\x00"+stomptest.Text("SUBSCRIBE", "id:1", "destination:/topic/#")+
					stomptest.Text("SEND", "destination:/topic/x")+stomptest.Text("DISCONNECT", "receipt:r")) == nil {
					for {
						if f, err := c.TryFrame(); err != nil || f.Command == "RECEIPT" {
							break
						}
					}
				}
				_ = link.Close()
			}
		})
	}
	working.Wait()
	done.Store(true)
	looking.Wait()
}
