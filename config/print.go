package config

import (
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Marshal writes the configuration as TOML that Parse reads back, but for the passcode, which is never written: its
// place says whether there is one.
func (c *Config) Marshal() []byte { return []byte(c.String()) }

// String is Marshal for people.
func (c *Config) String() string {
	var b strings.Builder
	writeTable(&b, reflect.ValueOf(c).Elem(), "")
	return b.String()
}

// Format implements fmt.Formatter, so that no verb shows more than String.
func (c *Config) Format(w fmt.State, _ rune) { fmt.Fprint(w, c.String()) }

// LogValue implements slog.LogValuer: one attribute for each setting.
func (c *Config) LogValue() slog.Value {
	var attrs []slog.Attr
	visit(reflect.ValueOf(c).Elem(), "", func(path string, _ reflect.StructField, v reflect.Value) {
		if v.Type() == typeSecret {
			attrs = append(attrs, slog.Any(path, v.Interface()))
			return
		}
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return
			}
			v = v.Elem()
		}
		attrs = append(attrs, slog.String(path, strings.Trim(tomlValue(v), `"`)))
	})
	return slog.GroupValue(attrs...)
}

// writeTable writes a table's settings and then the tables in it: TOML would take a setting behind a header as that
// header's.
func writeTable(b *strings.Builder, v reflect.Value, path string) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := f.Tag.Get("toml")
		switch {
		case isTable(f.Type), isTables(f.Type):
		case f.Type.Kind() == reflect.Pointer:
			if !v.Field(i).IsNil() {
				fmt.Fprintf(b, "%s = %s\n", name, tomlValue(v.Field(i).Elem()))
			}
		case f.Type == typeSecret:
			if v.Field(i).String() != "" {
				fmt.Fprintf(b, "# %s is set and not shown\n", name)
			} else {
				fmt.Fprintf(b, "%s = \"\"\n", name)
			}
		default:
			fmt.Fprintf(b, "%s = %s\n", name, tomlValue(v.Field(i)))
		}
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := join(path, f.Tag.Get("toml"))
		switch {
		case isTable(f.Type):
			fmt.Fprintf(b, "\n[%s]\n", name)
			writeTable(b, v.Field(i), name)
		case isTables(f.Type):
			for n := range v.Field(i).Len() {
				fmt.Fprintf(b, "\n[[%s]]\n", name)
				writeTable(b, v.Field(i).Index(n), name)
			}
		}
	}
}

func tomlValue(v reflect.Value) string {
	switch t := v.Type(); {
	case t == typeDuration:
		return strconv.Quote(showDuration(time.Duration(v.Int())))
	case t == typeBytes:
		return strconv.Quote(Bytes(v.Int()).String())
	case t == typeStrings:
		list := make([]string, v.Len())
		for i := range list {
			list[i] = tomlString(v.Index(i).String())
		}
		return "[" + strings.Join(list, ", ") + "]"
	}
	switch v.Kind() {
	case reflect.String:
		return tomlString(v.String())
	case reflect.Float64:
		s := strconv.FormatFloat(v.Float(), 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	default:
		return fmt.Sprint(v.Interface())
	}
}

// tomlString quotes as TOML does. strconv.Quote won't do: it writes \x00 and \a, which TOML does not know.
func tomlString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
