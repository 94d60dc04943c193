package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stampede/stompwire"
)

// peer is the broker's side of one connection, played by a test.
type peer struct {
	t    *testing.T
	conn net.Conn
	in   frameReader
}

// fakeBroker runs script for each connection, and closes that behind it. It returns the url.
func fakeBroker(t *testing.T, script func(p *peer)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var scripts sync.WaitGroup
	scripts.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(patience))
			p := &peer{t: t, conn: conn, in: frameReader{conn: conn, decoder: stompwire.NewDecoder(stompwire.Limits{})}}
			scripts.Go(func() {
				script(p)
				conn.Close()
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		scripts.Wait()
	})
	return "tcp://" + l.Addr().String()
}

// read returns the next frame, or the zero one when the client is gone.
func (p *peer) read() stompwire.Frame {
	var f stompwire.Frame
	if err := p.in.next(&f); err != nil {
		return stompwire.Frame{}
	}
	return f
}

// expect reads a frame of a command and returns it.
func (p *peer) expect(command stompwire.Command) stompwire.Frame {
	f := p.read()
	if f.Command != command {
		p.t.Errorf("the client sent %v, not %s", f, command)
	}
	return f
}

// say writes to the client as it stands; ^ is the NUL that ends a frame.
func (p *peer) say(format string, args ...any) {
	fmt.Fprint(p.conn, strings.ReplaceAll(fmt.Sprintf(format, args...), "^", "\x00"))
}

// admit answers CONNECT.
func (p *peer) admit(version string) {
	p.expect(stompwire.Connect)
	v, _ := stompwire.ParseVersion(version)
	p.in.decoder.SetVersion(v)
	p.say("CONNECTED\nversion:%s\n\n^", version)
}

// confirm answers a frame with the RECEIPT that it asks for.
func (p *peer) confirm(f stompwire.Frame) {
	id, ok := f.Header.Get("receipt")
	if !ok {
		p.t.Errorf("%v asks for no receipt", f)
	}
	p.say("RECEIPT\nreceipt-id:%s\n\n^", id)
}

// hangUp reads until the client is gone.
func (p *peer) hangUp() {
	for p.read().Command != "" {
	}
}

func get(f stompwire.Frame, name string) string {
	value, _ := f.Header.Get(name)
	return value
}

