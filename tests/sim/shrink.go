package sim

import (
	"slices"

	"stampede/actors/sim"
)

// shrink takes out of a plan that fails whatever it fails without, until nothing more can be taken out or the
// tries are used up. It gives a plan that fails in the same way, and how.
func shrink(p *plan, r *sim.Result, tries int) (*plan, *sim.Result) {
	kind := kindOf(r)
	try := func(q *plan) bool {
		if tries--; tries < 0 {
			return false
		}
		if s := run(q, nil, false); s.Err() != nil && kindOf(s) == kind {
			p, r = q, s
			return true
		}
		return false
	}
	for again := true; again && tries > 0; {
		again = false
		for i := len(p.clients) - 1; i >= 0; i-- {
			q := p.clone()
			q.clients = slices.Delete(q.clients, i, i+1)
			again = try(q) || again
		}
		for i := len(p.kills) - 1; i >= 0; i-- {
			q := p.clone()
			q.kills = slices.Delete(q.kills, i, i+1)
			again = try(q) || again
		}
		for i := len(p.jumps) - 1; i >= 0; i-- {
			q := p.clone()
			q.jumps = slices.Delete(q.jumps, i, i+1)
			again = try(q) || again
		}
		for i := range p.clients {
			// Half of them, a quarter, … and each alone.
			for n := len(p.clients[i].ops); n > 0; n /= 2 {
				for at := len(p.clients[i].ops) - n; at >= 0; at -= n {
					q := p.clone()
					q.clients[i].ops = slices.Delete(slices.Clone(q.clients[i].ops), at, at+n)
					again = try(q) || again
				}
			}
			for _, simpler := range []func(*client) bool{
				func(c *client) bool { was := c.piece; c.piece = 0; return was != 0 },
				func(c *client) bool { was := c.lazy; c.lazy = 0; return was != 0 },
				func(c *client) bool { was := c.beat; c.beat = 0; return was != 0 },
				func(c *client) bool { was := c.start; c.start = 0; return was != 0 },
				func(c *client) bool { was := c.buffer; c.buffer = 64 << 10; return was != c.buffer },
			} {
				q := p.clone()
				if simpler(&q.clients[i]) {
					again = try(q) || again
				}
			}
			for j := range p.clients[i].ops {
				for _, simpler := range []func(*op) bool{
					func(o *op) bool { was := o.count; o.count = min(1, was); return was > 1 },
					func(o *op) bool { was := o.size; o.size = 0; return was > 0 },
					func(o *op) bool { was := o.delay; o.delay = 0; return was > 0 },
					func(o *op) bool { was := o.expiration; o.expiration = 0; return was > 0 },
					func(o *op) bool { was := o.reply; o.reply = false; return was },
					func(o *op) bool { was := o.exclusive; o.exclusive = false; return was },
					func(o *op) bool { was := o.receipt; o.receipt = false; return was },
				} {
					q := p.clone()
					q.clients[i].ops = slices.Clone(q.clients[i].ops)
					if simpler(&q.clients[i].ops[j]) {
						again = try(q) || again
					}
				}
			}
		}
	}
	return p, r
}

// kindOf is what two failures have in common that are of one kind: their first words without names and
// numbers.
func kindOf(r *sim.Result) string {
	if len(r.Failures) == 0 {
		return ""
	}
	var kind []rune
	for _, c := range r.Failures[0] {
		if c == '\n' || len(kind) > 60 {
			break
		}
		if c < '0' || c > '9' {
			kind = append(kind, c)
		}
	}
	return string(kind)
}
