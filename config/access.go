package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// JWT says which JSON Web Tokens log a client in [RFC 7519]. None of the files set: no token does. The algorithm follows
// the kind of key: HS256 for a secret, RS256 for RSA, ES256 for P-256, EdDSA for Ed25519.
type JWT struct {
	// SecretFile holds a secret of at least 32 bytes. White space around it does not count.
	SecretFile string `toml:"secret_file"`
	// KeyFile is a PEM file of public keys or certificates.
	KeyFile string `toml:"key_file"`
	// JWKSFile is a JSON Web Key Set [RFC 7517].
	JWKSFile string `toml:"jwks_file"`
	// Issuer is what iss must be; empty: anything.
	Issuer string `toml:"issuer"`
	// Audience lists what this broker is called in aud. Empty: only a token without aud is taken.
	Audience []string `toml:"audience"`
	// Leeway is how far the clocks of issuer and broker may differ.
	Leeway time.Duration `toml:"leeway" min:"0s" max:"1h"`
	// Cookie is the name of a cookie of the WebSocket upgrade that carries a token; empty: none does.
	Cookie string `toml:"cookie"`
	// UserClaim, GroupsClaim and RightsClaim name the claims that carry these. Dots lead into objects. RightsClaim empty:
	// tokens carry no rights of their own.
	UserClaim   string `toml:"user_claim"`
	GroupsClaim string `toml:"groups_claim"`
	RightsClaim string `toml:"rights_claim"`
}

// On says that tokens log clients in.
func (j *JWT) On() bool { return j.SecretFile != "" || j.KeyFile != "" || j.JWKSFile != "" }

// Access says how logins are treated, however they are checked.
type Access struct {
	// External says that the program which embeds the broker checks the logins. Without it a configuration that checks
	// none and yet can be reached from other machines is refused.
	External bool `toml:"external"`
	// LoginDelay is how long the answer to a failed login is held back. It doubles with each further failure from the same
	// address, up to LoginDelayMax; 0: it is not held back.
	LoginDelay    time.Duration `toml:"login_delay" min:"0s" max:"1m"`
	LoginDelayMax time.Duration `toml:"login_delay_max" min:"0s" max:"10m"`
	// LoginMemory is how long a failed login counts.
	LoginMemory time.Duration `toml:"login_memory" min:"1s" max:"24h"`
	// MaxHashes is how many slow hashes of the users file are computed at once; each takes a processor, and memory.
	MaxHashes int `toml:"max_hashes" min:"1" max:"1024"`
}

// Rights gives rights to users and groups. Once there is one of these, what none of them gives is refused.
type Rights struct {
	// Users and Groups are who it is for. "*" is every user, "anonymous" who did not log in.
	Users  []string `toml:"users"`
	Groups []string `toml:"groups"`
	// Read, Write and Create are patterns of destinations: /topic/a.*, /queue/#, memtop, or # for all there are. {user}
	// stands for the user's name.
	Read   []string `toml:"read"`
	Write  []string `toml:"write"`
	Create []string `toml:"create"`
}

// CertificateUser says which part of a client's certificate is the name of its user.
type CertificateUser string

// The parts of a certificate that can name a user.
const (
	CertificateNone  CertificateUser = "none"  // none: a certificate opens the door, and logs nobody in
	CertificateCN    CertificateUser = "cn"    // the common name of the subject
	CertificateDNS   CertificateUser = "dns"   // the first DNS name among the alternative names
	CertificateEmail CertificateUser = "email" // the first e-mail address there
	CertificateURI   CertificateUser = "uri"   // the first URI there
)

// ChecksLogins says that clients have to log in, by the configuration or by the program around the broker.
func (c *Config) ChecksLogins() bool {
	return c.Login != "" || c.Passcode != "" || c.UsersFile != "" || c.Secret != "" || c.JWT.On() || c.Access.External ||
		slices.ContainsFunc(c.Listen, func(l Listen) bool { return l.TLSClientUser != CertificateNone && l.TLSClientUser != "" })
}

// Reachable says that programs on other machines can connect to a listener, with no certificate that the broker trusts.
func (l *Listen) Reachable() bool {
	if l.TLSOnly && l.TLSClientCA != "" && l.TLSClientAuth != "optional" {
		return false
	}
	endpoints, err := l.Endpoints()
	return err == nil && slices.ContainsFunc(endpoints, func(e Endpoint) bool { return !e.Loopback() })
}

// Exposed returns what keeps a configuration from being run without a program that checks logins: its listeners that
// anybody could use from other machines. It is part of Validate.
func (c *Config) Exposed() Problems {
	var all Problems
	for _, f := range c.exposed() {
		all = append(all, Problem{Key: f.keys[0], Text: f.text})
	}
	return all
}

func (c *Config) exposed() (all faults) {
	if c.AllowAnonymous || c.ChecksLogins() {
		return nil
	}
	for i := range c.Listen {
		if l := &c.Listen[i]; l.Reachable() {
			all.add(fmt.Sprintf("%.60s can be reached from other machines, and nobody has to log in; set login and passcode, users_file, secret or a key of [jwt], "+
				"or allow_anonymous = true to let everybody in", l.Address), fmt.Sprintf("listen[%d].address", i))
		}
	}
	return all
}

