package actors

import "strings"

// patternTree holds wildcard subscriptions by the levels of their patterns, so that the patterns
// that match a name are found in time proportional to its levels and to what matches.
// `*` stands for exactly one level; `#` and `>`, always last, for any further levels or none.
type patternTree[T comparable] struct {
	root patternNode[T]
	size int
}

type patternNode[T comparable] struct {
	children map[string]*patternNode[T] // by level; "*" is the wildcard
	here     map[T]struct{}             // patterns that end here
	below    map[T]struct{}             // patterns that end in # here
}

func isRest(level string) bool { return level == "#" || level == ">" }

// add files v under a pattern; adding it twice changes nothing.
func (t *patternTree[T]) add(pattern string, v T) {
	node := &t.root
	levels := strings.Split(pattern, ".")
	for i, level := range levels {
		if isRest(level) && i == len(levels)-1 {
			if node.below == nil {
				node.below = make(map[T]struct{})
			}
			t.count(node.below, v, 1)
			node.below[v] = struct{}{}
			return
		}
		if node.children == nil {
			node.children = make(map[string]*patternNode[T])
		}
		child := node.children[level]
		if child == nil {
			child = &patternNode[T]{}
			node.children[level] = child
		}
		node = child
	}
	if node.here == nil {
		node.here = make(map[T]struct{})
	}
	t.count(node.here, v, 1)
	node.here[v] = struct{}{}
}

func (t *patternTree[T]) count(set map[T]struct{}, v T, d int) {
	if _, there := set[v]; there == (d < 0) {
		t.size += d
	}
}

// remove takes v from under a pattern and prunes what is left empty.
func (t *patternTree[T]) remove(pattern string, v T) {
	t.removeFrom(&t.root, strings.Split(pattern, "."), v)
}

func (t *patternTree[T]) removeFrom(node *patternNode[T], levels []string, v T) {
	switch {
	case len(levels) == 0:
		t.count(node.here, v, -1)
		delete(node.here, v)
	case len(levels) == 1 && isRest(levels[0]):
		t.count(node.below, v, -1)
		delete(node.below, v)
	default:
		child := node.children[levels[0]]
		if child == nil {
			return
		}
		t.removeFrom(child, levels[1:], v)
		if len(child.children) == 0 && len(child.here) == 0 && len(child.below) == 0 {
			delete(node.children, levels[0])
		}
	}
}

// match calls f once for each v under each pattern that matches name.
func (t *patternTree[T]) match(name string, f func(T)) {
	matchFrom(&t.root, name, true, f)
}

// matchFrom goes down by the levels of rest; more tells that there is at least one.
func matchFrom[T comparable](node *patternNode[T], rest string, more bool, f func(T)) {
	for v := range node.below {
		f(v)
	}
	if !more {
		for v := range node.here {
			f(v)
		}
		return
	}
	level, after, more := strings.Cut(rest, ".")
	if child := node.children[level]; child != nil && level != "*" {
		matchFrom(child, after, more, f)
	}
	if child := node.children["*"]; child != nil {
		matchFrom(child, after, more, f)
	}
}

// matchesPattern tells whether one pattern matches one name.
func matchesPattern(pattern, name string) bool {
	p, n := strings.Split(pattern, "."), strings.Split(name, ".")
	for i, level := range p {
		if isRest(level) && i == len(p)-1 {
			return true
		}
		if i >= len(n) || (level != "*" && level != n[i]) {
			return false
		}
	}
	return len(p) == len(n)
}
