package conformance

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/config"
	"stampede/tests/stomptest"
)

// Whatever frames clients send in whatever order, no part of the broker panics, every frame that asks for a receipt is
// answered or refused, and another client is served as ever.
//
// The input is a program: see session.run. Finds are kept in testdata/fuzz/FuzzSession.
func FuzzSession(f *testing.F) {
	for _, seed := range sessionSeeds {
		f.Add([]byte(seed))
	}
	for _, seed := range tableSeeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		if len(program) > 4096 {
			return // a longer one finds nothing that a shorter one does not, and takes longer to
		}
		broker := stomptest.Options{System: oneSystem()}.Start(t, tight)
		s := session{program: program}
		for i := range s.clients {
			s.clients[i] = &guest{t: t, broker: broker}
		}
		s.run()
		for _, c := range s.clients {
			c.leave()
		}
		probe(t, broker)
	})
}

// oneSystem is one actor system for all brokers of single cases and inputs: a new one for each would take a hundred times
// as long as the broker in it, and almost three megabytes.
var oneSystem = sync.OnceValue(func() *actor.ActorSystem {
	return actor.NewActorSystem(
		actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }),
		actor.WithDeadLetterRequestLogging(false))
})

// tight sets limits and timeouts that a short program can reach.
func tight(c *config.Config) {
	c.Listen = nil
	c.Session.LoginTimeout = stomptest.Guard // no program waits for it
	c.Session.FrameTimeout, c.Session.Linger = 100*time.Millisecond, 100*time.Millisecond
	c.Session.DefaultPrefetch = 3
	c.Limits.MaxSubscriptions, c.Limits.MaxTransactions, c.Limits.MaxTransactionFrames = 6, 2, 8
	c.Limits.InboundWindow, c.Limits.Outbox = 4*config.KiB, 64*config.KiB
	c.Queues.MaxMessages, c.Queues.MaxDeliveries, c.Queues.HoldTimeout = 12, 3, 50*time.Millisecond
	c.Destinations.IdleTimeout = 5 * time.Millisecond
	c.HeartBeat.Send, c.HeartBeat.Receive = 5*time.Millisecond, 5*time.Millisecond
	c.Destination = []config.Destination{
		{Name: "memq", Type: config.TypeQueue},
		{Name: "memtop", Type: config.TypeTopic, MinDelivery: 2, MaxMessages: new(4), Full: new(config.FullDropOldest), SlowConsumer: new(config.SlowDropNewest)},
	}
}

// session plays a program. Three clients take their moves from its bytes:
//
//	who and what   one byte: the client in the upper bits, the kind of frame in the lower five
//	details        one byte for each choice: a destination, an id, a header, whether to ask for a receipt
type session struct {
	program []byte
	clients [3]*guest
}

// next takes a byte and makes it a number below n.
func (s *session) next(n int) int {
	if len(s.program) == 0 {
		return 0
	}
	b := s.program[0]
	s.program = s.program[1:]
	return int(b) % n
}

func pick[T any](s *session, from ...T) T { return from[s.next(len(from))] }

func (s *session) run() {
	for len(s.program) > 0 {
		b := s.next(256)
		s.step(s.clients[(b>>5)%len(s.clients)], b&31)
	}
}

