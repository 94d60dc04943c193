package wiretest

import (
	"slices"
	"strings"

	"stampede/stompwire"
)

func limitCases() []Case {
	return slices.Concat(
		boundary("header lines", stompwire.LimitHeaders, stompwire.Limits{MaxHeaders: 3}, "there are more header lines than max_headers = 3",
			func(n int) (in []byte, want stompwire.Frame, fault int) {
				in, want = []byte("SEND\n"), stompwire.Frame{Command: stompwire.Send}
				for range 3 + n {
					fault = len(in)
					in = append(in, "k:v\n"...)
					want.Header = append(want.Header, stompwire.Field{Name: "k", Value: "v"})
				}
				return append(in, "\n\x00"...), want, fault
			}),
		boundary("octets in a header line", stompwire.LimitHeaderBytes, stompwire.Limits{MaxHeaderBytes: 10}, "a header line is longer than max_header_bytes = 10",
			func(n int) (in []byte, want stompwire.Frame, fault int) {
				value := strings.Repeat("v", 8+n)
				return []byte("SEND\na:b\nk:" + value + "\n\n\x00"), frame(stompwire.Send, "", "a", "b", "k", value), len("SEND\na:b\n")
			}),
		boundary("octets in a header line that ends in CRLF", stompwire.LimitHeaderBytes, stompwire.Limits{MaxHeaderBytes: 10}, "a header line is longer than max_header_bytes = 10",
			func(n int) (in []byte, want stompwire.Frame, fault int) {
				value := strings.Repeat("v", 8+n)
				return []byte("SEND\r\na:b\r\nk:" + value + "\r\n\r\n\x00"), frame(stompwire.Send, "", "a", "b", "k", value), len("SEND\r\na:b\r\n")
			}),
		boundary("octets in a header line, escapes as they are on the wire", stompwire.LimitHeaderBytes, stompwire.Limits{MaxHeaderBytes: 10}, "a header line is longer than max_header_bytes = 10",
			func(n int) (in []byte, want stompwire.Frame, fault int) {
				value := strings.Repeat("v", 4+n)
				return []byte("SEND\nk:\\c\\n" + value + "\n\n\x00"), frame(stompwire.Send, "", "k", ":\n"+value), len("SEND\n")
			}),
		boundary("octets of command and header lines", stompwire.LimitHeaderBlockBytes, stompwire.Limits{MaxHeaderBlockBytes: 20}, "command and header lines are longer than max_header_block_bytes = 20",
			func(n int) (in []byte, want stompwire.Frame, fault int) {
				value := strings.Repeat("v", 20-len("SEND\na:b\nk:\n")+n)
				return []byte("SEND\na:b\nk:" + value + "\n\nbody is not counted\x00"), frame(stompwire.Send, "body is not counted", "a", "b", "k", value), 0
			}),
		boundary("octets of command and header lines that end in CRLF", stompwire.LimitHeaderBlockBytes, stompwire.Limits{MaxHeaderBlockBytes: 20}, "command and header lines are longer than max_header_block_bytes = 20",
			func(n int) (in []byte, want stompwire.Frame, fault int) {
				value := strings.Repeat("v", 20-len("SEND\r\na:b\r\nk:\r\n")+n)
				return []byte("SEND\r\na:b\r\nk:" + value + "\r\n\r\n\x00"), frame(stompwire.Send, "", "a", "b", "k", value), 0
			}),
		boundary("octets of a body", stompwire.LimitBodyBytes, stompwire.Limits{MaxBodyBytes: 5}, "the body is longer than max_body_bytes = 5",
			func(n int) (in []byte, want stompwire.Frame, fault int) {
				body := strings.Repeat("b", 5+n)
				return []byte("SEND\nk:v\n\n" + body + "\x00"), frame(stompwire.Send, body, "k", "v"), len("SEND\nk:v\n\n")
			}),
		boundary("octets of a body with content-length", stompwire.LimitBodyBytes, stompwire.Limits{MaxBodyBytes: 5}, "the body is longer than max_body_bytes = 5",
			func(n int) (in []byte, want stompwire.Frame, fault int) {
				body := strings.Repeat("\x00", 5+n)
				length := string(rune('5' + n))
				return []byte("SEND\ncontent-length:" + length + "\n\n" + body + "\x00"), frame(stompwire.Send, body, "content-length", length), len("SEND\n")
			}),
		[]Case{
			{
				Name: "a command line as long as command and header lines may be", Topic: TopicSizeLimits, Clause: "1.2 §Size Limits", Version: stompwire.V12,
				Limits: stompwire.Limits{MaxHeaderBlockBytes: len("BEGIN\n")},
				Input:  []byte("BEGIN\n\n\x00"),
				Frames: accepted(frame(stompwire.Begin, "")),
			},
			{
				Name: "a command line longer than command and header lines may be", Topic: TopicSizeLimits, Clause: "1.2 §Size Limits", Version: stompwire.V12,
				Limits: stompwire.Limits{MaxHeaderBlockBytes: len("BEGIN\n")},
				Input:  []byte("COMMIT\n\n\x00"),
				Error:  "max_header_block_bytes = 6", Limit: stompwire.LimitHeaderBlockBytes,
			},
			{
				Name: "a header line that never ends", Topic: TopicSizeLimits, Clause: "1.2 §Size Limits", Version: stompwire.V12,
				Input: []byte("SEND\nk:" + strings.Repeat("v", 17<<10)),
				Error: "a header line is longer than max_header_bytes = 16384", Limit: stompwire.LimitHeaderBytes, Offset: 5,
			},
			{
				Name: "a CR is not counted only if it ends the line", Topic: TopicSizeLimits, Clause: "1.2 §Size Limits", Version: stompwire.V11,
				Limits: stompwire.Limits{MaxHeaderBytes: 10},
				Input:  []byte("SEND\nk:12345678\rx\n\n\x00"),
				Error:  "max_header_bytes = 10", Limit: stompwire.LimitHeaderBytes, Offset: 5,
			},
			{
				Name: "header lines over the limit are refused before they end", Topic: TopicSizeLimits, Clause: "1.2 §Size Limits", Version: stompwire.V12,
				Limits: stompwire.Limits{MaxHeaderBlockBytes: 10},
				Input:  []byte("SEND\nk:1234"),
				Error:  "max_header_block_bytes = 10", Limit: stompwire.LimitHeaderBlockBytes,
			},
			{
				Name: "header lines that may just become as long as the limit", Topic: TopicSizeLimits, Clause: "1.2 §Size Limits", Version: stompwire.V12,
				Limits:  stompwire.Limits{MaxHeaderBlockBytes: 10},
				Input:   []byte("SEND\nk:12"),
				Partial: true,
			},
			{
				Name: "the smaller limit of two is named", Topic: TopicSizeLimits, Clause: "1.2 §Size Limits", Version: stompwire.V12,
				Limits: stompwire.Limits{MaxHeaderBytes: 100, MaxHeaderBlockBytes: 50},
				Input:  []byte("SEND\nk:" + strings.Repeat("v", 200) + "\n\n\x00"),
				Error:  "max_header_block_bytes = 50", Limit: stompwire.LimitHeaderBlockBytes,
			},
			{
				Name: "limits hold in the CONNECT phase", Topic: TopicSizeLimits, Clause: "1.2 §Size Limits",
				Limits: stompwire.Limits{MaxHeaders: 1},
				Input:  []byte("CONNECT\na:b\nc:d\n\n\x00"),
				Error:  "max_headers = 1", Limit: stompwire.LimitHeaders, Offset: 12,
			},
		},
	)
}

// boundary gives the cases one below, at and one above a limit, in every version.
// input makes the octets n above the limit, the frame that they are and the offset of the fault.
func boundary(what, limit string, l stompwire.Limits, problem string, input func(n int) ([]byte, stompwire.Frame, int)) []Case {
	var cases []Case
	for n, name := range []string{"one less than the most ", "the most ", "one more than the most "} {
		in, want, fault := input(n - 1)
		c := Case{Name: name + what, Topic: TopicSizeLimits, Clause: "1.2 §Size Limits", Limits: l, Input: in}
		if n <= 1 {
			c.Frames = accepted(want)
		} else {
			c.Error, c.Limit, c.Offset = problem, limit, int64(fault)
		}
		versions := all
		if strings.Contains(what, "escapes") {
			versions = since1
		}
		cases = append(cases, each(versions, c)...)
	}
	return cases
}
