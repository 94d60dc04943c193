package transport

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"stampede/stompwire"
)

// upgradeRequest is a good handshake, with more header lines if wanted.
func upgradeRequest(lines ...string) string {
	all := append([]string{
		"GET /any/path HTTP/1.1", "Host: localhost", "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "X-Test: 1",
	}, lines...)
	return strings.Join(all, "\r\n") + "\r\n\r\n"
}

// rawSocket is the client's side of a WebSocket, frame by frame, so that it can
// do what no library would.
type rawSocket struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// upgraded does the handshake on client and starts a transport actor.
func (s *testServer) upgraded(t *testing.T, client net.Conn, lines ...string) (*rig, *rawSocket) {
	t.Helper()
	send(t, client, upgradeRequest(lines...))
	ws := &rawSocket{t: t, conn: client, in: bufio.NewReader(client)}
	answer, err := http.ReadResponse(ws.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(answer.Body)
		t.Fatalf("%s %s", answer.Status, body)
	}
	if got := answer.Header.Get("Sec-Websocket-Accept"); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Errorf("Sec-WebSocket-Accept: %q", got)
	}
	if got := answer.Header.Get("Server"); got != "stampede/test" {
		t.Errorf("Server: %q", got)
	}
	return s.rig(ActorOptions{FrameTimeout: time.Minute}), ws
}

// bubbleSocket is a WebSocket over a pipe through a Server, for tests in a bubble.
func bubbleSocket(t *testing.T, options ActorOptions) (*rig, *rawSocket) {
	t.Helper()
	conns := make(chan *Conn, 1)
	s := NewServer(all(), func(c *Conn) { conns <- c }, nil, nil, nil)
	l := &scriptedListener{steps: make(chan func() (net.Conn, error), 1)}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	near, far := newPipe(0, SystemClock())
	l.steps <- func() (net.Conn, error) { return far, nil }
	send(t, near, upgradeRequest())
	ws := &rawSocket{t: t, conn: near, in: bufio.NewReader(near)}
	if answer, err := http.ReadResponse(ws.in, nil); err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v %v", answer, err)
	}
	r := newRig(t, receive(t, "a connection", conns), options)
	t.Cleanup(func() {
		near.Close()
		r.stop()
		s.Close()
		if err := <-served; err != nil {
			t.Error("Serve:", err)
		}
	})
	return r, ws
}

// Opcodes and bits of a frame's first byte [RFC 6455 §5.2].
const (
	fin          = 0x80
	continuation = 0
	text         = 1
	binaryData   = 2
	closing      = 8
	ping         = 9
	pong         = 10
)

