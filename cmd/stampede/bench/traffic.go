package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"stampede/stompwire"
)

// Traffic is publishers that send and subscribers that receive, all of them checked. The zero value of a field is no
// default, but where that is said.
type Traffic struct {
	Target

	Queue         bool   // destinations are queues: a message goes to one of the subscribers, not to all
	Echo          bool   // another connection sends each message back, and that is what subscribers get: see pongs
	Publishers    int    // connections that send; each to the destinations whose number it shares modulo their number
	Destinations  int    // topics or queues
	Subscribers   int    // of each destination
	PerConnection int    // destinations that one subscriber's connection subscribes to; 0: 1
	Destination   string // %d becomes the number of the destination

	Size   int // bytes of a body, at least 24
	Window int // messages on their way, per publisher and destination
	Burst  int // messages in one write, at most 64 and at most Window
	// Rate is how many messages are due in a second, of all publishers together; 0: as many as the window lets through.
	Rate float64

	Ack           string // auto, client or client-individual
	Prefetch      int    // asked for when subscribing; 0: as the broker likes
	Receipts      int    // 0: none; else each SEND asks for one, and so many may be outstanding per publisher
	SendHeader    stompwire.Header
	SubscribeHead stompwire.Header

	Messages int64         // to send in all; 0: no limit
	Duration time.Duration // of the measurement; 0: until all messages are through
	Warmup   time.Duration // before it, when there is no limit of messages
	Patience time.Duration // without any progress after which the rest counts as lost; 0: ten seconds
}

// MinSize is the least size of a body: what the checks need.
const MinSize = stampSize

// maxBurst is bounded by the bits of a slot.
const maxBurst = 64

// traffic is a Traffic under way.
type traffic struct {
	*Traffic
	watch *Watch
	id    uint32
	group int
	began time.Time

	ctx        context.Context
	fail       context.CancelCauseFunc
	goroutines sync.WaitGroup
	admission  chan struct{} // how many connect at once

	lanes      []*lane
	ofLane     []place
	publishers []*publisher
	receivers  []*receiver
	echo       *echo

	mu    sync.Mutex
	links []*link

	connected atomic.Int64
	measuring atomic.Bool
	stop      chan struct{} // closed: send no more
	giveUp    chan struct{} // closed: wait no more
}

// place is where the receivers of a lane keep its track.
type place struct{ block, at int }

// now is the time on the clock of the run, in nanoseconds.
func (t *traffic) now() int64 { return int64(time.Since(t.began)) }

// Run connects, sends, checks and says goodbye. The error is why it could not be brought to its end; what the broker did
// wrong with messages is in the figures. broker is what the broker calls itself.
func (o *Traffic) Run(ctx context.Context, w Watch) (f Figures, broker string, err error) {
	return o.run(ctx, w, (*traffic).drive)
}

// run is what all kinds of runs have in common around their phases.
func (o *Traffic) run(ctx context.Context, w Watch, drive func(*traffic) (Figures, error)) (f Figures, broker string, err error) {
	if err := o.Check(); err != nil {
		return nil, "", err
	}
	t := &traffic{
		Traffic: o, watch: &w, id: rand.Uint32N(maxRun), began: time.Now(),
		admission: make(chan struct{}, 64), stop: make(chan struct{}), giveUp: make(chan struct{}),
	}
	// What a slow consumer is to be sent in one go is bounded too.
	t.group = max(min(o.Burst, o.Window, maxBurst, (1<<20)/o.Size), 1)
	t.ctx, t.fail = context.WithCancelCause(ctx)
	defer t.fail(nil)
	unhook := context.AfterFunc(t.ctx, t.hangUp)
	defer unhook()

	t.plan()
	f, err = drive(t)
	if err != nil {
		t.fail(err)
	}
	t.goroutines.Wait()
	if cause := context.Cause(t.ctx); cause != nil {
		return nil, "", cause
	}
	t.judge(f)
	return f, t.publishers[0].link.server, nil
}

