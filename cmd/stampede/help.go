package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

func helpCommand() command {
	return command{
		name: "help", args: "[COMMAND]", summary: "explain a command",
		about: "Without a command, lists them all.",
		prepare: func(f *flags) func(context.Context, stdio, []string) error {
			return func(_ context.Context, io stdio, _ []string) error {
				switch len(f.rest) {
				case 0:
					writeOverview(io.out)
					return nil
				case 1:
					c, ok := find(f.rest[0])
					if !ok {
						return usagef("unknown command %q", f.rest[0])
					}
					of := newFlags(c.name)
					c.prepare(of)
					writeHelp(io.out, c, of)
					return nil
				}
				return usagef("one command at a time")
			}
		},
	}
}

func writeOverview(w io.Writer) {
	fmt.Fprint(w, `Stampede is a STOMP message broker for programs and web pages.

Usage:
  stampede [COMMAND] [FLAGS] [ARGUMENTS]

Commands:
`)
	columns := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, c := range commands() {
		fmt.Fprintf(columns, "  %s\t%s\n", c.name, c.summary)
	}
	columns.Flush()
	fmt.Fprint(w, `
A first try, in three terminals:
  stampede                                run a broker; no command means serve
  stampede sub /topic/news                print what is said there
  stampede pub /topic/news "Hello"        say something

And in a browser, in the console of the page http://localhost:61613/:
  ws = new WebSocket("ws://localhost:61613/")
  ws.onmessage = e => console.log(e.data)
  ws.onopen = () => ws.send("CONNECT\n\n\0" + "SUBSCRIBE\ndestination:/topic/news\n\n\0")

Type "stampede help COMMAND" for flags and examples of a command.
`)
}

func writeHelp(w io.Writer, c command, f *flags) {
	usage := "stampede " + c.name
	has := false
	f.VisitAll(func(*flag.Flag) { has = true })
	if has {
		usage += " [FLAGS]"
	}
	if c.args != "" {
		usage += " " + c.args
	}
	fmt.Fprintf(w, "stampede %s: %s.\n\nUsage:\n  %s\n", c.name, c.summary, usage)
	if c.about != "" {
		fmt.Fprintf(w, "\n%s\n", strings.TrimSpace(c.about))
	}
	if has {
		fmt.Fprint(w, "\nFlags:\n")
		columns := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
		f.VisitAll(func(fl *flag.Flag) {
			value, text := flag.UnquoteUsage(fl)
			name := dashes(fl.Name)
			if value != "" {
				name += " " + value
			}
			if d := fl.DefValue; d != "" && d != "false" && d != "0" && d != "0s" {
				text += " (default " + d + ")"
			}
			for i, line := range strings.Split(text, "\n") {
				if i > 0 {
					name = ""
				}
				fmt.Fprintf(columns, "  %s\t%s\n", name, line)
			}
		})
		columns.Flush()
	}
	if c.example != "" {
		fmt.Fprintf(w, "\nExamples:\n%s\n", strings.TrimRight(c.example, "\n"))
	}
}
