package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stampede/config"
)

// broker starts serve on a port of its own, with further arguments, and returns host:port.
func broker(t *testing.T, env []string, args ...string) (*background, string) {
	t.Helper()
	b := start(t, nil, env, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	return b, addressIn(t, b.out.await(t, "Listening on 127.0.0.1:"))
}

// addressIn takes the address out of what serve prints at the start.
func addressIn(t *testing.T, line string) string {
	t.Helper()
	address, _, ok := strings.Cut(strings.TrimPrefix(line, "Listening on "), ": ")
	if !ok {
		t.Fatalf("no address in %q", line)
	}
	return address
}

// certificate writes a key and a certificate for this machine, which is its own authority.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	model := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "stampede test"}, NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, model, model, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))),
		file(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
}

// A broker started by serve takes a message from pub and gives it to sub, over TCP and WebSocket, and ends with status 0
// when interrupted.
func TestServePubSub(t *testing.T) {
	broker, address := broker(t, nil)
	for _, url := range []string{"tcp://" + address, "ws://" + address + "/any"} {
		if r := stampede(t, "", nil, "pub", "--url", url, "/queue/work", "do it"); r != (result{}) {
			t.Fatalf("pub to %s: %+v", url, r)
		}
		r := stampede(t, "", nil, "sub", "--url", url, "--count", "1", "--format", "raw", "/queue/work")
		if r.code != exitOK || r.out != "do it\n" {
			t.Errorf("sub from %s: %+v", url, r)
		}
	}
	broker.interrupt()
	if code := broker.wait(); code != exitOK {
		t.Errorf("serve ended with %d: %s", code, broker.err)
	}
}

// No command, with flags or without, is serve.
func TestServeIsTheDefault(t *testing.T) {
	b := start(t, nil, []string{"STAMPEDE_LISTEN=127.0.0.1:0"}, "--log-level", "warn")
	b.out.await(t, "Listening on 127.0.0.1:")
	b.interrupt()
	if code := b.wait(); code != exitOK || b.err.String() != "" {
		t.Errorf("ended with %d and said %s", code, b.err)
	}
}

// By default both loopback addresses listen on one port, and the lines at the start say how to connect there.
func TestServeSaysWhereItListens(t *testing.T) {
	b := start(t, nil, []string{"STAMPEDE_LISTEN=localhost:0"})
	address := addressIn(t, b.out.await(t, "Listening on 127.0.0.1:"))
	want := fmt.Sprintf("Listening on %s: STOMP, WebSocket, HTTP. In a browser: new WebSocket(%q)\n", address, "ws://"+address+"/")
	if got := b.out.String(); !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if c, err := net.Listen("tcp6", "[::1]:0"); err == nil {
		c.Close()
		_, port, _ := net.SplitHostPort(address)
		b.out.await(t, "Listening on [::1]:"+port+": ")
	}
	if r := stampede(t, "", nil, "pub", "--url", "tcp://"+strings.Replace(address, "127.0.0.1", "localhost", 1), "/topic/x", "y"); r != (result{}) {
		t.Errorf("by name: %+v", r)
	}
}

// serve -c listens as the file says, and clients reach each listener by its own kind of URL: Unix socket, TLS, WebSocket
// over TLS, with the certificate checked unless --insecure is given.
func TestServeListeners(t *testing.T) {
	cert, key := certificate(t)
	socket := filepath.Join(t.TempDir(), "s.sock")
	path := file(t, "s.toml", fmt.Sprintf(`
[[listen]]
address = "unix:%s"
unix_mode = "0600"
http = false
websockets = false
[[listen]]
address = "127.0.0.1:0"
tls_cert = %q
tls_key = %q
tls_only = true
`, socket, cert, key))
	b := start(t, nil, nil, "serve", "-c", path)
	if line := b.out.await(t, "unix:"); line != "Listening on unix:"+socket+": STOMP." {
		t.Errorf("got %q", line)
	}
	line := b.out.await(t, "127.0.0.1:")
	address := addressIn(t, line)
	if want := fmt.Sprintf("Listening on %s: STOMP, WebSocket, HTTP (TLS only). In a browser: new WebSocket(%q)", address, "wss://"+address+"/"); line != want {
		t.Errorf("got %q, want %q", line, want)
	}
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", info, err)
	}
	for _, args := range [][]string{
		{"--url", "unix:" + socket},
		{"--url", "tls://" + address, "--ca", cert},
		{"--url", "wss://" + address + "/", "--ca", cert},
		{"--url", "wss://" + address + "/", "--insecure"},
		{"--url", "tls://" + address, "--ca", cert, "--cert", cert, "--key", key},
	} {
		if r := stampede(t, "", nil, append([]string{"pub", "/topic/x", "y"}, args...)...); r != (result{}) {
			t.Errorf("%v: %+v", args, r)
		}
	}
	for want, args := range map[string][]string{
		"certificate signed by unknown authority": {"--url", "tls://" + address},
		"holds no certificate":                    {"--url", "tls://" + address, "--ca", key},
		"can't read --ca":                         {"--url", "tls://" + address, "--ca", cert + ".none"},
		"can't be used":                           {"--url", "tls://" + address, "--cert", key, "--key", cert},
		"the broker says: TLS is required":        {"--url", "tcp://" + address},
	} {
		r := stampede(t, "", nil, append([]string{"pub", "/topic/x", "y"}, args...)...)
		if r.code != exitFailed || strings.Count(r.err, "\n") != 1 || !strings.Contains(r.err, want) {
			t.Errorf("%v: %+v", args, r)
		}
	}
}

