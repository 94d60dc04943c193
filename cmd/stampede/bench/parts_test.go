package bench

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

// What a stamp says comes out as it went in, in printable characters, and what is no stamp is refused.
func TestStamp(t *testing.T) {
	var text [stampSize]byte
	for range 10_000 {
		in := stamp{
			run: rand.Uint32N(maxRun + 1), lane: rand.Uint32N(maxLane + 1), last: rand.N(2) == 0,
			seq: rand.Int64N(1 << 48), at: rand.Int64N(1 << 48),
		}
		in.put(text[:])
		var out stamp
		if !out.get(text[:]) || out != in {
			t.Fatalf("%+v became %q and then %+v", in, text, out)
		}
		for i, c := range text {
			if c < '0' || c > 'o' {
				t.Fatalf("%q has the octet %#x", text, c)
			}
			bad := text
			bad[i] = byte('o' + 1 + rand.N(0x100-'o'-1))
			if rand.N(2) == 0 {
				bad[i] = byte(rand.N(int('0')))
			}
			if out.get(bad[:]) {
				t.Fatalf("%q passes for a stamp", bad)
			}
		}
	}
	if new(stamp).get(text[:stampSize-1]) {
		t.Error("a short body passes for a stamp")
	}
}

// A quantile is never below the true one, and at most one part in 64 above it.
func TestHistogram(t *testing.T) {
	for i := range buckets {
		if bucket(upper(i)) != i || i+1 < buckets && bucket(upper(i)+1) != i+1 {
			t.Fatalf("bucket %d ends at %d, which is in bucket %d; what follows is in %d", i, upper(i), bucket(upper(i)), bucket(upper(i)+1))
		}
	}
	var a, b histogram
	a.add(-time.Second, 1) // a clock that went backwards
	for n := range 1000 {
		h := &a
		if n%3 == 0 {
			h = &b
		}
		h.add(time.Duration(n+1)*time.Millisecond, 1)
	}
	a.merge(&b)
	for q, want := range map[float64]time.Duration{0.5: 500 * time.Millisecond, 0.99: 990 * time.Millisecond, 1: time.Second, 0: 0} {
		if got := a.quantile(q); got < want || float64(got) > float64(want)*65/64 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	a.add(math.MaxInt64, 1)
	if a.quantile(1) <= 0 || new(histogram).quantile(0.5) != 0 {
		t.Error("extremes")
	}
}

// The scanner finds the same frames however the stream is cut, in WebSocket messages with and without a mask too.
func TestScannerInEverySplit(t *testing.T) {
	frames := []string{
		"CONNECTED\nversion:1.2\nserver:x\n\n\x00",
		"MESSAGE\r\nsubscription:0\r\nmessage-id:7\r\ncontent-length:5\r\n\r\na\x00b\x00c\x00",
		"MESSAGE\nack:1\nredelivered:true\n\nwithout a length\x00\n\r\n",
		"RECEIPT\nreceipt-id:\nreceipt-id:second\n\n\x00",
		"MESSAGE\nmessage-id:e\ncontent-length:0\n\n\x00",
		"MESSAGE\nlong:" + strings.Repeat("x", 1000) + "\nmessage-id:z\n\n" + strings.Repeat("y", 2000) + "\x00",
		"ERROR\nmessage:m\n\nbody\x00",
	}
	want := []string{
		`3 "" 0`, `0 "7" 5`, `0 "" 16`, `1 "" 0`, `0 "e" 0`, `0 "z" 2000`, `2 "" 4`,
	}
	kinds := map[kind]int{message: 0, receipt: 1, failure: 2, connected: 3}
	plain, wsPlain, wsMasked := strings.Join(frames, ""), []byte(nil), []byte(nil)
	for i, f := range frames {
		wsPlain = append(appendServerHeader(wsPlain, len(f)), f...)
		wsMasked = appendClientHeader(wsMasked, len(f))
		mask := []byte{1, 2, byte(i), 4}
		copy(wsMasked[len(wsMasked)-4:], mask)
		for j := range len(f) {
			wsMasked = append(wsMasked, f[j]^mask[j%4])
		}
		ping := []byte{final | opPing, 2, 'h', 'i'}
		wsPlain = append(wsPlain, ping...)
		wsPlain = append(wsPlain, final|opPong, 0)
	}
	for name, stream := range map[string][]byte{"plain": []byte(plain), "websocket": wsPlain, "masked": wsMasked} {
		for _, step := range []int{1, 2, 3, 7, 100, 300, 1 << 20} {
			var got []string
			pings := 0
			s := scanner{keep: stampSize, handle: func(f *frame) error {
				got = append(got, fmt.Sprintf("%d %q %d", kinds[f.kind], f.get(hMessageID), f.length))
				if f.length > 0 && !bytes.HasPrefix(f.body, []byte("a\x00b")[:1]) && len(f.body) < min(f.length, stampSize) {
					return fmt.Errorf("only %d octets of a body were kept", len(f.body))
				}
				return nil
			}}
			d := deframer{data: s.feed, control: func(op byte, payload []byte) error {
				if op == opPing && string(payload) == "hi" {
					pings++
				}
				return nil
			}}
			feed := d.feed
			if name == "plain" {
				feed = s.feed
			}
			for rest := bytes.Clone(stream); len(rest) > 0; {
				n := min(step, len(rest))
				if err := feed(rest[:n]); err != nil {
					t.Fatalf("%s in steps of %d: %v", name, step, err)
				}
				rest = rest[n:]
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s in steps of %d: got %v, want %v", name, step, got, want)
			}
			if name == "websocket" && pings != len(frames) {
				t.Errorf("in steps of %d: %d pings", step, pings)
			}
		}
	}
}

// What is no STOMP is refused, not guessed at.
func TestScannerRefuses(t *testing.T) {
	for _, stream := range []string{
		"MESSAGE\ncontent-length:2\n\nabc\x00",
		"MESSAGE\ncontent-length:-1\n\n\x00",
		"MESSAGE\ncontent-length:9999999999999\n\n\x00",
		strings.Repeat("x", maxHead+1),
		"MESSAGE\n" + strings.Repeat("x", maxHead+1),
	} {
		for _, step := range []int{1 << 20, 1000} {
			s := scanner{handle: func(*frame) error { return nil }}
			var err error
			for rest := []byte(stream); len(rest) > 0 && err == nil; {
				n := min(step, len(rest))
				err = s.feed(rest[:n])
				rest = rest[n:]
			}
			if err == nil {
				t.Errorf("%.40q is taken in steps of %d", stream, step)
			}
		}
	}
}

// This process has used time and memory, one that is not there is told, and a name with parentheses confuses nothing.
func TestProcesses(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("needs /proc")
	}
	u, err := self.usage()
	if err != nil || u.resident < 1<<20 || u.peak < u.resident/2 {
		t.Errorf("%+v, %v", u, err)
	}
	both, err := processes{0, os.Getpid()}.usage()
	if err != nil || both.resident < u.resident*3/2 {
		t.Errorf("twice: %+v, %v", both, err)
	}
	if _, err := (processes{1 << 30}).usage(); err == nil || !strings.Contains(err.Error(), "there is no process") {
		t.Errorf("got %v", err)
	}
	cpu, resident, err := parseStat([]byte("7 (a) b) (c) R 1 1 1 0 -1 0 0 0 0 0 150 50 0 0 20 0 1 0 100 4096 3 1"))
	if err != nil || cpu != 2*time.Second || resident != 3*int64(os.Getpagesize()) {
		t.Errorf("%v, %v, %v", cpu, resident, err)
	}
}

