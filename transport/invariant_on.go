//go:build race

package transport

// invariant panics when ok is false. It is armed together with the race
// detector, that is: in tests.
func invariant(ok bool, claim string) {
	if !ok {
		panic(claim)
	}
}
