package selector

import (
	"flag"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var seedFlag = flag.Uint64("seed", 0, "play the random tests with this one seed; 0: with new ones every time")

// A selector made at random comes to what a second evaluator says, which knows nothing of the first: it walks the tree that
// the text was written from, with big integers, regular expressions and truth tables. The canonical form comes to the same.
func TestSelectorsAgainstModel(t *testing.T) {
	const rounds, messages = 1500, 8
	outcomes := map[string]int{}
	for range rounds {
		seed := *seedFlag
		if seed == 0 {
			seed = rand.Uint64() | 1
		}
		g := &generator{rand.New(rand.NewPCG(seed, 0))}
		tree := g.condition(g.IntN(5))
		text := g.write(tree, 0)
		again := fmt.Sprintf("\nplay it again with: go test ./actors/selector -run '^%s$' -seed=%d", t.Name(), seed)
		if len(text) > MaxLength-6 {
			outcomes["too long"]++
			continue
		}
		s, err := Parse(text)
		if err != nil {
			t.Fatalf("%s\n%v%s", text, err, again)
		}
		canonical, err := Parse(s.String())
		if err != nil || canonical.String() != s.String() {
			t.Fatalf("%s\n%s\nis read back as\n%s\n%v%s", text, s, canonical, err, again)
		}
		negation, err := Parse("NOT (" + text + ")")
		if err != nil {
			t.Fatalf("%s\n%v%s", text, err, again)
		}
		for range messages {
			headers := g.headers()
			get := func(name string) (string, bool) {
				value, present := headers[name]
				return value, present
			}
			want := asTruth(tree.evaluate(headers))
			if s.Matches(get) != (want == "true") || canonical.Matches(get) != (want == "true") || negation.Matches(get) != (want == "false") {
				t.Fatalf("%s\n%s\nof %q is %s; matches: %v, canonical: %v, negation: %v%s",
					text, s, headers, want, s.Matches(get), canonical.Matches(get), negation.Matches(get), again)
			}
			outcomes[want]++
		}
		if *seedFlag != 0 {
			t.Log(text)
			return
		}
	}
	for _, outcome := range []string{"true", "false", "unknown"} {
		if outcomes[outcome] < rounds*messages/10 {
			t.Errorf("the random selectors prove little: %v", outcomes)
		}
	}
	if outcomes["too long"] > rounds/20 {
		t.Errorf("the random selectors are too long: %v", outcomes)
	}
}

// branch is a selector as the model sees it. What op means is in evaluate and write.
type branch struct {
	op      string
	kids    []*branch
	text    string // name, string, number or pattern
	escape  string
	list    []string
	negated bool
}

// Values of the model: nil for NULL, UNKNOWN and what is no number; bool; *big.Int and float64; literal for strings, and
// received for headers, which are whatever they have to be.
type (
	quoted   string
	received string
)

func (b *branch) evaluate(headers map[string]string) any {
	values := make([]any, len(b.kids))
	for i, kid := range b.kids {
		values[i] = kid.evaluate(headers)
	}
	answer := func(truth string) any {
		if b.negated || b.op == "NOT" {
			truth = map[string]string{"true": "false", "false": "true", "unknown": "unknown"}[truth]
		}
		return map[string]any{"true": true, "false": false}[truth]
	}
	switch b.op {
	case "header":
		return readHeader(b.text, headers)
	case "string":
		return quoted(b.text)
	case "number":
		return asNumber(received(b.text))
	case "boolean":
		return b.text == "TRUE"
	case "sign":
		if n := asNumber(values[0]); b.text == "-" && n != nil {
			return calculateNaively('-', big.NewInt(0), n)
		} else {
			return n
		}
	case "+", "-", "*", "/":
		return calculateNaively(b.op[0], asNumber(values[0]), asNumber(values[1]))
	case "NOT":
		return answer(asTruth(values[0]))
	case "AND", "OR":
		truths := []string{asTruth(values[0]), asTruth(values[1])}
		strong := map[string]string{"AND": "false", "OR": "true"}[b.op]
		if slices.Contains(truths, strong) {
			return answer(strong)
		} else if slices.Contains(truths, "unknown") {
			return answer("unknown")
		}
		return answer(truths[0])
	case "BETWEEN":
		low := (&branch{op: ">="}).relate(values[0], values[1], true)
		high := (&branch{op: "<="}).relate(values[0], values[2], true)
		switch {
		case low == "false" || high == "false":
			return answer("false")
		case low == "unknown" || high == "unknown":
			return answer("unknown")
		}
		return answer("true")
	case "IN":
		if values[0] == nil {
			return answer("unknown")
		}
		return answer(fmt.Sprint(slices.Contains(b.list, fmt.Sprint(values[0]))))
	case "LIKE":
		if values[0] == nil {
			return answer("unknown")
		}
		var escape rune
		for _, escape = range b.escape { // one at most
		}
		matches, _ := likeNaively(fmt.Sprint(values[0]), b.text, escape)
		return answer(fmt.Sprint(matches))
	case "IS NULL":
		return answer(fmt.Sprint(values[0] == nil))
	default:
		return answer(b.relate(values[0], values[1], false))
	}
}

// relate compares two values. Headers are numbers if the other side is one, or must be, or both can be.
func (b *branch) relate(left, right any, numbers bool) string {
	if left == nil || right == nil {
		return "unknown"
	}
	_, l := left.(received)
	_, r := right.(received)
	switch {
	case numbers || isNumber(left) || isNumber(right) || b.op != "=" && b.op != "<>":
		left, right = asNumber(left), asNumber(right)
	case isBool(left) || isBool(right):
		left, right = asTruth(left), asTruth(right)
		if left == "unknown" || right == "unknown" {
			return "unknown"
		}
	case l && r && asNumber(left) != nil && asNumber(right) != nil:
		left, right = asNumber(left), asNumber(right)
	default:
		left, right = fmt.Sprint(left), fmt.Sprint(right)
	}
	if left == nil || right == nil {
		return "unknown"
	}
	var difference int
	if s, ok := left.(string); ok {
		difference = strings.Compare(s, right.(string))
	} else if x, y, ok := bothExact(left, right); ok {
		difference = x.Cmp(y)
	} else if x, y := asFloat(left), asFloat(right); x < y {
		difference = -1
	} else if x > y {
		difference = 1
	}
	return fmt.Sprint(map[string]bool{
		"=": difference == 0, "<>": difference != 0, "<": difference < 0, "<=": difference <= 0, ">": difference > 0, ">=": difference >= 0,
	}[b.op])
}

func readHeader(name string, headers map[string]string) any {
	read := func(name string, missing any) any {
		if value, ok := headers[name]; ok {
			return received(value)
		}
		return missing
	}
	switch name {
	case "JMSPriority":
		return read("priority", received("4"))
	case "JMSDeliveryMode":
		if headers["persistent"] == "true" {
			return quoted("PERSISTENT")
		}
		return quoted("NON_PERSISTENT")
	case "JMSCorrelationID":
		return read("correlation-id", nil)
	default:
		return read(name, nil)
	}
}

func isBool(v any) bool { _, ok := v.(bool); return ok }

func isNumber(v any) bool {
	_, exact := v.(*big.Int)
	_, approximate := v.(float64)
	return exact || approximate
}

func asTruth(v any) string {
	switch v {
	case true, received("true"):
		return "true"
	case false, received("false"):
		return "false"
	}
	return "unknown"
}

var (
	wholePattern   = regexp.MustCompile(`^[+-]?[0-9]+$`)
	decimalPattern = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)
)

