package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const module = "stampede"

// pkg is what the rules need to know about one package of this module.
type pkg struct {
	ImportPath  string
	Dir         string
	GoFiles     []string
	CgoFiles    []string
	TestGoFiles []string
	// XTestGoFiles are the files of the external test package.
	XTestGoFiles []string
	Imports      []string
	Deps         []string
}

// room is the first element of the path inside the module: "actors" for stampede/actors/store.
func (p pkg) room() string { return room(p.ImportPath) }

func room(path string) string {
	rest, inside := strings.CutPrefix(path, module+"/")
	if !inside {
		return ""
	}
	first, _, _ := strings.Cut(rest, "/")
	return first
}

// tree lists the packages of the module as the go command sees them.
var tree = sync.OnceValues(func() ([]pkg, error) {
	list := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,CgoFiles,TestGoFiles,XTestGoFiles,Imports,Deps", module+"/...")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, err
	}
	var all []pkg
	for in := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := in.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
})

// packages gives every package of the module to a rule.
func packages(t *testing.T) []pkg {
	t.Helper()
	all, err := tree()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	if len(all) == 0 {
		t.Fatal("go list found no package")
	}
	return all
}

// file is a parsed source file.
type file struct {
	pkg
	name string // its path inside the module
	test bool   // a _test.go file
	set  *token.FileSet
	ast  *ast.File
}

// testing says that the file is no part of what ships: a test, or a package under tests or named …test.
func (f file) testing() bool {
	return f.test || f.room() == "tests" || strings.HasSuffix(f.ImportPath, "test")
}

// at names a place for a failure message.
func (f file) at(n ast.Node) string {
	p := f.set.Position(n.Pos())
	return f.name + ":" + strings.TrimPrefix(strings.TrimPrefix(p.String(), p.Filename), ":")
}

// imported returns the name under which the file knows an import path, or "".
func (f file) imported(path string) string {
	for _, spec := range f.ast.Imports {
		if strings.Trim(spec.Path.Value, `"`) != path {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path[strings.LastIndex(path, "/")+1:]
	}
	return ""
}

// uses calls found for every mention of path.name in the file. A local variable of the package's name hides it.
func (f file) uses(path string, found func(name string, n ast.Node)) {
	known := f.imported(path)
	if known == "" {
		return
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == known && x.Obj == nil {
				found(s.Sel.Name, s)
			}
		}
		return true
	})
}

var sources = sync.OnceValues(func() ([]file, error) {
	all, err := tree()
	if err != nil {
		return nil, err
	}
	var files []file
	for _, p := range all {
		set := token.NewFileSet()
		add := func(names []string, test bool) error {
			for _, name := range names {
				parsed, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.ParseComments)
				if err != nil {
					return err
				}
				inside := strings.TrimPrefix(p.ImportPath, module+"/") + "/" + name
				files = append(files, file{pkg: p, name: inside, test: test, set: set, ast: parsed})
			}
			return nil
		}
		if err := errors.Join(add(p.GoFiles, false), add(p.CgoFiles, false), add(p.TestGoFiles, true), add(p.XTestGoFiles, true)); err != nil {
			return nil, err
		}
	}
	return files, nil
})

// files gives every source file of the module to a rule.
func files(t *testing.T) []file {
	t.Helper()
	all, err := sources()
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	return all
}
