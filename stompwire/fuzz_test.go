package stompwire_test

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"

	"stampede/stompwire"
	"stampede/stompwire/wiretest"
)

// fuzzLimits are small, so that the fuzzer gets to them.
var fuzzLimits = stompwire.Limits{MaxHeaders: 30, MaxHeaderBytes: 200, MaxHeaderBlockBytes: 1000, MaxBodyBytes: 5000}

// Whatever arrives, the decoder does not panic, consumes it or fails, and holds no more than twice what arrived nor than the limits allow.
func FuzzDecode(f *testing.F) {
	for _, c := range wiretest.Cases() {
		f.Add(uint8(c.Version), c.Input)
	}
	f.Fuzz(func(t *testing.T, version uint8, in []byte) {
		d := stompwire.NewDecoder(fuzzLimits)
		d.SetVersion(stompwire.Version(version % 4))
		arrived, most := 0, 2*(fuzzLimits.MaxHeaderBlockBytes+fuzzLimits.MaxBodyBytes)
		for _, part := range chunks(in, 1+len(in)/7) {
			arrived += len(part)
			r := read(d, part)
			if held := d.Held(); held > min(2*arrived+1024, most) {
				t.Fatalf("%d octets held, %d arrived", held, arrived)
			}
			for _, frame := range r.frames {
				checkFrame(t, frame)
			}
			if r.fault != nil {
				checkFault(t, r.fault, arrived)
				return
			}
		}
		if !d.Partial() && d.Held() > 0 {
			t.Fatal("memory is held for no frame")
		}
	})
}

func checkFrame(t *testing.T, f stompwire.Frame) {
	t.Helper()
	if len(f.Header) > fuzzLimits.MaxHeaders || len(f.Body) > fuzzLimits.MaxBodyBytes {
		t.Fatalf("%d header lines, %d octets of body", len(f.Header), len(f.Body))
	}
	if f.Body != nil && (len(f.Body) == 0 || !f.Command.HasBody()) {
		t.Fatalf("%s with a body of %d octets", f.Command, len(f.Body))
	}
	for _, field := range f.Header {
		if field.Name == "" || strings.ContainsRune(field.Name+field.Value, 0) {
			t.Fatalf("a header line %q:%q", field.Name, field.Value)
		}
	}
}

func checkFault(t *testing.T, e *stompwire.SyntaxError, arrived int) {
	t.Helper()
	if e.Offset < 0 || e.Offset >= int64(arrived) || !strings.Contains(e.Clause, " §") || e.Problem == "" || len(e.Problem) > 200 {
		t.Fatalf("after %d octets: %v", arrived, e)
	}
}

// However a stream is split, the frames, the error and the count of heart-beats are those of the stream in one piece.
func FuzzSplit(f *testing.F) {
	for i, c := range wiretest.Cases() {
		f.Add(uint8(c.Version), c.Input, []byte{byte(i), byte(i >> 3), 1})
	}
	f.Fuzz(func(t *testing.T, version uint8, in, sizes []byte) {
		v := stompwire.Version(version % 4)
		whole := readAs(v, fuzzLimits, in)
		var parts [][]byte
		for rest, i := in, 0; len(rest) > 0; i++ {
			size := 1
			if len(sizes) > 0 {
				size = min(1+int(sizes[i%len(sizes)]), len(rest))
			}
			parts = append(parts, rest[:size])
			rest = rest[size:]
		}
		for _, parts := range [][][]byte{parts, chunks(in, 1)} {
			if split := readAs(v, fuzzLimits, parts...); !sameReading(split, whole) {
				t.Fatalf("in %d parts\n%s\n%v, %d heart-beats, partial %v\nin one\n%s\n%v, %d heart-beats, partial %v", len(parts),
					raw(split.frames), split.fault, split.heartBeats, split.partial, raw(whole.frames), whole.fault, whole.heartBeats, whole.partial)
			}
		}
	})
}

// A stream whose octets are given up is read as the same frames, and their clones are in memory of their own.
func FuzzShared(f *testing.F) {
	for i, c := range wiretest.Cases() {
		f.Add(uint8(c.Version), c.Input, uint8(i))
	}
	f.Fuzz(func(t *testing.T, version uint8, in []byte, cut uint8) {
		v := stompwire.Version(version % 4)
		whole := readAs(v, fuzzLimits, in)
		d := stompwire.NewDecoder(fuzzLimits)
		d.SetVersion(v)
		at := min(int(cut), len(in))
		if shared := readShared(d, in[:at], in[at:]); !sameReading(shared, whole) {
			t.Fatalf("given up\n%s\n%v\ncopied\n%s\n%v", raw(shared.frames), shared.fault, raw(whole.frames), whole.fault)
		}
	})
}

func sameReading(a, b reading) bool {
	if !slices.EqualFunc(a.frames, b.frames, sameFrame) || a.heartBeats != b.heartBeats || a.partial != b.partial {
		return false
	}
	if a.fault == nil || b.fault == nil {
		return a.fault == b.fault
	}
	// An unknown command is reported at once, so how much of it is quoted depends on how much is there.
	x, y := *a.fault, *b.fault
	if strings.HasPrefix(x.Problem, "unknown command ") && strings.HasPrefix(y.Problem, "unknown command ") {
		x.Problem, y.Problem = "", ""
	}
	return x == y
}

