package chaos

import (
	"slices"
	"strings"
	"testing"
)

// The ledger finds what was lost, what came twice unmarked, and half a transaction, and nothing in what is as it should be.
func TestLedger(t *testing.T) {
	a, b, c, d := message{"/queue/x", 1, 1}, message{"/queue/x", 1, 2}, message{"/queue/x", 1, 3}, message{"/queue/x", 1, 4}
	for _, test := range []struct {
		name string
		play func(l *ledger)
		want string
	}{
		{"a copy that says so", func(l *ledger) { l.consume(a, true); l.consume(a, false); l.promise(a) }, ""},
		{"never receipted, never seen", func(l *ledger) { l.bind([]message{a, b}) }, ""},
		{"lost", func(l *ledger) { l.promise(a, b); l.consume(a, false) }, "message 2 of producer 1 to /queue/x was receipted and never seen"},
		{"twice", func(l *ledger) { l.promise(a); l.consume(a, false); l.consume(a, false) }, "came twice without redelivered:true"},
		{"half", func(l *ledger) { l.bind([]message{c, d}); l.consume(d, false) }, "only 1 messages of 2 were seen"},
	} {
		l := newLedger()
		test.play(l)
		faults, _, _, _ := l.close()
		if test.want == "" && len(faults) > 0 || test.want != "" && !slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, test.want) }) {
			t.Errorf("%s: found %q, wants %q", test.name, faults, test.want)
		}
		if lost := test.name == "lost"; l.complete() == lost {
			t.Errorf("%s: complete: %v", test.name, !lost)
		}
	}
}
