package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What was sent to a destination with log_messages can be printed, chosen by destination and time, and sent
// again to its destination or another, with its headers, a message-id of its own, and without an expiry.
func TestJournal(t *testing.T) {
	dir := t.TempDir()
	configuration := file(t, "stampede.toml", `
[journal]
directory = "`+filepath.ToSlash(dir)+`"
[[destination]]
name = "/queue/log.*"
log_messages = true
`)
	first, address := broker(t, nil, "-c", configuration)
	url := "tcp://" + address
	for _, args := range [][]string{
		{"/queue/log.a", "1", "--header", "expires:4000000000000", "--header", "note:x"},
		{"/queue/log.a", "2"},
		{"/queue/log.b", "3"},
		{"/queue/other", "4"},
	} {
		if r := stampede(t, "", nil, append([]string{"pub", "--url", url}, args...)...); r.code != exitOK {
			t.Fatalf("%+v", r)
		}
	}
	cat := func(args ...string) string {
		t.Helper()
		r := stampede(t, "", nil, append([]string{"journal", "cat", "--format", "raw", "--end", " "}, args...)...)
		if r.code != exitOK || r.err != "" {
			t.Errorf("%v: %+v", args, r)
		}
		return r.out
	}
	first.interrupt() // the files are written behind the back of the RECEIPTs; at the end they are whole
	if code := first.wait(); code != exitOK {
		t.Fatal(first.err)
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"1 2 3 ", []string{"-c", configuration}},
		{"1 2 ", []string{dir, "--destination", "/queue/log.a"}},
		{"3 ", []string{dir, "--destination", "/queue/log.b*", "--destination", "/queue/log"}},
		{"1 2 3 ", []string{dir, "--since", "1h"}},
		{"", []string{dir, "--until", "1h"}},
		{"", []string{dir, "--since", "2999-12-31"}},
		{"3 ", []string{filepath.Join(dir, "%2Fqueue%2Flog%2Eb")}},
	} {
		if got := cat(c.args...); got != c.want {
			t.Errorf("%v: %q, want %q", c.args, got, c.want)
		}
	}
	if r := stampede(t, "", nil, "journal", "cat", "--format", "json", dir); !strings.Contains(r.out, `"journal-time":"20`) || !strings.Contains(r.out, `"note":"x"`) {
		t.Errorf("as JSON: %s", r.out)
	}

	_, address = broker(t, nil, "-c", configuration)
	url = "tcp://" + address
	replay := func(args ...string) {
		t.Helper()
		r := stampede(t, "", nil, append([]string{"journal", "replay", "--url", url, dir, "--destination", "/queue/log.a"}, args...)...)
		if r.code != exitOK || !strings.Contains(r.err, "sent 2 messages") {
			t.Errorf("%+v", r)
		}
	}
	replay("--to", "/queue/again")
	again := take(t, url, 2, "/queue/again")
	h := again[0].Headers
	if !slices.Equal(bodies(again), []string{"1", "2"}) || h["note"] != "x" || h["expires"] != "" || h["original-message-id"] == "" || h["original-message-id"] == h["message-id"] {
		t.Errorf("sent again: %+v", again)
	}
	replay()
	if got := bodies(take(t, url, 2, "/queue/log.a")); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("in the queue: %q", got)
	}
}

// A journal that is damaged is read as far as it goes, and what is wrong is told.
func TestJournalThatIsDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "20260102T150405.000Z-000.journal")
	if err := os.WriteFile(path, []byte("SJOURNAL\x05\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := stampede(t, "", nil, "journal", "cat", path); r.code != exitOK || r.out != "" || !strings.Contains(r.err, "the last 11 octets are no whole record") {
		t.Errorf("%+v", r)
	}
}

// What makes no sense is refused with a hint.
func TestJournalUsage(t *testing.T) {
	for _, c := range []struct {
		want string
		args []string
	}{
		{"cat or replay is needed", nil},
		{`not "dog"`, []string{"dog"}},
		{"a PATH is needed", []string{"cat"}},
		{"--to is for replay", []string{"cat", "--to", "/queue/a", "x"}},
		{"a time is like", []string{"cat", "--since", "yesterday", "x"}},
		{"--format is", []string{"cat", "--format", "xml", "x"}},
		{"can't read the journal /nowhere", []string{"cat", "/nowhere"}},
	} {
		if r := stampede(t, "", nil, append([]string{"journal"}, c.args...)...); r.code == exitOK || !strings.Contains(r.err, c.want) {
			t.Errorf("%v: %+v", c.args, r)
		}
	}
}
