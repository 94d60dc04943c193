package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// newOutbox returns an outbox without a connection around it.
func newOutbox(dst io.Writer, webSocket bool, capacity int, clock Clock, schedule func(func())) *Outbox {
	o := &Outbox{webSocket: webSocket}
	o.open(dst, newCommon(clock, schedule, nil), capacity)
	return o
}

// desk is an outbox whose write loop runs only when told to, into memory. While
// a write is under way, during may interfere: it runs without the outbox's lock.
type desk struct {
	*Outbox
	loops  []func()
	out    bytes.Buffer
	writes int
	during func()
	fail   error
}

func newDesk(capacity int) *desk { return openDesk(capacity, false) }

func openDesk(capacity int, webSocket bool) *desk {
	d := new(desk)
	d.Outbox = newOutbox(d, webSocket, capacity, SystemClock(), func(f func()) { d.loops = append(d.loops, f) })
	return d
}

func (d *desk) Write(p []byte) (int, error) {
	d.writes++
	if d.during != nil {
		d.during()
	}
	if d.fail != nil {
		return 0, d.fail
	}
	return d.out.Write(p)
}

// flush runs the loops that were scheduled, and returns what was written since
// the last time, a frame per entry, without the NULs.
func (d *desk) flush() []string {
	for len(d.loops) > 0 {
		loop := d.loops[0]
		d.loops = d.loops[1:]
		loop()
	}
	s := strings.TrimSuffix(d.out.String(), "\x00")
	d.out.Reset()
	if s == "" {
		return nil
	}
	return strings.Split(s, "\x00")
}

// check recounts all that the outbox counts.
func (d *desk) check(t *testing.T) {
	t.Helper()
	o := d.Outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	wire, frames, copied, dead, evictable, memory, control := 0, 0, 0, 0, 0, 0, 0
	var prev *chunk
	for c := o.first; c != nil; prev, c = c, c.next {
		if c.prev != prev {
			t.Fatal("the chunks are not linked both ways")
		}
		cWire, cLive, cDead, cEvictable := 0, 0, 0, 0
		for i, m := range c.marks {
			if m.wire == 0 {
				cDead += int(m.end - c.start(i))
				continue
			}
			cLive++
			cWire += int(m.wire)
			if m.sink == controlFrames {
				control++
			}
			if m.sink != nil && m.sink.policy == DropOldest {
				cEvictable += int(m.wire)
			}
		}
		if cWire != c.wire || cLive != c.live || cDead != c.deadCopied || cEvictable != c.evictable {
			t.Fatalf("chunk says wire %d live %d dead %d evictable %d, has %d %d %d %d",
				c.wire, c.live, c.deadCopied, c.evictable, cWire, cLive, cDead, cEvictable)
		}
		if cLive == 0 {
			t.Fatal("an empty chunk is queued")
		}
		wire, frames, copied = wire+cWire, frames+cLive, copied+len(c.buf)
		dead, evictable, memory = dead+cDead, evictable+cEvictable, memory+cap(c.buf)
	}
	if prev != o.last {
		t.Fatal("the last chunk is not the last")
	}
	if control > o.control {
		t.Fatalf("outbox says %d control frames, has %d", o.control, control)
	}
	if copied != o.copied || dead != o.deadCopied || evictable != o.evictable {
		t.Fatalf("outbox says copied %d dead %d evictable %d, has %d %d %d",
			o.copied, o.deadCopied, o.evictable, copied, dead, evictable)
	}
	if wire > o.bytes || frames > o.frames {
		t.Fatalf("outbox says %d bytes in %d frames pending, %d in %d wait already", o.bytes, o.frames, wire, frames)
	}
	if limit := 4*copied + wire/8 + 2*compactBytes + 2*chunkBytes; memory > limit {
		t.Fatalf("%d bytes of chunks for %d bytes of frames, %d of them copied", memory, wire, copied)
	}
}

func tail(s string) *Tail { return &Tail{Bytes: []byte(s + "\x00"), UTF8: true} }

func deliveries(bodies ...string) []Delivery {
	var batch []Delivery
	for _, b := range bodies {
		batch = append(batch, Delivery{Tail: tail(b)})
	}
	return batch
}

