package config

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	// File is the file's name as it was given, or "environment"; empty if the configuration was made by a program.
	File string
	// Line counts from 1; 0 if there is none to name.
	Line int
	// Key is the full name of the key, "limits.max_body_bytes" or "listen[1].address", or of the variable; empty if the
	// problem is with the file itself.
	Key string
	// Text says what is wrong and what would be right.
	Text string
}

// Error returns "file:line: key: text" without the parts that are not known.
func (p Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			b.WriteByte(':')
			b.WriteString(strconv.Itoa(p.Line))
		}
		b.WriteString(": ")
	}
	if p.Key != "" {
		b.WriteString(p.Key)
		b.WriteString(": ")
	}
	b.WriteString(p.Text)
	return b.String()
}

// Problems is everything that is wrong with a configuration, in the order of the file, what the environment has last.
type Problems []Problem

// Error returns one line for each problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find the single problems.
func (p Problems) Unwrap() []error {
	errs := make([]error, len(p))
	for i := range p {
		errs[i] = p[i]
	}
	return errs
}

// ProblemsOf returns the problems that err holds, or nil if it is another kind of error.
func ProblemsOf(err error) Problems {
	var p Problems
	if errors.As(err, &p) {
		return p
	}
	return nil
}

func (p Problems) sort() {
	slices.SortStableFunc(p, func(a, b Problem) int {
		if c := cmp.Compare(fileRank(a), fileRank(b)); c != 0 {
			return c
		}
		return cmp.Compare(a.Line, b.Line)
	})
}

func fileRank(p Problem) int {
	if p.File == environment {
		return 1
	}
	return 0
}

// orNil avoids the trap of a nil slice in a non-nil error.
func (p Problems) orNil() error {
	if len(p) == 0 {
		return nil
	}
	p.sort()
	return p
}
