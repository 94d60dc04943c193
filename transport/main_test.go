package transport

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain fails the run when a goroutine outlives the tests.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// failAfter guards waits against hanging for ever; no test depends on its
// length. In a synctest bubble, whose clock starts with the year 2000, time that
// passes proves nothing.
func failAfter() time.Duration {
	if time.Now().Year() < 2020 {
		return 10000 * time.Hour
	}
	return 30 * time.Second
}

// receive waits for a value.
func receive[T any](t *testing.T, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v, ok := <-ch:
		if !ok {
			t.Fatalf("%s: closed", what)
		}
		return v
	case <-time.After(failAfter()):
		t.Fatalf("%s: nothing came", what)
		panic("unreachable")
	}
}

// closes waits until ch is closed.
func closes(t *testing.T, what string, ch <-chan struct{}) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(failAfter()):
		t.Fatalf("%s did not happen", what)
	}
}
