// Package peers is a module of its own for what the broker is measured with and against, so that nobody who embeds the
// broker inherits any of it. It brings nats-server, which go build makes here:
//
//	go -C tests/peers build -o nats-server github.com/nats-io/nats-server/v2
//
// and the command profiled, the broker with the profiles of the Go runtime. docs/performance.md uses both.
package peers
