package actors

import (
	"net/netip"
	"sync"
)

// peers counts the connections of every address that has any. An IPv6 client has a network of 64 bits to
// choose addresses from, so there the network is what counts.
type peers struct {
	mu    sync.Mutex
	count map[netip.Prefix]int
}

// enter counts one more connection; false: there are limit of them already. 0 is no limit. leave takes it
// back.
func (p *peers) enter(addr netip.Addr, limit int) (leave func(), ok bool) {
	from := network(addr)
	p.mu.Lock()
	defer p.mu.Unlock()
	if limit > 0 && p.count[from] >= limit {
		return nil, false
	}
	if p.count == nil {
		p.count = make(map[netip.Prefix]int)
	}
	p.count[from]++
	return func() { p.leave(from) }, true
}

func (p *peers) leave(from netip.Prefix) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count[from]--; p.count[from] == 0 {
		delete(p.count, from)
	}
}

// network is what of an address stands for one client.
func network(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	from, _ := addr.Prefix(bits) // fails for no address that there is
	return from
}
