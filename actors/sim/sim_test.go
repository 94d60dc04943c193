package sim

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"stampede/actors"
)

// frame is a frame as it is on the wire.
func frame(lines string, body string) string { return lines + "\n\n" + body + "\x00" }

// chat is four clients that write to one queue and read from it.
func chat(w *World) {
	for i := range 4 {
		w.Go(fmt.Sprint("client ", i), func() {
			c := w.Dial(Link{Name: fmt.Sprint("c", i), Piece: 40, Buffer: 256})
			io.WriteString(c, frame("CONNECT\naccept-version:1.2\nhost:sim\nheart-beat:0,0", ""))
			io.WriteString(c, frame("SUBSCRIBE\nid:1\ndestination:/queue/a", ""))
			for range 5 {
				io.WriteString(c, frame("SEND\ndestination:/queue/a", "hello"))
			}
			io.WriteString(c, frame("DISCONNECT\nreceipt:bye", ""))
			all, err := io.ReadAll(c)
			if err != nil || !bytes.Contains(all, []byte("receipt-id:bye")) {
				w.Fail("%v %q", err, all)
			}
			c.Close()
		})
	}
}

// A run is its seed: twice the same one gives the same trace, octet by octet, also on a system that others have used.
func TestOneSeedIsOneRun(t *testing.T) {
	system := NewSystem()
	for seed := range uint64(50) {
		a := Run(seed, Options{System: system, Trace: true}, chat)
		if err := a.Err(); err != nil {
			t.Fatalf("%v\n%s", err, a.Trace)
		}
		b := Run(seed, Options{System: system, Trace: true}, chat)
		if c := Run(seed, Options{System: system}, chat); c.Sum != a.Sum {
			t.Fatalf("seed %d: without its text the trace has another sum", seed)
		}
		if a.Sum != b.Sum || !bytes.Equal(a.Trace, b.Trace) {
			t.Fatalf("seed %d: two runs differ\n%s\n----\n%s", seed, a.Trace, b.Trace)
		}
	}
}

// What a step costs.
func BenchmarkRun(b *testing.B) {
	system := NewSystem()
	steps := 0
	for i := range b.N {
		steps += Run(uint64(i), Options{System: system}, chat).Steps
	}
	b.ReportMetric(float64(steps)/b.Elapsed().Seconds(), "steps/s")
}

// Virtual time moves on when nothing else can, timers go off in order, and a jump moves it at once.
func TestTime(t *testing.T) {
	r := Run(1, Options{}, func(w *World) {
		var order []int
		start := w.Now()
		for _, d := range []int{3, 1, 2} {
			w.Go(fmt.Sprint(d), func() {
				w.Sleep(time.Duration(d) * time.Hour)
				order = append(order, d)
			})
		}
		w.Wait(func() bool { return len(order) == 3 })
		if passed := w.Now().Sub(start); !slices.Equal(order, []int{1, 2, 3}) || passed < 3*time.Hour || passed > 4*time.Hour {
			w.Fail("woke up in the order %v after %s", order, passed)
		}
		w.Jump(24 * time.Hour)
		if passed := w.Now().Sub(start); passed < 27*time.Hour {
			w.Fail("a day after 3 hours is %s", passed)
		}
	})
	if err := r.Err(); err != nil {
		t.Error(err)
	}
}

// A run fails with what a scenario says, with what it panics with, with who waits for ever, and with who never rests.
func TestFailures(t *testing.T) {
	for want, scenario := range map[string]func(*World){
		"not so":          func(w *World) { w.Fail("not %s", "so") },
		"panic: ouch":     func(w *World) { w.Go("x", func() { panic("ouch") }) },
		"1 wait for ever": func(w *World) { w.Wait(func() bool { return false }) },
		"not at rest after 500": func(w *World) {
			for {
				w.Yield()
			}
		},
	} {
		r := Run(1, Options{Steps: 500}, scenario)
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// A client that is cut off gets to know what was lost on the way, and the broker notices.
func TestCut(t *testing.T) {
	r := Run(1, Options{}, func(w *World) {
		gone := false
		w.Heard(func(e actors.Event) { gone = gone || e.Kind == actors.EventDisconnected })
		c := w.Dial(Link{Name: "c"})
		io.WriteString(c, frame("CONNECT\naccept-version:1.2\nhost:sim", ""))
		w.Calm()
		if lost := c.Cut(); !bytes.HasPrefix(lost, []byte("CONNECTED")) {
			w.Fail("lost %q", lost)
		}
		w.Wait(func() bool { return gone })
		a, err := w.Broker.Audit()
		if err != nil || len(a.Connections) > 0 {
			w.Fail("%v %+v", err, a)
		}
	})
	if err := r.Err(); err != nil {
		t.Error(err)
	}
}
