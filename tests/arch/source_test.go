package arch

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// outermost lists what belongs to a program and not to a library: names by import path; nil stands for all names.
var outermost = []struct {
	path  string
	names []string
	why   string
}{
	{"os", []string{"Exit"}, "a broker inside another program must not end that program; return an error"},
	{"os", []string{"Getenv", "LookupEnv", "Environ", "Setenv", "Unsetenv"}, "settings come in through config; only the command looks at its environment"},
	{"os", []string{"Args"}, "only the command has a command line"},
	{"os/signal", nil, "signals belong to the program; a library that catches them takes them away from it"},
	{"flag", nil, "package flag is one registry for the whole program"},
	{"log", nil, "package log is one logger for the whole program; take a *slog.Logger"},
	{"log/slog", []string{"Default", "SetDefault", "Debug", "Info", "Warn", "Error", "Log", "LogAttrs", "DebugContext", "InfoContext", "WarnContext", "ErrorContext"}, "the default logger is the program's; take a *slog.Logger"},
	{"net/http", []string{"DefaultServeMux", "Handle", "HandleFunc", "ListenAndServe", "ListenAndServeTLS", "Serve", "ServeTLS"}, "the default mux is one for the whole program: an embedding program would serve our paths, or we its"},
	{"net/http", []string{"DefaultClient", "DefaultTransport", "Get", "Post", "Head", "PostForm"}, "the default client is one for the whole program"},
	{"expvar", nil, "expvar registers handlers in the default mux"},
	{"net/http/pprof", nil, "pprof registers handlers in the default mux"},
}

// Only cmd ends the process, reads flags, environment and signals, or touches what the whole program shares.
func TestOnlyTheCommandActsForTheWholeProgram(t *testing.T) {
	for _, f := range files(t) {
		if f.room() == "cmd" || f.testing() {
			continue
		}
		for _, rule := range outermost {
			if rule.names == nil && f.imported(rule.path) != "" {
				t.Errorf("%s imports %s: %s", f.name, rule.path, rule.why)
				continue
			}
			f.uses(rule.path, func(name string, n ast.Node) {
				if slices.Contains(rule.names, name) {
					t.Errorf("%s uses %s.%s: %s", f.at(n), rule.path, name, rule.why)
				}
			})
		}
	}
}

// No test sleeps.
func TestNoTestSleeps(t *testing.T) {
	for _, f := range files(t) {
		if !f.testing() {
			continue
		}
		f.uses("time", func(name string, n ast.Node) {
			if name == "Sleep" || name == "Tick" {
				t.Errorf("%s uses time.%s: a pause is too short on a slow machine and too long on a fast one; wait for a frame, a receipt or an event, or use testing/synctest", f.at(n), name)
			}
		})
	}
}

// No function outside cmd changes a package-level variable, and no package has an init function.
func TestNoPackageKeepsState(t *testing.T) {
	const why = "two brokers in one program, or two tests in one process, would share it; put it into the struct that owns it"
	type key struct{ pkg, name string }
	vars := map[key]bool{}
	for _, f := range files(t) {
		if f.room() == "cmd" || f.testing() {
			continue
		}
		for _, d := range f.ast.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
				for _, s := range g.Specs {
					for _, n := range s.(*ast.ValueSpec).Names {
						vars[key{f.ImportPath, n.Name}] = true
					}
				}
			}
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: an init function runs in every program that imports the package, wanted or not", f.at(fn))
			}
		}
	}
	for _, f := range files(t) {
		if f.room() == "cmd" || f.testing() {
			continue
		}
		changed := func(x ast.Expr) {
			id := root(x)
			if id == nil || id.Name == "_" || !vars[key{f.ImportPath, id.Name}] {
				return
			}
			if o := id.Obj; o != nil {
				// A name of the same file is resolved; it is ours if it was declared at the top.
				if f.ast.Scope.Lookup(id.Name) != o {
					return
				}
			}
			t.Errorf("%s changes the package-level variable %s: %s", f.at(id), id.Name, why)
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.AssignStmt:
					if n.Tok != token.DEFINE {
						for _, x := range n.Lhs {
							changed(x)
						}
					}
				case *ast.IncDecStmt:
					changed(n.X)
				case *ast.CallExpr:
					if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "delete" || id.Name == "clear") && len(n.Args) > 0 {
						changed(n.Args[0])
					}
				}
				return true
			})
		}
	}
}

