package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"strconv"
	"strings"
)

// fault is a problem before it is known where its keys were set. The first key is the one it is about.
type fault struct {
	keys []string
	text string
}

// Validate says what is wrong with a configuration that a program made or changed: [Problems], or nil. It looks at
// values and at how they relate, not at the machine; [Config.CheckFiles] does that.
func (c *Config) Validate() error {
	var problems Problems
	for _, f := range c.faults() {
		problems = append(problems, Problem{Key: f.keys[0], Text: f.text})
	}
	return problems.orNil()
}

func (c *Config) faults() []fault {
	var all faults
	visit(reflect.ValueOf(c).Elem(), "", func(path string, f reflect.StructField, v reflect.Value) {
		if strings.HasPrefix(path, "destination[") && v.Kind() == reflect.String && v.String() == "" {
			return // Left out; destinations says so in better words.
		}
		if text := outOfRange(f, v); text != "" {
			all.add(text, path)
		}
	})
	ranges := len(all)
	// A setting that is out of its own bounds is not compared with others: one mistake, one report.
	bad := map[string]bool{}
	for _, f := range all[:ranges] {
		bad[f.keys[0]] = true
	}
	var relations faults
	c.relations(&relations)
	c.listeners(&relations)
	c.access(&relations)
	c.destinations(&relations)
	for _, f := range relations {
		sound := true
		for _, key := range f.keys {
			sound = sound && !bad[key]
		}
		if sound {
			all = append(all, f)
		}
	}
	return all
}

type faults []fault

func (f *faults) add(text string, keys ...string) { *f = append(*f, fault{keys, text}) }

// atMost reports a that is larger than b.
func (f *faults) atMost(a, b string, va, vb any, larger bool, why string) {
	if larger {
		f.add(fmt.Sprintf("%v is more than %s (%v); %s", va, b, vb, why), a, b)
	}
}