func dial(t *testing.T, url string, o options) *client {
	t.Helper()
	c, err := connect(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

// CONNECT offers every version, and carries what was asked for as it is: nothing in it is escaped.
func TestConnectFrame(t *testing.T) {
	frames := make(chan stompwire.Frame, 1)
	url := fakeBroker(t, func(p *peer) {
		f := p.expect(stompwire.Connect)
		frames <- f
		p.say("CONNECTED\nversion:1.2\nserver:fake/1\n\n^")
		p.hangUp()
	})
	c := dial(t, url, options{login: "me", passcode: `a:b\c`, host: "h", heartBeat: 5 * time.Second, header: []stompwire.Field{{Name: "client-id", Value: "x"}}})
	if c.version != stompwire.V12 || c.server != "fake/1" {
		t.Errorf("version %v, server %q", c.version, c.server)
	}
	want := stompwire.Header{
		{Name: "accept-version", Value: "1.0,1.1,1.2"},
		{Name: "host", Value: "h"},
		{Name: "heart-beat", Value: "5000,5000"},
		{Name: "login", Value: "me"},
		{Name: "passcode", Value: `a:b\c`},
		{Name: "client-id", Value: "x"},
	}
	if f := <-frames; !slices.Equal(f.Header, want) {
		t.Errorf("got %d lines", len(f.Header))
	}

	c = dial(t, url, options{})
	if f := <-frames; f.Header.Has("login") || f.Header.Has("passcode") || f.Header.Has("heart-beat") || get(f, "host") == "" {
		t.Errorf("got %v", f)
	}
	if c.failure() != nil {
		t.Error(c.failure())
	}
}

// Whatever a broker answers but a good CONNECTED is an error that says what happened.
func TestConnectRefused(t *testing.T) {
	for answer, want := range map[string]string{
		"ERROR\nmessage:no\ncode:auth err\n\nwrong passcode^": "the broker says: no (auth err): wrong passcode",
		"ERROR\n\nonly a body^":                               "the broker says: only a body",
		"ERROR\nmessage:short\n\nshort\n^":                    "the broker says: short",
		"ERROR\ncode:shutdown\n\n^":                           "the broker says: shutdown",
		"ERROR\n\n^":                                          "the broker says: no, but not why",
		"RECEIPT\nreceipt-id:1\n\n^":                          "the broker answered CONNECT with RECEIPT",
		"CONNECTED\nversion:2.0\n\n^":                         `the broker chose STOMP "2.0"`,
		"CONNECTED\nversion:1.2\nheart-beat:often\n\n^":       "heart-beat",
		"HTTP/1.1 400 Bad Request\r\n\r\n":                    "what the broker sent is not STOMP",
		"":                                                    "the connection is lost: the broker closed it",
		"CONNE":                                               "the connection is lost: the broker closed it",
	} {
		url := fakeBroker(t, func(p *peer) {
			p.expect(stompwire.Connect)
			p.say("%s", answer)
		})
		if _, err := connect(t.Context(), url, options{}); err == nil || !strings.Contains(err.Error(), want) || strings.HasPrefix(answer, "ERROR") && err.Error() != want {
			t.Errorf("%q: %v", answer, err)
		}
	}
}

// A broker that says nothing is given up when ctx ends, with ctx's own reason.
func TestConnectGivesUp(t *testing.T) {
	url := fakeBroker(t, (*peer).hangUp)
	why := errors.New("enough")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, why)
	defer cancel()
	if _, err := connect(ctx, url, options{}); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}

// A broker that names no version speaks 1.0.
func TestConnectWithoutVersion(t *testing.T) {
	c := dial(t, fakeBroker(t, func(p *peer) {
		p.expect(stompwire.Connect)
		p.say("CONNECTED\n\n^")
		p.hangUp()
	}), options{})
	if c.version != stompwire.V10 {
		t.Errorf("got %v", c.version)
	}
}

// ACK and NACK name a message the way the version in use does.
func TestAckByVersion(t *testing.T) {
	for version, want := range map[string][]string{
		"1.0": {"message-id", "m1", "subscription", "1"},
		"1.1": {"message-id", "m1", "subscription", "1"},
		"1.2": {"id", "a1"},
	} {
		acks := make(chan stompwire.Frame, 2)
		c := dial(t, fakeBroker(t, func(p *peer) {
			p.admit(version)
			f := p.expect(stompwire.Subscribe)
			p.confirm(f)
			p.say("MESSAGE\nsubscription:%s\nmessage-id:m1\nack:a1\ndestination:/queue/x\n\nhello^", get(f, "id"))
			acks <- p.expect(stompwire.Ack)
			acks <- p.expect(stompwire.Nack)
			p.hangUp()
		}), options{})
		if _, err := c.subscribe(t.Context(), "/queue/x", "client", nil); err != nil {
			t.Fatal(err)
		}
		m, err := c.next(t.Context())
		if err != nil || string(m.Body) != "hello" {
			t.Fatalf("%v, %v", m, err)
		}
		if err := errors.Join(c.ack(t.Context(), m), c.nack(t.Context(), m)); err != nil {
			t.Error(err)
		}
		for range 2 {
			var got []string
			for _, f := range (<-acks).Header {
				got = append(got, f.Name, f.Value)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %v", version, got)
			}
		}
	}
}

// In mode auto nothing is acknowledged.
func TestAutoSendsNoAck(t *testing.T) {
	c := dial(t, fakeBroker(t, func(p *peer) {
		p.admit("1.2")
		f := p.expect(stompwire.Subscribe)
		p.confirm(f)
		p.say("MESSAGE\nsubscription:%s\nmessage-id:1\ndestination:/topic/x\n\n^", get(f, "id"))
		p.confirm(p.expect(stompwire.Disconnect))
	}), options{})
	if _, err := c.subscribe(t.Context(), "/topic/x", "auto", nil); err != nil {
		t.Fatal(err)
	}
	m, err := c.next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.ack(t.Context(), m), c.nack(t.Context(), m), c.disconnect(t.Context())); err != nil {
		t.Error(err)
	}
}

