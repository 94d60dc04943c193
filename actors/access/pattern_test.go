package access

import (
	"strings"
	"testing"
)

// names gives every name of one to three levels over a small alphabet.
func names(alphabet ...string) []string {
	all := []string{""}
	var out []string
	for range 3 {
		var next []string
		for _, head := range all {
			for _, level := range alphabet {
				name := level
				if head != "" {
					name = head + "." + level
				}
				next = append(next, name)
			}
		}
		out = append(out, next...)
		all = next
	}
	return out
}

// matchesNaively is what a pattern means, word by word.
func matchesNaively(pattern, name []string) bool {
	switch {
	case len(pattern) == 1 && (pattern[0] == "#" || pattern[0] == ">"):
		return true
	case len(pattern) == 0 || len(name) == 0:
		return len(pattern) == len(name)
	case pattern[0] != "*" && pattern[0] != name[0]:
		return false
	}
	return matchesNaively(pattern[1:], name[1:])
}

func sensible(pattern string) bool {
	i := strings.IndexAny(pattern, "#>")
	return i < 0 || i == len(pattern)-1
}

// A pattern matches what its words mean, and covers another only if it matches all that the other does.
func TestPatternsByEnumeration(t *testing.T) {
	all := names("a", "b")
	var patterns []string
	for _, p := range names("a", "b", "*", "#") {
		if sensible(p) {
			patterns = append(patterns, p)
		}
	}
	covered := 0
	for _, text := range patterns {
		p := compile("/topic/"+text, "")
		for _, name := range all {
			if got, want := p.Matches("/topic/"+name), matchesNaively(strings.Split(text, "."), strings.Split(name, ".")); got != want {
				t.Fatalf("%s matches %s: %v", text, name, got)
			}
			if p.Matches("/queue/"+name) || p.Matches(name) {
				t.Fatalf("/topic/%s matches %s elsewhere", text, name)
			}
		}
		for _, other := range patterns {
			if !p.Covers("/topic/" + other) {
				continue
			}
			covered++
			for _, name := range all {
				if matchesNaively(strings.Split(other, "."), strings.Split(name, ".")) && !p.Matches("/topic/"+name) {
					t.Fatalf("%s is said to cover %s, which matches %s", text, other, name)
				}
			}
		}
		if !p.Covers("/topic/" + text) {
			t.Errorf("%s does not cover itself", text)
		}
	}
	if covered < 2*len(patterns) {
		t.Errorf("only %d covers of %d patterns: is it ever true?", covered, len(patterns))
	}
}

// Prefixes have to agree, and # alone is everything.
func TestPatternPrefixes(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"#", "/queue/a.b", true},
		{">", "memtop", true},
		{"#", "/xtomp/stat", true},
		{"*", "memtop", true},
		{"*", "/queue/a", false},
		{"memtop", "memtop", true},
		{"memtop", "memtop.a", false},
		{"memtop.#", "memtop", true},
		{"/xtomp/stat", "/xtomp/stat", true},
		{"/queue/#", "/queue/a.b.c", true},
		{"/queue/a", "/queue/a", true},
		{"/queue/a/b", "/queue/a/b", true},
		{"/queue/a", "/topic/a", false},
		{"/queue/*", "/queue/", true},
		{"/topic/*", "/topic/*", true},
		{"/topic/a", "/topic/*", false},
	} {
		p := compile(c.pattern, "u")
		if got := p.Matches(c.name); got != c.want {
			t.Errorf("%s matches %s: %v", c.pattern, c.name, got)
		}
	}
}

// No name of a user makes a pattern with {user} match what is another user's.
func TestUserNamesStayInTheirLevel(t *testing.T) {
	for _, c := range []struct {
		user, name string
		want       bool
	}{
		{"ada", "/queue/ada.in", true},
		{"ada", "/queue/bob.in", false},
		{"*", "/queue/ada.in", false},
		{"*", "/queue/%2A.in", true},
		{"#", "/queue/ada.in", false},
		{"ada.in", "/queue/ada.in.in", false},
		{"ada.in", "/queue/ada%2Ein.in", true},
		{"%2E", "/queue/..in", false},
		{"", "/queue/.in", true},
		{"{user}", "/queue/{user}.in", true},
	} {
		p := compile("/queue/{user}.in", c.user)
		if got := p.Matches(c.name); got != c.want {
			t.Errorf("for %q %s matches: %v", c.user, c.name, got)
		}
	}
	p := compile("/queue/box-{user}-{user}", "ada")
	if !p.Matches("/queue/box-ada-ada") {
		t.Error("{user} within a level is not replaced")
	}
}
