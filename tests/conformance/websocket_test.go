package conformance

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"stampede/config"
	"stampede/tests/stomptest"
)

// open opens a WebSocket with these sub-protocols offered.
func open(t *testing.T, b *stomptest.Broker, subprotocols ...string) (*stomptest.Conn, *http.Response) {
	t.Helper()
	link, response, err := b.DialWebSocket(subprotocols, nil)
	if err != nil {
		t.Fatal(err)
	}
	return stomptest.New(t, link), response
}

// A sub-protocol with a version in it must agree with CONNECT: the version of the two is that one, or there is none.
func TestSubprotocolAgreesWithVersion(t *testing.T) {
	b := stomptest.Start(t)
	for subprotocol, version := range map[string]string{"v10.stomp": V10, "v11.stomp": V11, "v12.stomp": V12} {
		c, response := open(t, b, subprotocol)
		if got := response.Header.Get("Sec-Websocket-Protocol"); got != subprotocol {
			t.Errorf("offered %s, got %q", subprotocol, got)
		}
		c.Send("CONNECT", "accept-version:1.0,1.1,1.2", "host:h")
		c.Expect("CONNECTED", "version:"+version)

		other, _ := open(t, b, subprotocol)
		lines := []string{"CONNECT", "accept-version:1.1,1.2", "host:h"}
		if version != V10 {
			lines = []string{"CONNECT"} // means 1.0
		}
		other.Send(lines...)
		other.Expect("ERROR", "code:version")
		other.Closed()
	}
	c, _ := open(t, b, "stomp")
	c.Connect(V11) // leaves the version to CONNECT
}

// Of the sub-protocols offered one that we know is taken; with none of them the answer is 400 and says which we know; a
// client that offers none is served all the same.
func TestSubprotocolIsChosen(t *testing.T) {
	b := stomptest.Start(t)
	_, response := open(t, b, "mqtt", "v11.stomp", "soap")
	if got := response.Header.Get("Sec-Websocket-Protocol"); got != "v11.stomp" {
		t.Errorf("got the sub-protocol %q", got)
	}
	c, response := open(t, b)
	if got := response.Header.Get("Sec-Websocket-Protocol"); got != "" {
		t.Errorf("offered nothing, got the sub-protocol %q", got)
	}
	c.Connect(V12)

	_, response, err := b.DialWebSocket([]string{"mqtt", "STOMP"}, nil)
	if err == nil || response == nil || response.StatusCode != http.StatusBadRequest {
		t.Fatalf("offered nothing that is ours: %v, %v", err, response)
	}
	body, _ := io.ReadAll(response.Body)
	for _, ours := range []string{"stomp", "v10.stomp", "v11.stomp", "v12.stomp"} {
		if !strings.Contains(string(body), ours) {
			t.Errorf("the body %q does not name %s", body, ours)
		}
	}
}

// STOMP frames and WebSocket messages are cut independently on the way in: several frames in one message, one frame over
// several messages, and one message over several fragments, as text and as binary.
func TestMessagesAndFramesAreCutIndependently(t *testing.T) {
	b := stomptest.Start(t)
	c := b.Open(t, stomptest.WebSocket)
	c.Write(stomptest.Text("CONNECT", "accept-version:1.2", "host:h") + "\n" + stomptest.Text("SUBSCRIBE", "id:1", "destination:/topic/x", "receipt:r") + stomptest.TextBody("one", "SEND", "destination:/topic/x"))
	c.Expect("CONNECTED")
	c.Expect("RECEIPT", "receipt-id:r")
	if f := c.Expect("MESSAGE"); f.Body != "one" {
		t.Errorf("got %v", f)
	}
	ws := stomptest.Gorilla(c)
	for _, kind := range []int{websocket.TextMessage, websocket.BinaryMessage} {
		// The writer sends a fragment whenever its buffer, of 4096 bytes, is full.
		fragments, err := ws.NextWriter(kind)
		if err != nil {
			t.Fatal(err)
		}
		body := strings.Repeat("0123456789", 5000)
		if _, err := io.WriteString(fragments, stomptest.TextBody(body, "SEND", "destination:/topic/x")); err != nil {
			t.Fatal(err)
		}
		if err := fragments.Close(); err != nil {
			t.Fatal(err)
		}
		if f := c.Expect("MESSAGE"); f.Body != body {
			t.Errorf("got %d bytes of body, want %d", len(f.Body), len(body))
		}
	}
	for _, piece := range []string{"SE", "ND\ndestination:/to", "pic/x\n", "\nin pie", "ces\x00\nSEND\ndestina", "tion:/topic/x\n\nand more\x00"} {
		c.Write(piece)
	}
	for _, want := range []string{"in pieces", "and more"} {
		if f := c.Expect("MESSAGE"); f.Body != want {
			t.Errorf("got %v", f)
		}
	}
}

