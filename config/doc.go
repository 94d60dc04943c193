// Package config holds the settings of a broker: their names, defaults and bounds, how they are read from a TOML file and
// the environment, and how they are checked and printed.
//
// # Use
//
//	cfg, err := config.Load("stampede.toml", os.Environ()...)
//	if err != nil {
//		fmt.Fprintln(os.Stderr, err) // every problem in a line of its own: file:line: key: what is wrong
//	}
//
// An embedding program may as well take [Default], set fields, and call [Config.Validate].
//
// # Guarantees
//
// One run reports everything that is wrong: unknown keys (with the name that was probably meant), values of a wrong type,
// values out of bounds, and settings that contradict each other. Only broken TOML syntax hides what follows it. Nothing in
// this package panics on any input, and nothing in it prints a passcode: not [Config.String], not a log, not an error.
//
// # Adding a setting
//
// Add a field with its tags to the struct of its section, its default to [Default], and a line to the example file. The
// tests then ask for a paragraph in docs/configuration.md. Relations with other settings go to validate.go.
//
// # Concurrency
//
// A Config is plain data: share it freely once nobody writes to it any more.
package config

import _ "embed"

// Example is an annotated configuration file with every setting at its default.
//
//go:embed stampede.example.toml
var Example string
