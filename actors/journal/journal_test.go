package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"stampede/stompwire"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// records gives n records of a destination, a second apart.
func records(destination string, n int) []*Record {
	var all []*Record
	for i := range n {
		all = append(all, &Record{
			Time: noon.Add(time.Duration(i) * time.Second), Destination: destination, ID: fmt.Sprint("id-", i),
			Header: stompwire.Header{{Name: "n", Value: fmt.Sprint(i)}, {Name: "n", Value: ""}, {Name: "", Value: "ä\n\x00:"}},
			Body:   bytes.Repeat([]byte{byte(i)}, i*7),
		})
	}
	return all
}

func write(t *testing.T, w *Writer, all ...*Record) {
	t.Helper()
	for _, r := range all {
		if err := w.Append(r.Time, r); err != nil {
			t.Fatal(err)
		}
	}
}

func flush(t *testing.T, w *Writer) {
	t.Helper()
	if errs := w.Flush(noon); errs != nil {
		t.Fatal(errs)
	}
}

// read gives what is in a directory, and what was wrong.
func read(t *testing.T, directory string, q Query) (all []*Record, problems []error) {
	t.Helper()
	files, err := Files(directory)
	if err != nil {
		t.Fatal(err)
	}
	q.Problem = func(_ File, err error) { problems = append(problems, err) }
	if err := Read(files, q, func(r *Record) error { all = append(all, r); return nil }); err != nil {
		t.Fatal(err)
	}
	return all, problems
}

func same(t *testing.T, got, want []*Record) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range got {
		g, w := *got[i], *want[i]
		if !bytes.Equal(g.Body, w.Body) {
			t.Errorf("record %d: the body is %q, want %q", i, g.Body, w.Body)
		}
		g.Body, w.Body = nil, nil
		if !reflect.DeepEqual(g, w) {
			t.Errorf("record %d is %+v, want %+v", i, g, w)
		}
	}
}

// What was written is read, of each destination in the order it came, and by destination and time.
func TestWhatWasWrittenIsRead(t *testing.T) {
	dir := t.TempDir()
	w := NewWriter(Options{Directory: dir})
	a, b := records("/topic/a", 20), records("/queue/b.c/ä%", 3)
	for i := range a {
		write(t, w, a[i])
		if i < len(b) {
			write(t, w, b[i])
		}
	}
	if errs := w.Close(noon); errs != nil {
		t.Fatal(errs)
	}
	got, problems := read(t, dir, Query{})
	if same(t, got, append(b, a...)); problems != nil {
		t.Error(problems)
	}
	got, _ = read(t, dir, Query{Destination: func(name string) bool { return name == "/topic/a" }, From: noon.Add(5 * time.Second), To: noon.Add(7 * time.Second)})
	same(t, got, a[5:7])
	write(t, w, a[0]) // it opens its file again
	flush(t, w)
	got, _ = read(t, dir, Query{})
	same(t, got, append(b, append(a, a[0])...))
}

// A file that is large or old enough is followed by another, and the oldest are removed as the options say; what is
// there is whole, and in order.
func TestFilesAreRotatedAndRemoved(t *testing.T) {
	for _, c := range []struct {
		name    string
		options Options
		files   int
		first   int // of the records that are left
	}{
		{"by size", Options{FileBytes: 90}, 20, 0},
		{"by age", Options{FileAge: 5 * time.Second}, 4, 0},
		{"and removed by number", Options{FileAge: 5 * time.Second, MaxFiles: 2}, 2, 10},
		{"and removed by octets", Options{FileAge: 5 * time.Second, MaxBytes: 1}, 1, 15},
		{"not at all", Options{}, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.options.Directory = t.TempDir()
			w := NewWriter(c.options)
			all := records("/topic/a", 20)
			for _, r := range all {
				r.Body = bytes.Repeat([]byte("x"), 60)
				write(t, w, r)
			}
			flush(t, w)
			files, err := Files(c.options.Directory)
			if err != nil || len(files) != c.files {
				t.Errorf("%d files, want %d; %v", len(files), c.files, err)
			}
			got, problems := read(t, c.options.Directory, Query{})
			if same(t, got, all[c.first:]); problems != nil {
				t.Error(problems)
			}
			got, _ = read(t, c.options.Directory, Query{From: all[17].Time})
			same(t, got, all[17:])
		})
	}
}

