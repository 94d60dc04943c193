package journal

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"stampede/stompwire"
)

// Record is a message as a destination took it.
type Record struct {
	Time        time.Time // when it was taken
	Destination string
	ID          string // the message-id
	Header      stompwire.Header
	Body        []byte
}

const (
	magic = "SJOURNAL"

	kindHead    = 1
	kindMessage = 2
	version     = 1

	frameBytes = 8 // length and checksum

	// maxPayload is more than a frame can have: the largest body and header block that can be configured.
	maxPayload = 1<<30 + 1<<27
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendHead writes what a file begins with.
func appendHead(dst []byte, destination string, begun time.Time) []byte {
	dst = append(dst, magic...)
	return frame(dst, func(dst []byte) []byte {
		dst = append(dst, kindHead, version)
		dst = binary.LittleEndian.AppendUint64(dst, uint64(begun.UnixNano()))
		return append(dst, destination...)
	})
}

// appendRecord writes a message. Its destination is that of the file.
func appendRecord(dst []byte, r *Record) []byte {
	return frame(dst, func(dst []byte) []byte {
		dst = append(dst, kindMessage)
		dst = binary.LittleEndian.AppendUint64(dst, uint64(r.Time.UnixNano()))
		dst = appendText(dst, r.ID)
		dst = binary.AppendUvarint(dst, uint64(len(r.Header)))
		for i := range r.Header {
			dst = appendText(dst, r.Header[i].Name)
			dst = appendText(dst, r.Header[i].Value)
		}
		return append(dst, r.Body...)
	})
}

// frame puts length and checksum in front of what payload appends.
func frame(dst []byte, payload func([]byte) []byte) []byte {
	start := len(dst)
	dst = payload(append(dst, make([]byte, frameBytes)...))
	written := dst[start+frameBytes:]
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(written)))
	binary.LittleEndian.PutUint32(dst[start+4:], crc32.Checksum(written, castagnoli))
	return dst
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// errPayload is a payload that passed its checksum and is none of ours.
var errPayload = errors.New("the record is not one that this version writes")

// parseHead reads the first record of a file.
func parseHead(payload []byte) (destination string, begun time.Time, err error) {
	if len(payload) < 10 || payload[0] != kindHead || payload[1] != version {
		return "", time.Time{}, errPayload
	}
	return string(payload[10:]), unix(payload[2:]), nil
}

// parseRecord reads a message. The body refers to payload.
func parseRecord(payload []byte) (*Record, error) {
	if len(payload) < 9 || payload[0] != kindMessage {
		return nil, errPayload
	}
	r := &Record{Time: unix(payload[1:])}
	p := payload[9:]
	var ok bool
	if r.ID, p, ok = text(p); !ok {
		return nil, errPayload
	}
	count, n := binary.Uvarint(p)
	if n <= 0 || count > uint64(len(p)) { // a line takes two octets or more
		return nil, errPayload
	}
	p = p[n:]
	if count > 0 {
		r.Header = make(stompwire.Header, 0, min(count, 64))
	}
	for range count {
		var f stompwire.Field
		if f.Name, p, ok = text(p); !ok {
			return nil, errPayload
		}
		if f.Value, p, ok = text(p); !ok {
			return nil, errPayload
		}
		r.Header = append(r.Header, f)
	}
	r.Body = p
	return r, nil
}

func text(p []byte) (s string, rest []byte, ok bool) {
	length, n := binary.Uvarint(p)
	if n <= 0 || length > uint64(len(p)-n) {
		return "", nil, false
	}
	end := n + int(length)
	return string(p[n:end]), p[end:], true
}

func unix(p []byte) time.Time { return time.Unix(0, int64(binary.LittleEndian.Uint64(p))).UTC() }
