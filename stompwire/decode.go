package stompwire

import (
	"bytes"
	"strconv"
	"unsafe"
)

// Decoder turns the octets of one direction of a connection into frames, however
// the octets are split. It is not safe for concurrent use.
//
// Until SetVersion is called it is in the CONNECT phase: nothing is unescaped.
type Decoder struct {
	limits  Limits
	version Version
	phase   phase
	offset  int64 // of the next octet to come, in the stream
	eols    uint64
	failed  error

	// The unfinished frame.
	start     int64  // offset of its first octet
	frame     Frame  // filled when its head is complete
	head      []byte // command and header lines as they came, until then
	lineStart int    // in head
	lines     int    // header lines in head that are complete
	length    int    // by content-length; -1 without one
	body      []byte
	bodyStart int64

	slab  []Field // what is left to carve Headers from
	carve int     // size of the next slab
}

type phase uint8

const (
	between   phase = iota // frames; EOLs may come
	betweenCR              // a CR came, its LF did not
	inHead                 // command or header lines
	inBody
	atNUL // the body is complete by content-length
)

// NewDecoder gives a decoder at the beginning of a stream, in the CONNECT phase.
func NewDecoder(l Limits) *Decoder {
	d := &Decoder{carve: 8}
	d.SetLimits(l)
	return d
}

// SetVersion ends the CONNECT phase: frames are read by the rules of v from the
// next one on. It must not be called in the middle of a frame; call it when the
// CONNECT (or on a client the CONNECTED) has been decoded.
func (d *Decoder) SetVersion(v Version) { d.version = v }

// SetLimits replaces the limits, from the next octet on.
func (d *Decoder) SetLimits(l Limits) { d.limits = l.orDefaults() }

// Partial reports whether octets of an unfinished frame are held. Ends of line
// between frames do not count.
func (d *Decoder) Partial() bool { return d.phase > betweenCR }

// HeartBeats is the number of ends of line that were seen between frames.
func (d *Decoder) HeartBeats() uint64 { return d.eols }

// Decode consumes octets of p, at most up to the end of one frame: n octets were
// consumed, and if ok, f is that frame. With ok false and no error all of p was
// consumed. What f refers to is neither part of p nor used again by the decoder.
//
//	for len(p) > 0 {
//		n, ok, err := d.Decode(p, &f)
//		if err != nil { … }
//		p = p[n:]
//		if ok { … }
//	}
//
// An error is always a *SyntaxError. After one the decoder is dead and gives the
// same error again.
func (d *Decoder) Decode(p []byte, f *Frame) (n int, ok bool, err error) {
	if d.failed != nil {
		return 0, false, d.failed
	}
	var bad *SyntaxError
	for n < len(p) && !ok && bad == nil {
		var m int
		switch d.phase {
		case between, betweenCR:
			m, bad = d.decodeBetween(p[n:])
			if d.phase == between && n+m < len(p) && bad == nil {
				d.offset += int64(m)
				n += m
				if m = d.decodeWhole(p[n:], f); m > 0 {
					ok = true
				} else {
					d.begin()
				}
			}
		case inHead:
			m, bad = d.decodeHead(p[n:])
		case inBody:
			m, ok, bad = d.decodeBody(p[n:])
		case atNUL:
			m, ok, bad = d.decodeNUL(p[n:])
		}
		d.offset += int64(m)
		n += m
		if ok && d.phase != between {
			*f = d.frame
			d.frame = Frame{}
			d.phase = between
		}
	}
	if bad != nil {
		d.failed = bad
		d.head, d.body, d.slab, d.frame = nil, nil, nil, Frame{}
		return n, false, d.failed
	}
	return n, ok, nil
}

// decodeBetween consumes ends of line. It stops in phase between in front of
// anything else.
func (d *Decoder) decodeBetween(p []byte) (n int, bad *SyntaxError) {
	for n < len(p) {
		switch {
		case p[n] == '\n':
			d.eols++
			d.phase = between
		case d.phase == betweenCR:
			return n, d.fault(d.offset+int64(n)-1, clauseBNF, "a CR between frames that no LF follows")
		case p[n] == '\r':
			d.phase = betweenCR
		default:
			return n, nil
		}
		n++
	}
	return n, nil
}

