package config

import (
	"fmt"
	"reflect"
)

// Change is a setting that two configurations have different values for.
type Change struct {
	// Key is its full name, with an index inside double brackets: "limits.max_headers", "listen[1].address". A list that
	// got longer or shorter is one change, by the name of the list.
	Key string
	// Restart says that a running broker can't take it over.
	Restart bool
}

// Changes lists what is different in next, in the order of the schema. It names keys only: a value may be a secret.
func (c *Config) Changes(next *Config) []Change {
	return changes(nil, reflect.ValueOf(c).Elem(), reflect.ValueOf(next).Elem(), "")
}

func changes(all []Change, old, next reflect.Value, prefix string) []Change {
	for i := range old.NumField() {
		f := old.Type().Field(i)
		path := join(prefix, f.Tag.Get("toml"))
		a, b := old.Field(i), next.Field(i)
		switch {
		case isTable(f.Type):
			all = changes(all, a, b, path)
		case isTables(f.Type) && a.Len() == b.Len():
			for n := range a.Len() {
				all = changes(all, a.Index(n), b.Index(n), fmt.Sprintf("%s[%d]", path, n))
			}
		case isTables(f.Type):
			all = append(all, Change{Key: path})
		case !reflect.DeepEqual(a.Interface(), b.Interface()):
			all = append(all, Change{Key: path, Restart: f.Tag.Get("reload") == "restart"})
		}
	}
	return all
}
