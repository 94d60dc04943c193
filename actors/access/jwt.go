package access

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"stampede/config"
)

// jwtLogins logs in whom a JSON Web Token names [RFC 7519].
type jwtLogins struct {
	cfg  config.JWT
	keys []jwtKey
	algs []jose.SignatureAlgorithm // of the keys, and no other
	now  func() time.Time
}

// jwtKey is a key with the one algorithm that it is used with. The algorithm follows from the kind of key and never from
// a token, so that no token can have a public key taken for a secret.
type jwtKey struct {
	id    string // "": any token's
	alg   jose.SignatureAlgorithm
	key   any
	stamp string
}

// The least that keys must have.
const (
	minRSABits        = 2048
	minJWTSecretBytes = 32
)

// Authenticate implements Authenticator.
func (l *jwtLogins) Authenticate(_ context.Context, c *Credentials) (*Identity, error) {
	token, ok := l.find(c)
	if !ok {
		return nil, ErrUnknown
	}
	id, err := l.check(token)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return id, nil
}

// find looks for a token where one may be: what CONNECT says counts first.
func (l *jwtLogins) find(c *Credentials) (string, bool) {
	if looksLikeJWT(c.Passcode) {
		return c.Passcode, true
	}
	if c.shown() {
		return "", false
	}
	if token, ok := c.Bearer(); ok {
		return token, true
	}
	return c.Cookie(l.cfg.Cookie)
}

// looksLikeJWT tells a token from a passcode: three parts, of which the first is a JSON object in base64.
func looksLikeJWT(s string) bool {
	head, rest, ok := strings.Cut(s, ".")
	if !ok || strings.Count(rest, ".") != 1 {
		return false
	}
	b, err := base64.RawURLEncoding.DecodeString(head)
	return err == nil && json.Valid(b) && len(b) > 0 && b[0] == '{'
}

func (l *jwtLogins) check(text string) (*Identity, error) {
	token, err := jwt.ParseSigned(text, l.algs)
	if err != nil {
		return nil, errors.New("the token can't be read, or is signed in a way that no key is for")
	}
	head := token.Headers[0]
	for i := range l.keys {
		key := &l.keys[i]
		if string(key.alg) != head.Algorithm || key.id != "" && head.KeyID != "" && key.id != head.KeyID {
			continue
		}
		var standard jwt.Claims
		claims := map[string]any{}
		if err := token.Claims(key.key, &standard, &claims); err == nil {
			return l.identity(key, standard, claims)
		}
	}
	return nil, errors.New("no key fits the token's signature, or its claims can't be read")
}

// identity is whom the claims of a token with a good signature name.
func (l *jwtLogins) identity(key *jwtKey, standard jwt.Claims, claims map[string]any) (*Identity, error) {
	expected := jwt.Expected{Issuer: l.cfg.Issuer, AnyAudience: l.cfg.Audience, Time: l.now()}
	err := standard.ValidateWithLeeway(expected, l.cfg.Leeway)
	switch {
	case standard.Expiry == nil:
		return nil, errors.New("the token has no exp: it would be good for ever")
	case len(l.cfg.Audience) == 0 && len(standard.Audience) > 0:
		return nil, errors.New("the token is for others: it has aud, and jwt.audience does not say what this broker is called")
	case errors.Is(err, jwt.ErrExpired):
		return nil, errors.New("the token has expired")
	case errors.Is(err, jwt.ErrNotValidYet), errors.Is(err, jwt.ErrIssuedInTheFuture):
		return nil, errors.New("the token is from the future (nbf or iat)")
	case errors.Is(err, jwt.ErrInvalidAudience):
		return nil, errors.New("the token is for others: none of jwt.audience is in its aud")
	case errors.Is(err, jwt.ErrInvalidIssuer):
		return nil, errors.New("the token is not from jwt.issuer")
	case err != nil:
		return nil, errors.New("the token's claims are not right")
	}
	id := &Identity{By: "jwt", stamp: key.stamp, Expires: standard.Expiry.Time().Add(l.cfg.Leeway)}
	var ok bool
	if id.User, ok = claim(claims, l.cfg.UserClaim).(string); !ok || id.User == "" {
		return nil, fmt.Errorf("the token has no name in %s", l.cfg.UserClaim)
	}
	if id.Groups, ok = words(claim(claims, l.cfg.GroupsClaim)); !ok {
		return nil, fmt.Errorf("%s of the token is neither a list of words nor a string", l.cfg.GroupsClaim)
	}
	id.claimed = id.Groups
	if l.cfg.RightsClaim != "" {
		if id.Rights, ok = rightsOf(claim(claims, l.cfg.RightsClaim)); !ok {
			return nil, fmt.Errorf("%s of the token has no rights that can be read", l.cfg.RightsClaim)
		}
	}
	return id, nil
}

// claim finds a claim: by its whole name, or by the way of dots into objects.
func claim(claims map[string]any, name string) any {
	if name == "" {
		return nil
	}
	if value, ok := claims[name]; ok {
		return value
	}
	head, rest, ok := strings.Cut(name, ".")
	if inner, isObject := claims[head].(map[string]any); ok && isObject {
		return claim(inner, rest)
	}
	return nil
}

// words reads a list of strings, or a string of words. Nothing at all is no words.
func words(value any) ([]string, bool) {
	switch v := value.(type) {
	case nil:
		return nil, true
	case string:
		return strings.Fields(v), true
	case []any:
		var all []string
		for _, one := range v {
			s, ok := one.(string)
			if !ok {
				return nil, false
			}
			all = append(all, s)
		}
		return all, true
	}
	return nil, false
}