// Check says what can't be done, before anything is tried.
func (o *Traffic) Check() error {
	switch {
	case o.Publishers < 1 || o.Destinations < 1 || o.Subscribers < 1 || o.Window < 1 || o.Burst < 1:
		return errors.New("publishers, destinations, subscribers, window and burst are 1 or more")
	case max(o.Publishers, o.Destinations) > maxLane:
		return fmt.Errorf("publishers and destinations are at most %d", maxLane)
	case o.Size < MinSize:
		return fmt.Errorf("a body has at least %d bytes: they hold what is checked", MinSize)
	case o.Destinations > 1 && !strings.Contains(o.Destination, "%d"):
		return fmt.Errorf("%q has no %%d, which would tell %d destinations apart", o.Destination, o.Destinations)
	case o.Echo && (o.Queue || o.Destinations > 1 || !strings.Contains(o.Destination, "%d")):
		return errors.New("an echo goes from one topic to another: it needs one destination with a %d")
	case o.PerConnection > 1 && o.Ack != "" && o.Ack != "auto":
		return errors.New("several subscriptions on a connection are for ack auto")
	case o.Messages == 0 && o.Duration <= 0:
		return errors.New("a run needs an end: a number of messages or a duration")
	case o.Rate < 0 || o.Messages < 0 || o.Receipts < 0:
		return errors.New("a rate, a number of messages and a number of receipts can't be negative")
	}
	return o.checkDialect()
}

// name returns the destination of a number.
func (o *Traffic) name(n int) string {
	return strings.ReplaceAll(o.Destination, "%d", strconv.Itoa(n))
}

// plan says who sends and receives what.
func (t *traffic) plan() {
	for i := range t.Publishers {
		p := &publisher{traffic: t, index: i, limit: -1, wake: make(chan struct{}, 1)}
		if t.Messages > 0 {
			p.limit = t.Messages / int64(t.Publishers)
			if int64(i) < t.Messages%int64(t.Publishers) {
				p.limit++
			}
		}
		t.publishers = append(t.publishers, p)
	}
	receivers := t.Subscribers
	if t.Queue {
		receivers = 0
	}
	per := max(t.PerConnection, 1)
	blocks := (t.Destinations + per - 1) / per
	inBlock := make([]int, blocks)
	for i := range max(t.Publishers, t.Destinations) {
		p, d := t.publishers[i%t.Publishers], i%t.Destinations
		l := newLane(uint32(i), d, t.group, t.Window, receivers, p.wake)
		t.lanes = append(t.lanes, l)
		p.lanes = append(p.lanes, l)
		t.ofLane = append(t.ofLane, place{d / per, inBlock[d/per]})
		inBlock[d/per]++
	}
	for b := range blocks {
		for range t.Subscribers {
			r := &receiver{traffic: t, index: len(t.receivers), block: b, tracks: make([]track, inBlock[b])}
			for d := b * per; d < min((b+1)*per, t.Destinations); d++ {
				r.destinations = append(r.destinations, t.name(d))
			}
			if t.Echo {
				r.destinations = []string{t.name(1)}
			}
			t.receivers = append(t.receivers, r)
		}
	}
	if t.Echo {
		t.echo = &echo{traffic: t, from: t.name(0), to: t.name(1)}
	}
}

// drive goes through the phases of a run.
func (t *traffic) drive() (Figures, error) {
	if err := t.connectAll(); err != nil {
		return nil, err
	}
	from, to, err := t.measure()
	if err != nil {
		return nil, err
	}
	return t.figures(from, to), t.leave()
}

// publishAll lets all publishers send; sent is closed when all of it has arrived, or is given up.
func (t *traffic) publishAll() (sent <-chan struct{}) {
	done := make(chan struct{})
	var publishing sync.WaitGroup
	begin := t.now()
	for _, p := range t.publishers {
		publishing.Add(1)
		t.goroutines.Add(1)
		go func() {
			defer t.goroutines.Done()
			defer publishing.Done()
			if err := p.publish(begin); err != nil {
				t.fail(fmt.Errorf("publisher %d: %w", p.index, err))
			}
		}()
	}
	t.goroutines.Add(1)
	go func() {
		defer t.goroutines.Done()
		publishing.Wait()
		close(done)
	}()
	return done
}

// connectAll returns when everybody is connected and subscribed. Nobody publishes before all subscribers are there.
func (t *traffic) connectAll() error {
	all := len(t.receivers) + len(t.publishers)
	var first []func(ready func())
	for _, r := range t.receivers {
		first = append(first, r.run)
	}
	if t.echo != nil {
		first = append(first, t.echo.run)
		all++
	}
	if err := t.startAll(first, all); err != nil {
		return err
	}
	var second []func(ready func())
	for _, p := range t.publishers {
		second = append(second, p.listen)
	}
	return t.startAll(second, all)
}