func asNumber(v any) any {
	s, ok := v.(received)
	if !ok {
		if isNumber(v) {
			return v
		}
		return nil
	}
	if !decimalPattern.MatchString(string(s)) {
		return nil
	}
	if i, ok := new(big.Int).SetString(string(s), 10); ok && wholePattern.MatchString(string(s)) && i.IsInt64() {
		return i
	}
	f, err := strconv.ParseFloat(string(s), 64)
	if err != nil {
		return nil
	}
	return f
}

func asFloat(v any) float64 {
	if i, ok := v.(*big.Int); ok {
		f, _ := new(big.Float).SetInt(i).Float64()
		return f
	}
	return v.(float64)
}

func bothExact(left, right any) (x, y *big.Int, ok bool) {
	x, ok = left.(*big.Int)
	if ok {
		y, ok = right.(*big.Int)
	}
	return x, y, ok
}

func calculateNaively(op byte, left, right any) any {
	if left == nil || right == nil {
		return nil
	}
	if x, y, ok := bothExact(left, right); ok {
		result, rest := new(big.Int), new(big.Int)
		switch op {
		case '+':
			result.Add(x, y)
		case '-':
			result.Sub(x, y)
		case '*':
			result.Mul(x, y)
		case '/':
			if y.Sign() == 0 {
				return nil
			}
			result.QuoRem(x, y, rest)
		}
		if rest.Sign() == 0 && result.IsInt64() {
			return result
		}
	}
	x, y := asFloat(left), asFloat(right)
	result := map[byte]float64{'+': x + y, '-': x - y, '*': x * y, '/': x / y}[op]
	if math.IsInf(result, 0) || math.IsNaN(result) {
		return nil
	}
	return result
}

