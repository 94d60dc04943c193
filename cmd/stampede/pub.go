package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"time"
	"unicode/utf8"

	"stampede/stompwire"
)

// goodbye bounds how long a client waits for the receipt of its DISCONNECT.
const goodbye = 10 * time.Second

// underway is how many messages pub sends before it waits for the receipt of the first of them.
const underway = 256

func pubCommand() command {
	return command{
		name: "pub", args: "DESTINATION [BODY]", summary: "publish messages",
		about: `BODY is the message. Without it, or with "-", the standard input is the message, or with
--lines many messages. Exit status 0 means that the broker has taken all of them.
` + aboutConnecting,
		example: `  stampede pub /topic/news "Hello"
  stampede pub /queue/orders --file order.json --header content-type:application/json
  tail -f access.log | stampede pub --lines /topic/log
  stampede pub --url ws://localhost:61613/ --header priority:9 --count 3 /queue/work "Do it"
  stampede pub /queue/numbers -- -5`,
		prepare: func(f *flags) func(context.Context, stdio, []string) error {
			p := &publisher{flags: f, connection: connectionFlags(f)}
			p.file = f.String("file", "", "the content of this `FILE` is the message")
			p.lines = f.Bool("lines", false, "every line of the standard input is a message")
			p.count = f.Int("count", 1, "publish the message `N` times")
			p.receipt = f.Bool("receipt", true, "wait until the broker has taken each message;\n--receipt=false waits once, at the end")
			f.Var(&p.header, "header", "add `NAME:VALUE` to each message; may be repeated")
			return p.run
		},
	}
}

// publisher is the pub command with its flags.
type publisher struct {
	*connection
	flags          *flags
	file           *string
	lines, receipt *bool
	count          *int
	header         headerFlag
}

func (p *publisher) run(ctx context.Context, io stdio, env []string) error {
	if err := p.check(); err != nil {
		return err
	}
	body, err := p.body(io.in)
	if err != nil {
		return err
	}
	c, err := p.connect(ctx, env)
	if err != nil {
		return err
	}
	defer c.close()

	out := &outgoing{c: c, destination: p.flags.rest[0], header: p.header, receipt: *p.receipt}
	if *p.lines {
		err = out.sendLines(ctx, io.in)
	} else {
		for i := 0; i < *p.count && err == nil; i++ {
			err = out.send(ctx, body)
		}
	}
	if err == nil {
		err = out.settle(ctx, 0)
	}
	if err != nil {
		return err
	}
	bye, cancel := context.WithTimeoutCause(ctx, goodbye, errors.New("the broker did not confirm the end"))
	defer cancel()
	return c.disconnect(bye)
}

func (p *publisher) check() error {
	switch n := len(p.flags.rest); {
	case n == 0:
		return usagef("a DESTINATION is needed")
	case n > 2:
		return usagef("unexpected argument %q; a BODY of several words needs quotes", p.flags.rest[2])
	case n == 2 && *p.file != "":
		return usagef("a BODY and --file are one too many")
	case n == 2 && *p.lines && p.flags.rest[1] != "-":
		return usagef("a BODY and --lines are one too many")
	case *p.lines && *p.file != "":
		return usagef("--lines reads the standard input; write: stampede pub --lines … < %s", *p.file)
	case *p.lines && p.flags.given("count"):
		return usagef("--lines and --count are one too many")
	case *p.count < 1:
		return usagef("--count is 1 or more")
	}
	return p.header.refuse(map[string]string{
		"destination": "it is the first argument", "receipt": "pub asks for receipts itself",
		"content-length": "it is counted", "transaction": "pub has no transactions",
	})
}

// body is the message, but with --lines, when there is more than one.
func (p *publisher) body(in io.Reader) ([]byte, error) {
	switch {
	case *p.lines:
		return nil, nil
	case *p.file != "":
		data, err := os.ReadFile(*p.file)
		if err != nil {
			return nil, unreadable("--file", *p.file, err)
		}
		return data, nil
	case len(p.flags.rest) == 2 && p.flags.rest[1] != "-":
		return []byte(p.flags.rest[1]), nil
	}
	data, err := io.ReadAll(in)
	if err != nil {
		return nil, unreadable("the standard", "input", err)
	}
	return data, nil
}

// outgoing sends messages to one destination. It does not wait for each receipt before the next message: the way there
// and back would bound the rate.
type outgoing struct {
	c           *client
	destination string
	header      headerFlag
	receipt     bool
	open        []*receipt // in the order sent
}

func (o *outgoing) send(ctx context.Context, body []byte) error {
	header := o.header.wire()
	if !o.header.has("content-type") && len(body) > 0 {
		kind := "application/octet-stream"
		if utf8.Valid(body) {
			kind = "text/plain" // which is UTF-8 in STOMP
		}
		header = append(header, stompwire.Field{Name: "content-type", Value: kind})
	}
	if !o.receipt {
		return o.c.sendUnconfirmed(ctx, o.destination, header, body)
	}
	r, err := o.c.send(ctx, o.destination, header, body)
	if err != nil {
		return err
	}
	o.open = append(o.open, r)
	return o.settle(ctx, underway)
}

// settle waits until no more than n receipts are outstanding.
func (o *outgoing) settle(ctx context.Context, n int) error {
	for len(o.open) > n {
		if err := o.open[0].wait(ctx); err != nil {
			return err
		}
		o.open = o.open[1:]
	}
	return nil
}

// sendLines sends each line without its end. A last line without one counts.
func (o *outgoing) sendLines(ctx context.Context, in io.Reader) error {
	lines := make(chan []byte)
	failed := make(chan error, 1)
	// A read can't be interrupted, so it has a goroutine that the end of the program may leave behind.
	go func() {
		defer close(lines)
		r := bufio.NewReader(in)
		for {
			line, err := r.ReadBytes('\n')
			if len(line) > 0 {
				line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
				select {
				case lines <- line:
				case <-ctx.Done():
					return
				}
			}
			if err == io.EOF {
				return
			}
			if err != nil {
				failed <- unreadable("the standard", "input", err)
				return
			}
		}
	}()
	for {
		select {
		case line, more := <-lines:
			if !more {
				select {
				case err := <-failed:
					return err
				default:
					return nil
				}
			}
			if err := o.send(ctx, line); err != nil {
				return err
			}
		case <-o.c.done:
			return o.c.failure() // Nobody might ever type the next line.
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
