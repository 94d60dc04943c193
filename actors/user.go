package actors

import (
	"slices"
	"sync"
	"time"
)

// users counts the connections of every user who has one, and keeps the quota that they share. A user
// without connections is kept until the quota is full again: else a new connection would be a way to a new
// quota. It is only looked at when somebody comes or goes.
type users struct {
	mu     sync.Mutex
	byName map[string]*user
	gone   []*user // without connections, in the order in which they went
}

// user is shared by the sessions of one user.
type user struct {
	name        string
	connections int  // like the next guarded by users
	listed      bool // among those that are gone

	mu    sync.Mutex
	quota quota
}

// enter counts one more connection of a user; false: there are limit of them already. 0 is no limit.
func (u *users) enter(name string, limit int, r *rates, now time.Time) (*user, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.forget(r, now)
	one := u.byName[name]
	if one == nil {
		one = &user{name: name}
		if u.byName == nil {
			u.byName = make(map[string]*user)
		}
	}
	if limit > 0 && one.connections >= limit {
		return nil, false
	}
	one.connections++
	u.byName[name] = one
	return one, true
}

// leave takes back what enter gave.
func (u *users) leave(one *user, r *rates, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	one.connections--
	if one.connections == 0 && !one.listed {
		one.listed = true
		u.gone = append(u.gone, one)
	}
	u.forget(r, now)
}

// forget drops users without connections whose quota is full, up to the first that has to stay.
func (u *users) forget(r *rates, now time.Time) {
	n := 0
	for ; n < len(u.gone); n++ {
		one := u.gone[n]
		if one.connections == 0 {
			if !one.full(r, now) {
				break
			}
			delete(u.byName, one.name)
		}
		one.listed = false
	}
	u.gone = slices.Delete(u.gone, 0, n)
}

func (one *user) full(r *rates, now time.Time) bool {
	if r == nil || !r.user.bounded() {
		return true
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	return one.quota.full(&r.user, r.burst, now)
}

// excess and spend are those of the quota. Two connections may both see room and take it: the second owes it.
func (one *user) excess(r *rates, now time.Time) (time.Duration, string, string) {
	one.mu.Lock()
	defer one.mu.Unlock()
	return one.quota.excess(&r.user, r.burst, now)
}

func (one *user) spend(octets int) {
	one.mu.Lock()
	defer one.mu.Unlock()
	one.quota.spend(octets)
}
