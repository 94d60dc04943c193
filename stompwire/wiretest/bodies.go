package wiretest

import (
	"slices"

	"stampede/stompwire"
)

func lengthCases() []Case {
	refused := func(name, value string) []Case {
		return each(all, Case{
			Name: "a content-length " + name, Topic: TopicContentLength, Clause: "1.2 §Header content-length",
			Input: sendInput("content-length:"+value+"\n", "abc"),
			Error: "content-length is not a whole number of octets", Offset: sendAt,
		})
	}
	return slices.Concat(
		each(all, Case{
			Name: "a body of content-length octets, NULs and newlines among them", Topic: TopicContentLength, Clause: "1.2 §Header content-length",
			Input:  slices.Concat(sendInput("content-length:6\n", "\x00\n\x00\r\n\x00"), sendInput("", "next")),
			Frames: accepted(send("\x00\n\x00\r\n\x00", "content-length", "6"), send("next")),
		}),
		each(all, Case{
			Name: "a content-length of 0", Topic: TopicContentLength, Clause: "1.2 §Header content-length",
			Input:  sendInput("content-length:0\n", ""),
			Frames: accepted(send("", "content-length", "0")),
		}),
		each(all, Case{
			Name: "a content-length with zeros before it", Topic: TopicContentLength, Clause: "1.2 §Header content-length",
			Input:  sendInput("content-length:0003\n", "a\x00b"),
			Frames: accepted(send("a\x00b", "content-length", "0003")),
		}),
		each(all, Case{
			Name: "a content-length is honoured on MESSAGE and ERROR", Topic: TopicContentLength, Clause: "1.2 §Header content-length",
			Input: []byte("MESSAGE\ncontent-length:1\n\n\x00\x00ERROR\ncontent-length:1\n\n\x00\x00"),
			Frames: accepted(
				frame(stompwire.Message, "\x00", "content-length", "1"),
				frame(stompwire.Error, "\x00", "content-length", "1"),
			),
		}),
		each(all, Case{
			Name: "a content-length of 0 is honoured where no body may be", Topic: TopicContentLength, Clause: "1.2 §Header content-length",
			Input:  []byte("BEGIN\ntransaction:t\ncontent-length:0\n\n\x00"),
			Frames: accepted(frame(stompwire.Begin, "", "transaction", "t", "content-length", "0")),
		}),
		refused("that is negative", "-1"),
		refused("with a sign", "+3"),
		refused("that is empty", ""),
		refused("that is a word", "three"),
		refused("in hexadecimal", "0x3"),
		refused("with a fraction", "3.0"),
		refused("with something behind it", "3,4"),
		each(all, Case{
			Name: "a content-length over the limit", Topic: TopicContentLength, Clause: "1.2 §Size Limits",
			Input: sendInput("content-length:1000000000000\n", "abc"),
			Error: "the body is longer than max_body_bytes", Limit: stompwire.LimitBodyBytes, Offset: sendAt,
		}),
		each(all, Case{
			Name: "a content-length that no integer holds", Topic: TopicContentLength, Clause: "1.2 §Size Limits",
			Input: sendInput("content-length:18446744073709551619\n", "abc"),
			Error: "the body is longer than max_body_bytes", Limit: stompwire.LimitBodyBytes, Offset: sendAt,
		}),
		each(all, Case{
			Name: "a body longer than content-length", Topic: TopicContentLength, Clause: "1.2 §Header content-length",
			Input: sendInput("content-length:3\n", "abcd"),
			Error: "no NUL after as many octets", Offset: sendAt + int64(len("content-length:3\n\nabc")),
		}),
		each(all, Case{
			Name: "a body shorter than content-length waits", Topic: TopicContentLength, Clause: "1.2 §Header content-length",
			Input:   sendInput("content-length:5\n", "abc"),
			Partial: true,
		}),
	)
}

func bodyCases() []Case {
	cases := slices.Concat(
		each(all, Case{
			Name: "a body without content-length ends at the first NUL", Topic: TopicBodies, Clause: "1.2 §STOMP Frames",
			Input:  slices.Concat(sendInput("", "one\n\r\ntwo:\\x\n"), sendInput("", "")),
			Frames: accepted(send("one\n\r\ntwo:\\x\n"), send("")),
		}),
		each(all, Case{
			Name: "a body that is not UTF-8", Topic: TopicBodies, Clause: "1.2 §STOMP Frames",
			Input:  sendInput("", "\xff\xfe\x80"),
			Frames: accepted(send("\xff\xfe\x80")),
		}),
		each(all, Case{
			Name: "MESSAGE and ERROR have bodies", Topic: TopicBodies, Clause: "1.2 §Body",
			Input:  []byte("MESSAGE\n\nm\x00ERROR\n\ne\x00"),
			Frames: accepted(frame(stompwire.Message, "m"), frame(stompwire.Error, "e")),
		}),
	)
	for _, c := range []stompwire.Command{
		stompwire.Connect, stompwire.Stomp, stompwire.Connected, stompwire.Subscribe, stompwire.Unsubscribe, stompwire.Ack, stompwire.Nack, stompwire.Begin, stompwire.Commit, stompwire.Abort, stompwire.Disconnect, stompwire.Receipt,
	} {
		versions := all
		if c == stompwire.Connect || c == stompwire.Stomp || c == stompwire.Connected {
			versions = []stompwire.Version{0}
		}
		head := string(c) + "\nk:v\n"
		cases = slices.Concat(cases,
			each(versions, Case{
				Name: string(c) + " without a body", Topic: TopicBodies, Clause: "1.2 §Body",
				Input:  []byte(head + "\n\x00"),
				Frames: accepted(frame(c, "", "k", "v")),
			}),
			each(versions, Case{
				Name: string(c) + " with a body", Topic: TopicBodies, Clause: "1.2 §Body",
				Input: []byte(head + "\nb\x00"),
				Error: "a body in a frame of command " + string(c), Offset: int64(len(head) + 1),
			}),
			each(versions, Case{
				Name: string(c) + " with a body by content-length", Topic: TopicBodies, Clause: "1.2 §Body",
				Input: []byte(head + "content-length:1\n\nb\x00"),
				Error: "a body in a frame of command " + string(c), Offset: int64(len(head)),
			}),
		)
	}
	return cases
}
