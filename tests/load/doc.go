// Package load holds what only shows under load against the promises: memory that stays where its limits are, whatever
// clients do, and that is given back. It has no code of its own. As part of all tests it runs for moments; make load
// runs it for as long as docs/performance.md says.
package load
