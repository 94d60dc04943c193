package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxFileBytes bounds what is read as a configuration: a wrong path should not fill the memory.
const maxFileBytes = 4 << 20

// Load reads a configuration file over the defaults and then applies the STAMPEDE_ variables of env, which has the form
// of os.Environ. The error is one that says in one line why the file could not be read, or that it is empty, or else [Problems].
func Load(path string, env ...string) (*Config, error) {
	data, err := read("configuration file", path)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(data)) == 0 { // a reload may come while an editor, or a full disk, has cut it and not written it
		return nil, fmt.Errorf("the configuration file %s is empty; for the defaults go without one, or write a comment into it", path)
	}
	return Parse(path, data, env)
}

func read(what, path string) ([]byte, error) {
	fail := func(err error) ([]byte, error) {
		var why *fs.PathError
		if errors.As(err, &why) {
			err = why.Err
		}
		return nil, fmt.Errorf("cannot read the %s %s: %w; check the path and who may read it", what, path, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return fail(err)
	}
	if len(data) > maxFileBytes {
		return fail(fmt.Errorf("it is larger than %v, so it is hardly a %s", Bytes(maxFileBytes), what))
	}
	return data, nil
}

// Parse is Load for a file that was already read. name appears in problems, and relative paths of certificates start at
// its directory; an empty name stands for no file. Parse keeps nothing of data.
func Parse(name string, data []byte, env []string) (*Config, error) {
	c := Default()
	d := decode(name, data, c)
	c.fill(name)
	set, spoilt, problems := override(c, env)
	problems = append(d.problems, problems...)
	for path := range spoilt {
		d.spoilt[path] = true
	}
	for _, f := range c.faults() {
		if p, fresh := locate(d, set, f); fresh {
			problems = append(problems, p)
		}
	}
	if err := problems.orNil(); err != nil {
		return nil, err
	}
	return c, nil
}

// fill completes what the file may leave out and what depends on where the file is.
func (c *Config) fill(name string) {
	for i := range c.Listen {
		l := &c.Listen[i]
		if l.Name == "" {
			l.Name = l.Address
		}
		beside(name, &l.TLSCert, &l.TLSKey, &l.TLSClientCA)
	}
	beside(name, &c.Journal.Directory, &c.PIDFile, &c.UsersFile, &c.JWT.SecretFile, &c.JWT.KeyFile, &c.JWT.JWKSFile)
	for i := range c.Destination {
		n := &c.Destination[i]
		if n.Type == "" {
			n.Type = typeOf(n.Name)
		}
	}
}

// beside has relative paths start at the directory of the configuration file.
func beside(name string, paths ...*string) {
	for _, path := range paths {
		if *path != "" && name != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(filepath.Dir(name), *path)
		}
	}
}

// locate finds where the keys of a fault were set. The fault is not fresh if one of its keys has a worse problem already:
// what such a key would be compared with is not what its writer meant.
func locate(d *decoder, set map[string]string, f fault) (Problem, bool) {
	p := Problem{File: d.name, Key: f.keys[0], Text: f.text}
	for _, key := range f.keys {
		if d.spoilt[key] || d.spoilt[section(key)] {
			return p, false
		}
	}
	for _, key := range f.keys {
		variable := set[key]
		if variable == "" && strings.HasPrefix(key, "listen") {
			variable = set["listen"]
		}
		if variable != "" {
			return Problem{File: environment, Key: variable, Text: f.text}, true
		}
	}
	for _, key := range f.keys {
		if p.Line = d.lines[key]; p.Line > 0 {
			if key != f.keys[0] {
				// The text speaks of the first key; the one that the file has is where it can be mended.
				p.Key, p.Text = key, f.keys[0]+": "+f.text
			}
			return p, true
		}
	}
	p.Line = d.lines[section(f.keys[0])]
	return p, true
}

// section is the table that a setting is in: "limits" of "limits.outbox".
func section(path string) string {
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		return path[:i]
	}
	return ""
}
