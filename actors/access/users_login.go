package access

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// userLogins logs in the users of a users file.
type userLogins struct {
	users  *Users
	slots  chan struct{} // a place for each hash that may be computed now
	hashes []hash        // of all users, for who is not among them
	salt   [sha256.Size]byte
}

func newUserLogins(users *Users, atOnce int) *userLogins {
	l := &userLogins{users: users, slots: make(chan struct{}, atOnce), salt: sha256.Sum256(users.Bytes())}
	for _, u := range users.All() {
		if u.hash != nil {
			l.hashes = append(l.hashes, u.hash)
		}
	}
	return l
}

// Authenticate implements Authenticator.
func (l *userLogins) Authenticate(ctx context.Context, c *Credentials) (*Identity, error) {
	if !c.shown() {
		return nil, ErrUnknown
	}
	user, known := l.users.Find(c.Login)
	h := user.hash
	if h == nil {
		h = l.standIn(c.Login)
	}
	ok := false
	if h != nil {
		select {
		case l.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		defer func() { <-l.slots }()
		ok = h.verify(c.Passcode)
	}
	switch {
	case !known:
		return nil, ErrUnknown
	case user.hash == nil:
		return nil, fmt.Errorf("%w: the user has no passcode", ErrRefused)
	case !ok:
		return nil, ErrRefused
	}
	return &Identity{User: user.Name, By: "users file", stamp: userStamp(&user)}, nil
}

// standIn is a hash to compute for a name that has none, so that it takes as long as for one of the users: always the
// same one for a name, and nobody can tell which. Hashes of a file may cost differently.
func (l *userLogins) standIn(name string) hash {
	if len(l.hashes) == 0 {
		return nil
	}
	sum := sha256.Sum256(append(l.salt[:], name...))
	return l.hashes[binary.BigEndian.Uint64(sum[:])%uint64(len(l.hashes))]
}

// userStamp changes with the passcode.
func userStamp(u *User) string { return "user:" + u.Hash }
