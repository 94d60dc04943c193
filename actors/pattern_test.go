package actors

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What * stands for (one level, which may be empty), and # and > (any further levels, or none).
func TestMatchesPattern(t *testing.T) {
	for _, c := range []struct {
		pattern    string
		match, not []string
	}{
		{"a", []string{"a"}, []string{"", "b", "a.a", "aa"}},
		{"a.b", []string{"a.b"}, []string{"a", "b", "a.b.c", "a.bb", "a.b."}},
		{"*", []string{"a", "", "long"}, []string{"a.b", "."}},
		{"a.*", []string{"a.b", "a.", "a.*"}, []string{"a", "b.a", "a.b.c"}},
		{"*.b", []string{"a.b", ".b"}, []string{"b", "a.b.b"}},
		{"a.*.c", []string{"a.b.c", "a..c"}, []string{"a.c", "a.b.b.c", "a.b.c.d"}},
		{"*.*", []string{"a.b", "."}, []string{"a", "a.b.c"}},
		{"#", []string{"a", "", "a.b", "a.b.c", "."}, nil},
		{">", []string{"a", "", "a.b", "a.b.c", "."}, nil},
		{"a.#", []string{"a", "a.b", "a.b.c", "a."}, []string{"b", "aa", "ab.c", ""}},
		{"a.>", []string{"a", "a.b", "a.b.c", "a."}, []string{"b", "aa", "ab.c", ""}},
		{"*.#", []string{"a", "a.b", ""}, nil},
		{"a.*.#", []string{"a.b", "a.b.c.d"}, []string{"a", "b.b"}},
	} {
		var tree patternTree[int]
		tree.add(c.pattern, 1)
		for _, name := range slices.Concat(c.match, c.not) {
			want := slices.Contains(c.match, name)
			if got := matchesPattern(c.pattern, name); got != want {
				t.Errorf("%q matches %q: %t", c.pattern, name, got)
			}
			if got := matchesInTree(&tree, name)[1] == 1; got != want {
				t.Errorf("%q matches %q in the tree: %t", c.pattern, name, got)
			}
		}
	}
}

func matchesInTree(tree *patternTree[int], name string) map[int]int {
	found := make(map[int]int)
	tree.match(name, func(v int) { found[v]++ })
	return found
}

// expression is a pattern as a regular expression.
func expression(pattern string) *regexp.Regexp {
	levels := strings.Split(pattern, ".")
	rest := ""
	if last := levels[len(levels)-1]; last == "#" || last == ">" {
		levels = levels[:len(levels)-1]
		rest = `(\..*)?`
		if len(levels) == 0 {
			rest = ".*"
		}
	}
	for i, l := range levels {
		if l == "*" {
			levels[i] = "[^.]*"
		}
	}
	return regexp.MustCompile("^" + strings.Join(levels, `\.`) + rest + "$")
}

func randomLevels(r *rand.Rand, wild bool) string {
	words := []string{"a", "b", "c", ""}
	if wild {
		words = append(words, "*", "*")
	}
	var levels []string
	for range 1 + r.IntN(4) {
		levels = append(levels, words[r.IntN(len(words))])
	}
	if wild && r.IntN(3) == 0 {
		levels[len(levels)-1] = []string{"#", ">"}[r.IntN(2)]
	}
	return strings.Join(levels, ".")
}

// The tree, the single match and a regular expression agree on which of any patterns match any name; each is
// found once; and once all are removed the tree is empty.
func TestPatternTreeAgainstExpressions(t *testing.T) {
	randomly(t, 40, func(t *testing.T, r *rand.Rand) {
		var tree patternTree[int]
		filed, meaning := make(map[int]string), make(map[int]*regexp.Regexp)
		for step := range 60 {
			if v := r.IntN(20); filed[v] != "" && r.IntN(2) == 0 {
				tree.remove(filed[v], v)
				tree.remove(filed[v], v) // twice is as good as once
				delete(filed, v)
			} else if filed[v] == "" {
				filed[v] = randomLevels(r, true)
				if filed[v] == "" {
					filed[v] = "#"
				}
				meaning[v] = expression(filed[v])
				tree.add(filed[v], v)
				tree.add(filed[v], v)
			}
			tree.remove(randomLevels(r, true), 100) // never added
			if tree.size != len(filed) {
				t.Fatalf("step %d: size %d, wants %d", step, tree.size, len(filed))
			}
			name := randomLevels(r, false)
			found := matchesInTree(&tree, name)
			for v, pattern := range filed {
				want := 0
				if meaning[v].MatchString(name) {
					want = 1
				}
				if found[v] != want || matchesPattern(pattern, name) != (want == 1) {
					t.Fatalf("step %d: %q and %q: found %d times, matches %t, wants %d", step, pattern, name, found[v], matchesPattern(pattern, name), want)
				}
				delete(found, v)
			}
			if len(found) > 0 {
				t.Fatalf("step %d: %q found %v, which is not there", step, name, found)
			}
		}
		for v, pattern := range filed {
			tree.remove(pattern, v)
		}
		if tree.size != 0 || len(tree.root.children)+len(tree.root.here)+len(tree.root.below) > 0 {
			t.Errorf("something is left: %s", fmt.Sprintf("%+v", tree))
		}
	})
}

// Removing one pattern leaves those that share levels with it.
func TestPatternTreePrunesOnlyWhatIsEmpty(t *testing.T) {
	var tree patternTree[int]
	for v, pattern := range []string{"a", "a.b", "a.b.c", "a.b.#", "a.*.c"} {
		tree.add(pattern, v)
	}
	tree.remove("a.b.c", 2)
	tree.remove("a", 0)
	if found := matchesInTree(&tree, "a.b.c"); fmt.Sprint(found) != "map[3:1 4:1]" {
		t.Errorf("found %v", found)
	}
	if found := matchesInTree(&tree, "a.b"); fmt.Sprint(found) != "map[1:1 3:1]" {
		t.Errorf("found %v", found)
	}
	tree.remove("a.b", 1)
	tree.remove("a.b.#", 3)
	if tree.root.children["a"].children["b"] != nil {
		t.Error("an empty level is kept")
	}
}