func (s *session) step(c *guest, what int) {
	destination := func() string {
		return "destination:" + pick(s, "/queue/a", "/queue/b", "/topic/a.b", "/topic/a.c", "/topic/a.*", "/topic/#", "/temp-queue/r", "/queue/DLQ", "memq", "memtop", "memtop", "", "/queue/a\\cb", "nowhere", c.last("reply-to"))
	}
	id := func() string { return "id:" + pick(s, "0", "1", "2", "3", "") }
	transaction := func() string { return "transaction:" + pick(s, "t", "u", "v", "") }
	var lines []string
	body := ""
	switch what {
	case 0, 1:
		lines = []string{pick(s, "CONNECT", "STOMP"), "accept-version:" + pick(s, V12, V11, V10, "9"), "host:h", "heart-beat:" + pick(s, "0,0", "0,5", "5,5", "x")}
	case 2, 3, 4, 5:
		lines = []string{"SEND", destination()}
		body = pick(s, "", "x", strings.Repeat("y", 300), strings.Repeat("z", 5000))
		lines = append(lines, pick(s, nil, nil, []string{"priority:9"}, []string{"expiration:1"}, []string{"expires:1"}, []string{"delay:1"}, []string{"reply-to:/temp-queue/r"}, []string{"priority:x"}, []string{"note:\\n\\c", "note:2"}, []string{"content-length:1"})...)
	case 6, 7, 8:
		lines = []string{"SUBSCRIBE", id(), destination(), "ack:" + pick(s, "auto", "client", "client-individual", "client", "x")}
		lines = append(lines, pick(s, nil, nil, []string{"prefetch-count:1"}, []string{"exclusive:true"}, []string{"browse:true"}, []string{"durable:true"}, []string{"selector:note IS NULL"}, []string{"selector:note > 1"}, []string{"selector:a ="})...)
	case 9:
		lines = []string{"UNSUBSCRIBE", pick(s, id(), destination())}
	case 10, 11, 12, 13:
		lines = []string{pick(s, "ACK", "NACK")}
		lines = append(lines, c.settle(s.next(8))...)
		lines = append(lines, pick(s, nil, nil, []string{"requeue:false"})...)
	case 14:
		lines = []string{"BEGIN", transaction()}
	case 15:
		lines = []string{"COMMIT", transaction()}
	case 16:
		lines = []string{"ABORT", transaction()}
	case 17:
		lines = []string{"DISCONNECT"}
	case 18:
		c.leave()
		return
	case 19:
		c.write(pick(s, "\n", "\r\n", "\r", "SEND", "SEND\ndestination:/queue/a\n\nhalf", "\x00", "MESSAGE\n\n\x00", "SEND\ncontent-length:99\n\n"))
		c.torn = true
		return
	case 20, 21:
		c.read(s.next(4))
		return
	default:
		// Frames that belong together, so that a short program gets far.
		c.write(text("", "CONNECT", "accept-version:"+pick(s, V12, V11, V10), "host:h"))
		c.write(text("", "SUBSCRIBE", id(), destination(), "ack:client"))
		c.write(text("x", "SEND", destination()))
		return
	}
	more := s.next(8)
	if more&1 != 0 && what != 14 && what != 15 && what != 16 {
		lines = append(lines, transaction())
	}
	if more&6 == 0 {
		c.write(text(body, lines...))
		return
	}
	c.ask(body, lines...)
}

// guest is one client of a program.
type guest struct {
	t      *testing.T
	broker *stomptest.Broker
	conn   *stomptest.Conn
	seen   []stomptest.Frame // MESSAGEs
	asked  int
	torn   bool // a part of a frame was written: what follows may be swallowed by it and never be answered
}

func (c *guest) open() *stomptest.Conn {
	if c.conn == nil {
		c.conn = c.broker.Open(c.t, stomptest.Pipe)
		c.conn.Lax, c.conn.Patience = true, 5*time.Second
	}
	return c.conn
}

func (c *guest) leave() {
	if c.conn != nil {
		c.conn.Drop()
	}
	c.conn, c.seen, c.torn = nil, nil, false
}

// write sends, and starts anew if the broker has closed the connection.
func (c *guest) write(raw string) {
	if err := c.open().TryWrite(raw); err != nil {
		c.judge(err)
		c.leave()
	}
}

// ask sends a frame with a receipt header and reads until it is answered.
func (c *guest) ask(body string, lines ...string) {
	c.asked++
	id := fmt.Sprintf("r%d", c.asked)
	c.write(text(body, append(lines, "receipt:"+id)...))
	if c.conn == nil || c.torn {
		return
	}
	connect := lines[0] == "CONNECT" || lines[0] == "STOMP"
	for {
		f, ok := c.frame()
		if !ok || f.Command == "RECEIPT" && f.Header1("receipt-id") == id || f.Command == "CONNECTED" && connect {
			return
		}
	}
}

