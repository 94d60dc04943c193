package actors

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// The subscriptions of a client are found by id and by number, few or many, and those that have ended only by number.
func TestSubscriptionSetAgainstMaps(t *testing.T) {
	for _, most := range []int{2, shortSet + 1, 300} {
		r := rand.New(rand.NewPCG(3, uint64(most)))
		var set subscriptionSet
		byID := make(map[string]*subscriptionState)
		bySerial := make(map[uint32]*subscriptionState)
		last := uint32(0)
		for step := range 20000 {
			id := fmt.Sprint(r.IntN(most))
			sub := byID[id]
			switch {
			case sub == nil:
				last++
				sub = &subscriptionState{id: id, key: subscriptionKey{serial: last}}
				set.add(sub)
				byID[id], bySerial[last] = sub, sub
			case r.IntN(2) == 0:
				set.end(sub)
				delete(byID, id)
			}
			// One that has ended stays for a while.
			if old := bySerial[last-uint32(r.IntN(most))]; old != nil && old.ended.Load() {
				set.remove(old)
				delete(bySerial, old.key.serial)
			}
			id = fmt.Sprint(r.IntN(most))
			if got := set.named(id); got != byID[id] {
				t.Fatalf("of %d, step %d: %s is %v, wants %v", most, step, id, got, byID[id])
			}
			n := last - uint32(r.IntN(2*most))
			if got := set.serial(n); got != bySerial[n] {
				t.Fatalf("of %d, step %d: number %d is %v, wants %v", most, step, n, got, bySerial[n])
			}
			if set.open() != len(byID) || len(set.all) != len(bySerial) {
				t.Fatalf("of %d, step %d: %d are open and %d there, wants %d and %d", most, step, set.open(), len(set.all), len(byID), len(bySerial))
			}
		}
	}
}

// Who has one subscription pays for a list of one, and who has had many and has none for nothing.
func TestSubscriptionSetIsSmall(t *testing.T) {
	var set subscriptionSet
	sub := &subscriptionState{id: "1", key: subscriptionKey{serial: 1}}
	if n := testing.AllocsPerRun(100, func() {
		set.add(sub)
		set.remove(sub)
	}); n != 1 || cap(set.all) != 0 {
		t.Errorf("a subscription takes %v allocations, and %d places when it is gone", n, cap(set.all))
	}
	for i := range uint32(2 * shortSet) {
		set.add(&subscriptionState{id: fmt.Sprint(i), key: subscriptionKey{serial: i}})
	}
	for len(set.all) > 0 {
		set.end(set.all[0])
		set.remove(set.all[0])
	}
	if set.byID != nil {
		t.Error("the index of a list that was long is kept")
	}
}
