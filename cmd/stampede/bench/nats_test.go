package bench

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

// natsLike is as much of a NATS server as the tests need: it relays, and cuts what it writes into small pieces.
type natsLike struct {
	mu          sync.Mutex
	subscribers map[string][]func(payload []byte)
}

func (s *natsLike) serve(conn net.Conn) {
	defer conn.Close()
	var writing sync.Mutex
	say := func(text string) {
		writing.Lock()
		defer writing.Unlock()
		// Odd pieces, so that every part of a message is cut somewhere.
		_, _ = io.Copy(conn, iotest.OneByteReader(strings.NewReader(text)))
	}
	say("INFO {\"server_id\":\"x\",\"version\":\"0.0.1\"}\r\nPING\r\n")
	in := bufio.NewReader(conn)
	for {
		l, err := in.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Fields(l)
		switch words[0] {
		case "PING":
			say("PONG\r\n")
		case "SUB":
			subject, id := words[1], words[len(words)-1]
			if subject == "/topic/forbidden" {
				say("-ERR 'Permissions Violation'\r\n")
				continue
			}
			s.mu.Lock()
			s.subscribers[subject] = append(s.subscribers[subject], func(payload []byte) {
				say(fmt.Sprintf("MSG %s %s %d\r\n%s\r\n", subject, id, len(payload), payload))
			})
			s.mu.Unlock()
		case "PUB":
			size, _ := strconv.Atoi(words[2])
			payload := make([]byte, size+2)
			if _, err := io.ReadFull(in, payload); err != nil {
				return
			}
			s.mu.Lock()
			all := s.subscribers[words[1]]
			s.mu.Unlock()
			for _, deliver := range all {
				deliver(payload[:size])
			}
		}
	}
}

// serveEach serves each client on a goroutine of its own until the test is over; then over, if it is not nil, is called when
// all of them have gone.
func serveEach(t *testing.T, serve func(net.Conn), over func()) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var clients sync.WaitGroup
	clients.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			clients.Go(func() { serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		clients.Wait()
		if over != nil {
			over()
		}
	})
	return l.Addr().String()
}

// A NATS server is measured by the same generator, and what it says no to is told.
func TestNATS(t *testing.T) {
	s := &natsLike{subscribers: map[string][]func([]byte){}}
	url := "nats://" + serveEach(t, s.serve, nil)
	for name, change := range map[string]func(*Traffic){
		"fan-out": func(o *Traffic) { o.Subscribers = 3 },
		"echo":    func(o *Traffic) { o.Echo, o.Rate, o.Messages, o.Burst = true, 5000, 50, 1 },
		"large":   func(o *Traffic) { o.Size, o.Messages = 5000, 30 },
	} {
		t.Run(name, func(t *testing.T) {
			traffic := small(url)
			traffic.Destination, traffic.Patience = "/topic/"+name+"%d", 10*time.Second
			change(traffic)
			f, broker, err := traffic.Run(t.Context(), Watch{})
			if err != nil || f.Faults() != "" || broker != "nats-server/0.0.1" || f["messages"] != float64(traffic.Messages) {
				t.Errorf("%v, %q, got %v", err, broker, f)
			}
		})
	}
	forbidden := small(url)
	forbidden.Destination = "/topic/forbidden"
	if _, _, err := forbidden.Run(t.Context(), Watch{}); err == nil || !strings.Contains(err.Error(), "Permissions Violation") {
		t.Errorf("got %v", err)
	}
	for want, change := range map[string]func(*Traffic){
		"no receipts":         func(o *Traffic) { o.Receipts = 1 },
		"no acknowledgements": func(o *Traffic) { o.Ack = "client" },
		"no blanks":           func(o *Traffic) { o.Destination = "a b" },
	} {
		traffic := small(url)
		change(traffic)
		if err := traffic.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
