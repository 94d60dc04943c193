package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

func parse(t *testing.T, text string, env ...string) *Config {
	t.Helper()
	c, err := Parse("t.toml", []byte(text), env)
	if err != nil {
		t.Fatalf("unexpected problems:\n%v", err)
	}
	return c
}

func problems(t *testing.T, text string, env ...string) []string {
	t.Helper()
	c, err := Parse("t.toml", []byte(text), env)
	if err == nil {
		t.Fatalf("accepted:\n%s", text)
	}
	if c != nil {
		t.Error("a configuration came with the problems")
	}
	return strings.Split(err.Error(), "\n")
}

// The defaults are valid, and without a file or variables they are what one gets.
func TestDefaultsAreValid(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Errorf("%v", err)
	}
	if got := parse(t, ""); !reflect.DeepEqual(got, Default()) {
		t.Errorf("an empty file gives\n%v", got)
	}
	if w := Default().Warnings(); len(w) != 0 {
		t.Errorf("the defaults deserve a warning: %v", w)
	}
}

// Two callers of Default never share memory.
func TestDefaultIsNew(t *testing.T) {
	Default().Listen[0].Address = "changed"
	if Default().Listen[0].Address == "changed" {
		t.Error("a caller changed the defaults of the next one")
	}
}

// The example file says exactly the defaults.
func TestExampleEqualsDefaults(t *testing.T) {
	if got := parse(t, Example); !reflect.DeepEqual(got, Default()) {
		t.Errorf("the example gives\n%v", got)
	}
}

// The example file sets every key; only those of destinations and of rights, of which there are none, are comments.
func TestExampleHasEveryKey(t *testing.T) {
	section := ""
	have := map[string]bool{}
	comment := map[string]bool{}
	header := regexp.MustCompile(`^\[+([a-z_.]+)\]+$`)
	setting := regexp.MustCompile(`^([a-z_]+) = `)
	for line := range strings.Lines(Example) {
		line = strings.TrimSpace(line)
		bare := strings.TrimPrefix(line, "# ")
		if m := header.FindStringSubmatch(bare); m != nil {
			section = m[1]
		}
		if m := setting.FindStringSubmatch(bare); m != nil {
			have[join(section, m[1])] = true
			comment[join(section, m[1])] = bare != line
		}
	}
	for _, k := range keys() {
		if !have[k.path] {
			t.Errorf("%s is missing", k.path)
		}
		if comment[k.path] != (strings.HasPrefix(k.path, "destination.") || strings.HasPrefix(k.path, "rights.")) {
			t.Errorf("%s: is it a comment? %v", k.path, comment[k.path])
		}
	}
}

// The block that the example file has as a comment works once the comment signs are taken away.
func TestExampleCommentedBlockWorks(t *testing.T) {
	at := strings.Index(Example, "# [[destination]]")
	end := strings.Index(Example, "# How the broker's own parts")
	text := regexp.MustCompile(`(?m)^# ?`).ReplaceAllString(Example[at:end], "")
	got := parse(t, text).Destination
	if len(got) != 2 || got[0].Name != "memq" || got[0].Type != TypeQueue || *got[0].HoldTimeout != 30*time.Second || got[1].Name != "/topic/prices.*" || got[1].Type != TypeTopic {
		t.Errorf("got %+v", got)
	}
}

// docs/configuration.md has a row for every key with its default, and none for a key that does not exist.
func TestDocumentationNamesEveryKey(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	defaults := map[string]string{}
	visit(reflect.ValueOf(Default()).Elem(), "", func(path string, f reflect.StructField, v reflect.Value) {
		plain := regexp.MustCompile(`\[\d+\]`).ReplaceAllString(path, "")
		defaults[plain] = tomlValue(v)
	})
	row := regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (.*?) \\|")
	section := ""
	documented, restart := map[string]string{}, map[string]bool{}
	for line := range strings.Lines(text) {
		if m := regexp.MustCompile("^#+ .*`\\[+([a-z_.]+)\\]+`").FindStringSubmatch(line); m != nil {
			section = m[1]
		} else if strings.HasPrefix(line, "#") {
			section = ""
		}
		if m := row.FindStringSubmatch(line); m != nil {
			documented[join(section, m[1])] = strings.Trim(m[2], "`")
			restart[join(section, m[1])] = strings.Contains(line, "Takes a restart.")
		}
	}
	for _, k := range keys() {
		got, ok := documented[k.path]
		if !ok {
			t.Errorf("%s has no row", k.path)
			continue
		}
		if want, has := defaults[k.path]; has && got != want {
			t.Errorf("%s: the default is %s, documented is %s", k.path, want, got)
		}
		if takes := k.field.Tag.Get("reload") == "restart"; takes != restart[k.path] {
			t.Errorf("%s: a change takes a restart: %t, documented: %t", k.path, takes, restart[k.path])
		}
		delete(documented, k.path)
	}
	for path := range documented {
		t.Errorf("%s has a row and does not exist", path)
	}
}

