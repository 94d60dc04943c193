package hostile

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"stampede/config"
	"stampede/tests/stomptest"
)

// A frame that claims a body and sends little of it takes little memory, however many claim; and when its client goes,
// nothing of it was sent.
func TestClaimedBodiesTakeNoMemory(t *testing.T) {
	b := stomptest.Start(t)
	reader := connect(t, b, stomptest.TCP)
	reader.Subscribe("1", "/topic/x")
	var liars []*stomptest.Conn
	size := grown(func() {
		for range 200 {
			c := connect(t, b, stomptest.TCP)
			c.Write("SEND\ndestination:/topic/x\ncontent-length:16000000\n\nlittle")
			liars = append(liars, c)
		}
		served(t, b)
	})
	if size > 200*64<<10 {
		t.Errorf("the heap grew by %d octets for %d that came", size, 200*len("little"))
	}
	for _, c := range liars {
		c.Drop()
	}
	connect(t, b, stomptest.TCP).SendBody("/topic/x", "true")
	if f := reader.Expect("MESSAGE"); f.Body != "true" {
		t.Errorf("got %v", f)
	}
}

// A content-length that is no number, negative, too large, or not what comes, is told to its sender and to nobody else.
func TestContentLengthLies(t *testing.T) {
	b := stomptest.Start(t)
	for _, over := range []stomptest.Transport{stomptest.TCP, stomptest.WebSocket} {
		for length, code := range map[string]string{
			"-1": "syntax", "+5": "syntax", "0x5": "syntax", "5 ": "syntax", "": "syntax", "five": "syntax", "1e3": "syntax", "٥": "syntax",
			"4": "syntax", "0": "syntax", "16777217": "msg flup", "9223372036854775807": "msg flup", "99999999999999999999999999": "msg flup",
		} {
			c := connect(t, b, over)
			c.Write("SEND\ndestination:/topic/x\ncontent-length:" + length + "\n\nabcde\x00")
			f := c.Expect("ERROR")
			if got := f.Header1("code"); got != code && !(code == "msg flup" && got == "syntax") {
				t.Errorf("%q: %v", length, f)
			}
		}
	}
	served(t, b)
}

// A WebSocket frame that claims more than a message may have is refused by its claim.
func TestWebSocketLengthLies(t *testing.T) {
	b := stomptest.Start(t, func(c *config.Config) { c.Session.Linger = 100 * time.Millisecond })
	for name, head := range map[string]string{
		"2^63-1 octets": "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04", "2^63 octets": "\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00\x01\x02\x03\x04",
		"a long control frame": "\x89\xfe\x01\x00\x01\x02\x03\x04", "no mask": "\x82\x05hello", "an unknown opcode": "\x83\x80\x01\x02\x03\x04", "reserved bits": "\xf2\x80\x01\x02\x03\x04",
		"a continuation of nothing": "\x80\x80\x01\x02\x03\x04",
	} {
		w, r := handshake(t, b)
		io.WriteString(w, head)
		w.(net.Conn).SetReadDeadline(time.Now().Add(stomptest.Guard))
		said, err := io.ReadAll(r)
		if e, ok := err.(net.Error); ok && e.Timeout() || !strings.Contains(string(said), "ERROR") {
			t.Errorf("%s: %q, %v", name, said, err)
		}
	}
	served(t, b)
}

