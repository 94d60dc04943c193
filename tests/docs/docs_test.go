package docs

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"stampede/config"
	"stampede/transport"
)

const root = "../.."

// pages gives every page of documentation, by its path from the root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			name, err := filepath.Rel(root, path)
			if err != nil {
				t.Fatal(err)
			}
			all[filepath.ToSlash(name)] = read(t, name)
		}
	}
	return all
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// fenced matches blocks of code, in which nothing is a link or a heading.
var fenced = regexp.MustCompile("(?ms)^```.*?^```")

// Every link of the documentation leads to a file that is there, and to a heading in it.
func TestLinksResolve(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	all := pages(t)
	for name, text := range all {
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			target := m[1]
			if strings.Contains(target, "://") {
				continue
			}
			file, anchor, _ := strings.Cut(target, "#")
			at := name
			if file != "" {
				at = filepath.ToSlash(filepath.Join(filepath.Dir(name), file))
			}
			if _, err := os.Stat(filepath.Join(root, at)); err != nil {
				t.Errorf("%s links to %s, which is not there", name, target)
			} else if anchor != "" && !slices.Contains(anchors(all[at]), anchor) {
				t.Errorf("%s links to %s, and no heading there is called so", name, target)
			}
		}
	}
}

// anchors gives the names of the headings of a page as forges make them.
func anchors(text string) []string {
	var all []string
	for line := range strings.Lines(fenced.ReplaceAllString(text, "")) {
		hashes, heading, ok := strings.Cut(line, " ")
		if !ok || strings.Trim(hashes, "#") != "" || hashes == "" {
			continue
		}
		all = append(all, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(heading)))
	}
	return all
}

// docs/protocol.md explains every code that an ERROR can have, and no other.
func TestEveryErrorCodeIsExplained(t *testing.T) {
	source, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "actors/fault.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]bool{transport.ReasonUnsupportedData.Code(): true} // the transport's own, before any session
	ast.Inspect(source, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Code" {
			for _, v := range spec.Values {
				if lit, ok := v.(*ast.BasicLit); ok {
					if code, err := strconv.Unquote(lit.Value); err == nil {
						codes[code] = true
					}
				}
			}
		}
		return true
	})
	if len(codes) < 2 {
		t.Fatal("found no codes in actors/fault.go")
	}
	_, section, _ := strings.Cut(read(t, "docs/protocol.md"), "\n## Errors\n")
	section, _, _ = strings.Cut(section, "\n## ")
	explained := firstCells(section)
	for code := range codes {
		if !slices.Contains(explained, code) {
			t.Errorf("docs/protocol.md does not explain the code %q", code)
		}
	}
	for _, code := range explained {
		if !codes[code] {
			t.Errorf("docs/protocol.md explains the code %q, which no ERROR has", code)
		}
	}
}

// firstCells gives the words set in code in the first column of tables.
func firstCells(text string) []string {
	word := regexp.MustCompile("`([^`]+)`")
	var all []string
	for line := range strings.Lines(text) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 || strings.HasPrefix(strings.TrimSpace(cells[2]), "when") {
			continue
		}
		for _, m := range word.FindAllStringSubmatch(cells[1], -1) {
			all = append(all, m[1])
		}
	}
	return all
}

// Every setting that the documentation names exists.
func TestNamedSettingsExist(t *testing.T) {
	section, table := "", map[string]string{}
	for line := range strings.Lines(config.Example) {
		switch {
		case strings.HasPrefix(line, "["):
			section = strings.Trim(strings.TrimSpace(line), "[]")
		default:
			if key, _, ok := strings.Cut(line, " = "); ok && !strings.HasPrefix(key, "#") {
				table[section] += key + "\n"
			}
		}
	}
	named := regexp.MustCompile("`(heartbeat|session|limits|topics|queues|destinations|supervision|shutdown|log|access|jwt)\\.([a-z_]+)")
	for name, text := range pages(t) {
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			if m[2] == "go" { // a file
				continue
			}
			if !strings.Contains("\n"+table[m[1]], "\n"+m[2]+"\n") {
				t.Errorf("%s names the setting %s.%s, which does not exist", name, m[1], m[2])
			}
		}
	}
}

