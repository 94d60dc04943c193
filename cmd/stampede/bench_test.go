package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"stampede/cmd/stampede/bench"
)

// Every benchmark runs against a broker of ours over TCP and WebSocket, finds nothing wrong, and prints a report that
// can be read again.
func TestBench(t *testing.T) {
	_, address := broker(t, nil)
	pid := strconv.Itoa(os.Getpid())
	for _, scheme := range []string{"tcp", "ws"} {
		for _, c := range []struct{ args, figure string }{
			{"fanout --messages 500 --subscribers 3 --destinations 2", "deliveries_per_s"},
			{"fanout --messages 200 --ack client --header content-type:text/plain", "deliveries_per_s"},
			{"queue --messages 500 --receipts 10", "latency_p99_us"},
			{"queue --messages 500 --ack client --stomp 1.1 --prefetch 7", "latency_p99_us"},
			{"queue --messages 500 --ack client-individual --stomp 1.0,1.1", "latency_p99_us"},
			{"ping --messages 50 --rate 2000", "late_p50_us"},
			{"connect --duration 100ms --warmup 10ms", "connects_per_s"},
			{"idle --subscribers 10 --duration 10ms", "connections"},
		} {
			t.Run(scheme+"/"+c.args, func(t *testing.T) {
				args := append([]string{"bench"}, strings.Fields(c.args)...)
				args = append(args, "--url", scheme+"://"+address+"/", "--json", "--runs", "2")
				if _, err := os.Stat("/proc/self/stat"); err == nil {
					args = append(args, "--pid", pid)
				}
				r := stampede(t, "", nil, args...)
				if r.code != exitOK {
					t.Fatalf("got %+v", r)
				}
				reports, err := bench.ReadReports(strings.NewReader(r.out))
				if err != nil || len(reports) != 1 || len(reports[0].Runs) != 2 {
					t.Fatalf("%v, got %s", err, r.out)
				}
				one := reports[0]
				if one.Median[c.figure] <= 0 || !strings.HasPrefix(one.Broker, "stampede/") || !strings.HasSuffix(one.Name, ", "+scheme) {
					t.Errorf("got %s", r.out)
				}
				if !strings.Contains(r.err, "run 2 of 2") {
					t.Errorf("no progress in %q", r.err)
				}
			})
		}
	}
}

// A benchmark that a broker refuses says so in one line and with status 1, and a passcode is not in its report.
func TestBenchLogin(t *testing.T) {
	_, address := broker(t, []string{"STAMPEDE_LOGIN=me", "STAMPEDE_PASSCODE=open sesame"})
	url := "tcp://" + address
	if r := stampede(t, "", nil, "bench", "fanout", "--url", url, "--messages", "10"); r.code != exitFailed || strings.Count(r.err, "\n") != 1 {
		t.Errorf("without a login: %+v", r)
	}
	r := stampede(t, "", []string{envPasscode + "=open sesame"}, "bench", "fanout", "--url", url, "--messages", "10", "--login", "me", "--json", "--quiet")
	if r.code != exitOK || r.err != "" || strings.Contains(r.out, "sesame") {
		t.Errorf("with one: %+v", r)
	}
}

// The relay serves benchmarks and says where; tables and comparisons are for people.
func TestBenchFloorAndCompare(t *testing.T) {
	floor := start(t, nil, nil, "bench", "floor", "--listen", "127.0.0.1:0")
	address := strings.TrimPrefix(floor.out.await(t, "relaying on "), "relaying on ")
	_, other := broker(t, nil)
	measure := func(address string) string {
		r := stampede(t, "", nil, "bench", "fanout", "--messages", "1000", "--json", "--quiet", "--url", "tcp://"+address)
		if r.code != exitOK || r.err != "" {
			t.Fatalf("got %+v", r)
		}
		var one bench.Report
		if err := json.NewDecoder(bytes.NewReader([]byte(r.out))).Decode(&one); err != nil || one.Settings["messages"] != "1000" {
			t.Fatalf("%v, settings %v", err, one.Settings)
		}
		return r.out
	}
	a := file(t, "a.json", measure(address)+measure(address))
	b := file(t, "b.json", measure(other))
	r := stampede(t, "", nil, "bench", "--compare", a, b)
	for _, want := range []string{"(floor), runs: 2", "(stampede/", "delivered, msg/s", "B/A"} {
		if r.code != exitOK || !strings.Contains(r.out, want) {
			t.Errorf("no %q in %+v", want, r)
		}
	}
	if r := stampede(t, "", nil, "bench", "fanout", "--messages", "1000", "--quiet", "--url", "ws://"+address+"/"); r.code != exitOK ||
		!strings.Contains(r.out, "latency p99.9, µs") || !strings.Contains(r.out, "lost") {
		t.Errorf("got %+v", r)
	}
	if r := stampede(t, "", nil, "bench", "--compare", a, file(t, "c.json", "{}")); r.code != exitFailed || !strings.Contains(r.err, "c.json: this is not what") {
		t.Errorf("got %+v", r)
	}
	if r := stampede(t, "", nil, "bench", "--compare", a, a+".gone"); r.code != exitFailed || !strings.Contains(r.err, "can't read the report") {
		t.Errorf("got %+v", r)
	}
}
