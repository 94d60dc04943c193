package conformance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"stampede/config"
)

// wireCases are about bytes: versions, escaping, lines and lengths.
func wireCases() []rule {
	var rules []rule
	rules = append(rules, versionCases()...)
	rules = append(rules, escapeCases()...)
	rules = append(rules, headerLineCases()...)
	rules = append(rules, bodyCases()...)
	rules = append(rules, malformedReceiptCases()...)
	rules = append(rules, lineEndCases()...)
	rules = append(rules, commandCases()...)
	rules = append(rules, beforeConnectCases()...)
	return append(rules, loginCases()...)
}

func versionCases() []rule {
	const point, clause = "wire/1 versions", "1.2 §Protocol Negotiation"
	var rules []rule
	for _, c := range []struct{ name, header, version string }{
		{"no accept-version means 1.0", "host:h", V10},
		{"accept-version 1.0 is taken", "accept-version:1.0", V10},
		{"accept-version 1.1 is taken", "accept-version:1.1", V11},
		{"accept-version 1.2 is taken", "accept-version:1.2", V12},
		{"the highest common version is taken", "accept-version:1.0,1.1,1.2", V12},
		{"the order of accept-version does not matter", "accept-version:1.2,1.0,1.1", V12},
		{"spaces in accept-version are tolerated", "accept-version: 1.0 , 1.1 ", V11},
		{"unknown versions are passed over", "accept-version:0.9,1.1,1.3,2.0,x", V11},
		{"a version may be named twice", "accept-version:1.1,1.1", V11},
		{"of two accept-version headers the first counts", "accept-version:1.1\naccept-version:1.2", V11},
	} {
		rules = append(rules, rule{point: point, clause: clause, name: c.name, versions: []string{c.version}, script: func(s *Script) {
			s.send("a", "CONNECT", c.header, "host:h").want("a", "CONNECTED", "version:"+c.version, "server:*")
			s.sync("a", "SEND", "destination:{T}")
		}})
	}
	for _, c := range []struct{ name, value string }{
		{"no common version is refused with the list of ours", "2.0"},
		{"an empty accept-version has nothing in common", ""},
		{"a version is matched whole", "1.20,1,11,v1.2"},
	} {
		rules = append(rules, rule{point: point, clause: clause, name: c.name, versions: only12, script: func(s *Script) {
			m := refusal("version")
			m.Header = append(m.Header, "version:1.0,1.1,1.2")
			s.send("a", "CONNECT", "accept-version:"+c.value, "host:h").match("a", m).closed("a")
		}})
	}
	return append(rules, rule{point: point, clause: "1.0 §CONNECT", name: "a 1.0 client is told its session", versions: only10, script: func(s *Script) {
		s.send("a", "CONNECT", "login:", "passcode:").want("a", "CONNECTED", "session:*")
	}})
}

