package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// ballastBytes is the least that the garbage collector takes the heap for.
const ballastBytes = 32 << 20

// ballast keeps memory that nothing is ever written to, so that it costs addresses and no memory. A broker holds next to
// nothing and passes a lot on: the collector, which runs when the heap has doubled, would run hundreds of times in a second
// and take a third of the processor. Who sets the collector's own variables knows better, and has none. release ends it.
func ballast(env []string) (release func()) {
	if tuned(env) {
		return func() {}
	}
	heap := make([]byte, ballastBytes)
	return func() { runtime.KeepAlive(heap) }
}

// tuned tells whether somebody has set the collector's variables.
func tuned(env []string) bool { return lookup(env, "GOGC") != "" || lookup(env, "GOMEMLIMIT") != "" }

// quietBytes is how much a process may allocate between two looks that has nothing to do.
const quietBytes = 4 << 20

// heapLook is what the runtime says about its memory, in bytes.
type heapLook struct {
	live      uint64 // what the last collection found in use
	held      uint64 // what the heap has of the system
	allocated uint64 // since the start
}

// memoryKeeper decides when memory goes back to the system: a collector that is not needed does not run, and keeps what was
// needed last, twice over. After ten thousand clients have connected that is as much again as they need.
type memoryKeeper struct {
	last  heapLook
	given uint64 // allocated when memory was given back last
}

// wants tells whether memory should be given back now: nothing much has been allocated since the last look, a good deal has
// since memory was given back last, and a quarter more than is in use is held.
func (k *memoryKeeper) wants(now heapLook) bool {
	quiet := now.allocated-k.last.allocated < quietBytes
	k.last = now
	if !quiet || now.allocated-k.given < 2*quietBytes || now.held < now.live+max(now.live/4, 2*quietBytes) {
		return false
	}
	k.given = now.allocated
	return true
}

// keepMemory gives memory back when it is quiet, until ctx ends.
func keepMemory(ctx context.Context) {
	const pause = 5 * time.Second
	var k memoryKeeper
	for tick := time.NewTicker(pause); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
			if k.wants(lookAtHeap()) {
				debug.FreeOSMemory()
			}
		}
	}
}

func lookAtHeap() heapLook {
	s := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(s)
	return heapLook{live: s[0].Value.Uint64(), allocated: s[1].Value.Uint64(), held: s[2].Value.Uint64() + s[3].Value.Uint64() + s[4].Value.Uint64()}
}
