package actors

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/actors/access"
	"stampede/config"
	"stampede/stompwire"
	"stampede/transport"
)

// loginDesk is where sessions have authenticators and authorizers asked, which may take their time: a hash that is slow
// on purpose, a program's database. So many questions are asked at once; the others wait in line, without a goroutine
// each.
type loginDesk struct {
	schedule func(func())

	mu      sync.Mutex
	asking  int
	waiting []question
}

// question is one call of an authenticator or authorizer.
type question struct {
	ctx context.Context // ends when nobody waits for the answer any more
	ask func()
}

// The bounds of the desk. A hash keeps a processor busy, a database only a goroutine; what is in line is bounded by
// connections that each wait no longer than their login timeout.
const (
	maxQuestions        = 64
	maxWaitingQuestions = 10_000
)

// submit has a question asked; false: too many wait already.
func (d *loginDesk) submit(q question) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.asking < maxQuestions {
		d.asking++
		d.schedule(func() { d.work(q) })
		return true
	}
	if len(d.waiting) >= maxWaitingQuestions {
		d.waiting = slices.DeleteFunc(d.waiting, func(q question) bool { return q.ctx.Err() != nil })
	}
	if len(d.waiting) >= maxWaitingQuestions {
		return false
	}
	d.waiting = append(d.waiting, q)
	return true
}

func (d *loginDesk) work(q question) {
	defer d.next() // also if the question ends its goroutine
	q.ask()
}

// next goes on with whoever has waited the longest and still waits.
func (d *loginDesk) next() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.waiting) > 0 {
		q := d.waiting[0]
		d.waiting[0] = question{}
		d.waiting = d.waiting[1:]
		if q.ctx.Err() == nil {
			d.schedule(func() { d.work(q) })
			return
		}
	}
	d.waiting = nil
	d.asking--
}

// loggedIn (login desk → session): what the authenticators say about a client.
type loggedIn struct {
	identity *access.Identity
	fault    *Fault // else
}

// credentials is what a client shows with its CONNECT and its connection.
func credentials(f *stompwire.Frame, info *transport.Info) *access.Credentials {
	c := &access.Credentials{
		Certificates: info.PeerCertificates, Header: info.Header, Remote: info.Remote, Local: info.Local,
		Listener: info.Listener, Encrypted: info.TLS,
	}
	if info.Proxy != nil {
		c.Local = info.Proxy // Local is what the proxy says; its own end of the socket tells whether that is of this machine
	}
	c.Login, c.HasLogin = f.Header.Get("login")
	c.Passcode, c.HasPasscode = f.Header.Get("passcode")
	return c
}

// authenticate has the authenticators asked about a client, and the answer sent to its session. Who has failed from there
// before waits first, and the answer to another failure is held back.
func (c *core) authenticate(ctx context.Context, policy *access.Policy, conn *transport.Conn, given *access.Credentials, session *actor.PID) {
	answer := func(m *loggedIn) { c.system.Root.Send(session, m) }
	q := question{ctx: ctx, ask: func() {
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
			if ctx.Err() != nil {
				return // nobody waits any more
			}
			m := &loggedIn{fault: c.loginRefused(conn, given, err)}
			var d time.Duration
			if !errors.Is(err, access.ErrUnavailable) {
				d = c.throttle.Failed(given, c.clock.Now(), &c.settings().Access)
			}
			c.after(d, func() { answer(m) })
		})
	}}
	c.after(c.throttle.Wait(given, c.clock.Now(), &c.settings().Access), func() {
		if ctx.Err() == nil && !c.desk.submit(q) {
			answer(&loggedIn{fault: &Fault{
				Code: CodeConnections, Message: "too many logins at once", Detail: fmt.Sprintf("%d others wait to be logged in; try again later", maxWaitingQuestions),
			}})
		}
	})
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
func (c *core) loginRefused(conn *transport.Conn, given *access.Credentials, err error) *Fault {
	c.stats.refusedLogins.Add(1)
	attrs := []any{"login", given.Login, "remote", remote(conn), "cause", err.Error()}
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

// authorized (login desk → session): what the program's authorizer says.
type authorized struct {
	action  access.Action
	name    string
	allowed bool
}

// authorize has the program's authorizer asked, and the answer sent to a session.
func (c *core) authorize(ctx context.Context, who *access.Identity, action access.Action, name string, session *actor.PID) {
	answered := c.desk.submit(question{ctx: ctx, ask: func() {
		call(func() error { return c.authorizer.Authorize(ctx, who, action, name) }, func(err error) {
			var p *panicked
			if errors.As(err, &p) {
				c.log.Error("an authorizer failed", "user", who.User, "action", action.String(), "destination", name, "cause", err.Error(), "stack", p.stack)
			}
			c.system.Root.Send(session, &authorized{action: action, name: name, allowed: err == nil})
		})
	}})
	if !answered {
		c.system.Root.Send(session, &authorized{action: action, name: name})
	}
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