// Files that are begun in the same millisecond, or after the clock was set back, are listed in the order they were
// begun, also when older ones were removed meanwhile.
func TestFilesAreListedAsTheyWereBegun(t *testing.T) {
	dir := t.TempDir()
	w := NewWriter(Options{Directory: dir, FileBytes: 1, MaxFiles: 1050})
	all := records("q", 1)
	for i := range 1100 {
		r := &Record{Time: noon.Add(-time.Duration(i/1020) * time.Hour), Destination: "q", ID: fmt.Sprint(i)}
		all = append(all[:i], r)
		write(t, w, r)
	}
	flush(t, w)
	got, _ := read(t, dir, Query{})
	same(t, got, all[50:])
}

// Of a file that is cut off anywhere every record before that is read, and the reader says how much it left.
func TestUnfinishedEnds(t *testing.T) {
	dir := t.TempDir()
	w := NewWriter(Options{Directory: dir})
	all := records("/topic/a", 4)
	write(t, w, all...)
	flush(t, w)
	files, _ := Files(dir)
	whole, err := os.ReadFile(files[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	ends := []int{len(appendHead(nil, "/topic/a", noon))}
	for _, r := range all {
		ends = append(ends, ends[len(ends)-1]+len(appendRecord(nil, r)))
	}
	for n := range whole {
		for _, zeros := range []int{0, 1, 7, 8, 5000} {
			r, err := NewReader(bytes.NewReader(append(bytes.Clone(whole[:n]), make([]byte, zeros)...)))
			if n < ends[0] {
				if err == nil {
					t.Fatalf("cut off at %d, within its beginning, it was read", n)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []*Record
			for {
				rec, err := r.Next()
				if err != nil {
					// Zeros may make a length that is too small: then the checksum is wrong before the end.
					if corrupt := new(CorruptError); err != io.EOF && !(zeros > 0 && errors.As(err, &corrupt)) {
						t.Fatalf("cut off at %d, with %d zeros: %v", n, zeros, err)
					}
					break
				}
				got = append(got, rec)
			}
			last := 0
			for last < len(all) && ends[last+1] <= n {
				last++
			}
			same(t, got, all[:last])
			if zeros == 0 && r.Left() != int64(n-ends[last]) {
				t.Fatalf("cut off at %d: %d octets left, want %d", n, r.Left(), n-ends[last])
			}
		}
	}
}

// Whatever octet of a file is changed: what comes before it is read as it was, and nothing is read that was not
// written.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	w := NewWriter(Options{Directory: dir})
	all := records("/topic/a", 4)
	write(t, w, all...)
	flush(t, w)
	files, _ := Files(dir)
	whole, err := os.ReadFile(files[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		for _, flip := range []byte{1, 0xff} {
			damaged := bytes.Clone(whole)
			damaged[n] ^= flip
			if err := os.WriteFile(files[0].Path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			got, problems := read(t, dir, Query{})
			if len(problems) != 1 {
				t.Fatalf("octet %d changed: %v", n, problems)
			}
			same(t, got, all[:len(got)])
			if n > 150 && len(got) == 0 {
				t.Fatalf("octet %d changed, and nothing could be read before it: %v", n, problems)
			}
		}
	}
}

// What can't be written is lost, counted and told; it leaves nothing half written, and once the disk takes something
// again, and a pause is over, the journal goes on in a new file and tells how many records were lost, once.
func TestDiskThatTakesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // a file stands where the directory should be
		t.Fatal(err)
	}
	var recovered []string
	w := NewWriter(Options{Directory: dir, Recovered: func(d string, lost int) { recovered = append(recovered, fmt.Sprint(d, lost)) }})
	all := records("q", 7)
	write(t, w, all[0], all[1])
	errs := w.Flush(noon)
	if len(errs) != 1 || errs[0].Lost != 2 || !errs[0].First || errs[0].Destination != "q" || !strings.Contains(errs[0].Error(), `"q"`) {
		t.Fatal(errs)
	}
	var lost *WriteError
	if err := w.Append(noon.Add(time.Second-1), all[2]); !errors.As(err, &lost) || lost.Lost != 1 || lost.First {
		t.Errorf("during the pause: %v", err)
	}
	write(t, w, all[3])
	if errs := w.Flush(noon.Add(3 * time.Second)); len(errs) != 1 || errs[0].First || errs[0].Lost != 1 {
		t.Errorf("the second time: %v", errs)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if recovered != nil {
		t.Errorf("recovered before anything was written: %v", recovered)
	}
	write(t, w, all[4:5]...)
	flush(t, w)
	write(t, w, all[5:]...)
	flush(t, w)
	if want := []string{"q4"}; !slices.Equal(recovered, want) {
		t.Errorf("recovered: %v, want %v", recovered, want)
	}
	got, problems := read(t, dir, Query{})
	if same(t, got, all[4:]); problems != nil {
		t.Error(problems)
	}
}

// A disk that gets full in the middle of a record loses that and what was written with it, and nothing else.
func TestDiskThatGetsFull(t *testing.T) {
	dir := t.TempDir()
	w := NewWriter(Options{Directory: dir})
	all := records("q", 4)
	write(t, w, all[0], all[1])
	flush(t, w)
	// The file is swapped for a device that is always full.
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("needs /dev/full:", err)
	}
	l := w.logs["q"]
	l.file.Close()
	l.file = full
	write(t, w, all[2])
	if errs := w.Flush(noon); len(errs) != 1 || errs[0].Lost != 1 {
		t.Fatal(errs)
	}
	all[3].Time = noon.Add(time.Hour)
	write(t, w, all[3])
	flush(t, w)
	got, problems := read(t, dir, Query{})
	if same(t, got, []*Record{all[0], all[1], all[3]}); problems != nil {
		t.Error(problems)
	}
	if files, _ := Files(dir); len(files) != 2 {
		t.Errorf("%d files", len(files))
	}
}

// With more destinations than may have open files each keeps its file and its order.
func TestManyDestinations(t *testing.T) {
	dir := t.TempDir()
	w := NewWriter(Options{Directory: dir, OpenFiles: 3})
	for i := range 5 {
		for d := range 20 {
			r := records(fmt.Sprintf("/queue/%02d", d), i+1)[i]
			write(t, w, r)
		}
		flush(t, w)
		if w.open > 3 {
			t.Fatalf("%d files are open", w.open)
		}
	}
	files, _ := Files(dir)
	got, _ := read(t, dir, Query{Destination: func(name string) bool { return name == "/queue/07" }})
	if same(t, got, records("/queue/07", 5)); len(files) != 20 {
		t.Errorf("%d files", len(files))
	}
}

// With another directory the journal goes on there, and nothing is lost between the two.
func TestAnotherDirectory(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	w := NewWriter(Options{Directory: first})
	all := records("q", 3)
	write(t, w, all[0])
	if errs := w.SetOptions(noon, Options{Directory: first, FileBytes: 1}); errs != nil {
		t.Fatal(errs)
	}
	write(t, w, all[1])
	if errs := w.SetOptions(noon, Options{Directory: second}); errs != nil {
		t.Fatal(errs)
	}
	write(t, w, all[2])
	flush(t, w)
	got, _ := read(t, first, Query{})
	same(t, got, all[:2])
	got, _ = read(t, second, Query{})
	if same(t, got, all[2:]); w.open != 1 {
		t.Errorf("%d files are open", w.open)
	}
}

// Names of destinations make names of directories that are no path, not too long, and different.
func TestDirectoryNames(t *testing.T) {
	seen := make(map[string]string)
	long := strings.Repeat("/ä", 400)
	for _, name := range []string{"/queue/a", "/queue/a/", "../../etc", ".", "..", "", "a%2F", "a/", "A", long, long + "x", strings.Repeat("x", 1024)} {
		d := directoryName(name)
		if other, twice := seen[d]; twice || len(d) > 200 || strings.ContainsAny(d, "/.\\") {
			t.Errorf("%q becomes %q, as %q", name, d, other)
		}
		seen[d] = name
	}
}

// What no Writer has written is no journal, and says so.
func TestNoJournal(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, fileName(noon, 0))
	for text, want := range map[string]string{"hello, world, this is no journal": "does not begin like a journal", "SJOURNAL\x05": "the last 9 octets"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, problems := read(t, dir, Query{}); len(problems) != 1 || !strings.Contains(problems[0].Error(), want) {
			t.Errorf("%q: %v", text, problems)
		}
	}
}

// FuzzReader: no octets make the reader panic or take more memory than they are, and what it reads is what writing it
// again would give.
func FuzzReader(f *testing.F) {
	whole := appendHead(nil, "/topic/a", noon)
	f.Add(bytes.Clone(whole))
	for _, r := range records("/topic/a", 3) {
		whole = appendRecord(whole, r)
	}
	f.Add(whole)
	f.Add(append(whole, make([]byte, 20)...))
	f.Fuzz(func(t *testing.T, p []byte) {
		r, err := NewReader(bytes.NewReader(p))
		if err != nil {
			return
		}
		again := appendHead(nil, r.Destination(), r.Begun())
		for {
			rec, err := r.Next()
			if err != nil {
				if _, second := r.Next(); second != err {
					t.Errorf("first %v, then %v", err, second)
				}
				break
			}
			again = appendRecord(again, rec)
		}
		// Numbers have longer spellings, which no writer writes: then only the records count.
		second, err := NewReader(bytes.NewReader(again))
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := second.Next(); err != nil {
				if err != io.EOF || second.Left() != 0 {
					t.Errorf("what was read can't be written and read again: %v", err)
				}
				return
			}
		}
	})
}
