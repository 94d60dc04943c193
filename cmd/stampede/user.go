package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"text/tabwriter"

	"stampede/actors/access"
)

func userCommand() command {
	return command{
		name: "user", args: "add|passwd|del|list [NAME]", summary: "keep the users file of a broker",
		about: `The file has a line for each user: name, salted hash of the passcode, groups. It is the
users_file of the configuration, or --file. A running broker takes a change over when it
reloads.

The passcode is asked for, without showing it, where the standard input is a terminal;
else its first line is the passcode.

  add NAME      adds a user; --groups says what it belongs to
  passwd NAME   gives a user another passcode; with --groups or --no-passcode these too
  del NAME      removes a user
  list          prints names, kinds of hashes and groups`,
		example: `  stampede user add --file users ada
  stampede user add -c stampede.toml --groups clerks,admins bob
  stampede user add --file users --no-passcode --groups meters meter-17     comes in by a certificate
  printf '%s\n' "$PASSCODE" | stampede user passwd --file users ada`,
		prepare: func(f *flags) func(context.Context, stdio, []string) error {
			u := &userFile{flags: f, config: configFlag(f)}
			u.file = f.String("file", "", "keep the users in this `FILE`")
			u.groups = f.String("groups", "", "the user belongs to these `GROUPS`, separated by commas")
			u.hash = f.String("hash", access.HashArgon2id, "hash the passcode with argon2id or bcrypt, by `NAME`")
			u.none = f.Bool("no-passcode", false, "the user has none: it comes in another way, and the line gives it groups")
			return u.run
		},
	}
}

// userFile is the user command with its flags.
type userFile struct {
	flags              *flags
	config             *string
	file, groups, hash *string
	none               *bool
}

func (u *userFile) run(ctx context.Context, io stdio, env []string) error {
	verb, name, err := u.arguments()
	if err != nil {
		return err
	}
	path, err := u.path(io, env)
	if err != nil {
		return err
	}
	users, err := access.ReadUsers(path)
	if errors.Is(err, fs.ErrNotExist) && verb == "add" {
		users, err = access.ParseUsers(path, nil)
	}
	if err != nil {
		return explain(io, "user", err)
	}
	old, known := users.Find(name)
	switch {
	case verb == "list":
		return list(io, users)
	case verb == "add" && known:
		return fmt.Errorf("there is a user %q already; try: stampede user passwd %s", name, name)
	case verb != "add" && !known:
		return fmt.Errorf("there is no user %q in %s", name, path)
	case verb == "del":
		users.Delete(name)
	default:
		if err := u.set(ctx, io, users, name, old.Groups); err != nil {
			return err
		}
	}
	if err := replaceFile(path, users.Bytes()); err != nil {
		return fmt.Errorf("can't write %s: %w", path, err)
	}
	return nil
}

func (u *userFile) arguments() (verb, name string, err error) {
	rest := u.flags.rest
	if len(rest) == 0 {
		return "", "", usagef("say what to do: add, passwd, del or list")
	}
	want := 2
	switch verb = rest[0]; verb {
	case "list":
		want = 1
	case "add", "passwd", "del":
	default:
		return "", "", usagef("unknown %q; there are add, passwd, del and list", verb)
	}
	switch {
	case len(rest) < want:
		return "", "", usagef("%s needs the NAME of a user", verb)
	case len(rest) > want:
		return "", "", usagef("unexpected argument %q; a passcode is never an argument, where others could see it", rest[want])
	case want == 2:
		name = rest[1]
	}
	if want == 2 && verb != "del" {
		if why := access.BadUserName(name); why != "" {
			return "", "", usagef("the name %q %s", name, why)
		}
	}
	return verb, name, nil
}

// path is the file to work on.
func (u *userFile) path(io stdio, env []string) (string, error) {
	if *u.file != "" {
		return *u.file, nil
	}
	cfg, err := load(*u.config, env)
	if err != nil {
		return "", explain(io, "user", err)
	}
	if cfg.UsersFile == "" {
		return "", usagef("say which file: --file, or -c with a configuration that has users_file")
	}
	return cfg.UsersFile, nil
}

// set asks for a passcode and files it. Groups stay if none are given.
func (u *userFile) set(ctx context.Context, io stdio, users *access.Users, name string, groups []string) error {
	if u.flags.given("groups") {
		groups = splitGroups(*u.groups)
	}
	hash := ""
	if !*u.none {
		passcode, err := readPasscode(ctx, io)
		if err != nil {
			return err
		}
		if hash, err = access.HashPasscode(*u.hash, passcode); err != nil {
			return err
		}
	}
	return users.Set(name, hash, groups)
}

func splitGroups(text string) []string {
	var groups []string
	for group := range strings.SplitSeq(text, ",") {
		if group = strings.TrimSpace(group); group != "" {
			groups = append(groups, group)
		}
	}
	return groups
}

func list(io stdio, users *access.Users) error {
	columns := tabwriter.NewWriter(io.out, 0, 0, 3, ' ', 0)
	for _, u := range users.All() {
		fmt.Fprintf(columns, "%s\t%s\t%s\n", printable(u.Name), u.Kind(), printable(strings.Join(u.Groups, ",")))
	}
	return columns.Flush()
}
