package access

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"stampede/config"
)

func policyOf(t *testing.T, set func(*config.Config)) *Policy {
	t.Helper()
	cfg := config.Default()
	set(cfg)
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	p, err := FromConfig(cfg, func() time.Time { return jwtNow }, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func login(p *Policy, c *Credentials) (*Identity, error) {
	return p.Authenticate(context.Background(), nil, c)
}

// Several ways in work side by side, each with its own credentials, and the users file adds groups to all of them.
func TestWaysInWorkSideBySide(t *testing.T) {
	p := policyOf(t, func(c *config.Config) {
		c.Login, c.Passcode = "ada", "pair"
		c.UsersFile = writeFile(t, "users", "ada:-:admins\nbob:"+hashed(t, "sesame")+":clerks\ncy:-:guests\n")
		c.Secret = secret
		c.JWT.SecretFile = writeFile(t, "jwt", jwtSecret)
		c.Listen[0].TLSCert, c.Listen[0].TLSKey, c.Listen[0].TLSClientCA, c.Listen[0].TLSClientUser = "c", "k", "ca", config.CertificateCN
	})
	tokenLogin := "cy 1700000000 abc"
	jwt := sharing.token(t, claims("sub", "cy", "groups", []string{"tellers", "guests"}))
	certificate := []*x509.Certificate{{Subject: pkix.Name{CommonName: "cy"}, NotAfter: jwtNow.Add(time.Hour)}}
	for _, c := range []struct {
		name   string
		c      *Credentials
		user   string
		groups []string
	}{
		{"pair", show("ada", "pair"), "ada", []string{"admins"}},
		{"users file", show("bob", "sesame"), "bob", []string{"clerks"}},
		{"token", show(tokenLogin, sign(secret, TokenSHA256, tokenLogin)), "cy", []string{"guests"}},
		{"jwt", passcode(jwt), "cy", []string{"guests", "tellers"}},
		{"certificate", &Credentials{Listener: "default", Certificates: certificate}, "cy", []string{"guests"}},
	} {
		id, err := login(p, c.c)
		if err != nil || id.User != c.user || !reflect.DeepEqual(id.Groups, c.groups) {
			t.Errorf("%s: %+v %v", c.name, id, err)
			continue
		}
		if again, err := p.Recheck(id); err != nil || !reflect.DeepEqual(again, id) {
			t.Errorf("%s, looked at again: %+v %v", c.name, again, err)
		}
	}
	for name, c := range map[string]*Credentials{
		"nothing":                        {},
		"the pair's wrong passcode":      show("ada", "sesame"),
		"a user's wrong passcode":        show("bob", "pair"),
		"nobody":                         show("eve", "x"),
		"a certificate and a wrong pair": {Listener: "default", Certificates: certificate, Login: "ada", Passcode: "x"},
		"a certificate elsewhere":        {Listener: "other", Certificates: certificate},
		"anonymous by token":             passcode(sharing.token(t, claims("sub", Anonymous))),
		"a long name":                    passcode(sharing.token(t, claims("sub", strings.Repeat("x", 256)))),
		"a name of two lines":            passcode(sharing.token(t, claims("sub", "ada\nbob"))),
	} {
		if id, err := login(p, c); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %+v %v", name, id, err)
		}
	}
}

// The user of a certificate is in the part that is configured, and one without that part is refused.
func TestCertificateUsers(t *testing.T) {
	full := &x509.Certificate{
		Subject: pkix.Name{CommonName: "cn"}, DNSNames: []string{"dns", "second"}, EmailAddresses: []string{"a@b"},
		URIs: []*url.URL{{Scheme: "spiffe", Host: "x", Path: "/y"}}, NotAfter: jwtNow,
	}
	for part, want := range map[config.CertificateUser]string{
		config.CertificateCN: "cn", config.CertificateDNS: "dns", config.CertificateEmail: "a@b", config.CertificateURI: "spiffe://x/y",
	} {
		all := newCertificates([]config.Listen{{Name: "l", TLSClientUser: part}})
		id, err := all.Authenticate(context.Background(), &Credentials{Listener: "l", Certificates: []*x509.Certificate{full}})
		if err != nil || id.User != want || !id.Expires.Equal(jwtNow) {
			t.Errorf("%s: %+v %v", part, id, err)
		}
		if _, err := all.Authenticate(context.Background(), &Credentials{Listener: "l", Certificates: []*x509.Certificate{{}}}); !errors.Is(err, ErrRefused) {
			t.Errorf("%s of a certificate without it: %v", part, err)
		}
		if _, err := all.Authenticate(context.Background(), &Credentials{Listener: "l"}); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s without a certificate: %v", part, err)
		}
	}
	if len(newCertificates([]config.Listen{{Name: "l", TLSClientUser: config.CertificateNone}})) != 0 {
		t.Error("none names users")
	}
}

