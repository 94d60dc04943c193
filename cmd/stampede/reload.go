package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"

	"stampede/config"
)

func reloadCommand() command {
	return command{
		name: "reload", summary: "have a running broker read its configuration again",
		about: `Checks the file first, and asks the broker only if it is good. The broker reads it again,
and its own environment and flags: listeners, destinations, users, rights, limits, certificates
and logs change while clients stay connected. Says what has changed, and what takes a restart.

The broker is found by the control socket or the pid_file of the configuration; or --control
or --pid names it. By a process number it is only sent SIGHUP, and its log has the rest.
"stampede -s reload" is the same.`,
		example: `  stampede reload -c stampede.toml
  stampede reload --pid 1234`,
		prepare: func(f *flags) func(context.Context, stdio, []string) error {
			o := operatorFlags(f)
			return func(ctx context.Context, io stdio, env []string) error {
				answer := &reloaded{}
				pid, err := o.ask(ctx, io, env, "reload", syscall.SIGHUP, answer)
				switch {
				case err != nil:
					return err
				case pid > 0:
					fmt.Fprintf(io.out, "asked process %d to reload; its log says what has changed\n", pid)
					return nil
				}
				return answer.print(io)
			}
		},
	}
}

// print says what came of a reload.
func (r *reloaded) print(io stdio) error {
	if len(r.Problems) > 0 {
		for _, p := range r.Problems {
			fmt.Fprintln(io.err, printable(p))
		}
		return errors.New("nothing has changed")
	}
	for _, line := range []struct {
		what  string
		which []string
	}{{"changed", r.Changed}, {"opened", r.Opened}, {"closed", r.Closed}, {"takes a restart", r.Restart}} {
		if len(line.which) > 0 {
			fmt.Fprintf(io.out, "%s: %s\n", line.what, printable(strings.Join(line.which, ", ")))
		}
	}
	if r.Failed != "" {
		return errors.New(r.Failed)
	}
	if len(r.Changed)+len(r.Opened)+len(r.Closed)+len(r.Restart) == 0 {
		fmt.Fprintln(io.out, "reloaded; no setting has changed")
	}
	return nil
}

func stopCommand() command {
	return command{
		name: "stop", summary: "end a running broker in good order",
		about: `Does what SIGTERM does: clients are told, what is under way is finished, within the time that
its configuration gives.

The broker is found by the control socket or the pid_file of the configuration; or --control
or --pid names it. "stampede -s stop" and "-s quit" are the same.`,
		example: `  stampede stop -c stampede.toml
  stampede stop --pid 1234`,
		prepare: func(f *flags) func(context.Context, stdio, []string) error {
			o := operatorFlags(f)
			return func(ctx context.Context, io stdio, env []string) error {
				_, err := o.ask(ctx, io, env, "stop", syscall.SIGTERM, &struct{}{})
				if err == nil {
					fmt.Fprintln(io.out, "the broker is ending")
				}
				return err
			}
		},
	}
}

// operator finds a running broker and asks something of it.
type operator struct {
	flags         *flags
	file, control *string
	pid           *int
}

func operatorFlags(f *flags) *operator {
	return &operator{
		flags: f, file: configFlag(f), control: f.String("control", "", "ask at this control `SOCKET`"),
		pid: f.Int("pid", 0, "signal the process of this `NUMBER`"),
	}
}

// ask has the broker do what is called name, and fills in the answer; or sends it a signal instead, and returns the
// process that got it.
func (o *operator) ask(ctx context.Context, io stdio, env []string, name string, sig syscall.Signal, answer any) (pid int, err error) {
	if err := o.flags.noArguments(); err != nil {
		return 0, fileHint(err, o.flags)
	}
	if o.flags.given("pid") && *o.pid <= 0 {
		return 0, usagef("--pid %d: a process is a number from 1", *o.pid)
	}
	named := o.flags.given("pid") || o.flags.given("control")
	cfg := config.Default()
	if !named || o.flags.given("c") {
		cfg, err = load(*o.file, env)
		if err == nil && sig == syscall.SIGHUP {
			err = cfg.CheckFiles()
		}
		if err != nil {
			return 0, explain(io, name, err)
		}
	}
	if *o.pid > 0 {
		return *o.pid, signalProcess(*o.pid, sig)
	}
	socket := *o.control
	if socket == "" {
		socket, err = controlOf(cfg, env)
	}
	if err == nil {
		err = askControl(ctx, socket, name, answer)
	} else {
		err = unreachable{err}
	}
	var elsewhere unreachable
	if named || cfg.PIDFile == "" || !errors.As(err, &elsewhere) {
		return 0, err
	}
	if pid, err = readPIDFile(cfg.PIDFile); err != nil {
		return 0, err
	}
	return pid, signalProcess(pid, sig)
}

func askControl(ctx context.Context, socket, name string, answer any) error {
	response, err := dialControl(socket).do(ctx, http.MethodPost, name)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the broker answered %s", response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
		return fmt.Errorf("the broker's answer can't be read: %w", err)
	}
	return nil
}

func signalProcess(pid int, sig syscall.Signal) error {
	p, err := os.FindProcess(pid)
	if err == nil {
		err = p.Signal(sig)
	}
	if err != nil {
		return fmt.Errorf("process %d: %w", pid, err)
	}
	return nil
}
