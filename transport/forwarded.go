package transport

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// trusts tells whether a is a proxy whose word counts about where a client comes from.
func (t *terms) trusts(a net.Addr) bool {
	if a == nil {
		return false
	}
	if a.Network() == "unix" {
		return t.TrustUnix
	}
	ip, ok := addressOf(a)
	return ok && t.trustsIP(ip)
}

func (t *terms) trustsIP(ip netip.Addr) bool {
	for _, p := range t.TrustedProxies {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// addressOf is the IP address of a, if it has one.
func addressOf(a net.Addr) (netip.Addr, bool) {
	if tcp, ok := a.(*net.TCPAddr); ok {
		ip := tcp.AddrPort().Addr().Unmap().WithZone("")
		return ip, ip.IsValid()
	}
	return netip.Addr{}, false
}

// client is where the client of an HTTP request comes from, given the address at the other end of its
// connection, and whether that is a proxy. The header that the proxies set is read from its end, each
// proxy having put in front of what it says what it was told, up to the first address that is no proxy of
// ours: what stands before that anybody can have made up.
func (t *terms) client(peer net.Addr, h http.Header) (client net.Addr, forwarded bool) {
	if !t.trusts(peer) {
		return peer, false
	}
	hops := forwardedFor(h, t.ForwardedHeader)
	client = peer
	for i := len(hops) - 1; i >= 0; i-- {
		at, ok := hop(hops[i])
		if !ok {
			break // hidden, or nonsense: what is before it can't be trusted either
		}
		client, forwarded = net.TCPAddrFromAddrPort(at), true
		if !t.trustsIP(at.Addr()) {
			break
		}
	}
	return client, forwarded
}

// forwardedFor lists what the header says, the nearest last.
func forwardedFor(h http.Header, name string) []string {
	if !strings.EqualFold(name, "Forwarded") {
		return listed(h, http.CanonicalHeaderKey(name))
	}
	var hops []string
	for _, element := range listed(h, "Forwarded") {
		hop := ""
		for pair := range strings.SplitSeq(element, ";") {
			key, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
			if strings.EqualFold(key, "for") {
				hop = strings.Trim(value, `"`)
			}
		}
		hops = append(hops, hop)
	}
	return hops
}

// hop reads "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]" or "[2001:db8::1]:80".
func hop(text string) (netip.AddrPort, bool) {
	if at, err := netip.ParseAddrPort(text); err == nil {
		return netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port()), true
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	return netip.AddrPortFrom(addr.Unmap().WithZone(""), 0), err == nil
}