// open returns an open sink without a prefix.
func (d *desk) openSink(p SinkPolicy, written func(int)) *Sink {
	s := d.NewSink(nil, p, written)
	s.Open(nil)
	return s
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// Frames leave in the order they came, whole, made of prefix, extra and tail.
func TestOutboxKeepsOrder(t *testing.T) {
	d := newDesk(0)
	s := d.NewSink([]byte("MESSAGE\nsubscription:1\n"), Keep, nil)
	s.Open(nil)
	d.Append([]byte("CONNECTED\n\n\x00"))
	s.Deliver([]Delivery{{Extra: []byte("ack:1\n"), Tail: tail("a")}, {Extra: []byte("ack:2\n"), Tail: tail("b")}})
	d.Append([]byte("RECEIPT\n\n\x00"))
	d.check(t)
	expect(t, "stream", d.flush(), "CONNECTED\n\n", "MESSAGE\nsubscription:1\nack:1\na",
		"MESSAGE\nsubscription:1\nack:2\nb", "RECEIPT\n\n")
	if d.writes != 1 {
		t.Errorf("%d writes for one short burst, want 1", d.writes)
	}
	if bytes, frames := d.Pending(); bytes != 0 || frames != 0 {
		t.Errorf("%d bytes in %d frames pending after all was written", bytes, frames)
	}
}

// The batch and what it points to, apart from tails, may be reused after Deliver, gated or not.
func TestDeliverCopies(t *testing.T) {
	for _, gated := range []bool{true, false} {
		d := newDesk(0)
		prefix := []byte("p:")
		s := d.NewSink(prefix, Keep, nil)
		prefix[0] = 'X'
		if !gated {
			s.Open(nil)
		}
		extra := []byte("e:")
		batch := []Delivery{{Extra: extra, Tail: tail("t")}}
		s.Deliver(batch)
		extra[0], batch[0] = 'X', Delivery{}
		s.Open(nil)
		expect(t, fmt.Sprintf("gated %v", gated), d.flush(), "p:e:t")
	}
}

// A borrowed tail is the caller's again after Deliver, however large it is and gated or not.
func TestBorrowedTailsAreCopied(t *testing.T) {
	for _, size := range []int{1, referenceBytes + 1, 3 * chunkBytes} {
		for _, gated := range []bool{true, false} {
			d := newDesk(0)
			s := d.NewSink([]byte("p:"), Keep, nil)
			if !gated {
				s.Open(nil)
			}
			want := strings.Repeat("t", size)
			borrowed := tail(want)
			borrowed.Borrowed = true
			s.Deliver([]Delivery{{Tail: borrowed}})
			clear(borrowed.Bytes)
			*borrowed = Tail{}
			s.Open(nil)
			d.check(t)
			expect(t, fmt.Sprintf("%d octets, gated %v", size, gated), d.flush(), "p:"+want)
		}
	}
}

// A body is copied or referred to by its size; the stream is the same at every border.
func TestLargeTailsAndBodies(t *testing.T) {
	for _, size := range []int{0, 1, referenceBytes - 1, referenceBytes, referenceBytes + 1, chunkBytes, 3 * chunkReferenced} {
		body := strings.Repeat("b", size)
		d := newDesk(0)
		s := d.NewSink([]byte("p:"), Keep, nil)
		s.Open(nil)
		batch := []Delivery{
			{Tail: tail(body)},
			{Tail: &Tail{Bytes: []byte("h:"), Body: []byte(body)}},
			{Tail: &Tail{Bytes: []byte(body), Body: []byte(body)}},
			{Tail: tail("small")},
		}
		if n := s.Deliver(batch); n != len(batch) {
			t.Fatalf("size %d: accepted %d", size, n)
		}
		d.check(t)
		want := 0
		for _, b := range batch {
			want += 2 + b.Tail.len()
		}
		if n, _ := d.Pending(); n != want {
			t.Errorf("size %d: %d bytes pending, want %d", size, n, want)
		}
		expect(t, fmt.Sprint("size ", size), d.flush(), "p:"+body, "p:h:"+body, "p:"+body+body, "p:small")
	}
}

// A large shared body is not copied: the outbox holds little beside it.
func TestLargeBodiesAreShared(t *testing.T) {
	d := newDesk(0)
	s := d.openSink(Keep, nil)
	shared := &Tail{Bytes: []byte("h:"), Body: make([]byte, 1<<20)}
	for range 20 {
		s.Deliver([]Delivery{{Tail: shared}})
	}
	d.check(t)
	if d.copied > 20*16 {
		t.Errorf("%d bytes were copied", d.copied)
	}
}

// With EndLines a line end is behind each frame of a stream, whoever it is from and however it is kept, and counted; in
// WebSocket messages there is none.
func TestLineEndsBehindFrames(t *testing.T) {
	large := strings.Repeat("x", 3*referenceBytes)
	for _, webSocket := range []bool{false, true} {
		d := openDesk(0, webSocket)
		d.EndLines()
		s := d.openSink(Keep, nil)
		d.Append([]byte("one\x00"))
		s.Deliver([]Delivery{{Tail: tail("two")}, {Tail: tail(large)}, {Tail: &Tail{Bytes: []byte("h\n\n"), Body: []byte("small")}}, {Tail: &Tail{Bytes: []byte("h\n\n"), Body: []byte(large)}}})
		d.check(t)
		pending, _ := d.Pending()
		for len(d.loops) > 0 {
			loop := d.loops[0]
			d.loops = d.loops[1:]
			loop()
		}
		if got := d.out.Len(); got != pending {
			t.Errorf("%d octets were written, %d were pending", got, pending)
		}
		want := 5
		if webSocket {
			want = 0
		}
		if got := strings.Count(d.out.String(), "\x00\n"); got != want {
			t.Errorf("WebSocket %t: %d line ends, want %d", webSocket, got, want)
		}
	}
}

// Nothing of a sink leaves before Open; then comes the receipt, then what was held, then the rest.
func TestGateOpensBehindTheReceipt(t *testing.T) {
	d := newDesk(0)
	s := d.NewSink(nil, Keep, nil)
	if n := s.Deliver(deliveries("1", "2")); n != 2 {
		t.Fatalf("a gated sink accepted %d of 2", n)
	}
	d.Append([]byte("other\x00"))
	expect(t, "while gated", d.flush(), "other")
	if bytes, frames := d.Pending(); bytes != 4 || frames != 2 {
		t.Errorf("%d bytes in %d frames pending, want the gated 4 in 2", bytes, frames)
	}
	s.Open([]byte("receipt\x00"))
	s.Deliver(deliveries("3"))
	d.check(t)
	expect(t, "after Open", d.flush(), "receipt", "1", "2", "3")
	s.Open([]byte("again\x00"))
	expect(t, "second Open", d.flush(), "again")
	if bytes, frames := d.Pending(); bytes != 0 || frames != 0 {
		t.Errorf("%d bytes in %d frames pending at the end", bytes, frames)
	}
}

// Open is one step: with deliveries coming from other goroutines the receipt is always first and
// none is lost, doubled or overtaken.
func TestOpenUnderConcurrentDeliver(t *testing.T) {
	for range 50 {
		var mu sync.Mutex
		var out bytes.Buffer
		w := writerFunc(func(p []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return out.Write(p)
		})
		var loops sync.WaitGroup
		o := newOutbox(w, false, 0, SystemClock(), func(f func()) { loops.Go(f) })
		s := o.NewSink(nil, Keep, nil)
		var senders sync.WaitGroup
		const n = 200
		senders.Go(func() {
			for i := range n {
				s.Deliver(deliveries(fmt.Sprint(i)))
			}
		})
		s.Open([]byte("receipt\x00"))
		senders.Wait()
		loops.Wait()
		got := strings.Split(strings.TrimSuffix(out.String(), "\x00"), "\x00")
		want := []string{"receipt"}
		for i := range n {
			want = append(want, fmt.Sprint(i))
		}
		expect(t, "stream", got, want...)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// After Close nothing of the sink gets in; what was in already is still written.
func TestCloseKeepsWhatIsIn(t *testing.T) {
	d := newDesk(0)
	s := d.openSink(Keep, nil)
	s.Deliver(deliveries("in"))
	if held := s.Close(); held != 0 {
		t.Errorf("an open sink forgot %d", held)
	}
	if n := s.Deliver(deliveries("late")); n != 0 {
		t.Errorf("a closed sink accepted %d", n)
	}
	expect(t, "stream", d.flush(), "in")
}

// Close of a gated sink forgets what is held, says how much, and gives the room back.
func TestCloseForgetsWhatIsHeld(t *testing.T) {
	d := newDesk(0)
	s := d.NewSink(nil, Keep, nil)
	s.Deliver(deliveries("1", "2", "3"))
	if held := s.Close(); held != 3 {
		t.Errorf("forgot %d, want 3", held)
	}
	s.Open([]byte("receipt\x00"))
	if bytes, frames := d.Pending(); bytes != 8 || frames != 1 {
		t.Errorf("%d bytes in %d frames pending, want the receipt alone", bytes, frames)
	}
	expect(t, "stream", d.flush(), "receipt")
}

// Purge takes the sink's waiting frames out, leaves all others in order, and counts right, wherever
// in the chunks they are and whether their bodies are copied or referred to.
func TestPurgeRemovesWhatWaits(t *testing.T) {
	for _, size := range []int{1, 1000, referenceBytes + 1} {
		d := newDesk(0)
		a, b := d.openSink(Keep, nil), d.openSink(DropOldest, nil)
		var want []string
		body := strings.Repeat("x", size)
		for i := range 100 {
			a.Deliver(deliveries(fmt.Sprint("a", i, body)))
			b.Deliver(deliveries(fmt.Sprint("b", i, body)))
			want = append(want, fmt.Sprint("b", i, body))
			d.check(t)
		}
		if n := a.Purge(); n != 100 {
			t.Errorf("size %d: purged %d, want 100", size, n)
		}
		d.check(t)
		if n := a.Deliver(deliveries("late")); n != 0 {
			t.Error("a purged sink accepted a delivery")
		}
		d.Append([]byte("end\x00"))
		d.check(t)
		expect(t, fmt.Sprint("size ", size), d.flush(), append(want, "end")...)
		if n := a.Purge(); n != 0 {
			t.Errorf("second purge removed %d", n)
		}
	}
}

// Purge never takes back what was handed to the socket, and that is reported as written.
func TestPurgeLeavesWhatIsBeingWritten(t *testing.T) {
	d := newDesk(0)
	written := 0
	s := d.openSink(Keep, func(n int) { written += n })
	s.Deliver(deliveries("begun"))
	removed := -1
	d.during = func() {
		d.during = nil
		s.Deliver(deliveries("waits"))
		removed = s.Purge()
	}
	expect(t, "stream", d.flush(), "begun")
	if removed != 1 || written != 1 {
		t.Errorf("removed %d, written %d; want 1 and 1", removed, written)
	}
}

// Retire calls back once what the socket has was reported, or the socket failed, and not at all where nothing is with it or
// nobody is told.
func TestRetireWaitsForWhatIsBeingWritten(t *testing.T) {
	for _, fail := range []error{nil, errors.New("broken")} {
		d := newDesk(0)
		var order []string
		s := d.openSink(Keep, func(n int) { order = append(order, fmt.Sprint("written ", n)) })
		quiet := d.openSink(Keep, nil)
		if s.Deliver(deliveries("waits")); quiet.Retire(func() { t.Error("called back") }) {
			t.Error("waits, though nothing is with the socket")
		}
		d.during = func() {
			d.during, d.fail = nil, fail
			if later := s.Retire(func() { order = append(order, "retired") }); !later || len(order) > 0 {
				t.Errorf("waits: %t, and what happened is %q", later, order)
			}
			if quiet.Retire(func() { t.Error("called back") }) {
				t.Error("waits, though nobody is told what was written")
			}
		}
		d.flush()
		want := []string{"written 1", "retired"}
		if fail != nil {
			want = want[1:]
		}
		if !slices.Equal(order, want) || s.Retire(func() { t.Error("called back") }) {
			t.Errorf("%q, want %q", order, want)
		}
	}
}

// A Retire that comes while the callbacks for the last batch are called waits for the next, which the socket has by then.
func TestRetireBetweenTwoBatches(t *testing.T) {
	d := newDesk(0)
	var order []string
	note := func(s string) func(int) { return func(n int) { order = append(order, fmt.Sprint(s, " written ", n)) } }
	first, second := d.openSink(Keep, note("first")), d.openSink(Keep, note("second"))
	first.Deliver(deliveries("one"))
	d.during = func() {
		d.during = nil
		second.Deliver(deliveries("two"))
		first.Retire(func() {
			order = append(order, "first retired")
			if !second.Retire(func() { order = append(order, "second retired") }) {
				t.Error("does not wait for what is with the socket")
			}
		})
	}
	d.flush()
	if want := []string{"first written 1", "first retired", "second written 1", "second retired"}; !slices.Equal(order, want) {
		t.Errorf("%q, want %q", order, want)
	}
}

// Each of many Retires that come from elsewhere while batches follow each other is called back once, if it says so.
func TestRetireAmongOthers(t *testing.T) {
	loops := make(chan func(), 1)
	var out bytes.Buffer
	o := newOutbox(&out, false, 0, SystemClock(), func(f func()) { loops <- f })
	const rounds = 2000
	var promised, called atomic.Int64
	var others sync.WaitGroup
	for range 2 {
		others.Go(func() {
			for range rounds {
				s := o.NewSink([]byte("MESSAGE\n"), Keep, func(int) {})
				s.Open(nil)
				s.Deliver(deliveries("x"))
				if s.Retire(func() { called.Add(1) }) {
					promised.Add(1)
				}
			}
		})
	}
	var writer sync.WaitGroup
	writer.Go(func() {
		for loop := range loops {
			loop()
		}
	})
	others.Wait()
	close(loops)
	writer.Wait()
	if promised.Load() != called.Load() {
		t.Errorf("%d said that they wait, %d were called back", promised.Load(), called.Load())
	}
}

// Close and Purge hold against deliveries under way: after either returned, the stream gets nothing
// more of the sink than what was in, each accepted frame is written or removed, once.
func TestCloseAndPurgeUnderConcurrentDeliver(t *testing.T) {
	for round := range 100 {
		var mu sync.Mutex
		var out bytes.Buffer
		w := writerFunc(func(p []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return out.Write(p)
		})
		var loops sync.WaitGroup
		var written, accepted atomic.Int64
		o := newOutbox(w, false, 0, SystemClock(), func(f func()) { loops.Go(f) })
		s := o.NewSink([]byte("s"), Keep, func(n int) { written.Add(int64(n)) })
		s.Open(nil)
		var senders sync.WaitGroup
		begun := make(chan struct{}, 1)
		for range 3 {
			senders.Go(func() {
				for range 300 {
					accepted.Add(int64(s.Deliver(deliveries("1", "2"))))
					select {
					case begun <- struct{}{}:
					default:
					}
				}
			})
		}
		<-begun
		removed := 0
		if round%2 == 0 {
			removed = s.Purge()
		} else {
			removed = s.Close()
		}
		o.Append([]byte("mark\x00"))
		senders.Wait()
		loops.Wait()
		stream := out.String()
		if at := strings.Index(stream, "mark\x00"); strings.Contains(stream[at:], "s1") {
			t.Fatal("a frame came after the sink was closed")
		}
		frames := int64(strings.Count(stream, "s"))
		if written.Load() != frames || frames+int64(removed) != accepted.Load() {
			t.Fatalf("accepted %d, in the stream %d, reported %d, removed %d", accepted.Load(), frames, written.Load(), removed)
		}
	}
}

// Each sink hears how many of its frames were written: all of them, once per batch of the writer.
func TestWrittenIsReportedPerSink(t *testing.T) {
	d := newDesk(0)
	var a, b []int
	sa := d.openSink(Keep, func(n int) { a = append(a, n) })
	sb := d.openSink(Keep, func(n int) { b = append(b, n) })
	sc := d.openSink(Keep, nil)
	sa.Deliver(deliveries("1", "2", "3"))
	sb.Deliver(deliveries("1"))
	sa.Deliver(deliveries("4"))
	sc.Deliver(deliveries("1"))
	d.flush()
	sb.Deliver(deliveries("2", "3"))
	d.flush()
	if !slices.Equal(a, []int{4}) || !slices.Equal(b, []int{1, 2}) {
		t.Errorf("reported %v and %v, want [4] and [1 2]", a, b)
	}
	if w, dropped := sa.Stats(); w != 4 || dropped != 0 {
		t.Errorf("sink stats %d, %d", w, dropped)
	}
	if st := d.Stats(); st.Delivered != 8 || st.Dropped != 0 || st.WrittenBytes != 16 {
		t.Errorf("outbox stats %+v", st)
	}
}

// The callback may use the outbox: it runs without the lock.
func TestWrittenMayDeliver(t *testing.T) {
	d := newDesk(0)
	var s *Sink
	again := 3
	s = d.openSink(Keep, func(int) {
		if again--; again > 0 {
			s.Deliver(deliveries(fmt.Sprint(again)))
		}
	})
	s.Deliver(deliveries("3"))
	expect(t, "stream", d.flush(), "3", "2", "1")
}

// listener records the events of an outbox.
type events struct {
	overflowed, drained int
	failed              []error
}

func (e *events) outboxOverflowed(int)   { e.overflowed++ }
func (e *events) outboxDrained()         { e.drained++ }
func (e *events) outboxFailed(err error) { e.failed = append(e.failed, err) }

// DropNewest drops what does not fit, says it was accepted, counts it, and keeps what was there.
func TestDropNewest(t *testing.T) {
	d := newDesk(6)
	s := d.openSink(DropNewest, nil)
	if n := s.Deliver(deliveries("1", "2", "3", "4", "5")); n != 5 {
		t.Errorf("accepted %d of 5", n)
	}
	d.check(t)
	expect(t, "stream", d.flush(), "1", "2", "3")
	if _, dropped := s.Stats(); dropped != 2 || d.Stats().Dropped != 2 {
		t.Errorf("dropped %d and %d, want 2", dropped, d.Stats().Dropped)
	}
	s.Deliver(deliveries("6"))
	expect(t, "with room again", d.flush(), "6")
}

// DropOldest makes room by dropping the oldest frames of DropOldest sinks, only as many as needed,
// and leaves the frames of other sinks and of the connection alone.
func TestDropOldest(t *testing.T) {
	d := newDesk(12)
	keep, a, b := d.openSink(Keep, nil), d.openSink(DropOldest, nil), d.openSink(DropOldest, nil)
	d.Append([]byte("r\x00"))
	a.Deliver(deliveries("1"))
	keep.Deliver(deliveries("k"))
	b.Deliver(deliveries("2"))
	a.Deliver(deliveries("3", "4"))
	if n := b.Deliver(deliveries("5", "6")); n != 2 {
		t.Errorf("accepted %d of 2", n)
	}
	d.check(t)
	expect(t, "stream", d.flush(), "r", "k", "3", "4", "5", "6")
	if _, dropped := a.Stats(); dropped != 1 {
		t.Errorf("sink a dropped %d, want 1", dropped)
	}
	if _, dropped := b.Stats(); dropped != 1 {
		t.Errorf("sink b dropped %d, want 1", dropped)
	}
}

// A delivery that cannot fit even without all that may be dropped is dropped itself, and costs no
// other frame.
func TestDropOldestSparesOthersInVain(t *testing.T) {
	d := newDesk(10)
	keep, s := d.openSink(Keep, nil), d.openSink(DropOldest, nil)
	keep.Deliver(deliveries("kkkkk"))
	s.Deliver(deliveries("1", "2"))
	s.Deliver(deliveries("xxxxxxxxx"))
	s.Deliver(deliveries("xxxx"))
	d.check(t)
	expect(t, "stream", d.flush(), "kkkkk", "1", "2")
}

// DropOldest works behind the gate too: the oldest held deliveries give way.
func TestDropOldestWhileGated(t *testing.T) {
	d := newDesk(6)
	s := d.NewSink(nil, DropOldest, nil)
	s.Deliver(deliveries("1", "2", "3", "4", "5"))
	if bytes, frames := d.Pending(); bytes != 6 || frames != 3 {
		t.Errorf("%d bytes in %d frames pending, want 6 in 3", bytes, frames)
	}
	s.Open(nil)
	d.check(t)
	expect(t, "stream", d.flush(), "3", "4", "5")
}

// Frames that the writer has taken are not dropped, and still count until they are written.
func TestDropOldestSparesWhatIsBeingWritten(t *testing.T) {
	d := newDesk(6)
	s := d.openSink(DropOldest, nil)
	s.Deliver(deliveries("1", "2"))
	d.during = func() {
		d.during = nil
		s.Deliver(deliveries("3", "4", "5"))
		d.check(t)
	}
	expect(t, "stream", d.flush(), "1", "2", "5")
}

// Disconnect overflows the outbox once; later deliveries that may be dropped are, others and the
// connection's own frames still pass.
func TestDisconnectOverflows(t *testing.T) {
	d := newDesk(6)
	var e events
	d.bind(&e)
	s, keep, other := d.openSink(Disconnect, nil), d.openSink(Keep, nil), d.openSink(DropOldest, nil)
	if n := s.Deliver(deliveries("1", "2", "3", "4", "5")); n != 5 {
		t.Errorf("accepted %d of 5", n)
	}
	if e.overflowed != 1 {
		t.Fatalf("%d overflows told, want 1", e.overflowed)
	}
	keep.Deliver(deliveries("k"))
	other.Deliver(deliveries("o"))
	if !d.Append([]byte("ERROR\x00")) {
		t.Error("the ERROR was refused")
	}
	d.check(t)
	expect(t, "stream", d.flush(), "1", "2", "3", "k", "ERROR")
	s.Deliver(deliveries("6"))
	expect(t, "after the overflow", d.flush())
	if e.overflowed != 1 || d.Stats().Dropped != 4 {
		t.Errorf("%d overflows, %d dropped; want 1 and 4", e.overflowed, d.Stats().Dropped)
	}
}

// Who binds late hears of an overflow that came before.
func TestOverflowBeforeBind(t *testing.T) {
	d := newDesk(1)
	d.openSink(Disconnect, nil).Deliver(deliveries("1"))
	var e events
	d.bind(&e)
	if e.overflowed != 1 {
		t.Errorf("%d overflows told, want 1", e.overflowed)
	}
}

// Frames that must not be dropped pass the capacity by 1 MiB and one frame at most; then they are
// refused, the overflow is told, and there is still room for an ERROR.
func TestKeepIsBounded(t *testing.T) {
	const capacity, frame = 1000, 64 << 10
	d := newDesk(capacity)
	var e events
	d.bind(&e)
	s := d.openSink(Keep, nil)
	body := &Tail{Bytes: bytes.Repeat([]byte("x"), frame)}
	n := 0
	for s.Deliver([]Delivery{{Tail: body}}) == 1 {
		n += frame
	}
	if n < capacity+overdraftBytes || n > capacity+overdraftBytes+frame {
		t.Errorf("%d bytes were accepted", n)
	}
	if e.overflowed != 1 {
		t.Errorf("%d overflows told, want 1", e.overflowed)
	}
	if !d.Append([]byte("ERROR\x00")) {
		t.Error("the ERROR was refused")
	}
	for range 1000 {
		if !d.Append(make([]byte, 1000)) {
			d.check(t)
			return
		}
	}
	t.Error("Append has no bound")
}

// A sealed outbox takes nothing more, writes what it has and its last words, closes its half, and
// then says so; also when there was nothing to write.
func TestSeal(t *testing.T) {
	for _, empty := range []bool{true, false} {
		d := newDesk(0)
		var e events
		d.bind(&e)
		s := d.openSink(Keep, nil)
		gated := d.NewSink(nil, Keep, nil)
		gated.Deliver(deliveries("held"))
		var want []string
		if !empty {
			s.Deliver(deliveries("1"))
			want = append(want, "1")
		}
		halfClosed := 0
		d.seal([]byte("bye\x00"), func() {
			halfClosed++
			if d.out.Len() == 0 || e.drained > 0 {
				t.Error("half-closed at the wrong moment")
			}
		})
		if d.Append([]byte("late\x00")) || s.Deliver(deliveries("late")) != 0 {
			t.Error("a sealed outbox took a frame")
		}
		gated.Open([]byte("late\x00"))
		expect(t, "stream", d.flush(), append(want, "bye")...)
		if halfClosed != 1 || e.drained != 1 {
			t.Errorf("half-closed %d times, drained %d times", halfClosed, e.drained)
		}
		d.seal(nil, nil)
		d.flush()
		if e.drained != 1 {
			t.Error("drained twice")
		}
	}
}

// After an error of the socket everything waiting is forgotten, nothing is taken, and the error is
// told once.
func TestWriteError(t *testing.T) {
	d := newDesk(0)
	var e events
	d.bind(&e)
	s := d.openSink(Keep, func(int) { t.Error("reported as written") })
	s.Deliver(deliveries("1", "2"))
	d.fail = errors.New("broken")
	d.during = func() { s.Deliver(deliveries("3")) }
	d.flush()
	if len(e.failed) != 1 || !errors.Is(e.failed[0], d.fail) {
		t.Fatalf("told %v", e.failed)
	}
	if bytes, frames := d.Pending(); bytes != 0 || frames != 0 {
		t.Errorf("%d bytes in %d frames pending", bytes, frames)
	}
	if d.Append([]byte("x\x00")) || s.Deliver(deliveries("4")) != 0 {
		t.Error("a broken outbox took a frame")
	}
	d.check(t)
}

// A panic of a callback ends the outbox with an error that carries value and stack, and join
// returns.
func TestPanicInTheWriteLoop(t *testing.T) {
	d := newDesk(0)
	var e events
	d.bind(&e)
	d.openSink(Keep, func(int) { panic("ouch") }).Deliver(deliveries("1"))
	d.flush()
	var p *PanicError
	if len(e.failed) != 1 || !errors.As(e.failed[0], &p) || p.Value != "ouch" || !bytes.Contains(p.Stack, []byte("TestPanicInTheWriteLoop")) {
		t.Fatalf("told %v", e.failed)
	}
	d.abort()
	d.join()
}

// join waits for a loop that runs, and not for one that was scheduled and has not begun; that one
// writes nothing any more.
func TestJoin(t *testing.T) {
	d := newDesk(0)
	s := d.openSink(Keep, nil)
	s.Deliver(deliveries("1"))
	d.abort()
	d.join()
	if got := d.flush(); got != nil || d.writes != 0 {
		t.Fatalf("an aborted outbox wrote %q", got)
	}

	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		o := newOutbox(writerFunc(func(p []byte) (int, error) {
			<-release
			return len(p), nil
		}), false, 0, SystemClock(), nil)
		o.Append([]byte("x"))
		synctest.Wait() // the loop is in its write
		o.abort()
		joined := make(chan struct{})
		go func() {
			o.join()
			close(joined)
		}()
		synctest.Wait()
		select {
		case <-joined:
			t.Fatal("join did not wait for the write")
		default:
		}
		close(release)
		<-joined
	})
}

// A new capacity holds for what comes, not for what is there.
func TestSetCapacity(t *testing.T) {
	d := newDesk(100)
	s := d.openSink(DropNewest, nil)
	s.Deliver(deliveries("1", "2"))
	d.SetCapacity(3)
	s.Deliver(deliveries("3"))
	d.SetCapacity(6)
	s.Deliver(deliveries("4"))
	if d.Capacity() != 6 {
		t.Errorf("capacity %d", d.Capacity())
	}
	expect(t, "stream", d.flush(), "1", "2", "4")
}

// Over WebSocket each frame is one message with the right header at every border of length, text
// exactly if all of it is UTF-8.
func TestWebSocketMessages(t *testing.T) {
	for _, size := range []int{0, 1, 124, 125, 126, 127, 65534, 65535, 65536, 65537, 1 << 20} {
		for _, utf8 := range []bool{true, false} {
			d := openDesk(0, true)
			s := d.openSink(Keep, nil)
			body := bytes.Repeat([]byte("x"), size)
			s.Deliver([]Delivery{{Tail: &Tail{Bytes: body, UTF8: utf8}}})
			for len(d.loops) > 0 {
				loop := d.loops[0]
				d.loops = nil
				loop()
			}
			first := byte(opBinary)
			if utf8 {
				first = opText
			}
			want := []byte{first, byte(size)}
			switch {
			case size > 65535:
				want = []byte{first, 127, 0, 0, 0, 0, byte(size >> 24), byte(size >> 16), byte(size >> 8), byte(size)}
			case size > 125:
				want = []byte{first, 126, byte(size >> 8), byte(size)}
			}
			if got := d.out.Bytes(); !bytes.Equal(got, append(want, body...)) {
				t.Errorf("size %d: header % x, want % x", size, got[:min(len(got), 10)], want)
			}
			if got := d.Stats().WrittenBytes; got != uint64(len(want)+size) {
				t.Errorf("size %d: %d bytes counted", size, got)
			}
		}
	}
}

// A message is binary as soon as any part of it is not UTF-8: the prefix, the extra or the tail, or
// a frame of the connection itself.
func TestWebSocketTextOrBinary(t *testing.T) {
	bad := []byte{0xff}
	for _, c := range []struct {
		name          string
		prefix, extra []byte
		utf8          bool
		want          byte
	}{
		{"all valid", []byte("ü"), []byte("ä"), true, opText},
		{"prefix", bad, nil, true, opBinary},
		{"extra", nil, bad, true, opBinary},
		{"tail", nil, nil, false, opBinary},
	} {
		d := openDesk(0, true)
		s := d.NewSink(c.prefix, Keep, nil)
		s.Open(nil)
		s.Deliver([]Delivery{{Extra: c.extra, Tail: &Tail{Bytes: []byte("x"), UTF8: c.utf8}}})
		d.flush2(t, c.name, c.want)
	}
	for _, c := range []struct {
		frame []byte
		want  byte
	}{{[]byte("ok"), opText}, {bad, opBinary}} {
		d := openDesk(0, true)
		d.Append(c.frame)
		d.flush2(t, string(c.frame), c.want)
	}
}

func (d *desk) flush2(t *testing.T, what string, first byte) {
	t.Helper()
	d.loops[0]()
	if got := d.out.Bytes()[0]; got != first {
		t.Errorf("%s: first byte %x, want %x", what, got, first)
	}
}

// A heart-beat goes out unless STOMP is pending: what a gate holds and control frames are no signs of
// life. Control frames survive a rebuilding of the queue and are not reported to any sink.
func TestBeat(t *testing.T) {
	d := openDesk(0, true)
	gated := d.NewSink(nil, Keep, nil)
	gated.Deliver(deliveries("held"))
	d.pong("p")
	d.beat()
	d.beat()
	d.check(t)
	expect(t, "stream", d.flush(), "\x8a\x01p\x81\x01\n")
	s := d.openSink(DropOldest, nil)
	n := 0
	for bytes, _ := d.Pending(); bytes < pongBacklog; bytes, _ = d.Pending() {
		d.pong("p")
		n++
		s.Deliver(deliveries(strings.Repeat("x", 100)))
	}
	s.Deliver(deliveries(slices.Repeat([]string{strings.Repeat("x", 100)}, 1000)...))
	s.Purge()
	d.check(t)
	if d.control != n || n < 100 {
		t.Errorf("%d control frames pending, want %d", d.control, n)
	}
	d.flush()
	if d.control != 0 || d.frames != 1 || d.Stats().Delivered != 0 {
		t.Errorf("%d control frames, %d frames pending, %d delivered", d.control, d.frames, d.Stats().Delivered)
	}
	gated.Close()
	d.check(t)
	if d.gated != 0 {
		t.Errorf("%d gated", d.gated)
	}
}

// Random work on several sinks, with the writer stepping in between, gives exactly the stream and
// the counters that a list of frames would give, and bounded memory.
func TestOutboxAgainstModel(t *testing.T) {
	for seed := range uint64(300) {
		if !t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { playOutbox(t, seed) }) {
			t.Fatalf("replay with -run 'TestOutboxAgainstModel/seed_%d$'", seed)
		}
	}
}

