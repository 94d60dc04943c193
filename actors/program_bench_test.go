package actors

import (
	"context"
	"strings"
	"testing"
)

// BenchmarkProgramPublish is one message from the program into a topic that nobody listens to, one at a time and
// each waited for: natively, and by a STOMP client over a pipe, SEND and RECEIPT. It is what
// docs/decisions/0015 rests on.
func BenchmarkProgramPublish(b *testing.B) {
	body := []byte(strings.Repeat("x", 128))
	b.Run("native", func(b *testing.B) {
		broker, ctx := benchBroker(b), context.Background()
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N {
			if err := broker.Publish(ctx, "/topic/bench", body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("pipe", func(b *testing.B) {
		c := dialBench(b, benchBroker(b))
		frame := "SEND\ndestination:/topic/bench\nreceipt:r\n\n" + string(body) + "\x00"
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N {
			c.ask(b, frame)
		}
	})
}

// BenchmarkProgramConsume is one message from the program through a queue and back to it, acknowledged, with as many
// on their way as there are publishers: natively, and by STOMP clients over pipes (see BenchmarkThroughQueue, which
// is faster than that because its publisher waits for nothing).
func BenchmarkProgramConsume(b *testing.B) {
	broker, ctx := benchBroker(b), b.Context()
	left := make(chan struct{}, b.N)
	if _, err := broker.SubscribeFunc(ctx, "/queue/bench", func(context.Context, *Delivery) error {
		left <- struct{}{}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	body := []byte(strings.Repeat("x", 128))
	b.ReportAllocs()
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if err := broker.Publish(ctx, "/queue/bench", body); err != nil {
				b.Error(err)
				return
			}
		}
	})
	for range b.N {
		<-left
	}
}

// BenchmarkProgramRequest is a question and its answer.
func BenchmarkProgramRequest(b *testing.B) {
	broker, ctx := benchBroker(b), b.Context()
	if _, err := broker.SubscribeFunc(ctx, "/queue/bench", func(ctx context.Context, d *Delivery) error {
		return d.Reply(ctx, d.Body())
	}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if _, err := broker.Request(ctx, "/queue/bench", nil); err != nil {
			b.Fatal(err)
		}
	}
}
