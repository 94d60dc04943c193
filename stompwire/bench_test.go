package stompwire_test

import (
	"bytes"
	"strings"
	"testing"

	"stampede/stompwire"
)

// send256 is a SEND of 256 octets such as a client library writes it.
func send256(eol string) []byte {
	head := strings.ReplaceAll("SEND\ndestination:/topic/prices\ncontent-type:application/json\nreceipt:r-1042\ncontent-length:150\n\n", "\n", eol)
	frame := append([]byte(head), bytes.Repeat([]byte("x"), 150)...)
	return append(frame, 0)
}

// padded fills the body of frame so that the frame has size octets.
func padded(head string, size int) []byte {
	return append(append([]byte(head), bytes.Repeat([]byte("x"), size-len(head)-1)...), 0)
}

func benchmarkDecode(b *testing.B, v stompwire.Version, frame []byte) {
	b.Helper()
	const perRead = 64
	in := bytes.Repeat(frame, perRead)
	d := stompwire.NewDecoder(stompwire.Limits{})
	d.SetVersion(v)
	b.ReportAllocs()
	b.SetBytes(int64(len(frame)))
	var f stompwire.Frame
	for i := 0; i < b.N; {
		for p := in; len(p) > 0 && i < b.N; i++ {
			n, ok, err := d.Decode(p, &f)
			if !ok || err != nil {
				b.Fatal(ok, err)
			}
			p = p[n:]
		}
	}
}

func BenchmarkDecodeSend256(b *testing.B) {
	benchmarkDecode(b, stompwire.V12, padded("SEND\ndestination:/topic/prices\ncontent-type:application/json\nreceipt:r-1042\n\n", 256))
}
func BenchmarkDecodeSend256ContentLength(b *testing.B) {
	benchmarkDecode(b, stompwire.V12, padded("SEND\ndestination:/topic/prices\ncontent-type:application/json\nreceipt:r-1042\ncontent-length:156\n\n", 256))
}
