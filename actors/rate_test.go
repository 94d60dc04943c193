package actors

import (
	"math/rand/v2"
	"testing"
	"time"

	"stampede/config"
	"stampede/stompwire"
)

func limited(messages int, bytes config.Bytes) *rates {
	l := config.Default().Limits
	l.ConnectionMessagesPerSecond, l.ConnectionBytesPerSecond = messages, bytes
	l.UserMessagesPerSecond, l.UserBytesPerSecond = messages, bytes
	return newRates(&l)
}

// Without a bound there is nothing to look at.
func TestNoRatesWithoutBounds(t *testing.T) {
	if limited(0, 0) != nil {
		t.Error("the defaults bound something")
	}
	for _, r := range []*rates{limited(1, 0), limited(0, 1)} {
		if r == nil {
			t.Error("a bound was overlooked")
		}
	}
}

// A quota lets a burst through at once, then what the rate allows, and names the bound that holds it back; what was not
// used is saved up for the burst and no longer.
func TestQuotaSteps(t *testing.T) {
	now := time.Unix(1000, 0)
	r := limited(2, 100)
	var q quota
	step := func(passed time.Duration, octets int, wantWait time.Duration, wantKey string) {
		t.Helper()
		now = now.Add(passed)
		wait, key, _ := q.excess(&r.connection, time.Second, now)
		if wait.Round(2*time.Millisecond) != wantWait.Round(2*time.Millisecond) || key != wantKey && wait > 0 {
			t.Fatalf("wait %v because of %s; want %v, %s", wait, key, wantWait, wantKey)
		}
		if wait == 0 {
			q.spend(octets)
		}
	}
	const messages, bytes = "limits.connection_messages_per_second", "limits.connection_bytes_per_second"
	step(0, 10, 0, "")
	step(0, 10, 0, "")
	step(0, 10, 0*time.Second+2*time.Millisecond, messages) // just empty
	step(500*time.Millisecond, 10, 0, "")
	step(0, 10, 2*time.Millisecond, messages)
	step(time.Hour, 250, 0, "") // over the bound by itself, and let through
	step(0, 1, 1502*time.Millisecond, bytes)
	step(1501*time.Millisecond, 1, 0, "")
	now = now.Add(-time.Hour) // a clock that is set back takes nothing away and gives nothing
	step(0, 1, 10*time.Millisecond, bytes)
}

// However messages come, what a quota lets through in a time is at most the burst, the rate times the time, and one message.
func TestQuotaKeepsTheRate(t *testing.T) {
	for seed := range uint64(50) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		r := limited(1+rnd.IntN(50), config.Bytes(1000+rnd.IntN(10_000)))
		var q quota
		start := time.Unix(1000, 0)
		now, sent, octets, largest := start, 0, 0, 0
		for range 2000 {
			if wait, _, _ := q.excess(&r.connection, r.burst, now); wait == 0 {
				n := rnd.IntN(3000)
				q.spend(n)
				sent, octets, largest = sent+1, octets+n, max(largest, n)
			} else if rnd.IntN(2) == 0 {
				now = now.Add(wait)
			}
			now = now.Add(time.Duration(rnd.IntN(int(20 * time.Millisecond))))
			passed := now.Sub(start).Seconds() + r.burst.Seconds()
			if most := r.connection.messages*passed + 1; float64(sent) > most {
				t.Fatalf("seed %d: %d messages in %v, at most %.1f are allowed", seed, sent, now.Sub(start), most)
			}
			if most := r.connection.bytes*passed + float64(largest); float64(octets) > most {
				t.Fatalf("seed %d: %d octets in %v, at most %.1f are allowed", seed, octets, now.Sub(start), most)
			}
		}
	}
}

// Users are counted up to the limit, are forgotten when their last connection is gone, and not before their quota is full
// again: a reconnect gives nobody a new one.
func TestUsersAreForgottenWhenNothingIsOwed(t *testing.T) {
	var all users
	now := time.Unix(1000, 0)
	r := limited(10, 0)
	a, ok := all.enter("a", 2, r, now)
	if again, ok2 := all.enter("a", 2, r, now); !ok || !ok2 || again != a {
		t.Fatal("two connections of a user are not the same user's")
	}
	if _, ok := all.enter("a", 2, r, now); ok {
		t.Error("a third connection was let in")
	}
	if b, ok := all.enter("b", 2, r, now); !ok {
		t.Error("another user was refused")
	} else {
		all.leave(b, r, now)
	}
	if len(all.byName) != 1 {
		t.Errorf("%d users are known, one is there", len(all.byName))
	}
	a.excess(r, now)
	for range 15 {
		a.spend(0)
	}
	all.leave(a, r, now)
	all.leave(a, r, now)
	again, _ := all.enter("a", 2, r, now)
	if wait, key, value := again.excess(r, now); wait < 500*time.Millisecond || key != "limits.user_messages_per_second" || value != "10" {
		t.Errorf("after a reconnect the wait is %v for %s %s", wait, key, value)
	}
	all.leave(again, r, now)
	all.leave(mustEnter(&all, "c", r, now.Add(time.Minute)), r, now.Add(time.Minute))
	if len(all.byName) != 0 || len(all.gone) != 0 {
		t.Errorf("%d users are known though none is there", len(all.byName))
	}
}

func mustEnter(all *users, name string, r *rates, now time.Time) *user {
	one, _ := all.enter(name, 0, r, now)
	return one
}

// A SEND is counted by its headers and its body.
func TestSendOctets(t *testing.T) {
	f := stompwire.Frame{Command: stompwire.Send, Header: stompwire.Header{{Name: "a", Value: "bc"}}, Body: []byte("defg")}
	if got := sendOctets(&f); got != 9 {
		t.Errorf("got %d, want 9", got)
	}
}
