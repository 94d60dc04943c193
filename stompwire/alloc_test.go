package stompwire_test

import (
	"bytes"
	"testing"

	"stampede/stompwire"
)

// Decoding a SEND of 256 octets that is whole costs one allocation, and a slab of headers now and then.
func TestDecodeAllocatesOncePerFrame(t *testing.T) {
	const perRun = 256
	for name, frame := range map[string][]byte{
		"plain":          sendOf256("\n", "receipt:r-1042\n"),
		"content-length": sendOf256("\n", "content-length:174\n"),
		"CRLF":           sendOf256("\r\n", "receipt:r-1042\n"),
		"escapes":        sendOf256("\n", `reply-to:http\c//here\c8080/a\\b\n`+"\n"),
	} {
		if len(frame) != 256 {
			t.Fatalf("%s: a frame of %d octets", name, len(frame))
		}
		for v := stompwire.V10; v <= stompwire.V12; v++ {
			in := bytes.Repeat(frame, perRun)
			d := stompwire.NewDecoder(stompwire.Limits{})
			d.SetVersion(v)
			var f stompwire.Frame
			one := func() {
				n, ok, err := d.Decode(in, &f)
				if n != len(frame) || !ok || err != nil {
					t.Fatal(name, n, ok, err)
				}
			}
			if got := testing.AllocsPerRun(1000, one); got > 1 {
				t.Errorf("%s in %v: %v allocations per frame", name, v, got)
			}
			many := func() {
				for p := in; len(p) > 0; p = p[len(frame):] {
					if _, ok, err := d.Decode(p, &f); !ok || err != nil {
						t.Fatal(name, ok, err)
					}
				}
			}
			if got := testing.AllocsPerRun(20, many) / perRun; got > 1.1 {
				t.Errorf("%s in %v: %v allocations per frame, slabs included", name, v, got)
			}
		}
	}
}

// Decoding SENDs where they are costs an allocation for sixteen of them.
func TestDecodeSharedAllocatesOnceForManyFrames(t *testing.T) {
	const perRun = 256
	frame := sendOf256("\n", "receipt:r-1042\n")
	in := bytes.Repeat(frame, perRun)
	d := stompwire.NewDecoder(stompwire.Limits{})
	d.SetVersion(stompwire.V12)
	var f stompwire.Frame
	got := testing.AllocsPerRun(20, func() {
		for p := in; len(p) > 0; p = p[len(frame):] {
			if n, ok, err := d.DecodeShared(p, &f); n != len(frame) || !ok || err != nil || !f.Shared {
				t.Fatal(n, ok, err, f.Shared)
			}
		}
	})
	if got > perRun/16 {
		t.Errorf("%v allocations for %d frames", got, perRun)
	}
}

// Writing a frame into memory that is large enough allocates nothing.
func TestEncodeAllocatesNothing(t *testing.T) {
	for _, escaped := range []bool{false, true} {
		f := benchmarkMessage(escaped)
		for v := stompwire.V10; v <= stompwire.V12; v++ {
			dst := stompwire.AppendFrame(nil, &f, v)
			if got := testing.AllocsPerRun(100, func() { dst = stompwire.AppendFrame(dst[:0], &f, v) }); got != 0 {
				t.Errorf("%v: %v allocations", v, got)
			}
		}
	}
}

// A stream of heart-beats allocates nothing.
func TestHeartBeatsAllocateNothing(t *testing.T) {
	d := stompwire.NewDecoder(stompwire.Limits{})
	var f stompwire.Frame
	in := []byte("\n\r\n")
	if got := testing.AllocsPerRun(100, func() { _, _, _ = d.Decode(in, &f) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
