// Package wiretest is the one table of what STOMP means on the wire here, by clause
// and version, for every suite to feed on: the codec, and the broker behind TCP,
// WebSocket and the in-memory pipe.
//
// A [Case] is octets and the frames or the error that come of them. An [Encoding]
// is a frame and its octets. A [Negotiation] and a [HeartBeat] are headers of
// CONNECT. An [Exchange] is what a whole broker has to answer to the octets of a
// client. Each kind has a function that gives all of them, freshly made: a suite may
// change what it got.
//
// Every entry belongs to a [Topic], the points of the protocol that brokers get wrong.
// Where it makes sense, each topic has entries for both sides: what is accepted and
// what is refused. A new rule is an entry here before it is code.
package wiretest
