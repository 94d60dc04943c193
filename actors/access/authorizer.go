package access

import "context"

// Action is what a client wants to do with a destination.
type Action uint8

// The actions.
const (
	Read   Action = iota // SUBSCRIBE; also to a pattern, which stands for every topic that it matches
	Write                // SEND
	Create               // to be the one that the destination is made for, by a SEND or a SUBSCRIBE
	actions
)

// String returns "read", "write" or "create".
func (a Action) String() string {
	switch a {
	case Read:
		return "read"
	case Write:
		return "write"
	case Create:
		return "create"
	default:
		return "unknown"
	}
}

// Authorizer decides what a client may do. The broker asks for each client, action and destination once and keeps the
// answer (for the last 256 destinations of a connection, until the configuration is read anew), so that a decision costs
// a message nothing.
//
// It is not asked about a client's own temporary destinations, nor about answers to those of others: who holds such a
// name was given it.
type Authorizer interface {
	// Authorize returns nil if who may do it, else why not, for the log. It may block; ctx ends when the client has gone.
	Authorize(ctx context.Context, who *Identity, action Action, destination string) error
}

// AuthorizerFunc is a function as an Authorizer.
type AuthorizerFunc func(ctx context.Context, who *Identity, action Action, destination string) error

// Authorize calls the function.
func (f AuthorizerFunc) Authorize(ctx context.Context, who *Identity, action Action, destination string) error {
	return f(ctx, who, action, destination)
}
