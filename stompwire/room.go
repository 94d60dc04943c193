package stompwire

// A room is memory for one frame: for its list of header lines, and for the octets that
// their strings and a short body are parts of. Both in one allocation is what makes
// a usual SEND cost a single one. Rooms come in a few sizes that fill the size
// classes of Go's allocator, which puts 8 octets in front of what is over 512.
//
// Frames that share memory are cheaper (see [Decoder.DecodeShared]). But one of them that waits in
// a queue would keep a dozen others in memory, bodies included, and no queue could count what it costs: so
// what is kept gets a room of its own with Clone.
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

// Clone gives the frame in memory of its own. A body over 4 KiB has that already, also in a shared frame, and is not
// copied.
func (f *Frame) Clone() Frame {
	c := Frame{Command: f.Command, Body: f.Body}
	size := 0
	for i := range f.Header {
		size += len(f.Header[i].Name) + len(f.Header[i].Value)
	}
	short := len(f.Body) < bodyApart
	if short {
		size += len(f.Body)
	}
	list, own := newRoom(len(f.Header), size)
	cut := func(s string) string {
		n := copy(own, s)
		part := own[:n:n]
		own = own[n:]
		return text(part)
	}
	c.Header = list
	for i := range f.Header {
		list[i] = Field{cut(f.Header[i].Name), cut(f.Header[i].Value)}
	}
	if short && len(f.Body) > 0 {
		n := copy(own, f.Body)
		c.Body = own[:n:n]
	}
	return c
}
