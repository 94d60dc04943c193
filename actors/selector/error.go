package selector

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SyntaxError says where and why a text is not a selector. Parse gives no other error.
type SyntaxError struct {
	Position int    // of the character the mistake is at, counted from 1; one more than there are at the end
	Problem  string // what was expected, and what stood there; one line, fit for whoever wrote the selector
	Text     string // what stood there, cut to 32 characters and quoted if it can't be printed; "" at the end
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("at character %d: %s", e.Position, e.Problem)
}

// syntaxError describes the mistake at text[start:end]. Hints follow what was expected, in the same sentence.
func syntaxError(text string, start, end int, expected, hint string) *SyntaxError {
	found := show(text[start:end])
	e := &SyntaxError{
		Position: utf8.RuneCountInString(text[:start]) + 1,
		Problem:  "expected " + expected + ", found " + found,
		Text:     found,
	}
	if found == "" {
		e.Problem += "the end"
	}
	if hint != "" {
		e.Problem += " (" + hint + ")"
	}
	return e
}

const maxShown = 32 // characters

// show makes a piece of selector fit to stand in a message.
func show(piece string) string {
	n := 0
	for i := range piece {
		if n++; n > maxShown {
			piece = piece[:i] + "…"
			break
		}
	}
	if !utf8.ValidString(piece) || strings.ContainsFunc(piece, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(piece)
	}
	return piece
}
