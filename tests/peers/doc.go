// Package peers is a module of its own for what the broker is measured beside, so that nobody who embeds the broker
// inherits any of it. It brings nats-server and the server of go-stomp, which go build makes here:
//
//	go -C tests/peers build -o nats-server github.com/nats-io/nats-server/v2
//	go -C tests/peers build -o go-stomp ./gostomp
//
// docs/performance.md uses them.
package peers
