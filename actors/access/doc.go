// Package access decides who may come in and what they may do there. It has no actors, opens no socket and starts no
// goroutine; the broker asks it.
//
// # Use
//
// A program that embeds the broker and knows its users itself gives it an [Authenticator], and if it likes an
// [Authorizer]:
//
//	broker, err := actors.Start(ctx, cfg,
//		actors.WithAuthenticator(access.AuthenticatorFunc(func(ctx context.Context, c *access.Credentials) (*access.Identity, error) {
//			user, err := db.Check(ctx, c.Login, c.Passcode)
//			if err != nil {
//				return nil, fmt.Errorf("%w: %v", access.ErrRefused, err)
//			}
//			return &access.Identity{User: user.Name, Groups: user.Roles}, nil
//		})))
//
// What the configuration says (a pair, a users file, tokens, certificates, rules) is a [Policy], which [FromConfig] makes.
// The program's own authenticator is asked first.
//
// # Concurrency
//
// Authenticators and authorizers are called from many goroutines at once, and may block: the client that they are asked
// about waits, nobody else does. Their context ends when nobody waits for the answer any more. A panic in one is a refusal.
//
// # Guarantees
//
// Nothing here logs or formats a passcode, a token or a hash. Comparisons take the same time whether they succeed or not, and
// a user that does not exist costs as much as a wrong passcode.
package access