// begin starts an unfinished frame at the octet to come.
func (d *Decoder) begin() {
	d.phase = inHead
	d.start = d.offset
	d.lineStart, d.lines, d.length = 0, 0, -1
}

// decodeWhole is the fast path: it fills f if p begins with a whole frame that is
// plain and within all limits, and gives its length. Otherwise it gives 0 and has
// changed nothing; the careful path then reads the frame, or finds what is wrong
// with it.
func (d *Decoder) decodeWhole(p []byte, f *Frame) (n int) {
	return 0
}

// decodeHead consumes octets of command and header lines. d.head grows by what has
// arrived, and no further than the limits.
func (d *Decoder) decodeHead(p []byte) (n int, bad *SyntaxError) {
	for n < len(p) {
		rest := p[n:]
		chunk, complete := rest, false
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			chunk, complete = rest[:i], true
		}
		if d.lineStart == 0 {
			if bad = d.checkCommand(chunk, complete, rest); bad != nil {
				return n, bad
			}
		} else if bad = d.checkLine(chunk, complete); bad != nil {
			return n, bad
		}
		d.head = append(d.head, chunk...)
		n += len(chunk)
		if !complete {
			return n, nil
		}
		n++
		line := withoutCR(d.head[d.lineStart:])
		if d.lineStart > 0 && len(line) == 0 {
			d.head = d.head[:d.lineStart]
			return n, d.endHead()
		}
		if d.lineStart > 0 {
			if bad = d.checkField(line); bad != nil {
				return n, bad
			}
		} else {
			d.frame.Command = lookupCommand(line)
		}
		d.head = append(d.head, '\n')
		d.lineStart = len(d.head)
	}
	return n, nil
}

// checkCommand looks at the command line: what is held of it and then chunk. rest
// begins with chunk and serves to name what is no command.
func (d *Decoder) checkCommand(chunk []byte, complete bool, rest []byte) *SyntaxError {
	const longest = len("UNSUBSCRIBE\r")
	var buf [longest + 1]byte
	line := buf[:copy(buf[:], d.head)]
	line = line[:len(line)+copy(buf[len(line):], chunk)]
	if i := bytes.IndexByte(line, 0); i >= 0 && lookupCommand(withoutCR(line[:i])) != "" {
		return d.fault(d.start+int64(i), clauseFrames, "the frame ends in its command line: the blank line after the headers is missing")
	}
	if complete && lookupCommand(withoutCR(line)) != "" {
		if size := len(d.head) + len(chunk) + 1; size > d.limits.MaxHeaderBlockBytes {
			return d.overBlock()
		}
		return nil
	}
	if !complete && beginsCommand(line) {
		return nil
	}
	name := append(append([]byte(nil), d.head...), rest[:min(len(rest), 64)]...)
	if i := bytes.IndexByte(name, '\n'); i >= 0 {
		name = withoutCR(name[:i])
	}
	return d.fault(d.start, clauseBNF, "unknown command "+quote(name))
}

// beginsCommand reports whether line can become a command line.
func beginsCommand(line []byte) bool {
	for _, c := range commands {
		if len(line) <= len(c) && string(line) == string(c[:len(line)]) {
			return true
		}
		if len(line) == len(c)+1 && line[len(c)] == '\r' && string(line[:len(c)]) == string(c) {
			return true
		}
	}
	return false
}

// checkLine holds a header line, complete or not, against the limits: what is held of
// it and then chunk.
func (d *Decoder) checkLine(chunk []byte, complete bool) *SyntaxError {
	nul := bytes.IndexByte(chunk, 0)
	held := len(d.head) - d.lineStart
	size := held + len(chunk)
	if nul >= 0 {
		size = held + nul
	}
	content := size
	if cr := size - 1; cr >= held && chunk[cr-held] == '\r' || cr >= 0 && cr < held && d.head[d.lineStart+cr] == '\r' {
		content--
	}
	room := d.limits.MaxHeaderBlockBytes - d.lineStart
	if d.limits.MaxHeaderBytes < room && content > d.limits.MaxHeaderBytes {
		return d.over(d.start+int64(d.lineStart), LimitHeaderBytes, d.limits.MaxHeaderBytes, "a header line is longer than")
	}
	if content > room || complete && nul < 0 && content > 0 && size+1 > room {
		return d.overBlock()
	}
	if nul >= 0 {
		return d.fault(d.start+int64(d.lineStart+size), clauseFrames, "the frame ends in its header lines: the blank line after them is missing")
	}
	return nil
}

