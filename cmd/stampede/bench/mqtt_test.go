package bench

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"stampede/stompwire"
)

// mqttLike is as much of an MQTT broker as the tests need: it relays what it understands, and is as strict as the standard
// about what it is sent.
type mqttLike struct {
	pieces bool // it writes single bytes, so that every part of a packet is cut somewhere
	login  string

	mu          sync.Mutex
	clients     map[string]bool
	subscribers map[string][]func(payload []byte)
	farewells   int
	wrong       []string
}

func (s *mqttLike) complain(format string, arguments ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong = append(s.wrong, fmt.Sprintf(format, arguments...))
}

// packet reads one.
func (s *mqttLike) packet(in *bufio.Reader) (first byte, body []byte, err error) {
	if first, err = in.ReadByte(); err != nil {
		return 0, nil, err
	}
	size, err := binary.ReadUvarint(in) // the same groups of seven bits
	if err != nil {
		return 0, nil, err
	}
	body = make([]byte, size)
	_, err = io.ReadFull(in, body)
	return first, body, err
}

// text takes a string with its length off p.
func text(p []byte) (string, []byte) {
	n := binary.BigEndian.Uint16(p)
	return string(p[2 : 2+n]), p[2+n:]
}

func (s *mqttLike) serve(conn net.Conn) {
	defer conn.Close()
	var writing sync.Mutex
	say := func(packet []byte) {
		writing.Lock()
		defer writing.Unlock()
		r := io.Reader(bytes.NewReader(packet))
		if s.pieces {
			r = iotest.OneByteReader(r)
		}
		_, _ = io.Copy(struct{ io.Writer }{conn}, r)
	}
	in := bufio.NewReader(conn)
	for {
		first, body, err := s.packet(in)
		if err != nil {
			return
		}
		switch first {
		case 0x10: // CONNECT
			protocol, rest := text(body)
			flags := rest[1]
			id, rest := text(rest[4:])
			login := ""
			for flag := byte(0x80); flag >= 0x40; flag >>= 1 {
				if flags&flag != 0 {
					var word string
					word, rest = text(rest)
					login += word + ";"
				}
			}
			s.mu.Lock()
			again := s.clients[id]
			s.clients[id] = true
			s.mu.Unlock()
			if protocol != "MQTT" || body[6] != 4 || flags&0x3f != 2 || len(rest) > 0 || again || len(id) > 23 {
				s.complain("CONNECT %q", body)
			}
			if login != s.login {
				say([]byte{0x20, 2, 0, 4})
				return
			}
			say([]byte{0x20, 2, 0, 0})
		case 0x82: // SUBSCRIBE
			topic, rest := text(body[2:])
			if len(rest) != 1 || rest[0] != 0 || body[0] == 0 && body[1] == 0 {
				s.complain("SUBSCRIBE %q", body)
			}
			if topic == "/topic/forbidden" {
				say([]byte{0x90, 3, body[0], body[1], 0x80})
				continue
			}
			s.mu.Lock()
			s.subscribers[topic] = append(s.subscribers[topic], func(payload []byte) {
				switch topic {
				case "/topic/qos":
					say(append([]byte{0x32}, payload...))
				case "/topic/long":
					say([]byte{0x30, 0xff, 0xff, 0xff, 0xff, 0xff})
				case "/topic/nameless":
					say([]byte{0x30, 1, 0})
				case "/topic/strange":
					say([]byte{0x10, 1, 'x'})
				}
				packet := binary.AppendUvarint([]byte{0x30}, uint64(len(payload)))
				say(append(packet, payload...))
			})
			s.mu.Unlock()
			say([]byte{0x90, 3, body[0], body[1], 0})
		case 0x30: // PUBLISH
			topic, _ := text(body)
			s.mu.Lock()
			all := s.subscribers[topic]
			s.mu.Unlock()
			for _, deliver := range all {
				deliver(body)
			}
		case 0xc0: // PINGREQ
			say([]byte{0xd0, 0})
		case 0xe0: // DISCONNECT
			s.mu.Lock()
			s.farewells++
			s.mu.Unlock()
			return
		default:
			s.complain("%#x %q", first, body)
			return
		}
	}
}

