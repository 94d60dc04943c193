package access

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stampede/config"
)

// Cheap hashes of "sesame", for tests.
const (
	cheapArgon  = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$4JGiyVDNAPTYd9DKMyUZM0ECmuBBfwZaKwvOrfw1Kzg"
	cheapBcrypt = "$2a$04$v3yVgPBDI9yAGVL1a0yLTOkDtKIy0GpykHb/f9hK6pp0w/DPEiwMu"
)

func hashed(t *testing.T, passcode string) string {
	t.Helper()
	h := argonHash{memory: 8, time: 1, threads: 1, salt: []byte("somesaltsomesalt")}
	h.key = h.compute(passcode, 32)
	return h.String()
}

func usersOf(t *testing.T, text string) *Users {
	t.Helper()
	u, err := ParseUsers("users", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// Both kinds of hashes that are made are read again, take the passcode that they were made of, and no other.
func TestHashes(t *testing.T) {
	for _, kind := range []string{HashArgon2id, HashBcrypt} {
		text, err := HashPasscode(kind, "sesame: ü")
		if err != nil {
			t.Fatal(err)
		}
		h, err := parseHash(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if h.kind() != kind || !h.verify("sesame: ü") || h.verify("sesame") || h.verify("") {
			t.Errorf("%s: %s", kind, text)
		}
		again, _ := HashPasscode(kind, "sesame: ü")
		if again == text {
			t.Errorf("%s: two hashes of one passcode are the same", kind)
		}
	}
	long := strings.Repeat("x", maxBcryptBytes)
	text, err := HashPasscode(HashBcrypt, long)
	if err != nil {
		t.Fatal(err)
	}
	if h, _ := parseHash(text); !h.verify(long) || h.verify(long+"x") {
		t.Error("bcrypt forgets what is behind its 72 bytes")
	}
	for _, c := range []struct{ kind, passcode string }{{HashBcrypt, long + "x"}, {HashArgon2id, ""}, {HashArgon2id, "a\nb"}, {"md5", "x"}} {
		if _, err := HashPasscode(c.kind, c.passcode); err == nil {
			t.Errorf("%s of %q was made", c.kind, c.passcode)
		}
	}
}

// What is said about a users file names the line and never repeats a hash; all mistakes are told at once.
func TestUsersFileProblems(t *testing.T) {
	good := "ada:" + hashed(t, "sesame") + "\n"
	for line, want := range map[string]string{
		"bob":                                "must be name:hash",
		"bob:" + hashed(t, "x") + ":a:b":     "must be name:hash",
		":" + hashed(t, "x"):                 "the name is empty",
		"*:-":                                "the name stands for everybody",
		"anonymous:-":                        "the name is kept for",
		"a b:-":                              "the name has a colon, a comma, white space",
		"bob:":                               `has no hash; write "-"`,
		"bob:plainpasscode":                  "has something else than an argon2id or bcrypt hash",
		"bob:$argon2id$v=19$m=8,t=1$a$b":     "can't be read",
		"bob:$argon2id$v=18$m=8,t=1,p=1$a$b": "can't be read",
		"bob:$argon2id$v=19$m=99999999,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$4JGiyVDNAPTYd9DKMyUZM0ECmuBBfwZaKwvOrfw1Kzg": "with m=99999999; the most is 1048576",
		"bob:$2a$31$v3yVgPBDI9yAGVL1a0yLTOkDtKIy0GpykHb/f9hK6pp0w/DPEiwMu":                                         "of cost 31; the most is 16",
		"bob:$2a$04$short":              "bcrypt hash that can't be read",
		"bob:-:x,,y":                    `the group "" is empty`,
		"ada:-":                         "is there twice; the first time in line 2",
		strings.Repeat("x", 300) + ":-": "the name has more than 255 bytes",
		"\xff:-":                        "the name is not UTF-8",
	} {
		_, err := ParseUsers("users", []byte("# comment\n"+good+line+"\n"))
		problems := config.ProblemsOf(err)
		if len(problems) != 1 || problems[0].Line != 3 || problems[0].File != "users" || !strings.Contains(problems[0].Text, want) {
			t.Errorf("%.60q: %v", line, err)
		} else if strings.Contains(err.Error(), "plainpasscode") || strings.Contains(err.Error(), "$") {
			t.Errorf("%.60q: the message has the hash: %v", line, err)
		}
	}
	if _, err := ParseUsers("users", []byte("a\nb\nc\n")); len(config.ProblemsOf(err)) != 3 {
		t.Errorf("three mistakes: %v", err)
	}
}

// Changing a users file leaves comments, order and everybody else as they were.
func TestUsersFileIsEdited(t *testing.T) {
	u := usersOf(t, "# top\r\nada:"+cheapBcrypt+":x,y\n\n  # middle\nbob:-\n")
	if err := u.Set("cy", cheapArgon, []string{"z"}); err != nil {
		t.Fatal(err)
	}
	if err := u.Set("ada", "", nil); err != nil {
		t.Fatal(err)
	}
	if !u.Delete("bob") || u.Delete("bob") {
		t.Error("bob is there once")
	}
	if want := "# top\nada:-\n\n  # middle\ncy:" + cheapArgon + ":z\n"; string(u.Bytes()) != want {
		t.Errorf("got\n%swant\n%s", u.Bytes(), want)
	}
	for _, c := range []struct {
		name, hash string
		groups     []string
	}{{"a:b", "", nil}, {"a,b", "", nil}, {"", "", nil}, {"a", "", []string{"x,y"}}, {"a", "", []string{"x:y"}}, {"a", "plain", nil}, {"a", "-:b", nil}} {
		before := string(u.Bytes())
		if err := u.Set(c.name, c.hash, c.groups); err == nil || string(u.Bytes()) != before {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// A file that can't be read is told by its path.
func TestUsersFileThatIsNotThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none")
	if _, err := ReadUsers(path); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
}

// Users of the file are let in by their passcode and nothing else, and an unknown user costs a hash too.
func TestUserLogins(t *testing.T) {
	l := newUserLogins(usersOf(t, "ada:"+hashed(t, "sesame")+":clerks\nbob:-\n"), 1)
	for _, c := range []struct {
		login, passcode string
		want            error
	}{
		{"ada", "sesame", nil},
		{"ada", "Sesame", ErrRefused},
		{"ada", "", ErrRefused},
		{"bob", "", ErrRefused},
		{"bob", "-", ErrRefused},
		{"bob", "sesame", ErrRefused},
		{"cy", "sesame", ErrUnknown},
		{"", "sesame", ErrUnknown},
		{"", "", ErrUnknown},
	} {
		id, err := l.Authenticate(context.Background(), &Credentials{Login: c.login, Passcode: c.passcode, HasLogin: true, HasPasscode: true})
		if !errors.Is(err, c.want) || (err == nil) != (id != nil) {
			t.Errorf("%s %q: %v %v", c.login, c.passcode, id, err)
		}
	}
	if l.standIn("cy") == nil || l.standIn("cy") != l.standIn("cy") {
		t.Error("there is no hash that stands in for an unknown user, or not always the same")
	}
	// No place is free: who waits for one goes when nobody waits for it.
	l.slots <- struct{}{}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := l.Authenticate(ctx, &Credentials{Login: "ada", Passcode: "sesame"}); !errors.Is(err, context.Canceled) {
		t.Errorf("without a place: %v", err)
	}
}

// Whatever a users file holds, reading it does not fail otherwise than by problems with a line, and what was read is
// written so that it reads the same.
func FuzzUsers(f *testing.F) {
	for _, seed := range []string{"", "# c\n", "ada:" + cheapArgon + ":a,b\n", "bob:" + cheapBcrypt + "\r\n", "cy:-", "a:-\na:-\n", ":::\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		u, err := ParseUsers("u", data)
		if err != nil {
			for _, p := range config.ProblemsOf(err) {
				if p.Line < 1 {
					t.Errorf("no line: %v", p)
				}
			}
			if len(config.ProblemsOf(err)) == 0 {
				t.Errorf("no problem: %v", err)
			}
			return
		}
		again, err := ParseUsers("u", u.Bytes())
		if err != nil {
			t.Fatalf("what was written can't be read: %v\n%q", err, u.Bytes())
		}
		same := func(a, b User) bool { return a.Name == b.Name && a.Hash == b.Hash && slices.Equal(a.Groups, b.Groups) }
		if !slices.EqualFunc(u.All(), again.All(), same) {
			t.Errorf("got %v, then %v", u.All(), again.All())
		}
	})
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
