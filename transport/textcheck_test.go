package transport

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// Pieces of a message are judged as the whole would be, at every split into three, and the bytes in
// front of the first fault are found good.
func TestTextCheckAtEverySplit(t *testing.T) {
	for _, s := range []string{
		"", "a", "plain", "ü", "aü€😀z", "😀", "\xff", "a\xff", "\xc3", "a\xc3", "\xc3a", "€\x82", "\xe2\x82", "a\xf0\x9f\x98", "\xf0\x9f\x98\x80\xf0",
		"\xed\xa0\x80", "\xc0\x80", "\xf5\x80\x80\x80", "ok\x80", "\x00",
		strings.Repeat("x", 100) + "ü" + strings.Repeat("y", 100),
	} {
		for i := range len(s) + 1 {
			for j := i; j <= len(s); j++ {
				var c textCheck
				ok, good := true, 0
				for _, piece := range []string{s[:i], s[i:j], s[j:]} {
					if !ok {
						break
					}
					var n int
					n, ok = c.piece([]byte(piece))
					good += n
				}
				if got := ok && c.whole(); got != utf8.ValidString(s) {
					t.Fatalf("%q split at %d and %d: %v", s, i, j, got)
				}
				if !utf8.ValidString(s[:max(good-c.n, 0)]) && ok {
					t.Fatalf("%q split at %d and %d: the first %d bytes are said to be good", s, i, j, good)
				}
			}
		}
	}
}

// FuzzTextCheck: split anywhere, the verdict is that of package utf8.
func FuzzTextCheck(f *testing.F) {
	f.Add([]byte("aü€😀z"), uint(2), uint(5))
	f.Fuzz(func(t *testing.T, p []byte, i, j uint) {
		i = min(i, uint(len(p)))
		j = min(max(i, j), uint(len(p)))
		var c textCheck
		ok := true
		for _, piece := range [][]byte{p[:i], p[i:j], p[j:]} {
			if ok {
				_, ok = c.piece(piece)
			}
		}
		if got := ok && c.whole(); got != utf8.Valid(p) {
			t.Fatalf("%q split at %d and %d: %v", p, i, j, got)
		}
	})
}
