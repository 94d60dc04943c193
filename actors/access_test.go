package actors_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"stampede/actors"
	"stampede/actors/access"
	"stampede/config"
	"stampede/tests/stomptest"
	"stampede/transport"
)

// A login that expires ends its connection with an ERROR that says so, and not a moment before; a session that was
// restarted meanwhile is no exception.
func TestExpiredLoginEndsItsConnection(t *testing.T) {
	for _, crashes := range []bool{false, true} {
		t.Run(fmt.Sprint("crashes ", crashes), func(t *testing.T) {
			clock := stomptest.NewClock()
			f := &fault{role: "session", phase: "message", at: occasions(2, 4)}
			if !crashes {
				f.at = nil
			}
			b := start(t, nil, actors.WithClock(clock), actors.WithInjector(f.inject),
				actors.WithAuthenticator(ask(func(context.Context, *access.Credentials) (*access.Identity, error) {
					return &access.Identity{User: "ada", By: "token", Expires: clock.Now().Add(5 * time.Second)}, nil
				})))
			c := stomptest.New(t, b.Pipe())
			c.Write(connectAs("ada"))
			c.Expect("CONNECTED")
			for range 3 {
				c.Sync("BEGIN", "transaction:t")
				c.Sync("ABORT", "transaction:t")
			}
			clock.Advance(5*time.Second - 1)
			c.Sync("BEGIN", "transaction:t")
			clock.Advance(1)
			if e := c.Expect("ERROR"); e.Header1("code") != "login expired" || !strings.Contains(e.Body, "token") {
				t.Errorf("got %s", e)
			}
			c.Closed()
			if crashes && f.fired.Load() != 2 {
				t.Errorf("the session failed %d times", f.fired.Load())
			}
		})
	}
}

// timers is a clock that tells which timers are started.
type timers struct {
	*stomptest.Clock
	started chan time.Duration
}

func (c *timers) AfterFunc(d time.Duration, f func()) transport.Timer {
	timer := c.Clock.AfterFunc(d, f)
	select {
	case c.started <- d:
	default:
	}
	return timer
}

// The answer to a failed login is held back, longer each time; a right login of somebody else from there is not.
func TestFailedLoginsAreHeldBack(t *testing.T) {
	clock := &timers{stomptest.NewClock(), make(chan time.Duration, 1000)}
	b := start(t, func(c *config.Config) {
		c.Login, c.Passcode = "ada", "sesame"
		c.Access.LoginDelay, c.Access.LoginDelayMax = 101*time.Millisecond, 700*time.Millisecond
	}, actors.WithClock(clock))
	for n, want := range []time.Duration{101, 202, 404, 700, 700} {
		want *= time.Millisecond
		c := stomptest.New(t, b.Pipe())
		// A login of its own each time: one that failed would wait before it is looked at, too.
		c.Send("CONNECT", "accept-version:1.2", "host:h", fmt.Sprintf("login:user-%d", n), "passcode:wrong")
		for d := range clock.started {
			if d == want {
				break
			}
		}
		good := stomptest.New(t, b.Pipe())
		good.Connect("1.2", "login:ada", "passcode:sesame")
		clock.Advance(want - 1)
		good.Sync("BEGIN", "transaction:t") // the answer of the other would have come by now
		_ = c.Link().SetReadDeadline(clock.Now())
		if n, err := c.Link().Read(make([]byte, 1)); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("failure %d was answered within %s", n+1, want)
		}
		clock.Advance(1)
		if e := c.Expect("ERROR"); e.Header1("code") != "auth err" {
			t.Errorf("got %s", e)
		}
	}
}

