package actors

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/config"
	"stampede/transport"
)

// BenchmarkMailboxTell is one message to a guarded actor that counts it, on the broker's own mailbox and
// dispatcher: from one goroutine, and from as many as there are processors.
func BenchmarkMailboxTell(b *testing.B) {
	for _, kind := range []string{"one", "parallel"} {
		b.Run(kind, func(b *testing.B) {
			pool := newWorkerPool()
			defer pool.Close()
			system := newSystem(quiet())
			defer system.Shutdown()
			c := &core{system: system, dispatcher: pool, clock: transport.SystemClock()}
			counted := &counter{done: make(chan struct{})}
			l, err := c.spawn(system.Root, &role{name: "counter"}, "counter", func(*life) process { return counted })
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = system.Root.StopFuture(l.pid).Wait() }()
			message := &tick{}
			b.ReportAllocs()
			b.ResetTimer()
			counted.want.Store(int64(b.N))
			if kind == "one" {
				for range b.N {
					system.Root.Send(l.pid, message)
				}
			} else {
				b.RunParallel(func(p *testing.PB) {
					for p.Next() {
						system.Root.Send(l.pid, message)
					}
				})
			}
			<-counted.done
		})
	}
}

// counter is an actor that tells when it has got what it waits for.
type counter struct {
	n, want atomic.Int64
	done    chan struct{}
}

func (c *counter) receive(_ actor.Context, message any) {
	if _, ok := message.(*tick); ok && c.n.Add(1) == c.want.Load() {
		close(c.done)
	}
}

// BenchmarkFanOut publishes to a topic and has every subscriber read what it gets, over in-memory pipes and
// through the whole tree of actors. One op is one SEND; a client of its own publishes in bursts of 64.
func BenchmarkFanOut(b *testing.B) {
	for _, ack := range []string{"auto", "client-individual"} {
		for _, subscribers := range []int{1, 100, 1000} {
			b.Run(fmt.Sprintf("%s/%d", ack, subscribers), func(b *testing.B) { benchmarkFanOut(b, ack, subscribers) })
		}
	}
}

func benchmarkFanOut(b *testing.B, ack string, subscribers int) {
	broker := benchBroker(b)
	acks := ack != "auto"
	pace := newPace(b.N, subscribers)
	var read sync.WaitGroup
	for range subscribers {
		c := dialBench(b, broker)
		c.ask(b, "SUBSCRIBE\nid:1\ndestination:/topic/bench\nack:"+ack+"\nprefetch-count:1000\nreceipt:s\n\n\x00")
		read.Go(func() { c.read(b, b.N, acks, pace) })
	}
	publisher := dialBench(b, broker)
	frame := "SEND\ndestination:/topic/bench\n\n" + strings.Repeat("x", 128) + "\x00"
	b.ReportAllocs()
	b.ResetTimer()
	publisher.publish(b, frame, b.N, pace)
	read.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(subscribers), "ns/delivery")
}

// BenchmarkSideBySide publishes to eight topics at once, with a publisher and a subscriber for each: with -cpu 1,2,4 it shows what the
// broker makes of more processors. One op is one message; the clients do next to nothing.
func BenchmarkSideBySide(b *testing.B) {
	const topics = 8
	broker := benchBroker(b)
	var clients sync.WaitGroup
	var begin sync.WaitGroup
	begin.Add(1)
	for i := range topics {
		n := (b.N + i) / topics
		name := fmt.Sprintf("/topic/bench%d", i)
		pace := newPaceOf(1024, n, 1)
		subscriber := dialBench(b, broker)
		subscriber.ask(b, "SUBSCRIBE\nid:1\ndestination:"+name+"\nreceipt:s\n\n\x00")
		clients.Go(func() { subscriber.read(b, n, false, pace) })
		publisher := dialBench(b, broker)
		frame := "SEND\ndestination:" + name + "\n\n" + strings.Repeat("x", 128) + "\x00"
		clients.Go(func() {
			begin.Wait()
			publisher.publish(b, frame, n, pace)
		})
	}
	b.ReportAllocs()
	b.ResetTimer()
	begin.Done()
	clients.Wait()
}

