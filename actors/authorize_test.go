package actors_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"stampede/actors"
	"stampede/actors/access"
	"stampede/config"
)

// Who does not come by STOMP is looked at by the same logins and rights: a wrong login and a missing right are told apart by
// their codes, and the answer to a wrong login that is held back ends with who waits for it.
func TestAuthorize(t *testing.T) {
	b := start(t, func(c *config.Config) {
		c.Login, c.Passcode = "shop", "secret"
		c.Rights = []config.Rights{{Users: []string{"shop"}, Read: []string{"/topic/news"}}}
	})
	login := func(passcode string) *access.Credentials {
		return &access.Credentials{Login: "shop", Passcode: passcode, HasLogin: true, HasPasscode: true}
	}
	if id, err := b.Authorize(t.Context(), login("secret"), access.Read, "/topic/news"); err != nil || id.User != "shop" {
		t.Errorf("with the right: %v, %v", id, err)
	}
	for _, c := range []struct {
		given *access.Credentials
		want  actors.Code
	}{{login("secret"), actors.CodeForbidden}, {&access.Credentials{}, actors.CodeAuth}, {login("wrong"), actors.CodeAuth}} {
		id, err := b.Authorize(t.Context(), c.given, access.Write, "/topic/news")
		fault, ok := err.(*actors.Fault)
		if id != nil || !ok || fault.Code != c.want {
			t.Errorf("%v: %v, %v; wants %s", c.given, id, err, c.want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := b.Authorize(ctx, login("wrong"), access.Read, "/topic/news"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("held back beyond its time: %v", err)
	}
}
