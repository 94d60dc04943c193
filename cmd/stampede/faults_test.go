package main

import (
	"strings"
	"testing"
)

// serve breaks what a schedule says, if the configuration allows it, and tells every mistake of a schedule.
func TestServeFaults(t *testing.T) {
	good := file(t, "chaos.toml", "seed = 1\n[[fault]]\ndo = \"kill\"\nrole = \"destination\"\nmessage = \"publish\"\nlimit = 2\n")
	r := stampede(t, "", nil, "serve", "--listen", "127.0.0.1:0", "--faults", good)
	if r.code != exitUsage || !strings.Contains(r.err, "--faults is refused: the configuration does not say allow_faults = true") {
		t.Errorf("without allow_faults: %+v", r)
	}
	allowed := []string{"STAMPEDE_ALLOW_FAULTS=true"}
	bad := file(t, "bad.toml", "[[fault]]\ndo = \"kil\"\nnth = -1\n")
	for _, args := range [][]string{{"serve", "--listen", "127.0.0.1:0"}, {"check"}} {
		r := stampede(t, "", allowed, append(args, "--faults", bad)...)
		if r.code != exitFailed || !strings.Contains(r.err, `bad.toml:2: fault[0].do: "kil"`) || !strings.Contains(r.err, "bad.toml:3: fault[0].nth: can't be negative") {
			t.Errorf("%v of a bad schedule: %+v", args, r)
		}
	}
	broker, address := broker(t, allowed, "--faults", good)
	broker.err.await(t, "faults are injected on purpose")
	if r := stampede(t, "", nil, "pub", "--url", "tcp://"+address, "/queue/work", "x"); r != (result{}) {
		t.Errorf("pub: %+v", r)
	}
	broker.err.await(t, "fault injected")
	broker.err.await(t, "injected: kill at message publish")
	broker.interrupt()
	if code := broker.wait(); code != exitOK {
		t.Errorf("serve ended with %d: %s", code, broker.err)
	}
}
