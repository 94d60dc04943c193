package wiretest

import (
	"slices"

	"stampede/stompwire"
)

func lineCases() []Case {
	return slices.Concat(
		each(all, Case{
			Name: "CRLF ends lines", Topic: TopicEndOfLine, Clause: "1.2 §STOMP Frames",
			Input:  []byte("SEND\r\ndestination:" + LiveDestination + "\r\nk:v\r\n\r\n\r\nbody\r\n\x00"),
			Frames: accepted(send("\r\nbody\r\n", "k", "v")),
		}),
		each(all, Case{
			Name: "LF and CRLF in one frame", Topic: TopicEndOfLine, Clause: "1.2 §STOMP Frames",
			Input:  []byte("SEND\ndestination:" + LiveDestination + "\r\nk:v\n\r\nbody\x00"),
			Frames: accepted(send("body", "k", "v")),
		}),
		[]Case{{
			Name: "CRLF in CONNECT", Topic: TopicEndOfLine, Clause: "1.2 §STOMP Frames",
			Input:  []byte("CONNECT\r\naccept-version:1.2\r\nlogin:me\r\n\r\n\x00"),
			Frames: accepted(frame(stompwire.Connect, "", "accept-version", "1.2", "login", "me")),
		}, {
			Name: "a CR inside of a passcode", Topic: TopicEndOfLine, Clause: "1.2 §Value Encoding",
			Input:  []byte("CONNECT\naccept-version:1.2\npasscode:a\rb\n\n\x00"),
			Frames: accepted(frame(stompwire.Connect, "", "accept-version", "1.2", "passcode", "a\rb")),
		}, {
			Name: "a CR inside of a line in 1.2", Topic: TopicEndOfLine, Clause: "1.2 §Augmented BNF", Version: stompwire.V12,
			Input: sendInput("k:a\rb\n", ""),
			Error: "a CR without an LF after it in header line 2", Offset: sendAt + 3,
		}, {
			Name: "a CR inside of a line of CRLFs in 1.2", Topic: TopicEndOfLine, Clause: "1.2 §Augmented BNF", Version: stompwire.V12,
			Input: sendInput("j:1\r\nk:a\rb\r\n", ""),
			Error: "a CR without an LF after it in header line 3", Offset: sendAt + 8,
		}, {
			Name: "two CRs before an LF in 1.2", Topic: TopicEndOfLine, Clause: "1.2 §Augmented BNF", Version: stompwire.V12,
			Input: sendInput("k:a\r\r\n", ""),
			Error: "a CR without an LF after it in header line 2", Offset: sendAt + 3,
		}, {
			Name: "two CRs before an LF in 1.1", Topic: TopicEndOfLine, Clause: "1.1 §Augmented BNF", Version: stompwire.V11,
			Input:  sendInput("k:a\r\r\n", ""),
			Frames: accepted(send("", "k", "a\r")),
		}},
		each([]stompwire.Version{stompwire.V10, stompwire.V11}, Case{
			Name: "a CR inside of a line is an octet like others", Topic: TopicEndOfLine, Clause: "1.1 §Augmented BNF",
			Input:  sendInput("k\r:\ra\rb\n", ""),
			Frames: accepted(send("", "k\r", "\ra\rb")),
		}),
		each(all, Case{
			Name: "ends of line between frames", Topic: TopicEndOfLine, Clause: "1.2 §Augmented BNF",
			Input:      slices.Concat([]byte("\n\r\n\n"), sendInput("", "a"), []byte("\r\n"), sendInput("", "b"), sendInput("", "c"), []byte("\n\n\r\n")),
			Frames:     accepted(send("a"), send("b"), send("c")),
			HeartBeats: 7,
		}),
		each(all, Case{
			Name: "a CR between frames that ends no line", Topic: TopicEndOfLine, Clause: "1.2 §Augmented BNF",
			Input:  slices.Concat(sendInput("", "a"), []byte("\n\r\rSEND")),
			Frames: accepted(send("a")),
			Error:  "a CR between frames", Offset: sendAt + int64(len("\na\x00\n")), HeartBeats: 1,
		}),
		each(all, Case{
			Name: "a NUL in the header lines", Topic: TopicEndOfLine, Clause: "1.2 §STOMP Frames",
			Input: []byte("SEND\ndestination:" + LiveDestination + "\n\x00"),
			Error: "the blank line after them is missing", Offset: sendAt,
		}),
		each(all, Case{
			Name: "a NUL inside of a header line", Topic: TopicEndOfLine, Clause: "1.2 §STOMP Frames",
			Input: sendInput("k:a\x00b\n", "body"),
			Error: "the blank line after them is missing", Offset: sendAt + 3,
		}),
		each(all, Case{
			Name: "a NUL at the end of a header line", Topic: TopicEndOfLine, Clause: "1.2 §STOMP Frames",
			Input: []byte("SEND\ndestination:" + LiveDestination + "\x00"),
			Error: "the blank line after them is missing", Offset: sendAt - 1,
		}),
		[]Case{{
			Name: "a NUL at the end of the command", Topic: TopicEndOfLine, Clause: "1.2 §STOMP Frames",
			Input: []byte("CONNECT\x00"),
			Error: "the blank line after the headers is missing", Offset: 7,
		}},
	)
}