type modelFrame struct {
	sink *Sink // nil for Append
	text string
}

func playOutbox(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	capacity := 1000 << rng.IntN(9)
	d := newDesk(capacity)
	type model struct {
		*Sink
		open, closed bool
		held         []string
		reported     int
		written      int
	}
	var sinks []*model
	var queue []modelFrame
	pending := func() (n int) {
		for _, f := range queue {
			n += len(f.text) + 1
		}
		for _, s := range sinks {
			for _, h := range s.held {
				n += len(h) + 1
			}
		}
		return n
	}
	serial := 0
	text := func() string {
		serial++
		size := rng.IntN(40)
		switch rng.IntN(20) {
		case 0:
			size = rng.IntN(3 * referenceBytes)
		case 1:
			size = rng.IntN(2 * chunkBytes)
		}
		return fmt.Sprint(serial, ":", strings.Repeat("x", size))
	}
	for range 400 {
		if len(sinks) == 0 || rng.IntN(12) == 0 {
			m := &model{}
			policy := []SinkPolicy{Keep, DropOldest, DropOldest, DropNewest}[rng.IntN(4)]
			m.Sink = d.NewSink(nil, policy, func(n int) { m.reported += n })
			sinks = append(sinks, m)
		}
		s := sinks[rng.IntN(len(sinks))]
		switch op := rng.IntN(100); {
		case op < 60: // deliver
			var batch []Delivery
			want := 0
			for range 1 + rng.IntN(4) {
				x := text()
				batch = append(batch, Delivery{Tail: tail(x)})
				if s.closed {
					continue
				}
				want++
				over := pending()+len(x)+1 > capacity
				switch {
				case over && s.policy == DropNewest:
					continue
				case over && s.policy == DropOldest:
					if !modelEvict(&queue, &s.held, pending, len(x)+1, capacity) {
						continue
					}
				}
				if s.open {
					queue = append(queue, modelFrame{s.Sink, x})
				} else {
					s.held = append(s.held, x)
				}
			}
			if got := s.Deliver(batch); got != want {
				t.Fatalf("accepted %d, want %d", got, want)
			}
		case op < 68:
			x := text()
			queue = append(queue, modelFrame{nil, x})
			if !d.Append([]byte(x + "\x00")) {
				t.Fatal("Append refused")
			}
		case op < 78:
			s.Open(nil)
			if !s.open && !s.closed {
				for _, h := range s.held {
					queue = append(queue, modelFrame{s.Sink, h})
				}
				s.held, s.open = nil, true
			}
		case op < 82:
			if got := s.Close(); got != len(s.held) {
				t.Fatalf("Close forgot %d, want %d", got, len(s.held))
			}
			s.held, s.closed = nil, true
		case op < 88:
			want := len(s.held)
			s.held, s.closed = nil, true
			queue = slices.DeleteFunc(queue, func(f modelFrame) bool {
				if f.sink == s.Sink {
					want++
					return true
				}
				return false
			})
			if got := s.Purge(); got != want {
				t.Fatalf("Purge removed %d, want %d", got, want)
			}
		case op < 90:
			if pending() < pongBacklog {
				queue = append(queue, modelFrame{nil, "\x8a\x01"})
			}
			d.pong("\x00")
		default:
			var want []string
			for _, f := range queue {
				want = append(want, f.text)
				for _, s := range sinks {
					if s.Sink == f.sink {
						s.written++
					}
				}
			}
			queue = nil
			expect(t, "stream", d.flush(), want...)
			for i, s := range sinks {
				if s.reported != s.written {
					t.Fatalf("sink %d: %d reported, %d written", i, s.reported, s.written)
				}
			}
		}
		d.check(t)
		if got, _ := d.Pending(); got != pending() {
			t.Fatalf("%d bytes pending, want %d", got, pending())
		}
	}
}