// The examples in docs/configuration.md and docs/from-xtomp.md are valid.
func TestDocumentationExamplesWork(t *testing.T) {
	var text []byte
	for _, page := range []string{"configuration.md", "from-xtomp.md"} {
		data, err := os.ReadFile(filepath.Join("..", "docs", page))
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, data...)
	}
	blocks := regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 4 {
		t.Errorf("only %d examples", len(blocks))
	}
	for _, b := range blocks {
		parse(t, b[1], "STAMPEDE_LOGIN=shop", "STAMPEDE_PASSCODE=sesame")
	}
}

// What a setting looks like is shown in the hint when it was written as a table.
func TestSettingsWrittenAsTables(t *testing.T) {
	for text, want := range map[string]string{
		"[login]":                    `login = "…"`,
		"[log.level]":                `level = "…"`,
		"[heartbeat.send]":           `send = "10s"`,
		"[heartbeat.tolerance]":      `tolerance = 1`,
		"[limits.outbox]":            `outbox = "64MiB"`,
		"[limits.max_headers]":       `max_headers = 1`,
		"[destinations.auto_create]": `auto_create = true`,
		"listen = [{address = \"localhost:1\"}]\n[listen.websockets_origin]": `websockets_origin = ["…"]`,
	} {
		if got := strings.Join(problems(t, text), "\n"); !strings.Contains(got, "is a setting and not a table; write it as "+want) {
			t.Errorf("%s: %s", text, got)
		}
	}
}

// A name of any length makes a message of a bounded one.
func TestLongNamesAreCut(t *testing.T) {
	got := problems(t, `"`+strings.Repeat("é", 10_000)+`" = 1`)
	if len(got) != 1 || len(got[0]) > 200 || !strings.Contains(got[0], "é…: unknown key") {
		t.Errorf("got %q", got)
	}
}

// Dead letters may go to a queue that the file names, and to no topic that it names.
func TestDeadLetterToNamedQueue(t *testing.T) {
	const text = "[queues]\ndead_letter = \"dead\"\n[[destination]]\nname = \"dead\"\ntype = "
	parse(t, text+`"queue"`)
	if got := problems(t, text+`"topic"`); len(got) != 1 || !strings.Contains(got[0], `"dead" is not a queue`) {
		t.Errorf("got %q", got)
	}
}

// Single problems are found in a list of them, and other errors hold none.
func TestProblemsAreErrors(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none"))
	if ProblemsOf(err) != nil {
		t.Errorf("an unreadable file has problems: %v", err)
	}
	_, err = Parse("f", []byte("x = 1\ny = 2"), nil)
	var p Problem
	if !errors.As(fmt.Errorf("wrapped: %w", err), &p) || p.Line != 1 || p.Key != "x" || len(ProblemsOf(err)) != 2 {
		t.Errorf("got %+v of %v", p, err)
	}
}

// Every problem of a file is reported in one go, in the order of the lines, with file, line and key.
func TestAllProblemsAtOnce(t *testing.T) {
	got := problems(t, `lgin = "x"
login = 5

[listen]
adress = "x:1"

[limits]
max_body = "1MB"
max_body_bytes = "100MiB"
max_headers = "many"
connect_max_headers = 65
max_connections = -1

[topics]
slow_consumer = "drop-oldest"

[log]
level = "loud"
format = 2010-01-01

[heartbeat]
tolerance = 0.5
send = 10
receive = "10"
max = "10 s"

[nothing]
at = "all"
`, "STAMPEDE_LOG_LEVL=x", "STAMPEDE_QUEUES_MAX_MESSAGES=0", "PATH=/bin")
	want := []string{
		`t.toml:1: lgin: unknown key; did you mean login?`,
		`t.toml:2: login: must be a string in quotes, not a number without quotes`,
		`t.toml:4: listen: there can be several, so its brackets are double: [[listen]]`,
		`t.toml:4: listen[0].address: is missing; write it as "host:port", ":port" for every interface, "localhost:port" or "unix:/path"`,
		`t.toml:5: listen[0].adress: unknown key; did you mean listen.address?`,
		`t.toml:8: limits.max_body: unknown key; did you mean limits.max_body_bytes?`,
		`t.toml:9: limits.max_body_bytes: limits.outbox: 64MiB is too small for one message: limits.max_body_bytes (100MiB) and limits.max_header_block_bytes (64KiB) together are more`,
		`t.toml:9: limits.max_body_bytes: 100MiB is more than limits.max_transaction_bytes (64MiB); a message of the full size would never be taken`,
		`t.toml:10: limits.max_headers: must be a whole number, not a string`,
		`t.toml:12: limits.max_connections: -1 is too small; the least is 0`,
		`t.toml:15: topics.slow_consumer: "drop-oldest" is not one of disconnect, drop_oldest, drop_newest; did you mean "drop_oldest"?`,
		`t.toml:18: log.level: "loud" is not one of debug, info, warn, error`,
		`t.toml:19: log.format: must be a string in quotes, not a date or time`,
		`t.toml:22: heartbeat.tolerance: 0.5 is too small; the least is 1`,
		`t.toml:23: heartbeat.send: must be a string with a duration like "10s" or "1m30s", not a number without quotes`,
		`t.toml:24: heartbeat.receive: "10" is not a duration; write it like "250ms", "10s" or "1m30s"`,
		`t.toml:25: heartbeat.max: "10 s" is not a duration; write it like "250ms", "10s" or "1m30s"`,
		`t.toml:27: nothing: unknown key`,
		`environment: STAMPEDE_LOG_LEVL: unknown variable; did you mean STAMPEDE_LOG_LEVEL?`,
		`environment: STAMPEDE_QUEUES_MAX_MESSAGES: 0 is too small; the least is 1`,
	}
	for i := range max(len(got), len(want)) {
		var g, w string
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("problem %d:\ngot  %s\nwant %s", i, g, w)
		}
	}
}

