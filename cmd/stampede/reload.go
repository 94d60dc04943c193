package main

import (
	"context"
	"fmt"
	"os"
	"syscall"

	"stampede/config"
)

func reloadCommand() command {
	return command{
		name: "reload", summary: "have a running broker read its configuration again",
		about: `Checks the file first, and tells the broker only if it is good. The broker reads it again,
and its own environment and flags: listeners, destinations, users, rights, limits, certificates
and logs change while clients stay connected. Its log says what has changed and what takes a
restart. It is found by the pid_file of the configuration, or by --pid. "stampede -s reload"
is the same.`,
		example: `  stampede reload -c stampede.toml
  stampede reload --pid 1234`,
		prepare: func(f *flags) func(context.Context, stdio, []string) error {
			s := signalFlags(f)
			return func(_ context.Context, io stdio, env []string) error {
				pid, err := s.send(io, env, "reload", syscall.SIGHUP)
				if err == nil {
					fmt.Fprintf(io.out, "asked the broker with the process number %d to reload; its log says what has changed\n", pid)
				}
				return err
			}
		},
	}
}

func stopCommand() command {
	return command{
		name: "stop", summary: "end a running broker in good order",
		about: `Sends it SIGTERM: clients are told, what is under way is finished, within the time that its
configuration gives. It is found by the pid_file of the configuration, or by --pid.
"stampede -s stop" and "-s quit" are the same.`,
		example: `  stampede stop -c stampede.toml
  stampede stop --pid 1234`,
		prepare: func(f *flags) func(context.Context, stdio, []string) error {
			s := signalFlags(f)
			return func(_ context.Context, io stdio, env []string) error {
				pid, err := s.send(io, env, "stop", syscall.SIGTERM)
				if err == nil {
					fmt.Fprintf(io.out, "asked the broker with the process number %d to end\n", pid)
				}
				return err
			}
		},
	}
}

// signaler finds a broker and sends it a signal.
type signaler struct {
	flags *flags
	file  *string
	pid   *int
}

func signalFlags(f *flags) *signaler {
	return &signaler{flags: f, file: configFlag(f), pid: f.Int("pid", 0, "the `NUMBER` of the broker's process")}
}

func (s *signaler) send(io stdio, env []string, name string, sig syscall.Signal) (int, error) {
	if err := s.flags.noArguments(); err != nil {
		return 0, fileHint(err, s.flags)
	}
	pid := *s.pid
	if s.flags.given("pid") && pid <= 0 {
		return 0, usagef("--pid %d: a process is a number from 1", pid)
	}
	if pid == 0 || s.flags.given("c") {
		cfg, err := load(*s.file, env)
		if err == nil && sig == syscall.SIGHUP {
			err = cfg.CheckFiles()
		}
		if err != nil {
			return 0, explain(io, name, err)
		}
		if pid == 0 {
			if pid, err = brokerOf(cfg); err != nil {
				return 0, err
			}
		}
	}
	p, err := os.FindProcess(pid)
	if err == nil {
		err = p.Signal(sig)
	}
	if err != nil {
		return 0, fmt.Errorf("process %d: %w", pid, err)
	}
	return pid, nil
}

// brokerOf is the process that a configuration's pid_file names.
func brokerOf(cfg *config.Config) (int, error) {
	if cfg.PIDFile == "" {
		return 0, usagef("which broker? The configuration has no pid_file; name its process by --pid")
	}
	return readPIDFile(cfg.PIDFile)
}