// What keeps a broker from starting is one line that says what to do, and status 1.
func TestServeCannotStart(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cert, _ := certificate(t)
	_, key := certificate(t)
	with := func(lines string) []string {
		return []string{"-c", file(t, "s.toml", "[[listen]]\naddress = \"127.0.0.1:0\"\n"+lines)}
	}
	for want, args := range map[string][]string{
		"address already in use: stop the program that listens there or choose another": {"--listen", l.Addr().String()},
		"no interface of this machine has this address":                                 {"--listen", "192.0.2.1:0"},
		"no such directory: make it or choose another path":                             {"--listen", "unix:" + filepath.Join(t.TempDir(), "none", "s")},
		"is there and is no socket":                                                     {"--listen", "unix:" + cert},
		"they must be PEM files that belong together":                                   with(fmt.Sprintf("tls_cert = %q\ntls_key = %q", cert, key)),
		"none.pem: no such file or directory; check the path and who may read it":       with("tls_cert = \"none.pem\"\ntls_key = \"none.key\""),
		"limits.max_headers: \"many\" is not a whole number":                            nil,
	} {
		env := []string{"STAMPEDE_ALLOW_ANONYMOUS=true"}
		if args == nil {
			env, want = []string{"STAMPEDE_LIMITS_MAX_HEADERS=many"}, "STAMPEDE_LIMITS_MAX_HEADERS: \"many\" is not a whole number"
		}
		r := stampede(t, "", env, append([]string{"serve"}, args...)...)
		if r.code != exitFailed || r.out != "" || strings.Count(r.err, "\n") != 1 || !strings.Contains(r.err, want) {
			t.Errorf("want %q: %+v", want, r)
		}
	}
}

