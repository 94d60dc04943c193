package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// flags is a flag set that takes flags and arguments in any order, the way people type them.
type flags struct {
	*flag.FlagSet
	help bool
	rest []string // arguments that are not flags
}

func newFlags(name string) *flags {
	f := &flags{FlagSet: flag.NewFlagSet(name, flag.ContinueOnError)}
	f.SetOutput(io.Discard) // package flag would print all flags at every mistake; a hint is enough
	f.Usage = func() {}
	return f
}

// parse reads args. Behind "--" nothing is a flag.
func (f *flags) parse(args []string) error {
	for {
		err := f.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			f.help = true
			return nil
		}
		if err != nil {
			return usageError{f.explain(err)}
		}
		left := f.Args()
		if used := len(args) - len(left); used > 0 && args[used-1] == "--" {
			f.rest = append(f.rest, left...)
			return nil
		}
		if len(left) == 0 {
			return nil
		}
		f.rest = append(f.rest, left[0])
		args = left[1:]
	}
}

var invalidValue = regexp.MustCompile(`(?s)^invalid (?:boolean )?value (".*") for (?:flag )?-([^:]+): (.*)$`)

// explain puts what package flag says into the words of our own messages.
func (f *flags) explain(err error) string {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		return "unknown flag " + dashes(name)
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		return dashes(name) + " needs a value"
	}
	if m := invalidValue.FindStringSubmatch(text); m != nil {
		value, name, why := m[1], m[2], m[3]
		if why == "parse error" {
			why = "that is not what it takes"
			switch f.Lookup(name).Value.(flag.Getter).Get().(type) {
			case time.Duration:
				why = "write a time like 10s, 500ms or 1m30s"
			case bool:
				why = "is true or false"
			case int, float64:
				why = "is a number"
			}
		}
		return fmt.Sprintf("%s %s: %s", dashes(name), value, why)
	}
	return text
}

func dashes(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// noArguments is for commands that take flags only.
func (f *flags) noArguments() error {
	if len(f.rest) > 0 {
		return usagef("unexpected argument %q", f.rest[0])
	}
	return nil
}

// given says whether the user set a flag, be it to its default.
func (f *flags) given(name string) bool {
	found := false
	f.Visit(func(fl *flag.Flag) { found = found || fl.Name == name })
	return found
}

// headerFlag is a flag that may be repeated, each time with one name:value.
type headerFlag []field

type field struct{ name, value string }

// String implements flag.Value.
func (h *headerFlag) String() string { return "" }

// Set implements flag.Value. Colons behind the first belong to the value.
func (h *headerFlag) Set(text string) error {
	name, value, ok := strings.Cut(text, ":")
	if !ok || name == "" {
		return fmt.Errorf("a header is NAME:VALUE")
	}
	if strings.ContainsAny(text, "\r\n\x00") {
		return fmt.Errorf("a header is one line")
	}
	*h = append(*h, field{name, value})
	return nil
}

// refuse returns an error if the user set one of the headers that the command sets itself.
func (h headerFlag) refuse(instead map[string]string) error {
	for _, f := range h {
		if use, ok := instead[f.name]; ok {
			return usagef("--header %s: %s", f.name, use)
		}
	}
	return nil
}

func (h headerFlag) has(name string) bool {
	for _, f := range h {
		if f.name == name {
			return true
		}
	}
	return false
}

// lookup returns a variable of an environment in the form of os.Environ; the last one of the name counts.
func lookup(env []string, name string) string {
	value := ""
	for _, entry := range env {
		if n, v, ok := strings.Cut(entry, "="); ok && n == name {
			value = v
		}
	}
	return value
}

// printable keeps what a stranger sent from giving orders to the terminal: every control character but newline and tab
// is shown as an escape.
func printable(s string) string {
	if !strings.ContainsFunc(s, forbidden) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case forbidden(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// forbidden also covers the marks that turn the direction of text: they make a line read as another one.
func forbidden(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
}
