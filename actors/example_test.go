package actors_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/actors"
	"stampede/actors/access"
	"stampede/config"
)

// embedded starts a broker without sockets, as most of these examples want it. A program checks the errors.
func embedded(opts ...actors.Option) *actors.Broker {
	cfg := config.Default()
	cfg.Listen = nil
	broker, err := actors.Start(context.Background(), cfg, opts...)
	if err != nil {
		panic(err)
	}
	return broker
}

// A broker in a dozen lines. Clients reach it on port 61613 of this machine; the program does without a client.
func Example() {
	ctx := context.Background()
	cfg := config.Default()
	cfg.Listen[0].Address = "localhost:0" // a free port; leave it out for 61613
	broker, err := actors.Start(ctx, cfg)
	if err != nil {
		panic(err)
	}
	done := make(chan struct{})
	broker.SubscribeFunc(ctx, "/queue/orders", func(_ context.Context, d *actors.Delivery) error {
		fmt.Printf("order: %s\n", d.Body())
		close(done)
		return nil // acknowledged; an error would have it come again
	})
	broker.Publish(ctx, "/queue/orders", []byte("two teapots"))
	<-done
	fmt.Println("the end:", broker.Shutdown(ctx))
	// Output:
	// order: two teapots
	// the end: <nil>
}

// Publish returns when the broker has taken the message. Its errors have codes that a program can act on.
func ExampleBroker_Publish() {
	ctx := context.Background()
	broker := embedded()
	defer broker.Shutdown(ctx)

	err := broker.Publish(ctx, "/queue/mail", []byte("hello"),
		actors.WithHeader("content-type", "text/plain"), actors.WithHeader("expiration", "60000"))
	fmt.Println(err)

	var fault *actors.Fault
	if err := broker.Publish(ctx, "mail", []byte("hello")); errors.As(err, &fault) {
		fmt.Println(fault.Code)
	}
	// Output:
	// <nil>
	// destination unknown
}

// A subscription is read like a channel. What is not acknowledged comes again.
func ExampleBroker_Subscribe() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	broker := embedded()
	defer broker.Shutdown(context.Background())

	subscription, err := broker.Subscribe(ctx, "/queue/work", actors.WithPrefetch(10))
	if err != nil {
		panic(err)
	}
	broker.Publish(ctx, "/queue/work", []byte("dig"))
	for d := range subscription.All() {
		fmt.Printf("%s, attempt %d\n", d.Body(), d.Attempt())
		if !d.Redelivered() {
			d.Nack() // not now
			continue
		}
		d.Ack()
		cancel() // ends the subscription, and with it the loop
	}
	// Output:
	// dig, attempt 1
	// dig, attempt 2
}

// Four workers share a queue. The selector is a header as STOMP clients send it.
func ExampleBroker_SubscribeFunc() {
	ctx := context.Background()
	broker := embedded()
	defer broker.Shutdown(ctx)

	handled := make(chan string)
	handle := func(_ context.Context, d *actors.Delivery) error {
		handled <- string(d.Body())
		return nil
	}
	broker.SubscribeFunc(ctx, "/queue/paint", handle, actors.WithWorkers(4), actors.WithHeader("selector", "colour = 'red'"))

	broker.Publish(ctx, "/queue/paint", []byte("sky"), actors.WithHeader("colour", "blue"))
	broker.Publish(ctx, "/queue/paint", []byte("rose"), actors.WithHeader("colour", "red"))
	fmt.Println(<-handled)
	// Output: rose
}

// A worker between two queues passes each message on once, whatever fails: it publishes and acknowledges in one
// transaction.
func ExampleBroker_Commit() {
	ctx := context.Background()
	broker := embedded()
	defer broker.Shutdown(ctx)

	broker.SubscribeFunc(ctx, "/queue/orders", func(ctx context.Context, d *actors.Delivery) error {
		tx := new(actors.Transaction)
		tx.Publish("/queue/paid", d.Body())
		tx.Ack(d)
		return broker.Commit(ctx, tx)
	})
	paid, err := broker.Subscribe(ctx, "/queue/paid")
	if err != nil {
		panic(err)
	}
	broker.Publish(ctx, "/queue/orders", []byte("two teapots"))
	d, err := paid.Next(ctx)
	if err != nil {
		panic(err)
	}
	fmt.Printf("paid: %s\n", d.Body())
	d.Ack()
	// Output: paid: two teapots
}