// root is the variable that an assignment to x.f[i].g changes.
func root(x ast.Expr) *ast.Ident {
	for {
		switch e := x.(type) {
		case *ast.Ident:
			return e
		case *ast.SelectorExpr:
			x = e.X
		case *ast.IndexExpr:
			x = e.X
		case *ast.StarExpr:
			x = e.X
		case *ast.ParenExpr:
			x = e.X
		default:
			return nil
		}
	}
}

// Every test and fuzz target says in a comment what it claims.
func TestEveryTestStatesItsClaim(t *testing.T) {
	for _, f := range files(t) {
		if !f.test {
			continue
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || fn.Doc != nil || fn.Name.Name == "TestMain" {
				continue
			}
			if name := fn.Name.Name; strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Fuzz") {
				t.Errorf("%s: %s has no comment that says in one sentence what holds when it passes: whoever sees it fail needs to know what was promised", f.at(fn), name)
			}
		}
	}
}

// Every exported name of what ships has a comment.
func TestEveryExportedNameIsExplained(t *testing.T) {
	const why = "it is read by people who embed the broker and see nothing else"
	for _, f := range files(t) {
		if f.testing() {
			continue
		}
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Doc == nil && d.Name.IsExported() && (d.Recv == nil || exportedReceiver(d.Recv)) && !selfEvident(d.Name.Name, d.Recv) {
					t.Errorf("%s: %s has no comment; %s", f.at(d), d.Name.Name, why)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
							t.Errorf("%s: %s has no comment; %s", f.at(s), s.Name.Name, why)
						}
					case *ast.ValueSpec:
						if s.Names[0].IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
							t.Errorf("%s: %s has no comment; %s", f.at(s), s.Names[0].Name, why)
						}
					}
				}
			}
		}
	}
}

func exportedReceiver(recv *ast.FieldList) bool {
	x := recv.List[0].Type
	if s, ok := x.(*ast.StarExpr); ok {
		x = s.X
	}
	if g, ok := x.(*ast.IndexExpr); ok {
		x = g.X
	}
	id, ok := x.(*ast.Ident)
	return ok && id.IsExported()
}

// selfEvident are methods that only fulfil an interface of the standard library or the actor library, whose own
// documentation explains them.
func selfEvident(name string, recv *ast.FieldList) bool {
	return recv != nil && slices.Contains([]string{
		"Error", "Unwrap", "Is", "String", "GoString", "Format", "LogValue", "MarshalText", "UnmarshalText",
		"Receive", "Len", "Less", "Swap", "Push", "Pop",
	}, name)
}

// Comments and strings carry no path of the machine they were written on and no private note of how they came to be.
func TestSourcesSpeakForThemselves(t *testing.T) {
	private := regexp.MustCompile(`/tmp/bash_jobs|/home/[a-z]+/|/root/|\bTODO\b|\bFIXME\b|\bXXX\b`)
	for _, f := range files(t) {
		if strings.HasPrefix(f.name, "tests/arch/") {
			continue // this rule would find itself
		}
		for _, group := range f.ast.Comments {
			if found := private.FindString(group.Text()); found != "" {
				t.Errorf("%s: the comment mentions %q, which says nothing to whoever reads the source elsewhere or later", f.at(group), found)
			}
		}
	}
}

// Every package of tests takes -seed: what a failing simulation prints, go test ./tests/... -run TestSim -seed=N, must
// not end at a package that does not know the flag.
func TestEveryPackageOfTestsTakesASeed(t *testing.T) {
	takes := make(map[string]bool)
	for _, f := range files(t) {
		if f.room() != "tests" || !f.test {
			continue
		}
		takes[f.ImportPath] = takes[f.ImportPath] || false
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Value == `"seed"` {
				takes[f.ImportPath] = true
			}
			return true
		})
	}
	for path, does := range takes {
		if !does {
			t.Errorf("%s has no flag -seed: copy the seed_test.go of another package of tests", path)
		}
	}
}
