package actors

import (
	"testing"
	"unsafe"
)

// What there is one of for each connection, subscription and destination stays small: a hundred thousand times anything counts.
func TestSizesOfWhatThereIsManyOf(t *testing.T) {
	for _, c := range []struct {
		name       string
		size, most uintptr
	}{
		{"checkpoint", unsafe.Sizeof(checkpoint{}), 384},
		{"connection", unsafe.Sizeof(connection{}), 48},
		{"session", unsafe.Sizeof(session{}), 48},
		{"subscriptionState", unsafe.Sizeof(subscriptionState{}), 144},
		{"subscription", unsafe.Sizeof(subscription{}), 48},
		{"subscriber", unsafe.Sizeof(subscriber{}), 96},
		{"handle", unsafe.Sizeof(handle{}), 160},
		{"destinationState", unsafe.Sizeof(destinationState{}), 192},
		{"destination", unsafe.Sizeof(destination{}), 96},
		{"topic", unsafe.Sizeof(topic{}), 96},
	} {
		if c.size > c.most {
			t.Errorf("a %s is %d octets, wants at most %d", c.name, c.size, c.most)
		}
	}
}
