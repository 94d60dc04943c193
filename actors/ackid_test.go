package actors

import (
	"math"
	"math/rand/v2"
	"testing"
)

// An ack id gives back the subscription, the epoch and the number it was made of.
func TestAckIDRoundTrip(t *testing.T) {
	randomly(t, 1, func(t *testing.T, r *rand.Rand) {
		for range 2000 {
			serial, epoch, number := r.Uint32()>>r.IntN(32), max(1, r.Uint32()>>r.IntN(32)), r.Uint64N(1e18)>>r.IntN(60)
			id := string(appendAckID(nil, serial, epoch, number))
			s, e, n, ok := parseAckID(id)
			if !ok || s != serial || e != epoch || n != number {
				t.Fatalf("%d, %d, %d is %q, read as %d, %d, %d, %t", serial, epoch, number, id, s, e, n, ok)
			}
		}
	})
	for _, c := range []struct {
		serial, epoch uint32
		number        uint64
		want          string
	}{{0, 1, 0, "0-1-0"}, {1, 2, 3, "1-2-3"}, {math.MaxUint32, math.MaxUint32, 1e18 - 1, "4294967295-4294967295-999999999999999999"}} {
		if got := string(appendAckID([]byte("ack:"), c.serial, c.epoch, c.number)); got != "ack:"+c.want {
			t.Errorf("got %q, wants %q", got, c.want)
		}
		if s, e, n, ok := parseAckID(c.want); !ok || s != c.serial || e != c.epoch || n != c.number {
			t.Errorf("%q is read as %d, %d, %d, %t", c.want, s, e, n, ok)
		}
	}
}

// What no broker has given out is not taken for an ack id. Epochs begin at 1: 0 stands for none.
func TestBadAckIDs(t *testing.T) {
	for _, id := range []string{
		"", "-", "--", "1", "1-1", "1-1-", "1--1", "-1-1", "1-1-1-", "1-1-1-1", "-1-1-1", "1-0-1", "a-1-1", "1-1-1 ", " 1-1-1", "+1-1-1",
		"1-1-x", "1.1.1", "1_1_1", "١-1-1", "1-1-1\x00", "4294967296-1-1", "1-4294967296-1", "1-1-1000000000000000000",
	} {
		if s, e, n, ok := parseAckID(id); ok {
			t.Errorf("%q is read as %d, %d, %d", id, s, e, n)
		}
	}
}

// The parser of ack ids takes anything without a panic, and what it takes it would write with the same
// meaning.
func FuzzAckID(f *testing.F) {
	for _, s := range []string{"1-1-1", "0-1-0", "4294967295-4294967295-999999999999999999", "007-01-1", "1-0-1", "", "-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, id string) {
		serial, epoch, number, ok := parseAckID(id)
		if !ok {
			if serial != 0 || epoch != 0 || number != 0 {
				t.Errorf("%q is refused and read as %d, %d, %d", id, serial, epoch, number)
			}
			return
		}
		again := string(appendAckID(nil, serial, epoch, number))
		s, e, n, ok := parseAckID(again)
		if !ok || s != serial || e != epoch || n != number || epoch == 0 || len(again) > len(id) {
			t.Errorf("%q is read as %d, %d, %d, written as %q, read as %d, %d, %d, %t", id, serial, epoch, number, again, s, e, n, ok)
		}
	})
}
