package selector

import "strings"

// level is how strongly an expression holds together. Where a stronger one must stand it needs parentheses.
type level uint8

const (
	orLevel level = iota
	andLevel
	notLevel
	testLevel
	sumLevel
	productLevel
	signLevel
	primaryLevel
)

// writer writes the canonical form.
type writer struct{ strings.Builder }

// put writes n so that it can stand where at least that level is needed.
func (w *writer) put(n node, at level) {
	if n.level() < at {
		w.WriteByte('(')
		n.write(w)
		w.WriteByte(')')
		return
	}
	n.write(w)
}

func (w *writer) putList(nodes []node, at level, between string) {
	for i, n := range nodes {
		if i > 0 {
			w.WriteString(between)
		}
		w.put(n, at)
	}
}

func (w *writer) putBinary(left node, at level, op string, right node, rightAt level) {
	w.put(left, at)
	w.WriteString(" " + op + " ")
	w.put(right, rightAt)
}

func (w *writer) putQuoted(s, quote string) {
	w.WriteString(quote + strings.ReplaceAll(s, quote, quote+quote) + quote)
}

func (w *writer) putOperator(h *header, negated bool, operator string) {
	h.write(w)
	if negated {
		w.WriteString(" NOT")
	}
	w.WriteString(" " + operator + " ")
}

func (*header) level() level         { return primaryLevel }
func (text) level() level            { return primaryLevel }
func (boolean) level() level         { return primaryLevel }
func (number) level() level          { return signLevel }
func (*sign) level() level           { return signLevel }
func (*compareNumbers) level() level { return testLevel }
func (*compareTexts) level() level   { return testLevel }
func (*compareTruths) level() level  { return testLevel }
func (*compareHeaders) level() level { return testLevel }
func (*between) level() level        { return testLevel }
func (*in) level() level             { return testLevel }
func (*like) level() level           { return testLevel }
func (*isNull) level() level         { return testLevel }
func (*not) level() level            { return notLevel }
func (*and) level() level            { return andLevel }
func (*or) level() level             { return orLevel }

func (n *arithmetic) level() level {
	if n.op == '+' || n.op == '-' {
		return sumLevel
	}
	return productLevel
}

func (h *header) write(w *writer) {
	switch {
	case h.field != nil:
		w.WriteString(h.field.jms)
	case isName(h.name) && !isReserved(h.name):
		w.WriteString(h.name)
	default:
		w.putQuoted(h.name, `"`)
	}
}

func (t text) write(w *writer)   { w.putQuoted(string(t), "'") }
func (n number) write(w *writer) { w.WriteString(n.String()) }

func (b boolean) write(w *writer) {
	if b {
		w.WriteString("TRUE")
	} else {
		w.WriteString("FALSE")
	}
}

func (n *sign) write(w *writer) {
	w.WriteByte(n.op)
	if inner, ok := n.of.(*sign); ok && inner.op == n.op {
		w.WriteByte(' ') // -- begins a comment in SQL
	}
	w.put(n.of, signLevel)
}

func (n *arithmetic) write(w *writer) {
	w.putBinary(n.left, n.level(), string(n.op), n.right, n.level()+1)
}

func (n *compareNumbers) write(w *writer) { n.op.write(w, n.left, n.right) }
func (n *compareTexts) write(w *writer)   { n.op.write(w, n.left, n.right) }
func (n *compareTruths) write(w *writer)  { n.op.write(w, n.left, n.right) }
func (n *compareHeaders) write(w *writer) { n.op.write(w, n.left, n.right) }

func (r relation) write(w *writer, left, right node) {
	w.putBinary(left, sumLevel, string(r), right, sumLevel)
}

func (n *between) write(w *writer) {
	w.put(n.value, sumLevel)
	if n.negated {
		w.WriteString(" NOT")
	}
	w.WriteString(" BETWEEN ")
	w.putBinary(n.low, sumLevel, "AND", n.high, sumLevel)
}

func (n *in) write(w *writer) {
	w.putOperator(n.header, n.negated, "IN")
	for i, s := range n.list {
		if i == 0 {
			w.WriteByte('(')
		} else {
			w.WriteString(", ")
		}
		w.putQuoted(s, "'")
	}
	w.WriteByte(')')
}

func (n *like) write(w *writer) {
	w.putOperator(n.header, n.negated, "LIKE")
	w.putQuoted(n.text, "'")
	if n.escape != 0 {
		w.WriteString(" ESCAPE ")
		w.putQuoted(string(n.escape), "'")
	}
}

func (n *isNull) write(w *writer) {
	n.header.write(w)
	if n.negated {
		w.WriteString(" IS NOT NULL")
	} else {
		w.WriteString(" IS NULL")
	}
}

func (n *not) write(w *writer) {
	w.WriteString("NOT ")
	w.put(n.of, notLevel)
}

func (n *and) write(w *writer) { w.putList(n.terms, notLevel, " AND ") }
func (n *or) write(w *writer)  { w.putList(n.terms, andLevel, " OR ") }