// Headers without end, many short ones or a long one, in STOMP or HTTP, meet a limit after so many octets, the client is
// told so although it goes on sending, and memory does not follow them.
func TestHeaderBombs(t *testing.T) {
	b := stomptest.Start(t)
	for name, c := range map[string]struct{ begin, again, told string }{
		"many before CONNECTED":      {"CONNECT\n", "a:b\n", "connect_max_headers"},
		"a long one before":          {"CONNECT\na:", strings.Repeat("x", 4096), "connect_max_header"},
		"an endless command":         {"", strings.Repeat("X", 4096), "ERROR"},
		"many":                       {"CONNECT\naccept-version:1.2\nhost:h\n\n\x00SEND\n", "a:b\n", "limits.max_headers"},
		"a long one":                 {"CONNECT\naccept-version:1.2\nhost:h\n\n\x00SEND\na:", strings.Repeat("x", 4096), "limits.max_header"},
		"many of HTTP":               {"GET / HTTP/1.1\r\nHost: x\r\n", "A: b\r\n", "431"},
		"a long one of HTTP":         {"GET / HTTP/1.1\r\nHost: x\r\nA: ", strings.Repeat("x", 4096), "431"},
		"many of a WebSocket":        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n", "A: b\r\n", "431"},
		"a first line of HTTP alone": {"GET /", strings.Repeat("x", 4096), "431"},
	} {
		size := grown(func() {
			link := dial(t, b)
			link.SetDeadline(time.Now().Add(stomptest.Guard))
			done := make(chan struct{})
			go func() {
				defer close(done)
				io.WriteString(link, c.begin)
				again := strings.Repeat(c.again, 1+4096/len(c.again))
				for sent := 0; sent < 64*mib; sent += len(again) {
					if _, err := io.WriteString(link, again); err != nil {
						return // it was closed
					}
				}
			}()
			if said := ended(t, link); !strings.Contains(said, c.told) {
				t.Errorf("%s: told %q", name, said)
			}
			link.Close()
			<-done
		})
		if size > 2*mib {
			t.Errorf("%s: the heap grew by %d octets", name, size)
		}
	}
	served(t, b)
}

// A client whose frames are many and as small as can be is served to the last, and slows another one only so much; its
// memory is bounded by its window.
func TestMillionTinyFrames(t *testing.T) {
	b := stomptest.Start(t)
	other := connect(t, b, stomptest.TCP)
	for name, frame := range map[string]string{
		"SEND": "SEND\ndestination:/topic/t\n\n\x00", "line ends": "\n", "BEGIN and ABORT": "BEGIN\ntransaction:t\n\n\x00ABORT\ntransaction:t\n\n\x00",
	} {
		flooder := connect(t, b, stomptest.TCP)
		flooder.Patience = 2 * stomptest.Guard
		size := grown(func() {
			wrote := make(chan error, 1)
			go func() {
				chunk := strings.Repeat(frame, 1000)
				for range million / 1000 {
					if _, err := io.WriteString(flooder.Link(), chunk); err != nil {
						wrote <- err
						return
					}
				}
				_, err := io.WriteString(flooder.Link(), stomptest.Text("SEND", "destination:/topic/t", "receipt:last"))
				wrote <- err
			}()
			for range 10 {
				other.Sync("SEND", "destination:/topic/other")
			}
			flooder.Expect("RECEIPT", "receipt-id:last")
			if err := <-wrote; err != nil {
				t.Error(err)
			}
		})
		if size > 8*mib {
			t.Errorf("%s: the heap grew by %d octets", name, size)
		}
	}
	served(t, b)
}

// So do WebSocket messages, fragments without anything in them, and pings whose answers nobody reads.
func TestMillionTinyWebSocketFrames(t *testing.T) {
	b := stomptest.Start(t)
	for name, frame := range map[string]string{"empty messages": masked(0x81, ""), "empty fragments": masked(0x00, ""), "pings": masked(0x89, "")} {
		w, r := handshake(t, b)
		io.WriteString(w, masked(0x81, "CONNECT\naccept-version:1.2\nhost:h\n\n\x00"))
		last := masked(0x81, stomptest.Text("SEND", "destination:/topic/t", "receipt:last"))
		if name == "empty fragments" {
			io.WriteString(w, masked(0x01, ""))
			last = masked(0x80, stomptest.Text("SEND", "destination:/topic/t", "receipt:last"))
		}
		size := grown(func() {
			wrote := make(chan error, 1)
			go func() {
				chunk := strings.Repeat(frame, 1000)
				for range million / 1000 {
					if _, err := io.WriteString(w, chunk); err != nil {
						wrote <- err
						return
					}
				}
				_, err := io.WriteString(w, last)
				wrote <- err
			}()
			if err := <-wrote; err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for said := ""; !strings.Contains(said, "receipt-id:last"); {
				line, err := r.ReadString('\x00')
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				said = line
			}
		})
		if size > 8*mib {
			t.Errorf("%s: the heap grew by %d octets", name, size)
		}
	}
	served(t, b)
}