func (d *Decoder) overBlock() *SyntaxError {
	return d.over(d.start, LimitHeaderBlockBytes, d.limits.MaxHeaderBlockBytes, "command and header lines are longer than")
}

// checkField holds a complete header line against the grammar and takes note of a
// content-length.
func (d *Decoder) checkField(line []byte) *SyntaxError {
	at := d.start + int64(d.lineStart)
	if d.lines++; d.lines > d.limits.MaxHeaders {
		return d.over(at, LimitHeaders, d.limits.MaxHeaders, "there are more header lines than")
	}
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return d.fault(at, clauseBNF, "header line "+strconv.Itoa(d.lines)+" has no colon")
	}
	name, value := line[:colon], line[colon+1:]
	if d.trims() {
		name, value = trim(name), trim(value)
	}
	if len(name) == 0 {
		return d.fault(at, clauseBNF, "header line "+strconv.Itoa(d.lines)+" has no name")
	}
	if d.version >= V12 && !d.frame.Command.literal() {
		if cr := bytes.IndexByte(line, '\r'); cr >= 0 {
			return d.fault(at+int64(cr), clauseBNF, "a CR in header line "+strconv.Itoa(d.lines)+" that no LF follows")
		}
	}
	if d.escaped() {
		if i := undefinedEscape(line, d.version); i >= 0 {
			end := min(i+2, len(line))
			return d.fault(at+int64(i), valueEncoding(d.version), "undefined escape "+quote(line[i:end])+" in header line "+strconv.Itoa(d.lines))
		}
		if i := undefinedEscape(name, d.version); i >= 0 {
			return d.fault(at+int64(i), valueEncoding(d.version), "undefined escape before the colon of header line "+strconv.Itoa(d.lines))
		}
	}
	if d.length < 0 && string(name) == ContentLength {
		return d.checkLength(at, value)
	}
	return nil
}

// checkLength reads the first content-length.
func (d *Decoder) checkLength(at int64, value []byte) *SyntaxError {
	n, ok := parseDecimal(value)
	switch {
	case !ok:
		return d.fault(at, clauseLength, "content-length is not a whole number of octets")
	case n > 0 && !d.frame.Command.HasBody():
		return d.fault(at, clauseBody, "a body in a frame of command "+string(d.frame.Command))
	case n > int64(d.limits.MaxBodyBytes):
		return d.over(at, LimitBodyBytes, d.limits.MaxBodyBytes, "the body is longer than")
	}
	d.length = int(n)
	return nil
}

// endHead makes the header of a head that is complete, and gives the memory of
// d.head to it.
func (d *Decoder) endHead() *SyntaxError {
	own := d.head[bytes.IndexByte(d.head, '\n')+1:]
	d.head = nil
	d.bodyStart = d.offset
	d.frame.Header = d.fields(own, d.lines)
	d.phase = inBody
	if d.length == 0 {
		d.phase = atNUL
	}
	return nil
}

// fields makes a Header of n valid lines. The strings in it are parts of own.
func (d *Decoder) fields(own []byte, n int) Header {
	h := d.carveFields(n)
	escaped := d.escaped()
	for i := range h {
		end := bytes.IndexByte(own, '\n')
		line := withoutCR(own[:end])
		own = own[end+1:]
		colon := bytes.IndexByte(line, ':')
		name, value := line[:colon], line[colon+1:]
		if escaped {
			name, _ = unescape(name, d.version)
			value, _ = unescape(value, d.version)
		}
		h[i] = Field{text(name), text(value)}
	}
	if d.speaks10(h) {
		for i := range h {
			h[i] = Field{trimString(h[i].Name), trimString(h[i].Value)}
		}
	}
	return h
}

