package selector

import (
	"math"
	"math/big"
	"strings"
	"testing"
)

// A header is a number if it is digits with a sign, a point and an exponent at most, and exact if it fits into 64 bits.
func TestHeadersThatAreNumbers(t *testing.T) {
	for s, want := range map[string]number{
		"0": exactly(0), "-0": exactly(0), "+7": exactly(7), "007": exactly(7), "-12": exactly(-12),
		"9223372036854775807":        exactly(math.MaxInt64),
		"9223372036854775808":        {approx: 1 << 63},
		"-9223372036854775808":       exactly(math.MinInt64),
		"-9223372036854775809":       {approx: -(1 << 63)},
		"18446744073709551616":       {approx: 1 << 64},
		"99999999999999999999999999": {approx: 1e26},
		"1.5":                        {approx: 1.5},
		"5.":                         {approx: 5},
		".5":                         {approx: .5},
		"-.5e1":                      {approx: -5},
		"1e3":                        {approx: 1000},
		"1E-3":                       {approx: .001},
		"1e+3":                       {approx: 1000},
		"1e-999":                     {approx: 0},
		strings.Repeat("0", maxNumberLength-1) + "1": exactly(1),
	} {
		if got, ok := parseNumber(s); !ok || got != want {
			t.Errorf("%q is %v, %v; want %v", s, got, ok, want)
		}
	}
	for _, s := range []string{
		"", " ", "-", "+", ".", "-.", "e", "e5", ".e5", "1e", "1e+", "1 ", " 1", "1\n", "--1", "1.2.3", "1,5", "1_000", "0x10", "0x1p4",
		"Inf", "-inf", "NaN", "infinity", "1e999", "-1e999", "1L", "1.5f", "٣", "1a", strings.Repeat("0", maxNumberLength) + "1",
	} {
		if got, ok := parseNumber(s); ok {
			t.Errorf("%q is the number %v; it is none", s, got)
		}
	}
}

// Exact arithmetic is right wherever the result fits into 64 bits and comes out even, and approximate everywhere else.
func TestArithmeticOfExactNumbers(t *testing.T) {
	var edges []int64
	for _, i := range []int64{0, 2, 3, 7, 1 << 31, 1 << 32, 3037000499, 3037000500, 1 << 53, 1 << 62, math.MaxInt64, math.MinInt64} {
		edges = append(edges, i, i-1, i+1, -i, -i-1, -i+1)
	}
	for _, a := range edges {
		if got := exactly(a).negate(); got.exact != (a != math.MinInt64) || got.float() != -float64(a) {
			t.Errorf("-(%d) is %v", a, got)
		}
		for _, b := range edges {
			x, y := big.NewInt(a), big.NewInt(b)
			for _, op := range []byte("+-*/") {
				want := new(big.Int)
				even := true
				switch op {
				case '+':
					want.Add(x, y)
				case '-':
					want.Sub(x, y)
				case '*':
					want.Mul(x, y)
				case '/':
					if b == 0 {
						if got, ok := calculate(op, exactly(a), exactly(b)); ok {
							t.Errorf("%d / 0 is %v", a, got)
						}
						continue
					}
					var rest big.Int
					want.QuoRem(x, y, &rest)
					even = rest.Sign() == 0
				}
				got, ok := calculate(op, exactly(a), exactly(b))
				if !ok || got.exact != (even && want.IsInt64()) || got.exact && got.whole != want.Int64() {
					t.Errorf("%d %c %d is %v, %v; want %v", a, op, b, got, ok, want)
				}
				if approx, _ := new(big.Float).SetInt(want).Float64(); even && !got.exact && math.Abs(got.approx/approx-1) > 1e-15 {
					t.Errorf("%d %c %d is %v; want about %v", a, op, b, got, want)
				}
			}
		}
	}
}

// What is beyond the approximate numbers, or a division by zero of either sign, has no result.
func TestArithmeticWithoutAResult(t *testing.T) {
	zero, huge := number{approx: 0}, number{approx: math.MaxFloat64}
	for _, c := range []struct {
		op   byte
		a, b number
	}{{'+', huge, huge}, {'-', huge.negate(), huge}, {'*', huge, exactly(2)}, {'/', huge, number{approx: .5}}, {'/', exactly(1), zero}, {'/', huge, zero.negate()}, {'/', zero, zero}, {'/', zero, exactly(0)}} {
		if got, ok := calculate(c.op, c.a, c.b); ok {
			t.Errorf("%v %c %v is %v", c.a, c.op, c.b, got)
		}
	}
}

// The two spellings of a number are equal, and exact numbers are told apart where approximate ones can't be.
func TestNumbersCompare(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"5", "5.0", 0},
		{"5", "5.5", -1},
		{"0", "-0.0", 0},
		{"1e3", "1000", 0},
		{"-1", "1", -1},
		{"9007199254740993", "9007199254740992", 1},
		{"9007199254740993", "9007199254740992.0", 0}, // promoted as Java does it
		{"9223372036854775807", "9223372036854775808", 0},
	} {
		a, _ := parseNumber(c.a)
		b, _ := parseNumber(c.b)
		if a.compare(b) != c.want || b.compare(a) != -c.want {
			t.Errorf("%s compared with %s is %d and back %d; want %d", c.a, c.b, a.compare(b), b.compare(a), c.want)
		}
	}
}
