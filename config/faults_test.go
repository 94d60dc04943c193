package config

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// A schedule of faults is read as it is written.
func TestParseFaults(t *testing.T) {
	got, err := ParseFaults("chaos.toml", []byte(`
seed = 42

[[fault]]
do = "kill"
role = "destination"
destination = "/queue/*"
message = "publish"
every = 100
after = "5s"
until = "1m"

[[fault]]
do = "drop"
command = "ACK"
probability = 0.25
limit = 3
per_actor = true

[[fault]]
do = "cut"
listener = "default"
nth = 2
bytes = "4KiB"
`))
	want := &Faults{Seed: 42, Fault: []Fault{
		{Do: FaultKill, Role: "destination", Destination: "/queue/*", Message: "publish", Every: 100, After: 5 * time.Second, Until: time.Minute},
		{Do: FaultDrop, Command: "ACK", Probability: 0.25, Limit: 3, PerActor: true},
		{Do: FaultCut, Listener: "default", Nth: 2, Bytes: 4 * KiB},
	}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// Every mistake of a schedule is told at once, with its line, its key and what would be right.
func TestFaultsTellEveryMistake(t *testing.T) {
	_, err := ParseFaults("chaos.toml", []byte(`sed = 1
[[fault]]
do = "kil"
role = "sesion"
[[fault]]
do = "drop"
phase = "stopped"
role = "destination"
message = "publish"
[[fault]]
do = "delay"
command = "SEND"
[[fault]]
do = "cut"
destination = "/queue/x"
for = "1s"
probability = 2
[[fault]]
nth = -1
after = "2s"
until = "1s"
[[fault]]
do = "jump"
for = "-1h"
every = 2
bytes = 5
[[fault]]
do = "kill"
phase = "message"
command = "SEND"
per_actor = 1
`))
	want := `chaos.toml:1: sed: unknown key; did you mean seed?
chaos.toml:3: fault[0].do: "kil" is not one of kill, delay, drop, duplicate, reorder, cut, reset, half_open, slow_read, slow_write, trickle, garbage, jump, stall; did you mean "kill"?
chaos.toml:4: fault[0].role: "sesion" is not one of broker, destinations, destination, connections, connection, transport, session, subscription, program, listeners, listener; did you mean "session"?
chaos.toml:7: fault[1].phase: has no meaning for drop: it is for frames of clients; messages between actors don't get lost
chaos.toml:8: fault[1].role: has no meaning for drop: frames are handled by sessions
chaos.toml:9: fault[1].message: has no meaning for drop: only the phase message has messages
chaos.toml:12: fault[2].command: has no meaning for delay: only messages can be delayed, not single frames
chaos.toml:11: fault[2].do: fault[2].for: is missing; delay needs to know how long
chaos.toml:15: fault[3].destination: has no meaning for cut: it is for connections
chaos.toml:16: fault[3].for: has no meaning for cut: it does not last
chaos.toml:17: fault[3].probability: 2 is no probability; it is from 0 to 1
chaos.toml:19: fault[4].nth: can't be negative
chaos.toml:21: fault[4].until: 1s is not behind after (2s)
chaos.toml:18: fault[4].do: is missing; it says what the rule does
chaos.toml:25: fault[5].every: has no meaning for jump: the clock does so once, after a time
chaos.toml:26: fault[5].bytes: has no meaning for jump: it is not for connections
chaos.toml:30: fault[6].command: has no meaning for kill: only the phase frame has commands
chaos.toml:31: fault[6].per_actor: must be true or false, not a number without quotes`
	wanted := map[string]bool{}
	for _, line := range strings.Split(want, "\n") {
		wanted[line] = true
	}
	for _, p := range ProblemsOf(err) {
		if !wanted[p.Error()] {
			t.Errorf("got  %s", p)
		}
		delete(wanted, p.Error())
	}
	for line := range wanted {
		t.Errorf("want %s", line)
	}
}

// A schedule without a fault, and a file that is not there, are mistakes.
func TestNoFaults(t *testing.T) {
	if _, err := ParseFaults("chaos.toml", []byte("seed = 1\n")); err == nil || !strings.Contains(err.Error(), "there is none") {
		t.Errorf("got %v", err)
	}
	if _, err := LoadFaults(t.TempDir() + "/none.toml"); err == nil || !strings.Contains(err.Error(), "cannot read the schedule of faults") {
		t.Errorf("got %v", err)
	}
}

// Whatever a schedule holds, ParseFaults does not panic, and each rule of what it accepts is sound.
func FuzzParseFaults(f *testing.F) {
	f.Add([]byte("seed=1\n[[fault]]\ndo=\"kill\"\nprobability=0.5\n"))
	f.Add([]byte("fault=[{do=\"stall\",for=\"1s\"},{do=\"jump\",for=\"-1s\"}]"))
	f.Add([]byte("[[fault]]\ndo=\"cut\"\nbytes=\"1KiB\"\nprobability=nan"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseFaults("f.toml", data)
		if err != nil {
			for _, p := range ProblemsOf(err) {
				if p.Text == "" || len(p.Text) > 600 {
					t.Errorf("a problem that helps nobody: %+v", p)
				}
			}
			return
		}
		for i := range s.Fault {
			if err := s.Fault[i].Check(); err != nil {
				t.Errorf("accepted and not sound: %v", err)
			}
		}
	})
}
