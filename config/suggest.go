package config

import (
	"reflect"
	"strings"
)

// elsewhere names what users of xtomp may look for under the name that it has there, and similar habits.
var elsewhere = map[string]string{
	"max_message_size": "limits.max_body_bytes",
	"server":           "[[listen]]",
	"port":             "listen.address",
	"host":             "listen.address",
	"password":         "passcode",
	"user":             "login",
	"username":         "login",
	"error_log":        "[log]",
	"timeout":          "session.frame_timeout",
}

// suggestion returns what the writer of an unknown key may have meant, as an end of a sentence, or "".
// path has no indexes: "listen.adress".
func suggestion(path string) string { return suggest(typeConfig, path) }

func suggest(schema reflect.Type, path string) string {
	section, name := "", path
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		section, name = path[:i], path[i+1:]
	}
	var here, everywhere []string // the names in this section; all paths
	tables := map[string]bool{}
	for _, k := range keysOf(schema, "", false) {
		everywhere = append(everywhere, k.path)
		rest, ok := strings.CutPrefix(k.path, join(section, ""))
		if section == "" {
			rest, ok = k.path, true
		}
		if !ok {
			continue
		}
		first, _, deeper := strings.Cut(rest, ".")
		if deeper && tables[first] {
			continue
		}
		tables[first] = deeper
		here = append(here, first)
	}
	if near := nearest(name, here); near != "" {
		return did(join(section, near))
	}
	if there, ok := elsewhere[name]; ok && schema == typeConfig {
		return did(there)
	}
	// The right name in the wrong section.
	for _, k := range everywhere {
		switch {
		case k == name:
			// Asking whether login was meant would be no help to who has written login.
			return "; " + k + " belongs above the first section of the file"
		case strings.HasSuffix(k, "."+name):
			return did(k)
		}
	}
	if near := nearest(path, everywhere); near != "" {
		return did(near)
	}
	return ""
}

func did(key string) string { return "; did you mean " + key + "?" }

// nearest returns the word that name is the beginning of, else the one that takes the fewest typing mistakes to become
// name, or "" if none is near.
func nearest(name string, words []string) string {
	for _, w := range words {
		if len(name) >= 3 && strings.HasPrefix(w, name) {
			return w
		}
	}
	best, least := "", max(1, len(name)/3)+1
	for _, w := range words {
		if d := mistakes(name, w, least); d < least {
			best, least = w, d
		}
	}
	return best
}

// mistakes counts letters missing, added, changed or swapped with their neighbour between a and b. It gives up at
// limit: names are short, but what a file holds as a name may be long.
func mistakes(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
