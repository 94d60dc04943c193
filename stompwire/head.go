package stompwire

import (
	"bytes"
	"strconv"
	"unsafe"
)

// maxCommandLine is the length of the longest command, with the CR of a CRLF.
const maxCommandLine = len(Unsubscribe) + 1

// beginHead starts an unfinished frame at the octet to come.
func (d *Decoder) beginHead() {
	d.phase = inHead
	d.unfinished = &unfinished{start: d.offset, length: noLength}
}

// decodeHead consumes octets of the command line and the header lines, up to the end
// of the blank line.
func (d *Decoder) decodeHead(p []byte) (n int, bad *SyntaxError) {
	for n < len(p) && d.phase == inHead {
		chunk := p[n:]
		lf := bytes.IndexByte(chunk, '\n')
		if lf >= 0 {
			chunk = chunk[:lf]
		}
		if d.lineStart == 0 {
			bad = d.holdCommand(chunk, lf >= 0)
		} else {
			bad = d.holdLine(chunk, lf >= 0)
		}
		if bad != nil {
			return n, bad
		}
		n += len(chunk)
		if lf >= 0 {
			n++
		}
	}
	return n, nil
}

// holdCommand takes the next part of the command line, and its LF if complete.
func (d *Decoder) holdCommand(chunk []byte, complete bool) *SyntaxError {
	held := len(d.head)
	d.head = append(d.head, chunk[:min(len(chunk), maxQuoted+1)]...)
	line := d.head
	for i := held; i < len(line); i++ {
		if !startsCommand(line[:i+1]) {
			if line[i] == 0 && lookupCommand(withoutCR(line[:i])) != "" {
				return fault(clauseFrames, d.start+int64(i), "the frame ends in its first line: the blank line after the headers is missing")
			}
			return fault(clauseBNF, d.start, "unknown command "+quote(withoutCR(line)))
		}
	}
	if !complete {
		return nil
	}
	d.frame.Command = lookupCommand(withoutCR(line))
	if d.frame.Command == "" {
		return fault(clauseBNF, d.start, "unknown command "+quote(withoutCR(line)))
	}
	if len(line)+1 > d.limits.MaxHeaderBlockBytes {
		return d.overBlock()
	}
	d.endLine()
	return nil
}

// startsCommand reports whether line is, or can become, a command and perhaps a CR.
func startsCommand(line []byte) bool {
	for _, c := range commands {
		if len(line) <= len(c) && string(line) == string(c[:len(line)]) {
			return true
		}
	}
	return line[len(line)-1] == '\r' && lookupCommand(line[:len(line)-1]) != ""
}

// holdLine takes the next part of a header line or of the blank line, and its LF if
// complete. No more is held than a limit and what it takes to see that it is passed.
//
// Of several faults in a line the first to arrive is reported, so that the error
// does not depend on how the line was split.
func (d *Decoder) holdLine(chunk []byte, complete bool) *SyntaxError {
	room := d.limits.MaxHeaderBlockBytes - d.lineStart
	most := min(room, d.limits.MaxHeaderBytes) + len("\r\n")
	if spare := max(most-(len(d.head)-d.lineStart), 0); len(chunk) > spare {
		chunk, complete = chunk[:spare], false
	}
	nul := bytes.IndexByte(chunk, 0)
	if nul >= 0 {
		chunk, complete = chunk[:nul], false
	}
	d.head = append(d.head, chunk...)
	size := len(d.head) - d.lineStart
	line := withoutCR(d.head[d.lineStart:])
	switch {
	case len(line) > d.limits.MaxHeaderBytes && d.limits.MaxHeaderBytes < room:
		return d.over(LimitHeaderBytes, d.limits.MaxHeaderBytes, d.lineOffset(0), "a header line is longer than")
	case len(line) > room:
		return d.overBlock()
	case nul >= 0:
		return fault(clauseFrames, d.lineOffset(size), "the frame ends in its header lines: the blank line after them is missing")
	case !complete:
		return nil
	case len(line) == 0:
		d.endHead()
		return nil
	case size+1 > room:
		return d.overBlock()
	}
	d.lines++
	if bad := d.checkLine(line); bad != nil {
		return bad
	}
	d.endLine()
	return nil
}

func (d *Decoder) endLine() {
	d.head = append(d.head, '\n')
	d.lineStart = len(d.head)
}

// lineOffset is the offset in the stream of octet i of the line at hand.
func (d *Decoder) lineOffset(i int) int64 { return d.start + int64(d.lineStart+i) }