// What is written for a version is read back by it as the same frame, but for octets that the version cannot write.
func FuzzRoundTrip(f *testing.F) {
	for _, c := range wiretest.Cases() {
		for _, frame := range c.Frames {
			var lines []string
			for _, field := range frame.Header {
				lines = append(lines, field.Name, field.Value)
			}
			command := slices.Index(everyCommand, frame.Command)
			f.Add(uint8(c.Version), uint8(command), strings.Join(lines, "|"), frame.Body)
		}
	}
	for _, e := range wiretest.Encodings() {
		if len(e.Frame.Header) > 0 {
			f.Add(uint8(e.Version), uint8(3), e.Frame.Header[0].Name+"|"+e.Frame.Header[0].Value, e.Frame.Body)
		}
	}
	f.Fuzz(func(t *testing.T, version, command uint8, lines string, body []byte) {
		v := stompwire.Version(version % 4)
		in := stompwire.Frame{Command: everyCommand[int(command)%len(everyCommand)]}
		if in.Command.HasBody() && len(body) > 0 {
			in.Body = body
		}
		words := strings.Split(lines, "|")
		for i := 0; i+1 < len(words); i += 2 {
			in.Header = append(in.Header, stompwire.Field{Name: words[i], Value: words[i+1]})
		}
		written := stompwire.AppendFrame(nil, &in, v)
		r := readAs(v, roomy, written)
		if r.fault != nil || len(r.frames) != 1 || r.partial || r.heartBeats != 0 {
			t.Fatalf("%q is read as %d frames, %v", written, len(r.frames), r.fault)
		}
		if want := canonical(in, v); !sameFrame(r.frames[0], want) {
			t.Fatalf("%q\nis read as %s\nwant       %s", written, raw(r.frames), raw([]stompwire.Frame{want}))
		}
		for to := stompwire.V10; to <= stompwire.V12; to++ {
			// What came in by one version can go out by every other.
			again := readAs(to, roomy, stompwire.AppendFrame(nil, &r.frames[0], to))
			if want := canonical(r.frames[0], to); again.fault != nil || len(again.frames) != 1 || !sameFrame(again.frames[0], want) {
				t.Fatalf("%v to %v: %v, %s, want %s", v, to, again.fault, raw(again.frames), raw([]stompwire.Frame{want}))
			}
		}
		if !bytes.HasSuffix(written, []byte{0}) {
			t.Fatalf("%q does not end in NUL", written)
		}
	})
}

// roomy are limits that nothing a fuzzer writes comes near to.
var roomy = stompwire.Limits{MaxHeaders: 1 << 20, MaxHeaderBytes: 1 << 30, MaxHeaderBlockBytes: 1 << 30}

var everyCommand = []stompwire.Command{
	stompwire.Connect, stompwire.Stomp, stompwire.Connected, stompwire.Send, stompwire.Subscribe,
	stompwire.Unsubscribe, stompwire.Ack, stompwire.Nack, stompwire.Begin, stompwire.Commit, stompwire.Abort,
	stompwire.Disconnect, stompwire.Message, stompwire.Receipt, stompwire.Error,
}

// canonical is f as it comes back when it has been written for v. It says in the plainest way what the
// documentation of AppendFrame says, and is no copy of the code.
func canonical(f stompwire.Frame, v stompwire.Version) stompwire.Frame {
	opening := slices.Contains(everyCommand[:3], f.Command) // CONNECT, STOMP and CONNECTED
	literal := opening || v <= stompwire.V10
	unwritable := "\x00"
	if v != stompwire.V12 || opening {
		unwritable += "\r"
	}
	if literal {
		unwritable += "\n"
	}
	replaced := func(s, more, with string) string {
		for _, c := range unwritable + more {
			s = strings.ReplaceAll(s, string(c), with)
		}
		return s
	}
	length := stompwire.Field{Name: "content-length", Value: strconv.Itoa(len(f.Body))}
	out := stompwire.Frame{Command: f.Command, Body: f.Body}
	counted := false
	for _, field := range f.Header {
		name, value := field.Name, replaced(field.Value, "", " ")
		if literal {
			name = replaced(name, ":", "_")
		} else {
			name = replaced(name, "", "_")
		}
		if name == "" || literal && strings.Trim(name, " \t") == "" {
			name = "_"
		}
		if name == length.Name || literal && strings.Trim(name, " \t") == length.Name {
			if !counted {
				out.Header = append(out.Header, length)
			}
			counted = true
			continue
		}
		out.Header = append(out.Header, stompwire.Field{Name: name, Value: value})
	}
	if !counted && (f.Command == stompwire.Message || bytes.IndexByte(f.Body, 0) >= 0) {
		out.Header = slices.Insert(out.Header, 0, length)
	}
	trimmed := v == stompwire.V10
	if v == 0 && opening {
		naming := "accept-version"
		if f.Command == stompwire.Connected {
			naming = "version"
		}
		agreed, _ := stompwire.Negotiate(out.Header.Get(naming))
		trimmed = agreed == stompwire.V10
	}
	if trimmed {
		for i, field := range out.Header {
			out.Header[i] = stompwire.Field{Name: strings.Trim(field.Name, " \t"), Value: strings.Trim(field.Value, " \t")}
		}
	}
	return out
}
