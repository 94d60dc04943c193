//go:build !race

package sim

// racing tells whether the race detector is on. It makes a run five times slower and finds nothing in it: no two
// steps of a run are taken at once.
const racing = false
