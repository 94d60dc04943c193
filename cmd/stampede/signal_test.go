//go:build unix

package main

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stampede/stompwire"
)

// process is the program as a process of its own.
type process struct {
	*exec.Cmd
	t        *testing.T
	out, err *lines
	in       io.WriteCloser
	exited   chan struct{}
}

// launch starts a built program. It is killed when the test ends, if it still runs.
func launch(t *testing.T, binary string, env []string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(binary, args...), t: t, out: newLines(), err: newLines(), exited: make(chan struct{})}
	p.Env = append(withoutSettings(os.Environ()), env...)
	p.Stdout, p.Stderr = p.out, p.err
	var err error
	if p.in, err = p.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.Process.Kill()
		<-p.exited
	})
	return p
}

// withoutSettings leaves out what whoever runs the tests has set for brokers of their own.
func withoutSettings(env []string) []string {
	var kept []string
	for _, entry := range env {
		if !strings.HasPrefix(entry, "STAMPEDE_") {
			kept = append(kept, entry)
		}
	}
	return kept
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.Process.Signal(s); err != nil {
		p.t.Error(err)
	}
}

// end waits for the process and returns its exit status.
func (p *process) end() int {
	p.t.Helper()
	select {
	case <-p.exited:
		return p.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatalf("the process does not end; it said\n%s\n%s", p.out, p.err)
		return -1
	}
}

// clog connects a client that subscribes and then reads no more, and publishes more to it than sockets hold by
// themselves, so that some of it is stuck in the broker.
func clog(t *testing.T, address string) {
	t.Helper()
	stuck, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stuck.Close() })
	io.WriteString(stuck, "CONNECT\naccept-version:1.2\nhost:x\n\n\x00SUBSCRIBE\nid:1\ndestination:/topic/x\nreceipt:r\n\n\x00")
	in := frameReader{conn: stuck, decoder: stompwire.NewDecoder(stompwire.Limits{})}
	for range 2 { // CONNECTED, RECEIPT
		var f stompwire.Frame
		if err := in.next(&f); err != nil {
			t.Fatal(err)
		}
	}
	large := file(t, "large", strings.Repeat("x", 15<<20))
	if r := stampede(t, "", nil, "pub", "--url", "tcp://"+address, "--file", large, "--count", "2", "/topic/x"); r != (result{}) {
		t.Fatalf("got %+v", r)
	}
}

