package stompwire

import "strings"

// Version is a version of the protocol. Versions are ordered: V10 < V11 < V12.
// The zero Version means that none has been agreed on yet.
type Version uint8

// The versions that this package reads and writes.
const (
	V10 Version = iota + 1
	V11
	V12
)

// SupportedVersions is what a server lists in the version header of the ERROR
// that answers a CONNECT with no version in common, and what a client puts in
// accept-version.
const SupportedVersions = "1.0,1.1,1.2"

// String gives "1.0", "1.1", "1.2", or "none" for the zero Version.
func (v Version) String() string {
	switch v {
	case V10:
		return "1.0"
	case V11:
		return "1.1"
	case V12:
		return "1.2"
	}
	return "none"
}

// ParseVersion reads exactly one of "1.0", "1.1" and "1.2".
func ParseVersion(s string) (Version, bool) {
	switch s {
	case "1.0":
		return V10, true
	case "1.1":
		return V11, true
	case "1.2":
		return V12, true
	}
	return 0, false
}

// Negotiate gives the highest version that this package and the list in an
// accept-version header have in common [1.2 §Protocol Negotiation]. Entries may
// come in any order, repeat, have spaces around them or be unknown to us. present
// says whether the header was there at all: a client that does not send it speaks
// 1.0. ok is false when nothing is common, which includes a header that is there
// and empty.
func Negotiate(acceptVersion string, present bool) (v Version, ok bool) {
	if !present {
		return V10, true
	}
	for more := true; more; {
		var entry string
		entry, acceptVersion, more = strings.Cut(acceptVersion, ",")
		if found, known := ParseVersion(trim(entry)); known {
			v = max(v, found)
		}
	}
	return v, v != 0
}
