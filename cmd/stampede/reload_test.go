package main

import (
	"bytes"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"stampede/config"
)

func rewrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// SIGHUP puts what the file says now in force: another login, another listener, another form of the log. A client that
// was there stays, and each thing that changed is named.
func TestHangUpReloads(t *testing.T) {
	const listen = "[[listen]]\naddress = \"127.0.0.1:0\"\n"
	path := file(t, "s.toml", listen+"[log]\nformat = \"json\"\n")
	b := start(t, nil, nil, "-c", path)
	address := addressIn(t, b.out.await(t, "Listening on 127.0.0.1:"))
	c := dial(t, "tcp://"+address, options{})
	rewrite(t, path, "login = \"me\"\npasscode = \"sesame\"\npid_file = \"/nowhere/x\"\n"+listen+"[[listen]]\nname = \"more\"\naddress = \"127.0.0.1:0\"\n[log]\nformat = \"text\"\nlevel = \"debug\"\n")
	b.hangUp()
	line := b.err.await(t, "msg=reloaded")
	opened := regexp.MustCompile(`opened=\[(\S+)\] closed=\[\]`).FindStringSubmatch(line)
	if opened == nil {
		t.Fatalf("logged %s", line)
	}
	more := opened[1]
	b.out.await(t, "Listening on "+more)
	for _, word := range []string{"login", "passcode", "listen", "log.format", "log.level"} {
		if !strings.Contains(line, word) {
			t.Errorf("%s is not in %s", word, line)
		}
	}
	if strings.Contains(line, "sesame") || strings.Count(b.out.String(), "Listening on "+address) != 1 {
		t.Errorf("said\n%s\n%s", b.out, line)
	}
	if line := b.err.await(t, "takes a restart"); !strings.Contains(line, "pid_file") {
		t.Errorf("logged %s", line)
	}
	for _, address := range []string{address, more} {
		if r := stampede(t, "", nil, "pub", "--url", "tcp://"+address, "/topic/x", "y"); r.code != exitFailed || !strings.Contains(r.err, "auth") {
			t.Errorf("without the new login: %+v", r)
		}
		if r := stampede(t, "", nil, "pub", "--url", "tcp://"+address, "--login", "me", "--passcode", "sesame", "/topic/x", "y"); r.code != exitOK {
			t.Errorf("with the new login: %+v", r)
		}
	}
	if _, err := c.next(t.Context()); err == nil || !strings.Contains(err.Error(), "login withdrawn") {
		t.Errorf("the client that had come in without a login was told %v", err)
	}
	b.interrupt()
	if code := b.wait(); code != exitOK {
		t.Errorf("ended with %d", code)
	}
}

