package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"stampede/actors/access"
)

// A users file is made, changed and listed; the passcode comes from the standard input, and only its owner can read it.
func TestUser(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	do := func(stdin string, want int, args ...string) result {
		t.Helper()
		r := stampede(t, stdin, nil, append([]string{"user", "--file", path}, args...)...)
		if r.code != want || strings.Contains(r.out+r.err, "sesame") {
			t.Fatalf("%q: %+v", args, r)
		}
		return r
	}
	find := func(name string) access.User {
		t.Helper()
		users, err := access.ReadUsers(path)
		if err != nil {
			t.Fatal(err)
		}
		u, _ := users.Find(name)
		return u
	}
	do("sesame\n", exitOK, "add", "ada", "--groups", "clerks, admins")
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	first := find("ada")
	do("sesame", exitOK, "add", "bob", "--hash", "bcrypt")
	do("", exitOK, "add", "meter", "--no-passcode", "--groups", "meters")
	do("sesame\n", exitFailed, "add", "ada")
	do("sesame\r\n", exitOK, "passwd", "ada")
	if u := find("ada"); u.Hash == first.Hash || strings.Join(u.Groups, ",") != "clerks,admins" {
		t.Errorf("after passwd: %+v", u)
	}
	if r := do("", exitOK, "list"); r.out != "ada     argon2id   clerks,admins\nbob     bcrypt     \nmeter   none       meters\n" {
		t.Errorf("list:\n%s", r.out)
	}
	do("", exitOK, "del", "bob")
	do("", exitFailed, "del", "bob")
	do("sesame\n", exitFailed, "passwd", "bob")
	do("\n", exitFailed, "add", "cy")
	do("", exitFailed, "add", "cy")
	do(strings.Repeat("x", 5000), exitFailed, "add", "cy")
	do("sesame\n", exitFailed, "add", "cy", "--hash", "md5")
	for _, args := range [][]string{{}, {"rename", "a"}, {"add"}, {"add", "a", "b"}, {"add", "a:b"}, {"add", "anonymous"}, {"list", "a"}} {
		do("sesame\n", exitUsage, args...)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("files are left behind: %v", left)
	}
}

// The users file is that of the configuration where one is named; a file with mistakes is not written over.
func TestUserFileOfTheConfiguration(t *testing.T) {
	conf := file(t, "s.toml", "users_file = \"users\"\n")
	if r := stampede(t, "sesame\n", nil, "user", "-c", conf, "add", "ada"); r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	path := filepath.Join(filepath.Dir(conf), "users")
	if err := os.WriteFile(path, []byte("# mine\nnonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := stampede(t, "sesame\n", nil, "user", "-c", conf, "add", "bob")
	if r.code != exitFailed || !strings.Contains(r.err, path+":2: ") {
		t.Errorf("%+v", r)
	}
	if r := stampede(t, "", nil, "check", "-c", conf); r.code != exitFailed || !strings.Contains(r.err, path+":2: ") {
		t.Errorf("check: %+v", r)
	}
	if data, _ := os.ReadFile(path); string(data) != "# mine\nnonsense\n" {
		t.Errorf("it was written over: %s", data)
	}
	if r := stampede(t, "", nil, "user", "list"); r.code != exitUsage {
		t.Errorf("without a file: %+v", r)
	}
}

// A symbolic link to a users file stays one, and the file's group may still read it; others may not.
func TestUserKeepsLinks(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "real"), 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "users")
	if err := os.WriteFile(filepath.Join(dir, "real", "users"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join("real", "users"), link); err != nil {
		t.Skip("needs symbolic links:", err)
	}
	if r := stampede(t, "sesame\n", nil, "user", "--file", link, "add", "ada"); r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("%v %v", info, err)
	}
	if info, err := os.Stat(link); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v %v", info, err)
	}
}

// A token of the command logs a client into a broker with the same secret, once.
func TestTokenLogsIn(t *testing.T) {
	for _, hash := range []string{"sha256", "sha1"} {
		env := []string{"STAMPEDE_SECRET=0123456789abcdef", "STAMPEDE_SECRET_HASH=" + hash, "STAMPEDE_ACCESS_LOGIN_DELAY=0s"}
		_, address := broker(t, env)
		r := stampede(t, "", env, "token", "--json", "ada")
		var token struct{ Login, Passcode string }
		if err := json.Unmarshal([]byte(r.out), &token); err != nil || r.code != exitOK {
			t.Fatalf("%+v %v", r, err)
		}
		client := []string{"STAMPEDE_CLIENT_URL=tcp://" + address, "STAMPEDE_CLIENT_LOGIN=" + token.Login, "STAMPEDE_CLIENT_PASSCODE=" + token.Passcode}
		if r := stampede(t, "", client, "pub", "/topic/a", "x"); r.code != exitOK {
			t.Errorf("%s: %+v", hash, r)
		}
		if r := stampede(t, "", client, "pub", "/topic/a", "x"); r.code != exitFailed || !strings.Contains(r.err, "login refused") {
			t.Errorf("%s, again: %+v", hash, r)
		}
		if r := stampede(t, "", env, "token", "ada"); strings.Count(r.out, "\n") != 2 || !strings.HasPrefix(r.out, "ada 1") {
			t.Errorf("%+v", r)
		}
	}
	for _, args := range [][]string{{"token"}, {"token", "a", "b"}} {
		if r := stampede(t, "", []string{"STAMPEDE_SECRET=0123456789abcdef"}, args...); r.code != exitUsage {
			t.Errorf("%q: %+v", args, r)
		}
	}
	if r := stampede(t, "", []string{"STAMPEDE_SECRET=0123456789abcdef"}, "token", "a b"); r.code != exitFailed {
		t.Errorf("%+v", r)
	}
	if r := stampede(t, "", nil, "token", "ada"); r.code != exitUsage || !strings.Contains(r.err, "STAMPEDE_SECRET") {
		t.Errorf("without a secret: %+v", r)
	}
}
