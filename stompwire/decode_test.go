package stompwire_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"weak"

	"stampede/stompwire"
	"stampede/stompwire/wiretest"
)

// reading is all that a decoder makes of a stream.
type reading struct {
	frames     []stompwire.Frame
	fault      *stompwire.SyntaxError
	heartBeats uint64
	partial    bool
}

// read decodes a stream that arrives in parts. Each part is overwritten as soon as it
// is decoded, so that a frame that refers to it is found out.
func read(d *stompwire.Decoder, parts ...[]byte) (r reading) {
	for _, part := range parts {
		part = bytes.Clone(part)
		for p := part; len(p) > 0 && r.fault == nil; {
			var f stompwire.Frame
			n, ok, err := d.Decode(p, &f)
			if err != nil {
				if !errors.As(err, &r.fault) {
					panic(fmt.Sprintf("an error of type %T", err))
				}
				break
			}
			if n <= 0 || n > len(p) || !ok && n != len(p) {
				panic(fmt.Sprintf("%d of %d octets consumed, frame %v", n, len(p), ok))
			}
			if ok {
				r.frames = append(r.frames, f)
			}
			p = p[n:]
		}
		for i := range part {
			part[i] = '#'
		}
	}
	r.heartBeats, r.partial = d.HeartBeats(), d.Partial()
	return r
}

// readShared reads like read, but gives the octets up, and keeps clones of the frames.
func readShared(d *stompwire.Decoder, parts ...[]byte) (r reading) {
	for _, part := range parts {
		given := bytes.Clone(part)
		for p := given; len(p) > 0 && r.fault == nil; {
			var f stompwire.Frame
			n, ok, err := d.DecodeShared(p, &f)
			if err != nil {
				errors.As(err, &r.fault)
				break
			}
			if ok {
				r.frames = append(r.frames, f)
			}
			p = p[n:]
		}
		for i, f := range r.frames {
			if f.Shared {
				r.frames[i] = f.Clone()
			}
		}
		for i := range given {
			given[i] = '#'
		}
	}
	r.heartBeats, r.partial = d.HeartBeats(), d.Partial()
	return r
}

func readAs(v stompwire.Version, l stompwire.Limits, parts ...[]byte) reading {
	d := stompwire.NewDecoder(l)
	d.SetVersion(v)
	return read(d, parts...)
}

// chunks cuts p into parts of size octets.
func chunks(p []byte, size int) [][]byte { return slices.Collect(slices.Chunk(p, size)) }

func sameFrame(a, b stompwire.Frame) bool {
	return a.Command == b.Command && slices.Equal(a.Header, b.Header) && bytes.Equal(a.Body, b.Body)
}

// raw shows a frame with everything in it, which printing a Frame does not.
func raw(frames []stompwire.Frame) string {
	var b strings.Builder
	for _, f := range frames {
		fmt.Fprintf(&b, "%s ", f.Command)
		for _, field := range f.Header {
			fmt.Fprintf(&b, "%q:%q ", field.Name, field.Value)
		}
		fmt.Fprintf(&b, "%q; ", f.Body)
	}
	return b.String()
}

// differs says in which way r is not what c wants, or "".
func differs(c wiretest.Case, r reading) string {
	switch {
	case !slices.EqualFunc(r.frames, c.Frames, sameFrame):
		return fmt.Sprintf("frames\n%s\nwant\n%s", raw(r.frames), raw(c.Frames))
	case r.fault == nil && c.Refused():
		return "no error, want one with " + c.Error
	case r.fault != nil && !c.Refused():
		return "error " + r.fault.Error()
	case r.heartBeats != c.HeartBeats:
		return fmt.Sprintf("%d heart-beats, want %d", r.heartBeats, c.HeartBeats)
	case r.partial != c.Partial:
		return fmt.Sprintf("partial %v, want %v", r.partial, c.Partial)
	case r.fault == nil:
		return ""
	case !strings.Contains(r.fault.Problem, c.Error):
		return fmt.Sprintf("problem %q, want %q", r.fault.Problem, c.Error)
	case r.fault.Clause != c.Clause:
		return fmt.Sprintf("clause %q, want %q", r.fault.Clause, c.Clause)
	case r.fault.Offset != c.Offset:
		return fmt.Sprintf("offset %d, want %d", r.fault.Offset, c.Offset)
	case r.fault.Limit != c.Limit || (r.fault.LimitValue > 0) != (c.Limit != ""):
		return fmt.Sprintf("limit %q of %d, want %q", r.fault.Limit, r.fault.LimitValue, c.Limit)
	}
	return ""
}

