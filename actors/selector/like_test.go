package selector

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// likeNaively is LIKE by its definition, one character at a time and trying everything: a second opinion, which shares
// nothing with pattern. wrong tells a pattern with a meaningless escape sequence.
func likeNaively(text, pattern string, escape rune) (matches, wrong bool) {
	type unit struct {
		wildcard rune // '%', '_' or 0
		literal  string
	}
	var units []unit
	for runes := []rune(pattern); len(runes) > 0; runes = runes[1:] {
		switch r := runes[0]; {
		case escape != 0 && r == escape:
			if runes = runes[1:]; len(runes) == 0 || !strings.ContainsRune("%_"+string(escape), runes[0]) {
				return false, true
			}
			units = append(units, unit{literal: string(runes[0])})
		case r == '%' || r == '_':
			units = append(units, unit{wildcard: r})
		default:
			units = append(units, unit{literal: string(r)})
		}
	}
	var characters []string
	for len(text) > 0 {
		_, size := utf8.DecodeRuneInString(text)
		characters = append(characters, text[:size])
		text = text[size:]
	}
	// ends[i]: what was read of the pattern matches the first i characters.
	ends := make([]bool, len(characters)+1)
	ends[0] = true
	for _, u := range units {
		next := make([]bool, len(ends))
		for i := range next {
			switch u.wildcard {
			case '%':
				next[i] = ends[i] || i > 0 && next[i-1]
			case '_':
				next[i] = i > 0 && ends[i-1]
			default:
				next[i] = i > 0 && ends[i-1] && characters[i-1] == u.literal
			}
		}
		ends = next
	}
	return ends[len(characters)], false
}

// Each % stands for any characters or none, each _ for exactly one, and what is escaped for itself.
func TestLikePatterns(t *testing.T) {
	for _, c := range []struct {
		pattern      string
		escape       rune
		yes, no      string // separated by |
		matchesEmpty bool
	}{
		{pattern: "", no: "a|%", matchesEmpty: true},
		{pattern: "abc", yes: "abc", no: "ab|abcd|ABC|xabc"},
		{pattern: "%", yes: "a|%|é", matchesEmpty: true},
		{pattern: "%%", yes: "a|abc", matchesEmpty: true},
		{pattern: "_", yes: "a|_|é|\xff", no: "ab|éé"},
		{pattern: "__", yes: "ab|é\xff", no: "a|abc"},
		{pattern: "%_", yes: "a|ab|é"},
		{pattern: "_%_", yes: "ab|abc|éé", no: "a|é"},
		{pattern: "12%3", yes: "123|12993|1233", no: "1234|12|13"},
		{pattern: "l_se", yes: "lose|lése", no: "loose|lse"},
		{pattern: "a%b%c", yes: "abc|axbxc|abbcc|abcbc", no: "acb|ab|abcx"},
		{pattern: "%a_c%", yes: "abc|xaacx", no: "ac|abbc"},
		{pattern: "a%b_", yes: "abc|axb_", no: "a|ab|b"},
		{pattern: "a%b%c%d", yes: "abcd|abccd", no: "a|ad|abd|acd"},
		{pattern: "%ab%ab", yes: "abab|xabxab", no: "ab|aba|xab"},
		{pattern: "a%a", yes: "aa|aba", no: "a|ab"},
		{pattern: "%a%_%b%", yes: "axb|aab|xaxxbx", no: "ab|ba"},
		{pattern: "%aa_a%", yes: "aaaba|aaaaa", no: "aabb|aba"},
		{pattern: "\\_%", escape: '\\', yes: "_|_a", no: "a|\\_"},
		{pattern: "!!!%!_", escape: '!', yes: "!%_", no: "!!!%!_|!%a"},
		{pattern: "%%%_", escape: '%', yes: "%_", no: "%a|a"},
		{pattern: "__a", escape: '_', yes: "_a", no: "xa|xxa"},
		{pattern: "é%%é%", escape: 'é', yes: "%%|%a%", no: "%|é%"},
		{pattern: ".*[a-z]+", yes: ".*[a-z]+", no: "abc"},
	} {
		p, wrong := parsePattern(c.pattern, c.escape)
		if wrong != "" {
			t.Errorf("the pattern %q is refused because of %q", c.pattern, wrong)
			continue
		}
		check := func(text string, want bool) {
			if got := p.matches(text); got != want {
				t.Errorf("%q LIKE %q is %v", text, c.pattern, got)
			}
			if got, _ := likeNaively(text, c.pattern, c.escape); got != want {
				t.Errorf("the second opinion on %q LIKE %q is %v", text, c.pattern, got)
			}
		}
		check("", c.matchesEmpty)
		for text := range strings.SplitSeq(c.yes, "|") {
			if text != "" {
				check(text, true)
			}
		}
		for text := range strings.SplitSeq(c.no, "|") {
			if text != "" {
				check(text, false)
			}
		}
	}
}

// What an escape character must not stand before is named, the end included.
func TestEscapesThatMeanNothing(t *testing.T) {
	for pattern, want := range map[string]string{"a!b": "!b", "a!": "!", "!é": "!é", "!!!": "!", "!%!a": "!a"} {
		if _, wrong := parsePattern(pattern, '!'); wrong != want {
			t.Errorf("of %q it finds %q wrong; want %q", pattern, wrong, want)
		}
	}
}

// Every pattern matches the texts that the definition says, whatever octets they are of, or is refused by both.
func FuzzLike(f *testing.F) {
	for _, seed := range []struct{ text, pattern, escape string }{
		{"abcabc", "%b_a%", ""}, {"100%", "1__!%", "!"}, {"éa\xffb", "_a_b", ""}, {"aaab", "%a_b%", ""}, {"_%", "%%_", "%"}, {"__", "____", "_"}, {"", "%_%", ""},
	} {
		f.Add(seed.text, seed.pattern, seed.escape)
	}
	f.Fuzz(func(t *testing.T, text, pattern, escapes string) {
		if !utf8.ValidString(pattern) || len(text)*len(pattern) > 1<<20 {
			t.Skip("needs a pattern in UTF-8, and a case that the naive way is done with soon")
		}
		escape, _ := utf8.DecodeRuneInString(escapes)
		if escape == utf8.RuneError {
			escape = 0
		}
		want, refused := likeNaively(text, pattern, escape)
		p, wrong := parsePattern(pattern, escape)
		if (wrong != "") != refused {
			t.Fatalf("%q with escape %q: refused is %v, because of %q", pattern, escape, !refused, wrong)
		}
		if !refused && p.matches(text) != want {
			t.Fatalf("%q LIKE %q ESCAPE %q is %v", text, pattern, escape, !want)
		}
	})
}
