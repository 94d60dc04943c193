package access

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"stampede/config"
)

// Users is the content of a users file: a line for each user, "name:hash" or "name:hash:group,group". Lines that begin with #
// and empty ones mean nothing and stay where they are.
type Users struct {
	lines  []line
	byName map[string]*User
}

// line is a line of the file: of a user, or a text that means nothing.
type line struct {
	user *User
	text string
}

// User is one of a users file.
type User struct {
	Name   string
	Groups []string
	Hash   string // in its written form
	hash   hash   // nil: no passcode
}

// Kind says how the passcode is hashed: HashArgon2id, HashBcrypt or HashNone.
func (u *User) Kind() string {
	if u.hash == nil {
		return HashNone
	}
	return u.hash.kind()
}

// The bounds of a users file.
const (
	maxUsersBytes = 64 << 20
	maxUserBytes  = 255
)

// BadUserName says why a user, or a group, can't be called so, or "".
func BadUserName(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > maxUserBytes:
		return fmt.Sprintf("has more than %d bytes", maxUserBytes)
	case name == everybody:
		return "stands for everybody in rules"
	case name == Anonymous:
		return "is kept for clients that do not log in"
	case strings.HasPrefix(name, "#"):
		return "begins with #, which makes a line of the file a comment"
	case !utf8.ValidString(name):
		return "is not UTF-8"
	case strings.ContainsFunc(name, func(r rune) bool { return r == ':' || r == ',' || unicode.IsSpace(r) || unicode.IsControl(r) }):
		return "has a colon, a comma, white space or a control character"
	}
	return ""
}

// ParseUsers reads a users file; name is for problems. The error is config.Problems, one for each line that makes no sense.
func ParseUsers(name string, data []byte) (*Users, error) {
	u := &Users{byName: make(map[string]*User)}
	first := make(map[string]int)
	var problems config.Problems
	number := 0
	for text := range strings.Lines(string(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))) {
		number++
		text = strings.TrimRight(text, "\r\n")
		if trimmed := strings.TrimSpace(text); trimmed == "" || strings.HasPrefix(trimmed, "#") {
			u.lines = append(u.lines, line{text: text})
			continue
		}
		one, problem := parseUser(text)
		if problem == "" && first[one.Name] > 0 {
			problem = fmt.Sprintf("is there twice; the first time in line %d", first[one.Name])
		}
		if problem != "" {
			problems = append(problems, config.Problem{File: name, Line: number, Key: one.Name, Text: problem})
			continue
		}
		first[one.Name] = number
		u.lines = append(u.lines, line{user: one})
		u.byName[one.Name] = one
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return u, nil
}

// parseUser reads one line. A name that makes no sense is not repeated: it may be a passcode in the wrong place.
func parseUser(text string) (*User, string) {
	fields := strings.Split(text, ":")
	if why := BadUserName(fields[0]); why != "" {
		return &User{}, "the name " + why
	}
	u := &User{Name: fields[0]}
	if len(fields) < 2 || len(fields) > 3 {
		return u, "must be name:hash, or name:hash:group,group"
	}
	var err error
	u.Hash = fields[1]
	if u.hash, err = parseHash(fields[1]); err != nil {
		return u, err.Error()
	}
	if len(fields) == 3 && fields[2] != "" {
		u.Groups = strings.Split(fields[2], ",")
		for _, group := range u.Groups {
			if why := BadUserName(group); why != "" {
				return u, fmt.Sprintf("the group %.40q %s", group, why)
			}
		}
	}
	return u, ""
}

// ReadUsers reads a users file from disk. A file that is not there is an error that errors.Is knows as fs.ErrNotExist.
func ReadUsers(path string) (*Users, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable("users_file", path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxUsersBytes+1))
	if err != nil {
		return nil, unreadable("users_file", path, err)
	}
	if len(data) > maxUsersBytes {
		return nil, fmt.Errorf("users_file %s has more than %v", path, config.Bytes(maxUsersBytes))
	}
	return ParseUsers(path, data)
}

// unreadable says which file it is and what to do, in one line.
func unreadable(key, path string, err error) error {
	var why *fs.PathError
	if errors.As(err, &why) {
		err = why.Err
	}
	return fmt.Errorf("cannot read %s %s: %w; check the path and who may read it", key, path, err)
}

// Bytes is the file.
func (u *Users) Bytes() []byte {
	var b bytes.Buffer
	for _, l := range u.lines {
		if l.user == nil {
			b.WriteString(l.text + "\n")
			continue
		}
		b.WriteString(l.user.Name + ":" + l.user.Hash)
		if len(l.user.Groups) > 0 {
			b.WriteString(":" + strings.Join(l.user.Groups, ","))
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// All returns the users in the order of the file.
func (u *Users) All() []User {
	var all []User
	for _, l := range u.lines {
		if l.user != nil {
			all = append(all, *l.user)
		}
	}
	return all
}

// Find returns a user.
func (u *Users) Find(name string) (User, bool) {
	one := u.byName[name]
	if one == nil {
		return User{}, false
	}
	return *one, true
}

// Set adds a user, or replaces it where it is. An empty hash is that of a user without a passcode.
func (u *Users) Set(name, hash string, groups []string) error {
	if hash == "" {
		hash = noHash
	}
	text := name + ":" + hash
	if len(groups) > 0 {
		text += ":" + strings.Join(groups, ",")
	}
	one, problem := parseUser(text)
	if problem == "" && (one.Name != name || !slices.Equal(one.Groups, groups)) {
		problem = "the name or a group has a colon or a comma"
	}
	if problem != "" {
		return fmt.Errorf("user %.40q: %s", name, problem)
	}
	if old := u.byName[name]; old != nil {
		*old = *one
		return nil
	}
	u.lines = append(u.lines, line{user: one})
	u.byName[name] = one
	return nil
}

// Delete removes a user and tells whether it was there.
func (u *Users) Delete(name string) bool {
	if u.byName[name] == nil {
		return false
	}
	delete(u.byName, name)
	u.lines = slices.DeleteFunc(u.lines, func(l line) bool { return l.user != nil && l.user.Name == name })
	return true
}
