//go:build race

package hostile

// million is how many tiny things a flood has: fewer where the race detector looks at each of them.
const million = 100_000