func (c *Config) relations(f *faults) {
	switch {
	case c.Login != "" && c.Passcode == "":
		f.add("is set without a passcode; set both, or neither to let everybody in", "login", "passcode")
	case c.Login == "" && c.Passcode != "":
		f.add("is set without a login; set both, or neither to let everybody in", "passcode", "login")
	}

	h := c.HeartBeat
	if h.Max > 0 {
		f.atMost("heartbeat.send", "heartbeat.max", showDuration(h.Send), showDuration(h.Max), h.Send > h.Max, "what is offered can't be longer than what may come out")
		f.atMost("heartbeat.receive", "heartbeat.max", showDuration(h.Receive), showDuration(h.Max), h.Receive > h.Max, "what is offered can't be longer than what may come out")
	}

	s := c.Session
	f.atMost("session.default_prefetch", "session.max_prefetch", s.DefaultPrefetch, s.MaxPrefetch, s.DefaultPrefetch > s.MaxPrefetch,
		"a subscription that does not ask can't get more than one that does")

	l := c.Limits
	const connect = "before CONNECTED a client can't be allowed more than after it"
	f.atMost("limits.connect_max_headers", "limits.max_headers", l.ConnectMaxHeaders, l.MaxHeaders, l.ConnectMaxHeaders > l.MaxHeaders, connect)
	f.atMost("limits.connect_max_header_bytes", "limits.max_header_bytes", l.ConnectMaxHeaderBytes, l.MaxHeaderBytes,
		l.ConnectMaxHeaderBytes > l.MaxHeaderBytes, connect)
	f.atMost("limits.connect_max_header_block_bytes", "limits.max_header_block_bytes", l.ConnectMaxHeaderBlockBytes, l.MaxHeaderBlockBytes,
		l.ConnectMaxHeaderBlockBytes > l.MaxHeaderBlockBytes, connect)
	const line = "one header line of the full length would not fit a frame"
	f.atMost("limits.max_header_bytes", "limits.max_header_block_bytes", l.MaxHeaderBytes, l.MaxHeaderBlockBytes,
		l.MaxHeaderBytes > l.MaxHeaderBlockBytes, line)
	f.atMost("limits.connect_max_header_bytes", "limits.connect_max_header_block_bytes", l.ConnectMaxHeaderBytes, l.ConnectMaxHeaderBlockBytes,
		l.ConnectMaxHeaderBytes > l.ConnectMaxHeaderBlockBytes, line)

	message := l.MaxBodyBytes + l.MaxHeaderBlockBytes
	if message > l.Outbox {
		f.add(fmt.Sprintf("%v is too small for one message: limits.max_body_bytes (%v) and limits.max_header_block_bytes (%v) together are more",
			l.Outbox, l.MaxBodyBytes, l.MaxHeaderBlockBytes), "limits.outbox", "limits.max_body_bytes", "limits.max_header_block_bytes")
	}
	const whole = "a message of the full size would never be taken"
	f.atMost("limits.max_body_bytes", "limits.max_transaction_bytes", l.MaxBodyBytes, l.MaxTransactionBytes,
		l.MaxTransactions > 0 && l.MaxBodyBytes > l.MaxTransactionBytes, whole)
	f.atMost("limits.max_body_bytes", "queues.max_bytes", l.MaxBodyBytes, c.Queues.MaxBytes, l.MaxBodyBytes > c.Queues.MaxBytes, whole)

	c.deadLetter(f, "queues.dead_letter", c.Queues.DeadLetter)

	if a := c.Control.Address; a != "" && a != ControlAuto {
		if path, ok := strings.CutPrefix(a, "unix:"); !ok || path == "" {
			f.add(fmt.Sprintf("%.60q is not a Unix socket; write it like \"unix:/run/stampede.control\", or \"auto\", or \"\" for none", a), "control.address")
		} else if len(path) > maxUnixPath {
			f.add(fmt.Sprintf("the path of a Unix socket can have %d bytes, this one has %d", maxUnixPath, len(path)), "control.address")
		}
	}

	if d := c.Stats.Destination; c.Stats.Enabled {
		switch why := badName(d); {
		case d == "":
			f.add("is needed: a topic to publish to", "stats.destination")
		case why != "":
			f.add(fmt.Sprintf("%.60q %s", d, why), "stats.destination")
		case strings.ContainsAny(d, "*#>"):
			f.add(fmt.Sprintf("%.60q is a pattern; one topic is needed", d), "stats.destination")
		case typeOf(d) == TypeQueue || c.namesQueue(d):
			f.add(fmt.Sprintf("%.60q is a queue; nobody may take its messages, and it would fill up; name a topic", d), "stats.destination")
		}
	}

	p := c.Supervision
	f.atMost("supervision.backoff_min", "supervision.backoff_max", showDuration(p.BackoffMin), showDuration(p.BackoffMax),
		p.BackoffMin > p.BackoffMax, "pauses grow from the one to the other")

	if !c.Destinations.AutoCreate && len(c.Destination) == 0 {
		f.add("is false and there is no [[destination]], so nobody could send anything anywhere", "destinations.auto_create")
	}
}

