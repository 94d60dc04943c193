// Package hostile holds tests of what the open internet does to a broker, and of what brought others down: floods,
// endless headers, lies about lengths, frames that never end, clients that vanish, and bytes that mean nothing. Each runs
// over real sockets, in bounded time, and asks in the end whether a client of good manners is still served.
package hostile
