package hostile

import (
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"stampede/tests/stomptest"
)

func TestMain(m *testing.M) {
	// The actor library counts dead letters in periods, each with a goroutine that ends by itself.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/asynkron/protoactor-go/actor.NewDeadLetter.NewThrottle.func4.1"))
}

// connect opens a client of good manners.
func connect(t *testing.T, b *stomptest.Broker, over stomptest.Transport) *stomptest.Conn {
	t.Helper()
	c := b.Open(t, over)
	c.Connect("1.2")
	return c
}

// served fails the test unless a new client gets through a subscription and a message, over TCP and over WebSocket.
func served(t *testing.T, b *stomptest.Broker) {
	t.Helper()
	for _, over := range []stomptest.Transport{stomptest.TCP, stomptest.WebSocket} {
		c := connect(t, b, over)
		c.Subscribe("1", "/topic/served")
		c.SendBody("/topic/served", "still here")
		if f := c.Expect("MESSAGE"); f.Body != "still here" {
			t.Errorf("got %v", f)
		}
		c.Disconnect()
	}
}

// dial opens a bare connection, which the end of the test closes.
func dial(t *testing.T, b *stomptest.Broker) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", b.Address(), stomptest.Guard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ended waits until the broker closes a connection, and returns what it sent before.
func ended(t *testing.T, c net.Conn) string {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(stomptest.Guard))
	said, err := io.ReadAll(c)
	if e, ok := err.(net.Error); ok && e.Timeout() {
		t.Fatalf("not closed; it said %q", said)
	}
	return string(said)
}

// grown runs f and returns by how much it made the heap of the whole process grow, clients included. It looks a few times: what
// is about to be thrown away, by connections that are still being closed, is gone the next time, and what is kept is not.
func grown(f func()) int64 {
	before := heap()
	f()
	least := heap()
	for range 4 {
		least = min(least, heap())
	}
	return least - before
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // what pools hold survives one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

const mib = 1 << 20