// clientFrame encodes a masked frame.
func clientFrame(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n <= 125:
		b = append(b, 0x80|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	mask := []byte{0x12, 0x34, 0x56, 0x78}
	b = append(b, mask...)
	for i := range len(payload) { // bytes, not characters
		b = append(b, payload[i]^mask[i%4])
	}
	return b
}

func (w *rawSocket) frame(first byte, payload string) {
	w.t.Helper()
	w.raw(clientFrame(first, payload))
}

func (w *rawSocket) raw(b []byte) {
	w.t.Helper()
	if _, err := w.conn.Write(b); err != nil {
		w.t.Fatal(err)
	}
}

func (w *rawSocket) text(s string) {
	w.t.Helper()
	w.frame(fin|text, s)
}

// read returns the next frame.
func (w *rawSocket) read() (first byte, payload string, err error) {
	var head [8]byte
	if _, err := io.ReadFull(w.in, head[:2]); err != nil {
		return 0, "", err
	}
	first = head[0]
	n := uint64(head[1])
	switch n {
	case 126:
		_, err = io.ReadFull(w.in, head[:2])
		n = uint64(binary.BigEndian.Uint16(head[:]))
	case 127:
		_, err = io.ReadFull(w.in, head[:8])
		n = binary.BigEndian.Uint64(head[:])
	}
	if err != nil {
		return 0, "", err
	}
	b := make([]byte, n)
	_, err = io.ReadFull(w.in, b)
	return first, string(b), err
}

func (w *rawSocket) expect(first byte, payload string) {
	w.t.Helper()
	gotFirst, got, err := w.read()
	if err != nil || gotFirst != first || got != payload {
		w.t.Fatalf("got %x %.200q (%v), want %x %.200q", gotFirst, got, err, first, payload)
	}
}

// expectClose reads a Close frame, answers it, and waits for the server to close
// the connection first [RFC 6455 §7.1.1].
func (w *rawSocket) expectClose(code int, reason string) {
	w.t.Helper()
	w.expect(fin|closing, string(binary.BigEndian.AppendUint16(nil, uint16(code)))+reason)
	w.frame(fin|closing, "\x03\xe8")
	if b, err := io.ReadAll(w.in); err != nil || len(b) > 0 {
		w.t.Errorf("after the Close frames: %q %v", b, err)
	}
}

// A frame may come in any messages and fragments, text or binary, and a message may hold any
// number of frames.
func TestWebSocketMessageBordersMeanNothing(t *testing.T) {
	s := serve(t, all())
	stream := "SEND\ndestination:a\n\none\x00\nSEND\ndestination:ü\ncontent-length:3\n\nt\x00o\x00SEND\ndestination:a\n\n" + strings.Repeat("3", 200) + "\x00"
	want := []string{"SEND one", "SEND t\x00o", "SEND " + strings.Repeat("3", 200)}
	for name, say := range map[string]func(ws *rawSocket){
		"one message":        func(ws *rawSocket) { ws.text(stream) },
		"one binary message": func(ws *rawSocket) { ws.frame(fin|binaryData, stream) },
		"a message a byte": func(ws *rawSocket) {
			for _, b := range []byte(stream) {
				ws.frame(fin|binaryData, b2s(b))
			}
		},
		"a text message a character": func(ws *rawSocket) {
			for _, r := range stream {
				ws.text(string(r))
			}
		},
		"a fragment a byte": func(ws *rawSocket) {
			first := byte(text)
			for _, b := range []byte(stream) {
				ws.frame(first, b2s(b))
				first = continuation
			}
			ws.frame(fin|continuation, "")
		},
		"control frames between": func(ws *rawSocket) {
			ws.frame(text, stream[:40])
			ws.frame(fin|pong, "unasked")
			ws.frame(fin|ping, "")
			ws.frame(continuation, stream[40:50])
			ws.frame(fin|pong, "")
			ws.frame(fin|continuation, stream[50:])
		},
		"empty messages between": func(ws *rawSocket) {
			ws.text("")
			ws.text(stream[:30])
			ws.frame(fin|binaryData, "")
			ws.text(stream[30:])
		},
		"bytes of the socket one by one": func(ws *rawSocket) {
			for _, b := range clientFrame(fin|text, stream) {
				ws.raw([]byte{b})
			}
		},
		"connect in the same message": nil,
	} {
		t.Run(name, func(t *testing.T) {
			r, ws := s.upgraded(t, s.dial())
			ws.t = t
			if say == nil {
				ws.text(connect + stream)
				r.admit()
			} else {
				ws.text(connect)
				r.admit()
				say(ws)
			}
			if got := r.inbound(len(want)); !slices.Equal(got, want) {
				t.Errorf("got %.300q", got)
			}
			ws.conn.Close()
			next[*Ended](t, r.session)
		})
	}
}

func b2s(b byte) string { return string([]byte{b}) }

// Frames that arrive in one read become one Inbound, though each is a message.
func TestWebSocketBatches(t *testing.T) {
	s := serve(t, all())
	r, ws := s.upgraded(t, s.dial())
	ws.text(connect)
	r.admit()
	var all []byte
	for range 50 {
		all = append(all, clientFrame(fin|text, "SEND\ndestination:a\n\none\x00")...)
	}
	ws.raw(all)
	n, batches := 0, 0
	for n < 50 {
		in := next[*Inbound](t, r.session)
		n += len(in.Frames)
		batches++
	}
	if batches > 5 { // the network may split it
		t.Errorf("%d batches", batches)
	}
}

// A ping gets its payload back in a pong, also while a frame is unfinished and before CONNECT.
func TestPings(t *testing.T) {
	s := serve(t, all())
	r, ws := s.upgraded(t, s.dial())
	ws.frame(fin|ping, "early")
	ws.expect(fin|pong, "early")
	ws.frame(text, "CONNECT\n")
	ws.frame(fin|ping, strings.Repeat("p", 125))
	ws.expect(fin|pong, strings.Repeat("p", 125))
	ws.frame(fin|continuation, "\n\x00")
	r.admit()
	ws.conn.Close()
}

// A peer that floods pings and reads nothing gets no queue of pongs.
func TestPingFlood(t *testing.T) {
	d := openDesk(0, true)
	for range 100_000 {
		d.pong("payload")
	}
	if bytes, _ := d.Pending(); bytes > pongBacklog+200 {
		t.Errorf("%d bytes of pongs", bytes)
	}
}

// The peer's Close is told as a goodbye; what is pending and an ERROR still go out, then its code
// comes back, and the server closes the connection.
func TestPeerCloses(t *testing.T) {
	s := serve(t, all())
	for _, c := range []struct{ payload, answer string }{
		{"", ""},
		{"\x03\xe8bye", "\x03\xe8"},
		{"\x03\xe9", "\x03\xe9"},
		{"\x0f\xa0mine", "\x0f\xa0"},
	} {
		r, ws := s.upgraded(t, s.dial())
		ws.text(connect)
		r.admit()
		ws.text("SEND\ndestination:a\n\none\x00")
		ws.frame(fin|closing, c.payload)
		r.inbound(1)
		if e := next[*Ended](t, r.session); e.Reason != ReasonClientDisconnected {
			t.Errorf("%v %v", e.Reason, e.Err)
		}
		r.conn.Outbox().Append([]byte("RECEIPT\n\n\x00"))
		r.tell(&Close{Reason: ReasonShutdown})
		ws.expect(fin|text, "RECEIPT\n\n\x00")
		ws.expect(fin|closing, c.answer)
		if b, err := io.ReadAll(ws.in); err != nil || len(b) > 0 {
			t.Errorf("after the Close frames: %q %v", b, err)
		}
		r.closed(ReasonShutdown)
		r.stop()
	}
}

// A stream that ends without a Close frame is a lost connection.
func TestWebSocketLost(t *testing.T) {
	s := serve(t, all())
	for _, last := range [][]byte{nil, clientFrame(fin|text, "SEND\n"), {fin | text}, clientFrame(fin|text, "SEND\n")[:8]} {
		r, ws := s.upgraded(t, s.dial())
		ws.text(connect)
		r.admit()
		ws.raw(last)
		ws.conn.Close()
		if e := next[*Ended](t, r.session); e.Reason != ReasonConnectionLost {
			t.Errorf("after % x: %v %v", last, e.Reason, e.Err)
		}
		r.stop()
	}
}

// Every reason has its close code, and the text is Close's own or the reason's name, cut to what a
// Close frame holds.
func TestCloseCodes(t *testing.T) {
	s := serve(t, all())
	for reason, code := range map[CloseReason]int{
		ReasonClientDisconnected: 1000, ReasonShutdown: 1001, ReasonProtocolError: 1002, ReasonUnsupportedData: 1003,
		ReasonInvalidText: 1007, ReasonRefused: 1008, ReasonLimitExceeded: 1009, ReasonInternalError: 1011, ReasonTryAgainLater: 1013,
	} {
		for _, say := range []string{"", "because", strings.Repeat("ü", 100)} {
			r, ws := s.upgraded(t, s.dial())
			r.tell(&Close{Reason: reason, Text: say})
			want := say
			switch {
			case say == "":
				want = reason.Code()
			case len(say) > 123:
				want = say[:122]
			}
			ws.expectClose(code, want)
			r.closed(reason)
			r.stop()
		}
	}
}

// A peer that never answers the Close frame is cut off after Linger, not before.
func TestCloseIsAwaited(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, ws := bubbleSocket(t, ActorOptions{})
		start := time.Now()
		r.tell(&Close{Reason: ReasonShutdown, Linger: 5 * time.Second})
		ws.expect(fin|closing, "\x03\xe9shutdown")
		ws.text("SEND\ndestination:a\n\nlate\x00")
		r.closed(ReasonShutdown)
		if d := time.Since(start); d != 5*time.Second {
			t.Errorf("closed after %v", d)
		}
		silent(t, r.session)
	})
}

