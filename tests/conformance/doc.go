// Package conformance says what STOMP means here, as conversations: a client sends bytes, the broker must answer with
// frames that match. [Cases] gives the table; a case has the group of rules it belongs to, the clause of
// the specification, and the versions it holds for. Refusals are cases like everything else.
//
// The table is data, so any suite can run it: this package's own test plays every case over TCP, WebSocket and the
// in-memory pipe, with the client's bytes whole and one at a time, and [FuzzSession] takes its seeds from it.
//
// # Writing a case
//
// A case is a function that appends steps to a [Script]. Clients are named by a letter. Header lines are written as they
// are on the wire, escaped and all. In braces stand names that the run fills in: {Q} and {T} are a queue and a topic
// of the case's own (also {Q2}, {T2}), {V} is the version, and {m1.ack} is the ack header of the frame that an earlier
// step captured as m1.
package conformance