// Every log message that docs/operations.md tells operators to watch for is written somewhere.
func TestWatchedLogMessagesExist(t *testing.T) {
	_, section, _ := strings.Cut(read(t, "docs/operations.md"), "What to watch for:")
	section, _, _ = strings.Cut(section, "\n## ")
	messages := firstCells(section)
	if len(messages) == 0 {
		t.Fatal("found no log messages in docs/operations.md")
	}
	var sources bytes.Buffer
	for _, room := range []string{"actors", "transport", "cmd"} {
		err := filepath.WalkDir(filepath.Join(root, room), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			sources.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range messages {
		if !bytes.Contains(sources.Bytes(), []byte(strconv.Quote(m))) {
			t.Errorf("docs/operations.md says to watch for %q, which nothing logs", m)
		}
	}
}

// The README fits on a few screens.
func TestREADMEIsShort(t *testing.T) {
	if n := strings.Count(read(t, "README.md"), "\n"); n >= 150 {
		t.Errorf("README.md has %d lines; what is behind the first 150 belongs into docs", n)
	}
}

// The program in the README compiles.
func TestREADMEProgramCompiles(t *testing.T) {
	blocks := regexp.MustCompile("(?ms)^```go\n(.*?)^```").FindAllStringSubmatch(read(t, "README.md"), -1)
	if len(blocks) != 1 {
		t.Fatalf("README.md has %d blocks of Go, wants one", len(blocks))
	}
	// An overlay makes it a package of this module without a file in the tree.
	dir := t.TempDir()
	source, overlay := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json")
	place, err := filepath.Abs("readme/main.go")
	if err != nil {
		t.Fatal(err)
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {place: source}})
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string][]byte{source: []byte(blocks[0][1]), overlay: replace} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("go", "build", "-overlay", overlay, "-o", os.DevNull, "./readme").CombinedOutput(); err != nil {
		t.Errorf("the program in README.md does not compile: %v\n%s", err, out)
	}
}

// Every decision is short, has the same three parts, and is in the index.
func TestDecisionsHaveOneForm(t *testing.T) {
	index := read(t, "docs/decisions/README.md")
	for name, text := range pages(t) {
		file := strings.TrimPrefix(name, "docs/decisions/")
		if file == name || file == "README.md" {
			continue
		}
		if n := strings.Count(text, "\n"); n >= 40 {
			t.Errorf("%s has %d lines, wants fewer than 40", name, n)
		}
		for _, part := range []string{"# " + file[:4] + ": ", "\n## Context\n", "\n## Decision\n", "\n## Consequences\n"} {
			if !strings.Contains(text, part) {
				t.Errorf("%s has no %q", name, strings.TrimSpace(part))
			}
		}
		if !strings.Contains(index, "("+file+")") {
			t.Errorf("%s is not in the index of decisions", name)
		}
	}
}

// docs/dependencies.md has every module that is required directly, in its version, every tool and every npm package.
func TestEveryDependencyIsExplained(t *testing.T) {
	text := read(t, "docs/dependencies.md")
	explained := firstCells(text)
	lists := map[string]*regexp.Regexp{
		"go.mod":                     regexp.MustCompile(`(?m)^\t(\S+) (v\S+)$`), // those behind an "// indirect" don't match
		"tools.mod":                  regexp.MustCompile(`(?m)^\t([^\s]+/[^\s]+)$`),
		"tests/interop/go/go.mod":    regexp.MustCompile(`(?m)^require (\S+) (v\S+)$`),
		"tests/interop/package.json": regexp.MustCompile(`(?m)^ {4}"(\S+)": "\d`),
	}
	for name, line := range lists {
		found := line.FindAllStringSubmatch(read(t, name), -1)
		if len(found) == 0 {
			t.Errorf("found no dependencies in %s", name)
		}
		for _, m := range found {
			if !slices.Contains(explained, m[1]) {
				t.Errorf("docs/dependencies.md does not say why there is %s, which %s asks for", m[1], name)
			} else if len(m) > 2 && !strings.Contains(text, "`"+m[1]+"` | `"+m[2]+"` |") {
				t.Errorf("docs/dependencies.md has another version of %s than %s, %s", m[1], name, m[2])
			}
		}
	}
}

// Every message that docs/faults.md names is one that an actor gets.
func TestNamedMessagesExist(t *testing.T) {
	_, section, _ := strings.Cut(read(t, "docs/faults.md"), "Messages that are worth naming")
	section, _, _ = strings.Cut(section, "\n## ")
	known := map[string]bool{}
	for _, pattern := range []string{"actors/*.go", "transport/*.go"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range regexp.MustCompile(`(?m)^\tcase (\*.*):$`).FindAllStringSubmatch(string(text), -1) {
				for name := range strings.SplitSeq(line[1], ", ") {
					name = strings.TrimPrefix(strings.TrimPrefix(name, "*"), "transport.")
					known[strings.ToLower(name[:1])+name[1:]] = true
				}
			}
		}
	}
	named := firstCells(section)
	if len(named) < 10 {
		t.Fatal("found no names of messages in docs/faults.md")
	}
	for _, name := range named {
		if name != "message" && !known[name] {
			t.Errorf("docs/faults.md names the message %q, which no actor gets", name)
		}
	}
}

// Every test that docs/supervision.md calls a proof exists.
func TestNamedTestsExist(t *testing.T) {
	_, section, _ := strings.Cut(read(t, "docs/supervision.md"), "\n## The proof\n")
	named := regexp.MustCompile("`(Test[A-Za-z]+)`").FindAllStringSubmatch(section, -1)
	if len(named) < 10 {
		t.Fatal("found no tests in docs/supervision.md")
	}
	var sources bytes.Buffer
	for _, pattern := range []string{"actors/*_test.go", "actors/*/*_test.go", "tests/*/*_test.go"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			sources.Write(text)
		}
	}
	for _, m := range named {
		if !bytes.Contains(sources.Bytes(), []byte("\nfunc "+m[1]+"(t *testing.T)")) {
			t.Errorf("docs/supervision.md names the test %s, which does not exist", m[1])
		}
	}
}