// generator makes selectors that are right, and messages that have some of their headers.
type generator struct{ *rand.Rand }

func one[T any](g *generator, of ...T) T { return of[g.IntN(len(of))] }

func (g *generator) headers() map[string]string {
	headers := map[string]string{}
	for _, name := range []string{"a", "b", "c", "x-y", "größe", "and", "priority", "persistent", "correlation-id", "JMSPriority"} {
		if g.IntN(4) > 0 {
			headers[name] = g.value()
		}
	}
	return headers
}

func (g *generator) value() string {
	return one(g, "true", "false", "0", "1", "2", "3", "4", "5", "-1", "10", "2.0", "2.5", "-0.5", "1e2", "007", "9223372036854775807", "-9223372036854775808",
		"9007199254740993", "99999999999999999999", "1e308", "1e999", "", "a", "ab", "aab", "aXb", "abc", "é", "a%", "it's", "2 ", "NaN", "0x10", "PERSISTENT")
}

func (g *generator) name() *branch {
	return &branch{op: "header", text: one(g, "a", "b", "c", "x-y", "größe", "and", "JMSPriority", "JMSCorrelationID", "a", "b")}
}

func (g *generator) number(depth int) *branch {
	if depth <= 0 || g.IntN(4) == 0 {
		if g.IntN(2) == 0 {
			return g.name()
		}
		return &branch{op: "number", text: one(g, "0", "1", "2", "3", "4", "5", "10", "2.0", "2.5", "-1", "-2.5", "+3", "1e2", ".5", "3.", "9223372036854775807",
			"-9223372036854775808", "9007199254740993.0", "1E308")}
	}
	if g.IntN(5) == 0 {
		return &branch{op: "sign", text: one(g, "-", "+"), kids: []*branch{g.number(depth - 1)}}
	}
	b := &branch{op: one(g, "+", "-", "*", "/"), kids: []*branch{g.number(depth - 1), g.number(depth - 1)}}
	if n := b.kids[1].constant(); b.op == "/" && n != nil && asFloat(n) == 0 {
		b.op = "+" // the one mistake it could make
	}
	return b
}

// constant is the value of a literal behind any signs, which is still a literal.
func (b *branch) constant() any {
	switch b.op {
	case "number":
		return asNumber(received(b.text))
	case "sign":
		return b.kids[0].constant()
	}
	return nil
}

func (g *generator) string() *branch { return &branch{op: "string", text: g.value()} }

func (g *generator) condition(depth int) *branch {
	if depth > 0 && g.IntN(4) > 0 {
		switch g.IntN(5) {
		case 0, 1:
			return &branch{op: "AND", kids: []*branch{g.condition(depth - 1), g.condition(depth - 1)}}
		case 2, 3:
			return &branch{op: "OR", kids: []*branch{g.condition(depth - 1), g.condition(depth - 1)}}
		default:
			return &branch{op: "NOT", kids: []*branch{g.condition(depth - 1)}}
		}
	}
	relation := one(g, "=", "<>", "<", "<=", ">", ">=")
	equality := one(g, "=", "<>")
	pair := func(op string, left, right *branch) *branch {
		if g.IntN(2) == 0 {
			left, right = right, left
		}
		return &branch{op: op, kids: []*branch{left, right}}
	}
	negated := g.IntN(3) == 0
	switch g.IntN(11) {
	case 0, 1:
		return pair(relation, g.number(depth), g.number(depth))
	case 2:
		return pair(relation, g.name(), g.name())
	case 3:
		return pair(equality, g.name(), g.string())
	case 4:
		return pair(equality, &branch{op: "header", text: "JMSDeliveryMode"}, one(g, g.name(), g.string(), &branch{op: "string", text: "PERSISTENT"}))
	case 5:
		return pair(equality, g.condition(depth-1), g.condition(depth-1)).unlessHeaders(g)
	case 6:
		return &branch{op: "BETWEEN", negated: negated, kids: []*branch{g.number(depth - 1), g.number(depth - 2), g.number(depth - 2)}}
	case 7:
		list := make([]string, 1+g.IntN(12))
		for i := range list {
			list[i] = g.value()
		}
		return &branch{op: "IN", negated: negated, list: list, kids: []*branch{g.name()}}
	case 8:
		pattern := ""
		escape := one(g, "", "!", "%", "_", "é")
		for range g.IntN(5) {
			atom := one(g, "%", "_", "a", "b", "é", "2", "%", ".")
			if atom == escape || escape != "" && g.IntN(5) == 0 {
				atom = escape + one(g, "%", "_", escape)
			}
			pattern += atom
		}
		return &branch{op: "LIKE", negated: negated, text: pattern, escape: escape, kids: []*branch{g.name()}}
	case 9:
		return &branch{op: "IS NULL", negated: negated, kids: []*branch{g.name()}}
	default:
		return one(g, g.name(), &branch{op: "boolean", text: one(g, "TRUE", "FALSE")})
	}
}

