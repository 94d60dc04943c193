// Package stomptest is a STOMP client for tests: it writes the bytes it is told to, and reads what comes back with a
// parser of its own that forgives nothing. It shares no code with stompwire on purpose: a mistake that codec and client
// had in common would be seen by neither.
//
// A [Conn] belongs to one test and one goroutine. Every read has a deadline, [Guard], after which the test fails
// with what was last seen on the wire; a test that passes never waits for it. There is nothing here to pause with:
// tests synchronise on frames, above all on receipts.
//
// [Start] runs a broker in the test's own process, and [Broker.Open] connects to it over TCP, WebSocket or memory.
package stomptest
