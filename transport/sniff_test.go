package transport

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// The protocol is known as soon as the bytes allow, and not before, at every length of every
// beginning.
func TestSniff(t *testing.T) {
	for _, c := range []struct {
		head string
		want protocol
		at   int // bytes needed
	}{
		{"CONNECT\naccept", protocolSTOMP, 8},
		{"CONNECT\r\n", protocolSTOMP, 8},
		{"CONNECT\x00", protocolSTOMP, 8},
		{"CONNECTED", protocolSTOMP, 8},
		{"CONNECT example.com:443 HTTP/1.1\r\n", protocolHTTP, 8},
		{"STOMP\n", protocolSTOMP, 1},
		{"SEND\n", protocolSTOMP, 1},
		{"DISCONNECT\n", protocolSTOMP, 2},
		{"\n\nCONNECT", protocolSTOMP, 1},
		{"\r\nCONNECT", protocolSTOMP, 1},
		{" GET /", protocolSTOMP, 1},
		{"get / HTTP/1.1", protocolSTOMP, 1},
		{"GETTY", protocolSTOMP, 4},
		{"GET / HTTP/1.1\r\n", protocolHTTP, 4},
		{"HEAD / HTTP/1.1\r\n", protocolHTTP, 5},
		{"POST / HTTP/1.1\r\n", protocolHTTP, 5},
		{"PUT / HTTP/1.1\r\n", protocolHTTP, 4},
		{"PATCH / HTTP/1.1\r\n", protocolHTTP, 6},
		{"OPTIONS * HTTP/1.1\r\n", protocolHTTP, 8},
		{"DELETE / HTTP/1.1\r\n", protocolHTTP, 7},
		{"TRACE / HTTP/1.1\r\n", protocolHTTP, 6},
		{"PRI * HTTP/2.0\r\n\r\nSM", protocolSTOMP, 2},
		{"\x16\x03\x01\x02\x00", protocolTLS, 1},
		{"\x00\xff\xfe", protocolSTOMP, 1},
		{"\x80.\x01\x00\x02", protocolSTOMP, 1}, // an SSLv2 hello
	} {
		for n := range len(c.head) + 1 {
			want := protocolUnknown
			if n >= c.at {
				want = c.want
			}
			if got := sniff([]byte(c.head[:n])); got != want {
				t.Errorf("sniff(%q) = %d, want %d", c.head[:n], got, want)
			}
		}
	}
}

// Sniffing loses no byte, however the bytes come.
func TestSniffConnLosesNothing(t *testing.T) {
	for _, stream := range []string{"CONNECT\n\n\x00more", "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01", strings.Repeat("\n", 2*sniffBytes)} {
		for name, split := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "one byte": iotest.OneByteReader, "data with EOF": iotest.DataErrReader,
		} {
			r := split(strings.NewReader(stream))
			kind, head, err := sniffConn(readConn{r}, nil)
			if err != nil || kind != sniff([]byte(stream)) {
				t.Errorf("%s %q: %d %v", name, stream, kind, err)
			}
			c := &sniffed{Conn: readConn{r}, head: head}
			if got, err := io.ReadAll(c); err != nil || string(got) != stream {
				t.Errorf("%s: read %q, %v, want %q", name, got, err, stream)
			}
		}
	}
}

// A stream that ends before its protocol is known is an error.
func TestSniffConnNeedsEnough(t *testing.T) {
	for _, stream := range []string{"", "GE", "CONNECT"} {
		if kind, _, err := sniffConn(readConn{strings.NewReader(stream)}, nil); err != io.EOF {
			t.Errorf("%q: %d %v", stream, kind, err)
		}
	}
}

// readConn is a connection that can only be read.
type readConn struct{ io.Reader }

func (readConn) Write([]byte) (int, error)        { return 0, io.ErrClosedPipe }
func (readConn) Close() error                     { return nil }
func (readConn) LocalAddr() net.Addr              { return pipeAddr("test") }
func (readConn) RemoteAddr() net.Addr             { return pipeAddr("test") }
func (readConn) SetDeadline(time.Time) error      { return nil }
func (readConn) SetReadDeadline(time.Time) error  { return nil }
func (readConn) SetWriteDeadline(time.Time) error { return nil }

// FuzzSniff: what sniff says about a beginning it never takes back when more comes.
func FuzzSniff(f *testing.F) {
	for _, s := range []string{"CONNECT\n", "GET / HTTP/1.1", "\x16\x03", "OPTION"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		known := protocolUnknown
		for n := range len(head) + 1 {
			got := sniff(head[:n])
			if known != protocolUnknown && got != known {
				t.Fatalf("%q: %d became %d", head[:n], known, got)
			}
			known = got
		}
		if len(head) > 8 && known == protocolUnknown {
			t.Fatalf("%q is unknown", bytes.Clone(head))
		}
	})
}
