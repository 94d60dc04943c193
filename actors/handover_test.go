package actors

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// passer is an actor that does nothing but to pass on what it gets.
type passer struct {
	*life
	chain *chain
	name  string
	to    []*passer
}

// chain is some of them, whose dispatcher is the test, and a reader.
type chain struct {
	share     int
	scheduled []func()
	log       []string // who has handled what, and with #what was scheduled
	during    func(message any)
	handover  handover
	core
}

func (c *chain) Throughput() int { return c.share }

func (c *chain) Schedule(f func()) {
	c.scheduled = append(c.scheduled, f)
	c.log = append(c.log, "#")
}

func (c *chain) add(name string) *passer {
	p := &passer{chain: c, name: name}
	p.life = &life{core: &c.core, role: new(role)}
	p.mailbox.init(p.life)
	p.mailbox.RegisterHandlers(p, c)
	p.mailbox.process(c.share)
	return p
}

func (p *passer) InvokeUserMessage(m any) {
	p.chain.log = append(p.chain.log, fmt.Sprint(p.name, m))
	if f := p.chain.during; f != nil {
		f(m)
	}
	for _, to := range p.to {
		p.pass(to.life, m)
	}
}

func (p *passer) InvokeSystemMessage(any) {}

func (p *passer) EscalateFailure(reason, _ any) {
	p.chain.log = append(p.chain.log, fmt.Sprint(p.name, " failed: ", reason.(*crash).cause))
}

// read has the reader bring something to an actor.
func (c *chain) read(p *passer, messages ...any) {
	idle := false
	for _, m := range messages {
		idle = p.mailbox.post(m) || idle
	}
	if idle {
		c.handover.run(&p.mailbox, readersShare)
	}
}

func (c *chain) expect(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(c.log, want) {
		t.Errorf("got %q, wants %q", c.log, want)
	}
	c.log = nil
	if c.handover != (handover{}) {
		t.Error("something was left in the handover")
	}
}

// dispatch runs what was scheduled.
func (c *chain) dispatch() {
	for len(c.scheduled) > 0 {
		f := c.scheduled[0]
		c.scheduled = c.scheduled[1:]
		f()
	}
}

func newChain(share int, names ...string) (c *chain, p []*passer) {
	c = &chain{share: share}
	c.core.dispatcher = c
	for _, n := range names {
		p = append(p, c.add(n))
	}
	for i := 1; i < len(p); i++ {
		p[i-1].to = []*passer{p[i]}
	}
	return c, p
}

// A reader runs actor after actor as far as what it has read goes, and schedules none.
func TestReaderRunsWhatItMakesReady(t *testing.T) {
	c, p := newChain(10, "a", "b", "c")
	c.read(p[0], 1)
	c.expect(t, "a1", "b1", "c1")
	c.read(p[0], 2)
	c.expect(t, "a2", "b2", "c2")
}

// An actor whose turn was scheduled is left to the dispatcher, by a reader too.
func TestReaderLeavesWhoIsAtWork(t *testing.T) {
	c, p := newChain(10, "a", "b")
	p[1].mailbox.PostUserMessage("x")
	c.read(p[0], 1)
	c.expect(t, "#", "a1")
	p[0].mailbox.PostUserMessage(2)
	c.read(p[0], 3)
	c.expect(t, "#")
	c.dispatch()
	c.expect(t, "bx", "b1", "a2", "#", "a3", "b2", "b3")
}

// Of several actors that a turn makes ready the reader runs one; the others need not wait for that.
func TestReaderRunsOneAfterAnother(t *testing.T) {
	c, p := newChain(10, "a", "b", "c")
	p[0].to, p[1].to = []*passer{p[1], p[2]}, nil
	c.read(p[0], 1)
	c.expect(t, "a1", "#", "b1")
	c.dispatch()
	c.expect(t, "c1")
}

// What a message has made ready does not wait for the next message of the same turn.
func TestNothingReadyWaitsForTheNextMessage(t *testing.T) {
	c, p := newChain(10, "a", "b")
	c.read(p[0], 1, 2)
	c.expect(t, "a1", "#", "a2")
	c.dispatch()
	c.expect(t, "b1", "b2")
}

