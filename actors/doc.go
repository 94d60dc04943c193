// Package actors is the broker: a STOMP 1.0, 1.1 and 1.2 message broker made of supervised actors, to be
// started inside a Go program.
//
// # Use
//
// [Start] starts a broker with a configuration, [Broker.Shutdown] ends it in order. Clients come in by the
// listeners of the configuration, by those of [WithListener], over WebSocket by a [Broker.Handler] in the
// program's own http.Server, or in memory by [Broker.Pipe].
//
//	broker, err := actors.Start(ctx, config.Default())
//	err = broker.Publish(ctx, "/queue/orders", []byte("two teapots"))
//	_, err = broker.SubscribeFunc(ctx, "/queue/orders", func(ctx context.Context, d *actors.Delivery) error {
//		return ship(ctx, d.Body()) // nil acknowledges, an error has it come again
//	})
//
// The program itself needs no client: [Broker.Publish], [Broker.Subscribe], [Broker.SubscribeFunc] and
// [Broker.Request] do what a client's frames do, by the same rules, without the frames. In a common actor system
// ([WithActorSystem]) the program's actors are told deliveries by [Broker.SubscribeActor] and publish by
// sending a [PublishRequest] to [Broker.PID]. Hooks are small interfaces: [Interceptor] here, and
// those of package access for logins and rights. [Broker.Events] tells what happens. docs/embedding.md goes through
// all of it.
//
// # Concurrency
//
// All methods of Broker, Subscription and Delivery may be called from any goroutine. Those that take a
// context may block until it ends; all others return at once, but for Subscription.All, which is a loop.
// Inside of an actor use what does not block: PublishRequest, Delivery.Ack and its sisters.
//
// A handler of SubscribeFunc runs on goroutines of its own, one or as many as [WithWorkers] says, and may block.
// Interceptors run inside of the broker's actors and must not. Authenticators and authorizers may: others
// are served meanwhile.
//
// A broker has a tree of actors, a pool of parked goroutines, and for each connection a goroutine that reads.
// After Shutdown has returned nil there is none left, in a system of its own nor in the program's.
//
// # Guarantees
//
//   - Publish returns nil when the broker has the message, which is what a RECEIPT means. When it returns an error
//     the message was not taken and never will be; only a broker that ended meanwhile leaves it open.
//   - What one goroutine publishes to one destination arrives in that order.
//   - A queue's delivery that is not acknowledged comes again, with Redelivered, when it is refused, when its
//     subscription ends, or when a part of the broker fails: at least once. A handler that must not do
//     something twice has to know what it did; [Broker.Commit] passes a message on exactly once.
//   - A topic's message is given to whoever is subscribed at that moment, once.
//   - A subscription is given no more than its prefetch ahead. A full queue makes Publish wait. No buffer is
//     without a limit.
//   - A panic costs the part that it happens in: an actor of the broker is restarted with what it had; a
//     handler's or interceptor's costs its message a refusal. Nothing the broker does ends the process.
//   - Brokers share nothing. The package has no state, and reads no environment, flag or signal.
//
// # Debugging
//
// [WithLogger] has it logged who was refused and why, what was restarted and by which cause. Events say the same
// to a program, with names in fields. The actors are named: a cause in stampede-5rkoi7su/connections/c42/session
// is in the session of the connection that logs and events call c42. docs/architecture.md shows the tree.
//
// # Testing
//
// A configuration without listeners is a broker without sockets, ready in a millisecond or ten; with
// WithActorSystem in less. Synchronise on what a call returns: what was published when Publish has returned can be
// received. Package faults breaks any part of a broker on purpose, package sim runs one under a seed and in no
// time, and [EventKind.Supervision] picks the events that a test of failures asserts. goleak finds no
// goroutine after Shutdown.
package actors
