package sim

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mutantSeeds is within how many seeds each mutant must be caught.
const mutantSeeds = 5000

// Every rule that is broken on purpose is found out, and a broker whose rules are whole is not.
func TestCheckersBite(t *testing.T) {
	if racing || testing.Short() {
		t.Skip("needs to run without -short and the race detector: builds the broker again, with mistakes, and they are the same with it")
	}
	binaries := buildMutants(t)
	play := func(binary string, n, seeds int) (string, error) {
		out, err := exec.Command(binary, "-test.run=^TestSim$", "-test.v", "-only=1", fmt.Sprint("-seeds=", seeds), fmt.Sprint("-mutant=", n)).CombinedOutput()
		return string(out), err
	}
	if out, err := play(binaries[0], 0, mutantSeeds/5); err != nil {
		t.Fatalf("without a mutant: %v\n%s", err, out)
	}
	for i, m := range mutants {
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			out, err := play(binaries[i], i+1, mutantSeeds)
			if err == nil {
				t.Fatalf("%s, and nobody has noticed in %d seeds", m.name, mutantSeeds)
			}
			for line := range strings.Lines(out) {
				if strings.Contains(line, "seed ") && strings.Contains(line, "step ") {
					t.Logf("%.200s", strings.TrimSpace(line))
					return
				}
			}
			t.Errorf("it failed otherwise:\n%s", out)
		})
	}
}

// buildMutants builds this test with mutants in the broker, none of them on, and gives the binary for each. The sources stay
// as they are: the go command is told to read others in their place. Mutants of one place can't be in one binary.
func buildMutants(t *testing.T) (binaries []string) {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	binaries = make([]string, len(mutants))
	for layer := 1; ; layer++ {
		sources := make(map[string]string)
		var here []int
		left := false
		for i, m := range mutants {
			if binaries[i] != "" {
				continue
			}
			whole, err := os.ReadFile(filepath.Join(root, m.file))
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(whole), m.was); n != 1 {
				t.Fatalf("the mutant %q has to be looked at: in %s there is this %d times, not once:\n%s", m.name, m.file, n, m.was)
			}
			source, there := sources[m.file]
			if !there {
				source = string(whole)
			}
			if strings.Count(source, m.was) != 1 {
				left = true // another of this binary has changed the place
				continue
			}
			sources[m.file] = strings.Replace(source, m.was, strings.ReplaceAll(m.is, "MUTANT", fmt.Sprintf("stompwire.Mutant(%d)", i+1)), 1)
			here = append(here, i)
		}
		binary := buildLayer(t, root, filepath.Join(dir, fmt.Sprint(layer)), sources)
		for _, i := range here {
			binaries[i] = binary
		}
		if !left {
			return binaries
		}
	}
}

// The switch is in the room that knows nobody, so that all others can look at it.
const (
	mutantSwitch = "package stompwire\n\nvar On int\n\nfunc Mutant(n int) bool { return On == n }\n"
	mutantFlag   = "package sim\n\nimport (\n\t\"flag\"\n\n\t\"stampede/stompwire\"\n)\n\nfunc init() { flag.IntVar(&stompwire.On, \"mutant\", 0, \"\") }\n"
)

// buildLayer builds this test with some sources replaced.
func buildLayer(t *testing.T, root, dir string, sources map[string]string) (binary string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	overlay := struct{ Replace map[string]string }{Replace: map[string]string{
		filepath.Join(root, "stompwire/mutant.go"):           write("switch.go", mutantSwitch),
		filepath.Join(root, "tests/sim/mutant_flag_test.go"): write("flag.go", mutantFlag),
	}}
	for file, source := range sources {
		if !strings.Contains(source, `"stampede/stompwire"`) {
			line, rest, _ := strings.Cut(source, "\n")
			source = line + "\n\nimport \"stampede/stompwire\"\n" + rest
		}
		overlay.Replace[filepath.Join(root, file)] = write(strings.ReplaceAll(file, "/", "_"), source)
	}
	list, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	binary = filepath.Join(dir, "mutants.test")
	if out, err := exec.Command("go", "test", "-c", "-overlay", write("overlay.json", string(list)), "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("build the mutants: %v\n%s", err, out)
	}
	return binary
}
