package actors

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"stampede/stompwire"
	"stampede/transport"
)

var versions = []stompwire.Version{stompwire.V10, stompwire.V11, stompwire.V12}

// sending is a SEND with header lines "name:value".
func sending(body string, lines ...string) *stompwire.Frame {
	f := &stompwire.Frame{Command: stompwire.Send, Body: []byte(body)}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ":")
		f.Header = append(f.Header, stompwire.Field{Name: name, Value: value})
	}
	return f
}

func atMoment() time.Time { return moment }

func made(t *testing.T, f *stompwire.Frame) *Message {
	t.Helper()
	m, fault := newMessage("id-1", "/topic/x", f, atMoment)
	if fault != nil {
		t.Fatal(fault)
	}
	return m
}

// wire is a whole MESSAGE as the outbox puts it together.
func wire(prefix, extra string, tail *transport.Tail) []byte {
	b := append([]byte(prefix+extra), tail.Bytes...)
	if tail.Body != nil {
		b = append(append(b, tail.Body...), 0)
	}
	return b
}

// Of the headers of a SEND that mean something to the broker each is read, and of a repeated one the first.
func TestParseSend(t *testing.T) {
	got, fault := parseSend(sending("", "destination:/queue/a", "receipt:", "transaction:", "reply-to:/temp-queue/r", "destination:/queue/b",
		"receipt:second", "transaction:second", "reply-to:second", "persistent:false"))
	want := send{destination: "/queue/a", hasReceipt: true, inTx: true, replyTo: "/temp-queue/r", hasReplyTo: true}
	if fault != nil || got != want {
		t.Errorf("got %+v, %v; wants %+v", got, fault, want)
	}
	got, fault = parseSend(sending("", "Receipt:x", "destination:", "persistent:true"))
	if want := (send{persistent: true}); fault != nil || got != want {
		t.Errorf("got %+v, %v; wants %+v", got, fault, want)
	}
	_, fault = parseSend(sending("", "Destination:/queue/a", "receipt:r"))
	wantFault(t, "no destination", fault, CodeSyntax, "needs a destination")
	for _, name := range []string{"message-group", "JMSXGroupID"} {
		_, fault := parseSend(sending("", name+":g", "destination:/queue/a"))
		wantFault(t, name, fault, CodeUnsupported, name)
	}
}

// Priority, expiry and delay are read as the documentation says; without them there is none.
func TestDeliveryHeaders(t *testing.T) {
	type delivery struct {
		priority           uint8
		expires, notBefore time.Time
	}
	in := func(d time.Duration) time.Time { return moment.Add(d) }
	for _, c := range []struct {
		lines []string
		want  delivery
	}{
		{nil, delivery{priority: 4}},
		{[]string{"priority:0"}, delivery{}},
		{[]string{"priority:9"}, delivery{priority: 9}},
		{[]string{"priority: 5 ", "priority:x"}, delivery{priority: 5}},
		{[]string{"expires:0"}, delivery{priority: 4}},
		{[]string{"expires:1"}, delivery{priority: 4, expires: time.UnixMilli(1)}},
		{[]string{"expiration:0"}, delivery{priority: 4, expires: moment}},
		{[]string{"expiration:1500", "expiration:1"}, delivery{priority: 4, expires: in(1500 * time.Millisecond)}},
		{[]string{"expiration:5000", "expires:1001000"}, delivery{priority: 4, expires: in(time.Second)}},
		{[]string{"expires:1009000", "expiration:5000"}, delivery{priority: 4, expires: in(5 * time.Second)}},
		{[]string{"expires:0", "expiration:5000"}, delivery{priority: 4, expires: in(5 * time.Second)}},
		{[]string{"delay:0"}, delivery{priority: 4, notBefore: moment}},
		{[]string{"delay:2000", "delay:1"}, delivery{priority: 4, notBefore: in(2 * time.Second)}},
		{[]string{fmt.Sprintf("delay:%d", maxMilliseconds)}, delivery{priority: 4, notBefore: in(maxMilliseconds * time.Millisecond)}},
		{[]string{"Priority:1", "AMQ_SCHEDULED_DELAY:1", "timestamp:x"}, delivery{priority: 4}},
	} {
		m := made(t, sending("", c.lines...))
		if got := (delivery{m.priority, m.expires, m.notBefore}); got.priority != c.want.priority || !got.expires.Equal(c.want.expires) || !got.notBefore.Equal(c.want.notBefore) {
			t.Errorf("%q: got %+v, wants %+v", c.lines, got, c.want)
		}
	}
}

