package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// environment is what Problem.File says of a variable.
const environment = "environment"

const (
	envPrefix = "STAMPEDE_"
	// EnvClientPrefix begins the variables that programs which connect to a broker read. They are not settings of the
	// broker and are passed over.
	EnvClientPrefix = "STAMPEDE_CLIENT_"
	envListen       = "STAMPEDE_LISTEN"
)

// EnvName returns the variable that overrides a setting, "STAMPEDE_LIMITS_MAX_HEADERS" for "limits.max_headers".
func EnvName(path string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// override applies the STAMPEDE_ variables of env ("NAME=value", as os.Environ has them; the last of a name counts).
// A listener and a destination are several settings that belong together, so these have no variable each;
// STAMPEDE_LISTEN sets the addresses alone. It returns which settings were set, by path, and those that were spoilt.
func override(c *Config, env []string) (set map[string]string, spoilt map[string]bool, problems Problems) {
	set, spoilt = map[string]string{}, map[string]bool{}
	variables := map[string]string{}
	for _, entry := range env {
		name, value, ok := strings.Cut(entry, "=")
		if ok && strings.HasPrefix(name, envPrefix) && !strings.HasPrefix(name, EnvClientPrefix) {
			variables[name] = value
		}
	}
	report := func(name, text string) {
		problems = append(problems, Problem{File: environment, Key: name, Text: text})
	}
	if value, ok := variables[envListen]; ok {
		delete(variables, envListen)
		set["listen"] = envListen
		if addresses := splitList(value); len(addresses) > 0 {
			c.SetAddresses(addresses)
		} else {
			report(envListen, "names no address; write it like localhost:61613,[::]:61614")
		}
	}
	visit(reflect.ValueOf(c).Elem(), "", func(path string, _ reflect.StructField, v reflect.Value) {
		if strings.Contains(path, "[") {
			return
		}
		name := EnvName(path)
		value, ok := variables[name]
		if !ok {
			return
		}
		delete(variables, name)
		set[path] = name
		if err := setText(v, value); err != nil {
			text := err.Error()
			if value == "" {
				text = "is empty; must be " + strings.ReplaceAll(want(v.Type()), "a string with ", "")
			}
			report(name, text)
			spoilt[path] = true
		}
	})
	unknown := make([]string, 0, len(variables))
	for name := range variables {
		unknown = append(unknown, name)
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		report(cut(name), "unknown variable"+suggestVariable(name))
	}
	return set, spoilt, problems
}

func suggestVariable(name string) string {
	names := []string{envListen}
	for _, k := range keys() {
		if !k.array {
			names = append(names, EnvName(k.path))
		}
	}
	if strings.HasPrefix(name, envListen+"_") || strings.HasPrefix(name, "STAMPEDE_DESTINATION_") {
		return "; what belongs to one listener or destination is set in the file"
	}
	if near := nearest(name, names); near != "" {
		return did(near)
	}
	return fmt.Sprintf("; variables that begin with %s set keys of the configuration, %s is one", envPrefix, EnvName("log.level"))
}

// SetAddresses makes the broker listen at these addresses instead. Everything else about the listeners is as the first
// one of the configuration has it; the others go.
func (c *Config) SetAddresses(addresses []string) {
	model := defaultListen("", "")
	if len(c.Listen) > 0 {
		model = c.Listen[0]
	}
	list := make([]Listen, 0, len(addresses))
	for _, address := range addresses {
		l := model
		l.Address = address
		l.WebSocketsOrigin = slices.Clone(model.WebSocketsOrigin)
		l.TrustedProxies = slices.Clone(model.TrustedProxies)
		if len(addresses) > 1 || l.Name == model.Address {
			l.Name = address
		}
		list = append(list, l)
	}
	c.Listen = list
}
