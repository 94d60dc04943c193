package wiretest

import (
	"slices"

	"stampede/stompwire"
)

// Encoding is a frame and the octets that it is written as for a reader that speaks
// Version, whatever version it came in.
type Encoding struct {
	Name    string
	Topic   Topic
	Clause  string
	Version stompwire.Version
	Frame   stompwire.Frame
	Want    string
}

// Encodings gives all encodings.
func Encodings() []Encoding {
	hard := frame(stompwire.Send, "", "a:b", "c\\d:e\nf\rg")
	var encodings []Encoding
	for version, line := range map[stompwire.Version]string{
		stompwire.V10: "a_b:c\\d:e f g\n",
		stompwire.V11: `a\cb:c\\d\ce\nf g` + "\n",
		stompwire.V12: `a\cb:c\\d\ce\nf\rg` + "\n",
	} {
		encodings = append(encodings, Encoding{
			Name: "octets that need an escape", Topic: TopicEscaping, Clause: version.String() + " §Value Encoding", Version: version,
			Frame: hard, Want: "SEND\n" + line + "\n\x00",
		})
	}
	slices.SortFunc(encodings, func(a, b Encoding) int { return int(a.Version) - int(b.Version) })

	everywhere := func(e Encoding) {
		for _, v := range all {
			e.Version = v
			encodings = append(encodings, e)
		}
	}
	everywhere(Encoding{
		Name: "CONNECT is never escaped", Topic: TopicEscaping, Clause: "1.2 §Value Encoding",
		Frame: frame(stompwire.Connect, "", "passcode", `p\q:r`),
		Want:  "CONNECT\npasscode:p\\q:r\n\n\x00",
	})
	everywhere(Encoding{
		Name: "CONNECTED is never escaped", Topic: TopicEscaping, Clause: "1.2 §Value Encoding",
		Frame: frame(stompwire.Connected, "", "server", `s\t:1`),
		Want:  "CONNECTED\nserver:s\\t:1\n\n\x00",
	})
	everywhere(Encoding{
		Name: "a newline in CONNECTED cannot begin a header line", Topic: TopicEscaping, Clause: "1.2 §Value Encoding",
		Frame: frame(stompwire.Connected, "", "server", "s\r\nversion:9"),
		Want:  "CONNECTED\nserver:s  version:9\n\n\x00",
	})
	everywhere(Encoding{
		Name: "a NUL in a header line cannot end the frame", Topic: TopicEscaping, Clause: "1.2 §STOMP Frames",
		Frame: frame(stompwire.Send, "", "k\x00", "a\x00b"),
		Want:  "SEND\nk_:a b\n\n\x00",
	})
	everywhere(Encoding{
		Name: "a name of nothing", Topic: TopicColons, Clause: "1.2 §Augmented BNF",
		Frame: frame(stompwire.Send, "", "", "v"),
		Want:  "SEND\n_:v\n\n\x00",
	})
	everywhere(Encoding{
		Name: "blanks are written as they are", Topic: TopicTrimming, Clause: "1.2 §STOMP Frames",
		Frame: frame(stompwire.Send, "", " k ", " v "),
		Want:  "SEND\n k : v \n\n\x00",
	})
	everywhere(Encoding{
		Name: "repeated headers keep their order", Topic: TopicRepeatedHeaders, Clause: "1.2 §Repeated Header Entries",
		Frame: frame(stompwire.Send, "", "k", "1", "j", "x", "k", "2"),
		Want:  "SEND\nk:1\nj:x\nk:2\n\n\x00",
	})
	everywhere(Encoding{
		Name: "MESSAGE has content-length", Topic: TopicContentLength, Clause: "1.2 §Header content-length",
		Frame: frame(stompwire.Message, "abc", "k", "v"),
		Want:  "MESSAGE\ncontent-length:3\nk:v\n\nabc\x00",
	})
	everywhere(Encoding{
		Name: "MESSAGE without a body has content-length", Topic: TopicContentLength, Clause: "1.2 §Header content-length",
		Frame: frame(stompwire.Message, ""),
		Want:  "MESSAGE\ncontent-length:0\n\n\x00",
	})
	everywhere(Encoding{
		Name: "a body with a NUL has content-length", Topic: TopicContentLength, Clause: "1.2 §Header content-length",
		Frame: frame(stompwire.Error, "a\x00b", "k", "v"),
		Want:  "ERROR\ncontent-length:3\nk:v\n\na\x00b\x00",
	})
	everywhere(Encoding{
		Name: "a content-length that is there stays where it is", Topic: TopicContentLength, Clause: "1.2 §Header content-length",
		Frame: frame(stompwire.Message, "abc", "k", "v", "content-length", "3", "j", "w"),
		Want:  "MESSAGE\nk:v\ncontent-length:3\nj:w\n\nabc\x00",
	})
	everywhere(Encoding{
		Name: "a content-length that is wrong is put right", Topic: TopicContentLength, Clause: "1.2 §Header content-length",
		Frame: frame(stompwire.Send, "abc", "content-length", "99"),
		Want:  "SEND\ncontent-length:3\n\nabc\x00",
	})
	everywhere(Encoding{
		Name: "a content-length is written once", Topic: TopicRepeatedHeaders, Clause: "1.2 §Repeated Header Entries",
		Frame: frame(stompwire.Send, "abc", "content-length", "3", "k", "v", "content-length", "4"),
		Want:  "SEND\ncontent-length:3\nk:v\n\nabc\x00",
	})
	everywhere(Encoding{
		Name: "nothing follows the NUL, lines end in LF", Topic: TopicEndOfLine, Clause: "1.2 §Augmented BNF",
		Frame: frame(stompwire.Receipt, "", "receipt-id", "7"),
		Want:  "RECEIPT\nreceipt-id:7\n\n\x00",
	})
	encodings = append(encodings,
		Encoding{
			Name: "a name that becomes content-length when it is trimmed", Topic: TopicTrimming, Clause: "1.0 §Frames", Version: stompwire.V10,
			Frame: frame(stompwire.Send, "abc", " content-length\t", "99"),
			Want:  "SEND\ncontent-length:3\n\nabc\x00",
		},
		Encoding{
			Name: "a name of nothing but blanks would be trimmed away", Topic: TopicTrimming, Clause: "1.0 §Frames", Version: stompwire.V10,
			Frame: frame(stompwire.Send, "", " \t", "v"),
			Want:  "SEND\n_:v\n\n\x00",
		},
		Encoding{
			Name: "a name of nothing but blanks is a name", Topic: TopicTrimming, Clause: "1.2 §STOMP Frames", Version: stompwire.V12,
			Frame: frame(stompwire.Send, "", " \t", "v"),
			Want:  "SEND\n \t:v\n\n\x00",
		},
		Encoding{
			Name: "an ERROR before a version is agreed on is literal", Topic: TopicVersions, Clause: "1.2 §Protocol Negotiation",
			Frame: frame(stompwire.Error, "", "version", stompwire.SupportedVersions, "message", "a:b"),
			Want:  "ERROR\nversion:1.0,1.1,1.2\nmessage:a:b\n\n\x00",
		},
	)
	return encodings
}
