package stompwire_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"stampede/stompwire"
)

// sendOf256 is a SEND of 256 octets with the headers that a client library writes.
func sendOf256(eol, lines string) []byte {
	head := "SEND\ndestination:/topic/prices\ncontent-type:application/json\n" + lines + "\n"
	head = strings.ReplaceAll(head, "\n", eol)
	return append(append([]byte(head), bytes.Repeat([]byte("x"), 256-len(head)-1)...), 0)
}

// benchmarkDecode decodes reads of 64 frames; one operation is one frame.
func benchmarkDecode(b *testing.B, v stompwire.Version, frame []byte) {
	b.Helper()
	in := bytes.Repeat(frame, 64)
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
	benchmarkDecode(b, stompwire.V12, sendOf256("\n", "receipt:r-1042\n"))
}

func BenchmarkDecodeSend256ContentLength(b *testing.B) {
	frame := sendOf256("\n", "content-length:174\n")
	benchmarkDecode(b, stompwire.V12, frame)
}

func BenchmarkDecodeSend256CRLF(b *testing.B) {
	benchmarkDecode(b, stompwire.V12, sendOf256("\r\n", "receipt:r-1042\n"))
}

func BenchmarkDecodeSend256Escapes(b *testing.B) {
	for _, v := range []stompwire.Version{stompwire.V10, stompwire.V11, stompwire.V12} {
		b.Run(v.String(), func(b *testing.B) {
			benchmarkDecode(b, v, sendOf256("\n", `reply-to:http\c//here\c8080/a\\b\n`+"\n"))
		})
	}
}

func BenchmarkDecodeSubscribe(b *testing.B) {
	benchmarkDecode(b, stompwire.V12, []byte("SUBSCRIBE\nid:sub-0\ndestination:/topic/prices\nack:auto\n\n\x00"))
}

// A large body arrives in reads of 64 KiB, as from a socket; one operation is one frame.
func BenchmarkDecodeLargeBody(b *testing.B) {
	for _, counted := range []bool{true, false} {
		for _, size := range []int{64 << 10, 1 << 20, 16 << 20} {
			b.Run(fmt.Sprintf("%dKiB/content-length=%v", size>>10, counted), func(b *testing.B) {
				f := stompwire.Frame{Command: stompwire.Send, Body: bytes.Repeat([]byte("x"), size)}
				if counted {
					stompwire.EnsureContentLength(&f)
				}
				reads := chunks(stompwire.AppendFrame(nil, &f, stompwire.V12), 64<<10)
				d := stompwire.NewDecoder(stompwire.Limits{})
				d.SetVersion(stompwire.V12)
				b.ReportAllocs()
				b.SetBytes(int64(size))
				for range b.N {
					for i, p := range reads {
						if _, ok, err := d.Decode(p, &f); err != nil || ok != (i == len(reads)-1) {
							b.Fatal(i, ok, err)
						}
					}
				}
			})
		}
	}
}

// The worst split: every octet is a read of its own.
func BenchmarkDecodeSend256ByteByByte(b *testing.B) {
	frame := sendOf256("\n", "receipt:r-1042\n")
	d := stompwire.NewDecoder(stompwire.Limits{})
	d.SetVersion(stompwire.V12)
	b.ReportAllocs()
	b.SetBytes(int64(len(frame)))
	var f stompwire.Frame
	for range b.N {
		for i := range frame {
			if _, _, err := d.Decode(frame[i:i+1], &f); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func benchmarkMessage(escaped bool) stompwire.Frame {
	f := stompwire.Frame{
		Command: stompwire.Message,
		Header: stompwire.Header{
			{Name: "subscription", Value: "sub-0"},
			{Name: "message-id", Value: "c42-1000001"},
			{Name: "destination", Value: "/topic/prices"},
			{Name: "content-length", Value: "150"},
			{Name: "content-type", Value: "application/json"},
		},
		Body: bytes.Repeat([]byte("x"), 150),
	}
	if escaped {
		f.Header = append(f.Header, stompwire.Field{Name: "reply-to", Value: "http://here:8080/a\\b\n"})
	}
	return f
}

func BenchmarkEncodeMessage(b *testing.B) {
	for _, escaped := range []bool{false, true} {
		for v := stompwire.V10; v <= stompwire.V12; v++ {
			b.Run(fmt.Sprintf("%v/escapes=%v", v, escaped), func(b *testing.B) {
				f := benchmarkMessage(escaped)
				dst := stompwire.AppendFrame(nil, &f, v)
				b.ReportAllocs()
				b.SetBytes(int64(len(dst)))
				for range b.N {
					dst = stompwire.AppendFrame(dst[:0], &f, v)
				}
			})
		}
	}
}

func BenchmarkAppendHeader(b *testing.B) {
	dst := make([]byte, 0, 64)
	b.ReportAllocs()
	for range b.N {
		dst = stompwire.AppendHeader(dst[:0], "message-id", "c42-1000001", stompwire.V12)
	}
}
