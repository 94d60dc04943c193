package stompwire_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"stampede/stompwire"
)

const hush = "s3cr3t"

func secretFrame() stompwire.Frame {
	return stompwire.Frame{
		Command: stompwire.Connect,
		Header: stompwire.Header{
			{Name: "login", Value: "me"},
			{Name: "passcode", Value: hush},
			{Name: "Authorization", Value: "Bearer " + hush},
			{Name: "x-auth-token", Value: hush},
		},
		Body: []byte(hush),
	}
}

// Whatever prints a frame, its header or one line of that, never shows a secret or a body.
func TestPrintingShowsNoSecret(t *testing.T) {
	f := secretFrame()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10.3v"} {
		for _, value := range []any{
			f, &f,
			[]stompwire.Frame{f},
			[]*stompwire.Frame{&f},
			map[string]stompwire.Frame{"f": f},
			struct{ Inner stompwire.Frame }{f},
			f.Header, f.Header[1], &f.Header[1], []stompwire.Field(f.Header),
			struct{ Lines stompwire.Header }{f.Header},
		} {
			if got := fmt.Sprintf(verb, value); shows(got) {
				t.Errorf("%s of a %T: %s", verb, value, got)
			}
		}
	}
	for _, got := range []string{f.String(), f.GoString(), f.Header.String(), f.Header.GoString(), f.Header[1].String(), f.Header[1].GoString(), fmt.Sprint(f), fmt.Sprintln(&f)} {
		if shows(got) {
			t.Error(got)
		}
	}
}

// shows also knows the secret in hexadecimal and in decimal octets, as verbs such as %x and %d print it.
func shows(s string) bool {
	decimal := strings.Trim(fmt.Sprint([]byte(hush)), "[]")
	return strings.Contains(s, hush) || strings.Contains(s, decimal) || strings.Contains(strings.ToLower(s), fmt.Sprintf("%x", hush))
}

// A frame that is logged, straight or inside of something, shows no secret in text or JSON.
func TestLoggingShowsNoSecret(t *testing.T) {
	f := secretFrame()
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		log := slog.New(handler)
		for _, value := range []any{f, &f, []stompwire.Frame{f}, f.Header, struct{ Inner stompwire.Frame }{f}} {
			out.Reset()
			log.With("before", value).WithGroup("g").Info("got", "frame", value)
			if got := out.String(); shows(got) || !strings.Contains(got, "login") || !strings.Contains(got, stompwire.Redacted) {
				t.Errorf("%T of a %T: %s", handler, value, got)
			}
		}
	}
}

// A log tells which command came, with which headers, and how long the body is.
func TestLogValueIsOfUse(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	log.Info("got", "frame", secretFrame())
	const want = `level=INFO msg=got frame.command=CONNECT frame.header.login=me frame.header.passcode=[redacted] ` +
		`frame.header.Authorization=[redacted] frame.header.x-auth-token=[redacted] frame.body_bytes=6` + "\n"
	if got := out.String(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	const printed = `CONNECT ["login":"me" "passcode":"[redacted]" "Authorization":"[redacted]" "x-auth-token":"[redacted]"] body=6`
	if got := fmt.Sprint(secretFrame()); got != printed {
		t.Errorf("%s, want %s", got, printed)
	}
	const encoded = `{"command":"CONNECT","header":[["login","me"],["passcode","[redacted]"],["Authorization","[redacted]"],["x-auth-token","[redacted]"]],"body_bytes":6}`
	if got, err := json.Marshal(secretFrame()); string(got) != encoded || err != nil {
		t.Errorf("%s, %v, want %s", got, err, encoded)
	}
}

// The text of a syntax error quotes no header value.
func TestErrorsShowNoSecret(t *testing.T) {
	for _, in := range []string{
		"CONNECT\npasscode " + hush + "\n\n\x00",
		"CONNECT\npasscode:" + hush + "\x00",
		"CONNECT\npasscode:" + hush + "\n\n" + hush + "\x00",
		"CONNECT\n:" + hush + "\n\n\x00",
		"CONNECT\ncontent-length:" + hush + "\n\n\x00",
	} {
		r := read(stompwire.NewDecoder(stompwire.Limits{}), []byte(in))
		if r.fault == nil || shows(r.fault.Error()) || shows(fmt.Sprintf("%+v", *r.fault)) {
			t.Errorf("%q: %v", in, r.fault)
		}
	}
}

// The text of an error has the problem, the offset and the clause.
func TestErrorText(t *testing.T) {
	r := readAs(stompwire.V12, stompwire.Limits{}, []byte("SEND\nk:\\t\n\n\x00"))
	const want = `stompwire: undefined escape "\\t" in header line 1, at offset 7 [1.2 §Value Encoding]`
	if r.fault == nil || r.fault.Error() != want {
		t.Errorf("%v, want %s", r.fault, want)
	}
	r = readAs(stompwire.V12, stompwire.Limits{}, []byte("GET /"+strings.Repeat("x", 100)+"\r\n"))
	if want := `unknown command "GET /` + strings.Repeat("x", 27) + `"`; r.fault == nil || r.fault.Problem != want {
		t.Errorf("%v, want %s", r.fault, want)
	}
}