// read reads some frames, if they are sure to come: those in front of a receipt.
func (c *guest) read(n int) {
	for range n {
		c.ask("", "SEND", "destination:/topic/read")
	}
}

func (c *guest) frame() (stomptest.Frame, bool) {
	f, err := c.conn.TryFrame()
	if err != nil {
		c.judge(err)
		c.leave()
		return f, false
	}
	if f.Command == "MESSAGE" {
		c.seen = append(c.seen, f)
	}
	return f, true
}

// judge fails the test if the broker was silent, or said what no broker may say.
func (c *guest) judge(err error) {
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) && !errors.Is(err, io.ErrUnexpectedEOF) {
		c.t.Fatalf("a client: %v", err)
	}
}

func (c *guest) last(header string) string {
	for _, f := range slices.Backward(c.seen) {
		if v, there := f.Get(header); there {
			return v
		}
	}
	return ""
}

// settle gives the headers that name the nth last message.
func (c *guest) settle(n int) []string {
	if n >= len(c.seen) {
		return []string{"id:1-1-1", "message-id:none", "subscription:0"}
	}
	f := c.seen[len(c.seen)-1-n]
	return []string{"id:" + f.Header1("ack"), "message-id:" + f.Header1("message-id"), "subscription:" + f.Header1("subscription")}
}

// probe is a client of good manners, who must be served whatever the others did.
func probe(t *testing.T, broker *stomptest.Broker) {
	c := broker.Open(t, stomptest.Pipe)
	c.Connect(V12)
	c.Subscribe("probe", "/queue/probe", "ack:client")
	c.SendBody("/queue/probe", "are you there?")
	f := c.Expect("MESSAGE", "subscription:probe")
	c.Send("ACK", "id:"+f.Header1("ack"))
	c.Disconnect()
}

// sessionSeeds are programs that get far.
var sessionSeeds = []string{
	"\x16\x00\x01\x00\x00\x02\x00\x01\x02\x0a\x00\x00\x00\x02",                         // subscribe, send, acknowledge
	"\x16\x00\x01\x00\x00\x0e\x00\x02\x02\x00\x01\x00\x03\x0f\x00\x02",                 // a transaction
	"\x16\x00\x01\x00\x00\x0e\x00\x02\x0a\x00\x00\x00\x03\x10\x00\x02\x0a\x01\x00\x00", // abort, then settle again
	"\x16\x00\x01\x00\x00\x36\x00\x02\x00\x00\x12\x14\x01\x32",                         // two clients, one leaves
	"\x16\x00\x00\x06\x06\x14\x02\x02\x06\x01\x06\x00\x14\x02",                         // temporary queues
}

// tableSeeds makes programs of the conformance table: the commands of a case in their order.
func tableSeeds() [][]byte {
	commands := []string{"CONNECT", "", "SEND", "", "", "", "SUBSCRIBE", "", "", "UNSUBSCRIBE", "ACK", "", "", "", "BEGIN", "COMMIT", "ABORT", "DISCONNECT"}
	var seeds [][]byte
	seen := map[string]bool{}
	for _, c := range Cases() {
		if c.Version != V12 {
			continue
		}
		var program []byte
		for _, s := range c.Steps {
			command, _, _ := strings.Cut(s.Send, "\n")
			if i := slices.Index(commands, command); i >= 0 && command != "" {
				client := byte(s.Client[0]-'a') % 3
				program = append(program, client<<5|byte(i), 0, 1, 0, 0, 2)
			}
		}
		if len(program) > 0 && len(program) < 120 && !seen[string(program)] {
			seen[string(program)] = true
			seeds = append(seeds, program)
		}
	}
	return seeds
}
