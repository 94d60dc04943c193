package stompwire

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
)

// Redacted stands in logs for a value that nobody should read there.
const Redacted = "[redacted]"

// secretWords are the parts of a header name, in lower case, that make its value
// a secret.
var secretWords = [...]string{"passcode", "password", "authorization", "secret", "token"}

func secret(name string) bool {
	name = strings.ToLower(name)
	for _, word := range secretWords {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// shown is the value of f as it may be logged.
func (f Field) shown() string {
	if secret(f.Name) {
		return Redacted
	}
	return f.Value
}

// String gives name and value, quoted, the value redacted if it is a secret.
func (f Field) String() string { return strconv.Quote(f.Name) + ":" + strconv.Quote(f.shown()) }

// GoString is String, so that %#v shows no secret.
func (f Field) GoString() string { return f.String() }

// Format writes String for every verb.
func (f Field) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, f.String()) }

// String gives all lines, quoted, secrets redacted.
func (h Header) String() string {
	var b strings.Builder
	b.WriteByte('[')
	for i, f := range h {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(f.String())
	}
	b.WriteByte(']')
	return b.String()
}

// GoString is String, so that %#v shows no secret.
func (h Header) GoString() string { return h.String() }

// Format writes String for every verb.
func (h Header) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, h.String()) }

// LogValue is a group with one attribute per line, secrets redacted.
func (h Header) LogValue() slog.Value {
	attrs := make([]slog.Attr, len(h))
	for i, f := range h {
		attrs[i] = slog.String(f.Name, f.shown())
	}
	return slog.GroupValue(attrs...)
}

// String gives the command, the header lines and the length of the body, but
// never the body nor the value of a header that carries a secret (passcode,
// authorization and the like). The same text comes of every fmt verb.
func (f Frame) String() string {
	return string(f.Command) + " " + f.Header.String() + " body=" + strconv.Itoa(len(f.Body))
}

// GoString is String, so that %#v shows no secret.
func (f Frame) GoString() string { return f.String() }

// Format writes String for every verb.
func (f Frame) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, f.String()) }

// LogValue is a group of command, header and body length in octets, with the
// same redactions as String.
func (f Frame) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("command", string(f.Command)),
		slog.Any("header", f.Header),
		slog.Int("body_bytes", len(f.Body)),
	)
}

// MarshalJSON gives what LogValue gives, for a logger that meets a Frame inside of
// something else. It is a view, not an encoding: there is no way back.
func (f Frame) MarshalJSON() ([]byte, error) {
	lines := make([][2]string, len(f.Header))
	for i, field := range f.Header {
		lines[i] = [2]string{field.Name, field.shown()}
	}
	return json.Marshal(struct {
		Command   Command     `json:"command"`
		Header    [][2]string `json:"header"`
		BodyBytes int         `json:"body_bytes"`
	}{f.Command, lines, len(f.Body)})
}
