package load

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"stampede/actors"
	"stampede/config"
)

var connections = flag.Int("connections", 2000, "how many connections there are at most")

// However many connections there are, each gets a broadcast and is heard when it answers, and a connection costs no more
// memory among many than among few.
func TestCrowd(t *testing.T) {
	cfg := config.Default()
	cfg.Listen = nil
	cfg.Session.Linger = 0
	b, err := actors.Start(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Shutdown(context.Background()) })
	before := inUse()
	collector := join(t, b, "/topic/answers")
	var all []*member
	first := 0.0
	for _, n := range sizes(*connections) {
		for len(all) < n {
			all = append(all, join(t, b, "/topic/all"))
		}
		each := float64(inUse()-before) / float64(n) / 1024
		if first == 0 {
			first = each
		}
		begin := time.Now()
		collector.say(t, "SEND\ndestination:/topic/all\n\nHello?\x00")
		for i, m := range all {
			if !bytes.HasSuffix(m.hear(t), []byte("\n\nHello?\x00\n")) {
				t.Fatalf("connection %d of %d did not get the broadcast", i, n)
			}
			m.say(t, "SEND\ndestination:/topic/answers\n\n!\x00")
			if !bytes.HasSuffix(collector.hear(t), []byte("\n\n!\x00\n")) {
				t.Fatalf("connection %d of %d was not heard", i, n)
			}
		}
		t.Logf("%7d connections: %.1f KiB each; a broadcast and %d answers in %v", n, each, n, time.Since(begin).Round(time.Millisecond))
		if each > 1.5*first {
			t.Errorf("a connection costs %.1f KiB among %d and %.1f among the first", each, n, first)
		}
	}
	for _, m := range append(all, collector) {
		_ = m.Close()
	}
}

// sizes are the steps from a thousand to n.
func sizes(n int) (steps []int) {
	for step := 1000; step < n; step *= 5 {
		steps = append(steps, step)
	}
	return append(steps, n)
}

// member is a client without a goroutine, which speaks as little STOMP as will do.
type member struct {
	net.Conn
	buf [256]byte
}

func join(t *testing.T, b *actors.Broker, topic string) *member {
	t.Helper()
	m := &member{Conn: b.PipeOf(512)}
	m.say(t, "CONNECT\naccept-version:1.2\nhost:h\n\n\x00")
	m.hear(t)
	m.say(t, fmt.Sprintf("SUBSCRIBE\nid:1\ndestination:%s\nreceipt:r\n\n\x00", topic))
	m.hear(t)
	return m
}

func (m *member) say(t *testing.T, frame string) {
	t.Helper()
	if _, err := io.WriteString(m, frame); err != nil {
		t.Fatal(err)
	}
}

// hear reads to the end of a frame, and the line end behind it.
func (m *member) hear(t *testing.T) []byte {
	t.Helper()
	for n := 0; ; {
		read, err := m.Read(m.buf[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += read
		if n > 1 && m.buf[n-2] == 0 && m.buf[n-1] == '\n' {
			return m.buf[:n]
		}
	}
}

// inUse is heap and stacks after a collection.
func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