// What breaks RFC 6455 ends as Malformed; the ERROR goes out before the Close frame with the code
// that the RFC wants.
func TestWebSocketFaults(t *testing.T) {
	s := serve(t, all())
	huge := append(binary.BigEndian.AppendUint64([]byte{fin | binaryData, 0x80 | 127}, 1<<40), 0, 0, 0, 0)
	for _, c := range []struct {
		name   string
		say    func(ws *rawSocket)
		reason CloseReason
		code   int
		in     string // of the problem
	}{
		{"reserved bit 1", func(ws *rawSocket) { ws.frame(fin|0x40|text, "x") }, ReasonProtocolError, 1002, "RSV1"},
		{"reserved bit 2", func(ws *rawSocket) { ws.frame(fin|0x20|text, "x") }, ReasonProtocolError, 1002, "RSV2"},
		{"reserved bit 3", func(ws *rawSocket) { ws.frame(fin|0x10|text, "x") }, ReasonProtocolError, 1002, "RSV3"},
		{"reserved opcode", func(ws *rawSocket) { ws.frame(fin|3, "x") }, ReasonProtocolError, 1002, "opcode"},
		{"reserved control opcode", func(ws *rawSocket) { ws.frame(fin|11, "x") }, ReasonProtocolError, 1002, "opcode"},
		{"unmasked", func(ws *rawSocket) { ws.raw([]byte{fin | text, 1, 'x'}) }, ReasonProtocolError, 1002, "MASK"},
		{"fragmented ping", func(ws *rawSocket) { ws.frame(ping, "x") }, ReasonProtocolError, 1002, "FIN"},
		{"long ping", func(ws *rawSocket) { ws.frame(fin|ping, strings.Repeat("x", 126)) }, ReasonProtocolError, 1002, "125"},
		{"continuation of nothing", func(ws *rawSocket) { ws.frame(fin|continuation, "x") }, ReasonProtocolError, 1002, "continuation"},
		{"text within a message", func(ws *rawSocket) { ws.frame(text, "\n"); ws.text("x") }, ReasonProtocolError, 1002, "FIN"},
		{"close with code 1005", func(ws *rawSocket) { ws.frame(fin|closing, "\x03\xed") }, ReasonProtocolError, 1002, "1005"},
		{"close that is not UTF-8", func(ws *rawSocket) { ws.frame(fin|closing, "\x03\xe8\xff") }, ReasonProtocolError, 1002, "utf8"},
		{"text that is not UTF-8", func(ws *rawSocket) { ws.text("SEND\ndestination:a\n\n\xff\x00") }, ReasonInvalidText, 1007, "UTF-8"},
		{"text cut in a character", func(ws *rawSocket) { ws.text("SEND\ndestination:\xc3"); ws.text("\xbc\n\n\x00") }, ReasonInvalidText, 1007, "UTF-8"},
		{"message over the limit", func(ws *rawSocket) { ws.raw(huge) }, ReasonLimitExceeded, 1009, "larger"},
		{"fragments over the limit", func(ws *rawSocket) {
			ws.frame(binaryData, "\n")
			ws.raw(append([]byte{continuation}, huge[1:]...))
		}, ReasonLimitExceeded, 1009, "larger"},
		{"length with the top bit", func(ws *rawSocket) {
			ws.raw([]byte{fin | text, 0x80 | 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
		}, ReasonLimitExceeded, 1009, "larger"},
		{"bad STOMP", func(ws *rawSocket) { ws.text("NONSENSE\n\n\x00") }, ReasonProtocolError, 1002, "NONSENSE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, ws := s.upgraded(t, s.dial())
			ws.t = t
			ws.text(connect)
			r.admit()
			ws.text("SEND\ndestination:a\n\none\x00")
			c.say(ws)
			r.inbound(1)
			m := next[*Malformed](t, r.session)
			if m.Reason != c.reason || !strings.Contains(m.Err.Problem, c.in) {
				t.Errorf("%v %v", m.Reason, m.Err)
			}
			if c.code == 1009 && (m.Err.Limit != LimitMessageBytes || m.Err.LimitValue < 1<<20) {
				t.Errorf("limit %q %d", m.Err.Limit, m.Err.LimitValue)
			}
			r.conn.Outbox().Append([]byte("ERROR\n\n\x00"))
			r.tell(&Close{Reason: m.Reason})
			ws.expect(fin|text, "ERROR\n\n\x00")
			ws.expect(fin|closing, string(binary.BigEndian.AppendUint16(nil, uint16(c.code)))+m.Reason.Code())
			ws.conn.Close()
			r.closed(c.reason)
			r.stop()
		})
	}
}

// After STOMP that is malformed the closing handshake still works, for WebSocket itself is intact.
func TestCloseHandshakeAfterMalformed(t *testing.T) {
	s := serve(t, all())
	r, ws := s.upgraded(t, s.dial())
	ws.text("NONSENSE\n\n\x00")
	m := next[*Malformed](t, r.session)
	r.tell(&Close{Reason: m.Reason, Linger: failAfter()})
	ws.expectClose(1002, "protocol error")
	r.closed(ReasonProtocolError)
}

// Before Admit the limit of a message is small, after it that of the largest frame.
func TestMessageLimits(t *testing.T) {
	s := serve(t, all())
	r, ws := s.upgraded(t, s.dial())
	ws.text(connect)
	in := next[*Inbound](t, r.session)
	r.conn.Window().Release(in.Cost)
	r.tell(&Admit{Version: stompwire.V12, Limits: stompwire.Limits{MaxBodyBytes: 1 << 20, MaxHeaderBlockBytes: 1000, MaxHeaderBytes: 1000, MaxHeaders: 10}})
	body := strings.Repeat("x", 1<<20)
	ws.text("SEND\ndestination:a\n\n" + body + "\x00")
	if got := r.inbound(1); got[0] != "SEND "+body {
		t.Errorf("%d bytes", len(got[0]))
	}
	ws.text(strings.Repeat("\n", 1<<20+1000+messageSlack))
	go ws.conn.Write(clientFrame(fin|text, strings.Repeat("\n", 1<<20+1000+messageSlack+1)))
	if m := next[*Malformed](t, r.session); m.Reason != ReasonLimitExceeded {
		t.Errorf("%v %v", m.Reason, m.Err)
	}
	ws.conn.Close()
	r.stop()

	r, ws = s.upgraded(t, s.dial())
	ws.raw(clientFrame(fin|binaryData, strings.Repeat("\n", 200_000))[:100])
	if m := next[*Malformed](t, r.session); m.Reason != ReasonLimitExceeded {
		t.Errorf("before Admit: %v %v", m.Reason, m.Err)
	}
}

// A STOMP frame that is never finished is timed out though control frames keep it company, and
// WebSocket stays intact for the closing handshake.
func TestWebSocketFrameTimeout(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, ws := bubbleSocket(t, ActorOptions{FrameTimeout: 30 * time.Second})
		ws.text(connect)
		r.admit()
		pass(time.Hour)
		start := time.Now()
		ws.text("SEND\ndestination:a\n\n")
		pass(29 * time.Second)
		ws.frame(fin|ping, "")
		ws.expect(fin|pong, "")
		m := next[*Malformed](t, r.session)
		if d := time.Since(start); m.Reason != ReasonFrameTimeout || d != 30*time.Second {
			t.Errorf("%v after %v", m.Reason, d)
		}
		r.tell(&Close{Reason: m.Reason})
		ws.expectClose(1008, "frame timeout")
		r.closed(ReasonFrameTimeout)
	})
}

