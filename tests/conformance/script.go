package conformance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"stampede/config"
)

// The versions of STOMP.
const (
	V10 = "1.0"
	V11 = "1.1"
	V12 = "1.2"
)

// AllVersions is every version that the broker speaks.
var AllVersions = []string{V10, V11, V12}

// Case is one conversation in one version.
type Case struct {
	// Point is the group of rules that the case belongs to, such as "wire/2 escaping".
	Point string
	// Clause is where the specification says so, such as "1.2 §Value Encoding"; empty: it is this broker's own rule.
	Clause string
	// Name is the behaviour, as a sentence without a full stop.
	Name string
	// Version is the version that connect speaks.
	Version string
	// Settings changes the broker's configuration. A case with settings has a broker of its own.
	Settings func(*config.Config)
	// Alone asks for a broker of its own without other settings.
	Alone bool
	// Clock asks for a broker of its own on a clock that only the steps move.
	Clock bool
	// Steps are played one after another.
	Steps []Step
}

// String names the case as its test is named.
func (c Case) String() string { return c.Point + "/" + c.Name + "/" + c.Version }

// Step is one move of one client. Exactly one of the other fields is set.
type Step struct {
	Client string
	// Send is bytes to be written.
	Send string
	// Loose says that writing may fail, because the broker may have closed the connection in the middle of it.
	Loose bool
	// Want is frames that must come next, in any order among each other.
	Want []Match
	// Closed: the broker must close the connection next.
	Closed bool
	// Drop: the client drops the connection without a goodbye.
	Drop bool
	// Advance: so much time passes. Only for cases with a clock.
	Advance time.Duration
	// Beats: that many heart-beats must come next, and no frame.
	Beats int
}

// Match describes a frame.
type Match struct {
	Command string
	// Header has lines "name:value" as on the wire, held against the first line of the name; "name:*" for any value;
	// "name:!value" for any other value; "!name" for no such line.
	Header []string
	// All has lines as Header, whose values must be all values of their names, in this order.
	All []string
	// Body is the whole body, if it is set.
	Body *string
	// Contains are words that the body must contain.
	Contains []string
	// As names the frame for later steps.
	As string
}

// Script collects the steps of a case for one version.
type Script struct {
	V     string
	steps []Step
	asked int
}

func (s *Script) add(step Step) *Script {
	s.steps = append(s.steps, step)
	return s
}

// raw sends bytes as they are.
func (s *Script) raw(client, bytes string) *Script { return s.add(Step{Client: client, Send: bytes}) }

// loose sends bytes that the broker may not want to read to the end.
func (s *Script) loose(client, bytes string) *Script {
	return s.add(Step{Client: client, Send: bytes, Loose: true})
}

// send sends a frame without a body: a command and header lines.
func (s *Script) send(client string, lines ...string) *Script {
	return s.raw(client, text("", lines...))
}

// body sends a frame with a body, without a content-length unless the lines have one.
func (s *Script) body(client, body string, lines ...string) *Script {
	return s.raw(client, text(body, lines...))
}

func text(body string, lines ...string) string {
	return strings.Join(lines, "\n") + "\n\n" + body + "\x00"
}

// want expects one frame.
func (s *Script) want(client, command string, header ...string) *Script {
	return s.match(client, Match{Command: command, Header: header})
}

// match expects these frames next, in any order.
func (s *Script) match(client string, want ...Match) *Script {
	return s.add(Step{Client: client, Want: want})
}

// closed expects the end of the connection.
func (s *Script) closed(client string) *Script { return s.add(Step{Client: client, Closed: true}) }

// drop ends the connection without a goodbye.
func (s *Script) drop(client string) *Script { return s.add(Step{Client: client, Drop: true}) }

// advance has time pass.
func (s *Script) advance(d time.Duration) *Script { return s.add(Step{Advance: d}) }

// beats expects heart-beats.
func (s *Script) beats(client string, n int) *Script { return s.add(Step{Client: client, Beats: n}) }

// refused expects an ERROR with this code, a text body with these words, and the end of the connection.
func (s *Script) refused(client, code string, words ...string) *Script {
	return s.match(client, refusal(code, words...)).closed(client)
}

