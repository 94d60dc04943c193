package access

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"
)

const secret = "0123456789abcdef"

func show(login, passcode string) *Credentials {
	return &Credentials{Login: login, Passcode: passcode, HasLogin: true, HasPasscode: true}
}

// testTokens has a clock that stands at *now.
func testTokens(hash string, now *time.Time) *tokens {
	return &tokens{secret: secret, hash: hash, timeout: time.Minute, now: func() time.Time { return *now }, spent: &spent{}}
}

// The signatures are those that other programs compute: xtomp's, and HMAC-SHA-256.
func TestTokenSignatures(t *testing.T) {
	// printf '%s' 'ada 1700000000 xyz0123456789abcdef' | openssl dgst -sha1 -binary | base64
	if got := sign(secret, TokenSHA1, "ada 1700000000 xyz"); got != "JXlM8Fvt68Du04hc/j5HQylIhiY=" {
		t.Errorf("sha1: %s", got)
	}
	// printf '%s' 'ada 1700000000 xyz' | openssl dgst -sha256 -hmac 0123456789abcdef -binary | base64
	if got := sign(secret, TokenSHA256, "ada 1700000000 xyz"); got != "K3roYuBkryhqejRUDgOoQwrEiN33mFU8NPrUaO21RL0=" {
		t.Errorf("sha256: %s", got)
	}
}

// A token logs in once, while it is young, by the hash that is configured and the secret that signed it.
func TestTokens(t *testing.T) {
	for _, hash := range []string{TokenSHA256, TokenSHA1} {
		now := time.Unix(1_700_000_000, 0)
		tk := testTokens(hash, &now)
		tk.session = time.Hour
		made := func(at time.Time) *Credentials {
			login, passcode, err := MakeToken(secret, hash, "ada", at, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			return show(login, passcode)
		}
		check := func(what string, c *Credentials, want error) {
			t.Helper()
			id, err := tk.Authenticate(context.Background(), c)
			if !errors.Is(err, want) || (err == nil) != (id != nil) {
				t.Errorf("%s, %s: %v %v", hash, what, id, err)
			}
			if id != nil && (id.User != "ada" || !id.Expires.Equal(now.Add(time.Hour))) {
				t.Errorf("%s: %+v", what, id)
			}
			if err != nil && strings.Contains(err.Error(), c.Passcode) && c.Passcode != "" {
				t.Errorf("%s: the message has the signature: %v", what, err)
			}
		}
		c := made(now)
		check("young", c, nil)
		check("again", c, ErrRefused)
		check("as old as allowed", made(now.Add(-time.Minute)), nil)
		check("a second older", made(now.Add(-61*time.Second)), ErrRefused)
		check("a little ahead", made(now.Add(tokenSkew)), nil)
		check("far ahead", made(now.Add(tokenSkew+time.Second)), ErrRefused)
		c = made(now)
		c.Passcode = c.Passcode[:len(c.Passcode)-2] + "x="
		check("another signature", c, ErrRefused)
		c = made(now)
		c.Login = strings.Replace(c.Login, "ada", "eve", 1)
		check("another user", c, ErrRefused)
		c = made(now)
		c.Passcode = ""
		check("no signature", c, ErrRefused)
		other := TokenSHA1
		if hash == TokenSHA1 {
			other = TokenSHA256
		}
		login := "ada 1700000000 abc"
		check("the other hash", show(login, sign(secret, other, login)), ErrRefused)
		for _, login := range []string{"", "ada", "ada 1700000000", "ada x abc", "ada -1 abc", "ada 1700000000 ", "ada 170000000000 abc", "ada 1 b c", " 1 a", "anonymous 1700000000 a"} {
			check("not a token: "+login, show(login, sign(secret, hash, login)), ErrUnknown)
		}
	}
}

// A token is remembered for as long as it could be used again, and not much longer.
func TestSpentTokensAreForgotten(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	s := &spent{}
	const keep = time.Minute
	for i := range 1000 {
		token := "t" + time.Duration(i).String()
		if !s.spend(token, now, keep) {
			t.Fatalf("%d is not spent", i)
		}
		for _, age := range []int{0, 1, 30, 59} {
			if i >= age && s.spend("t"+time.Duration(i-age).String(), now, keep) {
				t.Fatalf("%d is forgotten after %d seconds", i-age, age)
			}
		}
		now = now.Add(time.Second)
		if n := len(s.young) + len(s.old); n > 2*60+2 {
			t.Fatalf("%d are remembered", n)
		}
	}
	if now = now.Add(2 * keep); !s.spend("t0s", now, keep) || len(s.young)+len(s.old) > 1 {
		t.Errorf("%d are remembered after a long time", len(s.young)+len(s.old))
	}
}

// Nothing but a login with its own signature is ever let in, whatever it looks like.
func FuzzToken(f *testing.F) {
	f.Add("ada 1700000000 abc", "x", false)
	f.Add("ada 1700000000 abc", sign(secret, TokenSHA256, "ada 1700000000 abc"), false)
	f.Add("ada  abc", "", true)
	f.Fuzz(func(t *testing.T, login, passcode string, sha1 bool) {
		hash := TokenSHA256
		if sha1 {
			hash = TokenSHA1
		}
		now := time.Unix(1_700_000_000, 0)
		tk := testTokens(hash, &now)
		id, err := tk.Authenticate(context.Background(), show(login, passcode))
		if err == nil && (passcode != sign(secret, hash, login) || !strings.HasPrefix(login, id.User+" ")) {
			t.Errorf("%q %q was let in as %v", login, passcode, id)
		}
		if err == nil {
			if _, err := tk.Authenticate(context.Background(), show(login, passcode)); err == nil {
				t.Errorf("%q was let in twice", login)
			}
		}
	})
}
