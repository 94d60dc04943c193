package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// The PROXY protocol, versions 1 and 2: what a proxy in front of us says about the client, before the
// client's own first byte.

const (
	// proxyLine is the longest header of version 1, with its CRLF.
	proxyLine = 107
	// proxyRest is what may follow the fixed part of a header of version 2: addresses, and what else the
	// proxy has to say, which we pass over.
	proxyRest = 4 << 10
	// proxyFixed is that fixed part: signature, command, family, length.
	proxyFixed = 16
)

var proxySignature = []byte("\r\n\r\n\x00\r\nQUIT\n")

// proxied is what a PROXY header says.
type proxied struct {
	source, destination netip.AddrPort
	known               bool // false: the proxy speaks for itself, or can't tell
}

var errNoProxyHeader = errors.New("no PROXY header came first")

// parseProxy reads a header from the beginning of b and returns its length: 0 if more is needed.
func parseProxy(b []byte) (p proxied, n int, err error) {
	if begins(b, proxySignature) {
		return parseProxyV2(b)
	}
	if begins(b, []byte("PROXY ")) {
		return parseProxyV1(b)
	}
	return p, 0, errNoProxyHeader
}

// begins tells whether b begins with mark, as far as b goes.
func begins(b, mark []byte) bool {
	n := min(len(b), len(mark))
	return bytes.Equal(b[:n], mark[:n])
}

func parseProxyV1(b []byte) (p proxied, n int, err error) {
	end := bytes.Index(b[:min(len(b), proxyLine)], []byte("\r\n"))
	if end < 0 {
		if len(b) >= proxyLine {
			return p, 0, fmt.Errorf("a PROXY line of more than %d octets", proxyLine)
		}
		return p, 0, nil
	}
	n = end + 2
	fields := strings.Split(string(b[:end]), " ")
	if fields[1] == "UNKNOWN" {
		return p, n, nil
	}
	if len(fields) != 6 || fields[1] != "TCP4" && fields[1] != "TCP6" {
		return p, 0, fmt.Errorf("a PROXY line that is none: %.60q", b[:end])
	}
	source, errSource := proxyAddress(fields[1], fields[2], fields[4])
	destination, errDestination := proxyAddress(fields[1], fields[3], fields[5])
	if err := errors.Join(errSource, errDestination); err != nil {
		return p, 0, fmt.Errorf("a PROXY line with a bad address: %.107q", b[:end])
	}
	return proxied{source: source, destination: destination, known: true}, n, nil
}

func proxyAddress(family, host, port string) (netip.AddrPort, error) {
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Zone() != "" || addr.Is4() != (family == "TCP4") {
		return netip.AddrPort{}, errors.New("bad address")
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(number)), nil
}

func parseProxyV2(b []byte) (p proxied, n int, err error) {
	if len(b) < proxyFixed {
		return p, 0, nil
	}
	command, family, rest := b[12], b[13], int(binary.BigEndian.Uint16(b[14:]))
	if command>>4 != 2 {
		return p, 0, fmt.Errorf("a PROXY header of version %d", command>>4)
	}
	if command&0xf > 1 {
		return p, 0, fmt.Errorf("a PROXY header with the command %d", command&0xf)
	}
	if rest > proxyRest {
		return p, 0, fmt.Errorf("a PROXY header of %d octets; %d are taken", rest, proxyRest)
	}
	n = proxyFixed + rest
	if len(b) < n {
		return p, 0, nil
	}
	size := 0
	switch {
	case command&0xf == 0: // LOCAL: a health check of the proxy's own
		return p, n, nil
	case family == 0x11: // TCP over IPv4
		size = 4
	case family == 0x21: // TCP over IPv6
		size = 16
	default: // Unix sockets and others, which say nothing about where a client is
		return p, n, nil
	}
	a := b[proxyFixed:n]
	if len(a) < 2*size+4 {
		return p, 0, fmt.Errorf("a PROXY header too short for its addresses: %d octets", rest)
	}
	address := func(i int) netip.AddrPort {
		addr, _ := netip.AddrFromSlice(a[i*size : (i+1)*size])
		return netip.AddrPortFrom(addr.Unmap(), binary.BigEndian.Uint16(a[2*size+2*i:]))
	}
	return proxied{source: address(0), destination: address(1), known: true}, n, nil
}

// readProxy reads a PROXY header from c, and returns it with what came behind it.
func readProxy(c net.Conn) (proxied, []byte, error) {
	buf := make([]byte, 0, sniffBytes)
	for {
		if len(buf) == cap(buf) { // a header that is so long says how long it is
			buf = append(make([]byte, 0, proxyFixed+proxyRest), buf...)
		}
		m, err := c.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+m]
		if m > 0 {
			p, n, bad := parseProxy(buf)
			if n > 0 || bad != nil {
				return p, append([]byte(nil), buf[n:]...), bad
			}
		}
		if err != nil {
			return proxied{}, nil, err
		}
	}
}
