package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"

	"stampede/actors"
	"stampede/config"
)

func serveCommand() command {
	return command{
		name: "serve", summary: "run a broker (what no command means)",
		about: `Without a file it listens on port 61613 of this machine alone and lets any client in.
Settings come from the defaults, the file, STAMPEDE_ variables and flags; the later wins.

SIGTERM or SIGINT (Ctrl-C) ends it in good order: nothing new is accepted, clients are told,
what is under way is finished, within the time that the configuration gives. A second one
ends it at once.`,
		example: `  stampede
  stampede serve -c stampede.toml
  stampede serve --listen :61613,unix:/run/stampede.sock --log-level debug
  STAMPEDE_LOGIN=me STAMPEDE_PASSCODE=secret stampede serve --listen :61613`,
		prepare: func(f *flags) func(context.Context, stdio, []string) error {
			s := &server{flags: f, file: configFlag(f)}
			s.listen = f.String("listen", "", "listen at these `ADDRESSES`, separated by commas, instead")
			s.level = f.String("log-level", "", "log from this `LEVEL` on: debug, info, warn or error")
			s.format = f.String("log-format", "", "log in this `FORM`: text, json, or auto: text on a terminal, JSON else")
			s.faults = faultsFlag(f)
			return s.run
		},
	}
}

// server is the serve command with its flags.
type server struct {
	flags                               *flags
	file, listen, level, format, faults *string
}

func (s *server) run(ctx context.Context, io stdio, env []string) error {
	if err := s.flags.noArguments(); err != nil {
		return fileHint(err, s.flags)
	}
	cfg, err := load(*s.file, env)
	if err == nil {
		err = s.override(cfg)
	}
	if err == nil {
		err = cfg.CheckFiles()
	}
	if err != nil {
		return explain(io, "serve", err)
	}
	log := newLogger(io.err, cfg.Log)
	options, err := injected(*s.faults, cfg, log)
	if err != nil {
		return explain(io, "serve", err)
	}
	return serve(ctx, io, env, cfg, log, options...)
}

// override applies the flags.
func (s *server) override(cfg *config.Config) error {
	if s.flags.given("listen") {
		addresses := strings.FieldsFunc(*s.listen, func(r rune) bool { return r == ',' || r == ' ' })
		if len(addresses) == 0 {
			return usagef("--listen names no address")
		}
		cfg.SetAddresses(addresses)
	}
	if s.flags.given("log-level") {
		cfg.Log.Level = *s.level
	}
	if s.flags.given("log-format") {
		cfg.Log.Format = *s.format
	}
	// What was read was valid, so what is not valid now came by a flag.
	for _, p := range config.ProblemsOf(cfg.Validate()) {
		switch {
		case strings.HasPrefix(p.Key, "listen"):
			return usagef("--listen: %s", p.Text)
		case strings.HasPrefix(p.Key, "log.level"):
			return usagef("--log-level: %s", p.Text)
		default:
			return usagef("--log-format: %s", p.Text)
		}
	}
	return nil
}

// serve runs a broker until ctx ends, which is the good end, or the broker does.
func serve(ctx context.Context, io stdio, env []string, cfg *config.Config, log *slog.Logger, options ...actors.Option) error {
	info, _ := debug.ReadBuildInfo()
	b, err := actors.Start(ctx, cfg, append(options, actors.WithLogger(log), actors.WithVersion(version(info)))...)
	if err != nil {
		if ctx.Err() != nil {
			return nil // The signal came first, and there is nothing to drain.
		}
		return err
	}
	endControl, err := serveControl(cfg, b, env, log)
	if err != nil {
		_ = b.Shutdown(ctx)
		return err
	}
	defer endControl()
	for _, line := range announce(cfg, b.Addrs()) {
		fmt.Fprintln(io.out, line)
	}
	for _, w := range cfg.Warnings() {
		log.Warn(w.Text, "key", w.Key)
	}
	select {
	case <-ctx.Done():
	case <-b.Done():
		return fmt.Errorf("the broker has given up; the log says why")
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.Shutdown.DrainTimeout)
	defer cancel()
	log.Info("shutting down", "drain_timeout", cfg.Shutdown.DrainTimeout.String())
	if err := b.Shutdown(bounded); err != nil {
		log.Warn("shut down before everything was drained", "err", err)
		return nil
	}
	log.Info("shut down")
	return nil
}

// newLogger logs to w as the configuration says, which was checked.
func newLogger(w io.Writer, c config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "text" || (c.Format == "auto" && isTerminal(w)) {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}

// isTerminal says whether a person is likely to be looking. A device that is none, like /dev/null, does no harm: nobody
// sees the format there.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
