package main

import (
	"os"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"stampede/config"
)

// A command line that makes no sense ends with status 2 and one line that says what is wrong and where to learn more.
func TestUsageErrors(t *testing.T) {
	for _, c := range []struct {
		args string
		want string
	}{
		{"srve", `unknown command "srve"`},
		{"srve --help", `unknown command "srve"`},
		{"help srve", `unknown command "srve"`},
		{"help pub sub", "one command at a time"},
		{"--lisen :1", "unknown flag --lisen"},
		{"serve -x", "unknown flag -x"},
		{"serve --listen", "--listen needs a value"},
		{"serve --listen ,", "--listen names no address"},
		{"serve --listen 61613", `--listen: "61613" is only a port; write "localhost:61613"`},
		{"serve --log-level loud", `--log-level: "loud" is not one of debug, info, warn, error`},
		{"serve --log-format xml", `--log-format: "xml" is not one of auto, text, json`},
		{"serve stampede.toml", `unexpected argument "stampede.toml"; did you mean -c stampede.toml`},
		{"check stampede.toml", `did you mean -c stampede.toml`},
		{"config stampede.toml", `did you mean -c stampede.toml`},
		{"reload stampede.toml", `did you mean -c stampede.toml`},
		{"reload --pid -1", "a process is a number from 1"},
		{"-s reopen", `unknown command "reopen"`},
		{"version 2", `unexpected argument "2"`},
		{"pub", "a DESTINATION is needed"},
		{"pub /topic/x two words", `unexpected argument "words"`},
		{"pub /topic/x -5", "unknown flag -5"},
		{"pub /topic/x hello --file f", "a BODY and --file are one too many"},
		{"pub /topic/x hello --lines", "a BODY and --lines are one too many"},
		{"pub /topic/x --lines --file f", "--lines reads the standard input"},
		{"pub /topic/x --lines --count 2", "--lines and --count"},
		{"pub /topic/x --count 0", "--count is 1 or more"},
		{"pub /topic/x --receipt=perhaps", `--receipt "perhaps": is true or false`},
		{"pub /topic/x --count many", `--count "many": is a number`},
		{"pub /topic/x --heart-beat 10", `--heart-beat "10": write a time like 10s`},
		{"pub /topic/x --receipt=perhaps", "--receipt"},
		{"pub /topic/x --header broken", `--header "broken": a header is NAME:VALUE`},
		{"pub /topic/x --header :v", "a header is NAME:VALUE"},
		{"pub /topic/x --header destination:y", "--header destination: it is the first argument"},
		{"pub /topic/x y --connect-header login:me", "--header login: use --login"},
		{"pub /topic/x y --cert c.pem", "--cert and --key go together"},
		{"sub", "a DESTINATION is needed"},
		{"sub /topic/x --ack never", "--ack is auto, client or client-individual"},
		{"sub /topic/x --format xml", "--format is pretty, raw or json"},
		{"sub /topic/x --count -1", "--count is 0 or more"},
		{"sub /topic/x --prefetch -1", "--prefetch is 0 or more"},
		{"sub /topic/x --prefetch 1 --ack auto", "--prefetch and --ack auto"},
		{"sub /topic/x --header ack:auto", "--header ack: use --ack"},
		{"bench", "what is to be measured?"},
		{"bench everything", `there is no benchmark "everything"`},
		{"bench fanout queue", "one benchmark at a time"},
		{"bench ping --subscribers 5", "--subscribers is not for ping"},
		{"bench fanout --listen :1", "--listen is not for fanout"},
		{"bench floor --size 5", "--size is not for floor"},
		{"bench fanout --messages 5 --duration 5s", "--messages and --duration are one too many"},
		{"bench queue --ack never", "--ack is auto, client or client-individual"},
		{"bench queue --prefetch -1", "--prefetch is 0 or more"},
		{"bench queue --runs 0", "--runs is 1 or more"},
		{"bench queue --header receipt:x", "--header receipt: use --receipts"},
		{"bench queue --pid me", `--pid "me": a process is a number`},
		{"bench queue --stomp 2", `"2" is no version of STOMP`},
		{"bench queue --size 5", "a body has at least 24 bytes"},
		{"bench fanout --destination /topic/x --destinations 2", "no %d"},
		{"bench fanout --publishers -1", "are 1 or more"},
		{"bench --compare a.json", "--compare takes two files"},
	} {
		t.Run(c.args, func(t *testing.T) {
			r := stampede(t, "", nil, strings.Fields(c.args)...)
			if r.code != exitUsage || r.out != "" || strings.Count(r.err, "\n") != 1 || !strings.Contains(r.err, c.want) ||
				!strings.Contains(r.err, "try: stampede help") {
				t.Errorf("got %+v", r)
			}
		})
	}
}

