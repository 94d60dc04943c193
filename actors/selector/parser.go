package selector

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// kinds are what an expression can be: one of them if it is known, all of them for a header.
type kinds uint8

const (
	aNumber kinds = 1 << iota
	aText
	aTruth
	anything = aNumber | aText | aTruth
)

func (k kinds) String() string {
	switch k {
	case aNumber:
		return "a number"
	case aText:
		return "a string"
	case aTruth:
		return "a condition, TRUE or FALSE"
	default:
		return "a value"
	}
}

// expression is a node and where it stands in the text.
type expression struct {
	node       node
	kinds      kinds
	start, end int
}

// hint explains the one name that can't be everything a header can be.
func (e expression) hint() string {
	if h, ok := e.node.(*header); ok && h.field != nil && e.kinds != anything {
		return h.field.jms + " is '" + persistent + "' or '" + nonPersistent + "'"
	}
	return ""
}

// parser is a recursive descent, one method for each level of the grammar. The first mistake ends it: from there on the
// lexer gives nothing but ends, so that every loop ends too, and nobody looks at what was made of them.
type parser struct {
	lexer
	token token // the next one
	end   int   // of the token before it
	nodes int
	depth int
	// wildcards are those of patterns that MaxWildcards counts.
	wildcards int
}

func (p *parser) advance() token {
	t := p.token
	p.end = t.end
	p.token = p.next()
	return t
}

func (p *parser) accept(kind tokenKind, value string) bool {
	if !p.token.is(kind, value) {
		return false
	}
	p.advance()
	return true
}

// stop notes that something else than the next token was expected.
func (p *parser) stop(expected, hint string) {
	p.fail(p.token.start, p.token.end, expected, hint)
	p.token = token{start: p.token.start, end: p.token.start}
}

// expect takes a token of a kind, and with that value if there is one.
func (p *parser) expect(kind tokenKind, value, expected, hint string) token {
	if p.token.kind != kind || value != "" && p.token.value != value {
		p.stop(expected, hint)
		return token{}
	}
	return p.advance()
}

// need makes sure that e can be what stands in its place.
func (p *parser) need(e expression, k kinds, expected string) {
	if e.kinds&k == 0 {
		p.fail(e.start, e.end, expected, e.hint())
	}
}

func (p *parser) needHeader(e expression, operator string) *header {
	h, ok := e.node.(*header)
	if !ok {
		p.fail(e.start, e.end, "the name of a header before "+operator, "")
	}
	return h
}

// count is called for every name, value and operator.
func (p *parser) count() {
	if p.nodes++; p.nodes > MaxNodes {
		p.stop(fmt.Sprintf("at most %d names, values and operators", MaxNodes), "")
	}
}

func (p *parser) enter() {
	if p.depth++; p.depth > MaxDepth {
		p.stop(fmt.Sprintf("at most %d levels of parentheses, NOT and signs", MaxDepth), "")
	}
}

func (p *parser) leave() { p.depth-- }

func (p *parser) made(n node, k kinds, start int) expression {
	return expression{n, k, start, p.end}
}

// selector = condition
func (p *parser) selector() node {
	p.token = p.next()
	if p.token.kind == endToken {
		return nil
	}
	e := p.disjunction()
	if p.token.kind != endToken {
		p.stop("an operator or the end", "")
	}
	p.need(e, aTruth, "a condition")
	return e.node
}

// disjunction = conjunction *( "OR" conjunction )
func (p *parser) disjunction() expression {
	e := p.conjunction()
	if !p.token.is(keywordToken, "OR") {
		return e
	}
	n := &or{}
	for start := e.start; ; e = p.conjunction() {
		p.need(e, aTruth, "a condition beside OR")
		if inner, ok := e.node.(*or); ok {
			n.terms = append(n.terms, inner.terms...)
		} else {
			n.terms = append(n.terms, e.node)
		}
		if !p.token.is(keywordToken, "OR") {
			return p.made(n, aTruth, start)
		}
		p.count()
		p.advance()
	}
}

// conjunction = negation *( "AND" negation )
func (p *parser) conjunction() expression {
	e := p.negation()
	if !p.token.is(keywordToken, "AND") {
		return e
	}
	n := &and{}
	for start := e.start; ; e = p.negation() {
		p.need(e, aTruth, "a condition beside AND")
		if inner, ok := e.node.(*and); ok {
			n.terms = append(n.terms, inner.terms...)
		} else {
			n.terms = append(n.terms, e.node)
		}
		if !p.token.is(keywordToken, "AND") {
			return p.made(n, aTruth, start)
		}
		p.count()
		p.advance()
	}
}

// negation = *"NOT" test
func (p *parser) negation() expression {
	start := p.token.start
	if !p.token.is(keywordToken, "NOT") {
		return p.test()
	}
	p.enter()
	p.count()
	p.advance()
	of := p.negation()
	p.need(of, aTruth, "a condition behind NOT")
	p.leave()
	return p.made(&not{of.node}, aTruth, start)
}

