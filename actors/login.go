package actors

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/actors/access"
	"stampede/config"
	"stampede/stompwire"
	"stampede/transport"
)

// loggedIn (login desk → session): what the authenticators say about a client.
type loggedIn struct {
	identity *access.Identity
	fault    *Fault // else
}

// credentials is what a client shows with its CONNECT and its connection.
func credentials(f *stompwire.Frame, conn *transport.Conn) *access.Credentials {
	info, more := conn.Info(), conn.Info().More()
	c := &access.Credentials{
		Certificates: more.PeerCertificates, Remote: info.Remote, Local: conn.Local(), Listener: info.Listener, Encrypted: info.TLS,
	}
	if info.Upgrade != nil {
		c.Header = info.Upgrade.Header
	}
	if more.Proxy != nil {
		c.Local = more.Proxy // Local is what the proxy says; its own end of the socket tells whether that is of this machine
	}
	c.Login, c.HasLogin = f.Header.Get("login")
	c.Passcode, c.HasPasscode = f.Header.Get("passcode")
	return c
}

// authenticate has the authenticators asked about a client, and the answer sent to its session. Who has failed from there
// before waits first, and the answer to another failure is held back.
func (c *core) authenticate(ctx context.Context, policy *access.Policy, cp *checkpoint, given *access.Credentials, session *actor.PID) {
	answer := func(m *loggedIn) { c.system.Root.Send(session, m) }
	q := question{ctx: ctx, from: given.Source(), ask: func() {
		var id *access.Identity
		call(func() (err error) {
			id, err = policy.Authenticate(ctx, c.authenticator, given)
			return err
		}, func(err error) {
			if err == nil {
				c.throttle.Succeeded(given)
				answer(&loggedIn{identity: id})
				return
			}
			if ctx.Err() != nil && !errors.Is(err, access.ErrRefused) {
				return // nobody waits any more, and that may be all that was wrong
			}
			m := &loggedIn{fault: c.loginRefused(cp, given, err)}
			var d time.Duration
			if !errors.Is(err, access.ErrUnavailable) {
				d = c.throttle.Failed(given, c.clock.Now(), &c.settings().Access)
			}
			c.after(d, func() { answer(m) })
		})
	}, refuse: func() {
		fault := tooManyLogins()
		c.tellRefused(cp, given.Login, fault.Message)
		answer(&loggedIn{fault: fault})
	}}
	c.after(c.throttle.Wait(given, c.clock.Now(), &c.settings().Access), func() { c.desk.submit(q) })
}

func tooManyLogins() *Fault {
	return faultf(CodeConnections, "too many logins at once", "%d others wait to be logged in; try again later", maxWaitingQuestions)
}

// after runs f when d has passed; at once if that is nothing.
func (c *core) after(d time.Duration, f func()) {
	if d <= 0 {
		f()
		return
	}
	c.clock.AfterFunc(d, f)
}

// loginRefused is what a client that is not let in is told: the same, whatever is wrong. The log says more, but no secret.
func (c *core) loginRefused(cp *checkpoint, given *access.Credentials, err error) *Fault {
	c.stats.refusedLogins.Add(1)
	c.tellRefused(cp, given.Login, err.Error())
	attrs := []any{"login", short(given.Login), "remote", remote(cp.conn), "cause", err.Error()}
	var p *panicked
	switch {
	case errors.Is(err, access.ErrNoLogins):
		c.log.Error("a client was refused because nobody could log in", attrs...)
		return faultf(CodeAuth, "login refused", "this address is not open to everybody, and the broker knows no login")
	case errors.As(err, &p):
		c.log.Error("an authenticator failed", append(attrs, "stack", p.stack)...)
	case errors.Is(err, access.ErrUnavailable):
		c.log.Error("a login could not be checked", attrs...)
		return &Fault{Code: CodeInternal, Message: "the login can't be checked now", Detail: "The broker could not find out whether this login is right. Try again later."}
	default:
		c.log.Warn("a login was refused", attrs...)
	}
	return faultf(CodeAuth, "login refused", "a login is required, and this one is not right")
}

// tellRefused has followers of the events hear of a client that was not let in. There is one for a connection, as there is of its
// end, and no other bound.
func (c *core) tellRefused(cp *checkpoint, login, cause string) {
	session := cp.flow.session
	c.tell(Event{Kind: EventLoginRefused, Role: session.role.name, Actor: session.pid.Id, Connection: connectionName(cp.id), Login: short(login), Remote: remote(cp.conn), Cause: cause})
}

// short keeps what a stranger sends from filling the log.
func short(login string) string {
	const most = 64
	if len(login) <= most {
		return login
	}
	return strings.ToValidUTF8(login[:most], "") + "…"
}

// authorized (login desk → session): what the program's authorizer says.
type authorized struct {
	action  access.Action
	name    string
	allowed bool
}

// authorize has the program's authorizer asked, and the answer sent to a session.
func (c *core) authorize(ctx context.Context, who *access.Identity, action access.Action, name string, session *actor.PID) {
	answer := func(allowed bool) {
		c.system.Root.Send(session, &authorized{action: action, name: name, allowed: allowed})
	}
	c.desk.submit(question{ctx: ctx, from: who.User, refuse: func() { answer(false) }, ask: func() {
		call(func() error { return c.authorizer.Authorize(ctx, who, action, name) }, func(err error) {
			var p *panicked
			if errors.As(err, &p) {
				c.log.Error("an authorizer failed", "user", who.User, "action", action.String(), "destination", name, "cause", err.Error(), "stack", p.stack)
			}
			answer(err == nil)
		})
	}})
}

// panicked is a panic of a program's code, as an error.
type panicked struct {
	cause any
	stack string
}

func (p *panicked) Error() string { return fmt.Sprint(p.cause) }

// call runs f and hands its error to answer, whatever happens: a panic in f, and an end of its goroutine, are errors too.
func call(f func() error, answer func(error)) {
	err := error(&panicked{cause: "it ended its goroutine"})
	defer func() {
		if reason := recover(); reason != nil {
			err = &panicked{cause: reason, stack: string(debug.Stack())}
		}
		answer(err)
	}()
	err = f()
}

// checkExposure keeps a broker from starting where anybody could use it by mistake.
func (c *core) checkExposure(cfg *config.Config) error {
	switch {
	case c.authenticator != nil:
		return nil
	case cfg.Access.External:
		return config.Problems{{Key: "access.external", Text: "is true, but the program gave no authenticator (actors.WithAuthenticator); set it to false and login and passcode, users_file, secret or a key of [jwt]"}}
	}
	if problems := cfg.Exposed(); len(problems) > 0 {
		return problems
	}
	return nil
}
