// Package arch holds the walls of the house as tests: which package may import which, what only cmd may do, and what
// every test owes its reader. It has no code of its own. Each rule is one test, and each failure says why the rule is
// there, so that whoever trips over it can judge whether the code or the rule is wrong.
package arch