// Heart-beats are an LF in a text message, and a pong does not stand in for one, for a browser does
// not show it; any byte of the peer counts as life, a ping too.
func TestWebSocketHeartBeats(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, ws := bubbleSocket(t, ActorOptions{})
		ws.text(connect)
		r.admit()
		r.tell(&SetHeartBeat{Send: 10 * time.Second, Receive: 20 * time.Second, Tolerance: 2})
		at := time.Now()
		for range 10 {
			ws.expect(fin|text, "\n")
			if d := time.Since(at); d > 10*time.Second || d < 8*time.Second {
				t.Errorf("a heart-beat after %v", d)
			}
			at = time.Now()
			pass(5 * time.Second)
			ws.frame(fin|ping, "p")
			ws.expect(fin|pong, "p")
		}
		silent(t, r.session)
		e := next[*Ended](t, r.session)
		if d := time.Since(at); e.Reason != ReasonHeartBeatTimeout || d != 45*time.Second {
			t.Errorf("%v after %v", e.Reason, d)
		}
	})
}

// Sub-protocols: the first offered one that we know is echoed and may demand a version; none
// offered is fine; none known is refused with a list of ours.
func TestSubprotocols(t *testing.T) {
	s := serve(t, all())
	for _, c := range []struct {
		offer   []string
		echo    string
		version stompwire.Version
	}{
		{nil, "", 0},
		{[]string{"stomp"}, "stomp", 0},
		{[]string{"v10.stomp"}, "v10.stomp", stompwire.V10},
		{[]string{"v11.stomp, v12.stomp"}, "v11.stomp", stompwire.V11},
		{[]string{"mqtt, v12.stomp,v10.stomp"}, "v12.stomp", stompwire.V12},
		{[]string{"mqtt", " v10.stomp "}, "v10.stomp", stompwire.V10},
		{[]string{""}, "", 0},
		{[]string{"mqtt"}, "refused", 0},
		{[]string{"V12.STOMP, v13.stomp"}, "refused", 0},
	} {
		var lines []string
		for _, o := range c.offer {
			lines = append(lines, "Sec-WebSocket-Protocol: "+o)
		}
		client := s.dial()
		send(t, client, upgradeRequest(lines...))
		in := bufio.NewReader(client)
		answer, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.echo == "refused" {
			body, _ := io.ReadAll(answer.Body)
			if answer.StatusCode != http.StatusBadRequest || !bytes.Contains(body, []byte("v12.stomp, v11.stomp, v10.stomp, stomp")) {
				t.Errorf("%q: %s %s", c.offer, answer.Status, body)
			}
			continue
		}
		if got := answer.Header.Get("Sec-Websocket-Protocol"); answer.StatusCode != http.StatusSwitchingProtocols || got != c.echo {
			t.Errorf("%q: %s %q", c.offer, answer.Status, got)
			continue
		}
		conn := receive(t, "a connection", s.conns)
		if got := conn.Info().Version; got != c.version {
			t.Errorf("%q: version %v", c.offer, got)
		}
		conn.Abort()
	}
}