// A RECEIPT that arrives together with the end of the connection still counts, for disconnect and for every other frame.
func TestReceiptBeforeTheEndCounts(t *testing.T) {
	url := fakeBroker(t, func(p *peer) {
		p.admit("1.2")
		p.confirm(p.read())
	})
	for range 20 {
		c := dial(t, url, options{})
		r, err := c.send(t.Context(), "/queue/x", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		<-c.done
		if err := r.wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := dial(t, url, options{}).disconnect(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// An ERROR ends everything that waits, with what the broker said; so does whatever is tried later.
func TestErrorEndsEverything(t *testing.T) {
	c := dial(t, fakeBroker(t, func(p *peer) {
		p.admit("1.2")
		p.expect(stompwire.Send)
		p.say("ERROR\nmessage:queue is full\ncode:q flup\n\n^")
	}), options{})
	r, err := c.send(t.Context(), "/queue/x", nil, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	_, nextErr := c.next(t.Context())
	_, sendErr := c.send(t.Context(), "/queue/x", nil, nil)
	for what, err := range map[string]error{"wait": r.wait(t.Context()), "next": nextErr, "send": sendErr, "disconnect": c.disconnect(t.Context())} {
		var e *brokerError
		if !errors.As(err, &e) || e.code != "q flup" || e.message != "queue is full" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A connection that ends without a word is an error, unless the client had said goodbye.
func TestLostConnection(t *testing.T) {
	c := dial(t, fakeBroker(t, func(p *peer) { p.admit("1.2") }), options{})
	if _, err := c.next(t.Context()); !errors.As(err, new(*lostError)) {
		t.Errorf("got %v", err)
	}
	c = dial(t, fakeBroker(t, func(p *peer) {
		p.admit("1.2")
		p.expect(stompwire.Disconnect)
	}), options{})
	if err := c.disconnect(t.Context()); !errors.Is(err, errClosed) {
		t.Errorf("disconnect without a receipt: %v", err)
	}
}

// A write that fails while the reader waits for next is a lost connection: nothing will tell a better reason.
func TestFailedWriteWithoutAReason(t *testing.T) {
	c := dial(t, fakeBroker(t, func(p *peer) {
		p.admit("1.2")
		f := p.expect(stompwire.Subscribe)
		p.confirm(f)
		p.say("MESSAGE\nsubscription:%s\nmessage-id:1\ndestination:/topic/x\n\n^", get(f, "id"))
	}), options{})
	if _, err := c.subscribe(t.Context(), "/topic/x", "auto", nil); err != nil {
		t.Fatal(err)
	}
	var err error
	for err == nil {
		err = c.sendUnconfirmed(t.Context(), "/topic/x", nil, make([]byte, 1<<16))
	}
	if !errors.As(err, new(*lostError)) || c.failure() != err {
		t.Errorf("got %v", err)
	}
}

// Unsubscribing works while messages flow that nobody takes: they are passed over.
func TestUnsubscribePassesMessagesOver(t *testing.T) {
	c := dial(t, fakeBroker(t, func(p *peer) {
		p.admit("1.2")
		f := p.expect(stompwire.Subscribe)
		p.confirm(f)
		for i := range 1000 {
			p.say("MESSAGE\nsubscription:%s\nmessage-id:%d\ndestination:/topic/x\n\n^", get(f, "id"), i)
		}
		p.confirm(p.expect(stompwire.Unsubscribe))
		p.confirm(p.expect(stompwire.Disconnect))
	}), options{})
	s, err := c.subscribe(t.Context(), "/topic/x", "auto", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.next(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.unsubscribe(t.Context(), s), c.disconnect(t.Context())); err != nil {
		t.Error(err)
	}
}

// Messages come to the subscription that they name, and in 1.0, where they need not name one, to that of their destination.
func TestMessagesFindTheirSubscription(t *testing.T) {
	c := dial(t, fakeBroker(t, func(p *peer) {
		p.admit("1.0")
		a, b := p.expect(stompwire.Subscribe), stompwire.Frame{}
		p.confirm(a)
		b = p.expect(stompwire.Subscribe)
		p.confirm(b)
		p.say("MESSAGE\nsubscription:%s\nmessage-id:1\ndestination:/topic/a\n\n^\n", get(b, "id"))
		p.say("MESSAGE\nmessage-id:2\ndestination:/topic/b\n\n^\n")
		p.say("MESSAGE\nsubscription:nobody\nmessage-id:3\ndestination:/topic/b\n\n^\n")
		p.say("MESSAGE\nmessage-id:4\ndestination:/topic/a\n\n^\n")
		p.hangUp()
	}), options{})
	for _, d := range []string{"/topic/a", "/topic/b"} {
		if _, err := c.subscribe(t.Context(), d, "auto", nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"/topic/b 1", "/topic/b 2", "/topic/a 4"} {
		m, err := c.next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := m.subscription.destination + " " + get(m.Frame, "message-id"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// While nobody calls next the client stops reading, so the broker can't write any more.
func TestSlowProgramSlowsTheBroker(t *testing.T) {
	blocked := make(chan error, 1)
	c := dial(t, fakeBroker(t, func(p *peer) {
		p.admit("1.2")
		f := p.expect(stompwire.Subscribe)
		p.confirm(f)
		body := strings.Repeat("x", 1<<20)
		for range 256 {
			p.conn.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
			if _, err := fmt.Fprintf(p.conn, "MESSAGE\nsubscription:%s\nmessage-id:1\ndestination:/topic/x\n\n%s\x00", get(f, "id"), body); err != nil {
				blocked <- err
				return
			}
		}
		blocked <- nil
	}), options{})
	if _, err := c.subscribe(t.Context(), "/topic/x", "auto", nil); err != nil {
		t.Fatal(err)
	}
	if err := <-blocked; !isTimeout(err) {
		t.Errorf("256 MiB went out, or: %v", err)
	}
}

// A broker that falls silent for longer than it promised is taken for dead.
func TestSilentBrokerIsDead(t *testing.T) {
	c := dial(t, fakeBroker(t, func(p *peer) {
		p.expect(stompwire.Connect)
		p.say("CONNECTED\nversion:1.2\nheart-beat:20,0\n\n^")
		p.hangUp()
	}), options{heartBeat: 10 * time.Millisecond})
	if _, err := c.next(t.Context()); err == nil || !strings.Contains(err.Error(), "silent for too long") {
		t.Errorf("got %v", err)
	}
}

// The client sends newlines at the interval that was agreed on, and stays alive as long as the broker does too.
func TestHeartBeatsBothWays(t *testing.T) {
	const beats = 5
	c := dial(t, fakeBroker(t, func(p *peer) {
		p.expect(stompwire.Connect)
		p.say("CONNECTED\nversion:1.2\nheart-beat:500,20\n\n^")
		b := make([]byte, 1)
		for range beats {
			if _, err := p.conn.Read(b); err != nil || b[0] != '\n' {
				p.t.Errorf("read %q, %v", b, err)
			}
			p.say("\n")
		}
		p.say("ERROR\nmessage:that will do\n\n^")
	}), options{heartBeat: 10 * time.Millisecond})
	if _, err := c.next(t.Context()); err == nil || !strings.Contains(err.Error(), "that will do") {
		t.Errorf("got %v", err)
	}
}

// A context that ends before a frame is begun leaves the connection good; one that ends in the middle of it ends both.
func TestWriteInterrupted(t *testing.T) {
	why := errors.New("enough")
	soon, stop := context.WithCancelCause(t.Context())
	released := make(chan struct{})
	c := dial(t, fakeBroker(t, func(p *peer) {
		p.admit("1.2")
		p.conn.Read(make([]byte, 1))
		stop(why)
		<-released
	}), options{})
	over, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := c.send(over, "/queue/x", nil, nil); !errors.Is(err, why) || c.failure() != nil {
		t.Errorf("before: %v, %v", err, c.failure())
	}
	if _, err := c.send(soon, "/queue/x", nil, make([]byte, 16<<20)); !errors.Is(err, why) || !errors.Is(c.failure(), why) {
		t.Errorf("in the middle: %v, %v", err, c.failure())
	}
	close(released)
}

// A body with NULs and a header with every character that is escaped arrive as they were sent.
func TestSendIsEscaped(t *testing.T) {
	got := make(chan stompwire.Frame, 1)
	c := dial(t, fakeBroker(t, func(p *peer) {
		p.admit("1.2")
		f := p.expect(stompwire.Send)
		got <- f
		p.hangUp()
	}), options{})
	if err := c.sendUnconfirmed(t.Context(), "/queue/a:b\\", []stompwire.Field{{Name: "k:\n", Value: "\r\n\\:"}}, []byte("a\x00b")); err != nil {
		t.Fatal(err)
	}
	f := <-got
	if get(f, "destination") != "/queue/a:b\\" || get(f, "k:\n") != "\r\n\\:" || string(f.Body) != "a\x00b" || get(f, "content-length") != "3" {
		t.Errorf("got %v", f)
	}
}