// decodeBody consumes octets of the body; d.body grows by what has arrived.
func (d *Decoder) decodeBody(p []byte) (n int, ok bool, bad *SyntaxError) {
	if d.length >= 0 {
		n = min(len(p), d.length-len(d.body))
		d.hold(p[:n])
		if len(d.body) == d.length {
			d.phase = atNUL
		}
		return n, false, nil
	}
	end := bytes.IndexByte(p, 0)
	n = end
	if end < 0 {
		n = len(p)
	}
	if n > 0 && !d.frame.Command.HasBody() {
		return 0, false, d.fault(d.offset, clauseBody, "a body in a frame of command "+string(d.frame.Command))
	}
	if len(d.body)+n > d.limits.MaxBodyBytes {
		return 0, false, d.over(d.bodyStart, LimitBodyBytes, d.limits.MaxBodyBytes, "the body is longer than")
	}
	d.hold(p[:n])
	if end < 0 {
		return n, false, nil
	}
	d.endBody()
	return n + 1, true, nil
}

// decodeNUL consumes the NUL behind a body whose length was known.
func (d *Decoder) decodeNUL(p []byte) (n int, ok bool, bad *SyntaxError) {
	if p[0] != 0 {
		return 0, false, d.fault(d.offset, clauseLength, "the octet after a body of content-length "+strconv.Itoa(d.length)+" is not NUL")
	}
	d.endBody()
	return 1, true, nil
}

func (d *Decoder) hold(p []byte) { d.body = append(d.body, p...) }

func (d *Decoder) endBody() {
	d.frame.Body, d.body = d.body, nil
}

// carveFields gives n Fields to keep.
func (d *Decoder) carveFields(n int) Header {
	if n == 0 {
		return nil
	}
	if n > len(d.slab) {
		d.slab = make([]Field, max(n, d.carve))
		d.carve = min(2*d.carve, 64)
	}
	h := d.slab[:n:n]
	d.slab = d.slab[n:]
	return h
}

// escaped reports whether the header lines of the frame at hand have escapes.
func (d *Decoder) escaped() bool { return d.version >= V11 && !d.frame.Command.literal() }

// trims reports whether content-length is looked for with the spaces of 1.0
// tolerated.
func (d *Decoder) trims() bool { return d.version <= V10 }

// speaks10 reports whether the frame at hand is one of version 1.0.
func (d *Decoder) speaks10(h Header) bool {
	if d.version != 0 || !d.frame.Command.literal() {
		return d.version == V10
	}
	name := "accept-version"
	if d.frame.Command == Connected {
		name = "version"
	}
	v, ok := Negotiate(h.Get(name))
	return ok && v == V10
}

func (d *Decoder) fault(at int64, clause, problem string) *SyntaxError {
	return &SyntaxError{Clause: clause, Offset: at, Problem: problem}
}

func (d *Decoder) over(at int64, limit string, value int, problem string) *SyntaxError {
	return &SyntaxError{
		Clause: clauseLimits, Offset: at, Limit: limit, LimitValue: int64(value),
		Problem: problem + " " + limit + ", " + strconv.Itoa(value),
	}
}

// withoutCR cuts the CR of a CRLF off a line.
func withoutCR(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}

// text is b as a string without a copy; b must not be written to again.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func trimString(s string) string { return text(trim(unsafe.Slice(unsafe.StringData(s), len(s)))) }

// quote is what may be shown of b: 32 octets, printable.
func quote(b []byte) string {
	if len(b) > 32 {
		b = b[:32]
	}
	return strconv.QuoteToASCII(string(b))
}

// The clauses that a SyntaxError names.
const (
	clauseBNF    = "1.2 §Augmented BNF"
	clauseFrames = "1.2 §STOMP Frames"
	clauseBody   = "1.2 §Body"
	clauseLength = "1.2 §Header content-length"
	clauseLimits = "1.2 §Size Limits"
)

func valueEncoding(v Version) string { return v.String() + " §Value Encoding" }