func (t *traffic) startAll(run []func(ready func()), all int) error {
	ready := make(chan struct{}, len(run))
	for _, r := range run {
		t.goroutines.Add(1)
		go func() {
			defer t.goroutines.Done()
			r(func() {
				t.connected.Add(1)
				ready <- struct{}{}
			})
		}()
	}
	tick := time.NewTicker(t.watch.every())
	defer tick.Stop()
	for n := 0; n < len(run); {
		select {
		case <-ready:
			n++
		case <-tick.C:
			t.watch.say(fmt.Sprintf("connected %d of %d", t.connected.Load(), all))
		case <-t.ctx.Done():
			return context.Cause(t.ctx)
		}
	}
	return nil
}

// measure has everything published and waits for the end of the run, reading the meters where the measurement begins and
// ends.
func (t *traffic) measure() (from, to *reading, err error) {
	var phase <-chan time.Time
	if t.Messages == 0 && t.Warmup > 0 {
		phase = time.After(t.Warmup)
	} else {
		if from, err = t.take(); err != nil {
			return nil, nil, err
		}
		t.measuring.Store(true)
		if t.Duration > 0 {
			phase = time.After(t.Duration)
		}
	}
	sent := t.publishAll()
	ticker := time.NewTicker(t.watch.every())
	defer ticker.Stop()
	p := t.newProgress()
	defer p.check.Stop()
	stopped := false
	for {
		select {
		case <-t.ctx.Done():
			return nil, nil, context.Cause(t.ctx)
		case <-phase:
			r, err := t.take()
			if err != nil {
				return nil, nil, err
			}
			if from == nil {
				from = r
				t.measuring.Store(true)
				phase = time.After(t.Duration)
				continue
			}
			t.measuring.Store(false)
			to, phase, stopped = r, nil, true
			close(t.stop)
		case <-ticker.C:
			p.report()
		case <-p.check.C:
			if p.stalled() && !closed(t.giveUp) {
				t.abandon()
			}
		case <-sent:
			if to == nil {
				if to, err = t.take(); err != nil {
					return nil, nil, err
				}
				if from == nil {
					from = to
				}
			}
			if !stopped {
				close(t.stop)
			}
			return from, to, nil
		}
	}
}

// take takes a reading.
func (t *traffic) take() (*reading, error) {
	r := &reading{sent: t.sent()}
	for _, c := range t.receivers {
		r.received += c.received.Load()
		r.bytes += c.bytes.Load()
	}
	return r, t.watch.meters(r)
}

func (t *traffic) sent() (n int64) {
	for _, l := range t.lanes {
		n += l.sent.Load()
	}
	return n
}

// owed is how many deliveries are still to come.
func (t *traffic) owed() int64 {
	n := t.sent()
	if !t.Queue {
		n *= int64(t.Subscribers)
	}
	for _, r := range t.receivers {
		n -= r.received.Load()
	}
	return n
}

// progress watches whether anything moves.
type progress struct {
	t             *traffic
	check         *time.Ticker
	patience      time.Duration
	last          int64
	moved         time.Time
	shownAt       time.Time
	sent, arrived int64
}

func (t *traffic) newProgress() *progress {
	patience := t.Patience
	if patience <= 0 {
		patience = 10 * time.Second
	}
	now := time.Now()
	return &progress{t: t, patience: patience, check: time.NewTicker(max(patience/8, time.Millisecond)), moved: now, shownAt: now}
}

// stalled says whether for some time nothing has come that is owed.
func (p *progress) stalled() bool {
	moves, waiting := p.t.sent(), p.t.owed() > 0
	for _, r := range p.t.receivers {
		moves += r.received.Load()
	}
	for _, s := range p.t.publishers {
		moves += s.receipted.Load()
		waiting = waiting || s.receipted.Load() < s.asked.Load()
	}
	if moves != p.last || !waiting {
		p.last, p.moved = moves, time.Now()
	}
	return time.Since(p.moved) > p.patience
}

