package actors

import (
	"fmt"
	"strings"
	"testing"
)

// Every form of a destination header is taken for what the documentation says it is.
func TestParseName(t *testing.T) {
	topic, queue := destinationName{kind: kindTopic}, destinationName{kind: kindQueue}
	temp := func(d destinationName) destinationName { d.temp = true; return d }
	reply := func(d destinationName) destinationName { d.reply = true; return d }
	for name, want := range map[string]destinationName{
		"/topic/a":           topic,
		"/topic/a.b.c":       topic,
		"/topic/a/b":         topic,
		"/topic/..":          topic,
		"/topic/ü":           topic,
		"/topic/\xff":        topic, // whatever octets a client chose
		"/queue/a":           queue,
		"/queue/a b:c":       queue,
		"/queue//queue/":     queue,
		"/queue/DLQ":         queue,
		"/temp-queue/x":      temp(queue),
		"/temp-topic/x":      temp(topic),
		"/reply-queue/x":     reply(queue),
		"/reply-topic/x":     reply(topic),
		"/queue/%2Fqueue%2F": queue,
	} {
		want.full = name
		for _, subscribing := range []bool{false, true} {
			if got, fault := parseName(name, subscribing); fault != nil || got != want {
				t.Errorf("%q (subscribing %t): %+v, %v; wants %+v", name, subscribing, got, fault, want)
			}
		}
	}
}

// What is not a name is refused with a code that says why, and nothing else is; the case of letters counts.
func TestParseNameRefuses(t *testing.T) {
	for name, code := range map[string]Code{
		"":                      CodeDestinationUnknown,
		"memtop":                CodeDestinationUnknown,
		"/":                     CodeDestinationUnknown,
		"queue/a":               CodeDestinationUnknown,
		"/Queue/a":              CodeDestinationUnknown,
		"/queue":                CodeDestinationUnknown,
		" /queue/a":             CodeDestinationUnknown,
		"/exchange/a":           CodeDestinationUnknown,
		"/queue/":               CodeBadDestination,
		"/topic/":               CodeBadDestination,
		"/temp-queue/":          CodeBadDestination,
		"/reply-topic/":         CodeBadDestination,
		"/queue/a\nb":           CodeBadDestination,
		"/queue/a\x00":          CodeBadDestination,
		"/queue/\x1f":           CodeBadDestination,
		"/queue/\x7f":           CodeBadDestination,
		"/queue/*":              CodeBadDestination,
		"/queue/a.#":            CodeBadDestination,
		"/temp-topic/a.*":       CodeBadDestination,
		"/reply-topic/>":        CodeBadDestination,
		"/topic/a*":             CodeBadDestination,
		"/topic/*a.b":           CodeBadDestination,
		"/topic/#.a":            CodeBadDestination,
		"/topic/>.a":            CodeBadDestination,
		"/topic/a.#.#":          CodeBadDestination,
		"/topic/**":             CodeBadDestination,
		"/topic/a.**.b":         CodeBadDestination,
		"/topic/a>b":            CodeBadDestination,
		"/dsub/x":               CodeUnsupported,
		"/dsub/":                CodeUnsupported,
		"/topic/\nunknown *.a*": CodeBadDestination,
	} {
		for _, subscribing := range []bool{false, true} {
			_, fault := parseName(name, subscribing)
			wantFault(t, fmt.Sprintf("%q (subscribing %t)", name, subscribing), fault, code, "")
		}
	}
}

// Patterns can be subscribed to and not sent to, and only those of topics.
func TestParsePattern(t *testing.T) {
	for _, name := range []string{"/topic/*", "/topic/a.*", "/topic/*.a", "/topic/a.*.*.#", "/topic/#", "/topic/>", "/topic/a.>"} {
		if d, fault := parseName(name, true); fault != nil || !d.pattern || d.kind != kindTopic || d.full != name {
			t.Errorf("%q: %+v, %v", name, d, fault)
		}
		_, fault := parseName(name, false)
		wantFault(t, name, fault, CodeBadDestination, "patterns can be subscribed to")
	}
}

// A name may have 1024 octets, prefix included, and not one more.
func TestNameLength(t *testing.T) {
	for over := -1; over <= 1; over++ {
		name := "/queue/" + strings.Repeat("x", maxNameBytes-len("/queue/")+over)
		code := Code("")
		if over > 0 {
			code = CodeBadDestination
		}
		_, fault := parseName(name, true)
		wantFault(t, fmt.Sprintf("%d octets", len(name)), fault, code, "has at most 1024 bytes, this one has 1025")
	}
}

// The parser of names takes anything without a panic, and what it takes is usable as an actor's name.
func FuzzParseName(f *testing.F) {
	for _, s := range []string{"/queue/a", "/topic/a.*.#", "/dsub/x", "/temp-queue/%2F", "x"} {
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, name string, subscribing bool) {
		d, fault := parseName(name, subscribing)
		if fault != nil {
			return
		}
		if d.full != name || d.kind == 0 || d.pattern && (!subscribing || d.kind != kindTopic) {
			t.Errorf("%q: %+v", name, d)
		}
		if a := actorName(d.kind, name, 7); strings.Contains(a, "/") || !strings.HasSuffix(a, "~7") {
			t.Errorf("%q has the actor name %q", name, a)
		}
	})
}

// Different destinations have different actor names, and so has the same one made again.
func TestActorNames(t *testing.T) {
	seen := make(map[string]string)
	for _, k := range []kind{kindTopic, kindQueue} {
		for _, name := range []string{"/queue/a", "%2Fqueue%2Fa", "/queue%2Fa", "/queue/a~1", "/queue/a~1~1", "%252F", "%/"} {
			for generation := range uint64(3) {
				made := fmt.Sprint(k, name, generation)
				a := actorName(k, name, generation)
				if other, twice := seen[a]; twice {
					t.Errorf("%s and %s are both called %s", made, other, a)
				}
				seen[a] = made
			}
		}
	}
	if got := actorName(kindQueue, "/queue/50%", 3); got != "queue:%2Fqueue%2F50%25~3" {
		t.Errorf("got %q", got)
	}
	if got := fmt.Sprint(kindTopic, kindQueue, kind(0)); got != "topic queue unknown" {
		t.Errorf("kinds are called %s", got)
	}
}
