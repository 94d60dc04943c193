package actors

import (
	"net/netip"
	"testing"
)

// Connections are counted by IPv4 address and by IPv6 network of 64 bits, up to the limit, and an address is forgotten with
// its last one.
func TestPeersCountNetworks(t *testing.T) {
	var p peers
	var leave []func()
	for _, c := range []struct {
		addr string
		ok   bool
	}{
		{"192.0.2.1", true},
		{"::ffff:192.0.2.1", true},
		{"192.0.2.1", false},
		{"192.0.2.2", true},
		{"2001:db8::1", true},
		{"2001:db8::ffff:ffff:ffff:ffff", true},
		{"2001:db8::2", false},
		{"2001:db8:0:1::1", true},
		{"fe80::1%eth0", true},
		{"fe80::2%eth1", true},
		{"fe80::3", false},
	} {
		f, ok := p.enter(netip.MustParseAddr(c.addr), 2)
		if ok != c.ok {
			t.Errorf("%s: %t", c.addr, ok)
		}
		if ok {
			leave = append(leave, f)
		}
	}
	leave[0]()
	if _, ok := p.enter(netip.MustParseAddr("192.0.2.1"), 2); !ok {
		t.Error("a place that was left is not free")
	}
	for _, f := range leave {
		f()
	}
	if len(p.count) != 0 {
		t.Errorf("left over: %v", p.count)
	}
}
