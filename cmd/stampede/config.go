package main

import (
	"context"
	"errors"
	"fmt"

	"stampede/config"
)

func configCommand() command {
	return command{
		name: "config", summary: "print the configuration that would be in force",
		about: `What is printed is itself a configuration file: defaults, file and environment in one.
Passcode and secret are left out.`,
		example: `  stampede config --example > stampede.toml      a file to begin with
  stampede config -c stampede.toml
  STAMPEDE_LOG_LEVEL=debug stampede config`,
		prepare: func(f *flags) func(context.Context, stdio, []string) error {
			file := configFlag(f)
			example := f.Bool("example", false, "print an annotated file with every key at its default")
			return func(_ context.Context, io stdio, env []string) error {
				if err := f.noArguments(); err != nil {
					return fileHint(err, f)
				}
				if *example {
					fmt.Fprint(io.out, config.Example)
					return nil
				}
				cfg, err := load(*file, env)
				if err != nil {
					return explain(io, "config", err)
				}
				fmt.Fprint(io.out, cfg)
				return nil
			}
		},
	}
}

func configFlag(f *flags) *string {
	return f.String("c", "", "read the configuration from this `FILE`")
}

// fileHint is for those who leave out the -c.
func fileHint(err error, f *flags) error {
	return usagef("%v; did you mean -c %s", err, f.rest[0])
}

func load(file string, env []string) (*config.Config, error) {
	if file == "" {
		return config.Parse("", nil, env)
	}
	return config.Load(file, env...)
}

// explain prints each problem of a configuration in a line of its own and turns the error into errShown. Other errors
// stay as they are.
func explain(io stdio, command string, err error) error {
	problems := config.ProblemsOf(err)
	if len(problems) == 0 {
		return err
	}
	for _, p := range problems {
		fmt.Fprintln(io.err, oneLine(p.Error()))
	}
	if len(problems) > 1 {
		fmt.Fprintf(io.err, "stampede %s: %d problems\n", command, len(problems))
	}
	return errors.Join(errShown, err)
}
