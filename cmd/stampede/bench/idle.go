package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Idle opens many connections with one subscription each and lets them be. Then each gets a message, to show that all
// are alive, and to find what a connection costs that was used once.
type Idle struct {
	Target
	Connections int
	Destination string        // with a %d each connection has one of its own
	Size        int           // bytes of the message
	Hold        time.Duration // how long nothing happens, before memory is read
	Patience    time.Duration
}

// Run connects, waits, sends and says goodbye.
func (o *Idle) Run(ctx context.Context, w Watch) (f Figures, broker string, err error) {
	if o.Connections < 1 {
		return nil, "", errors.New("there must be a connection")
	}
	all := &Traffic{
		Target: o.Target, Publishers: 1, Destinations: 1, Subscribers: o.Connections, Destination: o.Destination,
		Size: o.Size, Window: 1, Burst: 1, Messages: 1, Patience: o.Patience,
	}
	if strings.Contains(o.Destination, "%d") {
		all.Destinations, all.Subscribers, all.Messages = o.Connections, 1, int64(o.Connections)
	}
	return all.run(ctx, w, func(t *traffic) (Figures, error) { return t.idle(o.Hold) })
}

func (t *traffic) idle(hold time.Duration) (Figures, error) {
	before, err := t.take()
	if err != nil {
		return nil, err
	}
	if err := t.connectAll(); err != nil {
		return nil, err
	}
	n := int64(len(t.links))
	open, err := t.take()
	if err != nil {
		return nil, err
	}
	t.watch.say(fmt.Sprintf("%d connections", n))
	select {
	case <-time.After(hold):
	case <-t.ctx.Done():
		return nil, context.Cause(t.ctx)
	}
	rested, err := t.take()
	if err != nil {
		return nil, err
	}
	_, used, err := t.measure()
	if err != nil {
		return nil, err
	}
	f := Figures{}
	t.watch.spent(f, before, open, n, 1e6, "us_per_connect")
	f["connections"] = float64(n)
	f["opened_per_s"] = perSecond(n, open.at.Sub(before.at))
	f["seconds"] = rested.at.Sub(open.at).Seconds()
	if len(t.watch.PIDs) > 0 {
		each := func(r *reading) float64 { return float64(r.broker.resident-before.broker.resident) / 1024 / float64(n) }
		f["kib_per_connection"] = each(rested)
		f["kib_per_connection_used"] = each(used)
		f["broker_rss_before_kib"] = float64(before.broker.resident) / 1024
		f["broker_rss_kib"] = float64(used.broker.resident) / 1024
		f["broker_rss_peak_kib"] = float64(used.broker.peak) / 1024
		f["broker_cores"] = (rested.broker.cpu - open.broker.cpu).Seconds() / rested.at.Sub(open.at).Seconds()
	}
	return f, t.leave()
}
