package arch

import (
	"slices"
	"strings"
	"testing"
)

// rooms says, for what ships, which other rooms each room may import. A room that is not listed may import none.
var rooms = map[string]struct {
	may []string
	why string
}{
	"stompwire": {nil, "the protocol must be usable and testable without a broker, a socket or a configuration"},
	"config":    {nil, "settings are plain values; whoever reads them knows what they mean, not the other way round"},
	"transport": {[]string{"stompwire"}, "transports carry frames for any broker: they must not know what a destination is, nor where settings come from"},
	"actors":    {[]string{"transport", "stompwire", "config"}, "the broker is embedded by other programs: it must not pull in the command line"},
	"cmd":       {[]string{"actors", "transport", "stompwire", "config"}, "the command is the outermost room: everything else is below it"},
}

// Imports point one way, cmd to actors to transport to stompwire, and config is read by cmd and actors only.
func TestImportsPointOneWay(t *testing.T) {
	for _, p := range packages(t) {
		from := p.room()
		if from == "tests" || strings.HasSuffix(p.ImportPath, "test") {
			continue // suites and case tables look at the house from outside
		}
		rule, known := rooms[from]
		if !known {
			t.Errorf("%s is in no known room; the rooms are actors, transport, stompwire, config, cmd and tests", p.ImportPath)
			continue
		}
		for _, path := range p.Imports {
			to := room(path)
			if to == "" || to == from || slices.Contains(rule.may, to) {
				continue
			}
			t.Errorf("%s imports %s: %s may import only %q of our own, because %s", p.ImportPath, path, from, rule.may, rule.why)
		}
	}
}

// library is a module of others that ships.
type library struct {
	path string
	may  []string
	why  string
}

// external says which modules of others ship, and which rooms may import them.
var external = []library{
	{"github.com/gorilla/websocket", []string{"transport"}, "who wants another WebSocket library should have one room to change"},
	{"github.com/asynkron/protoactor-go", []string{"actors", "transport"}, "codec, configuration and command line stay free of the actor library"},
	{"golang.org/x/crypto", []string{"actors"}, "hashes of passcodes are computed in one place"},
	{"github.com/go-jose/go-jose", []string{"actors"}, "tokens are checked in one place, and no other room knows their form"},
	{"golang.org/x/sys", []string{"transport"}, "only sockets need system calls that the standard library lacks"},
	{"golang.org/x/term", []string{"cmd"}, "only the command asks a person"},
	{"github.com/pelletier/go-toml", []string{"config"}, "one room decides how the file is read and how its mistakes are told"},
}

// stompwire and everything it pulls in is the standard library.
func TestStompwireNeedsOnlyTheStandardLibrary(t *testing.T) {
	for _, p := range packages(t) {
		if p.room() != "stompwire" || strings.HasSuffix(p.ImportPath, "test") {
			continue
		}
		for _, path := range p.Deps {
			if strings.Contains(strings.SplitN(path, "/", 2)[0], ".") && !strings.HasPrefix(path, "vendor/") {
				t.Errorf("%s pulls in %s: the codec is the part that others may want to take away, so it carries nothing with it", p.ImportPath, path)
			}
		}
	}
}

// Each module of others that ships is imported by the rooms that own it, and no further one ships.
func TestLibrariesStayInTheirRooms(t *testing.T) {
	for _, p := range packages(t) {
		if p.room() == "tests" || strings.HasSuffix(p.ImportPath, "test") {
			continue
		}
		for _, path := range p.Imports {
			if host, _, _ := strings.Cut(path, "/"); !strings.Contains(host, ".") {
				continue
			}
			i := slices.IndexFunc(external, func(m library) bool {
				return path == m.path || strings.HasPrefix(path, m.path+"/")
			})
			if i < 0 {
				t.Errorf("%s imports %s, which is no dependency that was agreed on: every one is carried by all who embed the broker (docs/dependencies.md)", p.ImportPath, path)
			} else if !slices.Contains(external[i].may, p.room()) {
				t.Errorf("%s imports %s, which belongs to %q: %s", p.ImportPath, path, external[i].may, external[i].why)
			}
		}
	}
}

// A program that embeds the broker or the codec gets no test library with it.
func TestEmbeddingPullsInNoTestDependency(t *testing.T) {
	only := []string{"testing", "go.uber.org/goleak", "pgregory.net/rapid", "github.com/stretchr/testify", "github.com/asynkron/protoactor-go/testkit"}
	for _, p := range packages(t) {
		switch p.room() {
		case "actors", "transport", "stompwire", "config", "cmd":
		default:
			continue
		}
		if strings.HasSuffix(p.ImportPath, "test") {
			continue
		}
		for _, path := range p.Deps {
			for _, test := range only {
				if path == test || strings.HasPrefix(path, test+"/") {
					t.Errorf("%s pulls in %s: it would be linked into every program that embeds the broker (package testing even registers flags there)", p.ImportPath, path)
				}
			}
			if room(path) == "tests" || room(path) != "" && strings.HasSuffix(path, "test") {
				t.Errorf("%s pulls in %s: what ships must not depend on what tests it", p.ImportPath, path)
			}
		}
	}
}
