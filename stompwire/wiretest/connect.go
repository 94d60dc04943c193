package wiretest

import (
	"time"

	"stampede/stompwire"
)

// Negotiation is the accept-version of a CONNECT and the version that it leads to
// [1.2 §Protocol Negotiation].
type Negotiation struct {
	Accept  string
	Present bool              // whether the header is there at all
	Want    stompwire.Version // 0: refused
}

// Negotiations gives all negotiations.
func Negotiations() []Negotiation {
	const v10, v11, v12 = stompwire.V10, stompwire.V11, stompwire.V12
	return []Negotiation{
		{"", false, v10},
		{"1.0", true, v10},
		{"1.1", true, v11},
		{"1.2", true, v12},
		{"1.0,1.1,1.2", true, v12},
		{"1.2,1.1,1.0", true, v12},
		{"1.1,1.0,1.1", true, v11},
		{"1.0,1.1", true, v11},
		{" 1.0 ,\t1.1 , 1.2\t", true, v12},
		{"1.0, 1.1", true, v11},
		{",1.1,,", true, v11},
		{"0.9,1.1,2.0", true, v11},
		{"2.0,stomp,1.0", true, v10},
		{"", true, 0},
		{" ", true, 0},
		{",", true, 0},
		{"1.3", true, 0},
		{"2.0", true, 0},
		{"1", true, 0},
		{"1.20", true, 0},
		{"01.2", true, 0},
		{"1.2.0", true, 0},
		{"v1.2", true, 0},
		{"1.1;1.2", true, 0},
		{"1.1 1.2", true, 0},
		{"1.2\r", true, 0},
	}
}

// HeartBeat is the value of a heart-beat header [1.2 §Heart-beating].
type HeartBeat struct {
	Value string
	OK    bool
	Want  stompwire.HeartBeat
}

// HeartBeats gives all values.
func HeartBeats() []HeartBeat {
	const ms, longest = time.Millisecond, (1<<31 - 1) * time.Millisecond
	ok := func(value string, send, want time.Duration) HeartBeat {
		return HeartBeat{value, true, stompwire.HeartBeat{Send: send, Want: want}}
	}
	values := []HeartBeat{
		ok("0,0", 0, 0),
		ok("10000,0", 10_000*ms, 0),
		ok("0,10000", 0, 10_000*ms),
		ok("1,2", 1*ms, 2*ms),
		ok("007,10", 7*ms, 10*ms),
		ok(" 5 , 6\t", 5*ms, 6*ms),
		ok("2147483646,2147483647", longest-ms, longest),
		ok("2147483648,99999999999999999999", longest, longest),
	}
	for _, refused := range []string{
		"", ",", "1", "1,", ",1", "1,2,3", "-1,0", "0,-1", "+1,0", "1.5,2", "a,b", "1;2", "1 0,2", "0x1,2", "1\r,2",
	} {
		values = append(values, HeartBeat{Value: refused})
	}
	return values
}

// Agreement is what a server and a client advertise and the intervals that come
// of it [1.2 §Heart-beating].
type Agreement struct {
	Server, Client stompwire.HeartBeat
	Send, Receive  time.Duration // server to client, client to server; 0: off
}

// Agreements gives all agreements.
func Agreements() []Agreement {
	const s = time.Second
	type hb = stompwire.HeartBeat
	return []Agreement{
		{hb{Send: 0, Want: 0}, hb{Send: 0, Want: 0}, 0, 0},
		{hb{Send: 10 * s, Want: 10 * s}, hb{Send: 0, Want: 0}, 0, 0},
		{hb{Send: 0, Want: 0}, hb{Send: 10 * s, Want: 10 * s}, 0, 0},
		{hb{Send: 10 * s, Want: 10 * s}, hb{Send: 10 * s, Want: 10 * s}, 10 * s, 10 * s},
		{hb{Send: 10 * s, Want: 20 * s}, hb{Send: 5 * s, Want: 30 * s}, 30 * s, 20 * s},
		{hb{Send: 30 * s, Want: 5 * s}, hb{Send: 20 * s, Want: 10 * s}, 30 * s, 20 * s},
		{hb{Send: 10 * s, Want: 0}, hb{Send: 10 * s, Want: 1 * s}, 10 * s, 0},
		{hb{Send: 0, Want: 10 * s}, hb{Send: 1 * s, Want: 10 * s}, 0, 10 * s},
		{hb{Send: -1 * s, Want: 10 * s}, hb{Send: 1 * s, Want: 10 * s}, 0, 10 * s},
	}
}