// A value that is no whole number, is negative or out of range is an ERROR that names the header, also if a
// good one follows; behind a good one nothing is looked at.
func TestBadDeliveryHeaders(t *testing.T) {
	for _, name := range []string{"priority", "expires", "expiration", "delay"} {
		for _, value := range []string{"", "x", "-1", "1.5", "1e3", "0x10", "1 2", "1_000", fmt.Sprint(int64(maxMilliseconds) + 1), "9223372036854775808", "99999999999999999999999"} {
			_, fault := newMessage("id", "/queue/x", sending("", name+":"+value, name+":1"), atMoment)
			if fault == nil || fault.Code != CodeSyntax || !strings.Contains(fault.Message, name) {
				t.Errorf("%s:%s gives %v", name, value, fault)
			}
			if _, fault := newMessage("id", "/queue/x", sending("", name+":1", name+":"+value), atMoment); fault != nil {
				t.Errorf("the second %s:%s gives %v", name, value, fault)
			}
		}
	}
	_, fault := newMessage("id", "/queue/x", sending("", "priority:10"), atMoment)
	wantFault(t, "priority", fault, CodeSyntax, "is 10")
}

// A message is charged for its octets and for what every message costs.
func TestMessageSize(t *testing.T) {
	if got := made(t, sending("12345", "destination:/topic/x", "a:bc")).size; got != messageOverhead+5+len("destination:/topic/x\n")+len("a:bc\n") {
		t.Errorf("got %d", got)
	}
}

// What the connection or the broker has used is not passed on; everything else is.
func TestConsumedHeaders(t *testing.T) {
	for _, name := range []string{
		"destination", "content-length", "receipt", "transaction", "host", "login", "passcode", "heart-beat", "subscription",
		"message-id", "ack", "redelivered", "delivery-count", "session", "session-id", "sessionX",
	} {
		if !consumed(name) {
			t.Errorf("%s is passed on", name)
		}
	}
	for _, name := range []string{
		"", "content-type", "correlation-id", "reply-to", "priority", "expires", "expiration", "delay", "persistent", "Destination",
		"destination ", "x-session", "receipt-id", "message", "acks", "id", "version", "selector",
	} {
		if consumed(name) {
			t.Errorf("%s is not passed on", name)
		}
	}
}

// The tail of a MESSAGE begins with the broker's own headers, and has the sender's behind them, repeated ones
// too, in order.
func TestTail(t *testing.T) {
	m := made(t, sending("body\x00with NUL", "destination:/elsewhere", "z:1", "message-id:fake", "a:2", "content-length:99", "z:3", "content-type:t"))
	for _, v := range versions {
		tail := m.tail(v)
		if got := string(tail.Bytes); got != "message-id:id-1\ndestination:/topic/x\ncontent-length:13\nz:1\na:2\nz:3\ncontent-type:t\n\nbody\x00with NUL\x00" || tail.Body != nil {
			t.Errorf("%v: %q", v, got)
		}
	}
	if got := string(made(t, sending("")).tail(stompwire.V12).Bytes); got != "message-id:id-1\ndestination:/topic/x\ncontent-length:0\n\n\x00" {
		t.Errorf("without headers and body: %q", got)
	}
}

// A body of up to 4 KiB is copied behind its headers, a larger one is referred to and not copied.
func TestLargeBodyGoesByReference(t *testing.T) {
	for over := -1; over <= 1; over++ {
		f := sending(strings.Repeat("x", maxCopiedBody+over), "a:b")
		m := made(t, f)
		tail := m.tail(stompwire.V12)
		if byReference := tail.Body != nil; byReference != (over > 0) || byReference && &tail.Body[0] != &f.Body[0] {
			t.Errorf("%d octets: by reference %t", len(f.Body), byReference)
		}
		got := decode(t, wire("MESSAGE\nsubscription:s\n", "", tail), stompwire.V12)
		if !bytes.Equal(got.Body, f.Body) {
			t.Errorf("%d octets came out as %d", len(f.Body), len(got.Body))
		}
		if cap(tail.Bytes) > 2*len(tail.Bytes)+128 {
			t.Errorf("%d octets are kept for %d", cap(tail.Bytes), len(tail.Bytes))
		}
	}
}

