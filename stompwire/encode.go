package stompwire

import (
	"bytes"
	"strconv"
)

// AppendFrame appends the whole of f to dst as version v writes it: command,
// header lines, blank line, body, NUL. A line end after the NUL is for a stream only,
// and left to whoever writes that.
//
// Header lines are escaped by v as [AppendHeader] does, those of CONNECT, STOMP and
// CONNECTED never. A content-length in f.Header is written where it stands, once, and
// put right if it is not the length of the body. Where there is none, MESSAGE frames
// and bodies with a NUL get one in front of the other lines; so what AppendFrame writes can always
// be read back. It does not judge the command, nor whether that may have a body.
func AppendFrame(dst []byte, f *Frame, v Version) []byte {
	if f.Command.literal() {
		v = 0
	}
	counted := -1 // the line that is the content-length
	for i := range f.Header {
		if isContentLength(f.Header[i].Name, v) {
			counted = i
			break
		}
	}
	dst = append(dst, f.Command...)
	dst = append(dst, '\n')
	if counted < 0 && (f.Command == Message || bytes.IndexByte(f.Body, 0) >= 0) {
		dst = appendContentLength(dst, len(f.Body))
	}
	for i := range f.Header {
		switch name := f.Header[i].Name; {
		case i == counted:
			dst = appendContentLength(dst, len(f.Body))
		case i < counted || counted < 0 || !isContentLength(name, v):
			dst = AppendHeader(dst, name, f.Header[i].Value, v)
		}
	}
	dst = append(dst, '\n')
	dst = append(dst, f.Body...)
	return append(dst, 0)
}

// isContentLength reports whether a reader that speaks v takes a line of that name for the
// content-length: one of 1.0 trims the name first.
func isContentLength(name string, v Version) bool {
	if v <= V10 {
		name = trim(name)
	}
	return name == ContentLength
}

func appendContentLength(dst []byte, n int) []byte {
	dst = append(dst, ContentLength+":"...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, '\n')
}

// EnsureContentLength makes the first content-length header of f the length of its
// body, and adds one at the end if there is none. The Header that f came with is
// not written to, because frames share headers: a change is made in a copy.
func EnsureContentLength(f *Frame) {
	length := strconv.Itoa(len(f.Body))
	for i := range f.Header {
		if f.Header[i].Name == ContentLength {
			if f.Header[i].Value != length {
				h := append(Header(nil), f.Header...)
				h[i].Value = length
				f.Header = h
			}
			return
		}
	}
	h := make(Header, len(f.Header), len(f.Header)+1)
	copy(h, f.Header)
	f.Header = append(h, Field{ContentLength, length})
}

// AppendHeader appends one line, "name:value\n", as version v writes it
// [1.2 §Value Encoding]: 1.2 escapes backslash, CR, LF and colon; 1.1 backslash, LF and colon; 1.0 (and
// the zero Version, for frames from before one is agreed on) nothing.
//
// What a version has no escape for is replaced, so that no value can end its line or
// its frame: in a value by a space, in a name by an underscore. That is NUL in every
// version, CR in 1.0 and 1.1, LF in 1.0, and in 1.0 the colon of a name. A name
// with nothing left to read becomes one underscore.
func AppendHeader(dst []byte, name, value string, v Version) []byte {
	dst = appendName(dst, name, v)
	dst = append(dst, ':')
	dst = appendEscaped(dst, value, v, ' ')
	return append(dst, '\n')
}

func appendName(dst []byte, name string, v Version) []byte {
	if v <= V10 && trim(name) == "" || name == "" {
		return append(dst, '_')
	}
	start := len(dst)
	dst = appendEscaped(dst, name, v, '_')
	if v <= V10 {
		for i := start; i < len(dst); i++ {
			if dst[i] == ':' {
				dst[i] = '_'
			}
		}
	}
	return dst
}

// appendEscaped appends s with the escapes of v, and instead for each octet that v
// cannot write.
func appendEscaped(dst []byte, s string, v Version, instead byte) []byte {
	escapes := &escapesOf[v&3]
	plain := 0
	for i := 0; i < len(s); i++ {
		e := escapes[s[i]]
		if e == 0 {
			continue
		}
		dst = append(dst, s[plain:i]...)
		if e == unwritable {
			dst = append(dst, instead)
		} else {
			dst = append(dst, '\\', e)
		}
		plain = i + 1
	}
	return append(dst, s[plain:]...)
}

// unwritable marks in escapesOf an octet that a version has no way to write.
const unwritable = 0xFF

// escapesOf gives, by Version and octet, the letter that follows the backslash,
// unwritable, or 0 for an octet that is written as it is. It is a table because
// this check is made for every octet of every header line that is written.
var escapesOf = [4][256]byte{
	0:   {0: unwritable, '\n': unwritable, '\r': unwritable},
	V10: {0: unwritable, '\n': unwritable, '\r': unwritable},
	V11: {0: unwritable, '\n': 'n', '\r': unwritable, ':': 'c', '\\': '\\'},
	V12: {0: unwritable, '\n': 'n', '\r': 'r', ':': 'c', '\\': '\\'},
}