// Each kind of mistake is reported once, at its line, in words that say what is right.
func TestSingleProblems(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"syntax", "[log]\nlevel = \"info\nformat = \"text\"", `t.toml:2: this is not TOML: `},
		{"syntax at the end", "[log]\nlevel =", `t.toml:2: this is not TOML: `},
		{"key twice", "[log]\nlevel = \"info\"\nlevel = \"warn\"", `t.toml:3: log.level: is set twice; the first time in line 2`},
		{"table twice", "[log]\n[topics]\n[log]\n", `t.toml:3: `},
		{"single table in double brackets", "[[log]]\n", `t.toml:1: log: there is only one, so its brackets are single: [log]`},
		{"setting as a table", "[login]\n", `t.toml:1: login: is a setting and not a table; write it as login = "…"`},
		{"table as a setting", "log = 1", `t.toml:1: log: must be a table, not a number without quotes`},
		{"tables as a setting", "listen = \":1\"", `t.toml:1: listen: must be a list of tables, not a string`},
		{"tables of strings", "listen = [\":1\"]", `t.toml:1: listen: must hold tables, not a string`},
		{"dots through a setting", "login.x = 1", `t.toml:1: login: must be a string in quotes`},
		{"right name, wrong section", "[log]\nmax_headers = 1", `t.toml:2: log.max_headers: unknown key; did you mean limits.max_headers?`},
		{"right name, below a section", "[[listen]]\naddress = \"localhost:1\"\nlogin = \"shop\"", `t.toml:3: listen[0].login: unknown key; login belongs above the first section of the file`},
		{"a name of xtomp", "websockets = true", `t.toml:1: websockets: unknown key; did you mean listen.websockets?`},
		{"another name of xtomp", "max_message_size = 10", `t.toml:1: max_message_size: unknown key; did you mean limits.max_body_bytes?`},
		{"inline table", "log = { level = \"info\", frmat = \"text\" }", `t.toml:1: log.frmat: unknown key; did you mean log.format?`},
		{"number too large", "[limits]\nmax_headers = 99999999999999999999", `t.toml:2: limits.max_headers: "99999999999999999999" is not a number`},
		{"leading zero", "[limits]\nmax_headers = 010", `t.toml:2`},
		{"not a number", "[heartbeat]\ntolerance = nan", `t.toml:2: heartbeat.tolerance: "nan" is not a number`},
		{"infinite", "[heartbeat]\ntolerance = inf", `t.toml:2: heartbeat.tolerance: +Inf is too large`},
		{"size without a number", "[limits]\noutbox = \"MiB\"", `t.toml:2: limits.outbox: "MiB" is not a size: there is no number`},
		{"login alone", "login = \"me\"", `t.toml:1: login: is set without a passcode`},
		{"passcode alone", "passcode = \"me\"", `t.toml:1: passcode: is set without a login`},
		{"prefetch", "[session]\ndefault_prefetch = 10001", `t.toml:2: session.default_prefetch: 10001 is more than session.max_prefetch (10000)`},
		{"the other side of prefetch", "[session]\nmax_prefetch = 99", `t.toml:2: session.max_prefetch: session.default_prefetch: 100 is more than session.max_prefetch (99)`},
		{"heart-beats", "[heartbeat]\nmax = \"9s\"\nreceive = \"9s\"", `heartbeat.send: 10s is more than heartbeat.max (9s)`},
		{"back-off", "[supervision]\nbackoff_min = \"6s\"", `t.toml:2: supervision.backoff_min: 6s is more than supervision.backoff_max (5s)`},
		{"dead letters to a topic", "[queues]\ndead_letter = \"/topic/x\"", `t.toml:2: queues.dead_letter: "/topic/x" is not a queue`},
		{"nothing to send to", "[destinations]\nauto_create = false", `t.toml:2: destinations.auto_create: is false and there is no`},
		{"open to other machines", "[[listen]]\naddress = \":1\"", `t.toml:2: listen[0].address: :1 can be reached from other machines, and nobody has to log in`},
		{"short secret", "secret = \"short\"", `t.toml:1: secret: is too short; the least is 16 bytes`},
		{"secret hash", "secret_hash = \"md5\"", `"md5" is not one of sha256, sha1`},
		{"delays", "[access]\nlogin_delay = \"10s\"", `t.toml:2: access.login_delay: 10s is more than access.login_delay_max (5s)`},
		{"audience without a key", "[jwt]\naudience = [\"a\"]", `t.toml:2: jwt.audience: is set without a key`},
		{"cookie without a key", "[jwt]\ncookie = \"a\"", `t.toml:2: jwt.cookie: is set without a key`},
		{"cookie's name", "[jwt]\nkey_file = \"k\"\ncookie = \"a b\"", `t.toml:3: jwt.cookie: "a b" can't be the name of a cookie`},
		{"no claim for the user", "[jwt]\nkey_file = \"k\"\nuser_claim = \"\"", `t.toml:3: jwt.user_claim: is empty`},
		{"cookies for any page", "[[listen]]\naddress = \"localhost:1\"\nwebsockets_origin = [\"*\"]\n[jwt]\nkey_file = \"k\"\ncookie = \"a\"", `t.toml:3: listen[0].websockets_origin: is "*" while jwt.cookie is set`},
		{"users of certificates without authorities", "[[listen]]\naddress = \"localhost:1\"\ntls_client_user = \"cn\"", `t.toml:3: listen[0].tls_client_user: is set without tls_client_ca`},
		{"optional certificates without authorities", "[[listen]]\naddress = \"localhost:1\"\ntls_client_auth = \"optional\"", `t.toml:3: listen[0].tls_client_auth: is set without tls_client_ca`},
		{"rights for nobody", "[[rights]]\nread = [\"#\"]", `t.toml:1: rights[0]: names nobody`},
		{"no rights", "[[rights]]\nusers = [\"a\"]", `t.toml:1: rights[0]: gives no right`},
		{"a wildcard too early", "[[rights]]\nusers = [\"a\"]\nread = [\"/topic/#.a\"]", `t.toml:3: rights[0].read: "/topic/#.a" has a # before its last level`},
		{"half a wildcard", "[[rights]]\nusers = [\"a\"]\nwrite = [\"/queue/a*\"]", `t.toml:3: rights[0].write: "/queue/a*" has a wildcard that is not a whole level`},
		{"an unknown placeholder", "[[rights]]\nusers = [\"a\"]\nwrite = [\"/queue/{group}\"]", `t.toml:3: rights[0].write: "/queue/{group}" has a placeholder that is not known`},
		{"a pattern of nothing", "[[rights]]\nusers = [\"a\"]\ncreate = [\"/queue/\"]", `t.toml:3: rights[0].create: "/queue/" matches nothing`},
		{"a pattern of temporary destinations", "[[rights]]\nusers = [\"a\"]\nread = [\"/temp-queue/#\"]", `t.toml:3: rights[0].read: "/temp-queue/#" needs no right`},
		{"destination without a type", "[[destination]]\nname = \"memtop\"", `t.toml:1: destination[0].type: is needed`},
		{"destination against its name", "[[destination]]\nname = \"/topic/a\"\ntype = \"queue\"", `t.toml:3: destination[0].type: is queue, though the name begins with /topic/`},
		{"destination twice", "[[destination]]\nname = \"/topic/a\"\n[[destination]]\nname = \"/topic/a\"", `t.toml:4: destination[1].name: "/topic/a" is the name of destination[0] too`},
		{"pattern twice", "[[destination]]\nname = \"/topic/a.#\"\n[[destination]]\nname = \"/topic/a.>\"", `t.toml:4: destination[1].name: "/topic/a.>" is the name of destination[0] too`},
		{"destination without a name", "[[destination]]\ntype = \"topic\"", `t.toml:1: destination[0]: has no name`},
		{"plain name with a wildcard", "[[destination]]\nname = \"mem*\"\ntype = \"topic\"", `t.toml:2: destination[0].name: "mem*" has a wildcard; that is for names with /queue/ or /topic/`},
		{"wildcard in a level", "[[destination]]\nname = \"/topic/a*.b\"", `"/topic/a*.b" has a wildcard in the wrong place`},
		{"wildcard for all levels inside", "[[destination]]\nname = \"/queue/#.b\"", `"/queue/#.b" has a wildcard in the wrong place`},
		{"destination of one client", "[[destination]]\nname = \"/temp-topic/b\"", `"/temp-topic/b" belongs to one client`},
		{"destination with a long name", "[[destination]]\nname = \"/queue/" + strings.Repeat("x", 1018) + "\"", `has 1025 bytes, a name has at most 1024`},
		{"destination with nothing behind", "[[destination]]\nname = \"/queue/\"", `"/queue/" has nothing behind its prefix`},
		{"pattern and nothing is made", "[destinations]\nauto_create = false\n[[destination]]\nname = \"/topic/#\"", `t.toml:4: destination[0].name: "/topic/#" is a pattern for names made on first use, and destinations.auto_create is false`},
		{"max_messages of a topic", "[[destination]]\nname = \"/topic/a\"\nmax_messages = 5", `t.toml:3: destination[0].max_messages: is for queues`},
		{"max_messages of nothing", "[[destination]]\nname = \"/queue/a\"\nmax_messages = 0", `t.toml:3: destination[0].max_messages: 0 is too small; the least is 1`},
		{"full of a topic", "[[destination]]\nname = \"/topic/a\"\nfull = \"hold\"", `t.toml:3: destination[0].full: is for queues`},
		{"full with a wrong word", "[[destination]]\nname = \"/queue/a\"\nfull = \"held\"", `"held" is not one of hold, reject, drop_oldest; did you mean "hold"?`},
		{"dead_letter of a topic", "[[destination]]\nname = \"/topic/a\"\ndead_letter = \"\"", `t.toml:3: destination[0].dead_letter: is for queues`},
		{"min_delivery of a queue", "[[destination]]\nname = \"/queue/a\"\nmin_delivery = 1", `t.toml:3: destination[0].min_delivery: is for topics`},
		{"min_delivery and no_subscribers", "[[destination]]\nname = \"/topic/a\"\nmin_delivery = 1\nno_subscribers = \"reject\"", `t.toml:4: destination[0].no_subscribers: is set together with min_delivery`},
		{"slow_consumer of a queue", "[[destination]]\nname = \"/queue/a\"\nslow_consumer = \"disconnect\"", `t.toml:3: destination[0].slow_consumer: is for topics`},
		{"no_subscribers of a queue", "[[destination]]\nname = \"/queue/a\"\nno_subscribers = \"reject\"", `t.toml:3: destination[0].no_subscribers: is for topics`},
		{"message larger than a frame", "[[destination]]\nname = \"/topic/a\"\nmax_message_size = \"17MiB\"", `t.toml:3: destination[0].max_message_size: 17MiB is more than limits.max_body_bytes (16MiB)`},
		{"message larger than its queue", "[[destination]]\nname = \"/queue/a\"\nmax_message_size = \"2MiB\"\nmax_bytes = \"1MiB\"", `t.toml:3: destination[0].max_message_size: 2MiB is more than destination[0].max_bytes (1MiB)`},
		{"number for a duration", "[[destination]]\nname = \"/queue/a\"\nhold_timeout = 5", `t.toml:3: destination[0].hold_timeout: must be a string with a duration`},
		{"dead letters to a topic", "[[destination]]\nname = \"/queue/a\"\ndead_letter = \"/topic/x\"", `t.toml:3: destination[0].dead_letter: "/topic/x" is not a queue`},
		{"dead letters to a pattern", "[[destination]]\nname = \"/queue/a\"\ndead_letter = \"/queue/*\"", `t.toml:3: destination[0].dead_letter: "/queue/*" is not a queue`},
		{"dead letters to what is never made", "[destinations]\nauto_create = false\n[[destination]]\nname = \"/queue/a\"\n[[destination]]\nname = \"/queue/b\"", `t.toml:2: destinations.auto_create: queues.dead_letter: "/queue/DLQ" could never be made`},
		{"a block's dead letters to what is never made", "[destinations]\nauto_create = false\n[[destination]]\nname = \"/queue/a\"\ndead_letter = \"/queue/x\"", `t.toml:5: destination[0].dead_letter: "/queue/x" could never be made`},
		{"no listener", "listen = []", `t.toml:1: listen: there is none`},
		{"address is a port", "[[listen]]\naddress = \"61613\"", `t.toml:2: listen[0].address: "61613" is only a port; write "localhost:61613"`},
		{"port too large", "[[listen]]\naddress = \":65536\"", `t.toml:2: listen[0].address: ":65536": the port is a number from 0 to 65535`},
		{"unix without a path", "[[listen]]\naddress = \"unix:\"", `t.toml:2: listen[0].address: unix: has no path`},
		{"unix with a long path", "[[listen]]\naddress = \"unix:/" + strings.Repeat("x", maxUnixPath) + "\"", `can have 103 bytes, this one has 104`},
		{"address twice", "[[listen]]\naddress = \"localhost:1\"\n[[listen]]\naddress = \"127.0.0.1:1\"", `t.toml:4: listen[1].address: 127.0.0.1:1 is taken by listen[0].address (127.0.0.1:1)`},
		{"every interface beside one", "allow_anonymous = true\n[[listen]]\naddress = \"127.0.0.1:1\"\n[[listen]]\naddress = \":1\"", `t.toml:5: listen[1].address: :1 is taken by listen[0].address`},
		{"name twice", "[[listen]]\nname = \"a\"\naddress = \"localhost:1\"\n[[listen]]\nname = \"a\"\naddress = \"localhost:2\"", `t.toml:5: listen[1].name: "a" is the name of listen[0] too`},
		{"nothing spoken", "[[listen]]\naddress = \"localhost:1\"\nstomp = false\nwebsockets = false\nhttp = false", `t.toml:1: listen[0]: stomp, websockets and http are all false`},
		{"origins without web sockets", "[[listen]]\naddress = \"localhost:1\"\nwebsockets_origin = [\"*\"]\nwebsockets = false", `t.toml:3: listen[0].websockets_origin: lists origins though`},
		{"origin with a path", "[[listen]]\naddress = \"localhost:1\"\nwebsockets_origin = [\"https://a.example/\"]", `t.toml:3: listen[0].websockets_origin: "https://a.example/" has more than`},
		{"origin without a scheme", "[[listen]]\naddress = \"localhost:1\"\nwebsockets_origin = [\"a.example\"]", `"a.example" is not an origin`},
		{"origin with a star inside", "[[listen]]\naddress = \"localhost:1\"\nwebsockets_origin = [\"https://a.*.example\"]", `has a * in another place`},
		{"origins of a wrong type", "[[listen]]\naddress = \"localhost:1\"\nwebsockets_origin = [1]", `must be a list of strings like ["a", "b"], but holds a number`},
		{"certificate without key", "[[listen]]\naddress = \"localhost:1\"\ntls_cert = \"c.pem\"", `t.toml:3: listen[0].tls_cert: is set without tls_key`},
		{"key without certificate", "[[listen]]\naddress = \"localhost:1\"\ntls_key = \"c.pem\"", `t.toml:3: listen[0].tls_key: is set without tls_cert`},
		{"authorities without certificate", "[[listen]]\naddress = \"localhost:1\"\ntls_client_ca = \"c.pem\"", `t.toml:3: listen[0].tls_client_ca: is set without`},
		{"TLS alone without certificate", "[[listen]]\naddress = \"localhost:1\"\ntls_only = true", `t.toml:3: listen[0].tls_only: is true without`},
		{"TLS version", "[[listen]]\naddress = \"localhost:1\"\ntls_min_version = \"1.1\"", `"1.1" is not one of 1.2, 1.3`},
		{"permission", "[[listen]]\naddress = \"localhost:1\"\nunix_mode = \"rw\"", `t.toml:3: listen[0].unix_mode: "rw" is not a permission`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := problems(t, c.text)
			if len(got) != 1 && c.name != "origins without web sockets" || !strings.Contains(got[0], c.want) {
				t.Errorf("got:\n%s\nwant one line with:\n%s", strings.Join(got, "\n"), c.want)
			}
		})
	}
}

