package stompwire

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// HeartBeat is the pair in a heart-beat header [1.2 §Heart-beating].
type HeartBeat struct {
	// Send is the longest silence that the writer of the header promises; 0: it
	// promises nothing.
	Send time.Duration
	// Want is the silence that the writer would like its peer to stay within; 0:
	// it does not care.
	Want time.Duration
}

// maxHeartBeat is 2³¹−1 ms, nearly 25 days: the longest timer that a browser has,
// and short enough that a tolerance factor cannot overflow a time.Duration.
const maxHeartBeat = (1<<31 - 1) * time.Millisecond

var errHeartBeat = errors.New(`stompwire: a heart-beat is two whole numbers of milliseconds and a comma, such as "10000,10000" [1.2 §Heart-beating]`)

// ParseHeartBeat reads the value of a heart-beat header. Spaces around the two
// numbers are tolerated; anything longer than 2³¹−1 ms counts as that. An absent
// header is the zero HeartBeat and is the caller's to notice: an empty value is
// an error.
func ParseHeartBeat(s string) (HeartBeat, error) {
	send, want, two := strings.Cut(s, ",")
	if !two {
		return HeartBeat{}, errHeartBeat
	}
	x, okX := parseMilliseconds(send)
	y, okY := parseMilliseconds(want)
	if !okX || !okY {
		return HeartBeat{}, errHeartBeat
	}
	return HeartBeat{Send: x, Want: y}, nil
}

func parseMilliseconds(s string) (time.Duration, bool) {
	n, ok := parseDecimal(trim(s))
	if !ok {
		return 0, false
	}
	return min(time.Duration(min(n, 1<<31))*time.Millisecond, maxHeartBeat), true
}

// String gives the value of a heart-beat header. A part of a millisecond is
// rounded up, because 0 would switch the heart-beat off; a negative duration is
// written as 0.
func (h HeartBeat) String() string {
	b := strconv.AppendInt(make([]byte, 0, 24), wholeMilliseconds(h.Send), 10)
	b = append(b, ',')
	return string(strconv.AppendInt(b, wholeMilliseconds(h.Want), 10))
}

func wholeMilliseconds(d time.Duration) int64 {
	d = min(max(d, 0), maxHeartBeat)
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

// EffectiveHeartBeat gives the two intervals that a server and a client agree on:
// send for server to client, receive for client to server. Each is the longer of
// what one side promises and the other wants, and 0 (off) when either is 0.
func EffectiveHeartBeat(server, client HeartBeat) (send, receive time.Duration) {
	return longer(server.Send, client.Want), longer(client.Send, server.Want)
}

func longer(promised, wanted time.Duration) time.Duration {
	if promised <= 0 || wanted <= 0 {
		return 0
	}
	return max(promised, wanted)
}