func (p *progress) report() {
	now := time.Now()
	sent, arrived := p.t.sent(), int64(0)
	for _, r := range p.t.receivers {
		arrived += r.received.Load()
	}
	d := now.Sub(p.shownAt)
	phase := ""
	if !p.t.measuring.Load() {
		phase = ", not measuring"
	}
	p.t.watch.say(fmt.Sprintf("%s sent/s, %s delivered/s, %s on their way%s",
		Count(perSecond(sent-p.sent, d)), Count(perSecond(arrived-p.arrived, d)), Count(float64(p.t.owed())), phase))
	p.shownAt, p.sent, p.arrived = now, sent, arrived
}

// abandon ends the waiting for what will not come.
func (t *traffic) abandon() {
	close(t.giveUp)
	for _, p := range t.publishers {
		p.link.conn.SetWriteDeadline(time.Unix(1, 0)) // A broker may have stopped to read.
	}
}

// leave says goodbye on every connection, and returns when all are closed. After the receipt of a DISCONNECT no message
// can come any more, so duplicates have been seen by then.
func (t *traffic) leave() error {
	t.mu.Lock()
	links := t.links
	t.mu.Unlock()
	patience := t.timeout()
	if closed(t.giveUp) {
		patience = min(patience, time.Second) // It has shown that it doesn't answer.
	}
	until := time.Now().Add(patience)
	for _, l := range links {
		if err := l.goodbye(until); err != nil {
			l.conn.SetReadDeadline(time.Now()) // The reading side knows better what happened, or ends now.
		}
	}
	t.goroutines.Wait()
	return context.Cause(t.ctx)
}

// ended is called by each reading goroutine at its end.
func (t *traffic) ended(l *link, who string, index int, err error) {
	if !l.left(err) && !closed(t.giveUp) {
		t.fail(fmt.Errorf("%s %d: %w", who, index, unexpected(err)))
	}
	l.close()
}

// join adds a link to those that hangUp closes.
func (t *traffic) join(l *link) {
	t.mu.Lock()
	t.links = append(t.links, l)
	t.mu.Unlock()
	if t.ctx.Err() != nil {
		l.conn.Close()
	}
}

func (t *traffic) hangUp() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.links {
		l.conn.Close()
	}
}

// admit waits for its turn to connect.
func (t *traffic) admit() (done func(), ok bool) {
	select {
	case t.admission <- struct{}{}:
		return func() { <-t.admission }, true
	case <-t.ctx.Done():
		return nil, false
	}
}

// figures are those that depend on when the measurement began and ended.
func (t *traffic) figures(from, to *reading) Figures {
	f := Figures{}
	d := to.at.Sub(from.at)
	f["seconds"] = d.Seconds()
	f["sent_per_s"] = perSecond(to.sent-from.sent, d)
	f["deliveries_per_s"] = perSecond(to.received-from.received, d)
	f["received_bytes_per_s"] = perSecond(to.bytes-from.bytes, d)
	t.watch.spent(f, from, to, to.received-from.received, 1e6, "s_per_million")
	return f
}

// judge adds to the figures what is only known at the very end, when all goroutines are gone.
func (t *traffic) judge(f Figures) {
	var latency, late histogram
	var wrong faults
	var strangers, redelivered, missing int64
	expected := t.sent()
	f["messages"] = float64(expected)
	for _, r := range t.receivers {
		latency.merge(&r.latency)
		wrong.add(r.faults)
		strangers += r.strangers
		redelivered += r.redelivered
		if !t.Queue {
			for _, l := range t.lanes {
				if at := t.ofLane[l.index]; at.block == r.block {
					wrong.lost += l.sent.Load() - r.tracks[at.at].next
				}
			}
		} else {
			expected -= r.received.Load()
		}
	}
	if t.Queue {
		wrong.lost = expected
	}
	for _, p := range t.publishers {
		missing += p.asked.Load() - p.receipted.Load()
		late.merge(&p.late)
	}
	f.latencies(&latency)
	if late.total > 0 {
		f["late_p50_us"] = micros(late.quantile(0.5))
		f["late_p99_us"] = micros(late.quantile(0.99))
	}
	f.faults(wrong)
	if t.Receipts > 0 {
		f["receipts_missing"] = float64(missing)
	}
	if t.Queue {
		f["redelivered"] = float64(redelivered)
	}
	f["strangers"] = float64(strangers)
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