// unlessHeaders gives something else than a comparison of two headers: those need not be conditions.
func (b *branch) unlessHeaders(g *generator) *branch {
	if b.kids[0].op == "header" && b.kids[1].op == "header" {
		b.kids[g.IntN(2)] = &branch{op: "boolean", text: "TRUE"}
	}
	return b
}

// write makes text of a tree, with all the parentheses it needs and some more.
func (g *generator) write(b *branch, needed int) string {
	levels := map[string]int{"OR": 0, "AND": 1, "NOT": 2, "+": 4, "-": 4, "*": 5, "/": 5, "sign": 6, "header": 7, "string": 7, "number": 7, "boolean": 7}
	level, ok := levels[b.op]
	if !ok {
		level = 3
	}
	if level < needed || g.IntN(12) == 0 {
		return "(" + g.blank("") + g.write(b, 0) + g.blank("") + ")"
	}
	kid := func(i, level int) string { return g.write(b.kids[i], level) }
	not := ""
	if b.negated {
		not = g.word("NOT")
	}
	switch b.op {
	case "AND", "OR":
		return kid(0, level) + g.word(b.op) + kid(1, level+g.IntN(2))
	case "NOT":
		return strings.TrimLeft(g.word("NOT"), blanks) + kid(0, level)
	case "+", "-", "*", "/":
		return kid(0, level) + g.blank("") + b.op + g.blank("") + kid(1, level+1)
	case "sign":
		return b.text + g.blank("") + kid(0, level)
	case "header":
		if b.text == "x-y" || b.text == "and" || g.IntN(5) == 0 && !strings.HasPrefix(b.text, "JMS") {
			return `"` + b.text + `"`
		}
		return b.text
	case "string":
		return quote(b.text)
	case "number":
		return b.text
	case "boolean":
		return strings.Trim(g.word(b.text), blanks)
	case "BETWEEN":
		return kid(0, 4) + not + g.word("BETWEEN") + kid(1, 4) + g.word("AND") + kid(2, 4)
	case "IN":
		text := kid(0, 7) + not + g.word("IN") + "("
		for i, s := range b.list {
			if i > 0 {
				text += g.blank("") + "," + g.blank("")
			}
			text += quote(s)
		}
		return text + g.blank("") + ")"
	case "LIKE":
		text := kid(0, 7) + not + g.word("LIKE") + quote(b.text)
		if b.escape != "" {
			text += g.word("ESCAPE") + quote(b.escape)
		}
		return text
	case "IS NULL":
		return kid(0, 7) + g.word("IS") + not + g.word("NULL")
	default:
		return kid(0, 4) + g.blank("") + b.op + g.blank("") + kid(1, 4)
	}
}

const blanks = " \t\n\r\f"

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// word writes a keyword in some case, with blanks around it.
func (g *generator) word(keyword string) string {
	letters := []byte(keyword)
	if g.IntN(2) == 0 {
		for i := range letters {
			if g.IntN(2) == 0 {
				letters[i] |= ' '
			}
		}
	}
	return g.blank(" ") + string(letters) + g.blank(" ")
}

func (g *generator) blank(usual string) string {
	if g.IntN(6) > 0 {
		return usual
	}
	return usual + one(g, " ", "\t", "\n", "\r\n", "  \f")
}