// rightsOf reads {"read": ["/topic/a"], …}, or words like read:/topic/a.
func rightsOf(value any) (*Rights, bool) {
	r := &Rights{}
	lists := map[string]*[]string{"read": &r.Read, "write": &r.Write, "create": &r.Create}
	if object, ok := value.(map[string]any); ok {
		for name, list := range lists {
			if *list, ok = words(object[name]); !ok {
				return nil, false
			}
		}
		return r, true
	}
	all, ok := words(value)
	if !ok {
		return nil, false
	}
	for _, word := range all {
		action, pattern, _ := strings.Cut(word, ":")
		if list := lists[action]; list != nil && pattern != "" {
			*list = append(*list, pattern)
		} // other words of a scope are no business of ours
	}
	return r, true
}

// newJWTLogins reads the keys. The error is config.Problems.
func newJWTLogins(cfg *config.JWT, now func() time.Time) (*jwtLogins, error) {
	l := &jwtLogins{cfg: *cfg, now: now}
	var problems config.Problems
	for _, source := range []struct {
		key, path string
		read      func(data []byte) ([]jwtKey, error)
	}{
		{"secret_file", cfg.SecretFile, secretKeys},
		{"key_file", cfg.KeyFile, pemKeys},
		{"jwks_file", cfg.JWKSFile, jwksKeys},
	} {
		if source.path == "" {
			continue
		}
		data, err := os.ReadFile(source.path)
		var keys []jwtKey
		if err != nil {
			err = unreadable(source.key, source.path, err)
		} else if keys, err = source.read(data); err != nil {
			err = fmt.Errorf("%s %s: %w", source.key, source.path, err)
		}
		if err != nil {
			problems = append(problems, config.Problem{Key: "jwt", Text: err.Error()})
		}
		l.keys = append(l.keys, keys...)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	for _, key := range l.keys {
		if !slices.Contains(l.algs, key.alg) {
			l.algs = append(l.algs, key.alg)
		}
	}
	return l, nil
}

// has tells whether a key that somebody came in with is still there.
func (l *jwtLogins) has(stamp string) bool {
	return slices.ContainsFunc(l.keys, func(k jwtKey) bool { return k.stamp == stamp })
}

// newJWTKey finds the algorithm of a key.
func newJWTKey(id string, key any) (jwtKey, error) {
	k := jwtKey{id: id, key: key}
	var raw []byte
	var err error
	switch key := key.(type) {
	case []byte:
		if len(key) < minJWTSecretBytes {
			return k, fmt.Errorf("the secret is too short; the least is %d bytes", minJWTSecretBytes)
		}
		k.alg, raw = jose.HS256, key
	case *rsa.PublicKey:
		if n := key.N.BitLen(); n < minRSABits {
			return k, fmt.Errorf("the RSA key has %d bits; the least is %d", n, minRSABits)
		}
		k.alg = jose.RS256
		raw, err = x509.MarshalPKIXPublicKey(key)
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return k, fmt.Errorf("the key is on the curve %s; P-256 is used here", key.Curve.Params().Name)
		}
		k.alg = jose.ES256
		raw, err = x509.MarshalPKIXPublicKey(key)
	case ed25519.PublicKey:
		k.alg, raw = jose.EdDSA, key
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		return k, errors.New("that is a private key; the broker needs only the public one, and should not have the other")
	default:
		return k, errors.New("that is no RSA, P-256 or Ed25519 key")
	}
	sum := sha256.Sum256(raw)
	k.stamp = "jwt:" + string(k.alg) + string(sum[:])
	return k, err
}

func secretKeys(data []byte) ([]jwtKey, error) {
	k, err := newJWTKey("", []byte(strings.TrimSpace(string(data))))
	if err != nil {
		return nil, err
	}
	return []jwtKey{k}, nil
}

func pemKeys(data []byte) (keys []jwtKey, err error) {
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		var key any
		switch block.Type {
		case "PUBLIC KEY":
			key, err = x509.ParsePKIXPublicKey(block.Bytes)
		case "RSA PUBLIC KEY":
			key, err = x509.ParsePKCS1PublicKey(block.Bytes)
		case "CERTIFICATE":
			var c *x509.Certificate
			if c, err = x509.ParseCertificate(block.Bytes); err == nil {
				key = c.PublicKey
			}
		default:
			err = fmt.Errorf("it has a %.40q; public keys and certificates are used here", block.Type)
		}
		var k jwtKey
		if err == nil {
			k, err = newJWTKey("", key)
		}
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", len(keys)+1, err)
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, errors.New("it holds no key; it must be a PEM file")
	}
	return keys, nil
}

func jwksKeys(data []byte) (keys []jwtKey, err error) {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, errors.New("it is not a JSON Web Key Set")
	}
	for i, one := range set.Keys {
		if one.Use != "" && one.Use != "sig" {
			continue // for encryption, say
		}
		k, err := newJWTKey(one.KeyID, one.Key)
		if err != nil {
			return nil, fmt.Errorf("key %d %q: %w", i+1, one.KeyID, err)
		}
		if one.Algorithm != "" && one.Algorithm != string(k.alg) {
			continue // a set may have keys for others
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, errors.New("it holds no key for HS256, RS256, ES256 or EdDSA")
	}
	return keys, nil
}
