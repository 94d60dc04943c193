package transport

import "unicode/utf8"

// textCheck finds out whether the pieces of a message are UTF-8 when put
// together. The zero value is at the beginning of a message.
//
// RFC 6455 §5.6 defines a text message as UTF-8 and §8.1 makes an endpoint that
// finds it is not fail the connection; 1007 is the code for that. Binary
// messages are the place for other bodies.
type textCheck struct {
	rest [utf8.UTFMax]byte // beginning of a character that is cut by the end of a piece
	n    int
}

// piece takes the next piece and returns how many bytes of it are good: all,
// or those in front of the first character that is none.
func (t *textCheck) piece(p []byte) (good int, ok bool) {
	at := 0
	for t.n > 0 && at < len(p) {
		t.rest[t.n] = p[at]
		t.n++
		at++
		if !utf8.FullRune(t.rest[:t.n]) {
			continue
		}
		if r, size := utf8.DecodeRune(t.rest[:t.n]); r == utf8.RuneError && size <= 1 {
			return 0, false
		}
		t.n = 0
	}
	if utf8.Valid(p[at:]) {
		return len(p), true
	}
	// Not valid, or cut at the end: look at the last characters for the cut.
	for cut := len(p) - 1; cut >= at && cut > len(p)-utf8.UTFMax; cut-- {
		if utf8.RuneStart(p[cut]) {
			if utf8.FullRune(p[cut:]) || !utf8.Valid(p[at:cut]) {
				break
			}
			t.n = copy(t.rest[:], p[cut:])
			return len(p), true
		}
	}
	for at < len(p) {
		r, size := utf8.DecodeRune(p[at:])
		if r == utf8.RuneError && size <= 1 {
			break
		}
		at += size
	}
	return at, false
}

// whole reports whether the message may end here.
func (t *textCheck) whole() bool { return t.n == 0 }