func heartBeatCases() []Case {
	return slices.Concat(
		each([]stompwire.Version{0, stompwire.V10, stompwire.V11, stompwire.V12}, Case{
			Name: "a stream of nothing but heart-beats", Topic: TopicHeartBeats, Clause: "1.2 §Heart-beating",
			Input: []byte("\n\n\r\n\n"), HeartBeats: 4,
		}),
		each(all, Case{
			Name: "half an end of line is no unfinished frame", Topic: TopicHeartBeats, Clause: "1.2 §Heart-beating",
			Input: []byte("\n\r"), HeartBeats: 1,
		}),
		each(all, Case{
			Name: "a newline in a body is no heart-beat", Topic: TopicHeartBeats, Clause: "1.2 §Heart-beating",
			Input:  sendInput("", "\n\n"),
			Frames: accepted(send("\n\n")),
		}),
	)
}

func commandCases() []Case {
	var known []Case
	for _, c := range []stompwire.Command{stompwire.Subscribe, stompwire.Unsubscribe, stompwire.Ack, stompwire.Nack, stompwire.Begin, stompwire.Commit, stompwire.Abort, stompwire.Disconnect, stompwire.Receipt, stompwire.Message, stompwire.Error, stompwire.Send} {
		known = append(known, each(all, Case{
			Name: "the command " + string(c), Topic: TopicCommands, Clause: "1.2 §Augmented BNF",
			Input:  []byte(string(c) + "\n\n\x00"),
			Frames: accepted(frame(c, "")),
		})...)
	}
	unknown := func(name, line, shown string) []Case {
		return each([]stompwire.Version{0, stompwire.V10, stompwire.V11, stompwire.V12}, Case{
			Name: name, Topic: TopicCommands, Clause: "1.2 §Augmented BNF",
			Input: []byte(line), Error: "unknown command " + shown,
		})
	}
	return slices.Concat(known,
		unknown("a command in lower case", "send\n\n\x00", `"s`),
		unknown("a command with one letter in lower case", "SENd\n\n\x00", `"SENd`),
		unknown("a command cut short", "SEN\n\n\x00", `"SEN`),
		unknown("a command with something behind it", "SENDER\n\n\x00", `"SENDE`),
		unknown("a command with a blank behind it", "SEND \n\n\x00", `"SEND `),
		unknown("a command with a blank before it", " SEND\n\n\x00", `" `),
		unknown("a command with a CR inside", "SEND\rX\n\n\x00", `"SEND\rX`),
		unknown("a command with two CRs behind it", "SEND\r\r\n\n\x00", `"SEND\r`),
		unknown("two commands in a line", "CONNECT CONNECTED\n\n\x00", `"CONNECT `),
		unknown("HTTP", "GET / HTTP/1.1\r\nHost: here\r\n\r\n", `"G`),
		unknown("TLS", "\x16\x03\x01\x02\x00", `"\x16`),
		unknown("NUL", "\x00", `"\x00`),
		unknown("a NUL in a command", "SEN\x00D\n\n\x00", `"SEN\x00`),
		each(all, Case{
			Name: "a frame that a body left over begins", Topic: TopicCommands, Clause: "1.2 §Augmented BNF",
			Input:  slices.Concat(sendInput("", "a"), []byte("b\x00")),
			Frames: accepted(send("a")),
			Error:  `unknown command "b`, Offset: sendAt + 3,
		}),
	)
}