// Every entry of the table gives the same frames or the same error, wherever its octets are split.
func TestCasesInEverySplit(t *testing.T) {
	for _, c := range wiretest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			check := func(how string, parts ...[]byte) {
				t.Helper()
				if wrong := differs(c, readAs(c.Version, c.Limits, parts...)); wrong != "" {
					t.Fatalf("[%s] %s: %s", c.Clause, how, wrong)
				}
			}
			check("whole", c.Input)
			if len(c.Input) > 1000 {
				for _, size := range []int{1, 2, 1000, 4096} {
					check(fmt.Sprintf("in parts of %d", size), chunks(c.Input, size)...)
				}
				return
			}
			for i := 1; i < len(c.Input); i++ {
				check(fmt.Sprintf("split at %d", i), c.Input[:i], c.Input[i:])
				check(fmt.Sprintf("in parts of %d", i), chunks(c.Input, i)...)
				check(fmt.Sprintf("octet %d alone", i), c.Input[:i], c.Input[i:i+1], c.Input[i+1:])
			}
		})
	}
}

// A thousand frames in one read come out one by one, in order.
func TestThousandFramesInOneRead(t *testing.T) {
	for _, v := range []stompwire.Version{stompwire.V10, stompwire.V11, stompwire.V12} {
		var in []byte
		var want []stompwire.Frame
		for len(want) < 1000 {
			for _, c := range wiretest.Cases() {
				if c.Version == v && !c.Refused() && !c.Partial {
					in = append(append(in, c.Input...), '\n')
					want = append(want, c.Frames...)
				}
			}
		}
		for _, parts := range [][][]byte{{in}, chunks(in, 4096), chunks(in, 1)} {
			r := readAs(v, stompwire.Limits{}, parts...)
			if r.fault != nil || r.partial || !slices.EqualFunc(r.frames, want, sameFrame) {
				t.Fatalf("%v in %d parts: %d frames of %d, error %v", v, len(parts), len(r.frames), len(want), r.fault)
			}
		}
	}
}

// A server that sets the version behind CONNECT reads what is pipelined after it by that version.
func TestVersionIsSetBetweenPipelinedFrames(t *testing.T) {
	const connect, send = "CONNECT\naccept-version:1.2\npasscode:\\c\n\n\x00", "SEND\nk:\\c\n\n\x00"
	d := stompwire.NewDecoder(stompwire.Limits{})
	p := []byte(connect + send)
	var f stompwire.Frame
	n, ok, err := d.Decode(p, &f)
	if passcode, _ := f.Header.Get("passcode"); n != len(connect) || !ok || err != nil || passcode != `\c` {
		t.Fatal(n, ok, err, passcode)
	}
	d.SetVersion(stompwire.V12)
	n, ok, err = d.Decode(p[n:], &f)
	if k, _ := f.Header.Get("k"); n != len(send) || !ok || err != nil || k != ":" {
		t.Fatal(n, ok, err, k)
	}
}

// After an error the decoder says the same error again, and holds nothing.
func TestDecoderIsDeadAfterAnError(t *testing.T) {
	d := stompwire.NewDecoder(stompwire.Limits{})
	d.SetVersion(stompwire.V12)
	first := read(d, []byte("SEND\nk:v\nreceipt\n")).fault
	second := read(d, []byte("SEND\n\n\x00")).fault
	if first == nil || second != first || d.Partial() || d.Held() != 0 {
		t.Fatal(first, second, d.Partial(), d.Held())
	}
	if n, ok, err := d.Decode(nil, new(stompwire.Frame)); n != 0 || ok || err != first {
		t.Fatal(n, ok, err)
	}
}

// The offset of an error counts from the beginning of the stream, over frames and heart-beats.
func TestOffsetIsThatOfTheStream(t *testing.T) {
	good := "\r\nSEND\n\nbody\x00\n"
	in := []byte(strings.Repeat(good, 1000) + "SEND\nk:\\x\n\n\x00")
	for _, size := range []int{len(in), 1, 7, 1000} {
		r := readAs(stompwire.V12, stompwire.Limits{}, chunks(in, size)...)
		if want := int64(1000*len(good) + len("SEND\nk:")); r.fault == nil || r.fault.Offset != want {
			t.Fatalf("in parts of %d: %v, want offset %d", size, r.fault, want)
		}
	}
}

