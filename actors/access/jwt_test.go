package access

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"stampede/config"
)

const jwtSecret = "0123456789abcdef0123456789abcdef"

// issuer makes tokens with one key.
type issuer struct {
	alg    jose.SignatureAlgorithm
	key    any // private
	public any
	id     string
}

func issuers(t testing.TB) []issuer {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return []issuer{
		sharing,
		{jose.RS256, r, &r.PublicKey, "r"},
		{jose.ES256, e, &e.PublicKey, "e"},
		{jose.EdDSA, private, public, "d"},
	}
}

// sharing is an issuer that shares a secret with the broker.
var sharing = issuer{jose.HS256, []byte(jwtSecret), []byte(jwtSecret), "h"}

func (i issuer) token(t testing.TB, claims map[string]any) string {
	t.Helper()
	o := (&jose.SignerOptions{}).WithType("JWT")
	if i.id != "" {
		o = o.WithHeader("kid", i.id)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: i.alg, Key: i.key}, o)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(s).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func pemOf(t testing.TB, key any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func jwksOf(t testing.TB, all ...issuer) string {
	t.Helper()
	var set jose.JSONWebKeySet
	for _, i := range all {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: i.public, KeyID: i.id, Algorithm: string(i.alg), Use: "sig"})
	}
	b, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var jwtNow = time.Unix(1_700_000_000, 0)

func jwtLoginsOf(t testing.TB, cfg config.JWT) *jwtLogins {
	t.Helper()
	l, err := newJWTLogins(&cfg, func() time.Time { return jwtNow })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func claims(more ...any) map[string]any {
	c := map[string]any{"sub": "ada", "exp": jwtNow.Unix() + 60}
	for i := 0; i < len(more); i += 2 {
		if name := more[i].(string); more[i+1] == nil {
			delete(c, name)
		} else {
			c[name] = more[i+1]
		}
	}
	return c
}

func passcode(token string) *Credentials { return &Credentials{Passcode: token, HasPasscode: true} }

// A token of each kind of key is taken from each kind of file, names its user and its end, and one of another key is not.
func TestJWTKeys(t *testing.T) {
	all := issuers(t)
	others := issuers(t)
	others[0].key = []byte(strings.ToUpper(jwtSecret))
	files := map[string]config.JWT{
		"jwks": {JWKSFile: writeFile(t, "jwks", jwksOf(t, all...))},
		"files": {
			SecretFile: writeFile(t, "secret", "\n "+jwtSecret+"\n"),
			KeyFile:    writeFile(t, "keys", pemOf(t, all[1].public)+pemOf(t, all[2].public)+pemOf(t, all[3].public)),
		},
	}
	for name, cfg := range files {
		cfg.UserClaim, cfg.GroupsClaim, cfg.Leeway = "sub", "groups", time.Second
		l := jwtLoginsOf(t, cfg)
		for n, i := range all {
			id, err := l.Authenticate(context.Background(), passcode(i.token(t, claims("groups", []string{"a", "b"}))))
			if err != nil || id.User != "ada" || !reflect.DeepEqual(id.Groups, []string{"a", "b"}) || !id.Expires.Equal(jwtNow.Add(61*time.Second)) || id.Rights != nil || !l.has(id.stamp) {
				t.Errorf("%s, %s: %+v %v", name, i.alg, id, err)
			}
			if _, err := l.Authenticate(context.Background(), passcode(others[n].token(t, claims()))); !errors.Is(err, ErrRefused) {
				t.Errorf("%s, %s of another key: %v", name, i.alg, err)
			}
		}
	}
}

// A token can't choose its algorithm: neither none, nor a public key taken for a secret, nor another one of the same kind.
func TestJWTAlgorithmFollowsTheKey(t *testing.T) {
	all := issuers(t)
	public := pemOf(t, all[1].public)
	l := jwtLoginsOf(t, config.JWT{KeyFile: writeFile(t, "keys", public+pemOf(t, all[2].public)), UserClaim: "sub"})
	payload, _ := json.Marshal(claims())
	b64 := base64.RawURLEncoding.EncodeToString
	der, _ := pem.Decode([]byte(public))
	for name, token := range map[string]string{
		"none":                     b64([]byte(`{"alg":"none"}`)) + "." + b64(payload) + ".",
		"no algorithm":             b64([]byte(`{}`)) + "." + b64(payload) + "." + b64([]byte("x")),
		"the PEM as a secret":      issuer{alg: jose.HS256, key: []byte(public)}.token(t, claims()),
		"the DER as a secret":      issuer{alg: jose.HS256, key: der.Bytes}.token(t, claims()),
		"RS512 by the right key":   issuer{alg: jose.RS512, key: all[1].key}.token(t, claims()),
		"PS256 by the right key":   issuer{alg: jose.PS256, key: all[1].key}.token(t, claims()),
		"its own key in the token": withJWK(t, issuers(t)[1]),
	} {
		if id, err := l.Authenticate(context.Background(), passcode(token)); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v %v", name, id, err)
		}
	}
}

