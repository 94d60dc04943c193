package config

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// decoder fills a Config from a file. go-toml's own decoding stops at the first value of a wrong type; walking its syntax
// tree instead lets every problem of a file be reported at once, each with its line.
type decoder struct {
	name     string
	data     []byte
	parser   unstable.Parser
	problems Problems
	lines    map[string]int  // where each setting and table was set, by path with indexes
	spoilt   map[string]bool // settings whose value could not be taken
	schema   reflect.Type    // of what is filled: where names for unknown keys are looked for
}

// decode reads data into c. What the file does not say stays as it is in c.
func decode(name string, data []byte, c *Config) *decoder {
	return decodeInto(name, data, reflect.ValueOf(c).Elem())
}

func decodeInto(name string, data []byte, v reflect.Value) *decoder {
	// A byte order mark is what some editors of Windows begin every file with.
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	d := &decoder{name: name, data: slices.Clip(data), lines: map[string]int{}, spoilt: map[string]bool{}, schema: v.Type()}
	d.parser.Reset(d.data)

	root := target{v: v}
	table := root
	for d.parser.NextExpression() {
		switch e := d.parser.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = d.header(root, e)
		case unstable.KeyValue:
			d.keyValue(table, e)
		}
	}
	var syntax *unstable.ParserError
	if err := d.parser.Error(); errors.As(err, &syntax) {
		line := d.lineOf(syntax.Highlight)
		d.report(line, "", "this is not TOML: "+syntax.Message+"; what follows was not read")
	} else if err != nil {
		d.report(0, "", err.Error())
	} else {
		d.rest()
	}
	return d
}

// rest lets go-toml have its say about what a syntax tree does not show: a table that is opened twice, a number or a
// date that does not exist. It finds only the first such fault, and only what decode has not reported itself counts.
func (d *decoder) rest() {
	var all map[string]any
	var bad *toml.DecodeError
	err := toml.Unmarshal(d.data, &all)
	if !errors.As(err, &bad) {
		if err != nil && len(d.problems) == 0 {
			d.report(0, "", err.Error())
		}
		return
	}
	line, _ := bad.Position()
	for _, p := range d.problems {
		if p.Line == line {
			return
		}
	}
	d.report(line, strings.Join(bad.Key(), "."), strings.TrimPrefix(bad.Error(), "toml: "))
}

// target is where a key's value goes. Without a v it is a table nobody knows: what is in it is not looked at, since its
// name was already reported.
type target struct {
	v     reflect.Value // a table, to be set
	path  string        // with indexes
	plain string        // without
}

func (t target) known() bool { return t.v.IsValid() }

// step goes to a key of a table.
func (t target) step(key string) (target, reflect.StructField, bool) {
	next := target{path: join(t.path, key), plain: join(t.plain, key)}
	f, ok := field(t.v.Type(), key)
	if ok {
		next.v = t.v.FieldByIndex(f.Index)
	}
	return next, f, ok
}

// header handles [a.b] and [[a.b]] and returns the table that they open.
func (d *decoder) header(root target, e *unstable.Node) target {
	at, names := root, e.Key()
	for names.Next() {
		key, line := string(names.Node().Data), d.lineOfNode(names.Node())
		next, _, ok := at.step(key)
		if !ok {
			d.unknown(line, next)
			return target{}
		}
		last := names.IsLast()
		switch t := next.v.Type(); {
		case isTables(t) && last && e.Kind == unstable.ArrayTable:
			at = d.element(next, line)
		case isTables(t):
			if last {
				d.report(line, next.path, "there can be several, so its brackets are double: [["+next.plain+"]]")
			}
			at = d.element(next, line)
		case isTable(t):
			if last && e.Kind == unstable.ArrayTable {
				d.report(line, next.path, "there is only one, so its brackets are single: ["+next.plain+"]")
			}
			at = next
			if _, again := d.lines[at.path]; !again {
				d.lines[at.path] = line
			}
		default:
			d.report(line, next.path, "is a setting and not a table; write it as "+key+" = "+sample(t))
			d.spoilt[next.path] = true
			return target{}
		}
	}
	return at
}

// element adds an entry to an array of tables. The first one that the file has replaces those of the defaults.
func (d *decoder) element(list target, line int) target {
	if _, begun := d.lines[list.path]; !begun {
		list.v.SetLen(0)
		d.lines[list.path] = line
	}
	list.v.Set(reflect.Append(list.v, newElement(list.v.Type().Elem())))
	n := list.v.Len() - 1
	path := fmt.Sprintf("%s[%d]", list.path, n)
	d.lines[path] = line
	return target{v: list.v.Index(n), path: path, plain: list.plain}
}

// keyValue handles a.b = value inside a table.
func (d *decoder) keyValue(table target, e *unstable.Node) {
	if !table.known() {
		return
	}
	at, names := table, e.Key()
	for names.Next() {
		key, line := string(names.Node().Data), d.lineOfNode(names.Node())
		next, f, ok := at.step(key)
		if !ok {
			d.unknown(line, next)
			return
		}
		if names.IsLast() {
			d.value(next, f, e.Value(), line)
			return
		}
		if !isTable(next.v.Type()) {
			d.report(line, next.path, "must be "+want(next.v.Type()))
			return
		}
		at = next
	}
}

