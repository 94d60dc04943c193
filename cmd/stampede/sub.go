package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"stampede/stompwire"
)

// The pause between two tries to reconnect doubles from the first to the second.
const (
	reconnectMin = 250 * time.Millisecond
	reconnectMax = 15 * time.Second
)

func subCommand() command {
	return command{
		name: "sub", args: "DESTINATION…", summary: "subscribe, and print the messages that come",
		about: `Ends with --count messages, or when interrupted: then it unsubscribes and says goodbye.

A message of a queue counts as taken once it is printed (--ack client-individual); what was
sent but not printed goes back, and the next consumer sees it marked redelivered. --ack auto
is faster and gives that up.

Formats: pretty shows headers and text for people; raw writes bodies alone; json writes one
object in a line for each message, with "destination", "headers", and "body", or
"body_base64" if that is not UTF-8.
` + aboutConnecting,
		example: `  stampede sub /topic/news
  stampede sub --format json '/topic/sensors.*' | jq .body
  stampede sub --count 1 --format raw --end '' /queue/files > file
  stampede sub --url ws://localhost:61613/ --ack client --prefetch 10 /queue/work
  stampede sub --reconnect /topic/news`,
		prepare: func(f *flags) func(context.Context, stdio, []string) error {
			s := &subscriber{flags: f, connection: connectionFlags(f)}
			s.format = f.String("format", "pretty", "print messages in this `FORM`: pretty, raw or json")
			s.end = f.String("end", `\n`, "`TEXT` behind each body in raw; \\n and \\0 mean what they do in C")
			s.ack = f.String("ack", "client-individual", "`MODE` is auto, client or client-individual")
			s.selector = f.String("selector", "", "only messages for which this `CONDITION` holds")
			s.count = f.Int("count", 0, "end after `N` messages; 0: never")
			s.prefetch = f.Int("prefetch", 0, "take at most `N` messages that are not acknowledged; 0: as the broker likes")
			s.reconnect = f.Bool("reconnect", false, "connect again whenever the connection is lost")
			f.Var(&s.header, "header", "add `NAME:VALUE` to SUBSCRIBE; may be repeated")
			return s.run
		},
	}
}

// subscriber is the sub command with its flags.
type subscriber struct {
	*connection
	flags                      *flags
	format, end, ack, selector *string
	count, prefetch            *int
	reconnect                  *bool
	header                     headerFlag

	seen int // messages printed so far, over all connections
}

func (s *subscriber) run(ctx context.Context, io stdio, env []string) error {
	if err := s.check(); err != nil {
		return err
	}
	write, err := printer(*s.format, *s.end)
	if err != nil {
		return err
	}
	for pause := reconnectMin; ; pause = min(2*pause, reconnectMax) {
		connected, err := s.session(ctx, io, env, write)
		if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
			return nil // That is how one ends it.
		}
		if err == nil || ctx.Err() != nil || !*s.reconnect || !passes(err) {
			return err
		}
		if connected {
			pause = reconnectMin
		}
		// A broker that comes back should not meet all its clients in the same moment.
		wait := pause/2 + rand.N(pause/2)
		fmt.Fprintf(io.err, "stampede sub: %s; trying again in %v\n", oneLine(err.Error()), wait.Round(time.Millisecond))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

// passes says whether an error may be gone at the next try. What the broker refused, it will refuse again.
func passes(err error) bool {
	var refused *brokerError
	if errors.As(err, &refused) {
		return slices.Contains([]string{"shutdown", "dest flup", "internal error", "slow consumer", "heart-beat timeout", "login timeout"}, refused.code)
	}
	return !errors.As(err, new(usageError)) && !errors.As(err, new(*outputError))
}

func (s *subscriber) check() error {
	switch {
	case len(s.flags.rest) == 0:
		return usagef("a DESTINATION is needed")
	case !slices.Contains([]string{"auto", "client", "client-individual"}, *s.ack):
		return usagef("--ack is auto, client or client-individual, not %q", *s.ack)
	case *s.count < 0:
		return usagef("--count is 0 or more")
	case *s.prefetch < 0:
		return usagef("--prefetch is 0 or more")
	case *s.prefetch > 0 && *s.ack == "auto":
		return usagef("--prefetch and --ack auto are one too many: what is acknowledged at once is never counted")
	}
	return s.header.refuse(map[string]string{
		"destination": "it is an argument", "ack": "use --ack", "id": "sub names its subscriptions itself",
		"receipt": "sub asks for receipts itself", "selector": "use --selector", "prefetch-count": "use --prefetch",
	})
}

// session is one connection from beginning to end. connected says whether it came to subscribing.
func (s *subscriber) session(ctx context.Context, io stdio, env []string, write writeMessage) (connected bool, err error) {
	c, err := s.connect(ctx, env)
	if err != nil {
		return false, err
	}
	defer c.close()
	var all []*subscription
	for _, destination := range s.flags.rest {
		sub, err := c.subscribe(ctx, destination, *s.ack, s.subscribeHeader())
		if err != nil {
			return len(all) > 0, err
		}
		all = append(all, sub)
		fmt.Fprintf(io.err, "stampede sub: subscribed to %s\n", destination)
	}
	err = s.receive(ctx, c, io.out, write)
	if err != nil && ctx.Err() == nil {
		return true, err
	}
	if c.failure() != nil {
		return true, err
	}
	// ctx may have ended, which is no reason to leave without a word.
	bye, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), goodbye, errors.New("the broker did not confirm the end"))
	defer cancel()
	for _, sub := range all {
		if err := c.unsubscribe(bye, sub); err != nil {
			return true, err
		}
	}
	return true, c.disconnect(bye)
}

func (s *subscriber) subscribeHeader() []stompwire.Field {
	header := s.header.wire()
	set := func(name, value string) { header = append(header, stompwire.Field{Name: name, Value: value}) }
	if *s.selector != "" {
		set("selector", *s.selector)
	}
	prefetch := *s.prefetch
	if left := *s.count - s.seen; prefetch == 0 && *s.count > 0 && left < 100 && *s.ack != "auto" {
		prefetch = left // More would have to go back, and another consumer could not get it meanwhile.
	}
	if prefetch > 0 {
		set("prefetch-count", strconv.Itoa(prefetch))
	}
	return header
}

// receive prints messages until there are enough, or ctx or the connection ends.
func (s *subscriber) receive(ctx context.Context, c *client, out io.Writer, write writeMessage) error {
	for *s.count == 0 || s.seen < *s.count {
		m, err := c.next(ctx)
		if err != nil {
			return err
		}
		if err := write(out, m); err != nil {
			// Somebody else may be able to use it.
			err = &outputError{err}
			return errors.Join(err, c.nack(ctx, m))
		}
		s.seen++
		// Only now: a message that could not be printed must not be lost.
		if err := c.ack(context.WithoutCancel(ctx), m); err != nil {
			return err
		}
	}
	return nil
}

// outputError is a standard output that takes no more.
type outputError struct{ cause error }

// Error names the place.
func (e *outputError) Error() string { return "can't write to the standard output: " + e.cause.Error() }

// Unwrap returns the cause.
func (e *outputError) Unwrap() error { return e.cause }