// A tail may travel as text exactly if all of it is UTF-8, copied or referred to.
func TestTailKnowsUTF8(t *testing.T) {
	long := strings.Repeat("ü", maxCopiedBody)
	for _, c := range []struct {
		name string
		f    *stompwire.Frame
		want bool
	}{
		{"ASCII", sending("text", "a:b"), true},
		{"UTF-8", sending("ü€", "ü:€"), true},
		{"body", sending("\xff"), false},
		{"value", sending("text", "a:\xff"), false},
		{"name", sending("text", "\xc3:x"), false},
		{"half a letter", sending("\xc3"), false},
		{"halves that meet", sending("\xbc", "a:b\xc3"), false},
		{"long", sending(long), true},
		{"long body", sending(long + "\xff"), false},
		{"long body cut in a letter", sending(long[1:]), false},
		{"value before a long body", sending(long, "a:\xff"), false},
		{"consumed value", sending("text", "receipt:\xff"), true},
	} {
		for _, v := range versions {
			if got := made(t, c.f).tail(v).UTF8; got != c.want {
				t.Errorf("%s, %v: %t", c.name, v, got)
			}
		}
	}
}

// Versions share one tail where they write the same, and only there.
func TestTailIsSharedWherePlain(t *testing.T) {
	for _, c := range []struct {
		line   string
		shared bool
	}{
		{"a:b", true},
		{"a: b ", true},
		{"a:ü", true},
		{"a:b:c", false},
		{"a:b\\c", false},
		{"a:b\nc", false},
		{"a:b\rc", false},
		{"a\\b:c", false},
		{" a:b", false},
		{" :b", false},
		{"receipt:a:b\\c\n", true}, // not passed on
	} {
		for _, first := range versions {
			m := made(t, sending("x", c.line))
			a := m.tail(first)
			for _, v := range versions {
				once := m.tail(v)
				if again := m.tail(v); once != again {
					t.Errorf("%q: %v is encoded again", c.line, v)
				}
				if shared := m.tail(v) == a; shared != (c.shared || v == first) {
					t.Errorf("%q: %v and %v share a tail: %t", c.line, first, v, shared)
				}
			}
		}
	}
}

// asRead is what a client of a version makes of a header line that a client of 1.2 sent.
func asRead(f stompwire.Field, v stompwire.Version) stompwire.Field {
	blank := func(s, what, with string) string {
		return strings.Map(func(r rune) rune {
			if strings.ContainsRune(what, r) {
				return rune(with[0])
			}
			return r
		}, s)
	}
	switch v {
	case stompwire.V10:
		f.Name = strings.Trim(blank(f.Name, "\r\n:", "_"), " \t")
		f.Value = strings.Trim(blank(f.Value, "\r\n", " "), " \t")
	case stompwire.V11:
		f.Name, f.Value = blank(f.Name, "\r", "_"), blank(f.Value, "\r", " ")
	}
	if f.Name == "" {
		f.Name = "_"
	}
	return f
}

