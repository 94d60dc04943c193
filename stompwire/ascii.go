package stompwire

// isBlank reports whether c is one of the octets that 1.0 trims, space and tab.
func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// trim cuts blanks off both ends. It is bytes.Trim and strings.Trim for the two octets we
// mean, at a fraction of their price.
func trim[T []byte | string](s T) T {
	for len(s) > 0 && isBlank(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isBlank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// parseDecimal reads a number of digits and nothing else, not even a sign. One that is too
// large for an int64 comes out as the largest.
func parseDecimal[T []byte | string](s T) (n int64, ok bool) {
	const most = 1<<63 - 1
	for i := range len(s) {
		c := int64(s[i]) - '0'
		switch {
		case c < 0 || c > 9:
			return 0, false
		case n > (most-c)/10:
			n = most
		default:
			n = n*10 + c
		}
	}
	return n, len(s) > 0
}
