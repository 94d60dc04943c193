package selector

import (
	"cmp"
	"math"
	"strconv"
	"strings"
)

// maxNumberLength is how long a header can be, in octets, that is taken for a number. Without it every arithmetic
// expression of a selector would read through a header of any length.
const maxNumberLength = 64

// number is an exact number, a whole one of 64 bits, or an approximate one, which is always finite.
type number struct {
	exact  bool
	whole  int64
	approx float64
}

func exactly(i int64) number { return number{exact: true, whole: i} }

// approximately is false for what has no place on the number line: the value is unknown then.
func approximately(f float64) (number, bool) {
	return number{approx: f}, !math.IsInf(f, 0) && !math.IsNaN(f)
}

func (n number) float() float64 {
	if n.exact {
		return float64(n.whole)
	}
	return n.approx
}

func (n number) isZero() bool { return n.float() == 0 }

// compare follows the numeric promotion of Java, as JMS demands: beside an approximate number an exact one becomes
// approximate.
func (n number) compare(m number) int {
	if n.exact && m.exact {
		return cmp.Compare(n.whole, m.whole)
	}
	return cmp.Compare(n.float(), m.float())
}

// negate and calculate leave the exact numbers where a result does not fit into 64 bits: a bound that is off by a
// rounding is of more use than the wrapped value Java would give.
func (n number) negate() number {
	if n.exact && n.whole != math.MinInt64 {
		return exactly(-n.whole)
	}
	return number{approx: -n.float()}
}

// calculate is false where there is no result: division by zero, or beyond the approximate numbers.
func calculate(op byte, a, b number) (number, bool) {
	if a.exact && b.exact {
		if whole, ok := calculateExactly(op, a.whole, b.whole); ok {
			return exactly(whole), true
		}
	}
	x, y := a.float(), b.float()
	switch op {
	case '+':
		return approximately(x + y)
	case '-':
		return approximately(x - y)
	case '*':
		return approximately(x * y)
	default:
		if y == 0 {
			return number{}, false
		}
		return approximately(x / y)
	}
}

// calculateExactly is false where the result is not a whole number of 64 bits. That includes a quotient that does not come
// out even: headers carry no types, and 5 / 2 must not depend on whether a sender wrote 5 or 5.0.
func calculateExactly(op byte, a, b int64) (int64, bool) {
	switch op {
	case '+':
		sum := a + b
		return sum, (sum > a) == (b > 0)
	case '-':
		difference := a - b
		return difference, (difference < a) == (b > 0)
	case '*':
		if a == 0 || b == 0 {
			return 0, true
		}
		product := a * b
		// The quotient of MinInt64 and -1 wraps too, so that it would not show.
		wraps := a == -1 && b == math.MinInt64 || b == -1 && a == math.MinInt64
		return product, !wraps && product/b == a
	default:
		if b == 0 || b == -1 && a == math.MinInt64 || a%b != 0 {
			return 0, false
		}
		return a / b, true
	}
}

// parseNumber reads a header as a number: digits with or without a sign, a point and an exponent, and nothing else, no
// blanks either. Without point and exponent it is exact if it fits into 64 bits.
func parseNumber(s string) (number, bool) {
	if len(s) > maxNumberLength {
		return number{}, false
	}
	digits := s
	if strings.HasPrefix(s, "-") || strings.HasPrefix(s, "+") {
		digits = s[1:]
	}
	if digits == "" {
		return number{}, false
	}
	if countDigits(digits) == len(digits) {
		if whole, ok := parseWhole(digits, s[0] == '-'); ok {
			return exactly(whole), true
		}
	} else if lengthOfDecimal(digits) != len(digits) {
		return number{}, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return number{}, false
	}
	return approximately(f)
}

// lengthOfDecimal is how long the decimal number is that s begins with, 0 if there is none. strconv decides the value, but
// not what a number is: it takes Inf, 0x1p4 and 1_000 as well.
func lengthOfDecimal(s string) int {
	n := countDigits(s)
	digits := n
	if strings.HasPrefix(s[n:], ".") {
		fraction := countDigits(s[n+1:])
		digits += fraction
		n += 1 + fraction
	}
	if digits == 0 {
		return 0
	}
	if n == len(s) || s[n] != 'e' && s[n] != 'E' {
		return n
	}
	e := n + 1
	if e < len(s) && (s[e] == '+' || s[e] == '-') {
		e++
	}
	exponent := countDigits(s[e:])
	if exponent == 0 {
		return n
	}
	return e + exponent
}

func countDigits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// parseWhole reads digits. It is here because strconv.ParseInt allocates to say why something is not a number, and most
// headers are not.
func parseWhole(digits string, negative bool) (int64, bool) {
	const most = math.MaxInt64
	var n uint64
	for i := range len(digits) {
		d := uint64(digits[i] - '0')
		if n > (most+1-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	if negative {
		return -int64(n), true // of 2^63 the conversion makes MinInt64, and its negation leaves that alone
	}
	return int64(n), n <= most
}

// String gives a literal that Parse reads as the same number.
func (n number) String() string {
	if n.exact {
		return strconv.FormatInt(n.whole, 10)
	}
	s := strconv.FormatFloat(n.approx, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}
