package conformance

import (
	"fmt"
	"testing"

	"stampede/config"
	"stampede/tests/stomptest"
)

// What is closed to the web is closed to every WebSocket, and to TCP where the listener is marked with web; the rest is
// open to it, and all of it to TCP elsewhere.
func TestWebBlocks(t *testing.T) {
	for _, c := range []struct {
		over   stomptest.Transport
		marked bool
		web    bool
	}{{stomptest.TCP, false, false}, {stomptest.TCP, true, true}, {stomptest.WebSocket, false, true}, {stomptest.WebSocket, true, true}} {
		b := stomptest.Start(t, func(cfg *config.Config) {
			cfg.Listen[0].Web = c.marked
			cfg.Destination = []config.Destination{
				{Name: "write", Type: config.TypeTopic, WebReadBlock: true},
				{Name: "read", Type: config.TypeQueue, WebWriteBlock: true},
				{Name: "/topic/*.secret", WebReadBlock: true},
			}
		})
		connect := func() *stomptest.Conn {
			conn := b.Open(t, c.over)
			conn.Connect(V12)
			return conn
		}
		conn := connect()
		conn.Subscribe("r", "read")
		conn.Sync("SEND", "destination:write")
		conn.Subscribe("all", "/topic/#")
		other := connect()
		other.Sync("SEND", "destination:/topic/a.secret")
		other.Sync("SEND", "destination:/topic/a.open")
		if m := conn.Expect("MESSAGE"); c.web != (m.Header1("destination") == "/topic/a.open") {
			t.Errorf("%s, marked %t: the wildcard got %s", c.over, c.marked, m)
		}
		for _, frame := range [][]string{
			{"SEND", "destination:read"},
			{"SEND", "destination:read", "transaction:t"},
			{"SUBSCRIBE", "id:1", "destination:write"},
			{"SUBSCRIBE", "id:1", "destination:/topic/a.secret"},
		} {
			conn := connect()
			conn.Sync("BEGIN", "transaction:t")
			conn.Send(append(frame, "receipt:r")...)
			if !c.web {
				conn.Expect("RECEIPT", "receipt-id:r")
				continue
			}
			conn.Expect("ERROR", "code:blocked", "receipt-id:r")
			conn.Closed()
		}
	}
}

// A SEND to a listener that is marked as trusted keeps its message-id, with the escapes of each version, and can be
// acknowledged by it; what is no id is refused. Anywhere else the broker's own id takes its place.
func TestTrustedListenersKeepMessageIDs(t *testing.T) {
	for _, trusted := range []bool{true, false} {
		b := stomptest.Start(t, func(cfg *config.Config) { cfg.Listen[0].Trusted = trusted })
		bridge := b.Open(t, stomptest.TCP)
		bridge.Connect(V12)
		for i, version := range AllVersions {
			c := b.Open(t, stomptest.TCP)
			c.Connect(version)
			queue := fmt.Sprintf("/queue/%d", i)
			c.Subscribe("s", queue, "ack:client")
			bridge.SendBody(queue, "x", `message-id:ID\ca\\b-1`)
			m := c.Expect("MESSAGE")
			want := `ID\ca\\b-1`
			if version == V10 {
				want = `ID:a\b-1`
			}
			if id := m.Header1("message-id"); trusted != (id == want) {
				t.Errorf("%s, trusted %t: got the id %q", version, trusted, id)
			}
			ack := "message-id:" + m.Header1("message-id")
			if version == V12 {
				ack = "id:" + m.Header1("ack")
			}
			c.Sync("ACK", "subscription:s", ack)
		}
		bridge.Sync("SEND", "destination:/queue/x") // an id of its own
		for _, bad := range []string{"message-id:", "message-id: x", `message-id:a\nb`} {
			c := b.Open(t, stomptest.TCP)
			c.Connect(V12)
			c.Send("SEND", "destination:/queue/x", bad, "receipt:r")
			if trusted {
				c.Expect("ERROR", "code:syntax", "receipt-id:r")
			} else {
				c.Expect("RECEIPT")
			}
		}
	}
}
