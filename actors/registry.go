package actors

import (
	"slices"

	"github.com/asynkron/protoactor-go/actor"
)

// registryBuckets is how many parts a system of ours has its register of actors in, each of which the library divides into
// 32 maps with a lock. It makes 1024 of them: 3 MiB before there is any actor, and so few actors in each map that more than
// half of what a map takes is empty, 300 octets for each connection of ten thousand.
const registryBuckets = 64

// shareRegistry has a system that nobody uses yet keep its actors in fewer maps.
func shareRegistry(system *actor.ActorSystem) {
	all := system.ProcessRegistry.LocalPIDs.LocalPIDs
	few := &actor.SliceMap{LocalPIDs: slices.Clone(all[:min(registryBuckets, len(all))])}
	system.ProcessRegistry.LocalPIDs = few
	for _, bucket := range all { // the library's own actors are there
		if bucket.IsEmpty() {
			continue
		}
		for id, process := range bucket.Items() {
			bucket.Remove(id)
			few.GetBucket(id).Set(id, process)
		}
	}
}
