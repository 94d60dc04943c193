package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	suffix     = ".journal"
	timeLayout = "20060102T150405.000Z"

	maxDirectoryName = 120 // octets; file systems take 255
)

// directoryName is where a destination's files are, below the journal's directory.
func directoryName(destination string) string {
	var b strings.Builder
	for i := 0; i < len(destination); i++ {
		c := destination[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	name := b.String()
	if len(name) > maxDirectoryName {
		sum := sha256.Sum256([]byte(destination))
		name = name[:maxDirectoryName] + "~" + hex.EncodeToString(sum[:8])
	}
	return name
}

// fileName is that of a file begun at a time; n tells those of the same millisecond apart.
func fileName(begun time.Time, n int) string {
	return fmt.Sprintf("%s-%03d%s", begun.UTC().Format(timeLayout), n, suffix)
}

// nextName is the one behind another.
func nextName(name string) string {
	begun, n := begunAt(name), 0
	if _, err := fmt.Sscanf(name[len(timeLayout):], "-%03d", &n); err != nil || n >= 999 {
		return fileName(begun.Add(time.Millisecond), 0)
	}
	return fileName(begun, n+1)
}

// begunAt reads a time out of a file's name; zero: it is none of ours.
func begunAt(name string) time.Time {
	name, ok := strings.CutSuffix(name, suffix)
	if !ok || len(name) < len(timeLayout) {
		return time.Time{}
	}
	t, err := time.Parse(timeLayout, name[:len(timeLayout)])
	if err != nil {
		return time.Time{}
	}
	return t
}

// File is one file of a journal.
type File struct {
	Path  string
	Begun time.Time // from its name
	Size  int64
}

// Files finds the files of a journal: of one destination after the other, each in the order they were begun. A file is
// a journal of its own.
func Files(path string) ([]File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []File{{Path: path, Begun: begunAt(filepath.Base(path)), Size: info.Size()}}, nil
	}
	var found []File
	err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		begun := begunAt(d.Name())
		if begun.IsZero() {
			return nil
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // its writer has just removed it
		}
		if err != nil {
			return err
		}
		found = append(found, File{Path: p, Begun: begun, Size: info.Size()})
		return nil
	})
	slices.SortFunc(found, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return found, err
}

// Query is what Read looks for. The zero value is everything.
type Query struct {
	Destination func(name string) bool // nil: any
	From, To    time.Time              // From is in it, To is not; zero: no bound

	// Problem is told of files that are damaged or have an unfinished end; nil: nobody is. What is whole in them was read
	// all the same.
	Problem func(f File, err error)
}

// UnfinishedError is the end of a file that is no whole record: a crash has cut it off.
type UnfinishedError struct{ Octets int64 }

func (e *UnfinishedError) Error() string {
	return fmt.Sprintf("the last %d octets are no whole record", e.Octets)
}

// Read calls f for each record in files that q is about, file by file. It ends with the first error of f or of the file
// system.
func Read(files []File, q Query, f func(*Record) error) error {
	for i, file := range files {
		if !q.To.IsZero() && !file.Begun.IsZero() && !file.Begun.Before(q.To) {
			continue
		}
		// What comes after this file is begun, and in it is nothing younger.
		if next := i + 1; next < len(files) && !q.From.IsZero() && filepath.Dir(files[next].Path) == filepath.Dir(file.Path) && !files[next].Begun.After(q.From) {
			continue
		}
		if err := readFile(file, q, f); err != nil {
			return err
		}
	}
	return nil
}

func readFile(file File, q Query, f func(*Record) error) error {
	in, err := os.Open(file.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // its writer has just removed it
	}
	if err != nil {
		return err
	}
	defer in.Close()
	r, err := NewReader(in)
	if err != nil {
		if err == io.EOF {
			if file.Size == 0 {
				return nil
			}
			err = &UnfinishedError{Octets: file.Size}
		}
		return q.problem(file, err)
	}
	if q.Destination != nil && !q.Destination(r.Destination()) {
		return nil
	}
	for {
		rec, err := r.Next()
		if err == io.EOF {
			if r.Left() > 0 {
				return q.problem(file, &UnfinishedError{Octets: r.Left()})
			}
			return nil
		}
		if err != nil {
			return q.problem(file, err)
		}
		if !q.From.IsZero() && rec.Time.Before(q.From) || !q.To.IsZero() && !rec.Time.Before(q.To) {
			continue
		}
		if err := f(rec); err != nil {
			return err
		}
	}
}

// problem passes on what is wrong with a file; what is wrong with the file system is an error.
func (q *Query) problem(file File, err error) error {
	var corrupt *CorruptError
	var unfinished *UnfinishedError
	if !errors.As(err, &corrupt) && !errors.As(err, &unfinished) {
		return fmt.Errorf("%s: %w", file.Path, err)
	}
	if q.Problem != nil {
		q.Problem(file, err)
	}
	return nil
}