// test = sum [ relation sum / [ "NOT" ] ( between / in / like ) / "IS" [ "NOT" ] "NULL" ]
func (p *parser) test() expression {
	left := p.sum()
	if p.token.kind == symbolToken {
		switch p.token.value {
		case "=", "<>", "<", "<=", ">", ">=":
			return p.comparison(left)
		}
	}
	if p.token.kind != keywordToken {
		return left
	}
	operator := p.token.value
	negated := operator == "NOT"
	if negated {
		p.advance()
		operator = p.token.value
		if p.token.kind != keywordToken || operator != "BETWEEN" && operator != "IN" && operator != "LIKE" {
			p.stop("BETWEEN, IN or LIKE behind NOT", "")
			return left
		}
	}
	switch operator {
	case "BETWEEN":
		return p.between(left, negated)
	case "IN":
		return p.in(left, negated)
	case "LIKE":
		return p.like(left, negated)
	case "IS":
		return p.isNull(left)
	default:
		return left
	}
}

func (p *parser) comparison(left expression) expression {
	p.count()
	operator := p.advance()
	right := p.sum()
	op := relation(operator.value)
	common := left.kinds & right.kinds
	switch {
	case common == 0:
		expected := left.kinds.String() + " to compare " + show(p.text[left.start:left.end]) + " with"
		p.fail(right.start, right.end, expected, left.hint()+right.hint())
	case op.isOrder() && common&aNumber == 0:
		p.fail(operator.start, operator.end, "= or <>", "only numbers have an order")
	}
	var n node
	switch {
	case common == anything && !op.isOrder():
		a, _ := left.node.(*header)
		b, _ := right.node.(*header)
		n = &compareHeaders{op, a, b}
	case common&aNumber != 0:
		n = &compareNumbers{op, left.node, right.node}
	case common == aTruth:
		n = &compareTruths{op, left.node, right.node}
	default:
		n = &compareTexts{op, left.node, right.node}
	}
	return p.made(n, aTruth, left.start)
}

// between = "BETWEEN" sum "AND" sum
func (p *parser) between(value expression, negated bool) expression {
	p.count()
	p.advance()
	p.need(value, aNumber, "a number before BETWEEN")
	low := p.sum()
	p.need(low, aNumber, "a number behind BETWEEN")
	p.expect(keywordToken, "AND", "AND and the upper bound of BETWEEN", "")
	high := p.sum()
	p.need(high, aNumber, "a number as upper bound of BETWEEN")
	return p.made(&between{negated, value.node, low.node, high.node}, aTruth, value.start)
}

// longList is from how many strings on a hash is faster than to look through them.
const longList = 8

// in = "IN" "(" string *( "," string ) ")"
func (p *parser) in(left expression, negated bool) expression {
	p.count()
	p.advance()
	n := &in{negated: negated, header: p.needHeader(left, "IN")}
	p.expect(symbolToken, "(", "( behind IN", "")
	for {
		p.count()
		n.list = append(n.list, p.expect(textToken, "", "a string", "IN takes strings and nothing else").value)
		if !p.accept(symbolToken, ",") {
			break
		}
	}
	p.expect(symbolToken, ")", ", or ) behind a string of IN", "")
	if len(n.list) > longList {
		n.set = make(map[string]struct{}, len(n.list))
		for _, s := range n.list {
			n.set[s] = struct{}{}
		}
	}
	return p.made(n, aTruth, left.start)
}

// like = "LIKE" string [ "ESCAPE" string ]
func (p *parser) like(left expression, negated bool) expression {
	p.count()
	p.advance()
	n := &like{negated: negated, header: p.needHeader(left, "LIKE")}
	text := p.expect(textToken, "", "a pattern in single quotes behind LIKE", "")
	n.text = text.value
	if p.accept(keywordToken, "ESCAPE") {
		const expected = "a string of one character behind ESCAPE"
		escape := p.expect(textToken, "", expected, "")
		if utf8.RuneCountInString(escape.value) != 1 {
			p.fail(escape.start, escape.end, expected, "")
		}
		n.escape, _ = utf8.DecodeRuneInString(escape.value)
	}
	var wrong string
	if n.pattern, wrong = parsePattern(n.text, n.escape); wrong != "" {
		e := show(string(n.escape))
		p.fail(text.start, text.end, fmt.Sprintf("%%, _ or %s behind each escape character %s of a pattern", e, e), "")
	}
	if p.wildcards += n.pattern.floating; p.wildcards > MaxWildcards {
		p.fail(text.start, text.end, fmt.Sprintf("at most %d _ between %% in all patterns together", MaxWildcards), "")
	}
	return p.made(n, aTruth, left.start)
}

func (p *parser) isNull(left expression) expression {
	p.count()
	p.advance()
	n := &isNull{header: p.needHeader(left, "IS")}
	n.negated = p.accept(keywordToken, "NOT")
	hint := ""
	if p.token.is(keywordToken, "TRUE") || p.token.is(keywordToken, "FALSE") {
		hint = "that is tested with ="
	}
	p.expect(keywordToken, "NULL", "NULL", hint)
	return p.made(n, aTruth, left.start)
}

