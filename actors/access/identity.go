package access

import (
	"slices"
	"time"
)

// Anonymous is the user's name of a client that did not log in. No other way in gives this name.
const Anonymous = "anonymous"

// Identity is who a client turned out to be. It is not changed once it was given out.
type Identity struct {
	// User is the name; rules, limits and logs use it.
	User string
	// Groups are what the user belongs to.
	Groups []string
	// Rights are what the credentials themselves allow, beside what the rules say; nil: they say nothing about it. A
	// client whose credentials do say something may do nothing else, even where there are no rules.
	Rights *Rights
	// Expires is when the broker ends the connection; zero: never.
	Expires time.Time
	// By says how the user was found out: "login", "users file", "token", "jwt", "certificate", "anonymous" or a word of
	// a program's own.
	By string

	stamp   string   // what of the policy it rests on, "kind:…"; "": nothing of it. See Policy.Recheck
	claimed []string // the groups that the credentials themselves name
}

// In tells whether the user belongs to a group.
func (id *Identity) In(group string) bool { return slices.Contains(id.Groups, group) }

// anonymous is who did not log in.
func anonymous() *Identity { return &Identity{User: Anonymous, By: Anonymous, stamp: "anonymous"} }

// Rights are patterns of destinations, by what may be done with those that match. See [Pattern].
type Rights struct {
	Read, Write, Create []string
}
