package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// maxPasscodeBytes is more than any CONNECT could hold.
const maxPasscodeBytes = 4096

// readPasscode reads a passcode: from a person twice and without showing it, else the first line of the input.
func readPasscode(ctx context.Context, s stdio) (string, error) {
	if f, ok := s.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return askPasscode(ctx, f, s.err)
	}
	line, err := bufio.NewReader(io.LimitReader(s.in, maxPasscodeBytes+1)).ReadString('\n')
	line = strings.TrimRight(line, "\r\n")
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return "", fmt.Errorf("can't read the passcode: %w", err)
	case len(line) > maxPasscodeBytes:
		return "", fmt.Errorf("the passcode has more than %d bytes", maxPasscodeBytes)
	case line == "":
		return "", errors.New("there is no passcode on the standard input")
	}
	return line, nil
}

// askPasscode leaves the terminal as it was, also when the user gives up. Nothing is shown from before the first prompt on.
func askPasscode(ctx context.Context, terminal *os.File, out io.Writer) (string, error) {
	before, err := term.MakeRaw(int(terminal.Fd()))
	if err != nil {
		return "", err
	}
	defer func() { _ = term.Restore(int(terminal.Fd()), before) }()
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{terminal, out}, "")
	type answer struct {
		first, second string
		err           error
	}
	answered := make(chan answer, 1)
	go func() {
		var a answer
		if a.first, a.err = t.ReadPassword("Passcode: "); a.err == nil {
			a.second, a.err = t.ReadPassword("Once more: ")
		}
		answered <- a
	}()
	select {
	case <-ctx.Done():
		return "", errors.New("nothing was changed")
	case a := <-answered:
		switch {
		case errors.Is(a.err, io.EOF): // Ctrl-C or Ctrl-D
			return "", errors.New("nothing was changed")
		case a.err != nil:
			return "", fmt.Errorf("can't read the passcode: %w", a.err)
		case a.first != a.second:
			return "", errors.New("the two are not the same; nothing was changed")
		case a.first == "":
			return "", errors.New("the passcode is empty; nothing was changed")
		}
		return a.first, nil
	}
}