// However far a chain goes, and whoever passes to whom, the reader comes back to its socket.
func TestReaderComesBack(t *testing.T) {
	c, p := newChain(10, "a", "b")
	p[1].to = []*passer{p[0]} // for ever
	c.read(p[0], 1)
	if len(c.log) != longestHandover+1 || c.log[longestHandover] != "#" {
		t.Errorf("it ran %q", c.log)
	}
	c.log = nil

	// An actor that others keep busy uses up its share and no more.
	c, p = newChain(3, "a", "b")
	c.during = func(m any) {
		if n := m.(int); n < 100 {
			p[0].mailbox.PostUserMessage(n + 1)
		}
	}
	p[0].to = nil
	c.read(p[0], 1)
	c.expect(t, "a1", "a2", "a3", "#")
	if p[0].handover != nil {
		t.Error("an actor that the dispatcher runs hands over to a reader")
	}
	p[0].to = p[1:]
	c.during = nil
	c.dispatch()
	c.expect(t, "a4", "#", "b4")
}

// Of an actor that others keep busy a reader handles a few messages, however many the dispatcher would.
func TestReaderLeavesWhoIsBusy(t *testing.T) {
	c, p := newChain(throughput, "a")
	c.during = func(m any) {
		if n := m.(int); n < 2*readersShare {
			p[0].mailbox.PostUserMessage(n + 1)
		}
	}
	c.read(p[0], 1)
	if len(c.log) != readersShare+1 || c.log[readersShare] != "#" {
		t.Errorf("it ran %q", c.log)
	}
	c.dispatch()
	if len(c.log) != 2*readersShare+1 {
		t.Errorf("in the end %q were run", c.log)
	}
}

// The dispatcher's goroutines go on with what they make ready, too, for as long as it goes.
func TestWorkerRunsWhatItMakesReady(t *testing.T) {
	c, p := newChain(10, "a", "b", "c")
	c.handsOver = true
	p[0].mailbox.PostUserMessage(1)
	c.expect(t, "#")
	c.dispatch()
	c.expect(t, "a1", "b1", "c1")
	p[2].to = []*passer{p[0]} // for ever
	p[0].mailbox.PostUserMessage(2)
	c.scheduled[0]()
	if len(c.log) != 1+longestHandover+1 || c.log[len(c.log)-1] != "#" {
		t.Errorf("it ran %q", c.log)
	}
}

// Who waits for something else keeps nobody waiting: it is scheduled by whoever makes it ready, and schedules whom it makes ready.
func TestWhoWaitsIsScheduled(t *testing.T) {
	c, p := newChain(10, "a", "b", "c")
	c.handsOver = true
	p[1].role.waits = true
	c.read(p[0], 1)
	c.expect(t, "a1", "#")
	c.dispatch()
	c.expect(t, "b1", "#", "c1")
}

// What an actor tells another by way of protoactor makes that ready like a message that is passed: it is run by the same goroutine once,
// though the one who tells fails.
func TestToldLikePassedTo(t *testing.T) {
	c, p := newChain(10, "a", "b")
	p[0].to = nil
	c.during = func(m any) {
		if m != "b" {
			p[0].tell(p[1].life, func() { p[1].mailbox.PostUserMessage("b") })
		}
		if m == "fails" {
			panic("ouch")
		}
	}
	c.read(p[0], 1)
	c.expect(t, "a1", "bb")
	c.read(p[0], "fails")
	c.expect(t, "afails", "a failed: ouch", "bb")

	// One that is at work gets it as ever.
	p[1].mailbox.PostUserMessage("x")
	c.read(p[0], 2)
	c.expect(t, "#", "a2")
	c.during = nil
	c.dispatch()
	c.expect(t, "bx", "bb")

	// Without a handover it is scheduled.
	c.during = func(m any) { p[0].tell(p[1].life, func() { p[1].mailbox.PostUserMessage("b") }) }
	p[0].mailbox.PostUserMessage(3)
	c.scheduled[0]()
	c.during = nil
	c.expect(t, "#", "a3", "#")
}

