package load

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	"stampede/actors"
	"stampede/cmd/stampede/bench"
	"stampede/config"
	"stampede/tests/stomptest"
)

var (
	messages = flag.Int64("messages", 50_000, "how many messages a run has after which the heap is to be what it was")
	flood    = flag.Duration("flood", time.Second, "how long each flood is")
)

// A broker ends a run of a million messages with the heap that it began with, through topics and through queues.
func TestHeapIsGivenBack(t *testing.T) {
	b := stomptest.Start(t)
	for _, c := range []struct {
		name    string
		traffic bench.Traffic
	}{
		{"topic", bench.Traffic{Destination: "/topic/heap", Publishers: 1, Subscribers: 1}},
		{"topic with acks", bench.Traffic{Destination: "/topic/heap", Publishers: 1, Subscribers: 1, Ack: "client", Prefetch: 1000}},
		{"queue", bench.Traffic{Destination: "/queue/heap", Queue: true, Publishers: 2, Subscribers: 2}},
		{"queue with acks", bench.Traffic{Destination: "/queue/heap", Queue: true, Publishers: 2, Subscribers: 2, Ack: "client-individual", Prefetch: 100, Receipts: 100}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := c.traffic
			o.URL, o.Destinations, o.Size, o.Window, o.Burst = "tcp://"+b.Address(), 1, 128, 1024, 64
			run := func(n int64) {
				t.Helper()
				o.Messages = n
				f, _, err := o.Run(t.Context(), bench.Watch{})
				if err != nil || f.Faults() != "" {
					t.Fatalf("%v %s", err, f.Faults())
				}
			}
			run(10_000) // What is made once and kept is there then.
			before := live()
			run(*messages)
			after := live()
			t.Logf("%d messages: %d KiB before, %d KiB after", *messages, before>>10, after>>10)
			if after > before+1<<20 {
				t.Errorf("the heap has grown by %d KiB in %d messages", (after-before)>>10, *messages)
			}
		})
	}
}

// While a publisher floods a subscriber that reads nothing, memory stays within the limits that have names, under each
// policy for slow consumers and for a full queue, and what was theirs is given back when they are gone.
func TestFloodOfAStalledSubscriber(t *testing.T) {
	const limit = 4 << 20
	for _, c := range []struct {
		name        string
		destination string
		keeps       bool
		set         func(*config.Config)
	}{
		{"drop_oldest", "/topic/flood", false, func(c *config.Config) { c.Topics.SlowConsumer = config.SlowDropOldest }},
		{"drop_newest", "/topic/flood", false, func(c *config.Config) { c.Topics.SlowConsumer = config.SlowDropNewest }},
		{"disconnect", "/topic/flood", false, func(c *config.Config) { c.Topics.SlowConsumer = config.SlowDisconnect }},
		{"queue, hold", "/queue/flood", true, func(c *config.Config) { c.Queues.Full, c.Queues.HoldTimeout = config.FullHold, 0 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := stomptest.Start(t, func(cfg *config.Config) {
				cfg.Limits.Outbox, cfg.Queues.MaxBytes = limit, limit
				c.set(cfg)
			})
			// Less garbage at a time: how much gathers says more about the machine than about the broker.
			defer debug.SetGCPercent(debug.SetGCPercent(50))
			events := b.Running().Events(t.Context())
			before := live()
			peak := watch(t)
			stalled := b.Open(t, stomptest.TCP)
			stalled.Connect("1.2")
			stalled.Subscribe("1", c.destination, "ack:client-individual", "prefetch-count:100000")
			auto := b.Open(t, stomptest.TCP)
			auto.Connect("1.2")
			auto.Subscribe("1", c.destination)
			sent := pour(t, b.Address(), c.destination, *flood)
			most := peak()
			other := b.Open(t, stomptest.WebSocket)
			other.Connect("1.2")
			other.Sync("BEGIN", "transaction:t") // The broker still serves others.
			for _, c := range []*stomptest.Conn{stalled, auto, other} {
				c.Drop()
			}
			leaving := 4
			if c.keeps {
				leaving = 3 // A publisher that is held up is not looked at before there is room for what it sent.
			}
			for gone := 0; gone < leaving; {
				if e := <-events; e.Kind == actors.EventDisconnected {
					gone++
				}
			}
			keeps := before + 1<<20
			if c.keeps {
				keeps += 3 * limit // a queue is not emptied because somebody goes
			}
			after := live()
			for patience := time.Now().Add(10 * time.Second); after > keeps && time.Now().Before(patience); {
				after = live() // A timer may hold something for a second.
			}
			t.Logf("%d MiB sent in %v; heap %.1f MiB before, at most %.1f MiB, %.1f MiB after; resident %s",
				sent>>20, *flood, mib(before), mib(most), mib(after), resident())
			// What is in the limits is charged at its size on the wire; the rest is garbage.
			if most > before+24*limit {
				t.Errorf("the heap grew by %.1f MiB: the limits are %.1f MiB", mib(most-before), mib(limit))
			}
			if after > keeps {
				t.Errorf("%.1f MiB are not given back", mib(after-before))
			}
			if c.keeps {
				drain(t, b, c.destination, events)
			}
		})
	}
}

// drain empties a queue until the publisher that it held up is heard to be gone.
func drain(t *testing.T, b *stomptest.Broker, destination string, events <-chan actors.Event) {
	t.Helper()
	c := b.Open(t, stomptest.TCP)
	c.Connect("1.2")
	c.Subscribe("1", destination)
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			if _, err := c.TryFrame(); err != nil {
				return
			}
		}
	})
	for e := range events {
		if e.Kind == actors.EventDisconnected {
			break
		}
	}
	c.Drop()
	reading.Wait()
}

// pour publishes as fast as it can for some time, and returns how many octets went out. A broker that holds it up is
// left without a word.
func pour(t *testing.T, address, destination string, d time.Duration) (sent int64) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(d)); err != nil {
		t.Fatal(err)
	}
	burst := []byte("CONNECT\naccept-version:1.2\nhost:h\n\n\x00")
	frames := []byte(strings.Repeat("SEND\ndestination:"+destination+"\ncontent-length:1024\n\n"+strings.Repeat("x", 1024)+"\x00", 64))
	for {
		n, err := conn.Write(burst)
		sent += int64(n)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return sent
		}
		if err != nil {
			t.Fatal(err)
		}
		burst = frames
	}
}

// live is what the heap holds after a collection.
func live() uint64 {
	runtime.GC()
	runtime.GC()
	return heap()
}

// heap is what the heap holds, garbage included.
func heap() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// watch looks at the heap until the function that it returns is called, which gives the most there was.
func watch(t *testing.T) (peak func() uint64) {
	stop := make(chan struct{})
	var most uint64
	var looking sync.WaitGroup
	looking.Go(func() {
		every := time.NewTicker(2 * time.Millisecond)
		defer every.Stop()
		for {
			most = max(most, heap())
			select {
			case <-every.C:
			case <-stop:
				return
			}
		}
	})
	end := sync.OnceFunc(func() {
		close(stop)
		looking.Wait()
	})
	t.Cleanup(end)
	return func() uint64 {
		end()
		return most
	}
}

func mib(n uint64) float64 { return float64(n) / (1 << 20) }

// resident is what the kernel says of this process, where it can be asked.
func resident() string {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "unknown"
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	value, _, _ := strings.Cut(rest, "\n")
	return fmt.Sprint(strings.Fields(value))
}