// A question and its answer; the one who answers may as well be a STOMP client.
func ExampleBroker_Request() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	broker := embedded()
	defer broker.Shutdown(ctx)

	broker.SubscribeFunc(ctx, "/queue/price", func(ctx context.Context, d *actors.Delivery) error {
		return d.Reply(ctx, []byte("12 €"))
	})
	answer, err := broker.Request(ctx, "/queue/price", []byte("teapot"))
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s\n", answer.Body())
	// Output: 12 €
}

// quietly has an actor system say nothing, and keep no goroutine for its dead letters.
func quietly() []actor.ConfigOption {
	return []actor.ConfigOption{
		actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }),
		actor.WithDeadLetterRequestLogging(false),
		actor.WithDeadLetterThrottleInterval(10 * time.Millisecond),
	}
}

// stock is an actor of the program.
type stock struct {
	broker *actor.PID
	done   chan<- struct{}
}

// Receive gets deliveries like any other message. NackOnFailure has one come again over which the actor panics.
func (s *stock) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actors.Delivery:
		if m.Attempt() == 1 {
			panic("the shelf fell down") // its supervisor restarts it
		}
		fmt.Printf("stock: %s, attempt %d\n", m.Body(), m.Attempt())
		ctx.Request(s.broker, &actors.PublishRequest{Destination: "/topic/taken", Body: m.Body()})
		m.Ack()
	case *actors.PublishResponse:
		fmt.Println("published:", m.Err)
		close(s.done)
	}
}

// The program's actors and the broker's live in one system: an actor is told the messages of a queue, and publishes by
// a message to the broker's PID.
func ExampleBroker_SubscribeActor() {
	ctx := context.Background()
	system := actor.NewActorSystem(quietly()...)
	broker := embedded(actors.WithActorSystem(system))
	defer broker.Shutdown(ctx)

	done := make(chan struct{})
	pid := system.Root.Spawn(actor.PropsFromProducer(
		func() actor.Actor { return &stock{broker: broker.PID(), done: done} },
		actor.WithReceiverMiddleware(actors.NackOnFailure)))
	broker.SubscribeActor(ctx, pid, "/queue/stock", actors.WithPrefetch(1))

	broker.Publish(ctx, "/queue/stock", []byte("teapot"))
	<-done
	// Output:
	// stock: teapot, attempt 2
	// published: <nil>
}

// WebSocket clients come in by the program's own web server, beside its other routes.
func ExampleBroker_Handler() {
	ctx := context.Background()
	broker := embedded()
	defer broker.Shutdown(ctx)

	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "the shop") })
	mux.Handle("GET /stomp", broker.Handler(config.Listen{WebSocketsOrigin: []string{"https://shop.example"}}))
	server := httptest.NewServer(mux) // or http.ListenAndServe(":8080", mux)
	defer server.Close()

	answer, err := http.Get(server.URL + "/stomp") // no WebSocket
	if err != nil {
		panic(err)
	}
	answer.Body.Close()
	fmt.Println(answer.Status)
	// Output: 426 Upgrade Required
}

// A listener that the program has opened: a socket that it was handed by systemd, or one with its own TLS.
func ExampleWithListener() {
	ctx := context.Background()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	broker := embedded(actors.WithListener(listener, config.Listen{Name: "own", STOMP: true}))
	defer broker.Shutdown(ctx)

	client, err := net.Dial("tcp", broker.Addrs()[0].String())
	if err != nil {
		panic(err)
	}
	defer client.Close()
	fmt.Fprint(client, "CONNECT\naccept-version:1.2\nhost:local\n\n\x00")
	command := make([]byte, len("CONNECTED"))
	client.Read(command)
	fmt.Printf("%s\n", command)
	// Output: CONNECTED
}

