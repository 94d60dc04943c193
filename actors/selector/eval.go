package selector

// lookup gives a header of a message.
//
// The functions below reach each other by name, after a switch over the types of nodes, and not as methods of an interface:
// so the compiler sees that none of them keeps the lookup, and what a caller makes for it stays on the caller's stack.
type lookup = func(name string) (value string, present bool)

func (h *header) value(get lookup) (string, bool) {
	value, present := get(h.name)
	if h.field != nil {
		return h.field.value(value, present)
	}
	return value, present
}

// textOf is false for NULL.
func textOf(n node, get lookup) (string, bool) {
	if h, ok := n.(*header); ok {
		return h.value(get)
	}
	return string(n.(text)), true
}

// numberOf is false where there is no number: a header that is not there, or is not one, and results that don't exist.
func numberOf(n node, get lookup) (number, bool) {
	switch n := n.(type) {
	case *header:
		value, present := n.value(get)
		if !present {
			return number{}, false
		}
		return parseNumber(value)
	case *arithmetic:
		left, ok := numberOf(n.left, get)
		if !ok {
			return number{}, false
		}
		right, ok := numberOf(n.right, get)
		if !ok {
			return number{}, false
		}
		return calculate(n.op, left, right)
	case *sign:
		of, ok := numberOf(n.of, get)
		if n.op == '-' {
			of = of.negate()
		}
		return of, ok
	default:
		return n.(number), true
	}
}

func truthOf(n node, get lookup) truth {
	switch n := n.(type) {
	case *header:
		switch value, _ := n.value(get); value {
		case "true":
			return isTrue
		case "false":
			return isFalse
		default:
			return isUnknown
		}
	case boolean:
		return truthful(bool(n))
	case *compareTexts:
		left, ok := textOf(n.left, get)
		if !ok {
			return isUnknown
		}
		right, ok := textOf(n.right, get)
		if !ok {
			return isUnknown
		}
		return n.op.ofEqual(left == right)
	case *compareNumbers:
		return compare(n.op, n.left, n.right, get)
	case *compareHeaders:
		return n.truth(get)
	case *compareTruths:
		left := truthOf(n.left, get)
		if left == isUnknown {
			return isUnknown
		}
		right := truthOf(n.right, get)
		if right == isUnknown {
			return isUnknown
		}
		return n.op.ofEqual(left == right)
	case *between:
		return n.truth(get)
	case *in:
		value, present := n.header.value(get)
		if !present {
			return isUnknown
		}
		return truthful(n.has(value)).negatedIf(n.negated)
	case *like:
		value, present := n.header.value(get)
		if !present {
			return isUnknown
		}
		return truthful(n.pattern.matches(value)).negatedIf(n.negated)
	case *isNull:
		_, present := n.header.value(get)
		return truthful(present == n.negated)
	case *not:
		return -truthOf(n.of, get)
	case *and:
		result := isTrue
		for _, term := range n.terms {
			if result = min(result, truthOf(term, get)); result == isFalse {
				break
			}
		}
		return result
	default:
		result := isFalse
		for _, term := range n.(*or).terms {
			if result = max(result, truthOf(term, get)); result == isTrue {
				break
			}
		}
		return result
	}
}

func compare(op relation, left, right node, get lookup) truth {
	a, ok := numberOf(left, get)
	if !ok {
		return isUnknown
	}
	b, ok := numberOf(right, get)
	if !ok {
		return isUnknown
	}
	return op.holds(a.compare(b))
}

func (n *compareHeaders) truth(get lookup) truth {
	left, ok := n.left.value(get)
	if !ok {
		return isUnknown
	}
	right, ok := n.right.value(get)
	if !ok {
		return isUnknown
	}
	if a, ok := parseNumber(left); ok {
		if b, ok := parseNumber(right); ok {
			return n.op.holds(a.compare(b))
		}
	}
	return n.op.ofEqual(left == right)
}

// truth is value >= low AND value <= high: a value beyond the one bound is not between them, whatever the other one is.
func (n *between) truth(get lookup) truth {
	value, ok := numberOf(n.value, get)
	if !ok {
		return isUnknown
	}
	result := isUnknown
	if low, ok := numberOf(n.low, get); ok {
		result = truthful(value.compare(low) >= 0)
	}
	if result != isFalse {
		upper := isUnknown
		if high, ok := numberOf(n.high, get); ok {
			upper = truthful(value.compare(high) <= 0)
		}
		result = min(result, upper)
	}
	return result.negatedIf(n.negated)
}

// has looks through short lists, because that is faster than to hash.
func (n *in) has(value string) bool {
	if n.set != nil {
		_, ok := n.set[value]
		return ok
	}
	for _, s := range n.list {
		if s == value {
			return true
		}
	}
	return false
}