// modelEvict does what evict and forget do, on lists.
func modelEvict(queue *[]modelFrame, held *[]string, pending func() int, need, capacity int) bool {
	evictable, own := 0, 0
	for _, f := range *queue {
		if f.sink != nil && f.sink.policy == DropOldest {
			evictable += len(f.text) + 1
		}
	}
	for _, h := range *held {
		own += len(h) + 1
	}
	switch {
	case pending()-evictable+need <= capacity:
		for pending()+need > capacity {
			i := slices.IndexFunc(*queue, func(f modelFrame) bool { return f.sink != nil && f.sink.policy == DropOldest })
			*queue = slices.Delete(*queue, i, i+1)
		}
		return true
	case pending()-own+need <= capacity:
		for pending()+need > capacity {
			*held = (*held)[1:]
		}
		return true
	}
	return false
}

// A stalled client's outbox holds no more than its capacity, and memory in proportion, however long
// a topic floods it.
func TestStalledClientIsBounded(t *testing.T) {
	const capacity = 1 << 20
	for _, p := range []SinkPolicy{DropOldest, DropNewest, Disconnect} {
		d := newDesk(capacity)
		keep, s := d.openSink(Keep, nil), d.openSink(p, nil)
		batch := deliveries(slices.Repeat([]string{strings.Repeat("m", 300)}, 64)...)
		for i := range 2000 {
			s.Deliver(batch)
			if i < 100 {
				keep.Deliver(deliveries("k"))
			}
		}
		d.check(t)
		if n, _ := d.Pending(); n > capacity+200 {
			t.Errorf("%v: %d bytes pending", p, n)
		}
	}
}

// Nothing gets in behind the last frame: no receipt, no message, no heart-beat; what was there before it is written.
func TestLastFrame(t *testing.T) {
	d := newDesk(1 << 20)
	open := d.NewSink([]byte("MESSAGE\n"), Keep, nil)
	open.Open(nil)
	gated := d.NewSink([]byte("MESSAGE\n"), Keep, nil)
	tail := []Delivery{{Tail: &Tail{Bytes: []byte("x\n\n\x00")}}}
	open.Deliver(tail)
	gated.Deliver(tail)
	if !d.AppendLast([]byte("ERROR\n\n\x00")) {
		t.Error("the last frame did not get in")
	}
	if d.Append([]byte("RECEIPT\n\n\x00")) || d.AppendLast([]byte("ERROR\n\n\x00")) || open.Deliver(tail) != 0 {
		t.Error("something got in behind the last frame")
	}
	gated.Open([]byte("RECEIPT\n\n\x00"))
	d.beat()
	if got := d.flush(); !slices.Equal(got, []string{"MESSAGE\nx\n\n", "ERROR\n\n"}) {
		t.Errorf("got %q", got)
	}
	d.check(t)
}
