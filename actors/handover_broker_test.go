package actors_test

import (
	"bytes"
	"runtime/debug"
	"sync"
	"testing"

	"stampede/actors"
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
