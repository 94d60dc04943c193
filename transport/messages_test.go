package transport

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"stampede/stompwire"
)

// Neither logging nor printing an Inbound shows what a client wrote: dead letters are logged whole.
func TestInboundIsDiscreet(t *testing.T) {
	m := &Inbound{Cost: 1, Frames: []stompwire.Frame{{
		Command: stompwire.Connect, Header: stompwire.Header{{Name: "passcode", Value: "sesame"}},
	}}}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("dead letter", "message", m)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("dead letter", "message", m)
	fmt.Fprintf(&log, "%v %+v %s %#v", m, m, m, m)
	if strings.Contains(log.String(), "sesame") {
		t.Error(log.String())
	}
}

// Every reason has a code of its own and a close code that may be sent [RFC 6455 §7.4.1].
func TestReasons(t *testing.T) {
	seen := map[string]CloseReason{}
	for r := range reasonCount {
		if other, twice := seen[r.Code()]; twice || r.Code() == "" {
			t.Errorf("reason %d has the code %q, and so has %d", r, r.Code(), other)
		}
		seen[r.Code()] = r
		switch c := r.WebSocketCode(); {
		case c < 1000 || c > 1013 || c >= 1004 && c <= 1006:
			t.Errorf("%v: close code %d", r, c)
		}
		if r.String() != r.Code() || len(r.Code()) > maxCloseText {
			t.Errorf("%v: %q", r, r.String())
		}
	}
	if r := reasonCount + 1; r.Code() != "unknown" || r.WebSocketCode() != 1011 {
		t.Errorf("beyond the table: %q %d", r.Code(), r.WebSocketCode())
	}
}

// What the options leave open of the limits before Admit is small, not unlimited.
func TestConnectLimitsFillGaps(t *testing.T) {
	got := connectLimits(stompwire.Limits{MaxHeaders: 5})
	want := ConnectLimits()
	want.MaxHeaders = 5
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