// Random bytes after the handshake, and instead of it, end in an orderly way and leave nothing
// behind.
func TestRandomBytes(t *testing.T) {
	s := serve(t, all())
	junk := make([]byte, 3000)
	x := uint32(1)
	for round := range 30 {
		for i := range junk {
			x = x*1664525 + 1013904223
			junk[i] = byte(x >> 24)
		}
		client := s.dial()
		var r *rig
		if round%2 == 0 {
			r, _ = s.upgraded(t, client)
			client.Write(junk)
		} else {
			junk[0] = 'x'
			client.Write(junk)
			r = s.rig(ActorOptions{})
		}
		switch m := receive(t, "the end", r.session.said).(type) {
		case *Malformed, *Ended:
		default:
			t.Errorf("round %d: %T", round, m)
		}
		r.tell(&Close{Reason: ReasonProtocolError, Linger: -1})
		r.closed(ReasonProtocolError)
		client.Close()
		r.stop()
	}
}

// Large and binary bodies cross unharmed in both directions.
func TestWebSocketBodies(t *testing.T) {
	s := serve(t, all())
	r, ws := s.upgraded(t, s.dial())
	ws.text(connect)
	r.admit()
	for _, size := range []int{0, 125, 126, 65535, 65536, 1 << 20} {
		body := make([]byte, size)
		for i := range body {
			body[i] = byte(i * 31)
		}
		frame := fmt.Sprintf("SEND\ndestination:a\ncontent-length:%d\n\n%s\x00", size, body)
		go ws.conn.Write(clientFrame(fin|binaryData, frame))
		if got := r.inbound(1); strings.TrimSpace(got[0]) != strings.TrimSpace("SEND "+string(body)) {
			t.Fatalf("%d bytes came as %d", size, len(got[0]))
		}
		sink := r.conn.Outbox().NewSink(nil, Keep, nil)
		sink.Open(nil)
		sink.Deliver([]Delivery{{Tail: &Tail{Bytes: []byte("h\n\n"), Body: body}}})
		ws.expect(fin|binaryData, "h\n\n"+string(body)+"\x00")
	}
}
