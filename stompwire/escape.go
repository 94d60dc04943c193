package stompwire

import "bytes"

// undefinedEscape gives the index of the first backslash in b that does not begin an
// escape of version v, or -1 [1.2 §Value Encoding]. b may be several lines, for no
// escape reaches over a colon or an end of line.
func undefinedEscape(b []byte, v Version) int {
	for i := 0; ; i += 2 {
		j := bytes.IndexByte(b[i:], '\\')
		if j < 0 {
			return -1
		}
		i += j
		if i+1 == len(b) || meaning(b[i+1], v) == 0 {
			return i
		}
	}
}

// unescape undoes the escapes in b, in place, and gives what is left of b. There
// must be none that is not defined.
func unescape(b []byte) []byte {
	r := bytes.IndexByte(b, '\\')
	if r < 0 {
		return b
	}
	w := r
	for r < len(b) {
		c := b[r]
		if c == '\\' {
			r++
			c = meaning(b[r], V12)
		}
		b[w] = c
		w++
		r++
	}
	return b[:w]
}

// meaning gives the octet that a backslash and c stand for in version v, or 0.
func meaning(c byte, v Version) byte {
	switch c {
	case 'n':
		return '\n'
	case 'c':
		return ':'
	case '\\':
		return '\\'
	case 'r':
		if v >= V12 {
			return '\r'
		}
	}
	return 0
}
