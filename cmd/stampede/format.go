package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// writeMessage prints one message, whole and at once.
type writeMessage func(io.Writer, *message) error

// printer returns what prints in one of the formats.
func printer(format, end string) (writeMessage, error) {
	switch format {
	case "pretty":
		return writePretty, nil
	case "json":
		return writeJSON, nil
	case "raw":
		tail := unescape.Replace(end)
		return func(w io.Writer, m *message) error {
			_, err := w.Write(append(bytes.Clone(m.Body), tail...))
			return err
		}, nil
	}
	return nil, usagef("--format is pretty, raw or json, not %q", format)
}

// unescape reads the escapes that a flag may hold; any other stays as it is.
var unescape = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r", `\t`, "\t", `\0`, "\x00")

// inTitle are the headers that pretty shows in its first line, or that say nothing a reader can't see.
var inTitle = map[string]bool{"destination": true, "subscription": true, "message-id": true, "content-length": true, "ack": true}

// writePretty prints a message for people. Nothing in it can give orders to the terminal.
func writePretty(w io.Writer, m *message) error {
	var b bytes.Buffer
	destination, _ := m.Header.Get("destination")
	id, _ := m.Header.Get("message-id")
	fmt.Fprintf(&b, "── %s  %s  %d bytes\n", oneLine(destination), oneLine(id), len(m.Body))
	for _, f := range m.Header {
		if !inTitle[f.Name] {
			fmt.Fprintf(&b, "   %s: %s\n", oneLine(f.Name), oneLine(f.Value))
		}
	}
	switch {
	case len(m.Body) == 0:
	case utf8.Valid(m.Body):
		b.WriteString(printable(string(m.Body)))
		if !bytes.HasSuffix(m.Body, []byte("\n")) {
			b.WriteByte('\n')
		}
	default:
		const most = 1 << 10
		b.WriteString(hex.Dump(m.Body[:min(len(m.Body), most)]))
		if len(m.Body) > most {
			fmt.Fprintf(&b, "… %d more bytes\n", len(m.Body)-most)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// writeJSON prints a message as one line. Of a repeated header the first counts, as STOMP has it.
func writeJSON(w io.Writer, m *message) error {
	type object struct {
		Destination string            `json:"destination"`
		Headers     map[string]string `json:"headers"`
		Body        *string           `json:"body,omitempty"`
		BodyBase64  *string           `json:"body_base64,omitempty"`
	}
	o := object{Headers: make(map[string]string, len(m.Header))}
	o.Destination, _ = m.Header.Get("destination")
	for _, f := range m.Header {
		if _, ok := o.Headers[f.Name]; !ok {
			o.Headers[f.Name] = f.Value
		}
	}
	if utf8.Valid(m.Body) {
		text := string(m.Body)
		o.Body = &text
	} else {
		text := base64.StdEncoding.EncodeToString(m.Body)
		o.BodyBase64 = &text
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(o); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}
