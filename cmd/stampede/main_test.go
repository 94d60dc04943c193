package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what should come at once. It only ever passes when something is broken.
const patience = 20 * time.Second

// result is how a command ended and what it said.
type result struct {
	code     int
	out, err string
}

// stampede runs the program in this process and waits for its end.
func stampede(t *testing.T, stdin string, env []string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out, err bytes.Buffer
	code := run(ctx, args, stdio{in: strings.NewReader(stdin), out: &out, err: &err}, env)
	if ctx.Err() != nil {
		t.Errorf("stampede %s did not end by itself", strings.Join(args, " "))
	}
	return result{code, out.String(), err.String()}
}

// background is a command that runs while the test does other things.
type background struct {
	t         *testing.T
	out, err  *lines
	interrupt func()
	hangUp    func() // what SIGHUP does
	code      chan int
	ended     bool
}

// start runs the program in this process on a goroutine of its own. The test ends it, or else the cleanup does.
func start(t *testing.T, stdin io.Reader, env []string, args ...string) *background {
	t.Helper()
	ctx, stop := context.WithCancelCause(context.Background())
	b := &background{t: t, out: newLines(), err: newLines(), interrupt: func() { stop(errInterrupted) }, code: make(chan int, 1)}
	if stdin == nil {
		stdin = strings.NewReader("")
	}
	signals := make(chan os.Signal, 1)
	b.hangUp = func() { signals <- syscall.SIGHUP }
	hangups := func() (<-chan os.Signal, func()) { return signals, func() {} }
	go func() { b.code <- run(ctx, args, stdio{in: stdin, out: b.out, err: b.err, hangups: hangups}, env) }()
	t.Cleanup(func() {
		b.interrupt()
		if !b.ended {
			b.wait()
		}
	})
	return b
}

// wait returns the exit status.
func (b *background) wait() int {
	b.t.Helper()
	b.ended = true
	select {
	case code := <-b.code:
		return code
	case <-time.After(patience):
		b.t.Fatalf("the command does not end; it said\n%s\n%s", b.out, b.err)
		return -1
	}
}

// lines collects what a command writes and lets a test wait for a line of it.
type lines struct {
	mu    sync.Mutex
	text  []byte
	grown chan struct{}
}

func newLines() *lines { return &lines{grown: make(chan struct{})} }

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	close(l.grown)
	l.grown = make(chan struct{})
	return len(p), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

// await returns the first line that contains part.
func (l *lines) await(t *testing.T, part string) string {
	t.Helper()
	deadline := time.After(patience)
	for {
		l.mu.Lock()
		text, grown := string(l.text), l.grown
		l.mu.Unlock()
		for line := range strings.Lines(text) {
			if strings.HasSuffix(line, "\n") && strings.Contains(line, part) {
				return strings.TrimSuffix(line, "\n")
			}
		}
		select {
		case <-grown:
		case <-deadline:
			t.Fatalf("no line with %q came, only:\n%s", part, text)
		}
	}
}