// A file with mistakes changes nothing, and each of them is logged with its line.
func TestHangUpWithMistakes(t *testing.T) {
	path := file(t, "s.toml", "[[listen]]\naddress = \"127.0.0.1:0\"\n")
	b := start(t, nil, nil, "-c", path)
	address := addressIn(t, b.out.await(t, "Listening on 127.0.0.1:"))
	rewrite(t, path, "login = \"me\"\npasscode = \"sesame\"\n[[listen]]\naddress = \"127.0.0.1:0\"\nnonsense = 1\n[log]\nlevel = \"loud\"\n")
	b.hangUp()
	for _, want := range []string{"s.toml:5: listen[0].nonsense", "s.toml:7: log.level"} {
		if line := b.err.await(t, want); !strings.Contains(line, "not reloaded") {
			t.Errorf("logged %s", line)
		}
	}
	if r := stampede(t, "", nil, "pub", "--url", "tcp://"+address, "/topic/x", "y"); r.code != exitOK {
		t.Errorf("after it: %+v", r)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	rewrite(t, path, "login = \"me\"\npasscode = \"sesame\"\n[[listen]]\naddress = \""+taken.Addr().String()+"\"\n")
	b.hangUp()
	b.err.await(t, "address already in use")
	if r := stampede(t, "", nil, "pub", "--url", "tcp://"+address, "/topic/x", "y"); r.code != exitOK {
		t.Errorf("after an address that is taken: %+v", r)
	}
	rewrite(t, path, "")
	b.hangUp()
	b.err.await(t, "s.toml is empty")
	if r := stampede(t, "", nil, "pub", "--url", "tcp://"+address, "/topic/x", "y"); r.code != exitOK {
		t.Errorf("after an empty file: %+v", r)
	}
}

// reload and stop ask the broker by its control socket: what has changed, or is wrong, is told at once.
func TestReloadAndStopByTheControlSocket(t *testing.T) {
	env := privately(t)
	socket := filepath.Join(strings.TrimPrefix(env[0], envRuntimeDir+"="), "c")
	conf := "control.address = \"unix:" + socket + "\"\n[[listen]]\naddress = \"127.0.0.1:0\"\n"
	path := file(t, "s.toml", conf)
	if r := stampede(t, "", env, "reload", "-c", path); r.code != exitFailed || !strings.Contains(r.err, "no broker has its control socket at") {
		t.Errorf("without a broker: %+v", r)
	}
	b := start(t, nil, env, "-c", path)
	address := addressIn(t, b.out.await(t, "Listening on 127.0.0.1:"))
	if r := stampede(t, "", env, "reload", "-c", path); r.code != exitOK || r.out != "reloaded; no setting has changed\n" {
		t.Errorf("without a change: %+v", r)
	}
	rewrite(t, path, "pid_file = \"x\"\nlimits.max_subscriptions = 5\n"+conf)
	if r := stampede(t, "", env, "-s", "reload", "-c", path); r.code != exitOK || r.out != "changed: limits.max_subscriptions\ntakes a restart: pid_file\n" {
		t.Errorf("with a change: %+v", r)
	}
	rewrite(t, path, "limits.max_subscriptions = 0\n"+conf)
	if r := stampede(t, "", env, "reload", "-c", path); r.code != exitFailed || !strings.Contains(r.err, "s.toml:1: limits.max_subscriptions") || strings.Contains(b.err.String(), "not reloaded") {
		t.Errorf("with a mistake: %+v", r)
	}
	if r := stampede(t, "", env, "reload", "--control", socket); r.code != exitFailed || !strings.Contains(r.err, "s.toml:1: limits.max_subscriptions") || !strings.Contains(r.err, "nothing has changed") {
		t.Errorf("with a mistake that the broker finds: %+v", r)
	}
	c := dial(t, "tcp://"+address, options{})
	if r := stampede(t, "", env, "stop", "--control", socket); r.code != exitOK {
		t.Errorf("stop: %+v", r)
	}
	if _, err := c.next(t.Context()); err == nil || !strings.Contains(err.Error(), "(shutdown)") {
		t.Errorf("the client was told %v", err)
	}
	if code := b.wait(); code != exitOK {
		t.Errorf("ended with %d: %s", code, b.err)
	}
}

// The service manager is told when the broker is ready, that it lives, when it reloads and since when, and when it stops.
func TestServiceManagerIsTold(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Skip("needs datagrams over Unix sockets:", err)
	}
	defer manager.Close()
	told := func(want string) string {
		t.Helper()
		manager.SetReadDeadline(time.Now().Add(patience))
		var buf [1024]byte
		for {
			n, err := manager.Read(buf[:])
			if err != nil {
				t.Fatalf("waiting for %s: %v", want, err)
			}
			if strings.HasPrefix(string(buf[:n]), want+"\n") || string(buf[:n]) == want {
				return string(buf[:n])
			}
		}
	}
	before := monotonic()
	b := start(t, nil, []string{"NOTIFY_SOCKET=" + socket, "WATCHDOG_USEC=50000", "WATCHDOG_PID=" + strconv.Itoa(os.Getpid()), "STAMPEDE_LISTEN=127.0.0.1:0"})
	told("READY=1")
	told("WATCHDOG=1")
	told("WATCHDOG=1")
	b.hangUp()
	at := regexp.MustCompile(`MONOTONIC_USEC=(\d+)`).FindStringSubmatch(told("RELOADING=1"))
	if at == nil {
		t.Fatal("no time of the reload")
	}
	usec, _ := strconv.ParseInt(at[1], 10, 64)
	if now := monotonic(); time.Duration(usec)*time.Microsecond < before || time.Duration(usec)*time.Microsecond > now {
		t.Errorf("the reload was at %s, between %v and %v", at[1], before, now)
	}
	told("READY=1")
	b.interrupt()
	told("STOPPING=1")
	if code := b.wait(); code != exitOK {
		t.Errorf("ended with %d", code)
	}
}

// Loggers that were made before a change of the log's level and form follow it, with all that was added to them.
func TestLogsChangeWhileInUse(t *testing.T) {
	var out bytes.Buffer
	l := newLogs(&out, config.Log{Level: "warn", Format: "json"})
	log := l.logger().With("a", 1).WithGroup("g").With("b", 2)
	log.Info("not yet")
	log.Warn("one", "c", 3)
	l.set(config.Log{Level: "info", Format: "text"})
	log.Info("two", "c", 4)
	l.set(config.Log{Level: "error", Format: "json"})
	log.Warn("no more")
	lines := regexp.MustCompile(`(time=|"time":)\S+?[ ,]`).ReplaceAllString(out.String(), "")
	want := `{"level":"WARN","msg":"one","a":1,"g":{"b":2,"c":3}}` + "\n" + `level=INFO msg=two a=1 g.b=2 g.c=4` + "\n"
	if lines != want {
		t.Errorf("logged\n%s, want\n%s", lines, want)
	}
	if log.Enabled(t.Context(), slog.LevelWarn) {
		t.Error("what is not logged any more is enabled")
	}
}
