package access

import (
	"fmt"
	"net"
	"testing"
	"time"

	"stampede/config"
)

func from(ip, login string) *Credentials {
	return &Credentials{Login: login, Remote: &net.TCPAddr{IP: net.ParseIP(ip), Port: 1}}
}

// Each failure from an address doubles the delay, up to the most, whatever login it was for; another address starts anew,
// and after a while all is forgotten.
func TestFailuresDelayMore(t *testing.T) {
	cfg := &config.Access{LoginDelay: time.Second, LoginDelayMax: 5 * time.Second, LoginMemory: time.Minute}
	var th Throttle
	now := jwtNow
	for n, want := range []time.Duration{1, 2, 4, 5, 5} {
		if got := th.Failed(from("192.0.2.1", fmt.Sprint(n)), now, cfg); got != want*time.Second {
			t.Errorf("failure %d: %s", n+1, got)
		}
	}
	for ip, want := range map[string]time.Duration{"192.0.2.2": time.Second, "::ffff:192.0.2.1": 5 * time.Second} {
		if got := th.Failed(from(ip, "x"), now, cfg); got != want {
			t.Errorf("%s: %s", ip, got)
		}
	}
	th.Failed(from("2001:db8::1", "x"), now, cfg)
	if got := th.Failed(from("2001:db8::ffff:2", "x"), now, cfg); got != 2*time.Second {
		t.Errorf("the same network: %s", got)
	}
	if got := th.Failed(from("2001:db8:0:1::1", "x"), now, cfg); got != time.Second {
		t.Errorf("another network: %s", got)
	}
	if got := th.Failed(from("192.0.2.1", "x"), now.Add(time.Minute), cfg); got != time.Second {
		t.Errorf("after a minute: %s", got)
	}
	off := &config.Access{LoginMemory: time.Minute}
	if got := th.Failed(from("192.0.2.1", "x"), now, off); got != 0 {
		t.Errorf("turned off: %s", got)
	}
}

// A login that failed waits before it is looked at again from the same address; others from there do not, and a success
// forgives it.
func TestFailedLoginWaits(t *testing.T) {
	cfg := &config.Access{LoginDelay: time.Second, LoginDelayMax: time.Minute, LoginMemory: time.Hour}
	var th Throttle
	ada := from("192.0.2.1", "ada")
	if got := th.Wait(ada, jwtNow, cfg); got != 0 {
		t.Errorf("before any failure: %s", got)
	}
	th.Failed(ada, jwtNow, cfg)
	th.Failed(ada, jwtNow, cfg)
	for at, want := range map[time.Duration]time.Duration{0: 2 * time.Second, time.Second: time.Second, 2 * time.Second: 0, time.Minute: 0} {
		if got := th.Wait(ada, jwtNow.Add(at), cfg); got != want {
			t.Errorf("after %s: %s", at, got)
		}
	}
	if got := th.Wait(from("192.0.2.1", "bob"), jwtNow, cfg); got != 0 {
		t.Errorf("another login: %s", got)
	}
	if got := th.Wait(from("192.0.2.2", "ada"), jwtNow, cfg); got != 0 {
		t.Errorf("from elsewhere: %s", got)
	}
	th.Succeeded(ada)
	if got := th.Wait(ada, jwtNow, cfg); got != 0 {
		t.Errorf("after a success: %s", got)
	}
}

// Whoever tries from a great many addresses does not fill the memory.
func TestThrottleIsBounded(t *testing.T) {
	cfg := &config.Access{LoginDelay: time.Second, LoginDelayMax: time.Minute, LoginMemory: time.Hour}
	var th Throttle
	for n := range 50_000 {
		th.Failed(from(fmt.Sprintf("10.%d.%d.%d", n>>16, n>>8&255, n&255), "x"), jwtNow, cfg)
	}
	if len(th.failed) > maxFailures+2 || len(th.inOrder) > maxFailures+2 {
		t.Errorf("%d and %d are remembered", len(th.failed), len(th.inOrder))
	}
}
