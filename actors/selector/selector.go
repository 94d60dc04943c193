package selector

import (
	"fmt"
	"unicode/utf8"
)

// What a selector can be at most. Parse refuses more, so that neither it nor Matches can be made to take long.
const (
	MaxLength    = 4096 // octets
	MaxDepth     = 64   // parentheses, NOTs and signs within one another
	MaxNodes     = 1024 // names, values and operators together
	MaxWildcards = 32   // _ that stand between two % of a pattern, in all patterns together
)

// Selector is a condition on the headers of a message, ready to be used. It never changes, and any number of goroutines
// may use it at once. The zero Selector, and nil, match every message.
type Selector struct {
	root node // nil: every message matches
}

// Parse reads a selector. A text of nothing but blanks selects every message, as JMS says of the empty one.
// The error is a *SyntaxError.
func Parse(text string) (*Selector, error) {
	if len(text) > MaxLength {
		return nil, tooLong(text)
	}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 {
			return nil, syntaxError(text, i, i+1, "UTF-8", "")
		}
		i += size
	}
	p := parser{lexer: lexer{text: text}}
	root := p.selector()
	if p.err != nil {
		return nil, p.err
	}
	return &Selector{root}, nil
}

func tooLong(text string) *SyntaxError {
	start := MaxLength
	for start > 0 && !utf8.RuneStart(text[start]) {
		start--
	}
	e := syntaxError(text, start, len(text), "", "")
	e.Problem = fmt.Sprintf("expected at most %d octets, found %d", MaxLength, len(text))
	return e
}

// Matches tells whether the selector is true of a message: not if it is false, and not if that is unknown, because it
// depends on a header that is not there or is not of the right kind. get gives a header by its name in STOMP, and false if
// the message has none. It is called for each header as often as the selector needs it, and not kept.
//
// Matches allocates nothing, but for headers that look like numbers and are beyond all of them.
func (s *Selector) Matches(get func(name string) (value string, present bool)) bool {
	return s == nil || s.root == nil || truthOf(s.root, get) == isTrue
}

// String gives the selector in one canonical form: keywords in capitals, single blanks, no parentheses that are not needed,
// numbers in one spelling. Parse reads it as the same selector, if it is not longer than MaxLength; it can be longer than
// the text it was made of. It is "" if every message matches.
func (s *Selector) String() string {
	if s == nil || s.root == nil {
		return ""
	}
	w := &writer{}
	s.root.write(w)
	return w.String()
}
