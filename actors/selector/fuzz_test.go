package selector

import (
	"errors"
	"testing"
	"unicode/utf8"
)

// Whatever text it is, Parse refuses it at a place that is there, or reads it: then its canonical form is read as the same
// selector, and neither it nor its negation does anything but match or not, and never both.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", " ", "a", "a = 1", "a <> 'it''s' OR NOT b", `"content-type" LIKE 'text/%' ESCAPE '\'`, "a NOT BETWEEN -1 AND +b * 2.5e-3",
		"JMSPriority >= 4 AND JMSDeliveryMode = 'PERSISTENT'", "a IN ('x', 'y') = TRUE", "(a IS NOT NULL) <> (b < 0x1F)", "- -a = --9223372036854775808",
		"NOT (NOT (a = .5d OR b = 7.)) AND größe NOT IN ('')", "a / (b - 1L) >= 1e308 * 10", "a = 'x", "\"", "a LIKE '!' ESCAPE '!'", "((((((((a))))))))",
		"a+b-c*d/e=+f", "a = 00", "JMSFoo", "content-length > 5", "a.b = 1", "a = \xff", "TRUE AND FALSE OR true", "a = 1\x00",
	} {
		f.Add(seed, "1", "true")
	}
	f.Fuzz(func(t *testing.T, text, one, other string) {
		s, err := Parse(text)
		if err != nil {
			var mistake *SyntaxError
			if !errors.As(err, &mistake) || s != nil {
				t.Fatalf("%q: %T, %v", text, err, s)
			}
			if mistake.Position < 1 || mistake.Position > utf8.RuneCountInString(text)+1 || mistake.Problem == "" || !utf8.ValidString(mistake.Error()) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		canonical := s.String()
		again := s
		if len(canonical) <= MaxLength {
			if again, err = Parse(canonical); err != nil {
				t.Fatalf("%q\nbecomes %q\n%v", text, canonical, err)
			}
			if again.String() != canonical {
				t.Fatalf("%q\nbecomes %q\nbecomes %q", text, canonical, again)
			}
		}
		negation := &Selector{&not{s.root}}
		for _, pick := range []func(name string) (string, bool){
			func(string) (string, bool) { return "", false },
			func(string) (string, bool) { return one, true },
			func(name string) (string, bool) {
				if len(name)%2 == 0 {
					return one, true
				}
				return other, len(name)%3 > 0
			},
		} {
			matches := s.Matches(pick)
			if matches != again.Matches(pick) {
				t.Fatalf("%q\nmatches otherwise than %q", text, canonical)
			}
			if matches && s.root != nil && negation.Matches(pick) {
				t.Fatalf("%q matches, and so does its negation", text)
			}
		}
	})
}
