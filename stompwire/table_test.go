package stompwire_test

import (
	"strings"
	"testing"

	"stampede/stompwire"
	"stampede/stompwire/wiretest"
)

// A case of the table has a name of its own, a clause, and octets.
func TestTableIsWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range wiretest.Cases() {
		if seen[c.Name] {
			t.Errorf("%q is there twice", c.Name)
		}
		seen[c.Name] = true
		if c.Topic == "" || !strings.Contains(c.Clause, " §") || len(c.Input) == 0 {
			t.Errorf("%q: topic %q, clause %q, %d octets", c.Name, c.Topic, c.Clause, len(c.Input))
		}
	}
}

// Every topic has something that is accepted and, where there can be, something that is refused.
func TestTableHasBothSidesOfEveryTopic(t *testing.T) {
	type sides struct{ accepted, refused, live int }
	count := map[wiretest.Topic]*sides{}
	add := func(topic wiretest.Topic, refused, live bool) {
		if count[topic] == nil {
			count[topic] = new(sides)
		}
		if refused {
			count[topic].refused++
		} else {
			count[topic].accepted++
		}
		if live {
			count[topic].live++
		}
	}
	for _, c := range wiretest.Cases() {
		add(c.Topic, c.Refused(), c.Live())
	}
	for _, n := range wiretest.Negotiations() {
		add(wiretest.TopicVersions, n.Want == 0, false)
	}
	for _, h := range wiretest.HeartBeats() {
		add(wiretest.TopicHeartBeats, !h.OK, false)
	}
	for _, e := range wiretest.Exchanges() {
		add(e.Topic, e.Refused(), true)
	}
	// Any host and any login is accepted, until users and virtual hosts are configured.
	onlyAccepted := map[wiretest.Topic]bool{wiretest.TopicHost: true, wiretest.TopicLogin: true}
	for _, topic := range wiretest.Topics() {
		got := count[topic]
		if got == nil || got.accepted == 0 || got.refused == 0 && !onlyAccepted[topic] {
			t.Errorf("%s: %+v", topic, got)
		}
		delete(count, topic)
	}
	for topic := range count {
		t.Errorf("%q is none of Topics", topic)
	}
}

// What an exchange sends is well-formed, so that an ERROR it wants is about what the frames mean.
func TestExchangesAreWellFormed(t *testing.T) {
	for _, e := range wiretest.Exchanges() {
		if r := read(stompwire.NewDecoder(stompwire.Limits{}), []byte(e.Send)); r.fault != nil || r.partial || len(r.frames) == 0 {
			t.Errorf("%q: %v", e.Name, r.fault)
		}
		if len(e.Want) == 0 || e.Refused() != e.Closed {
			t.Errorf("%q: %d replies, refused %v, closed %v", e.Name, len(e.Want), e.Refused(), e.Closed)
		}
	}
}

// Of an accept-version the highest version that we have too is chosen.
func TestNegotiations(t *testing.T) {
	for _, n := range wiretest.Negotiations() {
		if got, ok := stompwire.Negotiate(n.Accept, n.Present); got != n.Want || ok != (n.Want != 0) {
			t.Errorf("%q, %v: %v, %v, want %v", n.Accept, n.Present, got, ok, n.Want)
		}
	}
}

// Versions are ordered, and are written as they are read.
func TestVersions(t *testing.T) {
	if stompwire.V10 >= stompwire.V11 || stompwire.V11 >= stompwire.V12 || stompwire.Version(0) >= stompwire.V10 {
		t.Error("not in order")
	}
	var listed []string
	for v := stompwire.V10; v <= stompwire.V12; v++ {
		listed = append(listed, v.String())
		if got, ok := stompwire.ParseVersion(v.String()); got != v || !ok {
			t.Errorf("%v is read as %v, %v", v, got, ok)
		}
	}
	if all := strings.Join(listed, ","); all != stompwire.SupportedVersions {
		t.Errorf("%q", all)
	}
	for _, s := range []string{"", "none", stompwire.Version(0).String(), stompwire.Version(9).String(), " 1.2"} {
		if v, ok := stompwire.ParseVersion(s); ok {
			t.Errorf("%q is read as %v", s, v)
		}
	}
}

