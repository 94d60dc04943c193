package actors_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"stampede/actors"
)

// Whether its ctx has ended, ends meanwhile or never does: what Publish says it has published comes, once, and nothing else
// does, while goroutines of the program and readers of clients run the same actors.
func TestPublishTellsTheTruth(t *testing.T) {
	const publishers, each = 6, 200
	b := start(t, nil)
	var mu sync.Mutex
	got, last := make(map[string]int), make(chan struct{})
	if _, err := b.SubscribeFunc(t.Context(), "/queue/q", func(_ context.Context, d *actors.Delivery) error {
		mu.Lock()
		defer mu.Unlock()
		if got[string(d.Body())]++; string(d.Body()) == "last" {
			close(last)
		}
		return nil
	}, actors.WithWorkers(3)); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	published := make([]map[string]bool, publishers)
	ended, end := context.WithCancel(t.Context())
	end()
	for p := range publishers {
		published[p] = make(map[string]bool)
		wg.Go(func() {
			for i := range each {
				ctx := t.Context()
				switch i % 3 {
				case 1:
					ctx = ended
				case 2:
					short, end := context.WithTimeout(ctx, time.Duration(i)*time.Microsecond)
					defer end()
					ctx = short
				}
				body := fmt.Sprint(p, " ", i)
				err := b.Publish(ctx, "/queue/q", []byte(body))
				if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				published[p][body] = err == nil
			}
		})
	}
	wg.Go(func() {
		c := open(t, b)
		for range each {
			c.SendBody("/queue/q", "a client's", "receipt:r")
			c.Expect("RECEIPT")
		}
	})
	wg.Wait()
	if err := b.Publish(t.Context(), "/queue/q", []byte("last")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-last:
	case <-patience(t).Done():
		t.Fatal("the last message does not come")
	}
	if err := b.Shutdown(t.Context()); err != nil { // and handlers have returned
		t.Error(err)
	}
	if n := got["a client's"]; n != each {
		t.Errorf("%d messages of a client came, wants %d", n, each)
	}
	for _, of := range published {
		for body, ok := range of {
			if n := got[body]; ok && n != 1 || !ok && n != 0 {
				t.Errorf("message %q: published %v, came %d times", body, ok, n)
			}
		}
	}
}

// However many publish, a Shutdown ends them all, and itself.
func TestShutdownOfPublishers(t *testing.T) {
	for range 3 {
		b := start(t, nil)
		c := open(t, b)
		c.Subscribe("t", "/topic/t")
		var begun, wg sync.WaitGroup
		for p := range 8 {
			begun.Add(1)
			wg.Go(func() {
				for i := 0; ; i++ {
					if i == 20 {
						begun.Done()
					}
					if err := b.Publish(t.Context(), fmt.Sprint("/topic/t", p%3), []byte("x")); err != nil {
						if f := (*actors.Fault)(nil); !errors.As(err, &f) || f.Code != actors.CodeShutdown {
							t.Error(err)
						}
						if i < 20 {
							begun.Done()
						}
						return
					}
				}
			})
		}
		begun.Wait()
		if err := b.Shutdown(patience(t)); err != nil {
			t.Error(err)
		}
		wg.Wait()
	}
}
