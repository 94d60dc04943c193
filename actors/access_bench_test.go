package actors

import (
	"testing"

	"stampede/actors/access"
	"stampede/config"
)

// BenchmarkPermitted is what a SEND pays for rights: without rules the look whether there are any, with rules the verdict
// that is remembered, and the one that is not.
func BenchmarkPermitted(b *testing.B) {
	policy := func(blocks int) *access.Policy {
		cfg := config.Default()
		for range blocks {
			cfg.Rights = append(cfg.Rights, config.Rights{Users: []string{"*"}, Write: []string{"/queue/other.*.x", "/queue/{user}.#"}})
		}
		p, err := access.FromConfig(cfg, nil, nil)
		if err != nil {
			b.Fatal(err)
		}
		return p
	}
	for _, c := range []struct {
		name   string
		blocks int
		forget bool
	}{{"no rules", 0, false}, {"remembered", 10, false}, {"worked out", 10, true}} {
		b.Run(c.name, func(b *testing.B) {
			s := &session{checkpoint: &checkpoint{}, core: &core{}}
			p := policy(c.blocks)
			s.permits.grants = p.Grants(&access.Identity{User: "ada"})
			s.permits.restricted = s.permits.grants != nil
			b.ReportAllocs()
			for b.Loop() {
				if s.permits.restricted {
					if fault, known := s.permitted(nil, access.Write, "/queue/ada.in", false); fault != nil || !known {
						b.Fatal(fault)
					}
					if c.forget {
						clear(s.permits.verdicts)
					}
				}
			}
		})
	}
}
