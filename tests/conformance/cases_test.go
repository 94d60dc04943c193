package conformance

import (
	"slices"
	"strings"
	"testing"
)

// The table is in order: every case has a point, a name of its own and steps, and every captured frame that a step
// refers to was captured before.
func TestTableIsInOrder(t *testing.T) {
	seen := map[string]bool{}
	names := []string{"V", "N", "Q", "Q2", "T", "T2", "soon"}
	for _, c := range Cases() {
		if c.Point == "" || c.Name == "" || len(c.Steps) == 0 {
			t.Errorf("%v: no point, no name or no steps", c)
		}
		if seen[c.String()] {
			t.Errorf("%v: there are two of this name", c)
		}
		seen[c.String()] = true
		known := slices.Clone(names)
		for i, s := range c.Steps {
			texts := []string{s.Send}
			for _, m := range s.Want {
				texts = append(texts, m.Header...)
				texts = append(texts, m.All...)
				if m.Body != nil {
					texts = append(texts, *m.Body)
				}
			}
			for _, found := range placeholder.FindAllString(strings.Join(texts, " "), -1) {
				frame, _, _ := strings.Cut(found[1:len(found)-1], ".")
				if !slices.Contains(known, frame) {
					t.Errorf("%v: step %d refers to %s, which no step before it has captured", c, i+1, found)
				}
			}
			if s.Advance > 0 && !c.Clock {
				t.Errorf("%v: step %d moves a clock that the case does not ask for", c, i+1)
			}
			for _, m := range s.Want {
				if m.As != "" {
					known = append(known, m.As)
				}
			}
		}
	}
	t.Logf("%d cases", len(seen))
}

// Every version has cases for every kind of rule that it knows.
func TestEveryVersionHasItsCases(t *testing.T) {
	points := map[string]map[string]int{}
	for _, c := range Cases() {
		if points[c.Point] == nil {
			points[c.Point] = map[string]int{}
		}
		points[c.Point][c.Version]++
	}
	for point, versions := range points {
		for _, v := range AllVersions {
			// 1.0 has no NACK, and what is said before CONNECTED is said in no version.
			if versions[v] == 0 && v != V10 {
				t.Errorf("%s has no case for %s", point, v)
			}
		}
	}
	for _, rules := range []string{"wire/", "heart-beat", "receipts", "errors", "closing", "subscriptions", "acks", "redelivery", "dead letters", "transactions", "destinations", "wildcards", "selectors", "filters", "statistics", "temporary queues", "expiry", "priority", "delay", "not offered yet", "limits", "configured destinations", "min_delivery", "browsing", "logins", "rights"} {
		if !slices.ContainsFunc(Cases(), func(c Case) bool { return strings.HasPrefix(c.Point, rules) }) {
			t.Errorf("no case is about %s", rules)
		}
	}
}
