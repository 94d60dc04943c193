// Package sim holds the broker against its promises under package actors/sim: some clients do what clients do, parts of
// the broker are broken, connections are cut, time jumps, all of it made from a seed, and every message is watched.
//
//	plan.go    what a run consists of, made from its seed, as data
//	play.go    carries a plan out
//	client.go  what clients do and remember
//	check.go   what must hold
//	shrink.go  makes a plan that fails smaller
//
// docs/simulation.md says how to work with it.
package sim
