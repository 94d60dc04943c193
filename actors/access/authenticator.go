package access

import (
	"context"
	"errors"
)

// The answers of an Authenticator that are no identity. They can be wrapped: what is said besides is for the log, the
// client never sees it.
var (
	// ErrUnknown: these credentials are of a kind or a user that this authenticator knows nothing of. The next one is asked.
	ErrUnknown = errors.New("nobody knows these credentials")
	// ErrRefused: they are wrong. Nobody else is asked.
	ErrRefused = errors.New("the credentials are wrong")
	// ErrUnavailable: whether they are right can't be found out at the moment. The client is told to try again.
	ErrUnavailable = errors.New("the credentials can't be checked at the moment")
	// ErrNoLogins is what Policy.Welcome says to a client from elsewhere where nobody can log in.
	ErrNoLogins = errors.New("there is no login, and allow_anonymous is false: only clients of this machine are let in")
)

// Authenticator finds out who a client is.
type Authenticator interface {
	// Authenticate returns who shows these credentials, or an error: ErrUnknown, ErrUnavailable, and any other for a
	// refusal. It may block; ctx ends when the client has gone or its time is up.
	Authenticate(ctx context.Context, c *Credentials) (*Identity, error)
}

// AuthenticatorFunc is a function as an Authenticator.
type AuthenticatorFunc func(ctx context.Context, c *Credentials) (*Identity, error)

// Authenticate calls the function.
func (f AuthenticatorFunc) Authenticate(ctx context.Context, c *Credentials) (*Identity, error) {
	return f(ctx, c)
}

// Chain asks one authenticator after another, until one does not say ErrUnknown. What the first one wants to be known
// about a user is the end of it: a wrong passcode is not tried elsewhere unless that authenticator says ErrUnknown.
func Chain(all ...Authenticator) Authenticator { return chain(all) }

type chain []Authenticator

func (all chain) Authenticate(ctx context.Context, c *Credentials) (*Identity, error) {
	for _, a := range all {
		id, err := a.Authenticate(ctx, c)
		switch {
		case err == nil && id == nil:
			return nil, ErrRefused
		case err == nil:
			return id, nil
		case !errors.Is(err, ErrUnknown):
			return nil, err
		}
	}
	return nil, ErrUnknown
}