// value puts a value in its place.
func (d *decoder) value(at target, f reflect.StructField, n *unstable.Node, line int) {
	if isTable(f.Type) || isTables(f.Type) {
		d.inline(at, f, n, line)
		return
	}
	if first, again := d.lines[at.path]; again {
		d.report(line, at.path, fmt.Sprintf("is set twice; the first time in line %d", first))
		return
	}
	d.lines[at.path] = line
	if problem := d.scalar(at.v, n); problem != "" {
		d.report(line, at.path, problem)
		d.spoilt[at.path] = true
	}
}

// inline handles { … } for a table, and [ { … }, { … } ] for an array of tables.
func (d *decoder) inline(at target, f reflect.StructField, n *unstable.Node, line int) {
	switch {
	case isTable(f.Type) && n.Kind == unstable.InlineTable:
		d.lines[at.path] = line
		d.members(at, n)
	case isTables(f.Type) && n.Kind == unstable.Array:
		if _, begun := d.lines[at.path]; !begun {
			at.v.SetLen(0)
			d.lines[at.path] = line
		}
		for it := n.Children(); it.Next(); {
			if it.Node().Kind != unstable.InlineTable {
				d.report(line, at.path, "must hold tables, not "+nameKind(it.Node().Kind))
				d.spoilt[at.path] = true
				continue
			}
			d.members(d.element(at, line), it.Node())
		}
	default:
		d.report(line, at.path, "must be "+want(f.Type)+", not "+nameKind(n.Kind))
		d.spoilt[at.path] = true
	}
}

func (d *decoder) members(at target, n *unstable.Node) {
	for it := n.Children(); it.Next(); {
		if it.Node().Kind == unstable.KeyValue {
			d.keyValue(at, it.Node())
		}
	}
}

// scalar sets a setting, or says what is wrong with its value. It never repeats a value of the wrong type: that could be
// a passcode without quotes.
func (d *decoder) scalar(v reflect.Value, n *unstable.Node) string {
	t := v.Type()
	if held, ok := optional(t); ok {
		value := reflect.New(held)
		problem := d.scalar(value.Elem(), n)
		if problem == "" {
			v.Set(value)
		}
		return problem
	}
	wrong := "must be " + want(t) + ", not " + nameKind(n.Kind)
	switch {
	case t == typeStrings:
		if n.Kind != unstable.Array {
			return wrong
		}
		var list []string // empty stays nil, as a program would leave it
		for it := n.Children(); it.Next(); {
			if it.Node().Kind != unstable.String {
				return "must be " + want(t) + ", but holds " + nameKind(it.Node().Kind)
			}
			list = append(list, string(it.Node().Data))
		}
		v.Set(reflect.ValueOf(list))
	case t == typeBytes && n.Kind == unstable.Integer, t.Kind() == reflect.Int && n.Kind == unstable.Integer:
		i, err := strconv.ParseInt(string(n.Data), 0, 64)
		if err != nil || v.OverflowInt(i) {
			return fmt.Sprintf("%.40q is not a number that can be held", n.Data)
		}
		v.SetInt(i)
	case t.Kind() == reflect.Float64 && (n.Kind == unstable.Float || n.Kind == unstable.Integer):
		x, err := strconv.ParseFloat(strings.ReplaceAll(string(n.Data), "_", ""), 64)
		if err != nil || math.IsNaN(x) {
			return fmt.Sprintf("%.40q is not a number that can be held", n.Data)
		}
		v.SetFloat(x)
	case t.Kind() == reflect.Bool && n.Kind == unstable.Bool:
		v.SetBool(string(n.Data) == "true")
	case (t == typeDuration || t == typeBytes || t.Kind() == reflect.String) && n.Kind == unstable.String:
		if err := setText(v, string(n.Data)); err != nil {
			return err.Error()
		}
	default:
		return wrong
	}
	return ""
}

func nameKind(k unstable.Kind) string {
	switch k {
	case unstable.Array:
		return "a list"
	case unstable.InlineTable:
		return "a table"
	case unstable.String:
		return "a string"
	case unstable.Bool:
		return "true or false without quotes"
	case unstable.Float:
		return "a number with a fraction"
	case unstable.Integer:
		return "a number without quotes"
	default:
		return "a date or time"
	}
}

// sample shows what a value looks like, in a hint.
func sample(t reflect.Type) string {
	t, _ = optional(t)
	switch {
	case t == typeDuration:
		return `"10s"`
	case t == typeBytes:
		return `"64MiB"`
	case t == typeStrings:
		return `["…"]`
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true"
	case reflect.Int, reflect.Float64:
		return "1"
	default:
		return `"…"`
	}
}

func (d *decoder) unknown(line int, at target) {
	d.report(line, cut(at.path), "unknown key"+suggest(d.schema, at.plain))
}

// cut keeps a message short though a file may hold names of any length.
func cut(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}

func (d *decoder) report(line int, key, text string) {
	d.problems = append(d.problems, Problem{File: d.name, Line: line, Key: key, Text: text})
}

func (d *decoder) lineOfNode(n *unstable.Node) int { return d.lineOf(d.parser.Raw(n.Raw)) }

// lineOf counts from 1. part is a piece of data.
func (d *decoder) lineOf(part []byte) int {
	offset := min(cap(d.data)-cap(part), len(d.data))
	if part == nil || offset < 0 {
		return 0
	}
	return 1 + bytes.Count(d.data[:offset], []byte("\n"))
}