// Who came in by something that a newer configuration does not have any more is refused; who has other groups now has
// them; whom a program let in stays.
func TestRecheck(t *testing.T) {
	users := func(text string) func(*config.Config) {
		path := writeFile(t, "users", text)
		return func(c *config.Config) { c.UsersFile = path }
	}
	old := policyOf(t, func(c *config.Config) {
		c.Login, c.Passcode, c.AllowAnonymous, c.Secret = "ada", "pair", true, secret
		c.JWT.SecretFile = writeFile(t, "jwt", jwtSecret)
		users("bob:" + hashed(t, "sesame") + ":clerks\n")(c)
	})
	in := map[string]*Identity{}
	tokenLogin := "cy 1700000000 abc"
	for name, c := range map[string]*Credentials{
		"pair": show("ada", "pair"), "user": show("bob", "sesame"), "anonymous": {},
		"token": show(tokenLogin, sign(secret, TokenSHA256, tokenLogin)), "jwt": passcode(sharing.token(t, claims())),
	} {
		id, err := login(old, c)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		in[name] = id
	}
	in["program"] = &Identity{User: "zoe", By: "program"}
	for name, c := range map[string]struct {
		set  func(*config.Config)
		stay string
	}{
		"nothing":          {func(*config.Config) {}, "anonymous program"},
		"the pair":         {func(c *config.Config) { c.Login, c.Passcode = "ada", "pair" }, "pair program"},
		"another passcode": {func(c *config.Config) { c.Login, c.Passcode, c.AllowAnonymous = "ada", "other", true }, "anonymous program"},
		"another name":     {func(c *config.Config) { c.Login, c.Passcode = "eve", "pair" }, "program"},
		"the user":         {users("bob:" + hashed(t, "sesame") + ":others\n"), "user program"},
		"the user without": {users("bob:-\n"), "program"},
		"another user":     {users("eve:" + hashed(t, "sesame") + "\n"), "program"},
		"the secret":       {func(c *config.Config) { c.Secret = secret }, "token program"},
		"another secret":   {func(c *config.Config) { c.Secret = secret + "x" }, "program"},
		"the key":          {func(c *config.Config) { c.JWT.SecretFile = writeFile(t, "jwt", jwtSecret) }, "jwt program"},
		"another key":      {func(c *config.Config) { c.JWT.SecretFile = writeFile(t, "jwt", strings.ToUpper(jwtSecret)) }, "program"},
	} {
		p := policyOf(t, c.set)
		for who, id := range in {
			now, err := p.Recheck(id)
			if stays := strings.Contains(" "+c.stay+" ", " "+who+" "); stays != (err == nil) {
				t.Errorf("with %s %s: %v", name, who, err)
			}
			if err == nil && who == "user" && fmt.Sprint(now.Groups) != "[others]" {
				t.Errorf("the user has the groups %v", now.Groups)
			}
		}
	}
}

// A token that was used is used up for the next policy too.
func TestTokensStaySpentOverAReload(t *testing.T) {
	cfg := config.Default()
	cfg.Secret = secret
	var p *Policy
	login := "ada 1700000000 abc"
	for n := range 2 {
		next, err := FromConfig(cfg, func() time.Time { return jwtNow }, p)
		if err != nil {
			t.Fatal(err)
		}
		p = next
		_, err = p.Authenticate(context.Background(), nil, show(login, sign(secret, TokenSHA256, login)))
		if (err == nil) != (n == 0) {
			t.Errorf("%d: %v", n, err)
		}
	}
}

