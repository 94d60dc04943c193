package config

import (
	"strings"
	"testing"
)

// Trusted proxies are networks, addresses or "unix", where each makes sense; a mistake is told with the way to write it.
func TestTrustedProxies(t *testing.T) {
	c := parse(t, "[[listen]]\naddress=\":1\"\nproxy_protocol=true\ntrusted_proxies=[\"10.0.0.0/8\",\"192.0.2.1\",\"2001:db8::/32\",\"::1\"]\n[[listen]]\naddress=\"unix:/x\"\ntrusted_proxies=[\"unix\"]", "STAMPEDE_LOGIN=a", "STAMPEDE_PASSCODE=b")
	networks, unix, err := c.Listen[0].Proxies()
	if err != nil || unix || len(networks) != 4 || networks[1].String() != "192.0.2.1/32" || networks[3].String() != "::1/128" {
		t.Errorf("%v %t %v", networks, unix, err)
	}
	if _, unix, err := c.Listen[1].Proxies(); err != nil || !unix {
		t.Errorf("%t %v", unix, err)
	}
	for text, says := range map[string]string{
		"address=\"localhost:1\"\ntrusted_proxies=[\"proxy.example\"]":               "is not a network",
		"address=\"localhost:1\"\ntrusted_proxies=[\"10.0.0.1/8\"]":                  "the network is 10.0.0.0/8",
		"address=\"localhost:1\"\ntrusted_proxies=[\"fe80::1%eth0\"]":                "is not a network",
		"address=\"localhost:1\"\ntrusted_proxies=[\"unix\"]":                        "nobody is",
		"address=\"localhost:1\"\nproxy_protocol=true":                               "nobody could connect",
		"address=\"unix:/x\"\nproxy_protocol=true\ntrusted_proxies=[\"10.0.0.0/8\"]": "list \"unix\"",
		"address=\"unix:/x\"\ntrusted_proxies=[\"10.0.0.0/8\"]":                      "no network",
		"address=\"localhost:1\"\nforwarded_header=\"X-Real-IP\"":                    "is not one of",
		"address=\"localhost:1\"\ntrusted_proxies=\"10.0.0.0/8\"":                    "a list of strings",
	} {
		if got := problems(t, "[[listen]]\n"+text); len(got) != 1 || !strings.Contains(got[0], says) || !strings.HasPrefix(got[0], "t.toml:") {
			t.Errorf("%s\n%q", text, got)
		}
	}
}