// A median is that of each figure, faults are added up, and what one run does not have is left out.
func TestMedian(t *testing.T) {
	got := Median([]Figures{
		{"seconds": 1, "lost": 2, "messages": 5}, {"seconds": 3, "lost": 0, "messages": 7}, {"seconds": 2, "lost": 1},
	})
	if len(got) != 2 || got["seconds"] != 2 || got["lost"] != 3 {
		t.Errorf("got %v", got)
	}
	if got := Median([]Figures{{"seconds": 1}, {"seconds": 2}}); got["seconds"] != 1.5 {
		t.Errorf("of two: %v", got)
	}
}

// Reports of interleaved runs are put together by name, and compared with a word only where the difference is more than
// noise.
func TestCompare(t *testing.T) {
	write := func(reports ...Report) []Report {
		var b bytes.Buffer
		for _, r := range reports {
			if err := r.WriteJSON(&b); err != nil {
				t.Fatal(err)
			}
		}
		all, err := ReadReports(&b)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	report := func(name string, rate, cpu, lost float64) Report {
		return Report{Name: name, URL: "tcp://x", Runs: []Figures{{"deliveries_per_s": rate, "broker_cpu_s_per_million": cpu, "lost": lost}}}
	}
	a := write(report("one", 1000, 10, 0), report("two", 1, 1, 0), report("one", 3000, 10, 0), report("one", 2000, 10, 0))
	b := write(report("one", 1900, 5, 1))
	if len(a) != 2 || len(a[0].Runs) != 3 || a[0].Median["deliveries_per_s"] != 2000 {
		t.Fatalf("got %+v", a)
	}
	var out strings.Builder
	if err := Compare(&out, a, b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"one\n", "2,000  1,900  0.95", "10   5.00  0.50  better", "worse", "runs: 3"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "two") {
		t.Errorf("what is in one file only is compared:\n%s", out.String())
	}
	if err := Compare(&out, a, write(report("three", 1, 1, 0))); err == nil {
		t.Error("nothing to compare, and no error")
	}
	if err := Compare(&out, a[:1], write(report("three", 1, 1, 0))); err != nil {
		t.Errorf("one on each side: %v", err)
	}
	for _, bad := range []string{"", "{}", "[]", "nonsense", `{"name":"x"}`} {
		if _, err := ReadReports(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is taken for a report", bad)
		}
	}
}

// Numbers are written as people read them.
func TestCount(t *testing.T) {
	for n, want := range map[float64]string{
		0: "0", 0.123: "0.12", 9.999: "10.00", 12.34: "12.3", 42: "42", 100: "100", 1234.6: "1,235", 1234567: "1,234,567", -1234: "-1,234",
	} {
		if got := Count(n); got != want {
			t.Errorf("%v: %q, want %q", n, got, want)
		}
	}
}