// The process behaves as a shell or a service manager expects of it, from its first line to its exit status.
func TestProcess(t *testing.T) {
	if testing.Short() {
		t.Skip("needs to run without -short: builds the program")
	}
	binary := filepath.Join(t.TempDir(), "stampede")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	serve := func(t *testing.T, env ...string) (*process, string) {
		t.Helper()
		p := launch(t, binary, env, "serve", "--listen", "127.0.0.1:0")
		return p, addressIn(t, p.out.await(t, "Listening on 127.0.0.1:"))
	}

	for name, signal := range map[string]syscall.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": syscall.SIGINT} {
		// The broker ends with status 0 on the signal, and tells clients why before it goes.
		t.Run(name+" ends serve in good order", func(t *testing.T) {
			broker, address := serve(t)
			c := dial(t, "tcp://"+address, options{})
			broker.signal(signal)
			if _, err := c.next(t.Context()); err == nil || !strings.Contains(err.Error(), "(shutdown)") {
				t.Errorf("the client was told %v", err)
			}
			if code := broker.end(); code != exitOK {
				t.Errorf("ended with %d: %s", code, broker.err)
			}
		})
	}

	// Without a control socket reload and stop find the broker by its pid_file, and say so when there is none.
	t.Run("reload and stop by the pid_file", func(t *testing.T) {
		const conf = "pid_file = \"s.pid\"\ncontrol.address = \"\"\n"
		path := file(t, "s.toml", conf+"[[listen]]\naddress = \"127.0.0.1:0\"\n")
		ask := func(args ...string) *process {
			t.Helper()
			p := launch(t, binary, nil, append(args, "-c", path)...)
			p.end()
			return p
		}
		if p := ask("reload"); p.ProcessState.ExitCode() != exitFailed || !strings.Contains(p.err.String(), "no broker runs with the pid_file") {
			t.Errorf("without a broker: %s", p.err)
		}
		broker := launch(t, binary, nil, "-c", path)
		address := addressIn(t, broker.out.await(t, "Listening on 127.0.0.1:"))
		c := dial(t, "tcp://"+address, options{})
		if p := launch(t, binary, nil, "-c", path); p.end() != exitFailed || !strings.Contains(p.err.String(), "belongs to the broker with the process number") {
			t.Errorf("a second broker: %s", p.err)
		}
		if p := ask("-s", "reload"); p.ProcessState.ExitCode() != exitOK || !strings.Contains(p.out.String(), "asked process") {
			t.Errorf("reload: %s", p.err)
		}
		broker.err.await(t, `"msg":"reloaded"`)
		rewrite(t, path, conf+"login = 5\n")
		broker.signal(syscall.SIGHUP)
		if line := broker.err.await(t, "not reloaded"); !strings.Contains(line, "s.toml:3: login") {
			t.Errorf("logged %s", line)
		}
		rewrite(t, path, conf)
		if p := ask("-s", "quit"); p.ProcessState.ExitCode() != exitOK {
			t.Errorf("stop: %s", p.err)
		}
		if _, err := c.next(t.Context()); err == nil || !strings.Contains(err.Error(), "(shutdown)") {
			t.Errorf("the client was told %v", err)
		}
		if code := broker.end(); code != exitOK {
			t.Errorf("ended with %d: %s", code, broker.err)
		}
		if p := ask("stop"); p.ProcessState.ExitCode() != exitFailed || !strings.Contains(p.err.String(), "no broker runs") {
			t.Errorf("stopped twice: %s", p.err)
		}
		rewrite(t, filepath.Join(filepath.Dir(path), "s.pid"), "1\n")
		if p := ask("stop"); p.ProcessState.ExitCode() != exitFailed || !strings.Contains(p.err.String(), "left behind") {
			t.Errorf("a file that was left behind: %s", p.err)
		}
	})

	// A second signal ends the broker at once, though a client has not taken what it was sent.
	t.Run("a second signal ends serve at once", func(t *testing.T) {
		broker, address := serve(t, "STAMPEDE_SHUTDOWN_DRAIN_TIMEOUT=1h", "STAMPEDE_SESSION_LINGER=1m")
		clog(t, address)
		broker.signal(syscall.SIGTERM)
		broker.err.await(t, "shutting down")
		select {
		case <-broker.exited:
			t.Fatal("it did not wait for the client")
		default:
		}
		broker.signal(syscall.SIGTERM)
		if code := broker.end(); code != exitFailed || !strings.Contains(broker.err.String(), "told twice to end") {
			t.Errorf("ended with %d: %s", code, broker.err)
		}
	})

	// A client that does not read can't hold the end up for longer than the configuration gives.
	t.Run("the end is bounded", func(t *testing.T) {
		broker, address := serve(t, "STAMPEDE_SHUTDOWN_DRAIN_TIMEOUT=100ms", "STAMPEDE_SESSION_LINGER=100ms")
		clog(t, address)
		broker.signal(syscall.SIGTERM)
		if code := broker.end(); code != exitOK {
			t.Errorf("ended with %d: %s", code, broker.err)
		}
	})

	// What a person at a terminal does: pipes go in and out, Ctrl-C ends sub with status 0, and pub with 1.
	t.Run("pub and sub at a terminal", func(t *testing.T) {
		_, address := serve(t)
		env := []string{envURL + "=tcp://" + address}
		sub := launch(t, binary, env, "sub", "/topic/x", "--format", "raw")
		sub.err.await(t, "subscribed to /topic/x")
		pub := launch(t, binary, env, "pub", "--lines", "/topic/x")
		typing := bufio.NewWriter(pub.in)
		typing.WriteString("hello\nthere\n")
		typing.Flush()
		sub.out.await(t, "there")
		pub.signal(syscall.SIGINT)
		if code := pub.end(); code != exitFailed || pub.err.String() != "stampede pub: interrupted\n" {
			t.Errorf("pub ended with %d: %s", code, pub.err)
		}
		sub.signal(syscall.SIGINT)
		if code := sub.end(); code != exitOK || sub.out.String() != "hello\nthere\n" {
			t.Errorf("sub ended with %d, %q, %s", code, sub.out, sub.err)
		}
	})

	// A port in use is one line and status 1.
	t.Run("a port in use", func(t *testing.T) {
		_, address := serve(t)
		second := launch(t, binary, nil, "--listen", address)
		if code := second.end(); code != exitFailed || strings.Count(second.err.String(), "\n") != 1 || !strings.Contains(second.err.String(), "address already in use") {
			t.Errorf("ended with %d: %s", code, second.err)
		}
	})

	// Settings of the client's environment don't disturb a broker, nor a broker's the client.
	t.Run("one environment for both", func(t *testing.T) {
		env := []string{"STAMPEDE_LOGIN=me", "STAMPEDE_PASSCODE=sesame", envLogin + "=me", envPasscode + "=sesame"}
		_, address := serve(t, env...)
		pub := launch(t, binary, append(env, envURL+"=ws://"+address+"/"), "pub", "/topic/x", "y")
		if code := pub.end(); code != exitOK || pub.err.String() != "" {
			t.Errorf("ended with %d: %s", code, pub.err)
		}
	})
}
