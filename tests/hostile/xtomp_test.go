package hostile

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"stampede/config"
	"stampede/tests/stomptest"
)

// What brought xtomp down, or made it lose clients.

// Thirty thousand SENDs in one go, over TCP and in one WebSocket message, are all delivered, in order.
func TestPipelinedSends(t *testing.T) {
	const n = 30_000
	b := stomptest.Start(t)
	for _, over := range []stomptest.Transport{stomptest.TCP, stomptest.WebSocket} {
		t.Run(string(over), func(t *testing.T) {
			reader, writer := connect(t, b, stomptest.TCP), connect(t, b, over)
			reader.Subscribe("1", "/queue/pipelined-"+string(over))
			var all strings.Builder
			for i := range n {
				fmt.Fprintf(&all, "SEND\ndestination:/queue/pipelined-%s\n\n%d\x00", over, i)
			}
			writer.Write(all.String())
			for i := range n {
				if f := reader.Expect("MESSAGE"); f.Body != fmt.Sprint(i) {
					t.Fatalf("message %d is %v", i, f)
				}
			}
		})
	}
	served(t, b)
}

// A header as long as allowed is delivered, one that is longer costs its sender the connection, and neither spoils the
// topic for anybody else.
func TestLongHeaderSpoilsNoTopic(t *testing.T) {
	b := stomptest.Start(t)
	limit := int(config.Default().Limits.MaxHeaderBytes)
	reader, other := connect(t, b, stomptest.TCP), connect(t, b, stomptest.WebSocket)
	for _, c := range []*stomptest.Conn{reader, other} {
		c.Subscribe("1", "/topic/long")
	}
	long := strings.Repeat("x", limit-len("note:"))
	for range 3 {
		writer := connect(t, b, stomptest.TCP)
		writer.SendBody("/topic/long", "fits", "note:"+long)
		writer.SendBody("/topic/long", "does not", "note:"+long+"x")
		for _, c := range []*stomptest.Conn{reader, other} {
			if f := c.Expect("MESSAGE", "note:"+long); f.Body != "fits" {
				t.Errorf("got %s", f.Body)
			}
		}
		writer.Expect("ERROR", "code:hdr flup")
	}
	connect(t, b, stomptest.TCP).SendBody("/topic/long", "afterwards")
	for _, c := range []*stomptest.Conn{reader, other} {
		if f := c.Expect("MESSAGE"); f.Body != "afterwards" {
			t.Errorf("got %v", f)
		}
	}
}

// Where a destination filters, a SEND without its header and a SUBSCRIBE without a value are refused, and those who do it
// right go on.
func TestMissingFilterHeader(t *testing.T) {
	b := stomptest.Start(t, func(c *config.Config) {
		c.Destination = []config.Destination{{Name: "prices", Type: config.TypeTopic, Filter: true, FilterHeader: "symbol"}}
	})
	reader := connect(t, b, stomptest.TCP)
	reader.Subscribe("1", "prices", "filter:ACME")
	for range 20 {
		for _, frame := range []string{
			stomptest.TextBody("x", "SEND", "destination:prices"), stomptest.Text("SUBSCRIBE", "id:1", "destination:prices"),
			stomptest.TextBody("x", "SEND", "destination:prices", "symbol"),
		} {
			c := connect(t, b, stomptest.TCP)
			c.Write(frame)
			c.Expect("ERROR")
		}
	}
	writer := connect(t, b, stomptest.TCP)
	writer.SendBody("prices", "other", "symbol:OTHER")
	writer.SendBody("prices", "acme", "symbol:ACME")
	if f := reader.Expect("MESSAGE"); f.Body != "acme" {
		t.Errorf("got %v", f)
	}
}

// handshake upgrades a bare connection to a WebSocket, so that a test can send its octets one by one.
func handshake(t *testing.T, b *stomptest.Broker) (io.Writer, *bufio.Reader) {
	t.Helper()
	c := dial(t, b)
	c.SetDeadline(time.Now().Add(stomptest.Guard))
	fmt.Fprintf(c, "GET /x HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", b.Address())
	r := bufio.NewReader(c)
	answer, err := http.ReadResponse(r, nil)
	if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("upgrade: %v, %v", answer, err)
	}
	return c, r
}