// checkLine holds a complete header line against the grammar, and takes note of a
// content-length.
func (d *Decoder) checkLine(line []byte) *SyntaxError {
	if d.lines > d.limits.MaxHeaders {
		return d.over(LimitHeaders, d.limits.MaxHeaders, d.lineOffset(0), "there are more header lines than")
	}
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return fault(clauseBNF, d.lineOffset(0), "no colon"+d.inLine())
	}
	name, value := line[:colon], line[colon+1:]
	if d.version <= V10 {
		name, value = trim(name), trim(value)
	}
	if len(name) == 0 {
		return fault(clauseBNF, d.lineOffset(0), "no name"+d.inLine())
	}
	if d.version >= V12 && !d.frame.Command.literal() {
		if i := bytes.IndexByte(line, '\r'); i >= 0 {
			return fault(clauseBNF, d.lineOffset(i), "a CR without an LF after it"+d.inLine())
		}
	}
	if d.escaped() {
		if i := undefinedEscape(line, d.version); i >= 0 {
			return fault(d.version.String()+" §Value Encoding", d.lineOffset(i), "undefined escape "+quote(line[i:min(i+2, len(line))])+d.inLine())
		}
	}
	if d.length == noLength && string(name) == ContentLength {
		return d.checkLength(value)
	}
	return nil
}

func (d *Decoder) inLine() string { return " in header line " + strconv.Itoa(d.lines) }

// checkLength reads the first content-length of a frame.
func (d *Decoder) checkLength(value []byte) *SyntaxError {
	n, ok := parseDecimal(value)
	switch {
	case !ok:
		return fault(clauseLength, d.lineOffset(0), "content-length is not a whole number of octets")
	case n > 0 && !d.frame.Command.HasBody():
		return d.strayBody(d.lineOffset(0))
	case n > int64(d.limits.MaxBodyBytes):
		return d.overBody(d.lineOffset(0))
	}
	d.length = int(n)
	return nil
}

// endHead makes the Header, gives it the memory of the lines, and goes on to the body.
func (d *Decoder) endHead() {
	lines := clip(d.head[len(d.frame.Command):d.lineStart])
	d.head = nil
	lines = lines[bytes.IndexByte(lines, '\n')+1:] // what is left of the command line
	var h Header
	if d.lines > 0 {
		h = make(Header, d.lines)
	}
	escaped := d.escaped()
	for i := range h {
		lf := bytes.IndexByte(lines, '\n')
		line := withoutCR(lines[:lf])
		lines = lines[lf+1:]
		colon := bytes.IndexByte(line, ':')
		name, value := line[:colon], line[colon+1:]
		if escaped {
			name, value = unescape(name), unescape(value)
		}
		h[i] = Field{text(name), text(value)}
	}
	if d.speaks10(h) {
		for i := range h {
			h[i] = Field{trim(h[i].Name), trim(h[i].Value)}
		}
	}
	d.frame.Header = h
	d.phase = inBody
}

// receipt gives what the frame at hand has as its receipt header, as far as it has come.
func (d *Decoder) receipt() (value string, ok bool) {
	if d.phase == inBody {
		return d.frame.Header.Get("receipt")
	}
	if d.phase != inHead || d.frame.Command == "" {
		return "", false
	}
	for line := range bytes.Lines(d.head[:d.lineStart]) {
		name, v, found := bytes.Cut(withoutCR(bytes.TrimSuffix(line, []byte("\n"))), []byte(":"))
		if d.version <= V10 {
			name, v = trim(name), trim(v)
		}
		if found && string(name) == "receipt" {
			if d.escaped() {
				v = unescape(v)
			}
			return string(v), true
		}
	}
	return "", false
}

// escaped reports whether the header lines of the frame at hand have escapes.
func (d *Decoder) escaped() bool { return d.version >= V11 && !d.frame.Command.literal() }

// speaks10 reports whether h belongs to a frame of version 1.0. In the CONNECT phase
// that can only be said of the frames that name the version themselves.
func (d *Decoder) speaks10(h Header) bool {
	if d.version != 0 {
		return d.version == V10
	}
	naming := "accept-version"
	switch d.frame.Command {
	case Connect, Stomp:
	case Connected:
		naming = "version"
	default:
		return false
	}
	v, _ := Negotiate(h.Get(naming))
	return v == V10
}

// text is b as a string, without a copy. b must not be written to any more.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
