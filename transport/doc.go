// Package transport carries STOMP between sockets and actors: it turns what
// arrives over TCP, TLS, a Unix socket, WebSocket or an in-memory pipe into
// typed frames for a session, and takes what leaves a connection from any number
// of destinations. It is the only package that knows gorilla/websocket, TLS and
// HTTP.
//
// # Use
//
// [Listen] opens a socket; a [Server] tells by the first bytes of each
// connection what it speaks, answers HTTP itself, and hands a [Conn] to its
// accept function for the rest. [Pipe] makes a Conn without a socket. The broker
// either turns the Conn away with Refuse, or starts the actor that [NewActor]
// returns:
//
//	l, err := transport.Listen(ctx, cfg)
//	s := transport.NewServer(cfg, func(c *transport.Conn) { system.Root.Send(connections, &Accept{c}) }, log, nil, nil)
//	err = s.Serve(l) // until s.Close
//
//	props := actor.PropsFromProducer(func() actor.Actor {
//		return transport.NewActor(conn, transport.Hearers{Session: session, Owner: ctx.Self()}, terms)
//	})
//
// The actor sends [Inbound], [Malformed], [Ended] and [Overflow] to the session and
// [Closed] to the owner; it hears [Admit], [SetLimits], [SetHeartBeat] and [Close]. All of them
// are pointers. Data does not pass through its mailbox: frames go from the reader
// straight to the session, and messages from destinations straight into the
// [Outbox], through a [Sink] per subscription. [Dial] is the client's side.
//
// # Concurrency
//
// Who owns which goroutine:
//
//   - A Server owns the accept loops (the callers of Serve), one short-lived
//     goroutine per connection until its protocol is known, and those of its
//     net/http server. Close ends and joins them, accept functions included.
//   - A transport actor owns the reader of its connection, for as long as there is
//     one (a quiet one is parked and has none, see [Parking]), and the write loop, which exists only while the outbox is not empty. It
//     joins both before it is Stopped: it closes the socket, which ends any read or
//     write, and the pauses of the reader (for the [Window], for Admit) end with it.
//   - Timers run nothing but a message to the actor.
//
// The reader alone tells the session about input, so Inbound, Malformed and Ended
// come in the order of the stream without any protocol. The actor interrupts it by
// a read deadline in the past, never by talking to the session itself.
//
// An Outbox has one mutex. It is held to copy frames in and to take chunks out,
// never during a system call or a callback. Deliver costs one lock and one wake for
// a batch. Functions that this package calls, written of NewSink and schedule of
// NewServer, must not block; what schedule is given to run may block for as long as
// the peer does not read.
//
// # Guarantees
//
//   - The session gets frames in order, and nothing after Malformed or Ended, of
//     which there is at most one. Before Admit it gets exactly one frame.
//   - Closed comes exactly once for every actor that was started, when the socket
//     is closed and no goroutine is left, whatever happened: a panic of the actor,
//     of the reader or of the write loop gives it ReasonInternalError. When the
//     actor is stopped from outside, protoactor's Terminated may overtake it.
//   - Frames leave whole and in the order they were accepted. Nothing of a sink
//     leaves before Open, nothing but its receipt comes first, and nothing gets in
//     after Close or Purge has returned.
//   - Inbound memory of a connection is bounded by its Window, one read and one
//     unfinished frame within the limits; outbound memory by the capacity of its
//     Outbox, 1 MiB and one frame, times at most about 2 for what chunks waste.
//   - After Close the last frame can be read by a peer that reads, although it goes
//     on sending: input is drained until the peer ends or Linger is over, so that no
//     reset overtakes it.
//   - A connection without traffic holds no buffer (TLS: 4 KiB and what crypto/tls
//     keeps), no goroutine where it can park and, with heart-beats, a timer per
//     direction.
//   - A Parking owns the goroutine that watches the sockets of those parked in it.
//   - A peer is called dead only if it could have been heard: not while the broker
//     itself keeps the reader waiting.
//
// # Choices
//
// A text message that is not UTF-8 ends the connection with 1007: RFC 6455 §5.6
// says what text is and §8.1 that whoever finds it is not must fail the connection.
// Bodies of other octets belong into binary messages, and go out in them.
//
// Once the handshake is done gorilla only reads. The headers of outgoing messages,
// pongs and Close frames are written by the outbox, so that many messages leave in
// one system call, in one order, and an ERROR still goes out before the Close frame
// for a peer that broke the protocol. See wsheader.go.
//
// A WebSocket message may be as large as the largest STOMP frame and 4 KiB; borders
// of messages mean nothing else.
//
// # Debugging
//
// The logger of a Server gets refused origins, failed handshakes and accept errors
// at Info and above, connections that never said what they are at Debug. The
// logger of an actor gets panics with their stacks, and the end of each connection
// with its reason at Debug. [Outbox.Pending], [Outbox.Stats], [Sink.Stats] and
// [Window.Used] show where a connection stands.
//
// # Testing
//
// Pipe, a [Clock] and testing/synctest together test a connection in no time. With
// the race detector more is checked: releasing more to a Window than was acquired
// panics, elsewhere it is evened out.
package transport