// What a file may write in more than one way is read alike.
func TestForms(t *testing.T) {
	for name, text := range map[string]string{
		"tables":       "[limits]\nmax_body_bytes = \"1KiB\"\n[[listen]]\naddress = \"localhost:1\"\n[[listen]]\naddress = \"localhost:2\"",
		"dotted":       "limits.max_body_bytes = 1024\nlisten = [{address = \"localhost:1\"}, {address = \"localhost:2\"}]",
		"inline":       "limits = {max_body_bytes = 0x400}\nlisten = [{address = \"localhost:1\"},\n # two\n {address = \"localhost:2\"}]",
		"CRLF and BOM": "\xef\xbb\xbf[limits]\r\nmax_body_bytes = \"1024B\"\r\n[[listen]]\r\naddress = \"localhost:1\"\r\n[[listen]]\r\naddress = \"localhost:2\"\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			want := Default()
			want.Limits.MaxBodyBytes = 1024
			want.Listen = []Listen{defaultListen("localhost:1", "localhost:1"), defaultListen("localhost:2", "localhost:2")}
			if got := parse(t, text); !reflect.DeepEqual(got, want) {
				t.Errorf("got\n%v", got)
			}
		})
	}
}

// A file replaces only what it names.
func TestUnsetKeysKeepDefaults(t *testing.T) {
	c := parse(t, "[session]\nlinger = \"1s\"")
	want := Default()
	want.Session.Linger = time.Second
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got\n%v", c)
	}
}

