// Package chaos runs the built broker under load from many clients while its actors die, connections are cut and the
// process is paused, and in the end accounts for every message.
package chaos
