package orderflow

import "flag"

// The seed is for tests/sim alone; the others take it, too, so that one command can be given to all of them.
var _ = flag.Uint64("seed", 0, "replays a run of tests/sim; nothing here depends on it")
