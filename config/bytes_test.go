package config

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Sizes are read with binary and decimal units, with and without a fraction, and nothing else is.
func TestParseBytes(t *testing.T) {
	for text, want := range map[string]Bytes{
		"0": 0, "1": 1, "4096": 4096, "0B": 0, "512B": 512, "1KB": 1000, "1kB": 1000, "1KiB": 1024, "64MiB": 64 << 20,
		"64 MiB": 64 << 20, " 2 GB ": 2e9, "1.5KiB": 1536, "0.5 MiB": 512 << 10, "1TiB": 1 << 40, "1TB": 1e12,
		"9223372036854775807": math.MaxInt64, "007": 7,
	} {
		if got, err := ParseBytes(text); err != nil || got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", " ", "B", "KiB", "-1", "+1", "1e3", "0x10", "1_000", "1.5", "1.0001KiB", "1,5KiB", "64MIB", "64mib", "64 M", "1K", "1..5KiB",
		"9223372036854775808", "9223372036854775807KiB", "8388608TiB", "9999999.5TiB", "NaN", "Inf", "1 KiB 2", "１KiB",
	} {
		if got, err := ParseBytes(text); err == nil {
			t.Errorf("%q was read as %d", text, got)
		}
	}
}

// Every size reads back from what it prints.
func TestBytesRoundTrip(t *testing.T) {
	sizes := []Bytes{0, 1, 999, 1000, 1023, 1024, 1025, math.MaxInt64}
	r := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		n := Bytes(r.Int64N(1 << r.IntN(63)))
		unit := units[r.IntN(len(units))].size
		sizes = append(sizes, n, n%1000*unit)
	}
	for _, b := range sizes {
		if got, err := ParseBytes(b.String()); err != nil || got != b {
			t.Errorf("%d prints %s and reads %d, %v", int64(b), b, int64(got), err)
		}
	}
	for b, want := range map[Bytes]string{0: "0B", 1000: "1KB", 1024: "1KiB", 64 << 20: "64MiB", 1025: "1025B", 1500: "1500B"} {
		if b.String() != want {
			t.Errorf("%d: %s, want %s", int64(b), b, want)
		}
	}
}