// Bounds include themselves: the least and the most are accepted, one step beyond is not.
func TestBounds(t *testing.T) {
	for _, k := range keys() {
		low, high := k.field.Tag.Get("min"), k.field.Tag.Get("max")
		if low == "" || k.array {
			continue
		}
		check := func(text string, step int64, ok bool) {
			t.Helper()
			v := reflect.New(k.field.Type).Elem()
			if err := setText(v, text); err != nil {
				t.Fatal(err)
			}
			if v.Kind() == reflect.Float64 {
				v.SetFloat(v.Float() + float64(step)/1e9)
			} else {
				v.SetInt(v.Int() + step)
			}
			if got := outOfRange(k.field, v); (got == "") != ok {
				t.Errorf("%s = %s: %q", k.path, show(v), got)
			}
		}
		check(low, -1, false)
		check(low, 0, true)
		check(low, 1, true)
		check(high, -1, true)
		check(high, 0, true)
		check(high, 1, false)
	}
	f, _ := field(reflect.TypeFor[HeartBeat](), "tolerance")
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if outOfRange(f, reflect.ValueOf(x)) == "" {
			t.Errorf("tolerance %v was accepted", x)
		}
	}
}

// Relations between limits hold at equality and break one byte beyond it.
func TestRelationsAtTheirEdges(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(c *Config, step int)
		key  string
	}{
		{"outbox", func(c *Config, step int) {
			c.Limits.Outbox = c.Limits.MaxBodyBytes + c.Limits.MaxHeaderBlockBytes - Bytes(step)
		}, "limits.outbox"},
		{"transaction", func(c *Config, step int) { c.Limits.MaxTransactionBytes = c.Limits.MaxBodyBytes - Bytes(step) }, "limits.max_body_bytes"},
		{"queue", func(c *Config, step int) { c.Queues.MaxBytes = c.Limits.MaxBodyBytes - Bytes(step) }, "limits.max_body_bytes"},
		{"header line", func(c *Config, step int) {
			c.Limits.MaxHeaderBytes = c.Limits.MaxHeaderBlockBytes + Bytes(step)
		}, "limits.max_header_bytes"},
		{"connect header line", func(c *Config, step int) {
			c.Limits.ConnectMaxHeaderBytes = c.Limits.MaxHeaderBytes + Bytes(step)
			c.Limits.ConnectMaxHeaderBlockBytes = c.Limits.MaxHeaderBytes + 1
		}, "limits.connect_max_header_bytes"},
		{"connect block", func(c *Config, step int) {
			c.Limits.ConnectMaxHeaderBlockBytes = c.Limits.MaxHeaderBlockBytes + Bytes(step)
		}, "limits.connect_max_header_block_bytes"},
		{"connect headers", func(c *Config, step int) { c.Limits.ConnectMaxHeaders = c.Limits.MaxHeaders + step }, "limits.connect_max_headers"},
		{"prefetch", func(c *Config, step int) { c.Session.DefaultPrefetch = c.Session.MaxPrefetch + step }, "session.default_prefetch"},
		{"heart-beat", func(c *Config, step int) {
			c.HeartBeat.Max = c.HeartBeat.Receive
			c.HeartBeat.Receive += time.Duration(step)
		}, "heartbeat.receive"},
		{"back-off", func(c *Config, step int) {
			c.Supervision.BackoffMin = c.Supervision.BackoffMax + time.Duration(step)
		}, "supervision.backoff_min"},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := Default()
			c.set(at, 0)
			if err := at.Validate(); err != nil {
				t.Errorf("at the edge: %v", err)
			}
			beyond := Default()
			c.set(beyond, 1)
			p := ProblemsOf(beyond.Validate())
			if len(p) != 1 || p[0].Key != c.key {
				t.Errorf("beyond the edge: %v", p)
			}
		})
	}
}

