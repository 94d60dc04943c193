//go:build unix

package transport

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/stompwire"
)

// BenchmarkSinkDeliver is the hot path of a fan-out: one batch of 64 messages
// of 128 bytes into one outbox whose writes cost nothing. One op is a batch.
func BenchmarkSinkDeliver(b *testing.B) {
	for _, kind := range []string{"tcp", "websocket"} {
		b.Run(kind, func(b *testing.B) {
			o := newOutbox(io.Discard, kind == "websocket", 0, SystemClock(), func(f func()) { f() })
			s := o.NewSink([]byte("MESSAGE\nsubscription:sub-0\n"), Keep, func(int) {})
			s.Open(nil)
			batch := benchBatch(64, 128)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				s.Deliver(batch)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/64, "ns/delivery")
		})
	}
}

// BenchmarkSinkDeliverParallel has several destinations deliver to one
// connection, with the write loop on goroutines.
func BenchmarkSinkDeliverParallel(b *testing.B) {
	o := newOutbox(io.Discard, false, 0, SystemClock(), nil)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		s := o.NewSink([]byte("MESSAGE\nsubscription:sub-0\n"), DropNewest, nil)
		s.Open(nil)
		batch := benchBatch(64, 128)
		for p.Next() {
			s.Deliver(batch)
		}
	})
	o.abort()
	o.join()
}

func benchBatch(n, body int) []Delivery {
	t := &Tail{Bytes: []byte("message-id:12345678\ndestination:/topic/news\ncontent-length:128\n\n" +
		strings.Repeat("x", body) + "\x00"), UTF8: true}
	batch := make([]Delivery, n)
	for i := range batch {
		batch[i] = Delivery{Tail: t}
	}
	return batch
}

// BenchmarkFanOutTCP is a burst of 64 messages to each of n connections over
// loopback: outbox, write loop, system call, and a client that reads and forgets.
// One op is a burst; cpu-ns is the processor time of both sides, which a busy
// machine disturbs less than the clock.
func BenchmarkFanOutTCP(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			var sinks []*Sink
			var clients sync.WaitGroup
			var missing atomic.Int64
			burst := make(chan struct{}, 1)
			for range n {
				client, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					b.Fatal(err)
				}
				server, err := l.Accept()
				if err != nil {
					b.Fatal(err)
				}
				clients.Go(func() {
					io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{client}, make([]byte, 64<<10))
					client.Close()
				})
				defer server.Close()
				o := newOutbox(server, false, 0, SystemClock(), nil)
				s := o.NewSink([]byte("MESSAGE\nsubscription:sub-0\n"), Keep, func(k int) {
					if missing.Add(int64(-k)) == 0 {
						burst <- struct{}{}
					}
				})
				s.Open(nil)
				sinks = append(sinks, s)
			}
			batch := benchBatch(64, 128)
			b.ReportAllocs()
			before := processorTime()
			b.ResetTimer()
			for range b.N {
				missing.Add(int64(64 * n))
				for _, s := range sinks {
					s.Deliver(batch)
				}
				<-burst
			}
			b.StopTimer()
			b.ReportMetric(float64(processorTime()-before)/float64(b.N)/64/float64(n), "cpu-ns/delivery")
		})
	}
}

// processorTime is what this process has used so far.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRead is the way in: 64 KiB reads of 256-byte SENDs, decoded and
// batched. One op is a frame.
func BenchmarkRead(b *testing.B) {
	frame := []byte("SEND\ndestination:/queue/orders\nreceipt:r-1\ncontent-length:190\n\n" + strings.Repeat("x", 190) + "\x00")
	stream := bytes.Repeat(frame, readBytes/len(frame))
	per := bytes.Count(stream, []byte{0})
	near, far := newPipe(readBytes, SystemClock())
	c := newConn(far, nil, newCommon(nil, nil, nil), connOptions{})
	quiet := slog.New(slog.DiscardHandler)
	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return quiet }))
	defer system.Shutdown()
	session, _ := system.ProcessRegistry.Add(releaser{&c.window}, "session")
	a := NewActor(c, Hearers{Session: session}, NewActorTerms(ActorOptions{})).(*connActor)
	a.system = system
	r := &a.reader
	r.admitted = true
	r.dec.SetVersion(stompwire.V12)
	go func() {
		defer near.Close()
		for n := 0; n < b.N; n += per {
			near.Write(stream)
		}
	}()
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	b.ResetTimer()
	r.read()
}

// releaser is a session that is done with frames at once.
type releaser struct{ window *Window }

func (r releaser) SendUserMessage(_ *actor.PID, m any) {
	if in, ok := m.(*Inbound); ok {
		r.window.Release(in.Cost)
	}
}

func (releaser) SendSystemMessage(*actor.PID, any) {}
func (releaser) Stop(*actor.PID)                   {}