func usersFile(t *testing.T, path string, users map[string][]string) {
	t.Helper()
	all, err := access.ParseUsers(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, groups := range users {
		hash, err := access.HashPasscode(access.HashArgon2id, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := all.Set(name, hash, groups); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, all.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A reload sends away whose login or right is gone, tells them why, and nobody else notices anything.
func TestReloadWithdrawsLoginsAndRights(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	usersFile(t, path, map[string][]string{"ada": {"readers"}, "bob": nil, "cy": {"readers"}})
	cfg := config.Default()
	cfg.Listen[0].Address = "127.0.0.1:0"
	cfg.UsersFile = path
	cfg.Rights = []config.Rights{{Groups: []string{"readers"}, Read: []string{"#"}, Create: []string{"#"}}, {Users: []string{"*"}, Write: []string{"#"}, Create: []string{"#"}}}
	b, err := actors.Start(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shutDown(t, b) })
	clients := map[string]*stomptest.Conn{}
	for _, name := range []string{"ada", "bob", "cy"} {
		clients[name] = stomptest.New(t, b.Pipe())
		clients[name].Connect("1.2", "login:"+name, "passcode:"+name)
	}
	clients["ada"].Subscribe("s", "/topic/news")
	clients["cy"].Subscribe("s", "/topic/news")

	all, err := access.ReadUsers(path)
	if err != nil {
		t.Fatal(err)
	}
	all.Delete("bob")
	cy, _ := all.Find("cy")
	if err := all.Set("cy", cy.Hash, []string{"others"}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, all.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	next := *cfg
	if _, err := b.Reload(context.Background(), &next); err != nil {
		t.Fatal(err)
	}
	if e := clients["bob"].Expect("ERROR"); e.Header1("code") != "auth err" || e.Header1("message") != "login withdrawn" {
		t.Errorf("bob got %s", e)
	}
	if e := clients["cy"].Expect("ERROR"); e.Header1("code") != "forbidden" || !strings.Contains(e.Body, "/topic/news") {
		t.Errorf("cy got %s", e)
	}
	clients["ada"].Send("SEND", "destination:/topic/news")
	clients["ada"].Expect("MESSAGE")
	late := stomptest.New(t, b.Pipe())
	late.Send("CONNECT", "accept-version:1.2", "host:h", "login:bob", "passcode:bob")
	late.Expect("ERROR", "code:auth err")
}

// A broker does not start with files that it can't use, nor open to everybody by mistake, nor waiting for a program that
// checks logins and is not there.
func TestStartChecksAccess(t *testing.T) {
	for want, set := range map[string]func(*config.Config){
		"cannot read users_file /none/users":    func(c *config.Config) { c.UsersFile = "/none/users" },
		"can be reached from other machines":    func(c *config.Config) { c.Listen[0].Address = ":0" },
		"the program gave no authenticator":     func(c *config.Config) { c.Access.External = true },
		"cannot read jwks_file /none/jwks.json": func(c *config.Config) { c.JWT.JWKSFile = "/none/jwks.json" },
	} {
		cfg := config.Default()
		cfg.Listen[0].Address = "127.0.0.1:0"
		set(cfg)
		b, err := actors.Start(context.Background(), cfg)
		if err == nil {
			shutDown(t, b)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
	cfg := config.Default()
	cfg.Listen[0].Address = ":0"
	b, err := actors.Start(context.Background(), cfg, actors.WithAuthenticator(ask(named)))
	if err != nil {
		t.Fatalf("with a program that checks logins: %v", err)
	}
	shutDown(t, b)
}

// authority signs certificates for a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string // file
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	a.cert, a.key = a.make(&x509.Certificate{Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	a.pem = a.write("ca.pem", "CERTIFICATE", a.cert.Raw)
	return a
}

func (a *authority) make(template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

func (a *authority) write(name, kind string, der []byte) string {
	a.t.Helper()
	path := filepath.Join(a.t.TempDir(), name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// A certificate that a trusted authority has signed logs in the user that it names; where certificates are optional a
// client without one logs in otherwise, or not at all.
func TestCertificatesLogIn(t *testing.T) {
	a := newAuthority(t)
	server, key := a.make(&x509.Certificate{DNSNames: []string{"localhost"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s := stomptest.Start(t, func(c *config.Config) {
		l := &c.Listen[0]
		l.TLSCert, l.TLSKey, l.TLSClientCA = a.write("cert.pem", "CERTIFICATE", server.Raw), a.write("key.pem", "PRIVATE KEY", der), a.pem
		l.TLSClientAuth, l.TLSClientUser = "optional", config.CertificateCN
		c.Login, c.Passcode = "ada", "sesame"
		c.Rights = []config.Rights{{Users: []string{"*"}, Write: []string{"/queue/{user}"}, Create: []string{"#"}}}
	})
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	dial := func(of *authority, user string) *stomptest.Conn {
		set := &tls.Config{RootCAs: pool, ServerName: "localhost"}
		if user != "" {
			cert, key := of.make(&x509.Certificate{Subject: pkix.Name{CommonName: user}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
			set.Certificates = []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}
		}
		link, err := tls.Dial("tcp", s.Address(), set)
		if err != nil {
			t.Fatal(err)
		}
		return stomptest.New(t, link)
	}
	bob := dial(a, "bob")
	bob.Connect("1.2")
	bob.Sync("SEND", "destination:/queue/bob")
	bob.Send("SEND", "destination:/queue/ada")
	bob.Expect("ERROR", "code:forbidden")

	ada := dial(a, "bob") // what CONNECT says counts for more
	ada.Connect("1.2", "login:ada", "passcode:sesame")
	ada.Sync("SEND", "destination:/queue/ada")

	plain := dial(a, "")
	plain.Connect("1.2", "login:ada", "passcode:sesame")
	for name, c := range map[string]*stomptest.Conn{"no certificate": dial(a, ""), "no name": dial(a, " ")} {
		c.Send("CONNECT", "accept-version:1.2", "host:h", map[bool]string{true: "x:y", false: "login:ada"}[name == "no certificate"])
		c.Expect("ERROR", "code:auth err")
	}
}

// A token in the Authorization header or in the cookie of a WebSocket's upgrade logs its user in, until it expires.
func TestTokensOfTheUpgradeLogIn(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	s := stomptest.Start(t, func(c *config.Config) {
		c.JWT.SecretFile, c.JWT.Cookie, c.JWT.RightsClaim = path, "session", "rights"
		c.Access.LoginDelay = 0
	})
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(secret)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token := func(user string, good time.Duration) string {
		text, err := jwt.Signed(signer).Claims(map[string]any{
			"sub": user, "exp": time.Now().Add(good).Unix(), "rights": map[string]any{"write": "/queue/{user}", "create": "#"},
		}).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for name, header := range map[string]http.Header{
		"bearer": {"Authorization": {"Bearer " + token("ada", time.Hour)}},
		"cookie": {"Cookie": {"session=" + token("ada", time.Hour)}},
	} {
		link, _, err := s.DialWebSocket([]string{"stomp"}, header)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c := stomptest.New(t, link)
		c.Connect("1.2")
		c.Sync("SEND", "destination:/queue/ada")
		c.Send("SEND", "destination:/queue/bob")
		c.Expect("ERROR", "code:forbidden")
	}
	for name, header := range map[string]http.Header{
		"nothing": nil,
		"expired": {"Authorization": {"Bearer " + token("ada", -time.Hour)}},
		"forged":  {"Authorization": {"Bearer " + token("ada", time.Hour) + "x"}},
	} {
		link, _, err := s.DialWebSocket([]string{"stomp"}, header)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c := stomptest.New(t, link)
		c.Send("CONNECT", "accept-version:1.2", "host:h")
		c.Expect("ERROR", "code:auth err")
	}
}
