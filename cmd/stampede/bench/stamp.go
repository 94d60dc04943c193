package bench

import "encoding/binary"

// A stamp is what the first 24 bytes of every body say. It is text, so that it goes through WebSocket text messages and
// through clients that expect UTF-8; six bits to a character, because hexadecimal would take twice as long to read.
type stamp struct {
	run  uint32 // 24 bits: which run of which generator; a queue may still hold what an earlier one left
	lane uint32 // 23 bits
	last bool   // the last of its group
	seq  int64  // 48 bits, from 0 in each lane
	at   int64  // 48 bits: nanoseconds since the run began
}

const (
	stampSize = 24
	maxLane   = 1<<23 - 1
	maxRun    = 1<<24 - 1
)

func (s *stamp) put(dst []byte) {
	_ = dst[stampSize-1]
	w := uint64(s.run)<<24 | uint64(s.lane)<<1
	if s.last {
		w |= 1
	}
	binary.LittleEndian.PutUint64(dst, spread(w))
	binary.LittleEndian.PutUint64(dst[8:], spread(uint64(s.seq)))
	binary.LittleEndian.PutUint64(dst[16:], spread(uint64(s.at)))
}

// get reads what put wrote; false means that this is no stamp.
func (s *stamp) get(src []byte) bool {
	if len(src) < stampSize {
		return false
	}
	// A byte below '0' borrows and gets its high bits set by that, so one look finds any byte that is out of range.
	a := binary.LittleEndian.Uint64(src) - zeros
	b := binary.LittleEndian.Uint64(src[8:]) - zeros
	c := binary.LittleEndian.Uint64(src[16:]) - zeros
	if (a|b|c)&^sixes != 0 {
		return false
	}
	w := gather(a)
	s.run, s.lane, s.last = uint32(w>>24), uint32(w>>1)&maxLane, w&1 != 0
	s.seq, s.at = int64(gather(b)), int64(gather(c))
	return true
}

const (
	sixes = 0x3f3f3f3f3f3f3f3f // six bits of every byte
	zeros = 0x3030303030303030 // the character for 0 is '0', that for 63 is 'o'; no control character among them
)

// spread puts six of the 48 bits of v into each byte, in all bytes at once, and makes characters of them.
func spread(v uint64) uint64 {
	v = v&0x0000000000ffffff | v<<8&0x00ffffff00000000
	v = v&0x00000fff00000fff | v<<4&0x0fff00000fff0000
	v = v&0x003f003f003f003f | v<<2&0x3f003f003f003f00
	return v + zeros
}

// gather is the inverse of spread, but for the characters.
func gather(v uint64) uint64 {
	v = v&0x003f003f003f003f | v>>2&0x0fc00fc00fc00fc0
	v = v&0x00000fff00000fff | v>>4&0x00fff00000fff000
	return v&0x0000000000ffffff | v>>8&0x0000ffffff000000
}
