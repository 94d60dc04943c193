package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"stampede/stompwire"
)

// Connects opens connections and closes them again, as fast as it can: CONNECT, a SUBSCRIBE with a receipt, a
// DISCONNECT with a receipt.
type Connects struct {
	Target
	Workers     int    // connections at once
	Destination string // that each subscribes to
	Duration    time.Duration
	Warmup      time.Duration
}

// connects is a Connects under way.
type connects struct {
	*Connects
	ctx   context.Context
	fail  context.CancelCauseFunc
	stop  chan struct{}
	began time.Time

	done      atomic.Int64
	measuring atomic.Bool

	mu      sync.Mutex
	server  string
	latency histogram
}

// Run connects until the time is over. Any connection that does not come to its good end is an error.
func (o *Connects) Run(ctx context.Context, w Watch) (f Figures, broker string, err error) {
	if o.Workers < 1 || o.Duration <= 0 {
		return nil, "", errors.New("connecting needs a worker and a duration")
	}
	c := &connects{Connects: o, stop: make(chan struct{}), began: time.Now()}
	c.ctx, c.fail = context.WithCancelCause(ctx)
	defer c.fail(nil)
	var workers sync.WaitGroup
	for range o.Workers {
		workers.Add(1)
		go func() {
			defer workers.Done()
			c.work()
		}()
	}
	f, err = c.measure(&w)
	close(c.stop)
	workers.Wait()
	if cause := context.Cause(c.ctx); cause != nil {
		return nil, "", cause
	}
	if err != nil {
		return nil, "", err
	}
	f.latencies(&c.latency)
	return f, c.server, nil
}

func (c *connects) measure(w *Watch) (Figures, error) {
	var from, to reading
	if err := c.wait(w, c.Warmup); err != nil {
		return nil, err
	}
	if err := w.meters(&from); err != nil {
		return nil, err
	}
	before := c.done.Load()
	c.measuring.Store(true)
	if err := c.wait(w, c.Duration); err != nil {
		return nil, err
	}
	c.measuring.Store(false)
	n := c.done.Load() - before
	if err := w.meters(&to); err != nil {
		return nil, err
	}
	d := to.at.Sub(from.at)
	f := Figures{"seconds": d.Seconds(), "connections": float64(n), "connects_per_s": perSecond(n, d)}
	w.spent(f, &from, &to, n, 1e6, "us_per_connect")
	return f, nil
}

// wait tells how far it is, until the time is over.
func (c *connects) wait(w *Watch, d time.Duration) error {
	end := time.After(d)
	tick := time.NewTicker(w.every())
	defer tick.Stop()
	last, at := c.done.Load(), time.Now()
	for {
		select {
		case <-end:
			return nil
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		case now := <-tick.C:
			n := c.done.Load()
			w.say(fmt.Sprintf("%s connections/s", Count(perSecond(n-last, now.Sub(at)))))
			last, at = n, now
		}
	}
}

// work is one worker: one connection after the other.
func (c *connects) work() {
	var latency histogram
	for !closed(c.stop) && c.ctx.Err() == nil {
		begin := time.Now()
		if err := c.once(); err != nil {
			c.fail(err)
			break
		}
		c.done.Add(1)
		if c.measuring.Load() {
			latency.add(time.Since(begin), 1)
		}
	}
	c.mu.Lock()
	c.latency.merge(&latency)
	c.mu.Unlock()
}

// once is one connection from beginning to end.
func (c *connects) once() error {
	l, err := c.connect(c.ctx, 1<<10)
	if err != nil {
		return err
	}
	defer l.conn.Close()
	c.mu.Lock()
	c.server = l.server
	c.mu.Unlock()
	subscribe := &stompwire.Frame{Command: stompwire.Subscribe, Header: stompwire.Header{
		{Name: "id", Value: "0"}, {Name: "destination", Value: c.Destination},
	}}
	if err := l.request(subscribe); err != nil {
		return fmt.Errorf("subscribing: %w", unexpected(err))
	}
	err = l.goodbye(time.Now().Add(c.timeout()))
	for err == nil {
		err = l.pump()
	}
	if !l.left(err) {
		return fmt.Errorf("saying goodbye: %w", unexpected(err))
	}
	l.close()
	return nil
}
