package hostile

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stampede/config"
	"stampede/tests/stomptest"
)

// from dials with an address of its own on this machine.
func from(address string, b *stomptest.Broker) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: stomptest.Guard}
	return d.DialContext(context.Background(), "tcp", b.Address())
}

// Ten thousand connects from one address leave that address with as many connections as the limit says; the first of those
// refused are told why, another address is served all the while, and when all are gone the address is free again.
func TestTenThousandConnectsFromOneAddress(t *testing.T) {
	const limit, connects = 100, 10_000
	b := stomptest.Start(t, func(c *config.Config) { c.Limits.MaxConnectionsPerAddress = limit })
	if c, err := from("127.0.0.2", b); err != nil {
		t.Skip("needs a second loopback address:", err)
	} else {
		c.Close()
	}
	other, err := from("127.0.0.3", b)
	if err != nil {
		t.Fatal(err)
	}
	good := stomptest.New(t, other)
	good.Connect("1.2")

	crowd := make([]*stomptest.Conn, limit)
	for i := range crowd {
		link, err := from("127.0.0.2", b)
		if err != nil {
			t.Fatal(err)
		}
		crowd[i] = stomptest.New(t, link)
		crowd[i].Connect("1.2")
	}
	refused, err := from("127.0.0.2", b)
	if err != nil {
		t.Fatal(err)
	}
	c := stomptest.New(t, refused)
	c.Send("CONNECT", "accept-version:1.2", "host:h")
	if f := c.Expect("ERROR", "code:dest flup"); !strings.Contains(f.Body, "limits.max_connections_per_address is 100") {
		t.Errorf("told %v", f)
	}
	c.Drop()
	var told atomic.Int64
	size := grown(func() {
		var flood sync.WaitGroup
		for range 50 {
			flood.Go(func() {
				for range connects / 50 {
					link, err := from("127.0.0.2", b)
					if err != nil {
						t.Error(err)
						return
					}
					io.WriteString(link, "CONNECT\naccept-version:1.2\nhost:h\n\n\x00")
					link.SetReadDeadline(time.Now().Add(stomptest.Guard))
					said, err := io.ReadAll(link)
					if e := net.Error(nil); errors.As(err, &e) && e.Timeout() || strings.Contains(string(said), "CONNECTED") {
						t.Errorf("one too many was let in, or not closed: %q, %v", said, err)
					}
					if strings.Contains(string(said), "ERROR") {
						told.Add(1)
					}
					link.Close()
				}
			})
		}
		for range 20 {
			good.Sync("SEND", "destination:/topic/x")
		}
		flood.Wait()
	})
	t.Logf("%d of %d were told why", told.Load(), connects)
	if size > 8*mib {
		t.Errorf("the heap grew by %d octets", size)
	}
	for _, c := range crowd {
		c.Sync("SEND", "destination:/topic/x")
		c.Disconnect()
	}
	link, err := from("127.0.0.2", b)
	for ; err == nil; link, err = from("127.0.0.2", b) { // the last may still be on their way out
		again := stomptest.New(t, link)
		again.Send("CONNECT", "accept-version:1.2", "host:h")
		if f, err := again.TryFrame(); err == nil && f.Command == "CONNECTED" {
			break
		}
		again.Drop()
	}
	if err != nil {
		t.Error(err)
	}
}

// Random bytes, and frames with random damage, on every kind of port make no part of the broker fail, and each connection
// ends or waits for more as if nobody else were there.
func TestRandomBytesOnEveryPort(t *testing.T) {
	cert, key := certificate(t)
	socket := filepath.Join(t.TempDir(), "s")
	b := stomptest.Start(t, func(c *config.Config) {
		c.Session.LoginTimeout, c.Session.FrameTimeout, c.Session.Linger = 500*time.Millisecond, 500*time.Millisecond, 100*time.Millisecond
		all := c.Listen[0]
		for _, set := range []func(l *config.Listen){
			func(l *config.Listen) { l.TLSCert, l.TLSKey = cert, key },
			func(l *config.Listen) { l.TLSCert, l.TLSKey, l.TLSOnly = cert, key, true },
			func(l *config.Listen) { l.STOMP = false },
			func(l *config.Listen) { l.WebSockets, l.HTTP = false, false },
			func(l *config.Listen) { l.ProxyProtocol, l.TrustedProxies = true, []string{"127.0.0.0/8"} },
			func(l *config.Listen) { l.Address = "unix:" + socket },
		} {
			l := all
			l.Name = fmt.Sprint(len(c.Listen))
			set(&l)
			c.Listen = append(c.Listen, l)
		}
	})
	const perPort = 60
	var hostile sync.WaitGroup
	for port, addr := range b.Running().Addrs() {
		hostile.Go(func() {
			for seed := range uint64(perPort) {
				if err := babble(addr, rand.New(rand.NewPCG(seed, uint64(port)))); err != nil {
					t.Errorf("%v, seed %d: %v", addr, seed, err)
					return
				}
			}
		})
	}
	hostile.Wait()
	served(t, b)
}

// babble says something and hangs up at some moment.
func babble(addr net.Addr, r *rand.Rand) error {
	c, err := net.DialTimeout(addr.Network(), addr.String(), stomptest.Guard)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(stomptest.Guard))
	var to io.Writer = c
	if r.IntN(4) == 0 { // inside of TLS, where that gets so far
		secure := tls.Client(c, &tls.Config{InsecureSkipVerify: true})
		c.SetDeadline(time.Now().Add(time.Second))
		if secure.Handshake() != nil {
			return nil
		}
		to = secure
	}
	for range 1 + r.IntN(4) {
		if _, err := to.Write(nonsense(r)); err != nil {
			return nil // it was closed, which is fair
		}
	}
	if r.IntN(2) == 0 {
		if half, ok := c.(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
			io.Copy(io.Discard, c)
		}
	}
	return nil
}

// sense is what nonsense is made from.
var sense = []string{
	"CONNECT\naccept-version:1.2\nhost:h\n\n\x00", "SEND\ndestination:/queue/x\ncontent-length:5\nreceipt:1\n\nhello\x00",
	"SUBSCRIBE\nid:1\ndestination:/topic/#\nack:client\nselector:a = 'b'\n\n\x00", "ACK\nid:1-1-1\n\n\x00", "BEGIN\ntransaction:t\n\n\x00COMMIT\ntransaction:t\n\n\x00",
	"GET /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
	"GET /health_check HTTP/1.1\r\nHost: x\r\n\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x00\x01\x00\x02",
	"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", masked(0x81, "CONNECT\n\n\x00"), masked(0x88, "\x03\xe8"), "\n\n\r\n",
}

func nonsense(r *rand.Rand) []byte {
	var b []byte
	for range 1 + r.IntN(4) {
		b = append(b, sense[r.IntN(len(sense))]...)
	}
	switch r.IntN(4) {
	case 0:
		b = make([]byte, r.IntN(4096))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
	case 1:
		for range 1 + r.IntN(8) {
			b[r.IntN(len(b))] = byte(r.Uint32())
		}
	case 2:
		b = b[:r.IntN(len(b))+1]
	}
	return b
}