// A setting that is out of its own bounds is not compared with others as well.
func TestOneMistakeOneReport(t *testing.T) {
	c := Default()
	c.Limits.MaxBodyBytes = 2 * GiB // more than its maximum, the outbox, a transaction and a queue
	if p := ProblemsOf(c.Validate()); len(p) != 1 {
		t.Errorf("got %v", p)
	}
}

// What is printed reads back as the same configuration, whatever its values are.
func TestPrintedConfigurationReadsBack(t *testing.T) {
	c := Default()
	c.Listen = append(c.Listen, defaultListen("a \"name\"\\ with\n\x01\x7f and ☃", "unix:/run/s.sock"), defaultListen("[::1]:0", "[::1]:0"))
	c.Listen[1].WebSocketsOrigin = []string{"*", "https://*.a.example:8443"}
	c.Listen[1].Web, c.Listen[1].Trusted, c.Listen[1].HTTP = true, true, false
	c.Listen[2].TLSCert, c.Listen[2].TLSKey = "/c.pem", "/k.pem"
	c.Limits.MaxBodyBytes = 12345678
	c.HeartBeat.Tolerance = 2.25
	c.HeartBeat.Send = 1500 * time.Millisecond
	c.Destination = []Destination{
		{Name: "memtop", Type: TypeTopic, SlowConsumer: new(SlowDropOldest), MaxConnections: 7, WebReadBlock: true},
		{Name: "/queue/a", Type: TypeQueue, MaxMessages: new(5), MaxBytes: new(1 * MiB), HoldTimeout: new(time.Duration(0)), DeadLetter: new(""), MaxDeliveries: new(0)},
	}
	got := parse(t, string(c.Marshal()))
	if !reflect.DeepEqual(got, c) {
		t.Errorf("printed\n%v\nread\n%v", c, got)
	}
}

