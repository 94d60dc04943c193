package transport

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"testing"
)

// An address in a log of JSON is one string, as "remote" is in the lines of the broker, and not an object.
func TestAddressInJSON(t *testing.T) {
	for _, c := range []struct {
		addr net.Addr
		want string
	}{
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 4711}, `"remote":"192.0.2.7:4711"`},
		{&net.UnixAddr{Name: "/run/a", Net: "unix"}, `"remote":"/run/a"`},
		{nil, `"remote":""`},
	} {
		var out bytes.Buffer
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "remote", logged{c.addr})
		if !strings.Contains(out.String(), c.want) {
			t.Errorf("%v: got %s, want %s in it", c.addr, out.String(), c.want)
		}
	}
}
