package hostile

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"stampede/config"
	"stampede/tests/stomptest"
)

// Three hundred clients that dribble a first frame, HTTP headers, a TLS hello or nothing at all are gone after the login
// timeout, hold nothing, and keep nobody from being served meanwhile.
func TestSlowLoris(t *testing.T) {
	b := stomptest.Start(t, func(c *config.Config) { c.Session.LoginTimeout = time.Second })
	beginnings := []string{"", "CONN", "CONNECT\naccept-version:1.2\nx:", "GET / HT", "GET / HTTP/1.1\r\nHost: x\r\nA: ", "\x16\x03\x01", "PROXY TCP4", "\n\n\n"}
	size := grown(func() {
		var all []net.Conn
		for i := range 300 {
			c := dial(t, b)
			io.WriteString(c, beginnings[i%len(beginnings)])
			all = append(all, c)
		}
		served(t, b)
		for _, c := range all {
			io.WriteString(c, "x")
		}
		for _, c := range all {
			ended(t, c)
		}
	})
	if size > 4*mib {
		t.Errorf("the heap grew by %d octets", size)
	}
	served(t, b)
}

// A frame that grows by an octet now and then is ended by the frame timeout, though there is never silence.
func TestDribbledFrame(t *testing.T) {
	clock := stomptest.NewClock()
	b := stomptest.Options{Clock: clock}.Start(t)
	for _, over := range []stomptest.Transport{stomptest.TCP, stomptest.WebSocket} {
		c := connect(t, b, over)
		c.Sync("SEND", "destination:/topic/x")
		err := c.TryWrite("SEND\ndestination:/topic/x\ncontent-length:1000000\n\n")
		for i := 0; err == nil && i < 120; i++ {
			served(t, b) // so that what was written is read before time goes on
			clock.Advance(time.Second)
			err = c.TryWrite("x")
		}
		c.Expect("ERROR", "code:frame timeout")
	}
}

// Clients that vanish without a word are noticed by the heart-beats that they promised, or by having been idle too long;
// what they held is free again for others.
func TestHalfOpenConnections(t *testing.T) {
	for name, header := range map[string]string{"heart-beats": "heart-beat:50,0", "idle": "heart-beat:0,0"} {
		t.Run(name, func(t *testing.T) {
			b := stomptest.Start(t, func(c *config.Config) {
				c.HeartBeat.Receive, c.Session.Linger = 50*time.Millisecond, 100*time.Millisecond
				if name == "idle" {
					c.Session.IdleTimeout = 500 * time.Millisecond
				}
			})
			const n = 50
			publisher := connect(t, b, stomptest.TCP)
			for i := range n {
				publisher.Sync("SEND", fmt.Sprintf("destination:/queue/held%d", i))
			}
			var gone []net.Conn
			for i := range n {
				c := dial(t, b)
				fmt.Fprintf(c, "CONNECT\naccept-version:1.2\nhost:h\n%s\n\n\x00SUBSCRIBE\nid:1\nack:client\ndestination:/queue/held%d\n\n\x00", header, i)
				gone = append(gone, c) // and never a word again
			}
			want := map[string]string{"heart-beats": "heart-beat timeout", "idle": "idle timeout"}[name]
			for _, c := range gone {
				if said := ended(t, c); !strings.Contains(said, want) {
					t.Fatalf("told %q", said)
				}
			}
			heir := connect(t, b, stomptest.TCP)
			for i := range n {
				heir.Subscribe(fmt.Sprint(i), fmt.Sprintf("/queue/held%d", i))
				heir.Expect("MESSAGE")
			}
		})
	}
}

// A subscriber that reads nothing holds no more than its outbox, is cut off, and slows nobody.
func TestSubscriberThatReadsNothing(t *testing.T) {
	b := stomptest.Start(t, func(c *config.Config) {
		c.Limits.MaxBodyBytes, c.Limits.Outbox, c.Session.Linger = 256*config.KiB, mib, time.Minute
	})
	stuck, reader, writer := dial(t, b), connect(t, b, stomptest.TCP), connect(t, b, stomptest.TCP)
	io.WriteString(stuck, "CONNECT\naccept-version:1.2\nhost:h\n\n\x00SUBSCRIBE\nid:1\ndestination:/topic/x\nreceipt:r\n\n\x00")
	var buf [4096]byte
	for said := ""; !strings.Contains(said, "RECEIPT"); {
		n, err := stuck.Read(buf[:])
		if err != nil {
			t.Fatal(err)
		}
		said += string(buf[:n])
	}
	reader.Subscribe("1", "/topic/x")
	body := strings.Repeat("x", 200<<10)
	size := grown(func() {
		for range 100 { // 20 MiB: more than sockets hold
			writer.SendBody("/topic/x", body)
			reader.Expect("MESSAGE")
		}
	})
	if said := ended(t, stuck); !strings.Contains(said, "slow consumer") {
		t.Errorf("told %.100q at the end", said[max(0, len(said)-300):])
	}
	if size > 16*mib {
		t.Errorf("the heap grew by %d octets", size)
	}
}