// Without any way to log in only clients of this machine are welcome, and those with a certificate, unless everybody is.
func TestWelcome(t *testing.T) {
	tcp := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 1} }
	for _, c := range []struct {
		local net.Addr
		want  bool
	}{
		{tcp("127.0.0.1"), true},
		{tcp("::1"), true},
		{tcp("::ffff:127.0.0.1"), true},
		{&net.UnixAddr{Name: "/s", Net: "unix"}, true},
		{tcp("192.0.2.1"), false},
		{tcp("2001:db8::1"), false},
		{nil, false},
	} {
		p := policyOf(t, func(*config.Config) {})
		if _, err := p.Welcome(&Credentials{Local: c.local}); (err == nil) != c.want {
			t.Errorf("%v: %v", c.local, err)
		}
		if _, err := p.Welcome(&Credentials{Local: c.local, Certificates: []*x509.Certificate{{}}}); err != nil {
			t.Errorf("%v with a certificate: %v", c.local, err)
		}
		open := policyOf(t, func(c *config.Config) { c.AllowAnonymous = true })
		if id, err := open.Welcome(&Credentials{Local: c.local}); err != nil || id.User != Anonymous {
			t.Errorf("%v, open to everybody: %v", c.local, err)
		}
	}
}

// Rules for everybody, users and groups add up; without rules there is nothing to look at; rights of one's own are all
// that one has besides.
func TestGrants(t *testing.T) {
	rules := func(c *config.Config) {
		c.Rights = []config.Rights{
			{Users: []string{"*"}, Read: []string{"/topic/public.#"}},
			{Users: []string{"ada"}, Write: []string{"/queue/{user}.in"}},
			{Groups: []string{"clerks"}, Create: []string{"memtop"}},
		}
	}
	p := policyOf(t, rules)
	for _, c := range []struct {
		id     *Identity
		action Action
		name   string
		want   bool
	}{
		{&Identity{User: "ada"}, Read, "/topic/public.a", true},
		{&Identity{User: "ada"}, Write, "/topic/public.a", false},
		{&Identity{User: "ada"}, Write, "/queue/ada.in", true},
		{&Identity{User: "eve"}, Write, "/queue/ada.in", false},
		{&Identity{User: "eve"}, Create, "memtop", false},
		{&Identity{User: "eve", Groups: []string{"x", "clerks"}}, Create, "memtop", true},
		{&Identity{User: "eve", Rights: &Rights{Read: []string{"/queue/{user}"}}}, Read, "/queue/eve", true},
		{&Identity{User: "eve", Rights: &Rights{}}, Read, "/topic/public.a", true},
		{anonymous(), Read, "/topic/public.a", true},
		{anonymous(), Read, "/topic/private", false},
	} {
		if got := p.Grants(c.id).Allows(c.action, c.name); got != c.want {
			t.Errorf("%s %s %s: %v", c.id.User, c.action, c.name, got)
		}
	}
	free := policyOf(t, func(*config.Config) {})
	if free.Grants(anonymous()) != nil {
		t.Error("there are grants without rules")
	}
	if g := free.Grants(&Identity{User: "ada", Rights: &Rights{Read: []string{"memtop"}}}); g == nil || !g.Allows(Read, "memtop") || g.Allows(Read, "other") {
		t.Error("rights of one's own are not all that one has")
	}
}

// Everything that is wrong with the files of a configuration is told at once.
func TestFileProblemsComeTogether(t *testing.T) {
	cfg := config.Default()
	cfg.UsersFile = writeFile(t, "users", "bad\nworse\n")
	cfg.JWT.KeyFile = "/none/key"
	_, err := FromConfig(cfg, time.Now, nil)
	if len(config.ProblemsOf(err)) != 3 {
		t.Errorf("%v", err)
	}
}

// Credentials show no secret, whatever prints them.
func TestCredentialsAreDiscreet(t *testing.T) {
	c := show("ada", "sesame")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		if got := fmt.Sprintf(verb, c); strings.Contains(got, "sesame") || !strings.Contains(got, "ada") {
			t.Errorf("%s prints %s", verb, got)
		}
	}
	if got := c.LogValue().String(); strings.Contains(got, "sesame") {
		t.Errorf("logs %s", got)
	}
}
