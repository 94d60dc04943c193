package journal

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Options say where a Writer writes and how much it keeps. What is zero has no bound, but for Buffer and OpenFiles,
// which have defaults.
type Options struct {
	Directory  string        // made when it is needed
	FileBytes  int64         // a file that has reached it is followed by another
	FileAge    time.Duration // likewise
	MaxFiles   int           // of a destination
	MaxBytes   int64         // of a destination; files are removed as a whole, so it may be up to FileBytes more
	OpenFiles  int           // files that are open at a time
	Buffer     int           // octets of a destination that may wait for a Flush
	RetryAfter time.Duration // pause after a failure

	// Recovered, if it is set, is told when something could be written again after a failure, and how many records were
	// lost meanwhile.
	Recovered func(destination string, lost int)
}

const (
	defaultOpenFiles  = 64
	defaultBuffer     = 64 << 10
	defaultRetryAfter = time.Second
)

// WriteError says that records were lost because they could not be written.
type WriteError struct {
	Destination string
	Lost        int
	First       bool  // the first since something could be written
	Err         error // of the operating system
}

func (e *WriteError) Error() string {
	return fmt.Sprintf("the journal of %q can't be written: %v", e.Destination, e.Err)
}

func (e *WriteError) Unwrap() error { return e.Err }

// Writer writes the journals of any number of destinations.
type Writer struct {
	options Options
	logs    map[string]*log // by destination
	dirty   []*log          // with something in the buffer, in the order it came there
	clock   uint64          // counts uses; which open file was used last
	open    int
	free    [][]byte // buffers
}

// log is the journal of one destination.
type log struct {
	destination string
	directory   string
	path        string   // of the file in use; empty: none yet
	file        *os.File // nil: closed for the time being
	begun       time.Time
	size        int64  // octets of whole records in the file
	buf         []byte // whole records that are not in the file yet
	records     int    // how many
	queued      bool   // it is among the dirty ones
	used        uint64
	failure     error // the last one; nil: all is well
	lost        int   // records since all was well
	retry       time.Time
}

// NewWriter returns a writer. It touches no file before something is to be written.
func NewWriter(o Options) *Writer {
	if o.OpenFiles <= 0 {
		o.OpenFiles = defaultOpenFiles
	}
	if o.Buffer <= 0 {
		o.Buffer = defaultBuffer
	}
	if o.RetryAfter <= 0 {
		o.RetryAfter = defaultRetryAfter
	}
	return &Writer{options: o, logs: make(map[string]*log)}
}

// SetOptions changes the options from now on. With another directory, what is in the buffers goes to the last one.
func (w *Writer) SetOptions(now time.Time, o Options) []*WriteError {
	var errs []*WriteError
	if o.Directory != w.options.Directory {
		errs = w.Close(now)
		w.logs = make(map[string]*log)
	}
	w.options = NewWriter(o).options
	return errs
}

// Append adds a record to its destination's journal. It is in the file after the next Flush, or sooner. The error is a
// *WriteError if records were lost, this one or others before it.
func (w *Writer) Append(now time.Time, r *Record) error {
	l := w.logs[r.Destination]
	if l == nil {
		l = &log{destination: r.Destination, directory: filepath.Join(w.options.Directory, directoryName(r.Destination))}
		w.logs[r.Destination] = l
	}
	if l.failure != nil && now.Before(l.retry) {
		l.lost++
		return &WriteError{Destination: l.destination, Lost: 1, Err: l.failure}
	}
	if (l.path != "" || l.records > 0) && w.old(l, r.Time) {
		if err := w.flush(l, now); err != nil {
			err.Lost++
			l.lost++
			return err
		}
		w.close(l)
		l.path = ""
	}
	if l.records == 0 {
		w.begin(l, r.Time)
	}
	l.buf = appendRecord(l.buf, r)
	l.records++
	if len(l.buf) >= w.options.Buffer {
		if err := w.flush(l, now); err != nil {
			return err
		}
	}
	return nil
}

// begin is for the first record in a buffer.
func (w *Writer) begin(l *log, at time.Time) {
	if l.path == "" {
		l.begun = at // its next file does
	}
	if !l.queued {
		l.queued = true
		w.dirty = append(w.dirty, l)
	}
	if n := len(w.free); n > 0 {
		l.buf, w.free[n-1] = w.free[n-1], nil
		w.free = w.free[:n-1]
	}
}

// old tells whether the file in use must be followed by another.
func (w *Writer) old(l *log, now time.Time) bool {
	o := &w.options
	return o.FileBytes > 0 && l.size+int64(len(l.buf)) >= o.FileBytes || o.FileAge > 0 && now.Sub(l.begun) >= o.FileAge
}

