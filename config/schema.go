package config

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The schema is read off the tags of Config: one field is declared in one place, and the decoder, the environment, the
// range checks, the printed form and the tests that compare the documentation all follow it.

var (
	typeBytes    = reflect.TypeFor[Bytes]()
	typeDuration = reflect.TypeFor[time.Duration]()
	typeSecret   = reflect.TypeFor[Secret]()
	typeStrings  = reflect.TypeFor[[]string]()
	typeListen   = reflect.TypeFor[Listen]()
	typeConfig   = reflect.TypeFor[Config]()
)

// field finds a key among the fields of a table.
func field(table reflect.Type, key string) (reflect.StructField, bool) {
	for i := range table.NumField() {
		if f := table.Field(i); f.Tag.Get("toml") == key {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// isTable says that a field is written as [name].
func isTable(t reflect.Type) bool { return t.Kind() == reflect.Struct }

// isTables says that a field is written as [[name]].
func isTables(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct
}

// key is one setting, as the schema knows it.
type key struct {
	path  string // "limits.max_headers"; keys of arrays of tables have no index: "listen.address"
	field reflect.StructField
	array bool // it is inside an array of tables
}

// keys lists every setting in the order of the structs.
func keys() []key { return keysOf(typeConfig, "", false) }

func keysOf(table reflect.Type, prefix string, array bool) []key {
	var all []key
	for i := range table.NumField() {
		f := table.Field(i)
		path := join(prefix, f.Tag.Get("toml"))
		switch {
		case isTable(f.Type):
			all = append(all, keysOf(f.Type, path, array)...)
		case isTables(f.Type):
			all = append(all, keysOf(f.Type.Elem(), path, true)...)
		default:
			all = append(all, key{path: path, field: f, array: array})
		}
	}
	return all
}

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

// visit calls f for every setting of a configuration with its path, indexes included ("listen[0].address").
func visit(v reflect.Value, prefix string, f func(path string, field reflect.StructField, v reflect.Value)) {
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		path := join(prefix, sf.Tag.Get("toml"))
		switch {
		case isTable(sf.Type):
			visit(v.Field(i), path, f)
		case isTables(sf.Type):
			for n := range v.Field(i).Len() {
				visit(v.Field(i).Index(n), fmt.Sprintf("%s[%d]", path, n), f)
			}
		default:
			f(path, sf, v.Field(i))
		}
	}
}

// newElement is what an entry of an array of tables is before the file says anything about it.
func newElement(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	if t == typeListen {
		v.Set(reflect.ValueOf(defaultListen("", "")))
	}
	return v
}

// optional gives what a setting that may be left out holds: a nil pointer stands for what a section of the file says.
func optional(t reflect.Type) (reflect.Type, bool) {
	if t.Kind() == reflect.Pointer {
		return t.Elem(), true
	}
	return t, false
}

// want says what a value of a key must look like.
func want(t reflect.Type) string {
	t, _ = optional(t)
	switch {
	case t == typeDuration:
		return `a string with a duration like "10s" or "1m30s"`
	case t == typeBytes:
		return `a string with a size like "64MiB", or a whole number of bytes`
	case t == typeStrings:
		return `a list of strings like ["a", "b"]`
	case isTables(t):
		return "a list of tables"
	case isTable(t):
		return "a table"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	default:
		return "a string in quotes"
	}
}

// setText sets a field from text: a string of the file, or a variable. The error says what the text should be.
func setText(v reflect.Value, text string) error {
	switch t := v.Type(); {
	case t == typeDuration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%.40q is not a duration; write it like %q, %q or %q", text, "250ms", "10s", "1m30s")
		}
		v.SetInt(int64(d))
	case t == typeBytes:
		b, err := ParseBytes(text)
		if err != nil {
			return err
		}
		v.SetInt(int64(b))
	case t == typeStrings:
		v.Set(reflect.ValueOf(splitList(text)))
	case t.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%.40q is neither true nor false", text)
		}
		v.SetBool(b)
	case t.Kind() == reflect.Int:
		n, err := strconv.ParseInt(text, 10, strconv.IntSize)
		if err != nil {
			return fmt.Errorf("%.40q is not a whole number", text)
		}
		v.SetInt(n)
	case t.Kind() == reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("%.40q is not a number", text)
		}
		v.SetFloat(f)
	default:
		v.SetString(text)
	}
	return nil
}

// splitList splits at commas; spaces around an entry do not count, nor do empty entries.
func splitList(text string) []string {
	var list []string
	for entry := range strings.SplitSeq(text, ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			list = append(list, entry)
		}
	}
	return list
}

// outOfRange says how a value breaks the bounds of its tag, or "".
func outOfRange(f reflect.StructField, v reflect.Value) string {
	if t, ok := optional(f.Type); ok {
		if v.IsNil() {
			return ""
		}
		f.Type, v = t, v.Elem()
	}
	if words := f.Tag.Get("enum"); words != "" {
		list := strings.Split(words, "|")
		if slices.Contains(list, v.String()) {
			return ""
		}
		text := fmt.Sprintf("%.40q is not one of %s", v.String(), strings.Join(list, ", "))
		if near := nearest(strings.ToLower(v.String()), list); near != "" {
			text += fmt.Sprintf("; did you mean %q?", near)
		}
		return text
	}
	low, high := f.Tag.Get("min"), f.Tag.Get("max")
	if low == "" && high == "" {
		return ""
	}
	bound := func(text string) reflect.Value {
		b := reflect.New(f.Type).Elem()
		if err := setText(b, text); err != nil {
			panic("config: tag of " + f.Name + ": " + err.Error())
		}
		return b
	}
	var below, above bool
	if f.Type.Kind() == reflect.Float64 {
		// A NaN is on neither side of a bound, so ask whether it is inside.
		below = !(v.Float() >= bound(low).Float())
		above = v.Float() > bound(high).Float() || math.IsInf(v.Float(), 1)
	} else {
		below, above = v.Int() < bound(low).Int(), v.Int() > bound(high).Int()
	}
	switch {
	case below:
		return fmt.Sprintf("%s is too small; the least is %s", show(v), low)
	case above:
		return fmt.Sprintf("%s is too large; the most is %s", show(v), high)
	}
	return ""
}

// show writes a value as a person would in the file, without quotes.
func show(v reflect.Value) string {
	switch t := v.Type(); {
	case t == typeDuration:
		return showDuration(time.Duration(v.Int()))
	case t.Kind() == reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	default:
		return fmt.Sprint(v.Interface())
	}
}

// showDuration is Duration.String without the zero parts at the end: "5m", not "5m0s".
func showDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
