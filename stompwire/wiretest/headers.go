package wiretest

import (
	"slices"

	"stampede/stompwire"
)

func versionCases() []Case {
	return []Case{
		{
			Name: "STOMP opens a stream like CONNECT", Topic: TopicVersions, Clause: "1.2 §CONNECT or STOMP Frame",
			Input:  []byte("STOMP\naccept-version:1.1,1.2\nhost:here\n\n\x00"),
			Frames: accepted(frame(stompwire.Stomp, "", "accept-version", "1.1,1.2", "host", "here")),
		},
		{
			Name: "the CONNECT that a person types into a browser", Topic: TopicVersions, Clause: "1.2 §CONNECT or STOMP Frame",
			Input:  []byte("CONNECT\n\n\x00"),
			Frames: accepted(frame(stompwire.Connect, "")),
		},
	}
}

func escapingCases() []Case {
	return slices.Concat(
		each(since1, Case{
			Name: "newline, colon and backslash are unescaped", Topic: TopicEscaping, Clause: "1.1 §Value Encoding",
			Input:  sendInput(`k\c1:a\nb\cc\\d`+"\n", ""),
			Frames: accepted(send("", "k:1", "a\nb:c\\d")),
		}),
		each(since1, Case{
			Name: "escapes next to each other", Topic: TopicEscaping, Clause: "1.1 §Value Encoding",
			Input:  sendInput(`k:\\n\\\n\c\c`+"\n", ""),
			Frames: accepted(send("", "k", "\\n\\\n::")),
		}),
		[]Case{
			{
				Name: "carriage return is unescaped in 1.2", Topic: TopicEscaping, Clause: "1.2 §Value Encoding", Version: stompwire.V12,
				Input:  sendInput(`k:a\rb`+"\n", ""),
				Frames: accepted(send("", "k", "a\rb")),
			},
			{
				Name: "carriage return has no escape in 1.1", Topic: TopicEscaping, Clause: "1.1 §Value Encoding", Version: stompwire.V11,
				Input: sendInput(`k:a\rb`+"\n", ""),
				Error: `undefined escape "\\r"`, Offset: sendAt + 3,
			},
			{
				Name: "1.0 has no escapes", Topic: TopicEscaping, Clause: "1.0 §Frames", Version: stompwire.V10,
				Input:  sendInput(`k\c:a\nb\t\`+"\n", ""),
				Frames: accepted(send("", `k\c`, `a\nb\t\`)),
			},
		},
		eachRefused(since1, Case{
			Name: "an undefined escape in a value", Topic: TopicEscaping,
			Input: sendInput(`k:a\tb`+"\n", ""),
			Error: `undefined escape "\\t" in header line 2`, Offset: sendAt + 3,
		}),
		eachRefused(since1, Case{
			Name: "an undefined escape in a name", Topic: TopicEscaping,
			Input: sendInput(`a\Nb:v`+"\n", ""),
			Error: `undefined escape "\\N"`, Offset: sendAt + 1,
		}),
		eachRefused(since1, Case{
			Name: "a backslash at the end of a value", Topic: TopicEscaping,
			Input: sendInput(`k:v\`+"\n", ""),
			Error: `undefined escape "\\"`, Offset: sendAt + 3,
		}),
		eachRefused(since1, Case{
			Name: "a backslash at the end of a value before CRLF", Topic: TopicEscaping,
			Input: sendInput(`k:v\`+"\r\n", ""),
			Error: `undefined escape "\\"`, Offset: sendAt + 3,
		}),
		eachRefused(since1, Case{
			Name: "a backslash before the colon", Topic: TopicEscaping,
			Input: sendInput(`k\:v`+"\n", ""),
			Error: `undefined escape "\\:"`, Offset: sendAt + 1,
		}),
		eachRefused(since1, Case{
			Name: "good frames before an undefined escape are not lost", Topic: TopicEscaping,
			Input:  slices.Concat(sendInput("", "first"), sendInput(`k:\x`+"\n", "")),
			Frames: accepted(send("first")),
			Error:  `undefined escape "\\x"`, Offset: sendAt + int64(len("\nfirst\x00")) + sendAt + 2,
		}),
		[]Case{
			{
				Name: "a passcode of CONNECT is literal", Topic: TopicEscaping, Clause: "1.2 §Value Encoding",
				Input:  []byte("CONNECT\naccept-version:1.2\nlogin:a\\c\npasscode:p\\q:r\\\n\n\x00"),
				Frames: accepted(frame(stompwire.Connect, "", "accept-version", "1.2", "login", `a\c`, "passcode", `p\q:r\`)),
			},
			{
				Name: "a CONNECTED is literal", Topic: TopicEscaping, Clause: "1.2 §Value Encoding",
				Input:  []byte("CONNECTED\nversion:1.2\nserver:a\\cb\\\n\n\x00"),
				Frames: accepted(frame(stompwire.Connected, "", "version", "1.2", "server", `a\cb\`)),
			},
		},
		each(all, Case{
			Name: "a second CONNECT with what would be escapes", Topic: TopicEscaping, Clause: "1.2 §Value Encoding",
			Input:  []byte("CONNECT\naccept-version:1.2\npasscode:\\n\\c\n\n\x00"),
			Frames: accepted(frame(stompwire.Connect, "", "accept-version", "1.2", "passcode", `\n\c`)),
		}),
		each(all, Case{
			Name: "a second CONNECT is literal too", Topic: TopicEscaping, Clause: "1.2 §Value Encoding",
			Input:  []byte("CONNECT\naccept-version:1.2\npasscode:\\t\\\n\n\x00"),
			Frames: accepted(frame(stompwire.Connect, "", "accept-version", "1.2", "passcode", `\t\`)),
		}),
	)
}

// eachRefused is each for errors, whose clause is that of the version.
func eachRefused(versions []stompwire.Version, c Case) []Case {
	cases := each(versions, c)
	for i := range cases {
		cases[i].Clause = cases[i].Version.String() + " §Value Encoding"
	}
	return cases
}

func colonCases() []Case {
	return slices.Concat(
		each(all, Case{
			Name: "the first colon ends the name", Topic: TopicColons, Clause: "1.2 §Augmented BNF",
			Input:  sendInput("url:http://here:80/\nempty:\ncolon::\n", ""),
			Frames: accepted(send("", "url", "http://here:80/", "empty", "", "colon", ":")),
		}),
		each(all, Case{
			Name: "a line without a colon", Topic: TopicColons, Clause: "1.2 §Augmented BNF",
			Input: sendInput("receipt\n", ""),
			Error: "no colon in header line 2", Offset: sendAt,
		}),
		each(all, Case{
			Name: "a line without a name", Topic: TopicColons, Clause: "1.2 §Augmented BNF",
			Input: sendInput(":value\n", ""),
			Error: "no name in header line 2", Offset: sendAt,
		}),
		[]Case{
			{
				Name: "a name of nothing but blanks is no name in 1.0", Topic: TopicColons, Clause: "1.2 §Augmented BNF", Version: stompwire.V10,
				Input: sendInput(" \t:value\n", ""),
				Error: "no name in header line 2", Offset: sendAt,
			},
			{
				Name: "a passcode with colons", Topic: TopicColons, Clause: "1.2 §Value Encoding",
				Input:  []byte("CONNECT\naccept-version:1.2\npasscode::a:b:\n\n\x00"),
				Frames: accepted(frame(stompwire.Connect, "", "accept-version", "1.2", "passcode", ":a:b:")),
			},
		},
	)
}

func trimmingCases() []Case {
	padded := []byte("SEND\ndestination:" + LiveDestination + "\n k\t:\t v \n\n body \x00")
	return slices.Concat(
		each(since1, Case{
			Name: "blanks belong to name and value", Topic: TopicTrimming, Clause: "1.2 §STOMP Frames",
			Input:  padded,
			Frames: accepted(send(" body ", " k\t", "\t v ")),
		}),
		[]Case{
			{
				Name: "blanks around name and value are cut off in 1.0", Topic: TopicTrimming, Clause: "1.0 §Frames", Version: stompwire.V10,
				Input:  padded,
				Frames: accepted(send(" body ", "k", "v")),
			},
			{
				Name: "a blank before a name in 1.0", Topic: TopicTrimming, Clause: "1.0 §Frames", Version: stompwire.V10,
				Input:  sendInput("\tcontent-length:3\n", "a\x00b"),
				Frames: accepted(send("a\x00b", "content-length", "3")),
			},
			{
				Name: "a blank after a name in 1.0", Topic: TopicTrimming, Clause: "1.0 §Frames", Version: stompwire.V10,
				Input:  sendInput("k :2\n", ""),
				Frames: accepted(send("", "k", "2")),
			},
			{
				Name: "blanks around content-length before a version is agreed on", Topic: TopicTrimming, Clause: "1.2 §Protocol Negotiation",
				Input:  []byte("ERROR\ncontent-length : 3\n\na\x00b\x00"),
				Frames: accepted(frame(stompwire.Error, "a\x00b", "content-length ", " 3")),
			},
			{
				Name: "blanks around content-length in 1.0", Topic: TopicTrimming, Clause: "1.0 §Frames", Version: stompwire.V10,
				Input:  sendInput("content-length : 3\n", "a\x00b"),
				Frames: accepted(send("a\x00b", "content-length", "3")),
			},
			{
				Name: "a blank in content-length in 1.1", Topic: TopicTrimming, Clause: "1.2 §Header content-length", Version: stompwire.V11,
				Input: sendInput("content-length: 3\n", "a\x00b"),
				Error: "content-length is not a whole number", Offset: sendAt,
			},
			{
				Name: "a blank in content-length in 1.2", Topic: TopicTrimming, Clause: "1.2 §Header content-length", Version: stompwire.V12,
				Input: sendInput("content-length:3 \n", "a\x00b"),
				Error: "content-length is not a whole number", Offset: sendAt,
			},
			{
				Name: "a CONNECT without accept-version is trimmed like 1.0", Topic: TopicTrimming, Clause: "1.0 §Frames",
				Input:  []byte("CONNECT\nlogin: me\npasscode : p w \n\n\x00"),
				Frames: accepted(frame(stompwire.Connect, "", "login", "me", "passcode", "p w")),
			},
			{
				Name: "a CONNECT that accepts nothing above 1.0 is trimmed", Topic: TopicTrimming, Clause: "1.0 §Frames",
				Input:  []byte("CONNECT\naccept-version: 1.0\nlogin: me\n\n\x00"),
				Frames: accepted(frame(stompwire.Connect, "", "accept-version", "1.0", "login", "me")),
			},
			{
				Name: "a CONNECT that accepts 1.1 is not trimmed", Topic: TopicTrimming, Clause: "1.2 §STOMP Frames",
				Input:  []byte("CONNECT\naccept-version:1.0,1.1\npasscode: p \n\n\x00"),
				Frames: accepted(frame(stompwire.Connect, "", "accept-version", "1.0,1.1", "passcode", " p ")),
			},
			{
				Name: "a CONNECTED without version is trimmed like 1.0", Topic: TopicTrimming, Clause: "1.0 §Frames",
				Input:  []byte("CONNECTED\nsession: 17\n\n\x00"),
				Frames: accepted(frame(stompwire.Connected, "", "session", "17")),
			},
			{
				Name: "a CONNECTED of 1.1 is not trimmed", Topic: TopicTrimming, Clause: "1.2 §STOMP Frames",
				Input:  []byte("CONNECTED\nversion:1.1\nsession: 17\n\n\x00"),
				Frames: accepted(frame(stompwire.Connected, "", "version", "1.1", "session", " 17")),
			},
			{
				Name: "an ERROR before CONNECTED is taken as it stands", Topic: TopicTrimming, Clause: "1.2 §Protocol Negotiation",
				Input:  []byte("ERROR\nversion:1.0\nmessage: no\\c \n\n\x00"),
				Frames: accepted(frame(stompwire.Error, "", "version", "1.0", "message", ` no\c `)),
			},
		},
	)
}

func repeatedCases() []Case {
	return slices.Concat(
		each(all, Case{
			Name: "repeated headers are all kept, in order", Topic: TopicRepeatedHeaders, Clause: "1.2 §Repeated Header Entries",
			Input:  sendInput("k:1\nother:x\nk:2\nk:1\n", ""),
			Frames: accepted(send("", "k", "1", "other", "x", "k", "2", "k", "1")),
		}),
		each(all, Case{
			Name: "the first content-length counts", Topic: TopicRepeatedHeaders, Clause: "1.2 §Repeated Header Entries",
			Input:  sendInput("content-length:3\ncontent-length:99\ncontent-length:x\n", "a\x00b"),
			Frames: accepted(send("a\x00b", "content-length", "3", "content-length", "99", "content-length", "x")),
		}),
		each(all, Case{
			Name: "the first of two content-lengths that both end in front of a NUL", Topic: TopicRepeatedHeaders, Clause: "1.2 §Repeated Header Entries",
			Input:  sendInput("content-length:3\ncontent-length:1\n", "a\x00b"),
			Frames: accepted(send("a\x00b", "content-length", "3", "content-length", "1")),
		}),
		each(all, Case{
			Name: "a first content-length that is wrong is not mended by a second", Topic: TopicRepeatedHeaders, Clause: "1.2 §Header content-length",
			Input: sendInput("content-length:x\ncontent-length:3\n", "abc"),
			Error: "content-length is not a whole number", Offset: sendAt,
		}),
		each(all, Case{
			Name: "names that differ in case are different names", Topic: TopicRepeatedHeaders, Clause: "1.2 §STOMP Frames",
			Input:  sendInput("K:1\nk:2\nContent-Length:9\n", "abc"),
			Frames: accepted(send("abc", "K", "1", "k", "2", "Content-Length", "9")),
		}),
	)
}