// The program says who its clients are, and what they may do. The configuration's own logins are asked when it knows
// nothing.
func ExampleWithAuthenticator() {
	ctx := context.Background()
	who := access.AuthenticatorFunc(func(_ context.Context, c *access.Credentials) (*access.Identity, error) {
		if c.Login == "anna" && c.Passcode == "secret" {
			return &access.Identity{User: "anna", By: "the shop"}, nil
		}
		return nil, access.ErrUnknown
	})
	what := access.AuthorizerFunc(func(_ context.Context, who *access.Identity, action access.Action, destination string) error {
		if destination == "/queue/"+who.User {
			return nil
		}
		return errors.New("not yours")
	})
	broker := embedded(actors.WithAuthenticator(who), actors.WithAuthorizer(what))
	defer broker.Shutdown(ctx)

	client := broker.Pipe() // a connection that never leaves the process
	defer client.Close()
	fmt.Fprint(client, "CONNECT\naccept-version:1.2\nhost:local\nlogin:eve\npasscode:guess\n\n\x00")
	command := make([]byte, len("ERROR"))
	client.Read(command)
	fmt.Printf("%s\n", command)
	// Output: ERROR
}

// An interceptor sees every message before it is routed.
func ExampleWithInterceptor() {
	ctx := context.Background()
	broker := embedded(actors.WithInterceptor(actors.InterceptorFunc(func(s *actors.Send) *actors.Fault {
		if len(s.Body) > 10 {
			return &actors.Fault{Code: actors.CodeRefused, Message: "too long for us", Detail: "ten octets are enough"}
		}
		s.Set("sender", s.Login) // a client can't fake it
		return nil
	})))
	defer broker.Shutdown(ctx)

	fmt.Println(broker.Publish(ctx, "/topic/chat", []byte("hello")))
	fmt.Println(broker.Publish(ctx, "/topic/chat", []byte("hello, hello, hello")))
	// Output:
	// <nil>
	// too long for us (refused): ten octets are enough
}

// Events tell what happens in the broker, from connects to restarts.
func ExampleBroker_Events() {
	ctx := context.Background()
	broker := embedded()
	events := broker.Events(ctx)

	broker.Publish(ctx, "/queue/orders", []byte("a teapot"))
	broker.Shutdown(ctx)
	for e := range events { // closed with the broker
		fmt.Println(e.Kind, e.Destination)
	}
	// Output: destination made /queue/orders
}

// A logger of the program's gets what the broker has to say.
func ExampleWithLogger() {
	ctx := context.Background()
	timeless := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "actor" || a.Key == "message-id" {
			return slog.Attr{}
		}
		return a
	}
	broker := embedded(actors.WithLogger(slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: timeless}))))
	defer broker.Shutdown(ctx)

	done := make(chan struct{})
	broker.SubscribeFunc(ctx, "/queue/orders", func(_ context.Context, d *actors.Delivery) error {
		if !d.Redelivered() {
			return errors.New("the printer is out of paper")
		}
		close(done)
		return nil
	})
	broker.Publish(ctx, "/queue/orders", []byte("a teapot"))
	<-done
	// Output: level=WARN msg="a message was refused by its handler" destination=/queue/orders cause="the printer is out of paper"
}

// Brokers share nothing: there may be several in one process.
func Example_severalBrokers() {
	ctx := context.Background()
	inside, outside := embedded(), embedded()
	defer inside.Shutdown(ctx)
	defer outside.Shutdown(ctx)

	// What one of them publishes goes on to the other.
	bridge := func(ctx context.Context, d *actors.Delivery) error {
		return inside.Publish(ctx, d.Destination(), d.Body())
	}
	outside.SubscribeFunc(ctx, "/topic/news", bridge)
	subscription, err := inside.Subscribe(ctx, "/topic/news")
	if err != nil {
		panic(err)
	}
	outside.Publish(ctx, "/topic/news", []byte("hello"))
	d, err := subscription.Next(ctx)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s\n", d.Body())
	// Output: hello
}
