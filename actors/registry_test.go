package actors

import (
	"strconv"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
)

// A system of ours knows the library's own actors, and finds, and forgets, those that come.
func TestASharedRegistryFindsEverybody(t *testing.T) {
	system := newSystem(quiet())
	if n := len(system.ProcessRegistry.LocalPIDs.LocalPIDs); n != registryBuckets {
		t.Errorf("the registry has %d buckets, wants %d", n, registryBuckets)
	}
	before := countActors(system)
	for _, id := range []string{"deadletter", "eventstream"} {
		if _, there := system.ProcessRegistry.GetLocal(id); !there {
			t.Errorf("%s is not found", id)
		}
	}
	props := actor.PropsFromFunc(func(actor.Context) {})
	var pids []*actor.PID
	for i := range 1000 {
		pid, err := system.Root.SpawnNamed(props, strconv.Itoa(i))
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	for _, pid := range pids {
		if _, there := system.ProcessRegistry.GetLocal(pid.Id); !there {
			t.Errorf("%s is not found", pid.Id)
		}
	}
	for _, pid := range pids {
		if err := system.Root.StopFuture(pid).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if n := countActors(system); n != before {
		t.Errorf("%d actors are left, wants %d", n, before)
	}
}