// withJWK is a token that carries the key that it is signed with.
func withJWK(t *testing.T, i issuer) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: i.alg, Key: i.key}, &jose.SignerOptions{EmbedJWK: true})
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(s).Claims(claims()).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// The claims decide as RFC 7519 says, at their edges.
func TestJWTClaims(t *testing.T) {
	now := jwtNow.Unix()
	for _, c := range []struct {
		name   string
		set    func(*config.JWT)
		claims map[string]any
		why    string // "": taken
	}{
		{"just not expired", nil, claims("exp", now-10), ""},
		{"expired", nil, claims("exp", now-11), "has expired"},
		{"no end", nil, claims("exp", nil), "no exp"},
		{"valid from now", nil, claims("nbf", now+10), ""},
		{"not yet valid", nil, claims("nbf", now+11), "from the future"},
		{"issued in the future", nil, claims("iat", now+11), "from the future"},
		{"for others, nobody asked", nil, claims("aud", "shop"), "is for others"},
		{"for us", func(c *config.JWT) { c.Audience = []string{"a", "stampede"} }, claims("aud", []string{"shop", "stampede"}), ""},
		{"for us alone", func(c *config.JWT) { c.Audience = []string{"stampede"} }, claims("aud", "stampede"), ""},
		{"for others", func(c *config.JWT) { c.Audience = []string{"stampede"} }, claims("aud", "shop"), "is for others"},
		{"for nobody", func(c *config.JWT) { c.Audience = []string{"stampede"} }, claims(), "is for others"},
		{"from the issuer", func(c *config.JWT) { c.Issuer = "https://id.example" }, claims("iss", "https://id.example"), ""},
		{"from another issuer", func(c *config.JWT) { c.Issuer = "https://id.example" }, claims("iss", "https://evil.example"), "not from jwt.issuer"},
		{"from nobody", func(c *config.JWT) { c.Issuer = "https://id.example" }, claims(), "not from jwt.issuer"},
		{"no user", nil, claims("sub", nil), "no name in sub"},
		{"an empty user", nil, claims("sub", ""), "no name in sub"},
		{"a user deeper down", func(c *config.JWT) { c.UserClaim = "ext.name" }, claims("ext", map[string]any{"name": "ada"}), ""},
		{"a user with dots in its claim", func(c *config.JWT) { c.UserClaim = "https://x.example/user" }, claims("https://x.example/user", "ada"), ""},
		{"a number for a user", func(c *config.JWT) { c.UserClaim = "n" }, claims("n", 1), "no name in n"},
		{"groups in a string", nil, claims("groups", "a b"), ""},
		{"groups that are none", nil, claims("groups", []any{1}), "neither a list of words"},
		{"rights that are none", func(c *config.JWT) { c.RightsClaim = "r" }, claims("r", 1), "no rights that can be read"},
	} {
		cfg := config.JWT{SecretFile: writeFile(t, "s", jwtSecret), UserClaim: "sub", GroupsClaim: "groups", Leeway: 10 * time.Second}
		if c.set != nil {
			c.set(&cfg)
		}
		id, err := jwtLoginsOf(t, cfg).Authenticate(context.Background(), passcode(sharing.token(t, c.claims)))
		switch {
		case c.why == "" && (err != nil || id.User != "ada"):
			t.Errorf("%s: %+v %v", c.name, id, err)
		case c.why != "" && (!errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), c.why)):
			t.Errorf("%s: %+v %v", c.name, id, err)
		}
	}
}

// Rights can come as an object or as words; a token without any has none.
func TestJWTRights(t *testing.T) {
	cfg := config.JWT{SecretFile: writeFile(t, "s", jwtSecret), UserClaim: "sub", RightsClaim: "scope"}
	l := jwtLoginsOf(t, cfg)
	for _, c := range []struct {
		claim any
		want  Rights
	}{
		{nil, Rights{}},
		{map[string]any{"read": []string{"/topic/a", "/topic/b"}, "write": "/queue/a /queue/b", "other": 1}, Rights{Read: []string{"/topic/a", "/topic/b"}, Write: []string{"/queue/a", "/queue/b"}}},
		{"openid read:/topic/a create:# write: read:/topic/b:c", Rights{Read: []string{"/topic/a", "/topic/b:c"}, Create: []string{"#"}}},
		{[]string{"write:memtop"}, Rights{Write: []string{"memtop"}}},
	} {
		id, err := l.Authenticate(context.Background(), passcode(sharing.token(t, claims("scope", c.claim))))
		if err != nil || id.Rights == nil || fmt.Sprint(*id.Rights) != fmt.Sprint(c.want) {
			t.Errorf("%v: %+v %v", c.claim, id, err)
		}
	}
}

