package main

import (
	"context"
	"fmt"
	"time"

	"stampede/actors/access"
	"stampede/config"
)

func checkCommand() command {
	return command{
		name: "check", summary: "find every mistake in a configuration without running it",
		about: `Reports all mistakes at once, one line each: file:line: key: problem. Looks at the
STAMPEDE_ variables of the environment and at the files that it names as well.`,
		example: `  stampede check -c stampede.toml
  STAMPEDE_LIMITS_OUTBOX=1GiB stampede check -c stampede.toml`,
		prepare: func(f *flags) func(context.Context, stdio, []string) error {
			file := configFlag(f)
			faults := f.String("faults", "", "look at this `FILE` of faults as well")
			return func(_ context.Context, io stdio, env []string) error {
				if err := f.noArguments(); err != nil {
					return fileHint(err, f)
				}
				cfg, err := load(*file, env)
				if err == nil {
					err = checkFiles(cfg, *file, env)
				}
				if err == nil && *faults != "" {
					_, err = config.LoadFaults(*faults)
				}
				if err != nil {
					return explain(io, "check", err)
				}
				for _, w := range cfg.Warnings() {
					fmt.Fprintf(io.err, "warning: %v\n", w)
				}
				if *file == "" {
					fmt.Fprintln(io.out, "defaults and environment: ok")
				} else {
					fmt.Fprintf(io.out, "%s: ok\n", *file)
				}
				return nil
			}
		},
	}
}

// checkFiles looks at all files that a configuration names: certificates, users, keys of tokens. It says whether it was the
// configuration's own file that names them, or env.
func checkFiles(cfg *config.Config, file string, env []string) error {
	_, err := access.FromConfig(cfg, time.Now, nil)
	certificates := config.ProblemsOf(cfg.CheckFiles())
	all := append(certificates, config.ProblemsOf(err)...)
	for i := range all {
		p := &all[i]
		if p.File != "" || p.Key == "" {
			continue
		}
		p.File = file
		if v := config.EnvName(p.Key); lookup(env, v) != "" {
			p.File, p.Key = "environment", v
		}
	}
	if len(all) > 0 {
		return all
	}
	return err
}