// Help names every command and every flag, with examples that parse, in lines that fit a terminal.
func TestHelp(t *testing.T) {
	overview := stampede(t, "", nil, "help")
	for _, args := range [][]string{{"--help"}, {"-h"}, {"-help"}} {
		if got := stampede(t, "", nil, args...); got != overview || got.code != exitOK || got.err != "" {
			t.Errorf("%v: %+v", args, got)
		}
	}
	for _, c := range commands() {
		if !strings.Contains(overview.out, "\n  "+c.name+" ") || !strings.Contains(overview.out, c.summary) {
			t.Errorf("the overview lacks %s", c.name)
		}
		help := stampede(t, "", nil, "help", c.name)
		for _, flag := range []string{"-h", "--help"} {
			if got := stampede(t, "", nil, c.name, flag); got != help || got.code != exitOK {
				t.Errorf("stampede %s %s: %+v", c.name, flag, got)
			}
		}
		for line := range strings.Lines(help.out) {
			if len([]rune(line)) > 110 {
				t.Errorf("%s: a line of %d characters: %s", c.name, len(line), line)
			}
		}
		f := newFlags(c.name)
		c.prepare(f)
		for line := range strings.Lines(c.example) {
			_, words, ok := strings.Cut(line, "stampede "+c.name)
			if !ok && c.name == "serve" {
				continue
			}
			words, _, _ = strings.Cut(words, "  ") // an explanation beside it
			for word := range strings.FieldsSeq(words) {
				name := strings.TrimLeft(word, "-")
				if strings.HasPrefix(word, "--") && name != "" && f.Lookup(name) == nil {
					t.Errorf("an example of %s has --%s, which does not exist", c.name, name)
				}
			}
		}
		if c.name != "version" && c.name != "help" && c.example == "" {
			t.Errorf("%s has no example", c.name)
		}
	}
}

// Which command is meant follows from the first argument; flags alone mean serve.
func TestChoose(t *testing.T) {
	for args, want := range map[string]string{
		"": "serve|", "serve -c f": "serve|-c f", "-c f": "serve|-c f", "--listen :1": "serve|--listen :1", "pub a b": "pub|a b",
		"-v": "version|", "--version": "version|", "-t -c f": "check|-c f", "-h": "help|", "--help pub": "help|pub", "nonsense x": "nonsense|x",
		"-s reload": "reload|", "-s stop -c f": "stop|-c f", "-c f -s quit": "stop|-c f", "-s": "serve|-s", "pub -s reload": "pub|-s reload",
	} {
		name, rest := choose(strings.Fields(args))
		if got := name + "|" + strings.Join(rest, " "); got != want {
			t.Errorf("%q: %q, want %q", args, got, want)
		}
	}
}

// Flags may stand before, between and behind arguments, and "--" ends them.
func TestFlagsInAnyOrder(t *testing.T) {
	for _, c := range []struct {
		args string
		rest string
		n    int
	}{
		{"a b", "a b", 0},
		{"--n 1 a b", "a b", 1},
		{"a --n=1 b", "a b", 1},
		{"a b --n 1", "a b", 1},
		{"a -", "a -", 0},
		{"a - --n 1", "a -", 1},
		{"a -- --n 1", "a --n 1", 0},
		{"--n 1 -- -5 --", "-5 --", 1},
		{"--n 1 -- a", "a", 1},
		{"", "", 0},
	} {
		f := newFlags("x")
		n := f.Int("n", 0, "")
		if err := f.parse(strings.Fields(c.args)); err != nil || strings.Join(f.rest, " ") != c.rest || *n != c.n {
			t.Errorf("%q: %v, %d, %v", c.args, f.rest, *n, err)
		}
	}
}