// What a content-length claims takes no memory: only what arrives does, twice at most.
func TestMemoryFollowsWhatArrived(t *testing.T) {
	for _, head := range []string{"SEND\ncontent-length:67108864\n\n", "SEND\nk:v\n\n", "SEND\nlong:"} {
		d := stompwire.NewDecoder(stompwire.Limits{MaxHeaderBytes: 1 << 20, MaxHeaderBlockBytes: 1 << 20})
		d.SetVersion(stompwire.V12)
		read(d, []byte(head))
		for arrived := len(head); arrived < 300_000; {
			part := bytes.Repeat([]byte("x"), 1+arrived%977)
			if r := read(d, part); r.fault != nil {
				t.Fatal(r.fault)
			}
			arrived += len(part)
			if held := d.Held(); held > 2*arrived+1024 {
				t.Fatalf("%q: %d octets held after %d arrived", head, held, arrived)
			}
		}
	}
}

// A frame that is kept does not keep much more memory than it is long, however slowly it came.
func TestSlowFramesAreClipped(t *testing.T) {
	for _, size := range []int{100, 600, 5000, 66_000} {
		in := append(append([]byte("SEND\nk:v\n\n"), bytes.Repeat([]byte("x"), size)...), 0)
		f := readAs(stompwire.V12, stompwire.Limits{}, chunks(in, 11)...).frames[0]
		if len(f.Body) != size || cap(f.Body) > size+size/4+64 {
			t.Errorf("a body of %d octets has room for %d", len(f.Body), cap(f.Body))
		}
	}
}

// Growing a list or a body of one frame does not reach into another one.
func TestFramesDoNotShareRoom(t *testing.T) {
	in := []byte(strings.Repeat("SEND\na:b\n\nbody\x00", 3))
	for _, size := range []int{len(in), 1} {
		frames := readAs(stompwire.V12, stompwire.Limits{}, chunks(in, size)...).frames
		before := raw(frames[1:])
		_ = append(frames[0].Header, stompwire.Field{Name: "x", Value: "y"})
		_ = append(frames[0].Body, "more"...)
		for i := range frames[0].Body {
			frames[0].Body[i] = '#'
		}
		if after := raw(frames[1:]); after != before {
			t.Errorf("%s, was %s", after, before)
		}
		if b, _ := frames[0].Header.Get("a"); b != "b" {
			t.Errorf("writing to the body changed a header to %q", b)
		}
	}
}

// A frame that is kept keeps no memory of another one that came with it.
func TestFramesAreFreedOneByOne(t *testing.T) {
	for _, size := range []int{10, 300, 3000, 10_000} {
		in := bytes.Repeat(append(append([]byte("SEND\na:b\n\n"), bytes.Repeat([]byte("x"), size)...), 0), 10)
		frames := readAs(stompwire.V12, stompwire.Limits{}, in).frames
		var bodies []weak.Pointer[byte]
		for _, f := range frames {
			bodies = append(bodies, weak.Make(&f.Body[0]))
		}
		kept := frames[4]
		frames = nil
		runtime.GC()
		for i, body := range bodies {
			if held := body.Value() != nil; held != (i == 4) {
				t.Errorf("%d octets: body %d held: %v", size, i, held)
			}
		}
		runtime.KeepAlive(kept)
	}
}

// A header that is kept does not keep a large body.
func TestLargeBodiesStandApart(t *testing.T) {
	for _, size := range []int{4096, 100_000} {
		in := append(append([]byte("SEND\na:b\n\n"), bytes.Repeat([]byte("x"), size)...), 0)
		for _, part := range []int{len(in), 1000} {
			f := readAs(stompwire.V12, stompwire.Limits{}, chunks(in, part)...).frames[0]
			body := weak.Make(&f.Body[0])
			kept := f.Header
			f = stompwire.Frame{}
			runtime.GC()
			if body.Value() != nil {
				t.Errorf("a body of %d octets is held", size)
			}
			runtime.KeepAlive(kept)
		}
	}
}

// Limits that are lowered in the middle of a frame hold for what is left of it.
func TestLimitsMayChangeInTheMiddle(t *testing.T) {
	small := stompwire.Limits{MaxHeaders: 1, MaxHeaderBytes: 8, MaxHeaderBlockBytes: 16, MaxBodyBytes: 2}
	for first, limit := range map[string]string{
		"SEND\na:1\n":                          stompwire.LimitHeaders,
		"SEND\na:12345678":                     stompwire.LimitHeaderBytes,
		"SEND\na:1\nb:1234567890123456789\n":   stompwire.LimitHeaderBlockBytes,
		"SEND\na:1\n\nbody":                    stompwire.LimitBodyBytes,
		"SEND\na:1\nb:1\nc:123\nd:4\ne:5\nf:6": stompwire.LimitHeaderBlockBytes,
	} {
		d := stompwire.NewDecoder(stompwire.Limits{})
		d.SetVersion(stompwire.V12)
		read(d, []byte(first))
		d.SetLimits(small)
		if r := read(d, []byte("x:1\n\nbody\x00")); r.fault == nil || r.fault.Limit != limit {
			t.Errorf("%q: %v, want %s", first, r.fault, limit)
		}
	}
}

