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
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stampede/actors"
	"stampede/config"
	"stampede/tests/stomptest"
)

// loopback is a configuration with one listener, whose port the operating system chooses.
func loopback(set ...func(*config.Config)) *config.Config {
	c := config.Default()
	c.Listen[0].Address = "127.0.0.1:0"
	for _, f := range set {
		f(c)
	}
	return c
}

func reload(t *testing.T, b *actors.Broker, cfg *config.Config) *actors.Reloaded {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stomptest.Guard)
	defer cancel()
	r, err := b.Reload(ctx, cfg)
	if err != nil {
		t.Fatalf("reload: %v", err)
	}
	return r
}

func connect(t *testing.T, address string) *stomptest.Conn {
	t.Helper()
	link, err := net.DialTimeout("tcp", address, stomptest.Guard)
	if err != nil {
		t.Fatal(err)
	}
	c := stomptest.New(t, link)
	c.Send("CONNECT", "accept-version:1.2", "host:h")
	c.Expect("CONNECTED")
	return c
}

func sync1(c *stomptest.Conn, id string) {
	c.Send("SEND", "destination:/topic/sync", "receipt:"+id)
	c.Expect("RECEIPT", "receipt-id:"+id)
}

// expectNoSTOMP connects to a listener that speaks something else.
func expectNoSTOMP(t *testing.T, address string) {
	t.Helper()
	link, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	c := stomptest.New(t, link)
	c.Send("CONNECT", "accept-version:1.2", "host:h")
	c.Expect("ERROR", "code:unsupported data")
}

// Listeners that a new configuration adds can be reached when Reload returns, those that it drops can't be, the one that
// it changes serves new clients as it says, and whoever was connected stays so.
func TestReloadChangesListeners(t *testing.T) {
	s := stomptest.Start(t, func(c *config.Config) { *c = *loopback() })
	b := s.Running()
	first := b.Addrs()[0].String()
	old := connect(t, first)

	second := loopback()
	second.Listen[0].STOMP = false
	second.Listen = append(second.Listen, second.Listen[0])
	second.Listen[1].Name, second.Listen[1].STOMP = "more", true
	r := reload(t, b, second)
	addrs := b.Addrs()
	if len(addrs) != 2 || addrs[0].String() != first || !slices.Equal(r.Opened, []string{addrs[1].String()}) || r.Closed != nil {
		t.Fatalf("listening on %v, reported %+v", addrs, r)
	}
	sync1(connect(t, addrs[1].String()), "1")
	expectNoSTOMP(t, first)
	sync1(old, "2")

	third := loopback()
	third.Listen[0].Address = addrs[1].String()
	r = reload(t, b, third)
	if got := b.Addrs(); len(got) != 1 || got[0].String() != addrs[1].String() || !slices.Equal(r.Closed, []string{first}) {
		t.Fatalf("listening on %v, reported %+v", got, r)
	}
	if link, err := net.Dial("tcp", first); err == nil {
		link.Close()
		t.Error("a listener that is gone still accepts")
	}
	sync1(old, "3")
	sync1(connect(t, addrs[1].String()), "4")
}

// A configuration of which anything can't be had changes nothing: not the part of it that could, either.
func TestReloadIsAllOrNothing(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s := stomptest.Start(t)
	b := s.Running()
	before := fmt.Sprint(b.Addrs())
	for name, c := range map[string]struct {
		spoil func(*config.Config)
		says  string
	}{
		"an address that is taken":  {func(c *config.Config) { c.Listen[1].Address = taken.Addr().String() }, "already in use"},
		"a certificate not there":   {func(c *config.Config) { c.Listen[1].TLSCert, c.Listen[1].TLSKey = "/nowhere", "/nowhere" }, "listen[1]"},
		"a value out of its bounds": {func(c *config.Config) { c.Session.DefaultPrefetch = 0 }, "session.default_prefetch"},
	} {
		next := loopback(func(c *config.Config) { c.Limits.MaxSubscriptions = 1; c.Listen[0].STOMP = false })
		next.Listen = append(next.Listen, next.Listen[0])
		next.Listen[1].Name = "other"
		c.spoil(next)
		_, err := b.Reload(t.Context(), next)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if got := fmt.Sprint(b.Addrs()); got != before {
			t.Errorf("%s: listening on %s, before on %s", name, got, before)
		}
		client := connect(t, s.Address())
		for _, id := range []string{"1", "2"} {
			client.Send("SUBSCRIBE", "id:"+id, "destination:/topic/x", "receipt:"+id)
			client.Expect("RECEIPT", "receipt-id:"+id)
		}
	}
}

