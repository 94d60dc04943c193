package transport

import (
	"testing"
	"unsafe"
)

// What there is one of for each connection stays small. Go's allocator has sizes: what is a little larger than one of them
// takes the next.
func TestSizesOfWhatThereIsManyOf(t *testing.T) {
	for _, c := range []struct {
		name       string
		size, most uintptr
	}{
		{"Conn", unsafe.Sizeof(Conn{}), 632}, // and 8 octets that the allocator adds where there are pointers in more than 512
		{"connActor", unsafe.Sizeof(connActor{}), 288},
		{"Sink", unsafe.Sizeof(Sink{}), 80},
		{"wsStream", unsafe.Sizeof(wsStream{}), 48},
	} {
		if c.size > c.most {
			t.Errorf("a %s is %d octets, wants at most %d", c.name, c.size, c.most)
		}
	}
}
