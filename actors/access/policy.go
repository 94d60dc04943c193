package access

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"stampede/config"
)

// Policy is what a configuration says about who may come in and what they may do. It is not changed once it was made: a
// new configuration makes a new one.
type Policy struct {
	anonymous bool      // who shows nothing is let in all the same
	guest     *Identity // who they are: all the same
	rules     []rule

	pair         *pair // these may be nil
	tokens       *tokens
	jwt          *jwtLogins
	certificates certificates
	users        *userLogins

	all   chain // of these, those that there are
	spent *spent
}

// FromConfig makes the policy of a configuration that is valid. It reads the files that it names; the error is
// config.Problems. now is the clock that the age of tokens is told by. The tokens that an earlier policy has seen are not
// taken again by the new one; earlier may be nil. more are listeners that the configuration does not know of.
func FromConfig(cfg *config.Config, now func() time.Time, earlier *Policy, more ...config.Listen) (*Policy, error) {
	p := &Policy{anonymous: cfg.AllowAnonymous, guest: anonymous(), rules: rulesOf(cfg.Rights), certificates: newCertificates(slices.Concat(cfg.Listen, more)), spent: &spent{}}
	if earlier != nil {
		p.spent = earlier.spent
	}
	var problems config.Problems
	problem := func(key string, err error) {
		if several := config.ProblemsOf(err); several != nil {
			problems = append(problems, several...)
		} else if err != nil {
			problems = append(problems, config.Problem{Key: key, Text: err.Error()})
		}
	}
	if cfg.Login != "" || cfg.Passcode != "" {
		p.pair = newPair(cfg.Login, cfg.Passcode.Reveal())
		p.all = append(p.all, p.pair)
	}
	if cfg.Secret != "" {
		p.tokens = &tokens{
			secret: cfg.Secret.Reveal(), hash: cfg.SecretHash, timeout: cfg.SecretTimeout, session: cfg.SecretSessionTimeout,
			now: now, spent: p.spent,
		}
		p.all = append(p.all, p.tokens)
	}
	if cfg.JWT.On() {
		logins, err := newJWTLogins(&cfg.JWT, now)
		problem("jwt", err)
		p.jwt = logins
		p.all = append(p.all, p.jwt)
	}
	if len(p.certificates) > 0 {
		p.all = append(p.all, p.certificates)
	}
	if cfg.UsersFile != "" {
		users, err := ReadUsers(cfg.UsersFile)
		problem("users_file", err)
		if err == nil {
			p.users = newUserLogins(users, cfg.Access.MaxHashes)
			p.all = append(p.all, p.users) // the last: its hashes are slow
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return p, nil
}

// Open tells whether nobody has to log in, as far as the configuration is concerned.
func (p *Policy) Open() bool { return len(p.all) == 0 }

// Welcome lets a client in where nobody has to log in: one of this machine, one with a certificate that is trusted, and
// any if the configuration says so. Addresses are checked when the broker starts already; but connections may come to it in
// other ways than through its own listeners.
func (p *Policy) Welcome(c *Credentials) (*Identity, error) {
	if !p.anonymous && len(c.Certificates) == 0 && !ofThisMachine(c.Local) {
		return nil, ErrNoLogins
	}
	return p.guest, nil
}

// ofThisMachine tells whether only programs of this machine can connect to an address.
func ofThisMachine(a net.Addr) bool {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.IP.IsLoopback()
	case *net.UnixAddr:
		return true
	default:
		return a != nil && a.Network() == "pipe"
	}
}

// Authenticate asks first, if it is not nil, and then what is configured. The error is never ErrUnknown.
func (p *Policy) Authenticate(ctx context.Context, first Authenticator, c *Credentials) (*Identity, error) {
	if first != nil {
		if id, err := (chain{first}).Authenticate(ctx, c); !errors.Is(err, ErrUnknown) {
			return id, err
		}
	}
	id, err := p.all.Authenticate(ctx, c)
	switch {
	case err == nil:
		if why := badUser(id.User); why != "" {
			return nil, fmt.Errorf("%w: the name of the user %s", ErrRefused, why)
		}
		return p.withGroups(id), nil
	case !errors.Is(err, ErrUnknown):
		return nil, err
	case p.anonymous && !c.shown():
		return p.guest, nil
	}
	return nil, ErrRefused
}

// badUser says why somebody can't be called so, whoever says it, or "". Names of a users file have to be simpler.
func badUser(name string) string {
	switch {
	case name == "":
		return "is empty"
	case name == Anonymous:
		return "is kept for clients that do not log in"
	case len(name) > maxUserBytes:
		return fmt.Sprintf("has more than %d bytes", maxUserBytes)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return "is not UTF-8, or has a control character"
	}
	return ""
}

// withGroups adds the groups that the users file gives a user, whatever it came in by.
func (p *Policy) withGroups(id *Identity) *Identity {
	if p.users == nil {
		return id
	}
	user, _ := p.users.users.Find(id.User)
	if len(user.Groups) == 0 {
		return id
	}
	with := *id
	with.Groups = slices.Concat(id.claimed, user.Groups)
	slices.Sort(with.Groups)
	with.Groups = slices.Compact(with.Groups)
	return &with
}

// Recheck holds somebody who is in already against this policy, which is newer than the one that let it in: the identity
// as it is now, or an error if what it came in by is not there any more. Who a program's own authenticator let in stays.
func (p *Policy) Recheck(id *Identity) (*Identity, error) {
	kind, _, _ := strings.Cut(id.stamp, ":")
	ok := false
	switch kind {
	case "":
		return id, nil
	case "anonymous":
		ok = p.Open() || p.anonymous
	case "login":
		ok = p.pair != nil && p.pair.stamp() == id.stamp
	case "token":
		ok = p.tokens != nil && p.tokens.stamp() == id.stamp
	case "jwt":
		ok = p.jwt != nil && p.jwt.has(id.stamp)
	case "certificate":
		ok = len(p.certificates) > 0
	case "user":
		if p.users != nil {
			user, known := p.users.users.Find(id.User)
			ok = known && userStamp(&user) == id.stamp
		}
	}
	if !ok {
		return nil, fmt.Errorf("%w: what it came in by is not there any more", ErrRefused)
	}
	now := *id
	now.Groups = id.claimed
	return p.withGroups(&now), nil
}
