package conformance

import (
	"net"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"stampede/config"
	"stampede/tests/stomptest"
)

// A broker that shuts down tells every client so, over every transport, and closes in good order.
func TestShutdownIsTold(t *testing.T) {
	b := stomptest.Start(t, brief)
	clients := map[stomptest.Transport]*stomptest.Conn{}
	for _, over := range stomptest.Transports {
		c := b.Open(t, over)
		c.Connect(V12)
		c.Subscribe("1", "/topic/x")
		clients[over] = c
	}
	address := b.Address()
	if err := b.Stop(); err != nil {
		t.Fatal(err)
	}
	for over, c := range clients {
		f := c.Expect("ERROR", "code:shutdown", "content-type:text/plain")
		if f.Body == "" {
			t.Errorf("%s: the ERROR has no detail", over)
		}
		c.Closed()
		if code := c.CloseCode(); over == stomptest.WebSocket && code != websocket.CloseGoingAway {
			t.Errorf("the Close code is %d, want %d", code, websocket.CloseGoingAway)
		}
	}
	if c, err := net.DialTimeout("tcp", address, stomptest.Guard); err == nil {
		_ = c.Close()
		t.Error("the port still takes connections")
	}
}

// What was received before the shutdown is carried out, and its receipts are given before the ERROR.
func TestShutdownCarriesOutWhatWasReceived(t *testing.T) {
	for _, over := range stomptest.Transports {
		t.Run(string(over), func(t *testing.T) {
			b := stomptest.Start(t, brief)
			c := b.Open(t, over)
			c.Connect(V12)
			c.Subscribe("1", "/topic/x")
			const n = 200
			for range n {
				c.SendBody("/topic/x", "x")
			}
			c.Send("SEND", "destination:/topic/y", "receipt:all")
			// The receipt says that the broker has all of them; the messages may still be on their way.
			messages := 0
			for f := c.Frame(); f.Command != "RECEIPT"; f = c.Frame() {
				messages++
			}
			if err := b.Stop(); err != nil {
				t.Fatal(err)
			}
			f := c.Frame()
			for ; f.Command == "MESSAGE"; f = c.Frame() {
				messages++
			}
			if f.Command != "ERROR" || f.Header1("code") != "shutdown" {
				t.Errorf("got %v", f)
			}
			if messages != n {
				t.Errorf("got %d of %d messages before the end", messages, n)
			}
			c.Closed()
		})
	}
}

// brief has the broker not wait for clients that only read when it is gone: what it has sent waits in their buffers.
func brief(c *config.Config) { c.Session.Linger = 100 * time.Millisecond }
