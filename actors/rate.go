package actors

import (
	"strconv"
	"time"

	"stampede/config"
	"stampede/stompwire"
)

// bucket is a token bucket. What a message is worth is taken as soon as there is anything in it, and may be
// owed: so a message of any size passes sometime, and in the long run no more than the rate. The zero value
// is full.
type bucket struct {
	tokens float64
	last   time.Time // when tokens was right; zero: never used
}

// fill brings a bucket to the present; rate is tokens a second, and most what it holds.
func (b *bucket) fill(rate, most float64, now time.Time) {
	if b.last.IsZero() {
		b.tokens = most
	} else if passed := now.Sub(b.last); passed > 0 {
		b.tokens += passed.Seconds() * rate
	}
	b.tokens = min(b.tokens, most)
	b.last = now
}

// wait is how long it takes until there is something in it.
func (b *bucket) wait(rate float64) time.Duration {
	if b.tokens > 0 {
		return 0
	}
	// One moment more: what is just empty is empty.
	return time.Duration(-b.tokens/rate*float64(time.Second)) + time.Millisecond
}

// quota is what somebody may still send: messages and octets.
type quota struct{ messages, bytes bucket }

// rate bounds a quota. 0 is no bound.
type rate struct {
	messages, bytes         float64 // a second
	messagesKey, bytesKey   string  // what the configuration calls them
	messagesText, bytesText string  // their values, for people
}

func (r *rate) bounded() bool { return r.messages > 0 || r.bytes > 0 }

// excess is how long one has to wait for the next message, and for the sake of which bound.
func (q *quota) excess(r *rate, burst time.Duration, now time.Time) (wait time.Duration, key, value string) {
	if r.messages > 0 {
		q.messages.fill(r.messages, max(r.messages*burst.Seconds(), 1), now)
		wait, key, value = q.messages.wait(r.messages), r.messagesKey, r.messagesText
	}
	if r.bytes > 0 {
		q.bytes.fill(r.bytes, max(r.bytes*burst.Seconds(), 1), now)
		if w := q.bytes.wait(r.bytes); w > wait {
			wait, key, value = w, r.bytesKey, r.bytesText
		}
	}
	return wait, key, value
}

// spend takes one message of so many octets.
func (q *quota) spend(octets int) {
	q.messages.tokens--
	q.bytes.tokens -= float64(octets)
}

// full tells whether nothing would be gained by forgetting it.
func (q *quota) full(r *rate, burst time.Duration, now time.Time) bool {
	q.excess(r, burst, now)
	return (r.messages <= 0 || q.messages.tokens >= r.messages*burst.Seconds()) && (r.bytes <= 0 || q.bytes.tokens >= r.bytes*burst.Seconds())
}

// rates are the bounds on SENDs that are in force.
type rates struct {
	connection, user rate
	burst            time.Duration
	reject           bool // else the publisher is held back
}

// newRates returns nil if there are none, so that looking costs nothing.
func newRates(l *config.Limits) *rates {
	bound := func(who string, messages int, bytes config.Bytes) rate {
		return rate{
			messages: float64(messages), messagesKey: "limits." + who + "_messages_per_second", messagesText: strconv.Itoa(messages),
			bytes: float64(bytes), bytesKey: "limits." + who + "_bytes_per_second", bytesText: strconv.FormatInt(int64(bytes), 10),
		}
	}
	r := &rates{
		connection: bound("connection", l.ConnectionMessagesPerSecond, l.ConnectionBytesPerSecond),
		user:       bound("user", l.UserMessagesPerSecond, l.UserBytesPerSecond),
		burst:      l.RateBurst, reject: l.RateExceeded == config.RateReject,
	}
	if !r.connection.bounded() && !r.user.bounded() {
		return nil
	}
	return r
}

// sendOctets is what a SEND counts: its headers and its body.
func sendOctets(f *stompwire.Frame) int {
	n := len(f.Body)
	for i := range f.Header {
		n += len(f.Header[i].Name) + len(f.Header[i].Value) + 2
	}
	return n
}
