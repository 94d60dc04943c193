// Package interop lets clients that others wrote talk to the broker: STOMP.js in Node and in a browser, straight and
// through nginx, and further libraries in JavaScript, Python, Perl, Ruby and Go. It has no code of its own besides its
// tests; what the clients do is in js, py, pl, rb and go.
//
// Each suite needs something that a machine with only Go lacks. Where it is missing the suite is skipped and says what
// it needs; where the variable STAMPEDE_REQUIRE lists it, its absence is a failure. `make test` installs what it can
// (tests/setup) and requires what was installed.
package interop