// Whatever headers and body a client sends, in every version, asked for in any order, what goes out parses,
// the broker's own headers come first and can't be shadowed, and the rest is what the version can say of it.
func TestWhatGoesOutParses(t *testing.T) {
	names := []string{
		"a", "b", "long-name", "with:colon", "back\\slash", "line\nbreak", "carriage\rreturn", " blank", "blank ", " ", "\t", "", "ü",
		"destination", "receipt", "subscription", "message-id", "ack", "redelivered", " redelivered", "delivery-count\t", "session", " content-length",
		"content-length", "message",
	}
	values := []string{"", "x", "a:b", "\\", "\\n", "\n", "\r\n", " y ", "ü", "\\c", "17", "true"}
	randomly(t, 300, func(t *testing.T, r *rand.Rand) {
		f := &stompwire.Frame{Command: stompwire.Send, Body: bytes.Repeat([]byte{"x\x00\n:"[r.IntN(4)]}, []int{0, 1, 100, maxCopiedBody, maxCopiedBody + 1}[r.IntN(5)])}
		for range r.IntN(8) {
			f.Header = append(f.Header, stompwire.Field{Name: names[r.IntN(len(names))], Value: values[r.IntN(len(values))]})
		}
		m, fault := newMessage("id-1", "/topic/with:colon\\", f, atMoment)
		if fault != nil {
			t.Fatal(fault)
		}
		for _, i := range r.Perm(len(versions)) {
			v := versions[i]
			extra := string(appendRedelivered([]byte("ack:1-1-1\n"), 3))
			got := decode(t, wire("MESSAGE\nsubscription:s\n", extra, m.tail(v)), v)
			want := stompwire.Header{
				{Name: "subscription", Value: "s"},
				{Name: "ack", Value: "1-1-1"},
				{Name: "redelivered", Value: "true"},
				{Name: "delivery-count", Value: "3"},
				{Name: "message-id", Value: "id-1"},
				{Name: "destination", Value: "/topic/with:colon\\"},
				{Name: "content-length", Value: fmt.Sprint(len(f.Body))},
			}
			own := len(want)
			for _, field := range f.Header {
				if !consumed(field.Name) && !(v == stompwire.V10 && consumed(asRead(field, v).Name)) {
					want = append(want, asRead(field, v))
				}
			}
			if !slices.Equal(got.Header, want) || !bytes.Equal(got.Body, f.Body) {
				t.Fatalf("%v: %q came out as %q with a body of %d octets", v, f.Header, got.Header, len(got.Body))
			}
			for _, field := range got.Header[own:] {
				if consumed(field.Name) {
					t.Fatalf("%v: the sender has put in %q", v, field.Name)
				}
			}
		}
	})
}

// A message says that it is redelivered from the second time on.
func TestRedelivered(t *testing.T) {
	for n, want := range map[int]string{0: "", 1: "", 2: "redelivered:true\ndelivery-count:2\n", 10: "redelivered:true\ndelivery-count:10\n"} {
		if got := string(appendRedelivered(nil, n)); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}

// A dead letter has where it comes from and why in front, the rest as it was but for expiry and delay, and is a
// message of its own: the first one is not changed.
func TestDeadLetter(t *testing.T) {
	f := sending("body", "a:1", "expires:2000000", "expiration:7", "delay:3", "priority:8", "a:2", "dead-letter-reason:fake")
	m := made(t, f)
	m.receipt, m.hasReceipt = "r", true
	before := slices.Clone(m.header)
	m.tail(stompwire.V12)
	d := m.deadLetter("/queue/DLQ", "discarded", 1, 5)
	if d.id != m.id || d.priority != 8 || !d.expires.IsZero() || !d.notBefore.IsZero() || d.hasReceipt || d.destination != "/queue/DLQ" {
		t.Errorf("got %+v", d)
	}
	got := string(wire("MESSAGE\n", "", d.tail(stompwire.V12)))
	want := "MESSAGE\nmessage-id:id-1\ndestination:/queue/DLQ\ncontent-length:4\ndead-letter-reason:discarded\ndead-letter-destination:/topic/x\n" +
		"dead-letter-message-id:id-1\ndead-letter-deliveries:5\na:1\npriority:8\na:2\ndead-letter-reason:fake\n\nbody\x00"
	if got != want {
		t.Errorf("got %q, wants %q", got, want)
	}
	if !slices.Equal(m.header, before) || !slices.Equal(f.Header, before) {
		t.Errorf("the message has become %v", m.header)
	}
	octets := len(d.body) + messageOverhead
	for _, h := range d.header {
		octets += len(h.Name) + len(h.Value) + 2
	}
	if d.size != octets {
		t.Errorf("it is charged for %d octets and has %d", d.size, octets)
	}
}

// A message in a log says which one it is and nothing of what it says.
func TestMessageInLogs(t *testing.T) {
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "message", made(t, sending("secret", "token:secret")))
	if s := log.String(); strings.Contains(s, "secret") || !strings.Contains(s, "id-1") || !strings.Contains(s, "/topic/x") {
		t.Errorf("got %s", s)
	}
}