// BenchmarkThroughQueue sends messages through a queue to one consumer. One op is one message from SEND to
// settled.
func BenchmarkThroughQueue(b *testing.B) {
	for _, ack := range []string{"auto", "client-individual"} {
		b.Run(ack, func(b *testing.B) {
			broker := benchBroker(b)
			acks := ack != "auto"
			c := dialBench(b, broker)
			c.ask(b, "SUBSCRIBE\nid:1\ndestination:/queue/bench\nack:"+ack+"\nprefetch-count:1000\nreceipt:s\n\n\x00")
			var read sync.WaitGroup
			publisher := dialBench(b, broker)
			frame := "SEND\ndestination:/queue/bench\n\n" + strings.Repeat("x", 128) + "\x00"
			b.ReportAllocs()
			b.ResetTimer()
			read.Go(func() { c.read(b, b.N, acks, nil) })
			publisher.publish(b, frame, b.N, nil)
			read.Wait()
			b.StopTimer()
		})
	}
}

// BenchmarkConnect is a client's whole life, as `stampede bench connect` has it, over a pipe: CONNECT, SUBSCRIBE and DISCONNECT,
// each answered, and the end of its actors. One op is one client, of eight at a time for each processor.
func BenchmarkConnect(b *testing.B) {
	broker := benchBroker(b)
	dialBench(b, broker).ask(b, "SUBSCRIBE\nid:1\ndestination:/topic/bench\nreceipt:s\n\n\x00") // the topic stays
	b.SetParallelism(8)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c := benchClient{broker.Pipe()}
			c.ask(b, "CONNECT\naccept-version:1.2\n\n\x00")
			c.ask(b, "SUBSCRIBE\nid:1\ndestination:/topic/bench\nreceipt:s\n\n\x00")
			c.ask(b, "DISCONNECT\nreceipt:d\n\n\x00")
			c.Close()
		}
	})
}

// pace keeps a publisher from running so far ahead of its subscribers that their outboxes are what is
// measured. Lot by lot, it waits for all subscribers to have read the lot before the last one.
type pace struct {
	lot  int
	read []sync.WaitGroup
}

func newPace(messages, subscribers int) *pace {
	return newPaceOf(max(64, 64<<10/subscribers/64*64), messages, subscribers)
}

func newPaceOf(lot, messages, subscribers int) *pace {
	p := &pace{lot: lot}
	p.read = make([]sync.WaitGroup, messages/p.lot)
	for i := range p.read {
		p.read[i].Add(subscribers)
	}
	return p
}

// publish is called when so many are to be published next.
func (p *pace) publish(sent int) {
	if p != nil && sent%p.lot == 0 && sent/p.lot >= 2 {
		p.read[sent/p.lot-2].Wait()
	}
}

// count is called when a subscriber that had read some messages has read more.
func (p *pace) count(had, has int) {
	if p == nil {
		return
	}
	for lot := had / p.lot; lot < has/p.lot; lot++ {
		p.read[lot].Done()
	}
}

func benchBroker(b *testing.B) *Broker {
	b.Helper()
	cfg := config.Default()
	cfg.Listen = nil
	cfg.Session.Linger = 0
	broker, err := Start(context.Background(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = broker.Shutdown(context.Background()) })
	return broker
}

// benchClient speaks as little STOMP as will do.
type benchClient struct{ net.Conn }

func dialBench(b *testing.B, broker *Broker) benchClient {
	b.Helper()
	c := benchClient{broker.Pipe()}
	b.Cleanup(func() { _ = c.Close() })
	c.ask(b, "CONNECT\naccept-version:1.2\n\n\x00")
	return c
}

// ask sends a frame that is answered by one without a body.
func (c benchClient) ask(b *testing.B, frame string) {
	b.Helper()
	_, err := io.WriteString(c, frame)
	buf := make([]byte, 512)
	for n := 0; err == nil && !bytes.HasSuffix(buf[:n], []byte("\x00\n")); {
		var m int
		m, err = c.Conn.Read(buf[n:])
		n += m
	}
	if err != nil {
		b.Fatal(err)
	}
}

// publish writes n frames in bursts of 64, and waits until the last one is done.
func (c benchClient) publish(b *testing.B, frame string, n int, p *pace) {
	burst := []byte(strings.Repeat(frame, 64))
	for sent := 0; sent < n; sent += 64 {
		p.publish(sent)
		if _, err := c.Write(burst[:len(frame)*min(n-sent, 64)]); err != nil {
			b.Error(err)
			return
		}
	}
	c.ask(b, "BEGIN\ntransaction:t\nreceipt:r\n\n\x00")
}

