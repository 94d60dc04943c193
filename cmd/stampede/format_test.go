package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"stampede/stompwire"
)

func sample(body string) *message {
	return &message{Frame: stompwire.Frame{
		Command: stompwire.Message,
		Header: stompwire.Header{
			{Name: "subscription", Value: "1"},
			{Name: "message-id", Value: "m7"},
			{Name: "destination", Value: "/topic/a"},
			{Name: "content-length", Value: "5"},
			{Name: "colour", Value: "red"},
			{Name: "colour", Value: "blue"},
		},
		Body: []byte(body),
	}}
}

func format(t *testing.T, name, end string, m *message) string {
	t.Helper()
	write, err := printer(name, end)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := write(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// pretty shows where a message comes from, the headers that its sender gave it, and its text; never a control character.
func TestPretty(t *testing.T) {
	const head = "── /topic/a  m7  %d bytes\n   colour: red\n   colour: blue\n"
	for body, want := range map[string]string{
		"":               strings.ReplaceAll(head, "%d", "0"),
		"hello":          strings.ReplaceAll(head, "%d", "5") + "hello\n",
		"two\nlines\n":   strings.ReplaceAll(head, "%d", "10") + "two\nlines\n",
		"\x1b]0;title\a": strings.ReplaceAll(head, "%d", "10") + `\u001b]0;title\u0007` + "\n",
		"\xff\x00A":      strings.ReplaceAll(head, "%d", "3") + "00000000  ff 00 41                                          |..A|\n",
	} {
		if got := format(t, "pretty", "", sample(body)); got != want {
			t.Errorf("%q:\n%s\nwant\n%s", body, got, want)
		}
	}
	long := format(t, "pretty", "", sample(strings.Repeat("\xff", 2000)))
	if !strings.HasSuffix(long, "\n… 976 more bytes\n") {
		t.Errorf("a long binary body ends with %q", long[len(long)-40:])
	}
	m := sample("x")
	m.Header[2].Value, m.Header[4].Value = "/topic/\x1b[31m", "a\nfaked: line"
	if got := format(t, "pretty", "", m); strings.Contains(got, "\x1b") || strings.Contains(got, "\nfaked") {
		t.Errorf("headers gave orders: %q", got)
	}
}

// raw adds nothing to a body but what was asked for.
func TestRaw(t *testing.T) {
	for end, want := range map[string]string{``: "\x00\xff\n", `\n`: "\x00\xff\n\n", `\0`: "\x00\xff\n\x00", `, \t\\n`: "\x00\xff\n, \t\\n"} {
		if got := format(t, "raw", end, sample("\x00\xff\n")); got != want {
			t.Errorf("%q: %q, want %q", end, got, want)
		}
	}
}

// json is one object in one line, whatever the body is.
func TestJSON(t *testing.T) {
	for body, want := range map[string]string{
		"":         `{"destination":"/topic/a","headers":{"colour":"red","content-length":"5","destination":"/topic/a","message-id":"m7","subscription":"1"},"body":""}`,
		"<a>\n":    `{"destination":"/topic/a","headers":{"colour":"red","content-length":"5","destination":"/topic/a","message-id":"m7","subscription":"1"},"body":"<a>\n"}`,
		"\xff\x00": `{"destination":"/topic/a","headers":{"colour":"red","content-length":"5","destination":"/topic/a","message-id":"m7","subscription":"1"},"body_base64":"/wA="}`,
	} {
		got := format(t, "json", "", sample(body))
		if got != want+"\n" || !json.Valid([]byte(got)) {
			t.Errorf("%q:\n%s\nwant\n%s", body, got, want)
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space") }

// No format hides that it could not write.
func TestFormatsReportFailedWrites(t *testing.T) {
	for _, name := range []string{"pretty", "raw", "json"} {
		write, err := printer(name, "")
		if err != nil {
			t.Fatal(err)
		}
		if write(broken{}, sample("x")) == nil {
			t.Errorf("%s hides it", name)
		}
	}
}
