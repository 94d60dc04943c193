package stompwire

// A room is memory for one frame: for its list of header lines, and for the octets that
// their strings and a short body are parts of. Both in one allocation is what makes
// a usual SEND cost a single one. Rooms come in a few sizes that fill the size
// classes of Go's allocator, which puts 8 octets in front of what is over 512.
//
// Lists cut from a slab for several frames would be as cheap. But a slab refers to
// the octets of all of its frames, so that one message that waits in a queue would keep a
// dozen others in memory, bodies included, and no queue could count what it costs.
type room[L lists, B octets] struct {
	lines L
	own   B
}

type lists interface {
	[2]Field | [4]Field | [8]Field
}

type octets interface {
	[64]byte | [128]byte | [256]byte | [376]byte | [504]byte
}

// newRoom gives a list for so many header lines and memory for size octets. Larger
// ones than a room has are two allocations.
func newRoom(lines, size int) (Header, []byte) {
	switch {
	case lines == 0:
		return nil, make([]byte, size)
	case lines <= 2 && size <= 64:
		r := new(room[[2]Field, [64]byte])
		return r.lines[:lines:lines], r.own[:size:size]
	case lines <= 4 && size <= 64:
		r := new(room[[4]Field, [64]byte])
		return r.lines[:lines:lines], r.own[:size:size]
	case lines <= 4 && size <= 128:
		r := new(room[[4]Field, [128]byte])
		return r.lines[:lines:lines], r.own[:size:size]
	case lines <= 4 && size <= 256:
		r := new(room[[4]Field, [256]byte])
		return r.lines[:lines:lines], r.own[:size:size]
	case lines <= 8 && size <= 128:
		r := new(room[[8]Field, [128]byte])
		return r.lines[:lines:lines], r.own[:size:size]
	case lines <= 8 && size <= 256:
		r := new(room[[8]Field, [256]byte])
		return r.lines[:lines:lines], r.own[:size:size]
	case lines <= 8 && size <= 376:
		r := new(room[[8]Field, [376]byte])
		return r.lines[:lines:lines], r.own[:size:size]
	case lines <= 8 && size <= 504:
		r := new(room[[8]Field, [504]byte])
		return r.lines[:lines:lines], r.own[:size:size]
	}
	return make(Header, lines), make([]byte, size)
}
