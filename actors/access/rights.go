package access

import (
	"slices"

	"stampede/config"
)

// Grants is what one client may do. It is not changed once it was made.
type Grants struct {
	patterns [actions][]Pattern
}

// Allows tells whether something may be done with a destination of this name.
func (g *Grants) Allows(action Action, name string) bool {
	return slices.ContainsFunc(g.patterns[action], func(p Pattern) bool { return p.Matches(name) })
}

// AllowsAll tells whether it may be done with every destination that a pattern matches. One of the patterns that were
// granted has to cover it alone.
func (g *Grants) AllowsAll(action Action, pattern string) bool {
	return slices.ContainsFunc(g.patterns[action], func(p Pattern) bool { return p.Covers(pattern) })
}

func (g *Grants) add(r *Rights, user string) {
	for action, texts := range [actions][]string{Read: r.Read, Write: r.Write, Create: r.Create} {
		for _, text := range texts {
			g.patterns[action] = append(g.patterns[action], compile(text, user))
		}
	}
}

// rule gives rights to users and groups.
type rule struct {
	users, groups []string
	rights        Rights
}

// everybody is the name that stands for all users.
const everybody = "*"

func (r *rule) concerns(id *Identity) bool {
	return slices.Contains(r.users, everybody) || slices.Contains(r.users, id.User) || slices.ContainsFunc(r.groups, id.In)
}

func rulesOf(blocks []config.Rights) []rule {
	rules := make([]rule, 0, len(blocks))
	for _, b := range blocks {
		rules = append(rules, rule{users: b.Users, groups: b.Groups, rights: Rights{Read: b.Read, Write: b.Write, Create: b.Create}})
	}
	return rules
}

// Grants returns what somebody may do; nil: everything, because there is no rule and the credentials said nothing.
func (p *Policy) Grants(id *Identity) *Grants {
	if len(p.rules) == 0 && id.Rights == nil {
		return nil
	}
	g := &Grants{}
	for i := range p.rules {
		if p.rules[i].concerns(id) {
			g.add(&p.rules[i].rights, id.User)
		}
	}
	if id.Rights != nil {
		g.add(id.Rights, id.User)
	}
	return g
}
