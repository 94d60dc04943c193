package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"stampede/actors/journal"
	"stampede/stompwire"
)

func journalCommand() command {
	return command{
		name: "journal", args: "cat|replay [PATH…]", summary: "read what was sent to destinations, or send it again",
		about: `cat prints the messages that destinations with log_messages have taken. replay sends them
again: to a broker, each to its destination, or all to one with --to. A PATH is a journal's
directory, that of a destination in it, or a file; without one it is journal.directory of the
configuration. The messages come destination by destination, each in the order they were taken.

--since and --until take a moment, as in 2026-01-31, 2026-01-31T15:04:05 (of this place) or
2026-01-31T15:04:05Z, or how long ago it was, as in 90m.

Formats are those of "stampede sub"; the header journal-time says when a message was taken. What
a crash has cut off, or a disk has damaged, is told on the standard error, and the rest is read.
A message that is sent again has lost expires, expiration and delay; original-message-id is
what message-id was.
` + aboutConnecting,
		example: `  stampede journal cat -c stampede.toml --destination '/topic/prices.*' --since 1h
  stampede journal cat --format json /var/lib/stampede/journal | jq .body
  stampede journal replay -c stampede.toml --destination /queue/orders --since 2026-01-31
  stampede journal replay --to /queue/again --url tcp://localhost:61614 ./journal/%2Fqueue%2Forders`,
		prepare: func(f *flags) func(context.Context, stdio, []string) error {
			j := &journalReader{flags: f, file: configFlag(f), connection: connectionFlags(f)}
			f.Var(&j.destinations, "destination", "only of this `NAME`; a * at its end stands for anything; may be repeated")
			f.Func("since", "only from this `TIME` on", func(text string) (err error) { j.since, err = parseMoment(text); return err })
			f.Func("until", "only before this `TIME`", func(text string) (err error) { j.until, err = parseMoment(text); return err })
			j.format = f.String("format", "pretty", "cat: print messages in this `FORM`: pretty, raw or json")
			j.end = f.String("end", `\n`, "cat: `TEXT` behind each body in raw")
			j.to = f.String("to", "", "replay: send all to this `DESTINATION`")
			return j.run
		},
	}
}

// journalReader is the journal command with its flags.
type journalReader struct {
	*connection
	flags           *flags
	file            *string
	destinations    nameFlag
	since, until    func(now time.Time) time.Time // nil: no bound
	format, end, to *string
}

// nameFlag is a flag that may be repeated.
type nameFlag []string

// String implements flag.Value.
func (n *nameFlag) String() string { return "" }

// Set implements flag.Value.
func (n *nameFlag) Set(text string) error {
	*n = append(*n, text)
	return nil
}

// matches tells whether a name was asked for.
func (n nameFlag) matches(name string) bool {
	for _, wanted := range n {
		if prefix, open := strings.CutSuffix(wanted, "*"); wanted == name || open && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return len(n) == 0
}

// parseMoment reads a moment, or how long ago it was.
func parseMoment(text string) (func(now time.Time) time.Time, error) {
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return func(now time.Time) time.Time { return now.Add(-ago) }, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return func(time.Time) time.Time { return t }, nil
		}
	}
	return nil, errors.New("a time is like 2026-01-31, 2026-01-31T15:04:05, 2026-01-31T15:04:05Z or 90m")
}

func (j *journalReader) run(ctx context.Context, io stdio, env []string) error {
	if len(j.flags.rest) == 0 {
		return usagef("cat or replay is needed")
	}
	what, paths := j.flags.rest[0], j.flags.rest[1:]
	switch what {
	case "cat":
		if *j.to != "" {
			return usagef("--to is for replay")
		}
	case "replay":
	default:
		return usagef("there are cat and replay, not %q", what)
	}
	write, err := printer(*j.format, *j.end)
	if err != nil {
		return err
	}
	if len(paths) == 0 {
		cfg, err := load(*j.file, env)
		if err != nil {
			return explain(io, "journal", err)
		}
		if cfg.Journal.Directory == "" {
			return usagef("a PATH is needed, or a configuration with journal.directory")
		}
		paths = []string{cfg.Journal.Directory}
	}
	files, err := filesOf(paths)
	if err != nil {
		return err
	}
	if what == "cat" {
		return journal.Read(files, j.query(io), func(r *journal.Record) error {
			if ctx.Err() != nil {
				return errShown
			}
			if err := write(io.out, recorded(r)); err != nil {
				return &outputError{err}
			}
			return nil
		})
	}
	return j.replay(ctx, io, env, files)
}

func filesOf(paths []string) ([]journal.File, error) {
	var all []journal.File
	for _, path := range paths {
		files, err := journal.Files(path)
		if err != nil {
			return nil, unreadable("the journal", path, err)
		}
		all = append(all, files...)
	}
	return all, nil
}

func (j *journalReader) query(io stdio) journal.Query {
	now := time.Now()
	q := journal.Query{Destination: j.destinations.matches}
	if j.since != nil {
		q.From = j.since(now)
	}
	if j.until != nil {
		q.To = j.until(now)
	}
	q.Problem = func(f journal.File, err error) {
		fmt.Fprintf(io.err, "stampede journal: %s: %v\n", oneLine(f.Path), err)
	}
	return q
}

// recorded is a record as it is printed.
func recorded(r *journal.Record) *message {
	m := &message{Frame: stompwire.Frame{Command: stompwire.Message, Body: r.Body}}
	m.Header = append(stompwire.Header{
		{Name: "destination", Value: r.Destination},
		{Name: "message-id", Value: r.ID},
		{Name: "journal-time", Value: r.Time.Format(time.RFC3339Nano)},
	}, r.Header...)
	return m
}

// replay sends what was recorded.
func (j *journalReader) replay(ctx context.Context, io stdio, env []string, files []journal.File) error {
	c, err := j.connect(ctx, env)
	if err != nil {
		return err
	}
	defer c.close()
	out := &outgoing{c: c, receipt: true}
	count := 0
	err = journal.Read(files, j.query(io), func(r *journal.Record) error {
		count++
		return out.again(ctx, r, *j.to)
	})
	if err == nil {
		err = out.settle(ctx, 0)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(io.err, "stampede journal: sent %d messages\n", count)
	bye, cancel := context.WithTimeoutCause(ctx, goodbye, errors.New("the broker did not confirm the end"))
	defer cancel()
	return c.disconnect(bye)
}

// again sends a record, to its destination or to another.
func (o *outgoing) again(ctx context.Context, rec *journal.Record, to string) error {
	header := make([]stompwire.Field, 0, len(rec.Header)+1)
	original := stompwire.Field{Name: "original-message-id", Value: rec.ID}
	for _, f := range rec.Header {
		switch f.Name {
		case "expires", "expiration", "delay": // of its first life
		case original.Name:
			original = f // it was sent again before
		default:
			header = append(header, f)
		}
	}
	if to == "" {
		to = rec.Destination
	}
	r, err := o.c.send(ctx, to, append(header, original), rec.Body)
	if err != nil {
		return err
	}
	o.open = append(o.open, r)
	return o.settle(ctx, underway)
}
