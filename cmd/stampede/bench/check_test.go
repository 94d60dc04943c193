package bench

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// relay runs a Floor whose connections tamper may change: it gets the MESSAGE frames in the order in which they are
// written, counted from 0, and returns what is written instead. It returns the address.
func relay(t *testing.T, tamper func(n int, frame []byte) [][]byte) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- new(Floor).Serve(&tampering{Listener: l, change: tamper}) }()
	t.Cleanup(func() {
		l.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

type tampering struct {
	net.Listener
	change func(n int, frame []byte) [][]byte

	mu sync.Mutex
	n  int
}

func (l *tampering) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil || l.change == nil {
		return c, err
	}
	return &tamperingConn{c, l}, nil
}

type tamperingConn struct {
	net.Conn
	of *tampering
}

func (c *tamperingConn) Write(p []byte) (int, error) {
	var out []byte
	for rest := p; len(rest) > 0; {
		end := bytes.IndexByte(rest, 0) + 1
		frame := rest[:end]
		rest = rest[end:]
		if !bytes.HasPrefix(frame, []byte("MESSAGE")) {
			out = append(out, frame...)
			continue
		}
		c.of.mu.Lock()
		for _, f := range c.of.change(c.of.n, frame) {
			out = append(out, f...)
		}
		c.of.n++
		c.of.mu.Unlock()
	}
	_, err := c.Conn.Write(out)
	return len(p), err
}

// small is a run that takes a moment.
func small(url string) *Traffic {
	return &Traffic{
		Target: Target{URL: url}, Publishers: 1, Destinations: 1, Subscribers: 1, Destination: "/topic/t%d",
		Size: 40, Window: 32, Burst: 8, Messages: 200, Patience: 300 * time.Millisecond,
	}
}

// Each way in which a broker can mistreat a message is found, counted and named, and a good broker is charged with nothing.
func TestFaultsAreFound(t *testing.T) {
	keep := func(int, []byte) [][]byte { return nil }
	var kept []byte
	for name, c := range map[string]struct {
		change func(n int, frame []byte) [][]byte
		queue  bool
		want   map[string]float64
	}{
		"nothing":        {func(_ int, f []byte) [][]byte { return [][]byte{f} }, false, nil},
		"nothing, queue": {func(_ int, f []byte) [][]byte { return [][]byte{f} }, true, nil},
		"lost": {func(n int, f []byte) [][]byte {
			if n == 77 {
				return nil
			}
			return [][]byte{f}
		}, false, map[string]float64{"lost": 1}},
		"lost at the end": {func(n int, f []byte) [][]byte {
			if n == 199 {
				return nil
			}
			return [][]byte{f}
		}, false, map[string]float64{"lost": 1}},
		"lost, queue": {func(n int, f []byte) [][]byte {
			if n == 77 {
				return nil
			}
			return [][]byte{f}
		}, true, map[string]float64{"lost": 1}},
		"all lost": {keep, false, map[string]float64{"lost": 32}}, // the window is never opened again
		"twice": {func(n int, f []byte) [][]byte {
			if n == 77 {
				return [][]byte{f, f}
			}
			return [][]byte{f}
		}, false, map[string]float64{"duplicates": 1}},
		"twice, queue": {func(n int, f []byte) [][]byte {
			if n == 77 {
				return [][]byte{f, f}
			}
			return [][]byte{f}
		}, true, map[string]float64{"duplicates": 1}},
		"the other way round": {func(n int, f []byte) [][]byte {
			switch n {
			case 77:
				kept = bytes.Clone(f)
				return nil
			case 78:
				return [][]byte{f, kept}
			}
			return [][]byte{f}
		}, false, map[string]float64{"out_of_order": 1}},
		"cut short": {func(n int, f []byte) [][]byte {
			if n == 77 {
				f = bytes.Replace(f, []byte("content-length:40"), []byte("content-length:39"), 1)
				return [][]byte{append(f[:len(f)-2:len(f)-2], 0)}
			}
			return [][]byte{f}
		}, false, map[string]float64{"corrupt": 1, "lost": 1}},
		"of another topic": {func(n int, f []byte) [][]byte {
			if n == 77 {
				// The lane is in the first octets of the body, behind the number of the run.
				at := bytes.Index(f, []byte("\n\n")) + 2
				f = bytes.Clone(f)
				f[at+1]++
			}
			return [][]byte{f}
		}, false, map[string]float64{"corrupt": 1, "lost": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			traffic := small("tcp://" + relay(t, c.change))
			if c.queue {
				traffic.Queue, traffic.Destination = true, "/queue/q%d"
			}
			f, _, err := traffic.Run(t.Context(), Watch{})
			if err != nil {
				t.Fatal(err)
			}
			for _, kind := range catalogue {
				if kind.bad && f[kind.name] != c.want[kind.name] {
					t.Errorf("%s: %v, want %v", kind.name, f[kind.name], c.want[kind.name])
				}
			}
			if (f.Faults() == "") != (len(c.want) == 0) {
				t.Errorf("faults: %q", f.Faults())
			}
		})
	}
}

// A message that is marked as redelivered may come twice.
func TestRedeliveryIsNoFault(t *testing.T) {
	traffic := small("tcp://" + relay(t, func(n int, f []byte) [][]byte {
		if n != 77 {
			return [][]byte{f}
		}
		return [][]byte{f, bytes.Replace(f, []byte("\n\n"), []byte("\nredelivered:true\n\n"), 1)}
	}))
	traffic.Queue, traffic.Destination = true, "/queue/q%d"
	f, _, err := traffic.Run(t.Context(), Watch{})
	if err != nil || f.Faults() != "" || f["redelivered"] != 1 {
		t.Errorf("%v, faults %q, redelivered %v", err, f.Faults(), f["redelivered"])
	}
}

// A receipt that does not come is counted, and one that nobody asked for ends the run.
func TestReceiptsAreChecked(t *testing.T) {
	receipts := func(change func(int) string) *Traffic {
		n := 0
		l := &rewriting{rewrite: func(frame string) string {
			if strings.HasPrefix(frame, "RECEIPT") && !strings.Contains(frame, "bench-") {
				n++
				if instead := change(n); instead != "" {
					return instead
				}
			}
			return frame
		}}
		traffic := small("tcp://" + l.listen(t))
		traffic.Receipts = 10
		return traffic
	}
	f, _, err := receipts(func(n int) string {
		if n == 50 {
			return "\n"
		}
		return ""
	}).Run(t.Context(), Watch{})
	if err != nil || f["receipts_missing"] != 1 {
		t.Errorf("%v, missing: %v", err, f["receipts_missing"])
	}
	_, _, err = receipts(func(n int) string {
		if n == 50 {
			return "RECEIPT\nreceipt-id:000000099999\n\n\x00"
		}
		return ""
	}).Run(t.Context(), Watch{})
	if err == nil || !strings.Contains(err.Error(), "nobody has asked for") {
		t.Errorf("got %v", err)
	}
}

// rewriting is a relay whose frames a test rewrites, one by one.
type rewriting struct {
	net.Listener
	mu      sync.Mutex
	rewrite func(frame string) string
}

func (l *rewriting) listen(t *testing.T) string {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Listener = inner
	served := make(chan error, 1)
	go func() { served <- new(Floor).Serve(l) }()
	t.Cleanup(func() {
		inner.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return inner.Addr().String()
}

func (l *rewriting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &rewritingConn{c, l}, err
}

type rewritingConn struct {
	net.Conn
	of *rewriting
}

func (c *rewritingConn) Write(p []byte) (int, error) {
	var out strings.Builder
	c.of.mu.Lock()
	for frame := range strings.SplitAfterSeq(string(p), "\x00") {
		out.WriteString(c.of.rewrite(frame))
	}
	c.of.mu.Unlock()
	_, err := io.WriteString(c.Conn, out.String())
	return len(p), err
}

// A run against a broker that says ERROR, closes, or is no broker ends with what happened.
func TestWhatEndsARun(t *testing.T) {
	for name, c := range map[string]struct {
		rewrite func(string) string
		want    string
	}{
		"ERROR at login":     {func(string) string { return "ERROR\nmessage:go away\n\n\x00" }, "the broker says: go away"},
		"ERROR later":        {onMessage("ERROR\nmessage:enough\n\n\x00"), "the broker says: enough"},
		"no STOMP":           {func(string) string { return "220 mail.example ESMTP\n\n\x00" }, "not STOMP"},
		"a frame of clients": {onMessage("SEND\n\n\x00"), "don't send"},
	} {
		t.Run(name, func(t *testing.T) {
			l := &rewriting{rewrite: c.rewrite}
			_, _, err := small("tcp://"+l.listen(t)).Run(t.Context(), Watch{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		_, _, err = small("tcp://"+l.Addr().String()).Run(t.Context(), Watch{})
		if err == nil || !strings.Contains(err.Error(), "is a broker running there?") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		traffic := small("tcp://" + relay(t, func(n int, f []byte) [][]byte {
			if n == 100 {
				cancel()
			}
			return [][]byte{f}
		}))
		traffic.Messages, traffic.Duration = 0, time.Hour
		if _, _, err := traffic.Run(ctx, Watch{}); err == nil {
			t.Error("a run that was interrupted says that all is well")
		}
	})
}

func onMessage(instead string) func(string) string {
	return func(frame string) string {
		if strings.HasPrefix(frame, "MESSAGE") {
			return instead
		}
		return frame
	}
}

// Publishers of several topics, subscribers on shared connections, WebSocket, an echo and idle connections all find
// what they are to find on a relay that does nothing wrong.
func TestShapesOfTraffic(t *testing.T) {
	address := relay(t, nil)
	for _, scheme := range []string{"tcp", "ws"} {
		for name, change := range map[string]func(*Traffic){
			"one to one":          func(*Traffic) {},
			"fan-out":             func(o *Traffic) { o.Subscribers = 5 },
			"many topics":         func(o *Traffic) { o.Destinations, o.Subscribers = 7, 2 },
			"many publishers":     func(o *Traffic) { o.Publishers = 7 },
			"shared connections":  func(o *Traffic) { o.Destinations, o.PerConnection = 7, 3 },
			"queue":               func(o *Traffic) { o.Queue, o.Destination, o.Subscribers, o.Publishers = true, "/queue/%d", 3, 2 },
			"receipts":            func(o *Traffic) { o.Receipts = 3 },
			"a rate":              func(o *Traffic) { o.Rate, o.Messages = 5000, 100 },
			"echo":                func(o *Traffic) { o.Echo, o.Rate, o.Messages, o.Burst = true, 5000, 100, 1 },
			"large bodies":        func(o *Traffic) { o.Size, o.Messages = 300_000, 20 },
			"frames of odd sizes": func(o *Traffic) { o.Size, o.Burst, o.Window = 997, 7, 50 },
		} {
			t.Run(scheme+"/"+name, func(t *testing.T) {
				traffic := small(scheme + "://" + address)
				traffic.Destination = "/topic/" + strings.ReplaceAll(name, " ", "-") + "-" + scheme + "%d"
				change(traffic)
				f, broker, err := traffic.Run(t.Context(), Watch{})
				if err != nil || f.Faults() != "" || broker != "floor" {
					t.Fatalf("%v, faults %q, broker %q", err, f.Faults(), broker)
				}
				if f["messages"] != float64(traffic.Messages) || f["latency_p50_us"] <= 0 {
					t.Errorf("got %v", f)
				}
			})
		}
		t.Run(scheme+"/idle", func(t *testing.T) {
			for _, destination := range []string{"/topic/idle-" + scheme, "/topic/idle-" + scheme + "-%d"} {
				o := Idle{Target: Target{URL: scheme + "://" + address}, Connections: 20, Destination: destination, Size: 30}
				f, _, err := o.Run(t.Context(), Watch{})
				if err != nil || f.Faults() != "" || f["connections"] != 21 || f["opened_per_s"] <= 0 {
					t.Errorf("%v, got %v", err, f)
				}
			}
		})
		t.Run(scheme+"/connect", func(t *testing.T) {
			o := Connects{Target: Target{URL: scheme + "://" + address}, Workers: 3, Destination: "/topic/c", Duration: 50 * time.Millisecond}
			f, broker, err := o.Run(t.Context(), Watch{})
			if err != nil || broker != "floor" || f["connections"] < 1 || f["latency_max_us"] <= 0 {
				t.Errorf("%v, %q, got %v", err, broker, f)
			}
		})
	}
}

// Latency at a rate counts from when a message was due: a broker that stops is charged for all that it held up.
func TestLatencyCountsFromTheTimetable(t *testing.T) {
	const stop = 200 * time.Millisecond
	traffic := small("tcp://" + relay(t, func(n int, f []byte) [][]byte {
		if n == 50 {
			<-time.After(stop)
		}
		return [][]byte{f}
	}))
	traffic.Rate, traffic.Burst, traffic.Window, traffic.Messages = 1000, 1, 4, 400
	f, _, err := traffic.Run(t.Context(), Watch{})
	if err != nil || f.Faults() != "" {
		t.Fatalf("%v, faults %q", err, f.Faults())
	}
	// Some 200 of 400 messages were due while it stood still, and the window let only four of them go.
	if p80 := f["latency_p99_us"]; p80 < micros(stop)/2 {
		t.Errorf("p99 is %v µs though the broker stood still for %v", p80, stop)
	}
	if f["latency_max_us"] < micros(stop) {
		t.Errorf("the longest took %v µs though the broker stood still for %v", f["latency_max_us"], stop)
	}
}
