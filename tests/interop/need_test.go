package interop

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// requirement is something that a suite needs: missing says why it does not work, or "".
type requirement struct {
	word, what string
	missing    func() string
}

// needs says, for each word of STAMPEDE_REQUIRE, what it takes and how to find out whether it is there.
var needs = []requirement{
	{"node", "Node.js 20 or later and, in tests/interop, npm ci", func() string {
		if why := command("node", "--version"); why != "" {
			return why
		}
		if _, err := os.Stat("node_modules/@stomp/stompjs/package.json"); err != nil {
			return "tests/interop/node_modules is not there"
		}
		return ""
	}},
	{"chromium", "Debian's package chromium", func() string { return command("chromium", "--version") }},
	{"nginx", "Debian's package nginx-light", func() string { return command("nginx", "-v") }},
	{"stomp.py", "Debian's package python3-stomp", func() string { return command("/usr/bin/python3", "-c", "import stomp") }},
	{"net-stomp", "Debian's package libnet-stomp-perl", func() string { return command("perl", "-MNet::Stomp", "-e1") }},
	{"ruby-stomp", "Debian's package ruby-stomp", func() string { return command("ruby", "-rstomp", "-e", "1") }},
	// GOPROXY=off: what is there is found out without waiting for a network.
	{"go-stomp", "the module that tests/interop/go asks for; go build there fetches it", func() string {
		return command("env", "GOPROXY=off", "go", "-C", "go", "build", "-o", os.DevNull)
	}},
}

// command says why a command does not work, or "".
func command(name string, args ...string) string {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return strings.TrimSpace(name + ": " + err.Error() + " " + string(out))
	}
	return ""
}

// need skips a test on a machine that lacks something, and fails it if STAMPEDE_REQUIRE says that it must be there.
func need(t *testing.T, words ...string) {
	t.Helper()
	required := strings.Split(os.Getenv("STAMPEDE_REQUIRE"), ",")
	for _, n := range needs {
		if !slices.Contains(words, n.word) {
			continue
		}
		why := n.missing()
		switch {
		case why == "":
		case slices.Contains(required, n.word):
			t.Fatalf("STAMPEDE_REQUIRE asks for %s, but: %s", n.word, why)
		default:
			t.Skipf("needs %s (%s); make test installs it where it may", n.what, why)
		}
	}
}

// What STAMPEDE_REQUIRE asks for is there; what is missing besides is named, so that a run on a bare machine ends with
// the list of suites that were skipped.
func TestWhatIsMissing(t *testing.T) {
	for _, n := range needs {
		t.Run(n.word, func(t *testing.T) { need(t, n.word) })
	}
}

// Every word of STAMPEDE_REQUIRE is one that the suites know.
func TestRequirementsAreKnown(t *testing.T) {
	for word := range strings.SplitSeq(os.Getenv("STAMPEDE_REQUIRE"), ",") {
		if word != "" && !slices.ContainsFunc(needs, func(n requirement) bool { return n.word == word }) {
			t.Errorf("STAMPEDE_REQUIRE has %q, which no suite needs", word)
		}
	}
}