// A passcode is shown by no way of printing, logging or complaining that a program has.
func TestPasscodeIsNeverShown(t *testing.T) {
	const passcode = "s3sam\topen"
	c := parse(t, "login = \"me\"\npasscode = \"s3sam\\topen\"")
	if c.Passcode.Reveal() != passcode {
		t.Fatal("the passcode was not read")
	}
	var log strings.Builder
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("config", "cfg", c, "value", *c, "passcode", c.Passcode)
	}
	shown := log.String() + string(c.Marshal())
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X"} {
		shown += fmt.Sprintf(verb, c.Passcode) + fmt.Sprintf(verb, c) + fmt.Sprintf(verb, *c)
	}
	_, err := Parse("t.toml", []byte("passcode = \"s3sam\\topen\"\npasscode = \"s3sam\\topen\"\n[passcode]\n[log]\nlevel=1"), []string{"STAMPEDE_PASSCODE=s3sam\topen"})
	shown += err.Error()
	_, err = Parse("t.toml", []byte("passcode = s3sam"), nil)
	shown += err.Error()
	for _, leak := range []string{"s3sam", "733373616d", "733373616D"} {
		if at := strings.Index(shown, leak); at >= 0 {
			t.Errorf("leaked: …%s…", shown[max(0, at-60):min(len(shown), at+30)])
		}
	}
	if !strings.Contains(shown, "passcode is set and not shown") {
		t.Error("it does not say that there is one")
	}
}

