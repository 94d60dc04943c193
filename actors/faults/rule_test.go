package faults

import (
	"slices"
	"testing"
	"time"

	"stampede/actors"
)

// A rule strikes where all that it names agrees, and nowhere else.
func TestRuleMatches(t *testing.T) {
	o := actors.Occasion{Role: "session", Actor: "connections/c1/session", Phase: actors.PhaseFrame, Command: "SEND", Destination: "/queue/a/b"}
	for _, c := range []struct {
		rule Rule
		want bool
	}{
		{Rule{Do: Drop}, true},
		{Rule{Do: Kill}, false}, // messages, if it does not say otherwise
		{Rule{Do: Kill, Phase: actors.PhaseFrame}, true},
		{Rule{Do: Kill, Command: "SEND"}, true},
		{Rule{Do: Kill, Command: "ACK"}, false},
		{Rule{Do: Drop, Destination: "/queue/a/b"}, true},
		{Rule{Do: Drop, Destination: "/queue/a"}, false},
		{Rule{Do: Drop, Destination: "/queue/*"}, true},
		{Rule{Do: Drop, Destination: "*/b"}, true},
		{Rule{Do: Drop, Destination: "*e/a*"}, true},
		{Rule{Do: Drop, Destination: "/queue/a/b*b"}, false},
		{Rule{Do: Drop, Destination: "*x*"}, false},
		{Rule{Do: Drop, Actor: "connections/*/session"}, true},
		{Rule{Do: Drop, Actor: "connections/c2/*"}, false},
		{Rule{Do: Drop, Role: "session"}, true},
	} {
		if err := c.rule.Check(); err != nil {
			t.Errorf("%+v: %v", c.rule, err)
		}
		if got := strikes(&c.rule, &o); got != c.want {
			t.Errorf("%+v matches: %v", c.rule, got)
		}
	}
}

// run tells at which of n occasions of an actor a plan strikes.
func run(p *Plan, actor string, n int, step time.Duration) (struck []int) {
	for i := range n {
		o := actors.Occasion{Role: "destination", Actor: actor, Phase: actors.PhaseMessage, Message: "publish", Since: time.Duration(i) * step}
		if p.At(&o).Do != "" {
			struck = append(struck, i+1)
		}
	}
	return struck
}

// A rule strikes when it says: at its nth occasion, at every nth, within its window, as often as it may.
func TestRuleTakesItsTurn(t *testing.T) {
	for _, c := range []struct {
		rule Rule
		want []int
	}{
		{Rule{Nth: 3}, []int{3}},
		{Rule{Every: 4}, []int{4, 8, 12}},
		{Rule{Every: 4, Limit: 2}, []int{4, 8}},
		{Rule{After: 2 * time.Second, Until: 5 * time.Second}, []int{3, 4, 5}},
		{Rule{Probability: 1, Limit: 1}, []int{1}},
	} {
		c.rule.Do = Kill
		if got := run(New(1, c.rule), "a", 12, time.Second); !slices.Equal(got, c.want) {
			t.Errorf("%+v struck at %v, wants %v", c.rule, got, c.want)
		}
	}
	p := New(1, Rule{Do: Kill, Nth: 2, PerActor: true})
	if a, b := run(p, "a", 5, 0), run(p, "b", 5, 0); !slices.Equal(a, []int{2}) || !slices.Equal(b, []int{2}) {
		t.Errorf("struck a at %v and b at %v, wants the second of each", a, b)
	}
}

// What chance decides depends on the seed and on what happened to the actor itself, not on what other actors do.
func TestChanceIsTheSeeds(t *testing.T) {
	r := Rule{Do: Kill, Probability: 0.3}
	p, mixed := New(7, r), New(7, r)
	alone := run(p, "a", 1000, 0)
	var among []int
	for i := range 1000 {
		run(mixed, "b", i%3, 0)
		if len(run(mixed, "a", 1, 0)) > 0 {
			among = append(among, i+1)
		}
	}
	if !slices.Equal(alone, among) {
		t.Error("the occasions of another actor have moved those of this one")
	}
	if n := len(alone); n < 240 || n > 360 {
		t.Errorf("struck %d times in 1000 with a probability of 0.3", n)
	}
	if slices.Equal(alone, run(New(8, r), "a", 1000, 0)) {
		t.Error("another seed struck at the same occasions")
	}
}

// A plan that is stopped strikes nowhere, and one that is resumed goes on.
func TestStopAndResume(t *testing.T) {
	p := New(1, Rule{Do: Kill, Every: 1})
	p.Stop()
	if got := run(p, "a", 3, 0); got != nil {
		t.Errorf("struck at %v though stopped", got)
	}
	p.Resume()
	if got := run(p, "a", 2, 0); len(got) != 2 || p.Fired()[0] != 2 {
		t.Errorf("struck at %v, counts %v", got, p.Fired())
	}
}
