package stomptest

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/actors"
	"stampede/config"
)

// Transport is a way to reach a broker.
type Transport string

// The transports that [Broker.Open] knows.
const (
	TCP       Transport = "tcp"
	WebSocket Transport = "websocket"
	Pipe      Transport = "pipe"
)

// Transports is all of them.
var Transports = []Transport{TCP, WebSocket, Pipe}

// Broker is a broker in the test's process, on a loopback port of its own.
type Broker struct {
	t      testing.TB
	config *config.Config
	how    Options
	log    *watch

	mu      sync.Mutex
	running *actors.Broker
	address string
	failed  []string
	stopped func()
	watched sync.WaitGroup
}

// Options are what a test may want to share with a broker. The zero value is fine.
type Options struct {
	// System is an actor system that several brokers live in. A broker starts in a tenth of a millisecond then, and in
	// ten with one of its own.
	System *actor.ActorSystem
	// Clock is the clock that the broker runs on; nil: the machine's.
	Clock *Clock
}

// Start runs a broker with the default configuration as settings change it. It is shut down when the test ends; a
// panic in it, an event of supervision or a logged error fails the test.
func Start(t testing.TB, settings ...func(*config.Config)) *Broker {
	t.Helper()
	return Options{}.Start(t, settings...)
}

// Start is [Start] with options.
func (o Options) Start(t testing.TB, settings ...func(*config.Config)) *Broker {
	t.Helper()
	c := config.Default()
	c.Listen[0].Address = "127.0.0.1:0"
	for _, set := range settings {
		if set != nil {
			set(c)
		}
	}
	b := &Broker{t: t, config: c, how: o, log: &watch{}}
	if err := b.start(); err != nil {
		t.Fatalf("start the broker: %v", err)
	}
	held := b
	t.Cleanup(func() {
		held.end()
		held = nil // package testing keeps this function until the last test of the family has ended
	})
	return b
}

// end shuts the broker down, and fails the test for what went wrong in it.
func (b *Broker) end() {
	b.t.Helper()
	if err := b.Stop(); err != nil {
		b.t.Errorf("shut the broker down: %v", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, what := range append(b.failed, b.log.errors()...) {
		b.t.Errorf("inside the broker: %s", what)
	}
	if b.t.Failed() {
		b.t.Logf("the broker's log:\n%s", b.log.tail())
	}
}

func (b *Broker) start() error {
	options := []actors.Option{
		actors.WithVersion("test"),
		actors.WithLogger(slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))),
	}
	if b.how.System != nil {
		options = append(options, actors.WithActorSystem(b.how.System))
	}
	if b.how.Clock != nil {
		options = append(options, actors.WithClock(b.how.Clock))
	}
	running, err := actors.Start(context.Background(), b.config, options...)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running = running
	if addresses := running.Addrs(); len(addresses) > 0 {
		b.address = addresses[0].String()
		b.config.Listen[0].Address = b.address // a restarted broker comes back where it was
	}
	ctx, cancel := context.WithCancel(context.Background())
	events := running.Events(ctx)
	b.stopped = cancel // closes events
	b.watched.Go(func() {
		for e := range events {
			if e.Kind.Supervision() {
				b.mu.Lock()
				b.failed = append(b.failed, strings.Join([]string{string(e.Kind), e.Role, e.Actor, e.Cause, e.Stack}, " "))
				b.mu.Unlock()
			}
		}
	})
	return nil
}

// Running gives the broker that runs now.
func (b *Broker) Running() *actors.Broker {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.running
}

// Address gives the loopback address and port.
func (b *Broker) Address() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.address
}

// Stop shuts the broker down and waits for its end.
func (b *Broker) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), Guard)
	defer cancel()
	err := b.Running().Shutdown(ctx)
	b.mu.Lock()
	b.stopped()
	b.mu.Unlock()
	b.watched.Wait()
	return err
}

// Restart shuts the broker down and starts a new one on the same port. It may be called from any goroutine.
func (b *Broker) Restart() error {
	if err := b.Stop(); err != nil {
		return err
	}
	return b.start()
}

// Dial opens a connection without a word of STOMP on it.
func (b *Broker) Dial(over Transport) (net.Conn, error) {
	switch over {
	case Pipe:
		return b.Running().Pipe(), nil
	case WebSocket:
		link, _, err := b.DialWebSocket([]string{"stomp"}, nil)
		return link, err
	default:
		return net.DialTimeout("tcp", b.Address(), Guard)
	}
}

// DialWebSocket opens a WebSocket with these sub-protocols and headers.
func (b *Broker) DialWebSocket(subprotocols []string, header http.Header) (net.Conn, *http.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), Guard)
	defer cancel()
	return DialWebSocket(ctx, "ws://"+b.Address()+"/stomp", subprotocols, header)
}

// Open gives a client that is connected to the broker's listener, and has not sent anything yet.
func (b *Broker) Open(t testing.TB, over Transport) *Conn {
	t.Helper()
	link, err := b.Dial(over)
	if err != nil {
		t.Fatalf("connect over %s: %v", over, err)
	}
	return New(t, link)
}

// Log gives what the broker has logged so far, the last few megabytes of it.
func (b *Broker) Log() string { return b.log.all() }

// logBytes is how much of a broker's log is kept, at most.
const logBytes = 4 << 20

// watch keeps a broker's log.
type watch struct {
	mu   sync.Mutex
	text bytes.Buffer
	bad  []string
}

func (w *watch) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if bytes.Contains(line, []byte("level=ERROR")) {
		w.bad = append(w.bad, string(line))
	}
	if w.text.Len() > logBytes {
		w.text.Next(logBytes / 2) // a long run must not drown in its own log
	}
	return w.text.Write(line)
}

func (w *watch) errors() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bad
}

func (w *watch) all() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// tail is the end of the log, as much as one wants to read in a failure message.
func (w *watch) tail() string {
	text := w.all()
	if len(text) > 8000 {
		text = "…" + text[len(text)-8000:]
	}
	return text
}
