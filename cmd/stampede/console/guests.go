package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

// guests are logins that were right a moment ago. The page asks once a second, and a passcode's hash is slow on purpose.
type guests struct {
	key [32]byte // so that what is kept of a passcode is worth nothing elsewhere

	mu    sync.Mutex
	until map[[32]byte]time.Time
}

const (
	// stay is how long a login counts without being looked at again.
	stay = 30 * time.Second
	// maxGuests bounds what is kept; beyond it all are looked at again.
	maxGuests = 100
)

func newGuests() *guests {
	g := &guests{until: make(map[[32]byte]time.Time)}
	rand.Read(g.key[:]) // never fails
	return g
}

func (g *guests) mark(login, passcode string) (mark [32]byte) {
	h := hmac.New(sha256.New, g.key[:])
	h.Write([]byte(login))
	h.Write([]byte{0})
	h.Write([]byte(passcode))
	h.Sum(mark[:0])
	return mark
}

func (g *guests) known(login, passcode string) bool {
	mark := g.mark(login, passcode)
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Now().Before(g.until[mark])
}

func (g *guests) remember(login, passcode string) {
	mark := g.mark(login, passcode)
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.until) >= maxGuests {
		clear(g.until)
	}
	g.until[mark] = time.Now().Add(stay)
}
