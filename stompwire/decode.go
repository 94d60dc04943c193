package stompwire

// Decoder turns the octets of one direction of a connection into frames, however
// they are split. The grammar it reads and where it deviates from it stand in the
// package documentation. It is not safe for concurrent use.
//
// There are two paths through it. A frame that is whole in what was handed in, plain
// and within the limits, is copied out in one piece (whole.go). Every other frame
// goes octet by octet through the states below, which also say what is wrong with
// a frame that is not valid (head.go, body.go). Both give the same frames.
type Decoder struct {
	limits  Limits
	version Version
	phase   phase
	offset  int64 // in the stream, of the next octet to come
	eols    uint64
	failed  *SyntaxError

	*unfinished // nil between frames: of many streams nothing comes for hours

	lists Header // what is left of the last allocation for the header lists of shared frames
}

// unfinished is what is held of a frame that is not whole yet.
type unfinished struct {
	start     int64  // offset of its first octet
	frame     Frame  // Command once its line is complete, Header once all lines are
	head      []byte // command and header lines as they came, until they are complete
	lineStart int    // where in head the line begins that is not complete
	lines     int    // header lines in head that are complete
	length    int    // by content-length, or noLength
	body      []byte
}

type phase uint8

const (
	between   phase = iota // frames; ends of line may come
	betweenCR              // a CR came between frames, its LF did not
	inHead                 // command and header lines
	inBody                 // and the NUL after it
)

const noLength = -1

// NewDecoder gives a decoder for the beginning of a stream, in the CONNECT phase.
func NewDecoder(l Limits) *Decoder {
	d := new(Decoder)
	d.SetLimits(l)
	return d
}

// SetVersion ends the CONNECT phase: frames are read by the rules of v from the
// next one on. A server calls it when CONNECT has been decoded and answered, a client
// when CONNECTED has been; not while [Decoder.Partial] is true.
//
// In the CONNECT phase nothing is unescaped, in any frame. CONNECT, STOMP and
// CONNECTED are not unescaped afterwards either.
func (d *Decoder) SetVersion(v Version) { d.version = v }

// SetLimits replaces the limits. It may be called at any time; what is held of an
// unfinished frame is measured by the new ones as soon as more of it arrives.
func (d *Decoder) SetLimits(l Limits) { d.limits = l.orDefaults() }

// Partial reports whether octets of an unfinished frame are held. Ends of line
// between frames do not count.
func (d *Decoder) Partial() bool { return d.phase == inHead || d.phase == inBody }

// Missing is how many octets of body the unfinished frame is known to lack, by its content-length.
func (d *Decoder) Missing() int {
	if d.phase != inBody || d.length == noLength {
		return 0
	}
	return d.length - len(d.body)
}

// HeartBeats is the number of ends of line seen between frames so far. Many writers
// put one behind each frame, so it is an upper bound for heart-beats.
func (d *Decoder) HeartBeats() uint64 { return d.eols }

// Decode consumes octets of p up to the end of one frame: n of them, and if ok, f
// is that frame. Without ok and error all of p was consumed and f was not touched.
//
//	for len(p) > 0 {
//		n, ok, err := d.Decode(p, &f)
//		if err != nil { … }
//		p = p[n:]
//		if ok { … }
//	}
//
// Nothing in f refers to p, and the decoder does not use that memory again. The header
// and a short body of a frame may share one allocation, two frames never do.
//
// An error is always a *[SyntaxError]; n and f then say nothing. It is fatal: the
// decoder gives up what it held, and gives the same error to every later call.
func (d *Decoder) Decode(p []byte, f *Frame) (n int, ok bool, err error) {
	return d.decode(p, f, false)
}

// DecodeShared is Decode for octets that the caller gives up. A SEND, ACK or NACK, which come in numbers and are soon
// done with, stays where it is if it is whole in them: its header and a short body are parts of p, in which escapes were
// undone, and its list of headers may share an allocation with those of the frames behind it; [Frame.Shared] tells. All
// other frames are as from Decode.
func (d *Decoder) DecodeShared(p []byte, f *Frame) (n int, ok bool, err error) {
	n, ok, err = d.decode(p, f, true)
	if n == len(p) {
		d.lists = nil // it keeps all that its frames are part of
	}
	return n, ok, err
}

func (d *Decoder) decode(p []byte, f *Frame, shared bool) (n int, ok bool, err error) {
	if d.failed != nil {
		return 0, false, d.failed
	}
	for n < len(p) {
		var (
			rest = p[n:]
			used int
			bad  *SyntaxError
		)
		switch {
		case d.phase == inHead:
			used, bad = d.decodeHead(rest)
		case d.phase == inBody:
			used, ok, bad = d.decodeBody(rest)
		case d.phase == betweenCR || rest[0] == '\n' || rest[0] == '\r':
			used, bad = d.decodeEOL(rest[0])
		default:
			if used = d.decodeWhole(rest, f, shared); used > 0 {
				d.offset += int64(used)
				return n + used, true, nil
			}
			d.beginHead()
			continue
		}
		if bad != nil {
			bad.Receipt, bad.HasReceipt = d.receipt()
			*d = Decoder{failed: bad, eols: d.eols}
			return n, false, d.failed
		}
		n += used
		d.offset += int64(used)
		if ok {
			*f, d.unfinished = d.frame, nil
			return n, true, nil
		}
	}
	return n, false, nil
}

// decodeEOL consumes one octet of the ends of line between frames.
func (d *Decoder) decodeEOL(c byte) (n int, bad *SyntaxError) {
	switch {
	case c == '\n':
		d.eols++
		d.phase = between
	case d.phase == betweenCR:
		return 0, fault(clauseBNF, d.offset-1, "a CR between frames without an LF after it")
	default:
		d.phase = betweenCR
	}
	return 1, nil
}

// withoutCR cuts off the CR of a line that ended in CRLF.
func withoutCR(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}

// clip gives b in memory of about its size, for memory that a slow sender made
// grow in steps is kept for as long as the frame lives.
func clip(b []byte) []byte {
	if spare := cap(b) - len(b); spare > 64+len(b)/4 {
		return clone(b)
	}
	return b[:len(b):len(b)]
}
