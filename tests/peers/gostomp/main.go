// Command gostomp runs the server that comes with go-stomp. That one answers no receipt of a SUBSCRIBE, for which
// stampede bench waits, so a SEND to nobody that asks for it is put behind each.
package main

import (
	"bytes"
	"flag"
	"log"
	"net"

	"github.com/go-stomp/stomp/v3/server"
)

func main() {
	address := flag.String("listen", "127.0.0.1:61709", "listen at this `ADDRESS`")
	flag.Parse()
	l, err := net.Listen("tcp", *address)
	if err == nil {
		err = server.Serve(listener{l})
	}
	log.Fatal(err)
}

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return conn{c}, err
}

type conn struct{ net.Conn }

// Read expects a SUBSCRIBE to come alone, as the bench sends it, and to leave room in p.
func (c conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if bytes.HasPrefix(p[:n], []byte("SUBSCRIBE\n")) {
		if _, receipt, asks := bytes.Cut(p[:n], []byte("\nreceipt:")); asks {
			receipt, _, _ = bytes.Cut(receipt, []byte("\n"))
			n += copy(p[n:], "SEND\ndestination:/topic/nobody\nreceipt:"+string(receipt)+"\n\n\x00")
		}
	}
	return n, err
}
