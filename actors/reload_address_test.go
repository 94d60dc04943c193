package actors_test

import (
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"stampede/actors"
	"stampede/config"
	"stampede/tests/stomptest"
)

// everywhere is a configuration with one listener on all addresses.
func everywhere(port string, set ...func(*config.Config)) *config.Config {
	return loopback(append(set, func(c *config.Config) {
		c.Listen[0].Address = ":" + port
		c.AllowAnonymous = true
	})...)
}

func portOf(t *testing.T, b *actors.Broker) string {
	t.Helper()
	_, port, err := net.SplitHostPort(b.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// An address that grows from one interface to all of them can be reached when Reload returns. The clients of the old one
// stay, those too that have not said a word yet, and who comes to it is served as the new one says.
func TestReloadWidensAnAddress(t *testing.T) {
	s := stomptest.Start(t)
	b := s.Running()
	first, port := b.Addrs()[0].String(), portOf(t, b)
	old := connect(t, first)
	silent, err := net.Dial("tcp", first)
	if err != nil {
		t.Fatal(err)
	}
	r := reload(t, b, everywhere(port))
	if got := b.Addrs(); len(got) != 1 || !slices.Equal(r.Opened, []string{got[0].String()}) || !slices.Equal(r.Closed, []string{first}) {
		t.Errorf("listening on %v, reported %+v", got, r)
	}
	sync1(old, "1")
	sync1(connect(t, first), "2")
	late := stomptest.New(t, silent)
	late.Send("CONNECT", "accept-version:1.2", "host:h")
	late.Expect("CONNECTED")

	r = reload(t, b, everywhere(port, func(c *config.Config) { c.Listen[0].STOMP = false }))
	if len(b.Addrs()) != 1 || r.Opened != nil || r.Closed != nil {
		t.Errorf("listening on %v, reported %+v", b.Addrs(), r)
	}
	expectNoSTOMP(t, first)
	sync1(old, "3")
}

// Clients that connect all the time while an address grows, and grows again after it has shrunk, are all let in. When it
// has shrunk, the other addresses are closed.
func TestReloadTurnsNobodyAway(t *testing.T) {
	s := stomptest.Start(t)
	b := s.Running()
	first, port := b.Addrs()[0].String(), portOf(t, b)
	elsewhere := net.JoinHostPort("127.0.0.2", port) // only Linux has it without asking
	for round := range 5 {
		var clients sync.WaitGroup
		var stop atomic.Bool
		var served atomic.Int64
		begun := make(chan struct{}, 4)
		for range cap(begun) {
			clients.Go(func() {
				begin := sync.OnceFunc(func() { begun <- struct{}{} })
				defer begin()
				for !stop.Load() {
					if err := visit(first); err != nil {
						t.Errorf("round %d: %v", round, err)
						return
					}
					served.Add(1)
					begin()
				}
			})
		}
		for range cap(begun) {
			<-begun
		}
		reload(t, b, everywhere(port))
		stop.Store(true)
		clients.Wait()
		if served.Load() < int64(cap(begun)) || t.Failed() {
			t.Fatalf("round %d: %d clients were served", round, served.Load())
		}
		if runtime.GOOS == "linux" {
			if err := visit(elsewhere); err != nil {
				t.Errorf("round %d: on another address: %v", round, err)
			}
		}
		r := reload(t, b, loopback(func(c *config.Config) { c.Listen[0].Address = first }))
		if got := fmt.Sprint(b.Addrs()); got != fmt.Sprintf("[%s]", first) || !slices.Equal(r.Opened, []string{first}) || len(r.Closed) != 1 {
			t.Fatalf("round %d: listening on %s, reported %+v", round, got, r)
		}
		if err := visit(first); err != nil {
			t.Errorf("round %d: shrunk: %v", round, err)
		}
		if err := visit(elsewhere); err == nil {
			t.Errorf("round %d: the other addresses are open still", round)
		}
	}
}

// visit connects, logs in and goes.
func visit(address string) error {
	link, err := net.DialTimeout("tcp", address, stomptest.Guard)
	if err != nil {
		return err
	}
	defer link.Close()
	if _, err := link.Write([]byte(stomptest.Text("CONNECT", "accept-version:1.2", "host:h"))); err != nil {
		return err
	}
	answer := make([]byte, len("CONNECTED"))
	if _, err := link.Read(answer); err != nil {
		return err
	} else if string(answer) != "CONNECTED" {
		return fmt.Errorf("got %q", answer)
	}
	return nil
}

// An address that shrinks from all interfaces to one is open before the old one goes: whoever asks for it from Reload's
// return on gets in, by a socket of its own.
func TestReloadNarrowsAnAddress(t *testing.T) {
	s := stomptest.Start(t, func(c *config.Config) { *c = *everywhere("0") })
	b := s.Running()
	port := portOf(t, b)
	one := net.JoinHostPort("127.0.0.1", port)
	old := connect(t, one)
	for range 3 {
		reload(t, b, loopback(func(c *config.Config) { c.Listen[0].Address = one }))
		if got := b.Addrs(); len(got) != 1 || got[0].String() != one {
			t.Fatalf("listening on %v", got)
		}
		sync1(connect(t, one), "1")
		reload(t, b, everywhere(port))
		sync1(connect(t, one), "2")
	}
	sync1(old, "3")
}

// An address that can't grow, because somebody else has its port on another interface, stays as it is.
func TestReloadWidensNothingThatIsTaken(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux: elsewhere both may be open, and 127.0.0.2 may be no address")
	}
	s := stomptest.Start(t)
	b := s.Running()
	first, port := b.Addrs()[0].String(), portOf(t, b)
	taken, err := net.Listen("tcp", net.JoinHostPort("127.0.0.2", port))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if _, err := b.Reload(t.Context(), everywhere(port)); err == nil || !strings.Contains(err.Error(), "already in use") {
		t.Errorf("reload: %v", err)
	}
	if got := b.Addrs(); len(got) != 1 || got[0].String() != first {
		t.Errorf("listening on %v", got)
	}
	sync1(connect(t, first), "1")
}

// The same address, written in another way, is the same socket.
func TestReloadKnowsAnAddressByAnyName(t *testing.T) {
	s := stomptest.Start(t, func(c *config.Config) { *c = *everywhere("0") })
	b := s.Running()
	port, before := portOf(t, b), fmt.Sprint(b.Addrs())
	for _, name := range []string{"0.0.0.0:", "*:", "[::]:", ":"} {
		r := reload(t, b, everywhere(port, func(c *config.Config) { c.Listen[0].Address = name + port }))
		if got := fmt.Sprint(b.Addrs()); got != before || r.Opened != nil || r.Closed != nil {
			t.Errorf("%s: listening on %s, before on %s; reported %+v", name, got, before, r)
		}
	}
	reload(t, b, loopback(func(c *config.Config) { c.Listen[0].Address = "localhost:" + port }))
	four := net.JoinHostPort("127.0.0.1", port)
	r := reload(t, b, loopback(func(c *config.Config) { c.Listen[0].Address = four }))
	if got := b.Addrs(); len(got) != 1 || got[0].String() != four || r.Opened != nil || slices.Contains(r.Closed, four) {
		t.Errorf("listening on %v, reported %+v", got, r)
	}
}

// Whichever socket fails after an address has grown, all addresses are served soon: that of one address is not opened
// again, that of all is.
func TestSocketsThatFailAfterAnAddressHasGrown(t *testing.T) {
	for _, fails := range []string{"one", "all"} {
		t.Run(fails, func(t *testing.T) {
			b := start(t, func(c *config.Config) { c.Listen = loopback().Listen })
			one, port := b.Addrs()[0].String(), portOf(t, b)
			reload(t, b, everywhere(port))
			if fails == "one" {
				b.BreakSocket(one, false)
				for len(b.Subtree("listeners", 1, -1).Children) > 1 { // it does not try in vain for ever
					runtime.Gosched()
				}
			} else {
				b.BreakSocket(b.Addrs()[0].String(), true)
			}
			sync1(connect(t, one), "1")
			if runtime.GOOS == "linux" {
				sync1(connect(t, net.JoinHostPort("127.0.0.2", port)), "2")
			}
			for range 2 {
				reload(t, b, loopback(func(c *config.Config) { c.Listen[0].Address = one }))
				sync1(connect(t, one), "3")
				reload(t, b, everywhere(port))
				sync1(connect(t, one), "4")
			}
		})
	}
}