// minSecretBytes is what a secret of tokens has at least: fewer can be guessed.
const minSecretBytes = 16

func (c *Config) access(f *faults) {
	*f = append(*f, c.exposed()...)
	if n := len(c.Secret); n > 0 && n < minSecretBytes {
		f.add(fmt.Sprintf("is too short; the least is %d bytes, or tokens could be forged by guessing", minSecretBytes), "secret")
	}
	a := c.Access
	f.atMost("access.login_delay", "access.login_delay_max", showDuration(a.LoginDelay), showDuration(a.LoginDelayMax),
		a.LoginDelay > a.LoginDelayMax, "delays grow from the one to the other")
	c.tokens(f)
	for i := range c.Listen {
		c.certificates(f, i)
	}
	for i := range c.Rights {
		c.rights(f, i)
	}
}

func (c *Config) tokens(f *faults) {
	j := &c.JWT
	if !j.On() {
		for _, s := range []struct {
			key string
			set bool
		}{
			{"jwt.issuer", j.Issuer != ""},
			{"jwt.audience", len(j.Audience) > 0},
			{"jwt.cookie", j.Cookie != ""},
			{"jwt.rights_claim", j.RightsClaim != ""},
		} {
			if s.set {
				f.add("is set without a key; set jwt.secret_file, jwt.key_file or jwt.jwks_file too", s.key)
			}
		}
		return
	}
	if j.UserClaim == "" {
		f.add("is empty, so no token could say whose it is", "jwt.user_claim")
	}
	if j.Cookie != "" && strings.ContainsFunc(j.Cookie, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r) }) {
		f.add(fmt.Sprintf("%.40q can't be the name of a cookie", j.Cookie), "jwt.cookie")
	}
	for i := range c.Listen {
		if j.Cookie != "" && slices.Contains(c.Listen[i].WebSocketsOrigin, "*") {
			f.add(`is "*" while jwt.cookie is set: any page could use the cookies of its visitors; list the origins of your pages`,
				fmt.Sprintf("listen[%d].websockets_origin", i), "jwt.cookie")
		}
	}
}

func (c *Config) certificates(f *faults, i int) {
	l := &c.Listen[i]
	if l.TLSClientCA != "" {
		return
	}
	at := fmt.Sprintf("listen[%d].", i)
	if l.TLSClientUser != CertificateNone && l.TLSClientUser != "" {
		f.add("is set without tls_client_ca, so no certificate would be trusted", at+"tls_client_user")
	}
	if l.TLSClientAuth == "optional" {
		f.add("is set without tls_client_ca, so no certificate is asked for", at+"tls_client_auth")
	}
}

func (c *Config) rights(f *faults, i int) {
	r := &c.Rights[i]
	at := fmt.Sprintf("rights[%d]", i)
	if len(r.Users) == 0 && len(r.Groups) == 0 {
		f.add(`names nobody; set users or groups (users = ["*"] is everybody)`, at)
	}
	if len(r.Read) == 0 && len(r.Write) == 0 && len(r.Create) == 0 {
		f.add("gives no right; set read, write or create", at)
	}
	for _, list := range []struct {
		key      string
		patterns []string
	}{{"read", r.Read}, {"write", r.Write}, {"create", r.Create}} {
		for _, p := range list.patterns {
			if why := BadPattern(p); why != "" {
				f.add(fmt.Sprintf("%.80q %s", p, why), at+"."+list.key)
			}
		}
	}
	for _, list := range []struct {
		key   string
		names []string
	}{{"users", r.Users}, {"groups", r.Groups}} {
		if slices.Contains(list.names, "") {
			f.add("has an empty name", at+"."+list.key)
		}
	}
}

// BadPattern says why a pattern of destinations makes no sense, or "". Levels are separated by dots; * is one level, a
// last # or > all further levels; # or > alone is every destination.
func BadPattern(pattern string) string {
	for _, own := range []string{"/temp-queue/", "/temp-topic/", "/reply-queue/", "/reply-topic/"} {
		if strings.HasPrefix(pattern, own) {
			return "needs no right: temporary destinations belong to who makes them"
		}
	}
	rest := pattern
	for _, prefix := range []string{"/queue/", "/topic/"} {
		if cut, ok := strings.CutPrefix(pattern, prefix); ok {
			rest = cut
		}
	}
	if rest == "" {
		return "matches nothing"
	}
	levels := strings.Split(rest, ".")
	for i, level := range levels {
		switch {
		case level == "*":
		case level == "#" || level == ">":
			if i != len(levels)-1 {
				return fmt.Sprintf("has a %s before its last level; it stands for all further ones", level)
			}
		case strings.ContainsAny(level, "*#>"):
			return "has a wildcard that is not a whole level between dots"
		case strings.Contains(strings.ReplaceAll(level, "{user}", ""), "{"):
			return "has a placeholder that is not known; {user} is"
		}
	}
	return ""
}
