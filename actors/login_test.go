package actors_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stampede/actors"
	"stampede/actors/access"
	"stampede/config"
	"stampede/tests/stomptest"
)

// ask is an authenticator that lets a test answer.
type ask func(ctx context.Context, c *access.Credentials) (*access.Identity, error)

func (f ask) Authenticate(ctx context.Context, c *access.Credentials) (*access.Identity, error) {
	return f(ctx, c)
}

// named lets everybody in under the login that they give.
func named(_ context.Context, c *access.Credentials) (*access.Identity, error) {
	return &access.Identity{User: c.Login, By: "test"}, nil
}

func connectAs(login string) string {
	return stomptest.Text("CONNECT", "accept-version:1.2", "host:h", "login:"+login, "passcode:p")
}

// While an authenticator thinks about one client, others are let in and served, and the frames behind its CONNECT wait.
func TestSlowLoginHoldsNobodyUp(t *testing.T) {
	slow := make(chan struct{})
	b := start(t, nil, actors.WithAuthenticator(ask(func(ctx context.Context, c *access.Credentials) (*access.Identity, error) {
		if c.Login == "slow" {
			<-slow
		}
		return named(ctx, c)
	})))
	waiting := stomptest.New(t, b.Pipe())
	waiting.Write(connectAs("slow") + stomptest.TextBody("later", "SEND", "destination:/queue/q", "receipt:r"))
	quick := open(t, b)
	quick.Subscribe("s", "/queue/q")
	quick.SendBody("/queue/q", "first")
	if m := quick.Expect("MESSAGE"); m.Body != "first" {
		t.Errorf("got %s", m)
	}
	close(slow)
	waiting.Expect("CONNECTED")
	waiting.Expect("RECEIPT", "receipt-id:r")
	if m := quick.Expect("MESSAGE"); m.Body != "later" {
		t.Errorf("got %s", m)
	}
}

// More logins than are looked at at once all get their answer.
func TestManyLoginsWaitInLine(t *testing.T) {
	var at, most atomic.Int64
	gate := make(chan struct{})
	b := start(t, nil, actors.WithAuthenticator(ask(func(ctx context.Context, c *access.Credentials) (*access.Identity, error) {
		n := at.Add(1)
		defer at.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		<-gate
		return named(ctx, c)
	})))
	var clients []*stomptest.Conn
	for i := range 200 {
		c := stomptest.New(t, b.Pipe())
		c.Write(connectAs(fmt.Sprint(i)))
		clients = append(clients, c)
	}
	close(gate)
	for _, c := range clients {
		c.Expect("CONNECTED")
	}
	if most.Load() > actors.MaxQuestions {
		t.Errorf("%d were looked at at once, wants at most %d", most.Load(), actors.MaxQuestions)
	}
}

// Whatever an authenticator does instead of an answer is a refusal, and an event of one; the client is told no more than for a
// wrong passcode, and the broker goes on.
func TestAuthenticatorThatFailsRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		do   ask
		code string
	}{
		"wrong":       {func(context.Context, *access.Credentials) (*access.Identity, error) { return nil, access.ErrRefused }, "auth err"},
		"unknown":     {func(context.Context, *access.Credentials) (*access.Identity, error) { return nil, access.ErrUnknown }, "auth err"},
		"other error": {func(context.Context, *access.Credentials) (*access.Identity, error) { return nil, errors.New("row 17") }, "auth err"},
		"nothing":     {func(context.Context, *access.Credentials) (*access.Identity, error) { return nil, nil }, "auth err"},
		"panic":       {func(context.Context, *access.Credentials) (*access.Identity, error) { panic("row 17") }, "auth err"},
		"goexit": {func(context.Context, *access.Credentials) (*access.Identity, error) {
			runtime.Goexit()
			return nil, nil
		}, "auth err"},
		"unavailable": {func(context.Context, *access.Credentials) (*access.Identity, error) {
			return nil, fmt.Errorf("%w: row 17", access.ErrUnavailable)
		}, "internal error"},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, nil, actors.WithAuthenticator(ask(func(ctx context.Context, c *access.Credentials) (*access.Identity, error) {
				if c.Login == "good" {
					return named(ctx, c)
				}
				return tc.do(ctx, c)
			})))
			events := b.Events(t.Context())
			bad := stomptest.New(t, b.Pipe())
			bad.Write(connectAs("bad"))
			e := bad.Expect("ERROR")
			if told := await(t, events, actors.EventLoginRefused); told.Login != "bad" || told.Cause == "" {
				t.Errorf("told %+v", told)
			}
			if e.Header1("code") != tc.code || strings.Contains(e.String(), "row 17") {
				t.Errorf("got %s, wants the code %q and nothing of the cause", e, tc.code)
			}
			bad.Closed()
			good := stomptest.New(t, b.Pipe())
			good.Write(connectAs("good"))
			good.Expect("CONNECTED")
		})
	}
}