func (c *Config) listeners(f *faults) {
	if len(c.Listen) == 0 {
		f.add("there is none, so nobody could connect; leave [[listen]] out altogether for the default", "listen")
	}
	type taken struct {
		Endpoint
		key string
	}
	var before []taken
	names := map[string]string{}
	for i := range c.Listen {
		l := &c.Listen[i]
		at := fmt.Sprintf("listen[%d]", i)
		key := func(name string) string { return at + "." + name }

		endpoints, err := l.Endpoints()
		if err != nil {
			f.add(err.Error(), key("address"))
		}
		for _, e := range endpoints {
			for _, b := range before {
				if b.key != key("address") && e.clashes(b.Endpoint) {
					f.add(fmt.Sprintf("%s is taken by %s (%s)", l.Address, b.key, b.String()), key("address"))
					break
				}
			}
			before = append(before, taken{e, key("address")})
		}
		if other, ok := names[l.Name]; ok && err == nil && l.Name != l.Address {
			f.add(fmt.Sprintf("%.40q is the name of %s too", l.Name, other), key("name"))
		}
		names[l.Name] = at

		if !l.STOMP && !l.WebSockets && !l.HTTP {
			f.add("stomp, websockets and http are all false, so nothing could be done there", at)
		}
		for _, origin := range l.WebSocketsOrigin {
			if why := badOrigin(origin); why != "" {
				f.add(fmt.Sprintf("%.80q %s", origin, why), key("websockets_origin"))
			}
		}
		if len(l.WebSocketsOrigin) > 0 && !l.WebSockets {
			f.add("lists origins though websockets is false", key("websockets_origin"), key("websockets"))
		}
		switch {
		case l.TLSCert != "" && l.TLSKey == "":
			f.add("is set without tls_key", key("tls_cert"), key("tls_key"))
		case l.TLSCert == "" && l.TLSKey != "":
			f.add("is set without tls_cert", key("tls_key"), key("tls_cert"))
		case l.TLSCert == "" && l.TLSClientCA != "":
			f.add("is set without tls_cert and tls_key", key("tls_client_ca"))
		case l.TLSCert == "" && l.TLSOnly:
			f.add("is true without tls_cert and tls_key", key("tls_only"))
		}
		networks, unix, err := l.Proxies()
		switch onUnix := strings.HasPrefix(l.Address, "unix:"); {
		case err != nil:
			f.add(err.Error(), key("trusted_proxies"))
		case l.ProxyProtocol && len(l.TrustedProxies) == 0:
			f.add("is true and trusted_proxies is empty, so nobody could connect", key("proxy_protocol"), key("trusted_proxies"))
		case onUnix && len(networks) > 0 && !l.ProxyProtocol, !onUnix && unix:
			f.add("has \"unix\" and networks at the wrong address: whoever connects to a Unix socket has no network, and elsewhere nobody is \"unix\"", key("trusted_proxies"))
		case onUnix && l.ProxyProtocol && !unix:
			f.add("is true at a Unix socket, whose proxy has no network; list \"unix\" in trusted_proxies", key("proxy_protocol"), key("trusted_proxies"))
		}
		if _, err := parseMode(l.UnixMode); err != nil {
			f.add(err.Error(), key("unix_mode"))
		}
	}
}

// badOrigin says why a pattern could never match what browsers send as Origin, or "".
func badOrigin(pattern string) string {
	if pattern == "*" {
		return ""
	}
	const form = `write it as "https://shop.example", "https://*.shop.example" or "*"`
	u, err := url.Parse(strings.Replace(pattern, "://*.", "://any.", 1))
	switch {
	case err != nil || u.Scheme == "" || u.Host == "":
		return "is not an origin; " + form
	case u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(pattern, "#") || strings.HasSuffix(pattern, "?"):
		return "has more than a scheme, a host and a port, so it would never match; " + form
	case strings.Contains(u.Host, "*"):
		return "has a * in another place than before the first dot; " + form
	}
	return ""
}

// Warnings returns what is allowed and yet should be known to who runs the broker. They have no line.
func (c *Config) Warnings() Problems {
	var all Problems
	for i := range c.Listen {
		if l := &c.Listen[i]; c.AllowAnonymous && !c.ChecksLogins() && l.Reachable() {
			all = append(all, Problem{
				Key:  fmt.Sprintf("listen[%d].address", i),
				Text: l.Address + " can be reached from other machines and lets everybody in, as allow_anonymous says",
			})
		}
	}
	return all
}

func parsePort(port string) (uint16, error) {
	n, err := strconv.ParseUint(port, 10, 16)
	return uint16(n), err
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
