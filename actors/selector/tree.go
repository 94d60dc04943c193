package selector

// node is a part of a selector that was understood. What may stand where was settled when it was made.
type node interface {
	level() level
	write(w *writer)
}

// Values. A number is one too, see number.go.
type (
	header struct {
		name  string // in the message
		field *field // nil: the header as it is
	}
	text    string
	boolean bool
	sign    struct { // before something that is no literal
		op byte
		of node
	}
	arithmetic struct {
		op          byte
		left, right node
	}
)

// Conditions. A header or a boolean can be one too.
type (
	compareNumbers struct {
		op          relation
		left, right node
	}
	compareTexts struct {
		op          relation
		left, right node
	}
	compareTruths struct {
		op          relation
		left, right node
	}
	compareHeaders struct { // as numbers if they are, else as strings
		op          relation
		left, right *header
	}
	between struct {
		negated          bool
		value, low, high node
	}
	in struct {
		negated bool
		header  *header
		list    []string
		set     map[string]struct{} // nil for short lists
	}
	like struct {
		negated bool
		header  *header
		pattern pattern
		text    string // of the pattern
		escape  rune   // 0: none
	}
	isNull struct {
		negated bool
		header  *header
	}
	not struct{ of node }
	and struct{ terms []node }
	or  struct{ terms []node }
)

// relation is = <> < <= > or >=.
type relation string

func (r relation) isOrder() bool { return r != "=" && r != "<>" }

// holds says what a comparison comes to, from the sign of left minus right.
func (r relation) holds(difference int) truth {
	switch r {
	case "=":
		return truthful(difference == 0)
	case "<>":
		return truthful(difference != 0)
	case "<":
		return truthful(difference < 0)
	case "<=":
		return truthful(difference <= 0)
	case ">":
		return truthful(difference > 0)
	default:
		return truthful(difference >= 0)
	}
}

func (r relation) ofEqual(equal bool) truth { return truthful(equal == (r == "=")) }
