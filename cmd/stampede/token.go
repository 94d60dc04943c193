package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"stampede/actors/access"
	"stampede/config"
)

func tokenCommand() command {
	return command{
		name: "token", args: "USER", summary: "make a token that logs a client in once",
		about: `Prints two lines, the login and the passcode of a client. They are good for one login within
secret_timeout. The secret and the hash are those of the configuration: secret in the file, or
STAMPEDE_SECRET.`,
		example: `  STAMPEDE_SECRET=... stampede token ada
  stampede token -c stampede.toml --json ada      {"login":"ada 1700000000 ...","passcode":"..."}`,
		prepare: func(f *flags) func(context.Context, stdio, []string) error {
			file := configFlag(f)
			asJSON := f.Bool("json", false, "print one line of JSON")
			return func(_ context.Context, io stdio, env []string) error {
				if len(f.rest) != 1 {
					return usagef("say whose token it is, one USER")
				}
				cfg, err := load(*file, env)
				if err != nil {
					return explain(io, "token", err)
				}
				return makeToken(io, cfg, f.rest[0], *asJSON)
			}
		},
	}
}

func makeToken(io stdio, cfg *config.Config, user string, asJSON bool) error {
	if cfg.Secret == "" {
		return usagef("there is no secret: set STAMPEDE_SECRET, or name a configuration that has one with -c")
	}
	login, passcode, err := access.MakeToken(cfg.Secret.Reveal(), cfg.SecretHash, user, time.Now(), rand.Reader)
	if err != nil {
		return err
	}
	if asJSON {
		out := json.NewEncoder(io.out)
		out.SetEscapeHTML(false)
		return out.Encode(struct {
			Login    string `json:"login"`
			Passcode string `json:"passcode"`
		}{login, passcode})
	}
	_, err = fmt.Fprintf(io.out, "%s\n%s\n", login, passcode)
	return err
}
