package access

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"stampede/config"
)

// Throttle slows down who tries logins: the more of them fail from an address, the longer its next answer is held back;
// and who fails for one login is not even looked at for that login from there until as long has passed. Others who come
// from the same address, through the same proxy say, with right logins, wait for nothing.
type Throttle struct {
	mu      sync.Mutex
	failed  map[string]*failures
	inOrder []failure // of all failures that still count, the oldest first
}

// failures are those of one address, or of one login from there.
type failures struct {
	count int
	last  time.Time
}

type failure struct {
	key string
	at  time.Time
}

// maxFailures bounds what is remembered. Beyond it the oldest failures are forgotten before their time.
const maxFailures = 20_000

// Wait tells how long a login has to wait before it is looked at.
func (t *Throttle) Wait(c *Credentials, now time.Time, cfg *config.Access) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(now, cfg)
	f := t.failed[keyOf(c, true)]
	if f == nil {
		return 0
	}
	return max(0, delay(f.count, cfg)-now.Sub(f.last))
}

// Failed counts a failed login and tells how long its answer is held back.
func (t *Throttle) Failed(c *Credentials, now time.Time, cfg *config.Access) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(now, cfg)
	t.add(keyOf(c, true), now)
	return delay(t.add(keyOf(c, false), now), cfg)
}

// Succeeded forgives a login its failures, and not its address: who has one login could else try others for nothing.
func (t *Throttle) Succeeded(c *Credentials) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.failed, keyOf(c, true))
}

func (t *Throttle) add(key string, now time.Time) int {
	f := t.failed[key]
	if f == nil {
		f = &failures{}
		if t.failed == nil {
			t.failed = make(map[string]*failures)
		}
		t.failed[key] = f
	}
	f.count++
	f.last = now
	t.inOrder = append(t.inOrder, failure{key: key, at: now})
	return f.count
}

// forget drops failures that do not count any more.
func (t *Throttle) forget(now time.Time, cfg *config.Access) {
	for len(t.inOrder) > 0 && (now.Sub(t.inOrder[0].at) >= cfg.LoginMemory || len(t.inOrder) > maxFailures) {
		key := t.inOrder[0].key
		if f := t.failed[key]; f != nil {
			if f.count--; f.count <= 0 {
				delete(t.failed, key)
			}
		}
		t.inOrder[0] = failure{}
		t.inOrder = t.inOrder[1:]
	}
}

// delay doubles with each failure behind the first.
func delay(count int, cfg *config.Access) time.Duration {
	d := cfg.LoginDelay
	for range count - 1 {
		if d >= cfg.LoginDelayMax/2 {
			return cfg.LoginDelayMax
		}
		d *= 2
	}
	return min(d, cfg.LoginDelayMax)
}

// keyOf is an address, with the login if that is asked for. Of IPv6 a network counts as one address: it is what one
// customer gets.
func keyOf(c *Credentials, withLogin bool) string {
	key := c.Source()
	if withLogin {
		login := c.Login
		if len(login) > maxUserBytes {
			login = login[:maxUserBytes]
		}
		key += "\x00" + login
	}
	return key
}

func addressKey(a net.Addr) string {
	if a == nil {
		return ""
	}
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return a.Network()
	}
	ip, ok := netip.AddrFromSlice(tcp.IP)
	if !ok {
		return a.Network()
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		if network, err := ip.Prefix(64); err == nil {
			return network.String()
		}
	}
	return ip.String()
}