// A Secret says whether it is there, in quotes where quotes were asked for.
func TestSecretForms(t *testing.T) {
	for verb, want := range map[string]string{"%v": Redacted, "%s": Redacted, "%q": `"` + Redacted + `"`, "%#v": `"` + Redacted + `"`, "%d": Redacted} {
		if got := fmt.Sprintf(verb, Secret("x")); got != want {
			t.Errorf("%s: %s", verb, got)
		}
	}
	if got := fmt.Sprintf("%v|%q", Secret(""), Secret("")); got != `|""` {
		t.Errorf("empty: %s", got)
	}
}

// Load says in one line why a file could not be read, or that it is empty.
func TestLoadUnreadable(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, make([]byte, maxFileBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	empty, comment := filepath.Join(dir, "empty"), filepath.Join(dir, "comment")
	for path, text := range map[string]string{empty: " \n\n", comment: "# the defaults\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(comment); err != nil {
		t.Errorf("a comment: %v", err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none.toml"): "no such file",
		dir:                             "is a directory",
		large:                           "larger than 4MiB",
		empty:                           "is empty",
	} {
		_, err := Load(path)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || strings.Count(err.Error(), path) != 1 {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Relative paths of certificates start at the directory of the file.
func TestRelativeCertificates(t *testing.T) {
	c, err := Parse("/etc/stampede/s.toml", []byte("[[listen]]\naddress = \"localhost:1\"\ntls_cert = \"c.pem\"\ntls_key = \"/k.pem\""), nil)
	if err != nil {
		t.Fatal(err)
	}
	if l := c.Listen[0]; l.TLSCert != "/etc/stampede/c.pem" || l.TLSKey != "/k.pem" {
		t.Errorf("got %s and %s", l.TLSCert, l.TLSKey)
	}
}
