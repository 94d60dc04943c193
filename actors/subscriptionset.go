package actors

import (
	"cmp"
	"slices"
)

// subscriptionSet is the subscriptions of one client, in the order they came. Most clients have one or two: so it is a list,
// and has an index only when it has got long.
type subscriptionSet struct {
	all  []*subscriptionState          // by serial, and also those whose destinations have not said yet that they are gone
	byID map[string]*subscriptionState // of those that have not ended; nil: the list is short
}

// shortSet is how many subscriptions are found by going through all of them.
const shortSet = 8

// add takes a subscription whose serial is the highest, and whose id no other has that has not ended.
func (s *subscriptionSet) add(sub *subscriptionState) {
	s.all = append(s.all, sub)
	switch {
	case s.byID != nil:
		s.byID[sub.id] = sub
	case len(s.all) > shortSet:
		s.byID = make(map[string]*subscriptionState, 2*shortSet)
		for _, one := range s.all {
			if !one.ended.Load() {
				s.byID[one.id] = one
			}
		}
	}
}

// named finds a subscription that has not ended by what its client calls it.
func (s *subscriptionSet) named(id string) *subscriptionState {
	if s.byID != nil {
		return s.byID[id]
	}
	for _, sub := range s.all {
		if sub.id == id && !sub.ended.Load() {
			return sub
		}
	}
	return nil
}

// to finds the oldest subscription to a destination that has not ended.
func (s *subscriptionSet) to(destination string) *subscriptionState {
	for _, sub := range s.all {
		if sub.destination.full == destination && !sub.ended.Load() {
			return sub
		}
	}
	return nil
}

// serial finds a subscription by its number.
func (s *subscriptionSet) serial(n uint32) *subscriptionState {
	if at, there := s.search(n); there {
		return s.all[at]
	}
	return nil
}

func (s *subscriptionSet) search(n uint32) (at int, there bool) {
	return slices.BinarySearchFunc(s.all, n, func(sub *subscriptionState, n uint32) int { return cmp.Compare(sub.key.serial, n) })
}

// open is how many have not ended.
func (s *subscriptionSet) open() int {
	if s.byID != nil {
		return len(s.byID)
	}
	n := 0
	for _, sub := range s.all {
		if !sub.ended.Load() {
			n++
		}
	}
	return n
}

// end marks a subscription as ended: its id may be used again.
func (s *subscriptionSet) end(sub *subscriptionState) {
	sub.ended.Store(true)
	if s.byID[sub.id] == sub {
		delete(s.byID, sub.id)
	}
}

// remove takes out a subscription that has ended.
func (s *subscriptionSet) remove(sub *subscriptionState) {
	if at, there := s.search(sub.key.serial); there {
		s.all = slices.Delete(s.all, at, at+1)
	}
	if len(s.all) == 0 {
		*s = subscriptionSet{}
	}
}
