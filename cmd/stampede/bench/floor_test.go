package bench

import (
	"bufio"
	"io"
	"net"
	"testing"
	"time"
)

// A relay that isolates serves everybody else while a client does not read, and ends all the same.
func TestIsolatingFloor(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- (&Floor{Isolate: true}).Serve(l) }()
	defer func() {
		l.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	stalled, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer stalled.Close()
	io.WriteString(stalled, "CONNECT\naccept-version:1.2\n\n\x00SUBSCRIBE\nid:1\ndestination:/topic/t0\nreceipt:r\n\n\x00")
	for in, frames := bufio.NewReader(stalled), 0; frames < 2; frames++ {
		if _, err := in.ReadBytes(0); err != nil {
			t.Fatal(err)
		}
	}
	for _, url := range []string{"tcp://", "ws://"} {
		run := small(url + l.Addr().String())
		run.Size, run.Messages, run.Patience = 64<<10, 400, 10*time.Second // more than sockets hold
		got, _, err := run.Run(t.Context(), Watch{})
		if err != nil || got["messages"] != 400 || got["lost"] != 0 {
			t.Errorf("%s %v, %v", url, err, got)
		}
	}
}
