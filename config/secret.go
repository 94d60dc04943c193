package config

import (
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what a Secret shows of itself.
const Redacted = "[redacted]"

// Secret is a string that does not show itself: in no verb of fmt (but %p, which never asks its operand and which go vet
// refuses for strings), not in slog, JSON or TOML. Reveal gives it out.
type Secret string

// Reveal returns the secret itself, for comparing it.
func (s Secret) Reveal() string { return string(s) }

func (s Secret) shown() string {
	if s == "" {
		return "" // That there is none is no secret, and a reader of the effective configuration needs to know.
	}
	return Redacted
}

// Format implements fmt.Formatter. It rather than String, because a wrong verb (%d) would print the value.
func (s Secret) Format(w fmt.State, verb rune) {
	if verb == 'q' || (verb == 'v' && w.Flag('#')) {
		fmt.Fprintf(w, "%q", s.shown())
		return
	}
	io.WriteString(w, s.shown())
}

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.shown()) }

// MarshalText implements encoding.TextMarshaler.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.shown()), nil }

// String implements fmt.Stringer.
func (s Secret) String() string { return s.shown() }
