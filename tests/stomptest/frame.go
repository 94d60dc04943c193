package stomptest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Field is one header line as it was on the wire: still escaped.
type Field struct{ Name, Value string }

// Frame is one frame as it was on the wire.
type Frame struct {
	Command string
	Header  []Field
	Body    string
}

// Get gives the value of the first line of that name, and whether there is one.
func (f Frame) Get(name string) (string, bool) {
	i := slices.IndexFunc(f.Header, func(h Field) bool { return h.Name == name })
	if i < 0 {
		return "", false
	}
	return f.Header[i].Value, true
}

// Header1 gives the value of the first line of that name, or "".
func (f Frame) Header1(name string) string {
	v, _ := f.Get(name)
	return v
}

// All gives the values of all lines of that name, in order.
func (f Frame) All(name string) []string {
	var all []string
	for _, h := range f.Header {
		if h.Name == name {
			all = append(all, h.Value)
		}
	}
	return all
}

// String writes a frame for a failure message, long bodies cut.
func (f Frame) String() string {
	var b strings.Builder
	b.WriteString(f.Command)
	for _, h := range f.Header {
		fmt.Fprintf(&b, "\n    %s:%s", h.Name, h.Value)
	}
	if f.Body != "" {
		fmt.Fprintf(&b, "\n    body %s", quote(f.Body))
	}
	return b.String()
}

func quote(s string) string {
	if len(s) > 400 {
		return fmt.Sprintf("%q… (%d bytes)", s[:400], len(s))
	}
	return strconv.Quote(s)
}

// parse takes one frame, or one heart-beat (beat), off the front of data. n is 0 while more is needed. An error is a
// violation of the protocol by the broker; version is the one that was agreed on, or "".
func parse(data []byte, version string) (f Frame, n int, beat bool, err error) {
	if len(data) == 0 {
		return f, 0, false, nil
	}
	if data[0] == '\n' {
		return f, 1, true, nil
	}
	end := bytes.Index(data, []byte("\n\n"))
	if end < 0 {
		if i := bytes.IndexByte(data, 0); i >= 0 {
			return f, 0, false, fmt.Errorf("a NUL before the blank line that ends the header: %s", quote(string(data[:i+1])))
		}
		return f, 0, false, nil
	}
	lines := strings.Split(string(data[:end]), "\n")
	f.Command = lines[0]
	if !slices.Contains([]string{"CONNECTED", "MESSAGE", "RECEIPT", "ERROR"}, f.Command) {
		return f, 0, false, fmt.Errorf("%s is no command of a server", quote(f.Command))
	}
	length := -1
	for _, line := range lines[1:] {
		name, value, colon := strings.Cut(line, ":")
		if !colon || name == "" {
			return f, 0, false, fmt.Errorf("%s has the header line %s", f.Command, quote(line))
		}
		if err := checkValue(f.Command, name, value, version); err != nil {
			return f, 0, false, err
		}
		if name == "content-length" && length < 0 {
			if length, err = strconv.Atoi(value); err != nil || length < 0 {
				return f, 0, false, fmt.Errorf("%s has content-length %s", f.Command, quote(value))
			}
		}
		f.Header = append(f.Header, Field{name, value})
	}
	body := data[end+2:]
	switch {
	case length < 0:
		if length = bytes.IndexByte(body, 0); length < 0 {
			return f, 0, false, nil
		}
	case len(body) < length+1:
		return f, 0, false, nil
	case body[length] != 0:
		return f, 0, false, fmt.Errorf("%s says content-length %d, but no NUL follows that many octets", f.Command, length)
	}
	f.Body = string(body[:length])
	return f, end + 2 + length + 1, false, f.check(version)
}

// checkValue holds one header line against the escaping of the agreed version.
func checkValue(command, name, value, version string) error {
	if strings.ContainsAny(name+value, "\r\x00") {
		return fmt.Errorf("%s has a CR or NUL in the header line %s", command, quote(name+":"+value))
	}
	if command == "CONNECTED" || version == "" || version == "1.0" {
		return nil
	}
	if strings.Contains(value, ":") {
		return fmt.Errorf("%s has an unescaped colon in the value of %s: %s", command, name, quote(value))
	}
	defined := `nc\`
	if version == "1.2" {
		defined += "r"
	}
	for _, s := range []string{name, value} {
		for i := strings.IndexByte(s, '\\'); i >= 0; {
			if i+1 == len(s) || !strings.ContainsRune(defined, rune(s[i+1])) {
				return fmt.Errorf("%s has an escape that %s does not define in the header line %s", command, version, quote(name+":"+value))
			}
			next := strings.IndexByte(s[i+2:], '\\')
			if next < 0 {
				break
			}
			i += 2 + next
		}
	}
	return nil
}

// check holds a whole frame against what every frame of its kind must have.
func (f Frame) check(version string) error {
	need := map[string][]string{
		"CONNECTED": {"version"},
		"MESSAGE":   {"message-id", "destination", "content-length"},
		"RECEIPT":   {"receipt-id"},
		"ERROR":     {"message", "code", "content-type"},
	}[f.Command]
	if f.Command == "MESSAGE" && version != "1.0" {
		need = append(need, "subscription")
	}
	for _, name := range need {
		if _, there := f.Get(name); !there {
			return fmt.Errorf("%s without %s: %v", f.Command, name, f)
		}
	}
	if f.Body != "" && f.Command != "MESSAGE" && f.Command != "ERROR" {
		return fmt.Errorf("%s with a body: %v", f.Command, f)
	}
	if strings.Contains(f.Body, "\x00") && f.Header1("content-length") == "" {
		return errors.New("a body with a NUL and no content-length")
	}
	return nil
}
