package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"stampede/actors"
	"stampede/actors/control"
	"stampede/cmd/stampede/console"
	"stampede/config"
)

func serveCommand() command {
	return command{
		name: "serve", summary: "run a broker (what no command means)",
		about: `Without a file it listens on port 61613 of this machine alone and lets any client in.
Settings come from the defaults, the file, STAMPEDE_ variables and flags; the later wins.

SIGTERM or SIGINT (Ctrl-C) ends it in good order: nothing new is accepted, clients are told,
what is under way is finished, within the time that the configuration gives. A second one
ends it at once. SIGHUP has it read its file again: see stampede help reload.`,
		example: `  stampede
  stampede serve -c stampede.toml
  stampede serve --listen localhost:61614,unix:/run/stampede.sock --log-level debug
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
	cfg, err := s.configuration(env)
	if err != nil {
		return explain(io, "serve", err)
	}
	logs := newLogs(io.err, cfg.Log)
	options, err := injected(*s.faults, cfg, logs.logger())
	if err != nil {
		return explain(io, "serve", err)
	}
	if cfg.PIDFile != "" {
		release, err := claimPIDFile(cfg.PIDFile)
		if err != nil {
			return err
		}
		defer release()
	}
	r := &running{
		io: io, env: env, stopped: make(chan struct{}, 1), logs: logs, log: logs.logger(), notify: newNotifier(env), configuration: func() (*config.Config, error) { return s.configuration(env) },
	}
	defer ballast(env)()
	if !tuned(env) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		go keepMemory(ctx)
	}
	return r.serve(ctx, cfg, options...)
}

// configuration reads what there is to read, and checks it.
func (s *server) configuration(env []string) (*config.Config, error) {
	cfg, err := load(*s.file, env)
	if err == nil {
		err = s.override(cfg)
	}
	if err == nil {
		err = checkFiles(cfg, *s.file, env)
	}
	if err != nil {
		return nil, err
	}
	return cfg, nil
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

// running is a broker that serves.
type running struct {
	io            stdio
	env           []string
	logs          *logs
	log           *slog.Logger
	notify        *notifier
	configuration func() (*config.Config, error) // read anew
	broker        *actors.Broker
	stopped       chan struct{} // holds one: somebody has asked for the end
	reloads       sync.Mutex
}

// serve runs a broker until ctx ends, which is the good end, or the broker does.
func (r *running) serve(ctx context.Context, cfg *config.Config, options ...actors.Option) error {
	defer r.notify.close()
	var hangups <-chan os.Signal
	if r.io.hangups != nil {
		signals, stop := r.io.hangups()
		defer stop()
		hangups = signals
	}
	info, _ := debug.ReadBuildInfo()
	options = append(options, actors.WithLogger(r.log), actors.WithVersion(version(info)))
	page := console.New("stampede/"+version(info), cfg.Console.Destination)
	if cfg.Console.Enabled {
		options = append(options, actors.WithSite(page))
	}
	b, err := actors.Start(ctx, cfg, options...)
	if err != nil {
		if ctx.Err() != nil {
			return nil // The signal came first, and there is nothing to drain.
		}
		return err
	}
	r.broker = b
	endControl, err := serveControl(cfg, b, r.env, r.log, func(c *control.Control) { r.offer(ctx, c) })
	if err != nil {
		_ = b.Shutdown(ctx)
		return err
	}
	defer endControl()
	page.Show(b)
	r.announce(cfg, nil)
	r.notify.ready()
	watchdog, stop := r.notify.watchdog()
	defer stop()
	for {
		select {
		case <-hangups:
			r.reload(ctx)
		case <-watchdog:
			r.prove(ctx)
		case <-b.Done():
			return fmt.Errorf("the broker has given up; the log says why")
		case <-ctx.Done():
			return r.shutdown(ctx)
		case <-r.stopped:
			return r.shutdown(ctx)
		}
	}
}

// shutdown ends the broker in order. The configuration bounds it.
func (r *running) shutdown(ctx context.Context) error {
	r.notify.stopping()
	r.log.Info("shutting down")
	if err := r.broker.Shutdown(context.WithoutCancel(ctx)); err != nil {
		r.log.Warn("shut down before everything was drained", "err", err)
		return nil
	}
	r.log.Info("shut down")
	return nil
}

// announce says where the broker listens, but for where it did before, and what should be known about that.
func (r *running) announce(cfg *config.Config, before []net.Addr) {
	var fresh []net.Addr
	for _, a := range r.broker.Addrs() {
		if !slices.ContainsFunc(before, func(b net.Addr) bool { return a.Network() == b.Network() && a.String() == b.String() }) {
			fresh = append(fresh, a)
		}
	}
	for _, line := range announce(cfg, fresh) {
		fmt.Fprintln(r.io.out, line)
	}
	for _, w := range cfg.Warnings() {
		r.log.Warn(w.Text, "key", w.Key)
	}
}

// offer adds to the control socket what this program can do with its broker.
func (r *running) offer(ctx context.Context, c *control.Control) {
	c.Handle("POST /v1/reload", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		control.Answer(w, r.reload(ctx))
	}))
	c.Handle("POST /v1/stop", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		control.Answer(w, struct{}{})
		select {
		case r.stopped <- struct{}{}:
		default:
		}
	}))
}

// reloadTimeout bounds how long a reload waits for listeners that go to be gone.
const reloadTimeout = 20 * time.Second

// reloaded is what came of a reload.
type reloaded struct {
	Problems []string // of the new configuration: nothing has changed
	Failed   string   // what could not be done of it
	Changed  []string // keys
	Restart  []string // keys that take one
	Opened   []string // addresses
	Closed   []string
}

// reload reads the configuration again and puts it in force, or changes nothing and says why.
func (r *running) reload(ctx context.Context) *reloaded {
	r.reloads.Lock()
	defer r.reloads.Unlock()
	r.notify.reloading()
	defer r.notify.ready()
	cfg, err := r.configuration()
	if err != nil {
		return r.notReloaded(err)
	}
	before := r.broker.Addrs()
	bounded, cancel := context.WithTimeout(ctx, reloadTimeout)
	defer cancel()
	report, err := r.broker.Reload(bounded, cfg)
	if report == nil {
		return r.notReloaded(err)
	}
	out := &reloaded{Changed: report.Changed, Restart: report.Restart, Opened: report.Opened, Closed: report.Closed}
	r.logs.set(cfg.Log)
	if err != nil {
		out.Failed = err.Error()
		r.log.Error("reloaded, but not everything could be done", "err", err)
	}
	r.log.Info("reloaded", "changed", report.Changed, "opened", report.Opened, "closed", report.Closed)
	if len(report.Restart) > 0 {
		r.log.Warn("a changed setting takes a restart", "keys", report.Restart)
	}
	r.announce(cfg, before)
	return out
}

// notReloaded logs each reason in a line of its own.
func (r *running) notReloaded(err error) *reloaded {
	out := &reloaded{}
	for _, p := range config.ProblemsOf(err) {
		out.Problems = append(out.Problems, oneLine(p.Error()))
	}
	if len(out.Problems) == 0 {
		out.Problems = []string{oneLine(err.Error())}
	}
	for _, text := range out.Problems {
		r.log.Error("not reloaded: the configuration that was in force stays so", "err", text)
	}
	return out
}

// prove tells the service manager that the broker lives, if its actors answer.
func (r *running) prove(ctx context.Context) {
	bounded, cancel := context.WithTimeout(ctx, r.notify.interval/2)
	defer cancel()
	if err := r.broker.Ping(bounded); err != nil {
		if ctx.Err() == nil {
			r.log.Error("the watchdog is not told that the broker lives", "err", err)
		}
		return
	}
	r.notify.alive()
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
