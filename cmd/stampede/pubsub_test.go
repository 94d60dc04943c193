package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"stampede/stompwire"
)

// received is a line of sub --format json.
type received struct {
	Destination string            `json:"destination"`
	Headers     map[string]string `json:"headers"`
	Body        string            `json:"body"`
	BodyBase64  []byte            `json:"body_base64"`
}

// take subscribes until n messages have come.
func take(t *testing.T, url string, n int, args ...string) []received {
	t.Helper()
	r := stampede(t, "", nil, append([]string{"sub", "--url", url, "--format", "json", "--count", strconv.Itoa(n)}, args...)...)
	if r.code != exitOK {
		t.Fatalf("sub %v: %+v", args, r)
	}
	var all []received
	for d := json.NewDecoder(strings.NewReader(r.out)); ; {
		var m received
		if err := d.Decode(&m); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	if len(all) != n {
		t.Errorf("%d messages came, not %d", len(all), n)
	}
	return all
}

func bodies(all []received) []string {
	var list []string
	for _, m := range all {
		list = append(list, m.Body)
	}
	return list
}

// Every way of saying what to publish arrives as it was said.
func TestPubBodies(t *testing.T) {
	_, address := broker(t, nil)
	url := "tcp://" + address
	path := file(t, "body", "from a\r\nfile\n")
	for _, c := range []struct {
		name, stdin string
		args        []string
		want        []string
	}{
		{"argument", "not read", []string{"hello"}, []string{"hello"}},
		{"empty argument", "not read", []string{""}, []string{""}},
		{"argument that looks like a flag", "", []string{"--", "-5"}, []string{"-5"}},
		{"standard input", "all\nof it\n", nil, []string{"all\nof it\n"}},
		{"dash", "all of it", []string{"-"}, []string{"all of it"}},
		{"nothing", "", nil, []string{""}},
		{"file", "", []string{"--file", path}, []string{"from a\r\nfile\n"}},
		{"count", "", []string{"--count", "3", "x"}, []string{"x", "x", "x"}},
		{"lines", "one\ntwo\r\n\n four ", []string{"--lines"}, []string{"one", "two", "", " four "}},
		{"no lines", "", []string{"--lines"}, nil},
		{"without receipts", "1\n2\n3\n", []string{"--lines", "--receipt=false"}, []string{"1", "2", "3"}},
		{"over WebSocket", "1\n2\n3\n", []string{"--lines", "--url", "ws://" + address}, []string{"1", "2", "3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			queue := "/queue/" + strings.ReplaceAll(c.name, " ", "-")
			if r := stampede(t, c.stdin, nil, slices.Concat([]string{"pub", "--url", url, queue}, c.args)...); r != (result{}) {
				t.Fatalf("got %+v", r)
			}
			if len(c.want) == 0 {
				return
			}
			if got := bodies(take(t, url, len(c.want), queue)); !slices.Equal(got, c.want) {
				t.Errorf("got %q", got)
			}
		})
	}
}

// More lines than may be unconfirmed at a time keep their order, and all arrive.
func TestPubManyLines(t *testing.T) {
	_, address := broker(t, nil)
	const n = 3*underway + 1
	var in strings.Builder
	var want []string
	for i := range n {
		fmt.Fprintln(&in, i)
		want = append(want, strconv.Itoa(i))
	}
	url := "tcp://" + address
	if r := stampede(t, in.String(), nil, "pub", "--lines", "--url", url, "/queue/x"); r != (result{}) {
		t.Fatalf("got %+v", r)
	}
	for _, ack := range []string{"client-individual", "client", "auto"} {
		if got := bodies(take(t, url, n, "--ack", ack, "/queue/x")); !slices.Equal(got, want) {
			t.Errorf("%s: got %d of %d: %q…", ack, len(got), n, got[:min(3, len(got))])
		}
		if ack != "auto" {
			stampede(t, in.String(), nil, "pub", "--lines", "--url", url, "/queue/x")
		}
	}
}

// Headers arrive as given; the type of the content is told unless the user tells it.
func TestPubHeaders(t *testing.T) {
	_, address := broker(t, nil)
	url := "tcp://" + address
	for _, c := range []struct {
		body string
		args []string
		want map[string]string
	}{
		{"text", []string{"--header", "a:b:c\\d", "--header", "colour: red "}, map[string]string{"a": "b:c\\d", "colour": " red ", "content-type": "text/plain", "content-length": "4"}},
		{"{}", []string{"--header", "content-type:application/json"}, map[string]string{"content-type": "application/json"}},
		{"\xff\x00", nil, map[string]string{"content-type": "application/octet-stream", "content-length": "2"}},
	} {
		if r := stampede(t, c.body, nil, slices.Concat([]string{"pub", "--url", url, "/queue/x"}, c.args)...); r != (result{}) {
			t.Fatalf("got %+v", r)
		}
		m := take(t, url, 1, "/queue/x")[0]
		for name, value := range c.want {
			if m.Headers[name] != value {
				t.Errorf("%q: %s is %q, not %q", c.body, name, m.Headers[name], value)
			}
		}
		if m.Destination != "/queue/x" || m.Body+string(m.BodyBase64) != c.body {
			t.Errorf("got %+v", m)
		}
	}
}

// A file of any bytes comes out of sub --format raw --end ” as it went into pub, over TCP and WebSocket.
func TestRawRoundTrip(t *testing.T) {
	_, address := broker(t, nil)
	data := make([]byte, 1<<20)
	random := rand.NewChaCha8([32]byte{1})
	random.Read(data)
	path := file(t, "data", string(data))
	for _, url := range []string{"tcp://" + address, "ws://" + address} {
		if r := stampede(t, "", nil, "pub", "--url", url, "--file", path, "/queue/files"); r != (result{}) {
			t.Fatalf("got %+v", r)
		}
		r := stampede(t, "", nil, "sub", "--url", url, "--count", "1", "--format", "raw", "--end", "", "/queue/files")
		if r.code != exitOK || !bytes.Equal([]byte(r.out), data) {
			t.Errorf("%s: %d, %d bytes, %s", url, r.code, len(r.out), r.err)
		}
	}
}

// Over WebSocket the sub-protocols are those of the versions that --stomp offers.
func TestVersionsOverWebSocket(t *testing.T) {
	_, address := broker(t, nil)
	for _, version := range []string{"1.0", "1.1", "1.2", "1.0,1.1", "1.2, 1.0"} {
		if r := stampede(t, "", nil, "pub", "--url", "ws://"+address, "--stomp", version, "/queue/v", "hello"); r != (result{}) {
			t.Errorf("--stomp %s: got %+v", version, r)
		}
	}
}

// Every ack mode works in every version of the protocol: what was printed is gone, what was not is still there, in order.
func TestSubTakesWhatItPrints(t *testing.T) {
	_, address := broker(t, nil)
	url := "tcp://" + address
	for _, version := range []string{"1.0", "1.1", "1.2"} {
		for _, ack := range []string{"client", "client-individual"} {
			queue := "/queue/" + version + ack
			if r := stampede(t, "1\n2\n3\n4\n", nil, "pub", "--lines", "--stomp", version, "--url", url, queue); r != (result{}) {
				t.Fatalf("got %+v", r)
			}
			for _, want := range [][]string{{"1", "2"}, {"3"}, {"4"}} {
				got := take(t, url, len(want), "--ack", ack, "--stomp", version, queue)
				if !slices.Equal(bodies(got), want) {
					t.Errorf("%s, %s: %+v, want %v", version, ack, got, want)
				}
			}
		}
	}
}

// A message that could not be printed goes to somebody else, and sub says why it ended.
func TestSubGivesBackWhatItCannotPrint(t *testing.T) {
	_, address := broker(t, nil)
	url := "tcp://" + address
	stampede(t, "", nil, "pub", "--url", url, "/queue/x", "precious")
	var told bytes.Buffer
	code := run(t.Context(), []string{"sub", "--url", url, "/queue/x"}, stdio{in: strings.NewReader(""), out: broken{}, err: &told}, nil)
	if code != exitFailed || !strings.Contains(told.String(), "can't write to the standard output: no space") {
		t.Errorf("ended with %d and said %s", code, told.String())
	}
	if m := take(t, url, 1, "/queue/x")[0]; m.Body != "precious" || m.Headers["redelivered"] != "true" {
		t.Errorf("got %+v", m)
	}
}

// One sub takes several destinations, topics and wildcards among them, and ends well when interrupted.
func TestSubSeveralDestinations(t *testing.T) {
	_, address := broker(t, nil)
	url := "tcp://" + address
	s := start(t, nil, nil, "sub", "--url", url, "/topic/a.*", "/topic/b", "/queue/c")
	s.err.await(t, "subscribed to /queue/c")
	for _, d := range []string{"/topic/a.1", "/topic/b", "/topic/other", "/queue/c"} {
		if r := stampede(t, "", nil, "pub", "--url", url, d, "for "+d); r != (result{}) {
			t.Fatalf("got %+v", r)
		}
	}
	for _, d := range []string{"/topic/a.1", "/topic/b", "/queue/c"} {
		s.out.await(t, "for "+d)
	}
	s.interrupt()
	if code := s.wait(); code != exitOK {
		t.Errorf("ended with %d: %s", code, s.err)
	}
	if strings.Contains(s.out.String(), "other") || strings.Count(s.err.String(), "\n") != 3 {
		t.Errorf("printed\n%s\n%s", s.out, s.err)
	}
}

// A sub that is interrupted unsubscribes and says goodbye before it goes, and waits for the answers.
func TestSubInterruptedSaysGoodbye(t *testing.T) {
	said := make(chan stompwire.Command, 3)
	url := fakeBroker(t, func(p *peer) {
		p.admit("1.2")
		for range 3 {
			f := p.read()
			said <- f.Command
			p.confirm(f)
		}
	})
	s := start(t, nil, nil, "sub", "--url", url, "/topic/x")
	s.err.await(t, "subscribed")
	s.interrupt()
	if code := s.wait(); code != exitOK {
		t.Errorf("ended with %d: %s", code, s.err)
	}
	for _, want := range []stompwire.Command{stompwire.Subscribe, stompwire.Unsubscribe, stompwire.Disconnect} {
		if got := <-said; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// SUBSCRIBE carries what the flags say; with --count no more is asked for than is left to print.
func TestSubFrame(t *testing.T) {
	for args, want := range map[string]string{
		"":                                     "ack=client-individual",
		"--ack auto --count 5":                 "ack=auto",
		"--ack client --prefetch 7 --count 5":  "ack=client prefetch-count=7",
		"--count 5":                            "ack=client-individual prefetch-count=5",
		"--count 500":                          "ack=client-individual",
		"--selector a>1 --header exclusive:on": "ack=client-individual exclusive=on selector=a>1",
	} {
		frames := make(chan stompwire.Frame, 1)
		url := fakeBroker(t, func(p *peer) {
			p.admit("1.2")
			frames <- p.read()
		})
		stampede(t, "", nil, append([]string{"sub", "--url", url, "/topic/x"}, strings.Fields(args)...)...)
		var got []string
		for _, f := range (<-frames).Header {
			if f.Name != "id" && f.Name != "destination" && f.Name != "receipt" {
				got = append(got, f.Name+"="+f.Value)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %v, want %s", args, got, want)
		}
	}
}

// What the broker refuses is one clear line and status 1.
func TestRefusalsAreOneLine(t *testing.T) {
	_, address := broker(t, []string{"STAMPEDE_LIMITS_MAX_BODY_BYTES=10", "STAMPEDE_QUEUES_MAX_MESSAGES=1", "STAMPEDE_QUEUES_FULL=reject"})
	url := "tcp://" + address
	for want, args := range map[string][]string{
		"max_body_bytes":             {"pub", "/topic/x", "eleven byte"},
		"(q flup)":                   {"pub", "/queue/x", "y", "--count", "2"},
		"destination unknown":        {"pub", "nowhere", "y"},
		"(unsupported)":              {"pub", "/topic/x", "y", "--header", "message-group:g"},
		"(version)":                  {"pub", "/topic/x", "y", "--stomp", "2.0"},
		"the broker says":            {"sub", "/queue/", "--count", "1"},
		"is a broker running there?": {"pub", "/topic/x", "y", "--url", "tcp://" + unusedAddress(t)},
		"can't connect to ws://":     {"pub", "/topic/x", "y", "--url", "ws://" + unusedAddress(t)},
		"is TLS spoken there?":       {"pub", "/topic/x", "y", "--url", "tls://" + address},
		"unknown scheme \"gopher\"":  {"pub", "/topic/x", "y", "--url", "gopher://x"},
		"can't read --file none: no such file or directory": {"pub", "/topic/x", "--file", "none"},
	} {
		if !slices.Contains(args, "--url") {
			args = append(args, "--url", url)
		}
		r := stampede(t, "", nil, args...)
		if r.code != exitFailed || r.out != "" || strings.Count(r.err, "\n") != 1 || !strings.Contains(r.err, want) {
			t.Errorf("%v: %+v", args, r)
		}
	}
}

func unusedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A standard input that fails is an error, and nothing of it is published as if it were whole.
func TestPubUnreadableInput(t *testing.T) {
	published := make(chan stompwire.Frame, 9)
	url := fakeBroker(t, func(p *peer) {
		p.admit("1.2")
		for f := p.read(); f.Command != ""; f = p.read() {
			published <- f
			p.confirm(f)
		}
	})
	var told bytes.Buffer
	in := io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errors.New("the disk is gone")))
	if code := run(t.Context(), []string{"pub", "--url", url, "/queue/x"}, stdio{in: in, out: io.Discard, err: &told}, nil); code != exitFailed {
		t.Errorf("ended with %d", code)
	}
	if len(published) != 0 || !strings.Contains(told.String(), "the disk is gone") {
		t.Errorf("published %d, said %s", len(published), told.String())
	}
}

// pub --lines ends when the broker does, though the next line has not come.
func TestPubLinesNoticesTheEnd(t *testing.T) {
	url := fakeBroker(t, func(p *peer) {
		p.admit("1.2")
		p.confirm(p.read())
		p.say("ERROR\nmessage:going down\ncode:shutdown\n\n^")
	})
	in, typist := io.Pipe()
	defer typist.Close()
	p := start(t, in, nil, "pub", "--lines", "--url", url, "/queue/x")
	fmt.Fprintln(typist, "one")
	if code := p.wait(); code != exitFailed || !strings.Contains(p.err.String(), "the broker says: going down (shutdown)") {
		t.Errorf("ended with %d and said %s", code, p.err)
	}
}

// pub that is interrupted says so, with status 1: not everything may have been taken.
func TestPubInterrupted(t *testing.T) {
	_, address := broker(t, nil)
	in, typist := io.Pipe()
	defer typist.Close()
	p := start(t, in, nil, "pub", "--lines", "--url", "tcp://"+address, "/queue/x")
	fmt.Fprintln(typist, "one")
	fmt.Fprintln(typist, "two") // The first has been taken off the input when this is.
	p.interrupt()
	if code := p.wait(); code != exitFailed || p.err.String() != "stampede pub: interrupted\n" {
		t.Errorf("ended with %d and said %s", code, p.err)
	}
}

// sub --reconnect comes back when the broker does, with its subscriptions; without it a broker that goes is the end.
func TestSubReconnect(t *testing.T) {
	first, address := broker(t, nil)
	url := "tcp://" + address
	faithful := start(t, nil, nil, "sub", "--reconnect", "--url", url, "/queue/x")
	faithful.err.await(t, "subscribed")
	plain := start(t, nil, nil, "sub", "--url", url, "/queue/x")
	plain.err.await(t, "subscribed")
	first.interrupt()
	if code := first.wait(); code != exitOK {
		t.Fatalf("the broker ended with %d: %s", code, first.err)
	}
	if code := plain.wait(); code != exitFailed || !strings.Contains(plain.err.String(), "(shutdown)") {
		t.Errorf("without --reconnect it ended with %d and said %s", code, plain.err)
	}
	faithful.err.await(t, "trying again in")

	second := start(t, nil, nil, "serve", "--listen", address)
	second.out.await(t, "Listening on")
	if r := stampede(t, "", nil, "pub", "--url", url, "/queue/x", "you again"); r != (result{}) {
		t.Fatalf("got %+v", r)
	}
	faithful.out.await(t, "you again")
	faithful.interrupt()
	if code := faithful.wait(); code != exitOK {
		t.Errorf("ended with %d: %s", code, faithful.err)
	}
}

// Only what may be gone at the next try is tried again.
func TestPasses(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{&brokerError{code: "shutdown"}, true},
		{&brokerError{code: "internal error"}, true},
		{fmt.Errorf("x: %w", &brokerError{code: "auth err"}), false},
		{&brokerError{}, false},
		{lost(io.EOF), true},
		{usagef("x"), false},
		{&outputError{os.ErrClosed}, false},
	} {
		if got := passes(c.err); got != c.want {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}
