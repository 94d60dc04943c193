package stompwire

import "bytes"

// unescape undoes the escapes of version v in b, in place, and gives what is left
// of it. bad is the index of the backslash of an escape that v does not define, or
// -1; b is then half done.
func unescape(b []byte, v Version) (plain []byte, bad int) {
	r := bytes.IndexByte(b, '\\')
	if r < 0 {
		return b, -1
	}
	w := r
	for r < len(b) {
		c := b[r]
		if c == '\\' {
			if r+1 == len(b) {
				return nil, r
			}
			if c = unescaped(b[r+1], v); c == 0 {
				return nil, r
			}
			r++
		}
		b[w] = c
		w++
		r++
	}
	return b[:w], -1
}

// undefinedEscape gives the index of the first backslash in b that begins no escape
// of version v, or -1.
func undefinedEscape(b []byte, v Version) int {
	for i := 0; ; i += 2 {
		j := bytes.IndexByte(b[i:], '\\')
		if j < 0 {
			return -1
		}
		i += j
		if i+1 == len(b) || unescaped(b[i+1], v) == 0 {
			return i
		}
	}
}

// unescaped gives the octet that a backslash and c stand for in version v, or 0.
func unescaped(c byte, v Version) byte {
	switch {
	case c == 'n':
		return '\n'
	case c == 'c':
		return ':'
	case c == '\\':
		return '\\'
	case c == 'r' && v >= V12:
		return '\r'
	}
	return 0
}

// parseDecimal reads a number that has digits and nothing else. One too large for
// an int64 comes out as the largest.
func parseDecimal[T []byte | string](s T) (n int64, ok bool) {
	const most = 1<<63 - 1
	for i := 0; i < len(s); i++ {
		c := int64(s[i]) - '0'
		if c < 0 || c > 9 {
			return 0, false
		}
		if n > (most-c)/10 {
			n = most
		} else {
			n = n*10 + c
		}
	}
	return n, len(s) > 0
}

// trim cuts spaces and tabs from both ends.
func trim(b []byte) []byte { return bytes.Trim(b, " \t") }
