package selector

import (
	"strings"
	"unicode/utf8"
)

// pattern is what LIKE compares with, cut at each %. The first piece stands at the beginning of the text, the last one at
// its end, and those between follow one another somewhere. The earliest place for each of those is always right, so that
// no choice is ever taken back. What is left to be feared is a piece between two % that nearly fits everywhere. Without _ it is
// looked for in linear time; with them its cost at each place is their number, and that is what MaxWildcards bounds.
type pattern struct {
	pieces   []piece
	floating int // characters that may be any in pieces between two %
}

// piece is a stretch of pattern without %.
type piece []atom

// atom is some characters as they are, then a number of arbitrary ones.
type atom struct {
	literal string
	any     int
}

// parsePattern reads a pattern; escape is 0 where there is none. wrong is the escape sequence that means nothing, if there
// is one.
func parsePattern(text string, escape rune) (p pattern, wrong string) {
	var literal strings.Builder
	var current piece
	flush := func(wildcards int) {
		if literal.Len() > 0 || wildcards > 0 {
			current = append(current, atom{literal.String(), wildcards})
			literal.Reset()
		}
	}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		start := i
		i += size
		switch {
		case escape != 0 && r == escape:
			escaped, size := utf8.DecodeRuneInString(text[i:])
			i += size
			if escaped != '%' && escaped != '_' && escaped != escape || size == 0 {
				return pattern{}, text[start:i]
			}
			literal.WriteRune(escaped)
		case r == '_':
			wildcards := 1
			for strings.HasPrefix(text[i:], "_") {
				wildcards++
				i++
			}
			flush(wildcards)
		case r == '%':
			flush(0) // what stands before it
			// Behind % the characters that may be any come first, wherever they stand: %_a is _%a. So every piece but the
			// first begins with characters to look for.
			wildcards := 0
			for i < len(text) && (text[i] == '%' && escape != '%' || text[i] == '_' && escape != '_') {
				if text[i] == '_' {
					wildcards++
				}
				i++
			}
			flush(wildcards)
			p.add(current)
			current = nil
		default:
			literal.WriteRune(r)
		}
	}
	flush(0)
	p.pieces = append(p.pieces, current)
	return p, ""
}

// add adds a piece that a % follows.
func (p *pattern) add(next piece) {
	if len(p.pieces) > 0 {
		for _, a := range next {
			p.floating += a.any
		}
	}
	p.pieces = append(p.pieces, next)
}

func (p pattern) matches(text string) bool {
	rest, ok := p.pieces[0].cutPrefix(text)
	if len(p.pieces) == 1 || !ok {
		return ok && rest == ""
	}
	last := len(p.pieces) - 1
	for _, piece := range p.pieces[1:last] {
		if rest, ok = piece.cut(rest); !ok {
			return false
		}
	}
	return p.pieces[last].endsOf(rest)
}

func (p piece) cutPrefix(text string) (rest string, ok bool) {
	for _, a := range p {
		if text, ok = strings.CutPrefix(text, a.literal); !ok {
			return "", false
		}
		for range a.any {
			if text == "" {
				return "", false
			}
			text = text[firstLength(text):]
		}
	}
	return text, true
}

// cut finds the earliest place of p and gives what is behind it.
func (p piece) cut(text string) (rest string, ok bool) {
	for {
		i := strings.Index(text, p[0].literal)
		if i < 0 {
			return "", false
		}
		if rest, ok = p.cutPrefix(text[i:]); ok {
			return rest, true
		}
		text = text[i+firstLength(text[i:]):]
	}
}

func (p piece) endsOf(text string) (ok bool) {
	for i := len(p) - 1; i >= 0; i-- {
		for range p[i].any {
			if text == "" {
				return false
			}
			text = text[:len(text)-lastLength(text)]
		}
		if text, ok = strings.CutSuffix(text, p[i].literal); !ok {
			return false
		}
	}
	return true
}

// firstLength and lastLength are octets of a character. An octet that is not UTF-8 is a character of its own.
func firstLength(text string) int {
	_, size := utf8.DecodeRuneInString(text)
	return size
}

func lastLength(text string) int {
	_, size := utf8.DecodeLastRuneInString(text)
	return size
}
