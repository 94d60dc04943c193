package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The hashes that tokens can be signed with.
const (
	TokenSHA256 = "sha256" // HMAC-SHA-256
	TokenSHA1   = "sha1"   // SHA-1 of the login and the secret, as xtomp has it
)

// tokenSkew is how far ahead the clock of who makes a token may be.
const tokenSkew = 30 * time.Second

// MakeToken returns the login and passcode of a token for a user, taking what must not be guessed from random.
func MakeToken(secret, hash, user string, now time.Time, random io.Reader) (login, passcode string, err error) {
	if why := BadUserName(user); why != "" {
		return "", "", fmt.Errorf("user %.40q: the name %s", user, why)
	}
	b := make([]byte, 16)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", "", err
	}
	login = user + " " + strconv.FormatInt(now.Unix(), 10) + " " + hex.EncodeToString(b)
	return login, sign(secret, hash, login), nil
}

func sign(secret, hash, login string) string {
	if hash == TokenSHA1 {
		sum := sha1.Sum([]byte(login + secret))
		return base64.StdEncoding.EncodeToString(sum[:])
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(login))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// tokens logs in who shows a token, once with each.
type tokens struct {
	secret, hash string
	timeout      time.Duration // how old it may be
	session      time.Duration // how long its connection may last; 0: any time
	now          func() time.Time
	spent        *spent
}

// Authenticate implements Authenticator.
func (t *tokens) Authenticate(_ context.Context, c *Credentials) (*Identity, error) {
	user, made, ok := parseToken(c.Login)
	if !ok {
		return nil, ErrUnknown
	}
	if subtle.ConstantTimeCompare([]byte(sign(t.secret, t.hash, c.Login)), []byte(c.Passcode)) != 1 {
		return nil, fmt.Errorf("%w: the token is not signed with the secret", ErrRefused)
	}
	now := t.now()
	switch age := now.Sub(made); {
	case age > t.timeout:
		return nil, fmt.Errorf("%w: the token is older than %s", ErrRefused, t.timeout)
	case age < -tokenSkew:
		return nil, fmt.Errorf("%w: the token is from the future", ErrRefused)
	case !t.spent.spend(c.Login, now, t.timeout+tokenSkew):
		return nil, fmt.Errorf("%w: the token was used before", ErrRefused)
	}
	id := &Identity{User: user, By: "token", stamp: t.stamp()}
	if t.session > 0 {
		id.Expires = now.Add(t.session)
	}
	return id, nil
}

// stamp changes with the secret.
func (t *tokens) stamp() string {
	sum := sha256.Sum256([]byte(t.hash + ":" + t.secret))
	return "token:" + string(sum[:])
}

// parseToken takes the login of a token apart. Whatever does not look like one is not: somebody else may know it.
func parseToken(login string) (user string, made time.Time, ok bool) {
	parts := strings.Split(login, " ")
	if len(parts) != 3 || parts[2] == "" || BadUserName(parts[0]) != "" || len(parts[1]) == 0 || len(parts[1]) > 11 {
		return "", time.Time{}, false
	}
	seconds, err := strconv.ParseUint(parts[1], 10, 63)
	if err != nil {
		return "", time.Time{}, false
	}
	return parts[0], time.Unix(int64(seconds), 0), true
}

// spent remembers tokens for as long as they could be used again. It holds only such as were signed with the secret, and
// forgets each between one and two times after so long.
type spent struct {
	mu      sync.Mutex
	began   time.Time // of young
	young   map[[sha256.Size]byte]struct{}
	old     map[[sha256.Size]byte]struct{}
	longest time.Duration
}

// spend uses a token up; false: it was used before.
func (s *spent) spend(token string, now time.Time, keep time.Duration) bool {
	key := sha256.Sum256([]byte(token))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.longest = max(s.longest, keep) // a shorter one must not forget what a longer one has promised
	if s.young == nil || now.Sub(s.began) >= s.longest {
		if now.Sub(s.began) >= 2*s.longest {
			s.young = nil
		}
		s.old, s.young, s.began = s.young, make(map[[sha256.Size]byte]struct{}), now
	}
	_, young := s.young[key]
	_, old := s.old[key]
	if young || old {
		return false
	}
	s.young[key] = struct{}{}
	return true
}
