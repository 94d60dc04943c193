package actors_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"stampede/actors"
	"stampede/config"
	"stampede/tests/stomptest"
)

// onReaders counts, for each kind of actor and message, how often a reader's goroutine has run it.
type onReaders struct {
	mu   sync.Mutex
	seen map[string][2]int // by a reader, in all
}

func (o *onReaders) inject(role, _, phase string, m any) {
	if phase != "message" {
		return
	}
	byReader := bytes.Contains(debug.Stack(), []byte("transport.(*reader).run"))
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.seen == nil {
		o.seen = make(map[string][2]int)
	}
	n := o.seen[role]
	n[1]++
	if byReader {
		n[0]++
	}
	o.seen[role] = n
}

// take gives what was counted of a kind of actor since the last time.
func (o *onReaders) take(role string) (byReader, all int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := o.seen[role]
	delete(o.seen, role)
	return n[0], n[1]
}

// With nothing else to do the goroutine that reads a SEND carries it as far as it goes, through the actors of its
// session and its destination, and those of an ACK as far as the queue; the transport's actor it never runs.
func TestReadersRunSessionAndDestination(t *testing.T) {
	o := &onReaders{}
	b := start(t, nil, actors.WithInjector(o.inject))
	c := open(t, b)
	c.Subscribe("q", "/queue/q", "ack:client-individual")
	for _, role := range []string{"session", "destination", "subscription"} {
		o.take(role)
	}
	const n = 20
	for range n {
		c.SendBody("/queue/q", "x")
		c.Send("ACK", "id:"+c.Expect("MESSAGE").Header1("ack"), "receipt:r")
		c.Expect("RECEIPT")
	}
	for _, role := range []string{"session", "destination", "subscription"} {
		// A turn that is still on its way when the next frame comes is the dispatcher's.
		if by, all := o.take(role); by < all/2 || by < n/2 {
			t.Errorf("%s: %d of %d messages by a reader", role, by, all)
		}
	}
	if by, all := o.take("transport"); by != 0 || all == 0 {
		t.Errorf("%d of %d messages of a transport by a reader: it waits for readers", by, all)
	}
}

// Where actors call code of the program, which may not come back, no reader runs them.
func TestReadersRunNoCodeOfTheProgram(t *testing.T) {
	for name, option := range map[string]func(*onReaders) []actors.Option{
		"interceptor": func(o *onReaders) []actors.Option {
			return []actors.Option{actors.WithInjector(o.inject), actors.WithInterceptor(actors.InterceptorFunc(func(*actors.Send) *actors.Fault { return nil }))}
		},
		"injector": func(o *onReaders) []actors.Option { return []actors.Option{actors.WithRudeInjector(o.inject)} },
	} {
		t.Run(name, func(t *testing.T) {
			o := &onReaders{}
			c := open(t, start(t, nil, option(o)...))
			for range 20 {
				c.SendBody("/queue/q", "x", "receipt:r")
				c.Expect("RECEIPT")
			}
			for _, role := range []string{"session", "destination"} {
				if by, all := o.take(role); by != 0 || all < 20 {
					t.Errorf("%s: %d of %d messages by a reader", role, by, all)
				}
			}
		})
	}
}

// Over TLS, with WebSocket and without, where who reads a message leaves it to write loops to write it, every subscriber gets
// every message whole and in order, one at a time and many together, from a topic and from a queue.
func TestFanOutOverTLS(t *testing.T) {
	dir := t.TempDir()
	s := stomptest.Start(t, func(c *config.Config) { c.Listen[0].TLSCert, c.Listen[0].TLSKey = certify(t, dir, 1) })
	for name, dial := range map[string]func() (net.Conn, error){
		"tls": func() (net.Conn, error) {
			return tls.Dial("tcp", s.Address(), &tls.Config{InsecureSkipVerify: true})
		},
		"wss": func() (net.Conn, error) {
			ctx, cancel := context.WithTimeout(t.Context(), stomptest.Guard)
			defer cancel()
			link, _, err := stomptest.DialWebSocket(ctx, "wss://"+s.Address()+"/", []string{"v12.stomp"}, nil)
			return link, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := func() *stomptest.Conn {
				link, err := dial()
				if err != nil {
					t.Fatal(err)
				}
				c := stomptest.New(t, link)
				c.Connect("1.2")
				return c
			}
			topic, queue := "/topic/"+name, "/queue/"+name
			publisher, subscribers := client(), []*stomptest.Conn{client(), client(), client()}
			for _, c := range subscribers {
				c.Subscribe("t", topic)
			}
			consumer := client()
			consumer.Subscribe("q", queue)
			next := 0
			for round := range 20 {
				var frames strings.Builder
				var sent []string
				for range 1 + 60*(round%2) {
					body := fmt.Sprint(next, ".", strings.Repeat("x", next%9*1000)) // the longer ones are not copied on their way
					next++
					frames.WriteString(stomptest.TextBody(body, "SEND", "destination:"+topic) + stomptest.TextBody(body, "SEND", "destination:"+queue))
					sent = append(sent, body)
				}
				publisher.Write(frames.String())
				for _, c := range append(subscribers, consumer) {
					got(t, c, sent...)
				}
			}
		})
	}
}