// sum = product *( ( "+" / "-" ) product )
func (p *parser) sum() expression {
	e := p.product()
	for p.token.is(symbolToken, "+") || p.token.is(symbolToken, "-") {
		e = p.arithmetic(e, p.product)
	}
	return e
}

// product = signed *( ( "*" / "/" ) signed )
func (p *parser) product() expression {
	e := p.signed()
	for p.token.is(symbolToken, "*") || p.token.is(symbolToken, "/") {
		e = p.arithmetic(e, p.signed)
	}
	return e
}

func (p *parser) arithmetic(left expression, operand func() expression) expression {
	p.count()
	op := p.advance().value
	expected := "a number beside " + op
	p.need(left, aNumber, expected)
	right := operand()
	p.need(right, aNumber, expected)
	if n, ok := right.node.(number); ok && op == "/" && n.isZero() {
		p.fail(right.start, right.end, "a divisor other than 0", "")
	}
	if p.err != nil {
		return left
	}
	return p.made(&arithmetic{op[0], left.node, right.node}, aNumber, left.start)
}

// signed = *( "+" / "-" ) primary
func (p *parser) signed() expression {
	if !p.token.is(symbolToken, "+") && !p.token.is(symbolToken, "-") {
		return p.primary()
	}
	p.enter()
	p.count()
	op := p.advance()
	defer p.leave()
	if p.token.kind == numberToken {
		// Read with its sign, because the smallest exact number has no positive counterpart.
		return p.number(op.value == "-", op.start)
	}
	of := p.signed()
	p.need(of, aNumber, "a number behind "+op.value)
	if p.err != nil {
		return of
	}
	n := of.node
	if literal, ok := n.(number); !ok {
		n = &sign{op.value[0], n}
	} else if op.value == "-" {
		n = literal.negate()
	}
	return p.made(n, aNumber, op.start)
}

// primary = name / string / number / "TRUE" / "FALSE" / "(" disjunction ")"
func (p *parser) primary() expression {
	t := p.token
	switch {
	case t.kind == numberToken:
		return p.number(false, t.start)
	case t.kind == textToken:
		p.count()
		p.advance()
		return p.made(text(t.value), aText, t.start)
	case t.kind == nameToken:
		p.count()
		p.advance()
		return p.name(t)
	case t.is(keywordToken, "TRUE"), t.is(keywordToken, "FALSE"):
		p.count()
		p.advance()
		return p.made(boolean(t.value == "TRUE"), aTruth, t.start)
	case t.is(symbolToken, "("):
		p.enter()
		p.advance()
		e := p.disjunction()
		p.expect(symbolToken, ")", "an operator or )", "")
		p.leave()
		return p.made(e.node, e.kinds, t.start)
	case t.is(keywordToken, "NULL"):
		p.stop("a name or a value", "NULL is found with IS NULL")
	case t.is(keywordToken, "NOT"):
		p.stop("a name or a value", "NOT and what it is about stand in parentheses here")
	default:
		p.stop("a name or a value", "")
	}
	return expression{node: text(""), kinds: anything, start: t.start, end: t.start}
}

func (p *parser) name(t token) expression {
	if t.quoted {
		return p.made(&header{name: t.value}, anything, t.start)
	}
	f := fieldOf(t.value)
	if f == nil {
		return p.made(&header{name: t.value}, anything, t.start)
	}
	k := anything
	if f.jms == deliveryMode {
		k = aText
	}
	return p.made(&header{f.header, f}, k, t.start)
}

func (p *parser) number(negative bool, start int) expression {
	p.count()
	t := p.advance()
	digits := p.text[t.start:t.end]
	if digits == "" { // after a mistake
		return expression{node: exactly(1), kinds: anything}
	}
	n, expected, hint := literal(digits, negative)
	if expected != "" {
		p.fail(start, t.end, expected, hint)
	}
	return p.made(n, aNumber, start)
}

// literal reads a number as it stands in a selector. expected is "" if it is one.
func literal(digits string, negative bool) (n number, expected, hint string) {
	base := 10
	switch {
	case isHex(digits):
		base = 16
		digits = digits[2:]
	case countDigits(strings.TrimRight(digits, "lL")) < len(strings.TrimRight(digits, "lL")):
		f, err := strconv.ParseFloat(strings.TrimRight(digits, "dDfF"), 64)
		if err != nil {
			return n, "an approximate number up to 1.7976931348623157E308", ""
		}
		if n.approx = f; negative {
			n = n.negate()
		}
		return n, "", ""
	case digits[0] == '0' && countDigits(digits) > 1:
		return n, "a number without a 0 in front", "it is octal by the rules of Java and decimal by those of SQL"
	}
	magnitude, err := strconv.ParseUint(strings.TrimRight(digits, "lL"), base, 64)
	switch {
	case err == nil && negative && magnitude <= math.MaxInt64+1:
		return exactly(-int64(magnitude)), "", ""
	case err == nil && magnitude <= math.MaxInt64:
		return exactly(int64(magnitude)), "", ""
	default:
		return n, "a number from -9223372036854775808 to 9223372036854775807", "larger ones need a point: they are approximate"
	}
}