// masked makes one WebSocket frame of a client.
func masked(head byte, payload string) string {
	const key = "\x01\x02\x03\x04"
	size := len(payload)
	f := []byte{head}
	switch {
	case size < 126:
		f = append(f, 0x80|byte(size))
	default:
		f = append(f, 0x80|126, byte(size>>8), byte(size))
	}
	f = append(f, key...)
	for i := range size {
		f = append(f, payload[i]^key[i%4])
	}
	return string(f)
}

// The headers of WebSocket frames, short and long ones, may come in any number of pieces.
func TestSplitWebSocketHeaders(t *testing.T) {
	b := stomptest.Start(t)
	w, r := handshake(t, b)
	stream := masked(0x81, "CONNECT\naccept-version:1.2\nhost:h\n\n\x00") +
		masked(0x01, "SEND\ndestination:/topic/x\nnote:"+strings.Repeat("x", 200)) + masked(0x89, "ping between") + masked(0x80, "\nreceipt:r\n\n\x00")
	for i := range len(stream) {
		io.WriteString(w, stream[i:i+1])
	}
	var got strings.Builder
	for !strings.Contains(got.String(), "receipt-id:r\n\n\x00") {
		c, err := r.ReadByte()
		if err != nil {
			t.Fatalf("after %q: %v", got.String(), err)
		}
		got.WriteByte(c)
	}
	if !strings.Contains(got.String(), "CONNECTED") || !strings.Contains(got.String(), "ping between") {
		t.Errorf("got %q", got.String())
	}
	served(t, b)
}

// Pings and pongs of a client are no reason to disconnect it: each ping is answered with its payload.
func TestPings(t *testing.T) {
	b := stomptest.Start(t)
	c := connect(t, b, stomptest.WebSocket)
	ws := stomptest.Gorilla(c)
	var pongs []string
	ws.SetPongHandler(func(payload string) error {
		pongs = append(pongs, payload)
		return nil
	})
	for i := range 100 {
		deadline := time.Now().Add(stomptest.Guard)
		if err := ws.WriteControl(websocket.PingMessage, []byte(fmt.Sprint(i)), deadline); err != nil {
			t.Fatal(err)
		}
		if err := ws.WriteControl(websocket.PongMessage, []byte("unasked"), deadline); err != nil {
			t.Fatal(err)
		}
		c.Sync("SEND", "destination:/topic/x")
	}
	if len(pongs) != 100 || pongs[99] != "99" {
		t.Errorf("%d pongs came: %q", len(pongs), pongs)
	}
}

// A health check is answered in however many pieces the request comes.
func TestHealthCheckInPieces(t *testing.T) {
	b := stomptest.Start(t)
	request := "GET /health_check HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	for i := 1; i < len(request); i++ {
		c := dial(t, b)
		io.WriteString(c, request[:i])
		if i%8 == 0 {
			served(t, b) // so much time that the first piece is read by itself
		}
		io.WriteString(c, request[i:])
		if said := ended(t, c); !strings.HasPrefix(said, "HTTP/1.1 200 OK\r\n") {
			t.Errorf("cut at %d: %q", i, said)
		}
	}
}

// A client that sends a line end every second for an hour stays, at no cost; one that has not logged in has to be done by
// the login timeout all the same.
func TestNewlinesForAnHour(t *testing.T) {
	clock := stomptest.NewClock()
	b := stomptest.Options{Clock: clock}.Start(t)
	c := connect(t, b, stomptest.TCP)
	stranger := dial(t, b)
	io.WriteString(stranger, "\n")
	size := grown(func() {
		for second := range 3600 {
			c.Write("\n")
			clock.Advance(time.Second)
			if second%60 == 0 {
				c.Sync("SEND", "destination:/topic/x")
				io.WriteString(stranger, "\n")
			}
		}
	})
	c.Sync("SEND", "destination:/topic/x")
	if said := ended(t, stranger); !strings.Contains(said, "login timeout") {
		t.Errorf("the stranger was told %q", said)
	}
	if size > mib {
		t.Errorf("the heap grew by %d octets", size)
	}
}
