package selector

// truth is a value of the three-valued logic of SQL. The order of its values is what makes the logic short: AND takes the
// smaller one, OR the larger one, and NOT changes the sign.
type truth int8

const (
	isFalse   truth = -1
	isUnknown truth = 0
	isTrue    truth = 1
)

func truthful(b bool) truth {
	if b {
		return isTrue
	}
	return isFalse
}

// negatedIf is NOT t, or t.
func (t truth) negatedIf(negated bool) truth {
	if negated {
		return -t
	}
	return t
}
