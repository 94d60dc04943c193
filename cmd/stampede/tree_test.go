package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stampede/actors"
)

// privately is an environment with a directory for sockets that nobody else uses, short enough for their names.
func privately(t *testing.T) []string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return []string{envRuntimeDir + "=" + dir}
}

// tree prints the actors of a broker that runs with the same configuration, as a drawing or as JSON, whole or in part,
// once or again and again.
func TestTree(t *testing.T) {
	env := privately(t)
	running, address := broker(t, env)
	port := address[strings.LastIndex(address, ":")+1:]
	conf := file(t, "stampede.toml", "[[listen]]\naddress = \"127.0.0.1:"+port+"\"\n")
	if r := stampede(t, "", nil, "pub", "--url", "tcp://"+address, "/queue/work", "x"); r != (result{}) {
		t.Fatalf("pub: %+v", r)
	}
	r := stampede(t, "", env, "tree", "-c", conf)
	if r.code != exitOK || r.err != "" || !strings.Contains(r.out, "  destination /queue/work\n") || !strings.Contains(r.out, "├─ connections  connections") {
		t.Errorf("tree: %+v", r)
	}
	r = stampede(t, "", env, "tree", "-c", conf, "destinations", "--depth", "0")
	if r.out != "destinations  destinations\n└─ … 1 more\n" {
		t.Errorf("tree destinations --depth 0: %+v", r)
	}
	socket := filepath.Join(strings.TrimPrefix(env[0], envRuntimeDir+"="), "stampede", port+".control")
	r = stampede(t, "", nil, "tree", "--control", socket, "--json", "destinations")
	var n actors.Node
	if err := json.Unmarshal([]byte(r.out), &n); err != nil || n.Name != "destinations" || len(n.Children) != 1 {
		t.Errorf("tree --json: %+v, %v", r, err)
	}
	if r := stampede(t, "", env, "tree", "-c", conf, "nothing"); r.code != exitFailed || !strings.Contains(r.err, `there is no actor "nothing"`) {
		t.Errorf("tree nothing: %+v", r)
	}
	watch := start(t, nil, env, "tree", "-c", conf, "listeners", "--every", "1ms")
	for range 3 {
		watch.out.await(t, "listeners  listeners")
	}
	watch.interrupt()
	if code := watch.wait(); code != exitOK {
		t.Errorf("tree --every ended with %d: %s", code, watch.err)
	}
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket is %v, %v", info, err)
	}
	running.interrupt()
	if code := running.wait(); code != exitOK {
		t.Errorf("serve ended with %d: %s", code, running.err)
	}
	if _, err := os.Stat(socket); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
	if r := stampede(t, "", env, "tree", "-c", conf); r.code != exitFailed || !strings.Contains(r.err, "no broker has its control socket at "+socket) {
		t.Errorf("tree without a broker: %+v", r)
	}
}

// Where the control socket is can be configured, and turned off. What is configured must work; the default place need not
// be had, and is not used if somebody else could have prepared it.
func TestControlAddress(t *testing.T) {
	path := filepath.Join(strings.TrimPrefix(privately(t)[0], envRuntimeDir+"="), "c")
	env := []string{"STAMPEDE_CONTROL_ADDRESS=unix:" + path}
	broker(t, env)
	if r := stampede(t, "", env, "tree"); r.code != exitOK || !strings.Contains(r.out, "listener") {
		t.Errorf("tree: %+v", r)
	}
	r := stampede(t, "", []string{"STAMPEDE_CONTROL_ADDRESS=unix:/nowhere/at/all"}, "serve", "--listen", "127.0.0.1:0")
	if r.code != exitFailed || !strings.Contains(r.err, "control.address: /nowhere/at/all: no such directory") {
		t.Errorf("an address that can't be had: %+v", r)
	}
	if r := stampede(t, "", []string{"STAMPEDE_CONTROL_ADDRESS=localhost:1"}, "check"); r.code != exitFailed || !strings.Contains(r.err, "is not a Unix socket") {
		t.Errorf("an address of another kind: %+v", r)
	}
	off := []string{"STAMPEDE_CONTROL_ADDRESS="}
	broker(t, off)
	if r := stampede(t, "", off, "tree"); r.code != exitFailed || !strings.Contains(r.err, "control.address is empty") {
		t.Errorf("tree of a broker without: %+v", r)
	}

	open := privately(t)
	dir := filepath.Join(strings.TrimPrefix(open[0], envRuntimeDir+"="), "stampede")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	b, _ := broker(t, open)
	b.err.await(t, "no control socket")
	if r := stampede(t, "", open, "tree"); r.code != exitFailed || !strings.Contains(r.err, "is not this user's alone") {
		t.Errorf("tree in a directory of everybody's: %+v", r)
	}
}
