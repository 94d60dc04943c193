package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// An address becomes exactly what the operating system is asked for: "localhost" is both loopback addresses and nothing
// else.
func TestEndpoints(t *testing.T) {
	for address, want := range map[string][]Endpoint{
		"localhost:61613":  {{"tcp4", "127.0.0.1:61613", false}, {"tcp6", "[::1]:61613", true}},
		"LocalHost:0":      {{"tcp4", "127.0.0.1:0", false}, {"tcp6", "[::1]:0", true}},
		":61613":           {{"tcp", ":61613", false}},
		"*:61613":          {{"tcp", ":61613", false}},
		"0.0.0.0:1":        {{"tcp", "0.0.0.0:1", false}},
		"[::1]:1":          {{"tcp", "[::1]:1", false}},
		"[fe80::1%eth0]:1": {{"tcp", "[fe80::1%eth0]:1", false}},
		"host.example:080": {{"tcp", "host.example:80", false}},
		"unix:/run/s.sock": {{"unix", "/run/s.sock", false}},
		"unix:@abstract":   {{"unix", "@abstract", false}},
	} {
		l := Listen{Address: address}
		if got, err := l.Endpoints(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v", address, got, err)
		}
	}
	for _, address := range []string{"", "61613", "localhost", "::1:5:x", "a:b", ":-1", ":65536", "a b:1", "unix:", "http://x:1/", "x:"} {
		l := Listen{Address: address}
		if got, err := l.Endpoints(); err == nil {
			t.Errorf("%q was accepted as %v", address, got)
		}
	}
}

// A permission is for files: neither TCP nor an abstract socket has one.
func TestFileMode(t *testing.T) {
	for address, want := range map[string]fs.FileMode{"unix:/s": 0o640, "unix:s": 0o640, "unix:@s": 0, "localhost:1": 0} {
		l := Listen{Address: address, UnixMode: "0640"}
		if got := l.FileMode(); got != want {
			t.Errorf("%s: %o", address, got)
		}
	}
}

// A listener that other machines can reach is refused unless clients have to log in or show a certificate, or anybody is
// said to be welcome; then there is a warning.
func TestReachableListenersNeedCredentials(t *testing.T) {
	for address, reachable := range map[string]bool{
		"localhost:1": false, "127.0.0.1:1": false, "127.9.9.9:1": false, "[::1]:1": false, "[::ffff:127.0.0.1]:1": false, "unix:/s": false, "unix:@s": false,
		":1": true, "0.0.0.0:1": true, "[::]:1": true, "192.0.2.1:1": true, "host.example:1": true,
	} {
		for name, tc := range map[string]struct {
			set     func(*Config)
			refused bool
			warned  bool
		}{
			"nothing":                     {func(*Config) {}, reachable, false},
			"allow_anonymous":             {func(c *Config) { c.AllowAnonymous = true }, false, reachable},
			"certificates":                {func(c *Config) { c.Listen[0].TLSOnly, c.Listen[0].TLSClientCA = true, "ca.pem" }, false, false},
			"certificates, or plain text": {func(c *Config) { c.Listen[0].TLSClientCA = "ca.pem" }, reachable, false},
			"optional certificates": {func(c *Config) {
				c.Listen[0].TLSOnly, c.Listen[0].TLSClientCA, c.Listen[0].TLSClientAuth = true, "ca.pem", "optional"
			}, reachable, false},
			"users of certificates": {func(c *Config) { c.Listen[0].TLSClientCA, c.Listen[0].TLSClientUser = "ca.pem", CertificateCN }, false, false},
			"a pair":                {func(c *Config) { c.Login, c.Passcode = "me", "x" }, false, false},
			"a pair and anybody":    {func(c *Config) { c.Login, c.Passcode, c.AllowAnonymous = "me", "x", true }, false, false},
			"a users file":          {func(c *Config) { c.UsersFile = "users" }, false, false},
			"tokens":                {func(c *Config) { c.Secret = "0123456789abcdef" }, false, false},
			"jwt":                   {func(c *Config) { c.JWT.KeyFile = "key.pem" }, false, false},
			"a program":             {func(c *Config) { c.Access.External = true }, false, false},
		} {
			c := Default()
			c.SetAddresses([]string{address})
			c.Listen[0].TLSCert, c.Listen[0].TLSKey = "cert.pem", "key.pem"
			tc.set(c)
			if err := c.Validate(); (err != nil) != tc.refused || (len(c.Exposed()) > 0) != tc.refused {
				t.Errorf("%s with %s: %v", address, name, err)
			}
			if got := c.Warnings(); (len(got) > 0) != tc.warned {
				t.Errorf("%s with %s: warnings %v", address, name, got)
			}
		}
	}
}

// Ports chosen by the operating system never contradict each other.
func TestPortZeroNeverClashes(t *testing.T) {
	c := Default()
	c.SetAddresses([]string{"localhost:0", "127.0.0.1:0", ":0"})
	c.AllowAnonymous = true
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

// Certificate files are loaded with the version asked for; what is wrong with them is said in one line with its key.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := certificate(t, dir, "a")
	_, otherKey := certificate(t, dir, "b")
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	none := Listen{}
	if got, err := none.TLS(); got != nil || err != nil {
		t.Errorf("without files: %v, %v", got, err)
	}
	good := Listen{TLSCert: cert, TLSKey: key, TLSClientCA: cert, TLSMinVersion: "1.3"}
	got, err := good.TLS()
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Certificates) != 1 || got.MinVersion != tls.VersionTLS13 || got.ClientAuth != tls.RequireAndVerifyClientCert || got.ClientCAs == nil {
		t.Errorf("got %+v", got)
	}
	for name, c := range map[string]struct {
		l    Listen
		want string
	}{
		"missing certificate":     {Listen{TLSCert: filepath.Join(dir, "no.pem"), TLSKey: key}, "cannot read tls_cert"},
		"missing key":             {Listen{TLSCert: cert, TLSKey: filepath.Join(dir, "no.pem")}, "cannot read tls_key"},
		"empty certificate":       {Listen{TLSCert: empty, TLSKey: key}, "can't be used"},
		"key of another":          {Listen{TLSCert: cert, TLSKey: otherKey}, "can't be used"},
		"missing authorities":     {Listen{TLSCert: cert, TLSKey: key, TLSClientCA: filepath.Join(dir, "no.pem")}, "cannot read tls_client_ca"},
		"authorities that aren't": {Listen{TLSCert: cert, TLSKey: key, TLSClientCA: empty}, "holds no certificate"},
	} {
		_, err := c.l.TLS()
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
		cfg := Default()
		cfg.Listen[0] = c.l
		if p := ProblemsOf(cfg.CheckFiles()); len(p) != 1 || p[0].Key != "listen[0]" {
			t.Errorf("%s: check says %v", name, p)
		}
	}
}

func certificate(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	model := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, model, model, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(file, kind string, der []byte) string {
		path := filepath.Join(dir, file)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write(name+".pem", "CERTIFICATE", der), write(name+".key", "PRIVATE KEY", keyDER)
}