// A session that fails while its client is looked at still gives the answer, once.
func TestLoginOutlivesItsSession(t *testing.T) {
	for _, phase := range []string{"message", "restarting", "started"} {
		for nth := range int64(3) {
			t.Run(fmt.Sprintf("%s/%d", phase, nth+1), func(t *testing.T) {
				f := &fault{role: "session", phase: phase, at: occasions(nth + 1)}
				message := &fault{role: "session", phase: "message", at: occasions(1, 3)}
				gate := make(chan struct{})
				b := start(t, nil, actors.WithAuthenticator(ask(func(ctx context.Context, c *access.Credentials) (*access.Identity, error) {
					<-gate
					return named(ctx, c)
				})), actors.WithInjector(func(role, path, phase string, m any) {
					f.inject(role, path, phase, m)
					message.inject(role, path, phase, m)
				}))
				c := stomptest.New(t, b.Pipe())
				c.Write(connectAs("me"))
				close(gate)
				c.Expect("CONNECTED")
				c.Sync("BEGIN", "transaction:t")
			})
		}
	}
}

// A client whose login takes longer than session.login_timeout is told so, and who looks at it is told to stop.
func TestLoginTimeoutStopsTheQuestion(t *testing.T) {
	clock := stomptest.NewClock()
	asked, stopped := make(chan struct{}), make(chan struct{})
	b := start(t, func(c *config.Config) { c.Session.LoginTimeout = 5 * time.Second }, actors.WithClock(clock),
		actors.WithAuthenticator(ask(func(ctx context.Context, _ *access.Credentials) (*access.Identity, error) {
			close(asked)
			<-ctx.Done()
			close(stopped)
			return nil, ctx.Err()
		})))
	c := stomptest.New(t, b.Pipe())
	c.Write(connectAs("me"))
	<-asked
	clock.AwaitTimer(5 * time.Second)
	clock.Advance(6 * time.Second)
	if e := c.Expect("ERROR"); e.Header1("code") != "login timeout" {
		t.Errorf("got %s", e)
	}
	c.Closed()
	<-stopped
}

// A broker that ends does not wait for an authenticator that does not answer.
func TestShutdownWaitsForNoLogin(t *testing.T) {
	asked, stopped := make(chan struct{}), make(chan struct{})
	b := start(t, nil, actors.WithAuthenticator(ask(func(ctx context.Context, _ *access.Credentials) (*access.Identity, error) {
		close(asked)
		<-ctx.Done()
		close(stopped)
		return nil, ctx.Err()
	})))
	c := stomptest.New(t, b.Pipe())
	c.Write(connectAs("me"))
	<-asked
	shutDown(t, b)
	if e := c.Expect("ERROR"); e.Header1("code") != "shutdown" {
		t.Errorf("got %s", e)
	}
	<-stopped
}

// What an authorizer does not allow is refused with one and the same ERROR whether the destination exists or not, it is
// asked once for what it allows, and never about a client's own temporary destinations and the answers to others'.
func TestAuthorizerDecides(t *testing.T) {
	var asked atomic.Int64
	b := start(t, nil, actors.WithAuthenticator(ask(named)),
		actors.WithAuthorizer(access.AuthorizerFunc(func(_ context.Context, who *access.Identity, action access.Action, destination string) error {
			asked.Add(1)
			if destination == "/queue/panic" {
				panic("injected")
			}
			if who.User == "admin" || strings.HasPrefix(destination, "/queue/open") {
				return nil
			}
			return errors.New("no")
		})))
	login := func(name string) *stomptest.Conn {
		c := stomptest.New(t, b.Pipe())
		c.Write(connectAs(name))
		c.Expect("CONNECTED")
		return c
	}
	admin := login("admin")
	admin.Subscribe("s", "/queue/there")
	for _, command := range []string{"SEND", "SUBSCRIBE"} {
		var answers []string
		for _, name := range []string{"/queue/there", "/queue/other", "/queue/panic"} {
			c := login("guest")
			c.Send(command, "id:1", "destination:"+name)
			e := c.Expect("ERROR")
			if e.Header1("code") != "forbidden" {
				t.Errorf("%s %s: got %s", command, name, e)
			}
			answers = append(answers, strings.ReplaceAll(e.Header1("message")+e.Body, name, "NAME"))
			c.Closed()
		}
		if answers[0] != answers[1] || answers[0] != answers[2] {
			t.Errorf("%s: the answers differ: %q", command, answers)
		}
	}
	guest := login("guest")
	before := asked.Load()
	for range 10 {
		guest.Sync("SEND", "destination:/queue/open")
	}
	if n := asked.Load() - before; n != 2 { // to write, and to make it
		t.Errorf("asked %d times, wants 2", n)
	}
	before = asked.Load()
	guest.Subscribe("t", "/temp-queue/mine")
	guest.Send("SEND", "destination:/temp-queue/mine")
	guest.Expect("MESSAGE")
	guest.Sync("SEND", "destination:/reply-queue/gone")
	if n := asked.Load() - before; n != 0 {
		t.Errorf("asked %d times about temporary destinations", n)
	}
}

// A session that fails while the authorizer is asked goes on with the frame that waits for it.
func TestPermitOutlivesItsSession(t *testing.T) {
	for nth := range int64(8) {
		t.Run(fmt.Sprint(nth+1), func(t *testing.T) {
			f := &fault{role: "session", phase: "message", at: occasions(nth+1, nth+2)}
			b := start(t, nil, actors.WithInjector(f.inject),
				actors.WithAuthorizer(access.AuthorizerFunc(func(context.Context, *access.Identity, access.Action, string) error { return nil })))
			c := open(t, b)
			c.Sync("SEND", "destination:/queue/a")
			c.Subscribe("s", "/queue/a", "ack:client")
			c.Expect("MESSAGE")
		})
	}
}