// Logs that no person watches are JSON, one object in a line, and hold no passcode, not even at level debug when a login
// is refused.
func TestServeLogs(t *testing.T) {
	b, address := broker(t, []string{"STAMPEDE_LOGIN=me", "STAMPEDE_PASSCODE=sesame-right"}, "--log-level", "debug")
	url := "tcp://" + address
	if r := stampede(t, "", []string{"STAMPEDE_CLIENT_LOGIN=me", "STAMPEDE_CLIENT_PASSCODE=sesame-right", "STAMPEDE_CLIENT_URL=" + url}, "pub", "/topic/x", "y"); r != (result{}) {
		t.Errorf("with the right passcode: %+v", r)
	}
	r := stampede(t, "", nil, "pub", "--url", url, "--login", "me", "--passcode", "sesame-wrong", "/topic/x", "y")
	if r.code != exitFailed || strings.Count(r.err, "\n") != 1 || !strings.Contains(r.err, "(auth err)") || strings.Contains(r.err, "sesame") {
		t.Errorf("with a wrong passcode: %+v", r)
	}
	b.interrupt()
	if code := b.wait(); code != exitOK {
		t.Errorf("ended with %d", code)
	}
	log := b.err.String()
	if strings.Contains(log, "sesame") {
		t.Errorf("a passcode is in the log:\n%s", log)
	}
	n := 0
	for line := range strings.Lines(log) {
		n++
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
	if n < 2 || !strings.Contains(log, `"msg":"shutting down"`) {
		t.Errorf("the log is\n%s", log)
	}
}

// --log-format text is for people.
func TestServeLogsText(t *testing.T) {
	b, _ := broker(t, nil, "--log-format", "text")
	b.interrupt()
	b.wait()
	if !strings.Contains(b.err.String(), `level=INFO msg="shutting down"`) {
		t.Errorf("the log is\n%s", b.err)
	}
}

// A broker that others could use without a login does not start, and the message says what would help.
func TestServeRefusesToBeOpen(t *testing.T) {
	r := stampede(t, "", nil, "serve", "--listen", ":0")
	if r.code == exitOK || !strings.Contains(r.err, "allow_anonymous = true") || !strings.Contains(r.err, "users_file") {
		t.Errorf("got %+v", r)
	}
}

// One that is open on purpose works and is warned of.
func TestServeWarns(t *testing.T) {
	b := start(t, nil, []string{"STAMPEDE_ALLOW_ANONYMOUS=true"}, "serve", "--listen", ":0")
	line := b.out.await(t, "of every interface: STOMP, WebSocket, HTTP.")
	if !strings.Contains(line, `new WebSocket("ws://localhost:`) {
		t.Errorf("got %q", line)
	}
	b.err.await(t, "can be reached from other machines and lets everybody in, as allow_anonymous says")
}

// The version of the program is what its broker tells clients and health checks.
func TestServeTellsItsVersion(t *testing.T) {
	_, address := broker(t, nil)
	response, err := http.Get("http://" + address + "/health_check")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	program := strings.Fields(stampede(t, "", nil, "version").out)[1]
	if got := response.Header.Get("Server"); got != "stampede/"+program {
		t.Errorf("health check: %q", got)
	}
	if c := dial(t, "tcp://"+address, options{}); c.server != "stampede/"+program {
		t.Errorf("CONNECTED: %q", c.server)
	}
}

// fakeAddr is a net.Addr that nothing listens on.
type fakeAddr struct{ network, address string }

func (a fakeAddr) Network() string { return a.network }
func (a fakeAddr) String() string  { return a.address }

// Each address is announced as the listener that it belongs to, though ports were chosen and names looked up.
func TestAnnounce(t *testing.T) {
	cfg := config.Default()
	listen := func(address string, set func(l *config.Listen)) {
		l := cfg.Listen[0]
		l.Address = address
		set(&l)
		cfg.Listen = append(cfg.Listen, l)
	}
	listen("127.0.0.1:0", func(l *config.Listen) { l.WebSockets, l.HTTP = false, false })
	listen("stomp.example:7000", func(l *config.Listen) { l.TLSCert = "c" })
	listen("[::]:8000", func(l *config.Listen) { l.STOMP = false })
	listen("unix:/s", func(l *config.Listen) { l.HTTP = false })
	for addr, want := range map[fakeAddr]string{
		{"tcp", "127.0.0.1:61613"}: `Listening on 127.0.0.1:61613: STOMP, WebSocket, HTTP. In a browser: new WebSocket("ws://127.0.0.1:61613/")`,
		{"tcp", "[::1]:61613"}:     `Listening on [::1]:61613: STOMP, WebSocket, HTTP. In a browser: new WebSocket("ws://[::1]:61613/")`,
		{"tcp", "127.0.0.1:40000"}: `Listening on 127.0.0.1:40000: STOMP.`,
		{"tcp", "192.0.2.7:7000"}:  `Listening on 192.0.2.7:7000: STOMP, WebSocket, HTTP (also over TLS). In a browser: new WebSocket("wss://192.0.2.7:7000/")`,
		{"tcp", "[::]:8000"}:       `Listening on port 8000 of every interface: WebSocket, HTTP. In a browser: new WebSocket("ws://localhost:8000/")`,
		{"unix", "/s"}:             `Listening on unix:/s: STOMP, WebSocket.`,
		{"unix", "/other"}:         `Listening on unix:/other`,
	} {
		if got := announce(cfg, []net.Addr{addr}); len(got) != 1 || got[0] != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}