// listen serves clients until the test is over.
func (s *mqttLike) listen(t *testing.T) (url string) {
	s.clients, s.subscribers = map[string]bool{}, map[string][]func([]byte){}
	return "mqtt://" + serveEach(t, s.serve, func() {
		if len(s.wrong) > 0 || s.farewells == 0 {
			t.Errorf("%d clients said goodbye, and these were wrong: %q", s.farewells, s.wrong)
		}
	})
}

// An MQTT broker is measured by the same generator, whichever way its packets are cut.
func TestMQTT(t *testing.T) {
	for _, pieces := range []bool{false, true} {
		s := &mqttLike{pieces: pieces, login: "ada;secret;"}
		target := Target{URL: s.listen(t), Login: "ada", Passcode: "secret"}
		for name, change := range map[string]func(*Traffic){
			"fan-out": func(o *Traffic) { o.Subscribers = 3 },
			"several": func(o *Traffic) { o.Destinations, o.PerConnection, o.Messages = 6, 3, 600 },
			"echo":    func(o *Traffic) { o.Echo, o.Rate, o.Messages, o.Burst = true, 5000, 50, 1 },
			"large":   func(o *Traffic) { o.Size, o.Messages = 70_000, 2 },
		} {
			t.Run(fmt.Sprintf("%s/%v", name, pieces), func(t *testing.T) {
				traffic := small("")
				traffic.Target, traffic.Destination, traffic.Patience = target, "/topic/"+name+"%d", 10*time.Second
				change(traffic)
				f, broker, err := traffic.Run(t.Context(), Watch{})
				if err != nil || f.Faults() != "" || broker != "MQTT 3.1.1" || f["messages"] != float64(traffic.Messages) {
					t.Errorf("%v, %q, got %v", err, broker, f)
				}
			})
		}
		idle := Idle{Target: target, Connections: 20, Destination: "/topic/idle", Size: 40, Hold: time.Millisecond}
		if f, _, err := idle.Run(t.Context(), Watch{}); err != nil || f.Faults() != "" {
			t.Errorf("idle: %v, %v", err, f)
		}
		connects := Connects{Target: target, Workers: 2, Destination: "/topic/c", Duration: 20 * time.Millisecond}
		if f, _, err := connects.Run(t.Context(), Watch{}); err != nil || f["connections"] == 0 {
			t.Errorf("connecting: %v, %v", err, f)
		}
	}
}

// What an MQTT broker refuses, and what it says that it must not, is told.
func TestMQTTRefused(t *testing.T) {
	s := &mqttLike{}
	url := s.listen(t)
	for topic, want := range map[string]string{
		"forbidden": "SUBSCRIBE refused: code 128",
		"qos":       "another QoS",
		"long":      "not MQTT",
		"nameless":  "without a topic",
		"strange":   "brokers don't send",
	} {
		traffic := small(url)
		traffic.Destination = "/topic/" + topic
		if _, _, err := traffic.Run(t.Context(), Watch{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", topic, err, want)
		}
	}
	login := small(url)
	login.Login = "eve"
	if _, _, err := login.Run(t.Context(), Watch{}); err == nil || !strings.Contains(err.Error(), "bad user name or password") {
		t.Errorf("got %v", err)
	}
	if f, _, err := small(url).Run(t.Context(), Watch{}); err != nil || f.Faults() != "" {
		t.Errorf("%v, %v", err, f)
	}
}

// What MQTT does not have is refused before anything is tried.
func TestMQTTHasNot(t *testing.T) {
	for want, change := range map[string]func(*Traffic){
		"no queues":           func(o *Traffic) { o.Queue = true },
		"no receipts":         func(o *Traffic) { o.Receipts = 1 },
		"no acknowledgements": func(o *Traffic) { o.Ack = "client-individual" },
		"no + and no #":       func(o *Traffic) { o.Destination = "a/+" },
		"at most 65535 bytes": func(o *Traffic) { o.Destination = strings.Repeat("a", 1<<16) },
		"at most 268369918":   func(o *Traffic) { o.Size = 1 << 28 },
		"for STOMP":           func(o *Traffic) { o.ConnectHeader = stompwire.Header{{Name: "a", Value: "b"}} },
	} {
		traffic := small("mqtt://127.0.0.1")
		change(traffic)
		if err := traffic.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
