// Package docs holds what is written about the broker against the broker: links lead somewhere, every error code is
// explained, keys and log messages that are named exist, and the example of embedding compiles. It has no code of its own.
package docs
