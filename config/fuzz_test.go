package config

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

// Whatever a file and a variable hold, Parse neither panics nor accepts what is not TOML; what it accepts is valid and
// reads back from what it prints; what it refuses, it says why, in lines of a bounded length.
func FuzzParse(f *testing.F) {
	f.Add([]byte(Example), "STAMPEDE_LISTEN=:1")
	f.Add([]byte("listen = [{address=\"localhost:1\"}, 5, {}]\n[limits]\nmax_headers = 0b1"), "STAMPEDE_LOG_LEVEL=info")
	f.Add([]byte("[[listen]]\naddress=\"unix:\"\n[listen.x]\ny=1\n[[log.level]]\n"), "STAMPEDE_LIMITS_OUTBOX=1.5GiB")
	f.Add([]byte("\xef\xbb\xbfa.b.\"c\\n\" = '''\n''' # x\r\n"), "STAMPEDE_=")
	f.Add([]byte("heartbeat = {send = \"1s\", tolerance = nan}\nheartbeat.max = 1979-05-27T07:32:00Z"), "STAMPEDE_PASSCODE=\x00")
	f.Fuzz(func(t *testing.T, data []byte, env string) {
		kept := bytes.Clone(data)
		c, err := Parse("f.toml", data, []string{env})
		if !bytes.Equal(data, kept) {
			t.Fatal("the input was changed")
		}
		if err != nil {
			for _, p := range ProblemsOf(err) {
				if p.Text == "" || len(p.Text) > 600 || p.Line > 1+bytes.Count(data, []byte("\n")) {
					t.Errorf("a problem that helps nobody: %+v", p)
				}
			}
			if len(ProblemsOf(err)) == 0 {
				t.Errorf("not a list of problems: %v", err)
			}
			return
		}
		var tree map[string]any
		if err := toml.Unmarshal(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), &tree); err != nil {
			t.Errorf("accepted though it is not TOML: %v", err)
		}
		if err := c.Validate(); err != nil {
			t.Errorf("accepted and not valid: %v", err)
		}
		if c.Passcode != "" {
			c.Login, c.Passcode = "", ""
		}
		again, err := Parse("", c.Marshal(), nil)
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("printed\n%s\nreads back as %v, %v", c, again, err)
		}
	})
}

// A suggestion never panics and never names a key that does not exist.
func FuzzSuggestion(f *testing.F) {
	f.Add("limits.max_heders")
	f.Add("listen.")
	f.Add(".")
	f.Fuzz(func(t *testing.T, path string) {
		s := suggestion(path)
		if s == "" {
			return
		}
		name := strings.TrimSuffix(strings.TrimPrefix(s, "; did you mean "), "?")
		for _, k := range keys() {
			if k.path == name || strings.HasPrefix(k.path, strings.Trim(name, "[]")+".") {
				return
			}
		}
		t.Errorf("%q suggests %q", path, name)
	})
}
