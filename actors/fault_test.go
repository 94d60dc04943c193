package actors

import (
	"fmt"
	"strings"
	"testing"

	"stampede/stompwire"
)

// decode reads exactly one frame as a client of a version would.
func decode(t *testing.T, wire []byte, v stompwire.Version) stompwire.Frame {
	t.Helper()
	d := stompwire.NewDecoder(stompwire.Limits{MaxHeaders: 1000, MaxHeaderBytes: 1 << 20, MaxHeaderBlockBytes: 1 << 24, MaxBodyBytes: 1 << 24})
	d.SetVersion(v)
	var f stompwire.Frame
	n, ok, err := d.Decode(wire, &f)
	if err != nil || !ok || n != len(wire) {
		t.Fatalf("%d of %d octets read, complete %t, %v: %.300q", n, len(wire), ok, err, wire)
	}
	return f
}

// An ERROR says the message, the code, the receipt if one was asked for, and the detail in a text body with its
// length, and comes through in every version as it was meant.
func TestFaultFrame(t *testing.T) {
	fault := &Fault{Code: CodeSyntax, Message: "bad: thing", Detail: "line one\nline two: ünï", Headers: []stompwire.Field{{Name: "version", Value: "1.0,1.1"}}}
	for _, v := range []stompwire.Version{stompwire.V10, stompwire.V11, stompwire.V12} {
		for _, receipt := range []string{"", "r:1\\2"} {
			f := fault.frame(receipt, receipt != "")
			got := decode(t, stompwire.AppendFrame(nil, &f, v), v)
			if got.Command != stompwire.Error || string(got.Body) != fault.Detail {
				t.Errorf("%v: got %s %q", v, got.Command, got.Body)
			}
			want := map[string]string{
				"message": "bad: thing", "code": "syntax", "version": "1.0,1.1",
				"content-type": "text/plain", "content-length": fmt.Sprint(len(fault.Detail)),
			}
			if receipt != "" {
				want["receipt-id"] = receipt
			}
			if len(got.Header) != len(want) {
				t.Errorf("%v: %d headers: %v", v, len(got.Header), got.Header)
			}
			for name, value := range want {
				if is, _ := got.Header.Get(name); is != value {
					t.Errorf("%v: %s is %q, wants %q", v, name, is, value)
				}
			}
		}
	}
}

// A receipt header that is there and empty is answered; one that is not there is not.
func TestFaultReceipt(t *testing.T) {
	f := faultf(CodeAck, "m", "d").frame("", true)
	if id, there := f.Header.Get("receipt-id"); !there || id != "" {
		t.Errorf("receipt-id %q, %t", id, there)
	}
	f = faultf(CodeAck, "m", "d").frame("x", false)
	if f.Header.Has("receipt-id") {
		t.Error("a receipt that nobody asked for")
	}
}

// A limit is named with its value, a feature that is missing by its name; an error's text has all of it.
func TestFaultTexts(t *testing.T) {
	if f := limitFault(CodeHeaders, "too many", "limits.max_headers", 64); !strings.Contains(f.Detail, "limits.max_headers is 64") || f.Code != CodeHeaders || f.Message != "too many" {
		t.Errorf("got %v", f)
	}
	f := unsupported("browsing")
	if !strings.Contains(f.Detail, "browsing") || f.Code != CodeUnsupported {
		t.Errorf("got %v", f)
	}
	if s := faultf(CodeAck, "short", "long %d%%", 5).Error(); s != "short (ack): long 5%" {
		t.Errorf("got %q", s)
	}
}

// Making an ERROR does not change the fault it is made of: the same one may go to several clients.
func TestFaultIsNotChanged(t *testing.T) {
	headers := make([]stompwire.Field, 1, 8)
	headers[0] = stompwire.Field{Name: "version", Value: "1.2"}
	fault := &Fault{Code: CodeVersion, Message: "m", Detail: "d", Headers: headers}
	a, b := fault.frame("a", true), fault.frame("b", true)
	if id, _ := a.Header.Get("receipt-id"); id != "a" {
		t.Errorf("the first frame's receipt became %q", id)
	}
	if id, _ := b.Header.Get("receipt-id"); id != "b" || len(fault.Headers) != 1 || headers[:2][1] != (stompwire.Field{}) {
		t.Errorf("receipt %q, headers %v", id, headers[:2])
	}
}
