package selector

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	endToken tokenKind = iota
	nameToken
	textToken
	numberToken
	keywordToken
	symbolToken
)

// token is a piece of selector, text[start:end].
type token struct {
	kind       tokenKind
	start, end int
	value      string // name or string without its quotes; keyword in capitals; symbol
	quoted     bool   // a name in double quotes
}

func (t token) is(kind tokenKind, value string) bool { return t.kind == kind && t.value == value }

// keywords can't be names, in capitals or not.
var keywords = []string{"AND", "BETWEEN", "ESCAPE", "FALSE", "IN", "IS", "LIKE", "NOT", "NULL", "OR", "TRUE"}

// keyword gives a keyword in capitals, "" if word is none. Letters beyond ASCII that fold to ASCII ones are longer.
func keyword(word string) string {
	for _, k := range keywords {
		if len(k) == len(word) && strings.EqualFold(k, word) {
			return k
		}
	}
	return ""
}

// isNameStart and isNamePart are the letters of JMS, which are those of Java. What Java ignores within names, which can't
// be seen, is left out: two names that look alike should be one.
func isNameStart(r rune) bool {
	return r == '_' || r == '$' || unicode.IsLetter(r) || unicode.In(r, unicode.Nl, unicode.Sc, unicode.Pc)
}

func isNamePart(r rune) bool {
	return isNameStart(r) || unicode.In(r, unicode.Nd, unicode.Mn, unicode.Mc)
}

// isName tells what can be written without double quotes.
func isName(s string) bool {
	first, _ := utf8.DecodeRuneInString(s)
	return isNameStart(first) && wordLength(s) == len(s) && keyword(s) == ""
}

func wordLength(s string) int {
	if i := strings.IndexFunc(s, func(r rune) bool { return !isNamePart(r) }); i >= 0 {
		return i
	}
	return len(s)
}

// lexer cuts a selector into tokens.
type lexer struct {
	text string
	at   int
	err  *SyntaxError // the first mistake; behind it there are only ends
}

// fail notes a mistake at text[start:end], unless there was one before.
func (l *lexer) fail(start, end int, expected, hint string) {
	if l.err == nil {
		l.err = syntaxError(l.text, start, end, expected, hint)
	}
}

func (l *lexer) next() token {
	for l.at < len(l.text) && strings.IndexByte(" \t\n\f\r", l.text[l.at]) >= 0 {
		l.at++
	}
	t := token{start: l.at, end: l.at}
	if l.err != nil || l.at == len(l.text) {
		return t
	}
	rest := l.text[l.at:]
	first, _ := utf8.DecodeRuneInString(rest)
	switch {
	case first == '\'':
		t.kind = textToken
		t.value, t.end = l.quoted("a string")
	case first == '"':
		t.kind, t.quoted = nameToken, true
		if t.value, t.end = l.quoted("a name"); t.value == "" {
			l.fail(t.start, t.end, "a name between the double quotes", "a string stands in single ones")
		}
	case countDigits(rest[:1]) > 0, first == '.' && countDigits(rest[1:]) > 0:
		t.kind = numberToken
		t.end = l.number()
	case isNameStart(first):
		t = l.word(t)
	default:
		t.kind = symbolToken
		t.value = l.symbol(rest)
		t.end = t.start + len(t.value)
	}
	if l.at = t.end; l.err != nil {
		return token{start: t.start, end: t.start}
	}
	return t
}

// quoted reads up to the closing quote; two in a row stand for one.
func (l *lexer) quoted(what string) (value string, end int) {
	quote := l.text[l.at : l.at+1]
	for end = l.at + 1; ; end += 2 {
		i := strings.Index(l.text[end:], quote)
		if i < 0 {
			l.fail(l.at, len(l.text), what+" that ends with "+quote, "")
			return "", len(l.text)
		}
		if end += i; !strings.HasPrefix(l.text[end+1:], quote) {
			return strings.ReplaceAll(l.text[l.at+1:end], quote+quote, quote), end + 1
		}
	}
}

// number gives the end of a number. It may have one of the suffixes of Java, which change nothing that matters here.
func (l *lexer) number() (end int) {
	rest := l.text[l.at:]
	n := hexLength(rest)
	suffixes := "lL"
	if n == 0 {
		if n = lengthOfDecimal(rest); countDigits(rest) < n {
			suffixes = "dDfF"
		} else {
			suffixes = "lLdDfF"
		}
	}
	if n < len(rest) && strings.IndexByte(suffixes, rest[n]) >= 0 {
		n++
	}
	// What touches a number belongs to it in the eyes of whoever wrote it.
	touches := strings.IndexFunc(rest[n:], func(r rune) bool { return r != '.' && !isNamePart(r) })
	if touches < 0 {
		touches = len(rest) - n
	}
	if touches > 0 {
		l.fail(l.at, l.at+n+touches, "a number", "")
	}
	return l.at + n
}

// hexLength is how long the hexadecimal number is that s begins with, 0 if there is none.
func hexLength(s string) int {
	if !isHex(s) {
		return 0
	}
	n := 2
	for n < len(s) && strings.IndexByte("0123456789abcdefABCDEF", s[n]) >= 0 {
		n++
	}
	if n == 2 {
		return 0
	}
	return n
}

func isHex(s string) bool { return strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "0X") }

func (l *lexer) word(t token) token {
	rest := l.text[t.start:]
	n := wordLength(rest)
	t.kind, t.value, t.end = nameToken, rest[:n], t.start+n
	for _, name := range hyphenated {
		if strings.HasPrefix(rest, name) && wordLength(rest[len(name):]) == 0 {
			l.fail(t.start, t.start+len(name), `"`+name+`" in double quotes`, "a name can't have a - without them")
			return t
		}
	}
	if strings.HasPrefix(rest[n:], ".") {
		end := n + 1 + wordLength(rest[n+1:])
		l.fail(t.start, t.start+end, `"`+show(rest[:end])+`" in double quotes`, "a name can't have a . without them")
		return t
	}
	if k := keyword(t.value); k != "" {
		t.kind, t.value = keywordToken, k
	} else if isReserved(t.value) && fieldOf(t.value) == nil {
		l.fail(t.start, t.end, "one of "+fieldNames(), "in double quotes it is the header of that name")
	}
	return t
}

func (l *lexer) symbol(rest string) string {
	switch two := rest[:min(2, len(rest))]; two {
	case "<>", "<=", ">=":
		return two
	case "!=":
		l.fail(l.at, l.at+2, "<>", "")
	case "==":
		l.fail(l.at, l.at+2, "=", "")
	}
	_, size := utf8.DecodeRuneInString(rest)
	if strings.IndexByte("=<>+-*/(),", rest[0]) < 0 {
		l.fail(l.at, l.at+size, "a name, a value or an operator", "")
	}
	return rest[:size]
}
