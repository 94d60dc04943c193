package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is a size in bytes. In a file it is a string with a unit, "64MiB" or "1KB", or a plain number of bytes. Units
// with an i are powers of 1024, those without are powers of 1000.
type Bytes int64

// The binary units.
const (
	KiB Bytes = 1 << 10
	MiB Bytes = 1 << 20
	GiB Bytes = 1 << 30
	TiB Bytes = 1 << 40
)

var units = []struct {
	name string
	size Bytes
}{ // Longest names first: "KiB" must not be taken for a number that ends in "Ki" and the unit "B".
	{"TiB", TiB},
	{"GiB", GiB},
	{"MiB", MiB},
	{"KiB", KiB},
	{"TB", 1e12},
	{"GB", 1e9},
	{"MB", 1e6},
	{"KB", 1e3},
	{"kB", 1e3},
	{"B", 1},
}

// ParseBytes reads a size as a configuration file has it: "64MiB", "1.5 GiB", "1KB", "512B" or "4096". The result is a
// whole number of bytes, never negative.
func ParseBytes(s string) (Bytes, error) {
	bad := func(why string) (Bytes, error) {
		return 0, fmt.Errorf("%.40q is not a size: %s; write it like \"64MiB\" (1024s), \"64MB\" (1000s) or a number of bytes", s, why)
	}
	number, unit := strings.TrimSpace(s), Bytes(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(rest), u.size
			break
		}
	}
	if number == "" {
		return bad("there is no number")
	}
	if strings.Trim(number, "0123456789.") != "" {
		return bad("it is not a number and a unit")
	}
	whole, err := strconv.ParseInt(number, 10, 64)
	if err == nil {
		if whole > math.MaxInt64/int64(unit) {
			return bad("it is too large")
		}
		return Bytes(whole) * unit, nil
	}
	if errors.Is(err, strconv.ErrRange) {
		return bad("it is too large")
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return bad("it is not a number and a unit")
	}
	f *= float64(unit)
	// Above 2^53 a float no longer tells neighbouring bytes apart; nobody writes such sizes with a fraction.
	if f > 1<<53 {
		return bad("it is too large for a fraction")
	}
	if f != math.Trunc(f) {
		return bad("it is not a whole number of bytes")
	}
	return Bytes(f), nil
}

// String writes the size with the largest unit that divides it, binary or decimal, so that ParseBytes gives the same
// size back.
func (b Bytes) String() string {
	if b == 0 {
		return "0B"
	}
	best := units[len(units)-1]
	for _, u := range units {
		if b%u.size == 0 && u.size > best.size {
			best = u
		}
	}
	return strconv.FormatInt(int64(b/best.size), 10) + best.name
}
