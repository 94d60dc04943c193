package main

import (
	"fmt"
	"net"
	"strings"

	"stampede/config"
)

// announce tells a person where the broker is and how to get there: a line for each address.
func announce(cfg *config.Config, addrs []net.Addr) []string {
	var lines []string
	for _, a := range addrs {
		l := listenerOf(cfg, a)
		if l == nil {
			lines = append(lines, "Listening on "+where(a))
			continue
		}
		var spoken []string
		if l.STOMP {
			spoken = append(spoken, "STOMP")
		}
		if l.WebSockets {
			spoken = append(spoken, "WebSocket")
		}
		if l.HTTP {
			spoken = append(spoken, "HTTP")
		}
		what := strings.Join(spoken, ", ")
		secure := l.TLSCert != ""
		switch {
		case secure && l.TLSOnly:
			what += " (TLS only)"
		case secure:
			what += " (also over TLS)"
		}
		line := fmt.Sprintf("Listening on %s: %s.", where(a), what)
		if l.WebSockets && a.Network() != "unix" {
			scheme := "ws"
			if secure {
				scheme = "wss"
			}
			line += fmt.Sprintf(" In a browser: new WebSocket(%q)", scheme+"://"+reachable(a)+"/")
		}
		lines = append(lines, line)
	}
	return lines
}

// listenerOf finds what an address was configured as. Ports may have been chosen by the operating system and names
// looked up, so the match that agrees the most wins.
func listenerOf(cfg *config.Config, a net.Addr) *config.Listen {
	var best *config.Listen
	most := 0
	for i := range cfg.Listen {
		endpoints, _ := cfg.Listen[i].Endpoints()
		for _, e := range endpoints {
			if m := agreement(e, a); m > most {
				best, most = &cfg.Listen[i], m
			}
		}
	}
	return best
}

// agreement is 0 if an address can't be that of an endpoint.
func agreement(e config.Endpoint, a net.Addr) int {
	if e.Network == "unix" || a.Network() == "unix" {
		if e.Network == a.Network() && e.Address == a.String() {
			return 1
		}
		return 0
	}
	host, port, err := net.SplitHostPort(e.Address)
	aHost, aPort, aErr := net.SplitHostPort(a.String())
	if err != nil || aErr != nil || (port != aPort && port != "0") {
		return 0
	}
	m := 1
	if port == aPort {
		m++
	}
	if host == aHost || (host == "" && unspecified(aHost)) {
		m += 2
	}
	return m
}

func unspecified(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsUnspecified()
}

func where(a net.Addr) string {
	switch host, port, err := net.SplitHostPort(a.String()); {
	case a.Network() == "unix":
		return "unix:" + a.String()
	case err == nil && unspecified(host):
		return "port " + port + " of every interface"
	default:
		return a.String()
	}
}

// reachable is the address for a browser on this machine.
func reachable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err == nil && unspecified(host) {
		return "localhost:" + port
	}
	return a.String()
}
