package wiretest

import "stampede/stompwire"

// Exchange is what a client writes to a broker, from the beginning of a connection,
// and what it has to read. It says what a codec alone cannot: that one frame is not
// allowed after another. The broker has no users and default limits.
type Exchange struct {
	Name   string
	Topic  Topic
	Clause string
	// Send is written at once, as a pipelining client does.
	Send string
	// Want is what comes back, in order.
	Want []Reply
	// Closed is whether the broker closes the connection after that.
	Closed bool
}

// Reply is what must be true of a frame of the broker. Version is what it is
// decoded with.
type Reply struct {
	Command stompwire.Command
	Version stompwire.Version
	// Header are lines that must be there, with these values.
	Header stompwire.Header
	// Present are names that must be there with any value, Absent such that must not.
	Present, Absent []string
}

// Refused reports whether the exchange ends in an ERROR.
func (e Exchange) Refused() bool {
	return len(e.Want) > 0 && e.Want[len(e.Want)-1].Command == stompwire.Error
}

// Exchanges gives all exchanges.
func Exchanges() []Exchange {
	const hello = "CONNECT\naccept-version:1.2\nhost:here\n\n\x00"
	connected := func(v stompwire.Version) Reply {
		return Reply{Command: stompwire.Connected, Version: v, Header: stompwire.Header{{Name: "version", Value: v.String()}}}
	}
	receipt := func(id string) Reply {
		return Reply{Command: stompwire.Receipt, Version: stompwire.V12, Header: stompwire.Header{{Name: "receipt-id", Value: id}}}
	}
	refusal := func(v stompwire.Version) Reply {
		return Reply{Command: stompwire.Error, Version: v, Present: []string{"message", "code"}}
	}
	exchanges := []Exchange{
		{
			Name: "no version in common", Topic: TopicVersions, Clause: "1.2 §Protocol Negotiation",
			Send: "CONNECT\naccept-version:2.0,3.1\nhost:here\n\n\x00",
			Want: []Reply{{
				Command: stompwire.Error, Present: []string{"message", "code"},
				Header: stompwire.Header{{Name: "version", Value: stompwire.SupportedVersions}},
			}},
			Closed: true,
		},
		{
			Name: "an accept-version that is empty", Topic: TopicVersions, Clause: "1.2 §Protocol Negotiation",
			Send: "CONNECT\naccept-version:\nhost:here\n\n\x00",
			Want: []Reply{{
				Command: stompwire.Error, Header: stompwire.Header{{Name: "version", Value: stompwire.SupportedVersions}},
			}},
			Closed: true,
		},
		{
			Name: "the CONNECT that a person types into a browser", Topic: TopicVersions, Clause: "1.2 §Protocol Negotiation",
			Send: "CONNECT\n\n\x00", Want: []Reply{connected(stompwire.V10)},
		},
		{
			Name: "STOMP equals CONNECT", Topic: TopicCommands, Clause: "1.2 §CONNECT or STOMP Frame",
			Send: "STOMP\naccept-version:1.2\nhost:here\n\n\x00", Want: []Reply{connected(stompwire.V12)},
		},
		{
			Name: "a second CONNECT", Topic: TopicCommands, Clause: "1.2 §Connecting",
			Send: hello + hello, Want: []Reply{connected(stompwire.V12), refusal(stompwire.V12)}, Closed: true,
		},
		{
			Name: "a second CONNECT that is spelled STOMP", Topic: TopicCommands, Clause: "1.2 §Connecting",
			Send: hello + "STOMP\naccept-version:1.2\nhost:here\n\n\x00",
			Want: []Reply{connected(stompwire.V12), refusal(stompwire.V12)}, Closed: true,
		},
		{
			Name: "a frame before CONNECT", Topic: TopicBeforeConnect, Clause: "1.2 §Connecting",
			Send: "SEND\ndestination:" + LiveDestination + "\n\nhello\x00" + hello,
			Want: []Reply{refusal(0)}, Closed: true,
		},
		{
			Name: "frames pipelined behind CONNECT are handled in order", Topic: TopicBeforeConnect, Clause: "1.2 §Connecting",
			Send: hello + "SEND\ndestination:" + LiveDestination + "\nreceipt:1\n\nhello\x00\n" +
				"SUBSCRIBE\nid:s\ndestination:" + LiveDestination + "\nreceipt:2\n\n\x00",
			Want: []Reply{connected(stompwire.V12), receipt("1"), receipt("2")},
		},
		{
			Name: "what is pipelined behind CONNECT is read by the version agreed on", Topic: TopicBeforeConnect, Clause: "1.2 §Value Encoding",
			Send: hello + "SEND\ndestination:" + LiveDestination + "\nreceipt:a\\cb\n\nhello\x00",
			Want: []Reply{connected(stompwire.V12), receipt("a:b")},
		},
		{
			Name: "ends of line before CONNECT", Topic: TopicBeforeConnect, Clause: "1.2 §Augmented BNF",
			Send: "\n\r\n\n" + hello, Want: []Reply{connected(stompwire.V12)},
		},
		{
			Name: "an address as host", Topic: TopicHost, Clause: "1.2 §CONNECT or STOMP Frame",
			Send: "CONNECT\naccept-version:1.2\nhost:127.0.0.1:61613\n\n\x00", Want: []Reply{connected(stompwire.V12)},
		},
		{
			Name: "any login where no users are configured", Topic: TopicLogin, Clause: "1.2 §CONNECT or STOMP Frame",
			Send: "CONNECT\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:gu\\est:\n\n\x00", Want: []Reply{connected(stompwire.V12)},
		},
		{
			Name: "an ERROR for a frame with a receipt names it", Topic: TopicCommands, Clause: "1.2 §ERROR",
			Send: hello + "RECEIPT\nreceipt:r1\n\n\x00",
			Want: []Reply{connected(stompwire.V12), {
				Command: stompwire.Error, Version: stompwire.V12, Present: []string{"message", "code"},
				Header: stompwire.Header{{Name: "receipt-id", Value: "r1"}},
			}},
			Closed: true,
		},
		{
			Name: "a heart-beat header that is no pair of numbers", Topic: TopicHeartBeats, Clause: "1.2 §Heart-beating",
			Send: "CONNECT\naccept-version:1.2\nhost:here\nheart-beat:soon,later\n\n\x00",
			Want: []Reply{refusal(0)}, Closed: true,
		},
	}
	for _, v := range all {
		exchanges = append(exchanges, Exchange{
			Name: "accept-version " + v.String(), Topic: TopicVersions, Clause: "1.2 §Protocol Negotiation",
			Send: "CONNECT\naccept-version:" + v.String() + "\nhost:here\n\n\x00",
			Want: []Reply{connected(v)},
		})
	}
	return exchanges
}
