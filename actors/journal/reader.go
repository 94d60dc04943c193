package journal

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"
)

// CorruptError says where a file is damaged, other than at its end.
type CorruptError struct {
	Offset  int64 // of the record that can't be read
	Problem string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("damaged at octet %d: %s", e.Offset, e.Problem)
}

// Reader reads the records of one file.
type Reader struct {
	in          *bufio.Reader
	offset      int64 // of the next record
	left        int64
	destination string
	begun       time.Time
	payload     bytes.Buffer
	err         error
}

// NewReader reads the beginning of a file. The error is a *CorruptError if it is no journal, io.EOF if it has no
// whole beginning, or that of in.
func NewReader(in io.Reader) (*Reader, error) {
	r := &Reader{in: bufio.NewReaderSize(in, 64<<10)}
	var begin [len(magic)]byte
	n, err := io.ReadFull(r.in, begin[:])
	if err != nil {
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		return nil, err
	}
	if string(begin[:]) != magic {
		return nil, &CorruptError{Problem: "it does not begin like a journal"}
	}
	r.offset = int64(n)
	payload, err := r.next()
	if err != nil {
		return nil, err
	}
	if r.destination, r.begun, err = parseHead(payload); err != nil {
		return nil, &CorruptError{Offset: int64(n), Problem: err.Error()}
	}
	return r, nil
}

// Destination is the one whose messages the file has.
func (r *Reader) Destination() string { return r.destination }

// Begun is when the file was begun.
func (r *Reader) Begun() time.Time { return r.begun }

// Left is how many octets at the end of the file are no whole record; it is known once Next has returned io.EOF.
func (r *Reader) Left() int64 { return r.left }

// Next returns the next record, io.EOF at the end of the file or in front of an end that a crash has left unfinished,
// a *CorruptError, or the error of the reader below. Later calls return the same error.
func (r *Reader) Next() (*Record, error) {
	if r.err != nil {
		return nil, r.err
	}
	at := r.offset
	payload, err := r.next()
	if err == nil {
		var rec *Record
		if rec, err = parseRecord(bytes.Clone(payload)); err == nil {
			rec.Destination = r.destination
			return rec, nil
		}
		err = &CorruptError{Offset: at, Problem: err.Error()}
	}
	r.err = err
	return nil, err
}

// next reads a payload, which is good until the next call. Memory grows with what is there, not with what a length
// says.
func (r *Reader) next() ([]byte, error) {
	var head [frameBytes]byte
	n, err := io.ReadFull(r.in, head[:])
	switch {
	case err == io.EOF:
		return nil, io.EOF
	case err == io.ErrUnexpectedEOF:
		r.left = int64(n)
		return nil, io.EOF
	case err != nil:
		return nil, err
	}
	length := binary.LittleEndian.Uint32(head[:])
	if length == 0 {
		return nil, r.zeros(head[:])
	}
	if length > maxPayload {
		return nil, &CorruptError{Offset: r.offset, Problem: fmt.Sprintf("a record of %d octets", length)}
	}
	r.payload.Reset()
	got, err := io.CopyN(&r.payload, r.in, int64(length))
	if errors.Is(err, io.EOF) {
		r.left = frameBytes + got
		return nil, io.EOF
	}
	if err != nil {
		return nil, err
	}
	if sum := crc32.Checksum(r.payload.Bytes(), castagnoli); sum != binary.LittleEndian.Uint32(head[4:]) {
		if _, err := r.in.Peek(1); err == io.EOF { // the last one: its octets did not all get to the disk
			r.left = frameBytes + got
			return nil, io.EOF
		}
		return nil, &CorruptError{Offset: r.offset, Problem: "the checksum of the record is wrong"}
	}
	r.offset += frameBytes + got
	return r.payload.Bytes(), nil
}

// zeros tells what a record of no length is: the end, if nothing but zeros follow.
func (r *Reader) zeros(head []byte) error {
	count := int64(len(head))
	corrupt := !allZero(head)
	var buf [4096]byte
	for !corrupt {
		n, err := r.in.Read(buf[:])
		count += int64(n)
		corrupt = !allZero(buf[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if corrupt {
		return &CorruptError{Offset: r.offset, Problem: "a record of no length"}
	}
	r.left = count
	return io.EOF
}

func allZero(p []byte) bool { return len(bytes.Trim(p, "\x00")) == 0 }