// A header keeps its colons, its spaces and its order.
func TestHeaderFlag(t *testing.T) {
	var h headerFlag
	for _, text := range []string{"a:1:2", "b: x ", "a:", "url:http://h:1/"} {
		if err := h.Set(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	if want := (headerFlag{{"a", "1:2"}, {"b", " x "}, {"a", ""}, {"url", "http://h:1/"}}); !slices.Equal(h, want) {
		t.Errorf("got %v", h)
	}
	for _, text := range []string{"", "a", ":", ":x", "a:b\nc:d", "a:\x00"} {
		if err := h.Set(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

// version tells what this is, and what protocol it speaks.
func TestVersion(t *testing.T) {
	r := stampede(t, "", nil, "version")
	if r.code != exitOK || !strings.HasPrefix(r.out, "stampede ") || !strings.Contains(r.out, "\nSTOMP 1.0,1.1,1.2\ngo1.") {
		t.Errorf("got %+v", r)
	}
	for _, c := range []struct {
		info *debug.BuildInfo
		want string
	}{
		{nil, "devel"},
		{&debug.BuildInfo{}, "devel"},
		{&debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "v1.2.3"},
		{&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"}}}, "devel-0123456789ab+dirty"},
		{&debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123"}, {Key: "vcs.modified", Value: "false"}}}, "devel-0123"},
	} {
		if got := version(c.info); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// check says ok with status 0, or every problem with its line and status 1.
func TestCheck(t *testing.T) {
	good := file(t, "good.toml", config.Example)
	if r := stampede(t, "", nil, "check", "-c", good); r != (result{exitOK, good + ": ok\n", ""}) {
		t.Errorf("got %+v", r)
	}
	if r := stampede(t, "", nil, "-t", "-c", good); r.code != exitOK {
		t.Errorf("-t: %+v", r)
	}
	if r := stampede(t, "", nil, "check"); r != (result{exitOK, "defaults and environment: ok\n", ""}) {
		t.Errorf("without a file: %+v", r)
	}

	bad := file(t, "bad.toml", "[log]\nlevel = 1\n[limits]\nmax_heders = 5\n")
	want := bad + ":2: log.level: must be a string in quotes, not a number without quotes\n" +
		bad + ":4: limits.max_heders: unknown key; did you mean limits.max_headers?\n" +
		"environment: STAMPEDE_LOG_FORMAT: \"xml\" is not one of auto, text, json\n" +
		"stampede check: 3 problems\n"
	if r := stampede(t, "", []string{"STAMPEDE_LOG_FORMAT=xml"}, "check", "-c", bad); r != (result{exitFailed, "", want}) {
		t.Errorf("got %+v", r)
	}

	open := file(t, "open.toml", "allow_anonymous = true\n[[listen]]\naddress = \":61613\"\n")
	if r := stampede(t, "", nil, "check", "-c", open); r.code != exitOK || !strings.HasPrefix(r.err, "warning: listen[0].address: ") {
		t.Errorf("got %+v", r)
	}

	cert := file(t, "cert.toml", "[[listen]]\naddress = \"localhost:1\"\ntls_cert = \"none.pem\"\ntls_key = \"none.key\"\n")
	if r := stampede(t, "", nil, "check", "-c", cert); r.code != exitFailed || strings.Count(r.err, "\n") != 1 || !strings.Contains(r.err, cert+": listen[0]: cannot read tls_cert "+filepath.Join(filepath.Dir(cert), "none.pem")) {
		t.Errorf("got %+v", r)
	}
	for file, env := range map[string][]string{
		"environment: STAMPEDE_USERS_FILE": {"STAMPEDE_USERS_FILE=none"},
		cert + ": listen[0]":               nil,
	} {
		if r := stampede(t, "", env, "serve", "-c", cert); r.code != exitFailed || !strings.Contains(r.err, file+": cannot read ") {
			t.Errorf("with %v: got %+v", env, r)
		}
	}
}

// A file that can't be read is one line with status 1, for every command that reads one.
func TestUnreadableConfiguration(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none.toml")
	for _, c := range []string{"serve", "check", "config"} {
		r := stampede(t, "", nil, c, "-c", missing)
		want := "stampede " + c + ": cannot read the configuration file " + missing + ": no such file or directory; check the path and who may read it\n"
		if r != (result{exitFailed, "", want}) {
			t.Errorf("%s: %+v", c, r)
		}
	}
}

// config prints what is in force as a file that means the same, without the passcode.
func TestConfig(t *testing.T) {
	env := []string{"STAMPEDE_LOG_LEVEL=debug", "STAMPEDE_LOGIN=me", "STAMPEDE_PASSCODE=sesame"}
	r := stampede(t, "", env, "config", "-c", file(t, "c.toml", "[limits]\nmax_headers = 33"))
	if r.code != exitOK || r.err != "" || strings.Contains(r.out, "sesame") {
		t.Fatalf("got %+v", r)
	}
	got, err := config.Parse("", []byte(r.out), env[2:])
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Log.Level, want.Login, want.Passcode, want.Limits.MaxHeaders = "debug", "me", "sesame", 33
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%v", got)
	}
	if r := stampede(t, "", nil, "config", "--example"); r != (result{exitOK, config.Example, ""}) {
		t.Errorf("got %+v", r)
	}
	if r := stampede(t, "", []string{"STAMPEDE_X=1"}, "config"); r.code != exitFailed || r.out != "" {
		t.Errorf("got %+v", r)
	}
}

// What strangers send can't give orders to the terminal, and stays readable.
func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain ☃\n\t":        "plain ☃\n\t",
		"\x1b[2Jgone":        `\u001b[2Jgone`,
		"a\rb\x00\x7f\u0085": `a\u000db\u0000\u007f\u0085`,
		"\u202egnp.exe":      `\u202egnp.exe`,
		"bad \xff\xfe":       `bad \xff\xfe`,
		"real \uFFFD":        "real \uFFFD",
	} {
		if got := printable(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := oneLine(" a\n b\x1b\n"); got != `a b\u001b` {
		t.Errorf("got %q", got)
	}
}
