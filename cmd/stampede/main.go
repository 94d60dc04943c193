// Command stampede is a STOMP message broker and the clients that a person at a terminal needs for it.
//
// Type "stampede help" for what it can do.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// errInterrupted is what is said of work that a signal has cut short.
var errInterrupted = errors.New("interrupted")

func main() {
	ctx, stop := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		stop(errInterrupted) // the first asks for a good end
		<-signals
		os.Stderr.WriteString("stampede: told twice to end: ended at once, and what was under way is lost\n")
		os.Exit(exitFailed) // the second means it
	}()
	os.Exit(run(ctx, os.Args[1:], stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr, hangups: hangups}, os.Environ()))
}

func hangups() (<-chan os.Signal, func()) {
	signals := make(chan os.Signal, 1) // several that come at once are one wish
	signal.Notify(signals, syscall.SIGHUP)
	return signals, func() { signal.Stop(signals) }
}
