package main

import (
	"strings"
	"testing"
)

// A broker started by serve takes a message from pub and gives it to sub, and ends with status 0 when interrupted.
func TestServePubSub(t *testing.T) {
	broker := start(t, nil, nil, "serve", "--listen", "127.0.0.1:0")
	line := broker.out.await(t, "Listening on 127.0.0.1:")
	address, _, _ := strings.Cut(strings.TrimPrefix(line, "Listening on "), ": ")
	for _, url := range []string{"tcp://" + address, "ws://" + address + "/any"} {
		if r := stampede(t, "", nil, "pub", "--url", url, "/queue/work", "do it"); r.code != exitOK {
			t.Fatalf("pub to %s ended with %d: %s", url, r.code, r.err)
		}
		r := stampede(t, "", nil, "sub", "--url", url, "--count", "1", "--format", "json", "/queue/work")
		if r.code != exitOK || !strings.Contains(r.out, "do it") {
			t.Errorf("sub from %s ended with %d and printed %q, %s", url, r.code, r.out, r.err)
		}
	}
	broker.interrupt()
	if code := broker.wait(); code != exitOK {
		t.Errorf("serve ended with %d: %s", code, broker.err)
	}
}