// A token is looked for in the passcode, else in the Authorization header, else in the cookie, and what CONNECT says
// otherwise is somebody else's.
func TestWhereATokenMayBe(t *testing.T) {
	cfg := config.JWT{SecretFile: writeFile(t, "s", jwtSecret), UserClaim: "sub", Cookie: "session"}
	l := jwtLoginsOf(t, cfg)
	of := func(user string) string { return sharing.token(t, claims("sub", user)) }
	for _, c := range []struct {
		name string
		c    Credentials
		user string
		err  error
	}{
		{"passcode", Credentials{Passcode: of("a")}, "a", nil},
		{"passcode with a login", Credentials{Login: "x", Passcode: of("a")}, "a", nil},
		{"header", Credentials{Header: http.Header{"Authorization": {"bearer  " + of("b")}}}, "b", nil},
		{"cookie", Credentials{Header: http.Header{"Cookie": {"x=y; session=" + of("c")}}}, "c", nil},
		{"header before cookie", Credentials{Header: http.Header{"Authorization": {"Bearer " + of("b")}, "Cookie": {"session=" + of("c")}}}, "b", nil},
		{"passcode before header", Credentials{Passcode: of("a"), Header: http.Header{"Authorization": {"Bearer " + of("b")}}}, "a", nil},
		{"another cookie", Credentials{Header: http.Header{"Cookie": {"other=" + of("c")}}}, "", ErrUnknown},
		{"a login before a cookie", Credentials{Login: "x", Passcode: "y", Header: http.Header{"Cookie": {"session=" + of("c")}}}, "", ErrUnknown},
		{"another scheme", Credentials{Header: http.Header{"Authorization": {"Basic eDp5"}}}, "", ErrUnknown},
		{"nonsense in the header", Credentials{Header: http.Header{"Authorization": {"Bearer nonsense"}}}, "", ErrRefused},
		{"a passcode with dots", Credentials{Passcode: "a.b.c"}, "", ErrUnknown},
		{"nothing", Credentials{}, "", ErrUnknown},
	} {
		id, err := l.Authenticate(context.Background(), &c.c)
		if !errors.Is(err, c.err) || (id != nil && id.User != c.user) || (id == nil) != (c.user == "") {
			t.Errorf("%s: %+v %v", c.name, id, err)
		}
	}
}

// Files that can't be used say which and why, all at once, and never what is in them.
func TestJWTFileProblems(t *testing.T) {
	all := issuers(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("needs a Go that makes keys that are too small: ", err)
	}
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	private, _ := x509.MarshalPKCS8PrivateKey(all[2].key)
	for name, c := range map[string]struct {
		cfg  config.JWT
		want string
	}{
		"missing":        {config.JWT{KeyFile: "/none/keys"}, "cannot read key_file /none/keys"},
		"short secret":   {config.JWT{SecretFile: writeFile(t, "s", "tooshort-secret")}, "too short; the least is 32"},
		"empty":          {config.JWT{KeyFile: writeFile(t, "k", "")}, "holds no key"},
		"small RSA":      {config.JWT{KeyFile: writeFile(t, "k", pemOf(t, &small.PublicKey))}, "has 1024 bits"},
		"another curve":  {config.JWT{KeyFile: writeFile(t, "k", pemOf(t, &p384.PublicKey))}, "on the curve P-384"},
		"private":        {config.JWT{KeyFile: writeFile(t, "k", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))}, `has a "PRIVATE KEY"`},
		"not JSON":       {config.JWT{JWKSFile: writeFile(t, "k", "{")}, "is not a JSON Web Key Set"},
		"no key":         {config.JWT{JWKSFile: writeFile(t, "k", `{"keys":[]}`)}, "holds no key"},
		"private in set": {config.JWT{JWKSFile: writeFile(t, "k", jwksOf(t, issuer{alg: jose.ES256, public: all[2].key}))}, "private key"},
		"for others":     {config.JWT{JWKSFile: writeFile(t, "k", jwksOf(t, issuer{alg: jose.RS512, public: all[1].public}))}, "holds no key"},
	} {
		_, err := newJWTLogins(&c.cfg, time.Now)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "tooshort-secret") || len(config.ProblemsOf(err)) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	two := config.JWT{KeyFile: "/none/keys", JWKSFile: "/none/jwks"}
	if _, err := newJWTLogins(&two, time.Now); len(config.ProblemsOf(err)) != 2 {
		t.Errorf("two missing files: %v", err)
	}
}

// No text is taken for a token unless it is signed with the key.
func FuzzJWT(f *testing.F) {
	l := &jwtLogins{cfg: config.JWT{UserClaim: "sub"}, algs: []jose.SignatureAlgorithm{jose.HS256}, now: func() time.Time { return jwtNow }}
	key, err := newJWTKey("", []byte(jwtSecret))
	if err != nil {
		f.Fatal(err)
	}
	l.keys = []jwtKey{key}
	i := issuer{alg: jose.HS256, key: []byte(jwtSecret)}
	good := i.token(f, claims())
	f.Add(good)
	f.Add(i.token(f, claims("sub", "eve"))[:40])
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := l.Authenticate(context.Background(), &Credentials{Passcode: text})
		if err == nil && text != good {
			t.Errorf("%q was let in as %v", text, id)
		}
	})
}