// A heart-beat header is two whole numbers of milliseconds, and nothing else.
func TestHeartBeats(t *testing.T) {
	for _, h := range wiretest.HeartBeats() {
		got, err := stompwire.ParseHeartBeat(h.Value)
		if got != h.Want || (err == nil) != h.OK {
			t.Errorf("%q: %v, %v", h.Value, got, err)
		}
		if h.OK {
			if again, err := stompwire.ParseHeartBeat(got.String()); again != got || err != nil {
				t.Errorf("%q is written as %q", h.Value, got)
			}
		}
	}
}

// A part of a millisecond does not switch a heart-beat off, and what is negative is off.
func TestHeartBeatIsWrittenInWholeMilliseconds(t *testing.T) {
	for want, h := range map[string]stompwire.HeartBeat{
		"1,2":                   {Send: 1, Want: 1_000_001},
		"0,0":                   {Send: -5, Want: 0},
		"2147483647,2147483647": {Send: 1 << 62, Want: 1<<63 - 1},
	} {
		if got := h.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Each direction beats at the longer of what one side promises and the other wants, or not at all.
func TestAgreements(t *testing.T) {
	for _, a := range wiretest.Agreements() {
		if send, receive := stompwire.EffectiveHeartBeat(a.Server, a.Client); send != a.Send || receive != a.Receive {
			t.Errorf("server %v, client %v: %v, %v, want %v, %v", a.Server, a.Client, send, receive, a.Send, a.Receive)
		}
	}
}

// Every encoding of the table is octet for octet what is written, behind what was there.
func TestEncodings(t *testing.T) {
	for _, e := range wiretest.Encodings() {
		t.Run(e.Name+" in "+e.Version.String(), func(t *testing.T) {
			before := raw([]stompwire.Frame{e.Frame})
			got := string(stompwire.AppendFrame([]byte("before"), &e.Frame, e.Version))
			if got != "before"+e.Want {
				t.Errorf("[%s]\n%q\nwant\n%q", e.Clause, got, "before"+e.Want)
			}
			if after := raw([]stompwire.Frame{e.Frame}); after != before {
				t.Errorf("the frame has become %s", after)
			}
		})
	}
}

// A header line alone is written as it is in a frame.
func TestAppendHeader(t *testing.T) {
	for want, v := range map[string]stompwire.Version{"b:a_b:c d\\\n": stompwire.V10, "b:a\\cb:c\\nd\\\\\n": stompwire.V12} {
		if got := string(stompwire.AppendHeader([]byte("b:"), "a:b", "c\nd\\", v)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// EnsureContentLength mends or adds the header in a copy, and leaves alone what is right.
func TestEnsureContentLength(t *testing.T) {
	field := func(name, value string) stompwire.Field { return stompwire.Field{Name: name, Value: value} }
	for _, c := range []struct{ have, want stompwire.Header }{
		{nil, stompwire.Header{field("content-length", "4")}},
		{stompwire.Header{field("a", "b")}, stompwire.Header{field("a", "b"), field("content-length", "4")}},
		{stompwire.Header{field("content-length", "4"), field("a", "b")}, stompwire.Header{field("content-length", "4"), field("a", "b")}},
		{stompwire.Header{field("content-length", "9"), field("a", "b")}, stompwire.Header{field("content-length", "4"), field("a", "b")}},
	} {
		shared := append(make(stompwire.Header, 0, 9), c.have...)
		f := stompwire.Frame{Command: stompwire.Send, Header: shared, Body: []byte("body")}
		stompwire.EnsureContentLength(&f)
		if raw([]stompwire.Frame{{Header: f.Header}}) != raw([]stompwire.Frame{{Header: c.want}}) {
			t.Errorf("%v has become %v", c.have, f.Header)
		}
		if raw([]stompwire.Frame{{Header: shared}}) != raw([]stompwire.Frame{{Header: c.have}}) || len(shared[:len(shared)+1][len(shared)].Name) > 0 {
			t.Errorf("the shared header has become %v", shared)
		}
	}
}
