package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// What a program or a person can tell from the exit status.
const (
	exitOK     = 0
	exitFailed = 1 // it was tried and did not work; one line on the standard error says why
	exitUsage  = 2 // the command line makes no sense
)

// stdio is where a command reads and writes. Tests have their own.
type stdio struct {
	in       io.Reader
	out, err io.Writer
	// hangups begins to listen for SIGHUP, until stop is called; nil: there is none. Commands that do not ask are ended
	// by one, like any other program.
	hangups func() (signals <-chan os.Signal, stop func())
}

// command is one sub-command. Each has a file of its own name.
type command struct {
	name    string
	args    string // behind the name in the usage line
	summary string // one line of the list of commands
	about   string // what help says of it
	example string // lines that can be pasted
	// prepare declares the flags and returns what runs once they are parsed. ctx ends when the user wants it to.
	prepare func(f *flags) func(ctx context.Context, io stdio, env []string) error
}

// commands in the order in which help lists them.
func commands() []command {
	return []command{serveCommand(), checkCommand(), configCommand(), reloadCommand(), stopCommand(), pubCommand(), subCommand(), treeCommand(), benchCommand(), journalCommand(), userCommand(), tokenCommand(), versionCommand(), helpCommand()}
}

func find(name string) (command, bool) {
	for _, c := range commands() {
		if c.name == name {
			return c, true
		}
	}
	return command{}, false
}

// usageError is a command line that makes no sense.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// errShown is a failure whose reasons were already printed.
var errShown = errors.New("shown")

// run is the whole program but for the process around it: it never exits and touches nothing global.
func run(ctx context.Context, args []string, io stdio, env []string) int {
	name, rest := choose(args)
	c, ok := find(name)
	if !ok {
		names := make([]string, 0, 16)
		for _, c := range commands() {
			names = append(names, c.name)
		}
		fmt.Fprintf(io.err, "stampede: unknown command %q; there are %s; try: stampede help\n", name, strings.Join(names, ", "))
		return exitUsage
	}

	f := newFlags(c.name)
	do := c.prepare(f)
	err := f.parse(rest)
	if err == nil && f.help {
		writeHelp(io.out, c, f)
		return exitOK
	}
	if err == nil {
		err = do(ctx, io, env)
	}
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(io.err, "stampede %s: %s; try: stampede help %s\n", c.name, usage.text, c.name)
		return exitUsage
	case !errors.Is(err, errShown):
		fmt.Fprintf(io.err, "stampede %s: %s\n", c.name, oneLine(err.Error()))
	}
	return exitFailed
}

// choose takes the sub-command off the arguments. None means serve; so do flags alone, but for those that every program
// has and the ones that users of xtomp have in their fingers.
func choose(args []string) (name string, rest []string) {
	if len(args) == 0 {
		return "serve", nil
	}
	switch args[0] {
	case "-h", "-help", "--help":
		return "help", args[1:]
	case "-v", "-version", "--version":
		return "version", args[1:]
	case "-t":
		return "check", args[1:]
	}
	if strings.HasPrefix(args[0], "-") {
		if i := slices.Index(args, "-s"); i >= 0 && i+1 < len(args) {
			name = args[i+1]
			if name == "quit" {
				name = "stop" // xtomp's slow end is the only one there is
			}
			return name, slices.Concat(args[:i], args[i+2:])
		}
		return "serve", args
	}
	return args[0], args[1:]
}

// oneLine makes a message that came from elsewhere fit for one line of a terminal.
func oneLine(s string) string {
	return strings.Join(strings.Fields(printable(s)), " ")
}