// A ping is answered by a pong with the same data, in the middle of a frame too.
func TestPingIsAnswered(t *testing.T) {
	c := stomptest.Start(t).Open(t, stomptest.WebSocket)
	c.Connect(V12)
	ws := stomptest.Gorilla(c)
	pongs := make(chan string, 2)
	ws.SetPongHandler(func(data string) error { pongs <- data; return nil })
	c.Write("SEND\ndestination:/topic/x\nreceipt:r\n\nhalf a ")
	if err := ws.WriteControl(websocket.PingMessage, []byte("are you there?"), time.Now().Add(stomptest.Guard)); err != nil {
		t.Fatal(err)
	}
	c.Write("frame\x00")
	c.Expect("RECEIPT", "receipt-id:r")
	select {
	case data := <-pongs:
		if data != "are you there?" {
			t.Errorf("the pong says %q", data)
		}
	default:
		t.Error("the receipt came, but no pong before it")
	}
}

// Every end of a WebSocket has the Close code that says why.
func TestCloseCodes(t *testing.T) {
	for _, c := range []struct {
		name     string
		code     int
		settings func(*config.Config)
		end      func(c *stomptest.Conn)
	}{
		{"a DISCONNECT", websocket.CloseNormalClosure, nil, func(c *stomptest.Conn) {
			c.Connect(V12)
			c.Sync("DISCONNECT")
		}},
		{"bytes that are no frame", websocket.CloseProtocolError, nil, func(c *stomptest.Conn) {
			c.Connect(V12)
			c.Write("GARBAGE\n\n\x00")
			c.Expect("ERROR", "code:syntax")
		}},
		{"a frame that is refused", websocket.CloseProtocolError, nil, func(c *stomptest.Conn) {
			c.Connect(V12)
			c.Send("COMMIT", "transaction:none")
			c.Expect("ERROR", "code:transaction")
		}},
		{"a wrong login", websocket.ClosePolicyViolation, func(c *config.Config) { c.Login, c.Passcode = "ada", "secret" }, func(c *stomptest.Conn) {
			c.Send("CONNECT", "accept-version:1.2", "host:h", "login:ada", "passcode:wrong")
			c.Expect("ERROR", "code:auth err")
		}},
		{"a body over its limit", websocket.CloseMessageTooBig, func(c *config.Config) { c.Limits.MaxBodyBytes = 10 }, func(c *stomptest.Conn) {
			c.Connect(V12)
			c.SendBody("/topic/x", "eleven more")
			c.Expect("ERROR", "code:msg flup")
		}},
		{"no login in time", websocket.ClosePolicyViolation, func(c *config.Config) { c.Session.LoginTimeout = 100 * time.Millisecond }, func(c *stomptest.Conn) {
			c.Expect("ERROR", "code:login timeout")
		}},
		{"a frame that is not finished", websocket.ClosePolicyViolation, func(c *config.Config) { c.Session.FrameTimeout = 100 * time.Millisecond }, func(c *stomptest.Conn) {
			c.Connect(V12)
			c.Write("SEND\n")
			c.Expect("ERROR", "code:frame timeout")
		}},
		{"silence", websocket.ClosePolicyViolation, func(c *config.Config) { c.HeartBeat.Receive = 50 * time.Millisecond }, func(c *stomptest.Conn) {
			c.Connect(V12, "heart-beat:50,0")
			c.Expect("ERROR", "code:heart-beat timeout")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conn := stomptest.Start(t, c.settings).Open(t, stomptest.WebSocket)
			c.end(conn)
			conn.Closed()
			if got := conn.CloseCode(); got != c.code {
				t.Errorf("the Close code is %d, want %d", got, c.code)
			}
		})
	}
}

// A client's Close frame is answered, and ends its session as a lost connection does: what it had not acknowledged
// goes back.
func TestCloseFrameFromTheClient(t *testing.T) {
	b := stomptest.Start(t)
	c := b.Open(t, stomptest.WebSocket)
	c.Connect(V12)
	c.Subscribe("1", "/queue/x", "ack:client")
	c.SendBody("/queue/x", "mine")
	c.Expect("MESSAGE")
	goodbye := websocket.FormatCloseMessage(websocket.CloseGoingAway, "the page is left")
	if err := stomptest.Gorilla(c).WriteControl(websocket.CloseMessage, goodbye, time.Now().Add(stomptest.Guard)); err != nil {
		t.Fatal(err)
	}
	c.Closed()
	other := b.Open(t, stomptest.TCP)
	other.Connect(V12)
	other.Subscribe("1", "/queue/x")
	other.Expect("MESSAGE", "redelivered:true")
}