// Limits hold for open connections from the next frame on, and destinations that the new configuration names are there.
func TestReloadReachesOpenConnections(t *testing.T) {
	s := stomptest.Start(t)
	c := connect(t, s.Address())
	c.SendBody("/topic/x", strings.Repeat("x", 2000), "receipt:large")
	c.Expect("RECEIPT")
	reload(t, s.Running(), loopback(func(c *config.Config) {
		c.Limits.MaxBodyBytes, c.Limits.MaxTransactions = 1000, 0
		c.Destination = []config.Destination{{Name: "memtop", Type: config.TypeTopic}}
	}))
	c.Send("SUBSCRIBE", "id:1", "destination:memtop", "receipt:named")
	c.Expect("RECEIPT", "receipt-id:named")
	other := connect(t, s.Address())
	other.Send("BEGIN", "transaction:1")
	if f := other.Expect("ERROR", "code:transaction"); !strings.Contains(f.Body, "max_transactions") {
		t.Errorf("%v", f)
	}
	for { // the smaller limit holds from one of the next reads on
		c.SendBody("/topic/x", strings.Repeat("x", 2000), "receipt:large")
		f := c.Frame()
		if f.Command == "RECEIPT" {
			continue
		}
		if f.Command != "ERROR" || f.Header1("code") != "msg flup" || !strings.Contains(f.Body, "1000") {
			t.Errorf("%v", f)
		}
		return
	}
}

// Clients that publish and consume with receipts while the configuration is changed twenty times lose no message, get
// none twice, and are not disconnected.
func TestReloadUnderLoad(t *testing.T) {
	const pairs, reloads = 8, 20
	s := stomptest.Start(t)
	b := s.Running()
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for i := range pairs {
		publisher, consumer := connect(t, s.Address()), connect(t, s.Address())
		queue := fmt.Sprintf("/queue/load%d", i)
		consumer.Send("SUBSCRIBE", "id:1", "destination:"+queue, "ack:client-individual", "receipt:s")
		consumer.Expect("RECEIPT")
		clients.Go(func() {
			publish := func(body string) bool {
				err := publisher.TryWrite(stomptest.TextBody(body, "SEND", "destination:"+queue, "receipt:"+body))
				if err == nil {
					var f stomptest.Frame
					if f, err = publisher.TryFrame(); err == nil && (f.Command != "RECEIPT" || f.Header1("receipt-id") != body) {
						err = fmt.Errorf("got %v", f)
					}
				}
				if err != nil {
					t.Errorf("publisher %d: %v", i, err)
				}
				return err == nil
			}
			for n := 0; publish(fmt.Sprint(n)); n++ {
				select {
				case <-stop:
					publish("end")
					return
				default:
				}
			}
		})
		clients.Go(func() {
			for n := 0; ; n++ {
				f, err := consumer.TryFrame()
				if err == nil && f.Body == "end" {
					return
				}
				if err == nil && (f.Command != "MESSAGE" || f.Body != fmt.Sprint(n)) {
					err = fmt.Errorf("want message %d, got %v", n, f)
				}
				if err == nil {
					err = consumer.TryWrite(stomptest.Text("ACK", "id:"+f.Header1("ack")))
				}
				if err != nil {
					t.Errorf("consumer %d: %v", i, err)
					return
				}
			}
		})
	}
	for i := range reloads {
		next := loopback(func(c *config.Config) {
			c.Session.DefaultPrefetch = 10 + i
			c.Limits.MaxSubscriptions = 10 + i
			c.Queues.MaxMessages = 1000 + i
			c.Listen[0].WebSockets = i%2 == 0
		})
		if i%2 == 1 {
			next.Listen = append(next.Listen, next.Listen[0])
			next.Listen[1].Name = "second"
		}
		reload(t, b, next)
		sync1(connect(t, s.Address()), "r")
	}
	close(stop)
	clients.Wait()
}

// certify writes a new certificate for 127.0.0.1 and its key into dir.
func certify(t *testing.T, dir string, serial int64) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "EC PRIVATE KEY", secret)
}

// A renewed certificate is what new handshakes see, though the names of the files are the same; connections over the old
// one live on.
func TestReloadRenewsCertificates(t *testing.T) {
	dir := t.TempDir()
	secure := func(c *config.Config) { c.Listen[0].TLSCert, c.Listen[0].TLSKey = certify(t, dir, 1) }
	s := stomptest.Start(t, secure)
	dial := func() (*stomptest.Conn, int64) {
		t.Helper()
		link, err := tls.Dial("tcp", s.Address(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		c := stomptest.New(t, link)
		c.Send("CONNECT", "accept-version:1.2", "host:h")
		c.Expect("CONNECTED")
		return c, link.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	old, serial := dial()
	if serial != 1 {
		t.Fatalf("the certificate has number %d", serial)
	}
	reload(t, s.Running(), loopback(func(c *config.Config) { c.Listen[0].TLSCert, c.Listen[0].TLSKey = certify(t, dir, 2) }))
	renewed, serial := dial()
	if serial != 2 {
		t.Errorf("a new handshake sees number %d", serial)
	}
	sync1(old, "1")
	sync1(renewed, "2")
}