// read reads n messages, which it tells by their NULs, and acknowledges each if it is to.
func (c benchClient) read(b *testing.B, n int, acks bool, p *pace) {
	buf := make([]byte, 64<<10)
	var out []byte
	for has, held := 0, 0; has < n; {
		m, err := c.Conn.Read(buf[held:])
		if err != nil {
			b.Error(err)
			return
		}
		had := has
		if !acks {
			has += bytes.Count(buf[:m], []byte{0})
			p.count(had, has)
			continue
		}
		data := buf[:held+m]
		out = out[:0]
		for {
			frame, rest, whole := bytes.Cut(data, []byte{0})
			if !whole {
				break
			}
			_, id, _ := bytes.Cut(frame, []byte("\nack:"))
			id, _, _ = bytes.Cut(id, []byte{'\n'})
			out = append(append(append(out, "ACK\nid:"...), id...), "\n\n\x00"...)
			data = rest
			has++
		}
		held = copy(buf, data)
		p.count(had, has)
		if _, err := c.Write(out); err != nil {
			b.Error(err)
			return
		}
	}
}

// BenchmarkQueue is the rule of a queue alone: a message is put, given out and settled, with 1, 10 and 1000
// consumers taking turns.
func BenchmarkQueue(b *testing.B) {
	now := time.Now()
	for _, consumers := range []int{1, 10, 1000} {
		b.Run(fmt.Sprint(consumers), func(b *testing.B) {
			q := newQueue(queueLimits{maxMessages: 1000, maxBytes: 1 << 30})
			for i := range consumers {
				q.attach(subscriptionAt(i), 1, 100, false, consumerLink{})
			}
			m := &Message{priority: defaultPriority, size: 400}
			var touched []*consumer
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if q.room(1, m.size) {
					q.put(m, now)
				}
				touched = q.dispatch(now, touched[:0])
				for _, c := range touched {
					for i, e := range c.batch {
						q.settle(c.key, 1, e, acknowledged)
						c.batch[i] = nil
					}
					c.batch = c.batch[:0]
				}
			}
		})
	}
	b.Run("return", func(b *testing.B) { // a consumer leaves with 100 messages and another gets them
		q := filled(queueLimits{}, 100)
		b.ReportAllocs()
		for i := range b.N {
			q.attach(subscriptionAt(i), 1, 100, false, consumerLink{})
			given := q.dispatch(now, nil)
			given[0].batch = nil
			q.detach(subscriptionAt(i), 1)
		}
	})
}

// BenchmarkAckWindow is a delivery and its acknowledgement with 100 others open.
func BenchmarkAckWindow(b *testing.B) {
	for _, mode := range []ackMode{ackClient, ackIndividual} {
		b.Run([]string{"auto", "client", "client-individual"}[mode], func(b *testing.B) {
			w := newAckWindow(mode, false)
			for range 100 {
				w.add(unacked{})
			}
			var settled []unacked
			b.ReportAllocs()
			for range b.N {
				n := w.add(unacked{})
				settled, _ = w.mark(n-100, acknowledged, "", false, settled[:0])
			}
		})
	}
}

// BenchmarkPatternMatch finds the wildcard subscriptions for a name among 10,000.
func BenchmarkPatternMatch(b *testing.B) {
	var tree patternTree[int]
	for i := range 10_000 {
		tree.add(fmt.Sprintf("region.%d.*.#", i), i)
	}
	tree.add("#", -1)
	found := 0
	b.ReportAllocs()
	for range b.N {
		tree.match("region.77.sensor.temperature", func(int) { found++ })
	}
	if found != 2*b.N {
		b.Errorf("found %d", found)
	}
}

// BenchmarkTail encodes what all subscribers of a message share.
func BenchmarkTail(b *testing.B) {
	f := sending(strings.Repeat("x", 256), "destination:/topic/bench", "content-type:application/json", "correlation-id:0123456789abcdef")
	b.ReportAllocs()
	for range b.N {
		m, _ := newMessage("abcdefgh-1-1", "/topic/bench", f, time.Now)
		m.tail(3)
	}
}