// An actor that fails in a turn that a reader runs fails as ever, and the reader goes on with what was made ready.
func TestFailureInAReadersTurn(t *testing.T) {
	c, p := newChain(10, "a", "b")
	c.during = func(m any) {
		if m == "late" {
			p[0].pass(p[1].life, 1)
			c.during = nil
			panic("ouch")
		}
	}
	c.read(p[0], "late")
	c.expect(t, "alate", "a failed: ouch", "b1")
	c.read(p[0], 2)
	c.expect(t, "a2", "b2")
}

// A handler that ends the reader's goroutine takes no other actor along: what it made ready is scheduled.
func TestGoexitInAReadersTurn(t *testing.T) {
	c, p := newChain(10, "a", "b")
	c.during = func(m any) {
		p[0].pass(p[1].life, m)
		c.during = nil
		runtime.Goexit()
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		c.read(p[0], 1)
		t.Error("the goroutine lives")
	}()
	<-over
	c.expect(t, "a1", "#", "a failed: "+errGoexit.Error(), "#")
	c.dispatch()
	c.expect(t, "b1")
}

// hop is a message on its way through actors.
type hop struct {
	from, number int
	route        []*station
	fails        bool // where it is handled first
}

// station is an actor that passes hops on, and looks whether it is alone.
type station struct {
	*life
	t       *testing.T
	at      atomic.Bool
	last    [crowd]int // of each sender: those of one come in order, as they all take the same way
	arrived *sync.WaitGroup
}

const crowd = 8

// hasty has few messages handled in a turn.
type hasty struct{ *workerPool }

func (hasty) Throughput() int { return 3 }

func (s *station) InvokeUserMessage(m any) {
	if s.at.Swap(true) {
		s.t.Error("two goroutines in one mailbox")
	}
	defer s.at.Store(false)
	h := m.(*hop)
	if h.number <= s.last[h.from] {
		s.t.Errorf("message %d of %d comes behind %d", h.number, h.from, s.last[h.from])
	}
	s.last[h.from] = h.number
	if len(h.route) == 0 {
		s.arrived.Done()
		return
	}
	s.pass(h.route[0].life, &hop{from: h.from, number: h.number, route: h.route[1:]})
	if h.fails {
		if h.number%2 == 0 {
			runtime.Goexit()
		}
		panic("injected")
	}
}

func (s *station) InvokeSystemMessage(any)  {}
func (s *station) EscalateFailure(_, _ any) {}

// However many readers carry messages through the same actors, which fail and end goroutines now and then, each actor is run by
// one goroutine at a time, and every message comes, those of a sender in order.
func TestManyReaders(t *testing.T) {
	const each = 3000
	c := &core{}
	pool := newWorkerPool()
	defer pool.Close()
	c.dispatcher = hasty{pool}
	var arrived, readers sync.WaitGroup
	var stations []*station
	for range 6 {
		s := &station{t: t, life: &life{core: c, role: new(role)}, arrived: &arrived}
		s.mailbox.init(s.life)
		s.mailbox.RegisterHandlers(s, c.dispatcher)
		s.mailbox.open()
		stations = append(stations, s)
	}
	arrived.Add(crowd * each)
	for from := range crowd {
		readers.Go(func() {
			var way []*station
			for len(way) < 1+from%4 {
				s := stations[rand.IntN(len(stations))]
				if !slices.Contains(way, s) {
					way = append(way, s)
				}
			}
			var h handover
			read := func(number int) {
				first := &way[0].mailbox
				if first.post(&hop{from: from, number: number, route: way[1:], fails: number%97 == 0 && len(way) > 1}) {
					h.run(first, readersShare)
				}
			}
			for number := 1; number <= each; {
				// On a goroutine of its own, which a failure may end.
				over := make(chan struct{})
				go func() {
					defer close(over)
					for number <= each {
						number++
						read(number - 1)
					}
				}()
				<-over
				if h != (handover{}) {
					t.Error("something was left in the handover")
				}
			}
		})
	}
	readers.Wait()
	arrived.Wait()
}