// Flush writes what is in the buffers.
func (w *Writer) Flush(now time.Time) []*WriteError {
	var errs []*WriteError
	for i, l := range w.dirty {
		if err := w.flush(l, now); err != nil {
			errs = append(errs, err)
		}
		l.queued = false
		w.dirty[i] = nil
	}
	w.dirty = w.dirty[:0]
	return errs
}

// Close writes what is in the buffers and closes all files. Who appends again opens them again.
func (w *Writer) Close(now time.Time) []*WriteError {
	errs := w.Flush(now)
	for _, l := range w.logs {
		w.close(l)
	}
	return errs
}

// flush writes the buffer of one journal.
func (w *Writer) flush(l *log, now time.Time) *WriteError {
	if l.records == 0 {
		return nil
	}
	err := w.write(l)
	if err == nil {
		l.size += int64(len(l.buf))
		w.clear(l)
		if missing := l.lost; l.failure != nil {
			l.failure, l.lost = nil, 0
			if w.options.Recovered != nil {
				w.options.Recovered(l.destination, missing)
			}
		}
		return nil
	}
	l.lost += l.records
	lost := &WriteError{Destination: l.destination, Lost: l.records, First: l.failure == nil, Err: err}
	l.failure, l.retry = err, now.Add(w.options.RetryAfter)
	if l.file != nil {
		// What was written in part is cut off. If that fails too, a reader finds an unfinished end.
		_ = l.file.Truncate(l.size)
		w.close(l)
		if l.size == 0 {
			_ = os.Remove(l.path)
		}
	}
	l.path = ""
	w.clear(l)
	return lost
}

const (
	keptBuffers = 16
	keptBuffer  = 256 << 10 // octets
)

// clear gives the buffer back: most destinations are silent most of the time.
func (w *Writer) clear(l *log) {
	if len(w.free) < keptBuffers && cap(l.buf) <= keptBuffer {
		w.free = append(w.free, l.buf[:0])
	}
	l.buf, l.records = nil, 0
}

func (w *Writer) write(l *log) error {
	w.clock++
	l.used = w.clock
	if l.path == "" {
		if err := w.create(l); err != nil {
			return err
		}
	} else if l.file == nil {
		f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		w.opened(l, f)
	}
	_, err := l.file.Write(l.buf)
	return err
}

// create begins a file, and removes old ones.
func (w *Writer) create(l *log) error {
	if err := os.MkdirAll(l.directory, 0o750); err != nil {
		return err
	}
	names, err := fileNames(l.directory)
	if err != nil {
		return err
	}
	name := fileName(l.begun, 0)
	if n := len(names); n > 0 && name <= names[n-1] {
		name = nextName(names[n-1]) // within a millisecond, or the clock was set back: it is listed later all the same
	}
	path := filepath.Join(l.directory, name)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	l.path, l.size = path, 0
	w.opened(l, f)
	head := appendHead(nil, l.destination, l.begun)
	if _, err := l.file.Write(head); err != nil {
		return err
	}
	l.size = int64(len(head))
	w.removeOld(l, names)
	return nil
}

// fileNames are those of a destination's files, the oldest first.
func fileNames(directory string) ([]string, error) {
	entries, err := os.ReadDir(directory)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries { // in the order of their names
		if !begunAt(e.Name()).IsZero() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// removeOld removes the oldest of a destination's files until the others and the new one are no more than there may
// be. One that can't be removed is tried again with the next file.
func (w *Writer) removeOld(l *log, names []string) {
	o := &w.options
	excess := 0
	if o.MaxFiles > 0 {
		excess = max(0, len(names)+1-o.MaxFiles)
	}
	if o.MaxBytes > 0 {
		total, keep := int64(0), len(names)
		for keep > 0 {
			info, err := os.Stat(filepath.Join(l.directory, names[keep-1]))
			if err == nil {
				total += info.Size()
			}
			if total > o.MaxBytes {
				break
			}
			keep--
		}
		excess = max(excess, keep)
	}
	for _, name := range names[:excess] {
		_ = os.Remove(filepath.Join(l.directory, name))
	}
}

// opened notes an open file, and closes the one that was not used for the longest time if there are too many.
func (w *Writer) opened(l *log, f *os.File) {
	l.file = f
	w.open++
	if w.open <= w.options.OpenFiles {
		return
	}
	var open []*log
	for _, o := range w.logs {
		if o.file != nil && o != l {
			open = append(open, o)
		}
	}
	if len(open) == 0 {
		return
	}
	last := slices.MinFunc(open, func(a, b *log) int { return cmp.Compare(a.used, b.used) })
	w.close(last)
	if len(w.logs) > keptLogs && last.records == 0 && last.failure == nil {
		delete(w.logs, last.destination) // should it come again it gets another file
	}
}

// keptLogs is how many destinations are remembered whose files are closed.
const keptLogs = 4096

func (w *Writer) close(l *log) {
	if l.file != nil {
		_ = l.file.Close() // nothing is buffered in it
		l.file = nil
		w.open--
	}
}