// A decoder made with the zero Limits has the default ones: there is no way to have none.
func TestZeroLimitsAreTheDefaults(t *testing.T) {
	in := []byte("SEND\ncontent-length:67108865\n\n")
	r := readAs(stompwire.V12, stompwire.Limits{MaxBodyBytes: -1}, in)
	if r.fault == nil || r.fault.LimitValue != int64(stompwire.DefaultLimits().MaxBodyBytes) {
		t.Fatal(r.fault)
	}
}

// Frames of every number of header lines and every length come out as they went in.
func TestFramesOfEverySize(t *testing.T) {
	sizes := []int{700, 4000, 4096, 4200, 70_000}
	for size := range 530 {
		sizes = append(sizes, size)
	}
	for _, lines := range []int{0, 1, 2, 3, 4, 5, 8, 9, 23, 24, 25, 64} {
		for _, size := range sizes {
			f := stompwire.Frame{Command: stompwire.Send, Body: bytes.Repeat([]byte("x"), size)}
			for i := range lines {
				f.Header = append(f.Header, stompwire.Field{Name: fmt.Sprint(i), Value: "a:\\"})
			}
			r := readAs(stompwire.V12, stompwire.Limits{}, stompwire.AppendFrame(nil, &f, stompwire.V12))
			if r.fault != nil || len(r.frames) != 1 || !sameFrame(r.frames[0], f) {
				t.Fatalf("%d lines, %d octets of body: %v", lines, size, r.fault)
			}
		}
	}
}

// Of a repeated header the first line is what Get gives, and an empty value is not an absent one.
func TestHeaderGet(t *testing.T) {
	h := stompwire.Header{{Name: "k", Value: "1"}, {Name: "empty"}, {Name: "k", Value: "2"}}
	if v, ok := h.Get("k"); v != "1" || !ok {
		t.Error(v, ok)
	}
	if v, ok := h.Get("empty"); v != "" || !ok || !h.Has("empty") {
		t.Error(v, ok)
	}
	if v, ok := h.Get("K"); v != "" || ok || h.Has("K") || stompwire.Header(nil).Has("k") {
		t.Error(v, ok)
	}
}

// An error has the receipt header that came ahead of the fault, in the frame's own escapes, and no other one.
func TestErrorsKnowTheReceipt(t *testing.T) {
	limits := stompwire.Limits{MaxBodyBytes: 4}
	for _, c := range []struct {
		version stompwire.Version
		in      string
		want    string
		has     bool
	}{
		{stompwire.V12, "SEND\nreceipt:a\\cb\nreceipt:2\nno colon\n\n\x00", "a:b", true},
		{stompwire.V10, "SEND\n receipt : a\\cb\nno colon\n\n\x00", "a\\cb", true},
		{stompwire.V12, "SEND\r\nreceipt:\r\ncontent-length:5\r\n\r\n", "", true},
		{stompwire.V12, "SEND\nreceipt:1\n\nhello\x00", "1", true},
		{stompwire.V12, "ACK\nid:1\nreceipt:1\n\nbody\x00", "1", true},
		{stompwire.V12, "SEND\nno colon\nreceipt:1\n\n\x00", "", false},
		{stompwire.V12, "SEND\nRECEIPT:1\n\nhello\x00", "", false},
		{stompwire.V12, "SEND\nreceipt:1\n\n\x00SEND\nno colon\n\n\x00", "", false},
		{stompwire.V12, "SENT\nreceipt:1\n\n\x00", "", false},
	} {
		for _, parts := range [][][]byte{{[]byte(c.in)}, chunks([]byte(c.in), 1)} {
			got := readAs(c.version, limits, parts...).fault
			if got == nil || got.Receipt != c.want || got.HasReceipt != c.has {
				t.Errorf("%q in %d parts: receipt %+v, wanted %q, %v", c.in, len(parts), got, c.want, c.has)
			}
		}
	}
}

// While a body with a content-length comes in, the decoder knows how much of it is missing, and else nothing.
func TestMissing(t *testing.T) {
	d := stompwire.NewDecoder(stompwire.Limits{})
	d.SetVersion(stompwire.V12)
	for _, c := range []struct {
		part string
		want int
	}{{"SEND\ncontent-length:5\n", 0}, {"\n", 5}, {"ab", 3}, {"cde", 0}, {"\x00", 0}, {"SEND\n\nabc", 0}} {
		read(d, []byte(c.part))
		if got := d.Missing(); got != c.want {
			t.Errorf("after %q %d are missing, want %d", c.part, got, c.want)
		}
	}
}