func escapeCases() []rule {
	const point = "wire/2 escaping"
	clause := func(v string) string {
		if v == V10 {
			return "1.0 §STOMP Frames"
		}
		return v + " §Value Encoding"
	}
	var rules []rule
	// What a sender of each version writes for an octet, and what a receiver of each version reads. No entry: the
	// version cannot write it.
	octets := []struct {
		name          string
		write, read   map[string]string
		readElsewhere string
	}{
		{"a colon", map[string]string{V10: ":", V11: `\c`, V12: `\c`}, map[string]string{V10: ":", V11: `\c`, V12: `\c`}, ""},
		{"a backslash", map[string]string{V10: `\`, V11: `\\`, V12: `\\`}, map[string]string{V10: `\`, V11: `\\`, V12: `\\`}, ""},
		{"a line feed", map[string]string{V11: `\n`, V12: `\n`}, map[string]string{V10: " ", V11: `\n`, V12: `\n`}, ""},
		{"a carriage return", map[string]string{V12: `\r`}, map[string]string{V10: " ", V11: " ", V12: `\r`}, ""},
		{"what looks like an escape", map[string]string{V10: `\n`, V11: `\\n`, V12: `\\n`}, map[string]string{V10: `\n`, V11: `\\n`, V12: `\\n`}, ""},
	}
	for _, sender := range AllVersions {
		for _, o := range octets {
			written, can := o.write[sender]
			if !can {
				continue
			}
			name := o.name + " from a " + sender + " sender is encoded for the recipient's version"
			rules = append(rules, rule{point: point, clause: clause(sender), name: name, script: func(s *Script) {
				s.connect("b").subscribe("b", "1", "{T}").connectAs("a", sender)
				s.sync("a", "SEND", "destination:{T}", "note:x"+written+"y")
				s.want("b", "MESSAGE", "note:x"+o.read[s.V]+"y")
			}})
		}
	}
	for _, c := range []struct {
		name, value string
		versions    []string
	}{
		{"an undefined escape is fatal", `x\ty`, from11},
		{"a backslash at the end of a value is fatal", `x\`, from11},
		{"an escaped CR is not defined in 1.1", `x\ry`, only11},
		{"upper case escapes are not defined", `x\Ny`, from11},
	} {
		rules = append(rules, rule{point: point, clause: "1.2 §Value Encoding", name: c.name, versions: c.versions, script: func(s *Script) {
			s.connect("a").send("a", "SEND", "destination:{T}", "note:"+c.value).refused("a", "syntax")
		}})
		rules = append(rules, rule{point: point, clause: "1.2 §Value Encoding", name: c.name + ", in a name too", versions: c.versions, script: func(s *Script) {
			s.connect("a").send("a", "SEND", "destination:{T}", c.value+":note").refused("a", "syntax")
		}})
	}
	return append(rules,
		rule{point: point, clause: "1.0 §STOMP Frames", name: "1.0 has no escapes", versions: only10, script: func(s *Script) {
			s.connect("b").subscribe("b", "1", "{T}").connect("a")
			s.sync("a", "SEND", "destination:{T}", `note:\t\n\`).want("b", "MESSAGE", `note:\t\n\`)
		}},
		rule{point: point, clause: "1.2 §Value Encoding", name: "names are escaped as values are", versions: from11, script: func(s *Script) {
			s.connect("b").subscribe("b", "1", "{T}").connect("a")
			s.sync("a", "SEND", "destination:{T}", `a\cb\\c:v`).want("b", "MESSAGE", `a\cb\\c:v`)
		}},
		rule{point: point, clause: "1.2 §Value Encoding", name: "a receipt comes back as it was sent", versions: from11, script: func(s *Script) {
			s.connect("a").send("a", "SEND", "destination:{T}", `receipt:a\cb\\c\nd`).want("a", "RECEIPT", `receipt-id:a\cb\\c\nd`)
		}},
		rule{point: point, clause: "1.2 §Value Encoding", name: "a subscription id comes back as it was sent", versions: from11, script: func(s *Script) {
			s.connect("a").subscribe("a", `i\cd\\\n`, "{T}").connect("b").publish("b", "{T}", "x")
			s.gets("a", "m", "x", `subscription:i\cd\\\n`).sync("a", "UNSUBSCRIBE", `id:i\cd\\\n`)
		}},
		rule{point: point, clause: "1.2 §Value Encoding", name: "a destination is the same in every version's spelling", script: func(s *Script) {
			s.connectAs("b", V10).sync("b", "SUBSCRIBE", `destination:{T}:x\y`)
			spelled := `{T}\cx\\y`
			if s.V == V10 {
				spelled = `{T}:x\y`
			}
			s.connect("a").publish("a", spelled, "x").gets("b", "m", "x", `destination:{T}:x\y`)
		}},
		rule{
			point: point, clause: "1.2 §Value Encoding", name: "CONNECT is not unescaped",
			settings: func(c *config.Config) { c.Login, c.Passcode = `us\er`, `p:a\\ss\n\t` },
			script: func(s *Script) {
				s.connectAs("a", s.V, `login:us\er`, `passcode:p:a\\ss\n\t`)
				s.send("b", "CONNECT", "accept-version:"+s.V, "host:h", `login:us\\er`, `passcode:p\ca\\\\ss\\n\\t`).refused("b", "auth err")
			},
		})
}

func headerLineCases() []rule {
	const colons, trimming, repeated = "wire/3 colons", "wire/4 trimming", "wire/5 repeated headers"
	forwarded := func(sent string, read map[string]string) func(*Script) {
		return func(s *Script) {
			s.connect("b").subscribe("b", "1", "{T}").connect("a")
			s.sync("a", "SEND", "destination:{T}", sent).want("b", "MESSAGE", read[s.V])
		}
	}
	same := func(line string) map[string]string { return map[string]string{V10: line, V11: line, V12: line} }
	return []rule{
		{point: colons, clause: "1.2 §Augmented BNF", name: "the first colon ends the name, further ones are escaped outbound", script: forwarded("note:a:b:c", map[string]string{V10: "note:a:b:c", V11: `note:a\cb\cc`, V12: `note:a\cb\cc`})},
		{point: colons, clause: "1.2 §Augmented BNF", name: "a value that begins with a colon is kept", script: forwarded("note::a", map[string]string{V10: "note::a", V11: `note:\ca`, V12: `note:\ca`})},
		{point: colons, clause: "1.2 §Augmented BNF", name: "an empty value is kept", script: forwarded("note:", same("note:"))},
		{point: colons, clause: "1.2 §Augmented BNF", name: "a line without a colon is refused", script: func(s *Script) {
			s.connect("a").send("a", "SEND", "destination:{T}", "note").refused("a", "syntax")
		}},
		{point: colons, clause: "1.2 §Augmented BNF", name: "a line without a name is refused", script: func(s *Script) {
			s.connect("a").send("a", "SEND", "destination:{T}", ":note").refused("a", "syntax")
		}},
		{point: trimming, clause: "1.2 §Augmented BNF", name: "spaces around name and value are theirs from 1.1 on", versions: from11, script: forwarded(" note : x ", same(" note : x "))},
		{point: trimming, clause: "1.0 §STOMP Frames", name: "1.0 trims around name and value", versions: only10, script: forwarded(" note :  x y  ", same("note:x y"))},
		{point: trimming, clause: "1.2 §Augmented BNF", name: "a space makes another destination", versions: from11, script: func(s *Script) {
			s.connect("a").send("a", "SEND", "destination: {T}", "receipt:r").refusedFor("a", "r", "destination unknown")
		}},
		{point: trimming, clause: "1.2 §Header receipt", name: "a receipt keeps its spaces", versions: from11, script: func(s *Script) {
			s.connect("a").send("a", "SEND", "destination:{T}", "receipt: r ").want("a", "RECEIPT", "receipt-id: r ")
		}},
		{point: trimming, clause: "1.0 §STOMP Frames", name: "a 1.0 client may write a space behind every colon", versions: only10, script: func(s *Script) {
			s.send("a", "CONNECT", "login: x", "passcode: y").want("a", "CONNECTED", "version:1.0")
			s.send("a", "SUBSCRIBE", "destination: {Q}", "id: 7", "ack: client", "receipt: r").want("a", "RECEIPT", "receipt-id:r")
			s.body("a", "hello", "SEND", "destination: {Q}", "content-length: 5").gets("a", "m", "hello", "subscription:7", "destination:{Q}")
			s.send("a", "ACK", "message-id: {m.message-id}", "receipt: q").want("a", "RECEIPT", "receipt-id:q")
		}},
		{point: repeated, clause: "1.2 §Repeated Header Entries", name: "all repeated headers are forwarded in order", script: func(s *Script) {
			s.connect("b").subscribe("b", "1", "{T}").connect("a")
			s.sync("a", "SEND", "destination:{T}", "note:1", "other:x", "note:2", "note:3", "other:y")
			s.match("b", Match{Command: "MESSAGE", All: []string{"note:1", "note:2", "note:3", "other:x", "other:y"}})
		}},
		{point: repeated, clause: "1.2 §Repeated Header Entries", name: "of repeated headers the first counts", script: func(s *Script) {
			s.connect("b").subscribe("b", "1", "{T}").connect("a")
			s.body("a", "x", "SEND", "destination:{T}", "destination:{T2}", "receipt:first", "receipt:second").want("a", "RECEIPT", "receipt-id:first")
			s.gets("b", "m", "x", "destination:{T}")
		}},
		{point: repeated, clause: "1.2 §Repeated Header Entries", name: "a user cannot shadow the broker's headers", script: func(s *Script) {
			s.connect("b").subscribe("b", "mine", "{Q}", "ack:client").connect("a")
			s.syncBody("a", "x", "SEND", "destination:{Q}", "subscription:evil", "message-id:evil", "ack:evil", "redelivered:true", "delivery-count:9", "content-length:1", "content-length:0", "destination:evil", "note:mine")
			s.match("b", Match{Command: "MESSAGE", Header: []string{"subscription:mine", "destination:{Q}", "content-length:1", "note:mine"}, As: "m"})
			s.ack("b", "m") // its own ids are the ones that work
		}},
	}
}

func bodyCases() []rule {
	const length, bodies = "wire/6 content-length", "wire/7 bodies"
	const clause = "1.2 §Header content-length"
	var rules []rule
	for _, c := range []struct{ name, sent, header, want string }{
		{"a body with a NUL needs and gets a content-length", "a\x00b\x00", "content-length:4", "a\x00b\x00"},
		{"without content-length the first NUL ends the body", "plain", "", "plain"},
		{"a body of nothing but NULs comes through", "\x00\x00\x00", "content-length:3", "\x00\x00\x00"},
		{"an empty body comes through with content-length 0", "", "", ""},
		{"content-length 0 is an empty body", "", "content-length:0", ""},
		{"line ends in a body are the body's", "\r\n\n\r", "content-length:4", "\r\n\n\r"},
		{"octets that are no UTF-8 come through", "\xff\xfe\x80\xc3(", "content-length:5", "\xff\xfe\x80\xc3("},
		{"of two content-lengths the first counts", "ab", "content-length:2\ncontent-length:1", "ab"},
		{"leading zeros in a content-length are digits", "ab", "content-length:0002", "ab"},
	} {
		rules = append(rules, rule{point: length, clause: clause, name: c.name, script: func(s *Script) {
			s.connect("b").subscribe("b", "1", "{T}").connect("a")
			lines := []string{"SEND", "destination:{T}"}
			if c.header != "" {
				lines = append(lines, c.header)
			}
			s.syncBody("a", c.sent, lines...)
			s.gets("b", "m", c.want, fmt.Sprintf("content-length:%d", len(c.want)))
		}})
	}
	for _, c := range []struct{ name, value string }{
		{"a negative content-length is refused", "-1"},
		{"a content-length with a sign is refused", "+5"},
		{"a content-length that is no number is refused", "abc"},
		{"a content-length with a fraction is refused", "1.0"},
		{"an empty content-length is refused", ""},
		{"a content-length in hexadecimal is refused", "0x5"},
	} {
		rules = append(rules, rule{point: length, clause: clause, name: c.name, script: func(s *Script) {
			s.connect("a").loose("a", "SEND\ndestination:{T}\ncontent-length:"+c.value+"\n\nhello\x00").refused("a", "syntax")
		}})
	}
	rules = append(rules,
		rule{point: length, clause: clause, name: "a content-length beyond all numbers is refused", script: func(s *Script) {
			// The header alone is enough: nothing is waited for, nothing is allocated.
			s.connect("a").loose("a", "SEND\ndestination:{T}\ncontent-length:99999999999999999999999999\n\n")
			s.match("a", Match{Command: "ERROR", Header: []string{"message:*", "content-type:text/plain"}}).closed("a")
		}},
		rule{point: length, clause: clause, name: "a content-length that is too short is refused", script: func(s *Script) {
			s.connect("a").body("a", "hello", "SEND", "destination:{T}", "content-length:4").refused("a", "syntax")
		}},
		rule{point: length, clause: clause, name: "content-length is honoured on every frame", script: func(s *Script) {
			s.send("a", "CONNECT", "accept-version:"+s.V, "host:h", "content-length:0").want("a", "CONNECTED")
			s.sync("a", "SUBSCRIBE", "id:1", "destination:{T}", "content-length:0")
			s.sync("a", "UNSUBSCRIBE", "id:1", "content-length:0")
			s.sync("a", "BEGIN", "transaction:t", "content-length:0")
		}},
		rule{point: bodies, clause: "1.2 §Body", name: "CONNECT with a body is refused", script: func(s *Script) {
			s.body("a", "x", "CONNECT", "accept-version:"+s.V, "host:h").refused("a", "syntax")
		}})
	for _, lines := range [][]string{
		{"SUBSCRIBE", "id:1", "destination:{T}"},
		{"UNSUBSCRIBE", "id:1"},
		{"ACK", "id:1"},
		{"NACK", "id:1"},
		{"BEGIN", "transaction:t"},
		{"COMMIT", "transaction:t"},
		{"ABORT", "transaction:t"},
		{"DISCONNECT"},
	} {
		for _, sized := range []bool{false, true} {
			lines, name := lines, lines[0]+" with a body is refused"
			if sized {
				lines = append(slices.Clone(lines), "content-length:4")
				name = lines[0] + " with a body and a content-length is refused"
			}
			rules = append(rules, rule{point: bodies, clause: "1.2 §Body", name: name, script: func(s *Script) {
				s.connect("a").body("a", "body", lines...).refused("a", "syntax")
			}})
		}
	}
	return rules
}

// What a frame asked for ahead of its fault is answered, so that the client knows which it was.
func malformedReceiptCases() []rule {
	const point, clause = "errors", "1.2 §ERROR"
	return []rule{
		{point: point, clause: clause, name: "a body where none belongs is refused with the receipt-id", script: func(s *Script) {
			s.connect("a").body("a", "body", "BEGIN", "transaction:t", "receipt:r").refusedFor("a", "r", "syntax")
		}},
		{point: point, clause: clause, name: "a line without a colon is refused with the receipt-id ahead of it", script: func(s *Script) {
			s.connect("a").loose("a", "SEND\ndestination:{T}\nreceipt:r\nnone\n\n\x00").refusedFor("a", "r", "syntax")
		}},
		{point: point, clause: clause, name: "a body that is too long is refused with the receipt-id", settings: func(c *config.Config) { c.Limits.MaxBodyBytes = 1000 }, script: func(s *Script) {
			s.connect("a").loose("a", "SEND\ndestination:{T}\nreceipt:r\ncontent-length:1001\n\n").refusedFor("a", "r", "msg flup", "max_body_bytes", "1000")
		}},
	}
}

func lineEndCases() []rule {
	const point, clause = "wire/8 line ends", "1.2 §Augmented BNF"
	crlf := func(lines string) string { return strings.ReplaceAll(lines, "\n", "\r\n") }
	return []rule{
		{point: point, clause: clause, name: "lines may end in CRLF, in CONNECT too", script: func(s *Script) {
			s.raw("a", crlf("CONNECT\naccept-version:"+s.V+"\nhost:h\n\n")+"\x00").want("a", "CONNECTED", "version:"+s.V)
			s.raw("a", crlf("SUBSCRIBE\nid:1\ndestination:{T}\nreceipt:r\n\n")+"\x00").want("a", "RECEIPT", "receipt-id:r")
			s.raw("a", crlf("SEND\ndestination:{T}\nnote:x\n\n")+"body\r\n\x00")
			s.gets("a", "m", "body\r\n", "note:x", "destination:{T}")
		}},
		{point: point, clause: clause, name: "LF and CRLF may be mixed in one frame", script: func(s *Script) {
			s.raw("a", "CONNECT\r\naccept-version:"+s.V+"\nhost:h\r\n\n\x00").want("a", "CONNECTED", "version:"+s.V)
			s.raw("a", "SEND\ndestination:{T}\r\nreceipt:r\n\r\n\x00").want("a", "RECEIPT", "receipt-id:r")
		}},
		{point: point, clause: clause, name: "line ends between frames are passed over", script: func(s *Script) {
			s.raw("a", "\n\r\n\n").send("a", "CONNECT", "accept-version:"+s.V, "host:h").want("a", "CONNECTED", "version:"+s.V)
			s.raw("a", "\n").raw("a", "\r").raw("a", "\n\r\n\n\n").sync("a", "SEND", "destination:{T}")
			s.raw("a", strings.Repeat("\n", 5000)).sync("a", "SEND", "destination:{T}")
		}},
		{point: point, clause: clause, name: "a CR and its LF may come apart", script: func(s *Script) {
			for _, piece := range []string{"CONNECT\r", "\naccept-version:" + s.V + "\r", "\nhost:h\r", "\n\r", "\n\x00\r", "\n"} {
				s.raw("a", piece)
			}
			s.want("a", "CONNECTED", "version:"+s.V)
			s.raw("a", "SEND\r").raw("a", "\ndestination:{T}\r\n").raw("a", "receipt:r\r").raw("a", "\n\r").raw("a", "\n\x00").want("a", "RECEIPT", "receipt-id:r")
		}},
		{point: point, clause: clause, name: "a blank before a command is no line end", script: func(s *Script) {
			s.connect("a").raw("a", " SEND\ndestination:{T}\n\n\x00").refused("a", "syntax")
		}},
		{point: point, clause: clause, name: "a frame that ends before its blank line is refused", script: func(s *Script) {
			s.connect("a").raw("a", "SEND\ndestination:{T}\n\x00").refused("a", "syntax")
		}},
	}
}

func commandCases() []rule {
	const point, clause = "wire/9 commands", "1.2 §STOMP Frames"
	var rules []rule
	for _, command := range []string{"send", "Send", "SENDX", "SEN", "S", "MESSAGES", "GET", "\x01", "DESTROY"} {
		rules = append(rules, rule{point: point, clause: clause, name: fmt.Sprintf("%q is no command", command), script: func(s *Script) {
			s.connect("a").loose("a", command+"\ndestination:{T}\n\n\x00").refused("a", "syntax")
		}})
	}
	for _, command := range []string{"CONNECTED", "MESSAGE", "RECEIPT", "ERROR"} {
		rules = append(rules, rule{point: point, clause: "1.2 §Server Frames", name: command + " from a client is refused", script: func(s *Script) {
			s.connect("a").send("a", command, "destination:{T}", "message-id:1", "receipt-id:1").refused("a", "syntax")
		}})
	}
	for _, command := range []string{"CONNECT", "STOMP"} {
		rules = append(rules, rule{point: point, clause: clause, name: "a second " + command + " is refused", script: func(s *Script) {
			s.connect("a").send("a", command, "accept-version:"+s.V, "host:h").refused("a", "already connected")
		}})
	}
	for _, lines := range [][]string{
		{"SEND", "Destination:{T}"},
		{"SUBSCRIBE", "id:1", "DESTINATION:{T}"},
		{"BEGIN", "Transaction:t"},
		{"SEND"},
		{"SUBSCRIBE", "id:1"},
		{"BEGIN"},
		{"COMMIT"},
		{"ABORT"},
		{"UNSUBSCRIBE"},
		{"ACK"},
		{"NACK"},
		{"SEND", "destination:"},
		{"SUBSCRIBE", "id:1", "destination:"},
	} {
		rules = append(rules, rule{point: point, clause: "1.2 §Client Frames", name: strings.Join(lines, " ") + " lacks a header", script: func(s *Script) {
			m := refusal("*")
			m.Header = append(m.Header, "receipt-id:r")
			s.connect("a").send("a", append(lines[:len(lines):len(lines)], "receipt:r")...).match("a", m).closed("a")
		}})
	}
	return append(rules,
		rule{point: point, clause: "1.2 §CONNECT", name: "STOMP equals CONNECT", script: func(s *Script) {
			s.send("a", "STOMP", "accept-version:"+s.V, "host:h").want("a", "CONNECTED", "version:"+s.V).sync("a", "SEND", "destination:{T}")
		}},
		rule{point: point, clause: clause, name: "connect in small letters is no command", versions: only12, script: func(s *Script) {
			s.loose("a", text("", "connect", "accept-version:1.2", "host:h")).refused("a", "syntax")
		}},
		rule{point: point, clause: "1.2 §NACK", name: "NACK has no place in 1.0", versions: only10, script: func(s *Script) {
			s.connect("a").subscribe("a", "1", "{Q}", "ack:client").connect("b").publish("b", "{Q}", "x").gets("a", "m", "x")
			s.send("a", "NACK", "message-id:{m.message-id}", "receipt:r").refusedFor("a", "r", "syntax")
		}})
}

func beforeConnectCases() []rule {
	const point = "wire/10 before CONNECT"
	var rules []rule
	for _, lines := range [][]string{
		{"SEND", "destination:{T}"},
		{"SUBSCRIBE", "id:1", "destination:{T}"},
		{"UNSUBSCRIBE", "id:1"},
		{"ACK", "id:1"},
		{"NACK", "id:1"},
		{"BEGIN", "transaction:t"},
		{"COMMIT", "transaction:t"},
		{"ABORT", "transaction:t"},
		{"DISCONNECT", "receipt:r"},
	} {
		rules = append(rules, rule{point: point, clause: "1.2 §Connecting", name: lines[0] + " before CONNECT is refused", versions: only12, script: func(s *Script) {
			s.send("a", lines...).refused("a", "not connected")
		}})
	}
	return append(rules,
		rule{point: point, name: "a refused frame before CONNECT is not done", versions: only12, script: func(s *Script) {
			s.connect("b").subscribe("b", "1", "{Q}")
			s.body("a", "no", "SEND", "destination:{Q}").refused("a", "not connected")
			s.publish("b", "{T}", "").connect("c").publish("c", "{Q}", "yes").gets("b", "m", "yes")
		}},
		rule{point: point, name: "frames pipelined behind CONNECT are handled in order", script: func(s *Script) {
			pipelined := text("", "CONNECT", "accept-version:"+s.V, "host:h") + "\n" +
				text("", "SUBSCRIBE", "id:1", "destination:{Q}", "receipt:1") + "\r\n\n" +
				text("first", "SEND", "destination:{Q2}", "receipt:2") +
				text("second", "SEND", "destination:{Q2}", "receipt:3") +
				text("", "SUBSCRIBE", "id:2", "destination:{Q2}", "receipt:4")
			s.raw("a", pipelined).want("a", "CONNECTED", "version:"+s.V)
			for _, id := range []string{"1", "2", "3", "4"} {
				s.want("a", "RECEIPT", "receipt-id:"+id)
			}
			s.gets("a", "m1", "first", "subscription:2").gets("a", "m2", "second", "subscription:2")
		}},
		rule{point: point, name: "frames pipelined behind CONNECT are read in the version that was agreed on", versions: from11, script: func(s *Script) {
			s.raw("a", text("", "CONNECT", "accept-version:"+s.V, "host:h")+text("", "SEND", "destination:{T}", `receipt:a\cb`))
			s.want("a", "CONNECTED").want("a", "RECEIPT", `receipt-id:a\cb`)
		}},
		rule{point: point, name: "frames pipelined behind a CONNECT that fails are not done", versions: only12, script: func(s *Script) {
			s.connect("b").subscribe("b", "1", "{Q}")
			s.loose("a", text("", "CONNECT", "accept-version:9", "host:h")+text("no", "SEND", "destination:{Q}")).refused("a", "version")
			s.connect("c").publish("c", "{Q}", "yes").gets("b", "m", "yes")
		}},
		rule{
			point: point, name: "a client that does not log in is told after login_timeout", versions: only12,
			settings: func(c *config.Config) { c.Session.LoginTimeout = 500 * time.Millisecond },
			script:   func(s *Script) { s.loose("a", "\n").refused("a", "login timeout") },
		},
		rule{
			point: point, name: "half a CONNECT does not stop login_timeout", versions: only12,
			settings: func(c *config.Config) { c.Session.LoginTimeout = 500 * time.Millisecond },
			script:   func(s *Script) { s.loose("a", "CONNECT\naccept-version:1.2\n").refused("a", "login timeout") },
		},
		rule{
			point: point, name: "header lines have a smaller limit before CONNECTED", versions: only12,
			settings: func(c *config.Config) {
				c.Limits.ConnectMaxHeaderBytes, c.Limits.MaxHeaderBytes = 100, 200
			},
			script: func(s *Script) {
				s.connectAs("a", V12, "note:"+strings.Repeat("x", 95)).sync("a", "SEND", "destination:{T}", "note:"+strings.Repeat("x", 195))
				s.loose("b", text("", "CONNECT", "accept-version:1.2", "host:h", "note:"+strings.Repeat("x", 96))).refused("b", "hdr flup", "connect_max_header_bytes", "100")
			},
		},
		rule{
			point: point, name: "the number of headers has a smaller limit before CONNECTED", versions: only12,
			settings: func(c *config.Config) { c.Limits.ConnectMaxHeaders = 4 },
			script: func(s *Script) {
				s.connectAs("a", V12, "a:1", "b:2").sync("a", "SEND", "destination:{T}", "a:1", "b:2", "c:3")
				s.loose("b", text("", "CONNECT", "accept-version:1.2", "host:h", "a:1", "b:2", "c:3")).refused("b", "hdr flup", "connect_max_headers", "4")
			},
		},
		rule{
			point: point, name: "the header block has a smaller limit before CONNECTED", versions: only12,
			settings: func(c *config.Config) { c.Limits.ConnectMaxHeaderBlockBytes = 200 },
			script: func(s *Script) {
				s.connectAs("a", V12, "a:"+strings.Repeat("x", 100))
				s.loose("b", text("", "CONNECT", "accept-version:1.2", "host:h", "a:"+strings.Repeat("x", 100), "b:"+strings.Repeat("x", 100))).refused("b", "hdr flup", "connect_max_header_block_bytes", "200")
			},
		})
}

func loginCases() []rule {
	const host, login = "wire/11 host", "wire/12 login"
	secret := func(c *config.Config) { c.Login, c.Passcode = "ada", "pa:ss" }
	var rules []rule
	for _, value := range []string{"stampede.example", "/", "localhost", "10.1.2.3:61613", "[::1]", "", "no such virtual host"} {
		rules = append(rules, rule{point: host, clause: "1.2 §CONNECT", name: fmt.Sprintf("host %q is accepted", value), versions: from11, script: func(s *Script) {
			s.send("a", "CONNECT", "accept-version:"+s.V, "host:"+value).want("a", "CONNECTED", "version:"+s.V)
		}})
	}
	for _, c := range []struct{ name, header string }{
		{"without users configured nobody needs a login", "host:h"},
		{"without users configured any login is accepted", "login:anybody\npasscode:anything"},
		{"without users configured an empty login is accepted", "login:\npasscode:"},
	} {
		rules = append(rules, rule{point: login, clause: "1.2 §CONNECT", name: c.name, script: func(s *Script) {
			s.send("a", "CONNECT", "accept-version:"+s.V, "host:h", c.header).want("a", "CONNECTED", "version:"+s.V)
		}})
	}
	for _, c := range []struct{ name, header string }{
		{"a wrong passcode is refused", "login:ada\npasscode:pa:sS"},
		{"a wrong login is refused", "login:Ada\npasscode:pa:ss"},
		{"no login is refused", "x:y"},
		{"no passcode is refused", "login:ada"},
		{"a passcode that continues is refused", "login:ada\npasscode:pa:ss "},
		{"an empty passcode is refused", "login:ada\npasscode:"},
	} {
		versions := AllVersions
		if strings.HasSuffix(c.header, " ") {
			versions = from11 // 1.0 trims it
		}
		rules = append(rules, rule{point: login, clause: "1.2 §CONNECT", name: c.name, versions: versions, settings: secret, script: func(s *Script) {
			s.send("a", "CONNECT", "accept-version:"+s.V, "host:h", c.header).refused("a", "auth err")
		}})
	}
	return append(rules, rule{point: login, clause: "1.2 §CONNECT", name: "the right login and passcode are accepted", settings: secret, script: func(s *Script) {
		s.connectAs("a", s.V, "login:ada", "passcode:pa:ss").sync("a", "SEND", "destination:{T}")
	}})
}