// refusedFor is refused for a frame that had a receipt header.
func (s *Script) refusedFor(client, receipt, code string, words ...string) *Script {
	m := refusal(code, words...)
	m.Header = append(m.Header, "receipt-id:"+receipt)
	return s.match(client, m).closed(client)
}

func refusal(code string, words ...string) Match {
	return Match{Command: "ERROR", Header: []string{"code:" + code, "message:*", "content-type:text/plain"}, Contains: words}
}

// connect connects clients in the version of the case.
func (s *Script) connect(clients ...string) *Script {
	for _, client := range clients {
		s.connectAs(client, s.V)
	}
	return s
}

// connectAs connects a client in another version.
func (s *Script) connectAs(client, version string, header ...string) *Script {
	lines := []string{"CONNECT", "accept-version:" + version, "host:stampede.example"}
	return s.send(client, append(lines, header...)...).want(client, "CONNECTED", "version:"+version)
}

// sync sends a frame with a receipt header and expects the RECEIPT next.
func (s *Script) sync(client string, lines ...string) *Script {
	return s.syncBody(client, "", lines...)
}

// syncBody is sync for a frame with a body.
func (s *Script) syncBody(client, body string, lines ...string) *Script {
	s.asked++
	id := fmt.Sprintf("receipt-%d", s.asked)
	return s.body(client, body, append(slices.Clone(lines), "receipt:"+id)...).want(client, "RECEIPT", "receipt-id:"+id)
}

// subscribe subscribes and waits for the receipt.
func (s *Script) subscribe(client, id, destination string, header ...string) *Script {
	return s.sync(client, append([]string{"SUBSCRIBE", "id:" + id, "destination:" + destination}, header...)...)
}

// publish sends a message and waits for the receipt.
func (s *Script) publish(client, destination, body string, header ...string) *Script {
	return s.syncBody(client, body, append([]string{"SEND", "destination:" + destination}, header...)...)
}

// gets expects a MESSAGE with this body and names it.
func (s *Script) gets(client, as, body string, header ...string) *Script {
	return s.match(client, Match{Command: "MESSAGE", Header: header, Body: &body, As: as})
}

// answer is the ACK or NACK of a captured message in the words of the version.
func (s *Script) answer(command, message string, header ...string) []string {
	lines := []string{command}
	switch s.V {
	case V12:
		lines = append(lines, "id:{"+message+".ack}")
	case V11:
		lines = append(lines, "message-id:{"+message+".message-id}", "subscription:{"+message+".subscription}")
	default:
		lines = append(lines, "message-id:{"+message+".message-id}")
	}
	return append(lines, header...)
}

// ack acknowledges a captured message and waits for the receipt.
func (s *Script) ack(client, message string, header ...string) *Script {
	return s.sync(client, s.answer("ACK", message, header...)...)
}

// settle acknowledges a captured message without waiting: the room it makes may be used before a RECEIPT would come.
func (s *Script) settle(client, message string) *Script {
	return s.send(client, s.answer("ACK", message)...)
}

// nack refuses a captured message and waits for the receipt.
func (s *Script) nack(client, message string, header ...string) *Script {
	return s.sync(client, s.answer("NACK", message, header...)...)
}

// rule is an entry of the table before it is taken apart by version.
type rule struct {
	point, clause, name string
	versions            []string
	settings            func(*config.Config)
	alone, clock        bool
	script              func(s *Script)
}

// Cases gives the whole table, one Case for each version that a rule holds for.
func Cases() []Case {
	var all []Case
	for _, rules := range [][]rule{wireCases(), heartBeatCases(), receiptCases(), errorCases(), subscriptionCases(), ackCases(), transactionCases(), destinationCases(), selectorCases(), filterCases(), statsCases(), headerCases(), limitCases(), settingsCases(), browseCases(), accessCases()} {
		for _, r := range rules {
			versions := r.versions
			if versions == nil {
				versions = AllVersions
			}
			for _, v := range versions {
				s := &Script{V: v}
				r.script(s)
				all = append(all, Case{Point: r.point, Clause: r.clause, Name: r.name, Version: v, Settings: r.settings, Alone: r.alone, Clock: r.clock, Steps: s.steps})
			}
		}
	}
	return all
}

var (
	from11 = []string{V11, V12} // what came with 1.1
	only10 = []string{V10}
	only11 = []string{V11}
	only12 = []string{V12}
)
