package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"time"

	"stampede/actors"
	"stampede/config"
)

func treeCommand() command {
	return command{
		name: "tree", args: "[PATH]", summary: "show the actors of a running broker, and how they are",
		about: `Prints the supervision tree: each actor with its kind, what it is about, and, if there is
something to tell, the messages that wait for it, its failures and when it is restarted.
PATH is the actor to begin at: connections, destinations, connections/c1.

It asks the broker by its control socket, which only the user that runs the broker can open.
Which one follows from the same configuration that the broker was given.`,
		example: `  stampede tree
  stampede tree connections --depth 1
  stampede tree -c stampede.toml --every 1s
  stampede tree --json destinations`,
		prepare: func(f *flags) func(context.Context, stdio, []string) error {
			t := &treeShow{flags: f, file: configFlag(f)}
			t.control = f.String("control", "", "ask at this control `SOCKET`")
			t.depth = f.Int("depth", -1, "show this `NUMBER` of levels below the first")
			t.json = f.Bool("json", false, "print JSON, a line each time")
			t.every = f.Duration("every", 0, "print it again and again, with this `PAUSE`")
			return t.run
		},
	}
}

// treeShow is the tree command with its flags.
type treeShow struct {
	flags         *flags
	file, control *string
	depth         *int
	json          *bool
	every         *time.Duration
}

func (t *treeShow) run(ctx context.Context, io stdio, env []string) error {
	if len(t.flags.rest) > 1 {
		return usagef("unexpected argument %q", t.flags.rest[1])
	}
	if t.flags.given("depth") && *t.depth < 0 {
		return usagef("--depth is 0 or more")
	}
	if *t.every < 0 {
		return usagef("--every can't be negative")
	}
	path := *t.control
	if path == "" {
		var err error
		if path, err = findControl(*t.file, env); err != nil {
			return explain(io, "tree", err)
		}
	}
	q := url.Values{}
	if len(t.flags.rest) > 0 {
		q.Set("path", t.flags.rest[0])
	}
	if *t.depth >= 0 {
		q.Set("depth", strconv.Itoa(*t.depth))
	}
	broker := dialControl(path)
	for {
		if err := t.show(ctx, io, broker, "tree?"+q.Encode()); err != nil {
			if ctx.Err() != nil && *t.every > 0 {
				return nil
			}
			return err
		}
		if *t.every == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(*t.every):
		}
	}
}

func (t *treeShow) show(ctx context.Context, out stdio, broker *controlClient, target string) error {
	response, err := broker.get(ctx, target)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("the broker's answer broke off: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		var refused struct{ Error string }
		if json.Unmarshal(body, &refused) != nil || refused.Error == "" {
			refused.Error = response.Status
		}
		return errors.New(refused.Error)
	}
	if *t.json {
		_, err := out.out.Write(append(bytes.TrimSpace(body), '\n'))
		return err
	}
	var top actors.Node
	if err := json.Unmarshal(body, &top); err != nil {
		return fmt.Errorf("the broker's answer can't be read: %w", err)
	}
	fmt.Fprint(out.out, printable(top.String()))
	if *t.every > 0 {
		fmt.Fprintln(out.out)
	}
	return nil
}

// findControl is the control socket of the broker that runs with this configuration.
func findControl(file string, env []string) (string, error) {
	cfg, err := load(file, env)
	if err != nil {
		return "", err
	}
	return controlOf(cfg, env)
}

func controlOf(cfg *config.Config, env []string) (string, error) {
	if cfg.Control.Address == "" {
		return "", errors.New("the broker has no control socket: control.address is empty")
	}
	path := controlSocket(cfg, firstAddress(cfg), env)
	if cfg.Control.Address == config.ControlAuto {
		if err := checkPrivate(filepath.Dir(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return path, nil
}

// firstAddress is where the first listener would be, without listening there.
func firstAddress(cfg *config.Config) string {
	if len(cfg.Listen) == 0 {
		return ""
	}
	endpoints, err := cfg.Listen[0].Endpoints()
	if err != nil {
		return ""
	}
	return endpoints[0].Address
}
