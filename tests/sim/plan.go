package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"stampede/actors"
	"stampede/actors/faults"
	"stampede/config"
)

// plan is all that happens to a broker in one run: made from a seed, and then nothing but data, so that
// parts can be taken out of it.
type plan struct {
	seed    uint64
	config  settings
	clients []client
	kills   []faults.Rule
	jumps   []jump
}

// settings are what differs from the defaults.
type settings struct {
	full          config.QueueFull
	maxMessages   int
	maxDeliveries int
	window        config.Bytes
	idle          time.Duration
}

// client is one connection from its beginning to its end.
type client struct {
	name    string
	version string
	start   time.Duration
	buffer  int           // octets under way in each direction
	piece   int           // octets in a step; 0: all
	lazy    time.Duration // pause between two reads
	beat    time.Duration // heart-beats that it asks for
	ops     []op
	end     ending
}

// ending is how a client goes.
type ending uint8

const (
	stays      ending = iota // until everybody else has gone
	disconnect               // DISCONNECT, and waits for the receipt
	cut                      // closes at once
	cutInFrame               // the same, in the middle of a SEND
	halfClose                // ends its sending side, and reads what comes
	endings
)

// opKind is what a client does next.
type opKind uint8

const (
	opSend opKind = iota
	opSubscribe
	opUnsubscribe
	opAck
	opNack
	opReject // NACK with requeue:false
	opBegin
	opCommit
	opAbort
	opSync // wait for all receipts
	opWait // for a delivery, for a while
	opSleep
)

var opNames = [...]string{"send", "subscribe", "unsubscribe", "ack", "nack", "reject", "begin", "commit", "abort", "sync", "wait", "sleep"}

// op is one step of a client. pick chooses among what there is when it is carried out: a subscription, a
// delivery, a transaction.
type op struct {
	kind        opKind
	pick        int
	destination string
	count       int // messages in a row
	size        int
	priority    int // -1: none
	delay       time.Duration
	expiration  time.Duration
	receipt     bool
	tx          bool // in a transaction, if one is open
	reply       bool // wants an answer
	mode        string
	prefetch    int
	exclusive   bool
	pause       time.Duration
}

// jump is a moment at which the machine was asleep for a while.
type jump struct{ at, length time.Duration }

var (
	queues   = []string{"/queue/a", "/queue/b", "/queue/c"}
	topics   = []string{"/topic/a", "/topic/a.b", "/topic/b.c"}
	patterns = []string{"/topic/a.*", "/topic/#", "/topic/*.c"}
	modes    = []string{"auto", "client", "client-individual"}
)

// newPlan makes the plan of a seed.
func newPlan(seed uint64) *plan {
	r := rand.New(rand.NewPCG(seed, 4))
	p := &plan{seed: seed}
	p.config = settings{
		full: config.FullHold, maxMessages: 100_000, maxDeliveries: []int{0, 2, 3, 10}[r.IntN(4)],
		window: config.Bytes([]int{4096, 4096, 1 << 20}[r.IntN(3)]), idle: time.Minute,
	}
	if r.IntN(3) == 0 {
		p.config.maxMessages = 3 + r.IntN(12)
		p.config.full = []config.QueueFull{config.FullHold, config.FullHold, config.FullReject, config.FullDropOldest}[r.IntN(4)]
	}
	if r.IntN(3) == 0 {
		p.config.idle = 500 * time.Millisecond // destinations go while others ask for them
	}
	focus := r.IntN(4) // some runs are about one kind of thing
	for i := range 2 + r.IntN(4) {
		p.clients = append(p.clients, newClient(r, fmt.Sprintf("c%d", i+1), focus))
	}
	if r.IntN(2) == 0 {
		for range 1 + r.IntN(6) {
			p.kills = append(p.kills, newKill(r))
		}
	}
	if r.IntN(8) == 0 {
		p.jumps = append(p.jumps, jump{at: time.Duration(r.IntN(2000)) * time.Millisecond, length: time.Duration(1+r.IntN(40)) * time.Second})
	}
	return p
}

func newClient(r *rand.Rand, name string, focus int) client {
	c := client{
		name:    name,
		version: []string{"1.0", "1.1", "1.2", "1.2"}[r.IntN(4)],
		buffer:  []int{64, 512, 4096, 64 << 10}[r.IntN(4)],
		end:     ending(r.IntN(int(endings))),
	}
	if r.IntN(2) == 0 {
		c.start = time.Duration(r.IntN(1500)) * time.Millisecond
	}
	if r.IntN(3) == 0 {
		c.piece = 1 << r.IntN(9)
	}
	if r.IntN(5) == 0 {
		c.lazy = time.Duration(1+r.IntN(200)) * time.Millisecond
		c.piece, c.buffer = 0, max(c.buffer, 4096) // or it would never be done
	}
	if r.IntN(6) == 0 {
		c.beat = time.Duration(1+r.IntN(5)) * time.Second
	}
	for range 3 + r.IntN(25) {
		c.ops = append(c.ops, newOp(r, focus))
	}
	if r.IntN(3) > 0 { // most want something to receive early on
		c.ops = slices.Insert(c.ops, 0, newSubscribe(r, focus))
	}
	return c
}

// weights of the kinds of op, in their order, by focus: everything, queues and acknowledgements,
// transactions, topics.
var weights = [...][]int{
	{30, 10, 5, 14, 6, 2, 4, 4, 2, 8, 10, 5},
	{30, 8, 4, 25, 10, 4, 1, 1, 1, 6, 14, 4},
	{30, 6, 2, 20, 4, 2, 12, 12, 4, 4, 8, 2},
	{40, 12, 8, 10, 2, 0, 2, 2, 1, 10, 8, 5},
}

func newOp(r *rand.Rand, focus int) op {
	total := 0
	for _, w := range weights[focus] {
		total += w
	}
	n := r.IntN(total)
	kind := opKind(0)
	for n >= weights[focus][kind] {
		n -= weights[focus][kind]
		kind++
	}
	o := op{kind: kind, pick: r.IntN(1 << 20), receipt: r.IntN(2) == 0, tx: r.IntN(2) == 0}
	switch kind {
	case opSend:
		o.destination = pickSend(r, focus)
		o.count, o.size, o.priority = 1, r.IntN(40), -1
		if r.IntN(3) == 0 {
			o.count = 2 + r.IntN(8)
		}
		if r.IntN(12) == 0 {
			o.size = r.IntN(9000)
		}
		if r.IntN(6) == 0 {
			o.priority = r.IntN(10)
		}
		if r.IntN(12) == 0 {
			o.delay = time.Duration(r.IntN(3000)) * time.Millisecond
		}
		if r.IntN(12) == 0 {
			o.expiration = time.Duration(r.IntN(3000)) * time.Millisecond
		}
		o.reply = r.IntN(12) == 0
	case opSubscribe:
		return newSubscribe(r, focus)
	case opWait:
		o.pause = time.Duration(1+r.IntN(300)) * time.Millisecond
	case opSleep:
		o.pause = time.Duration(r.IntN(800)) * time.Millisecond
	}
	return o
}

func pickSend(r *rand.Rand, focus int) string {
	switch n := r.IntN(20); {
	case n == 0:
		return "/temp-queue/t"
	case focus == 3 && n > 3 || focus != 3 && n < 5:
		return topics[r.IntN(len(topics))]
	default:
		return queues[r.IntN(len(queues))]
	}
}

func newSubscribe(r *rand.Rand, focus int) op {
	o := op{kind: opSubscribe, receipt: r.IntN(4) > 0, mode: modes[r.IntN(len(modes))]}
	switch n := r.IntN(20); {
	case n == 0:
		o.destination = "/temp-queue/t"
	case n == 1:
		o.destination = "/queue/DLQ"
	case n < 5 || focus == 3 && n < 10:
		o.destination = patterns[r.IntN(len(patterns))]
	case focus == 3 || n < 8:
		o.destination = topics[r.IntN(len(topics))]
	default:
		o.destination = queues[r.IntN(len(queues))]
		o.exclusive = r.IntN(10) == 0
	}
	if r.IntN(2) == 0 {
		o.prefetch = 1 + r.IntN(5)
	}
	return o
}

// commands are those of frames that a session may fail at.
var commands = []string{"SEND", "SEND", "SEND", "ACK", "NACK", "SUBSCRIBE", "UNSUBSCRIBE", "BEGIN", "COMMIT", "ABORT", "DISCONNECT", "CONNECT"}

// roles and how often each is broken, relative to the others.
var victims = []string{
	"session", "session", "session", "subscription", "subscription", "subscription",
	"destination", "destination", "destination", "destination", "transport", "connection", "connections", "destinations", "broker",
}

func newKill(r *rand.Rand) faults.Rule {
	k := faults.Rule{Do: faults.Kill, Role: victims[r.IntN(len(victims))], Limit: 1}
	switch r.IntN(10) {
	case 0:
		k.Phase = []actors.Phase{actors.PhaseStarted, actors.PhaseStopping, actors.PhaseStopped, actors.PhaseRestarting}[r.IntN(4)]
		k.Nth = 1 + r.IntN(6)
	case 1:
		k.Nth = 1 + r.IntN(80)
		k.Limit = 0
		k.Probability = 0
		k.Every, k.Nth = 2+r.IntN(30), 0
		k.Limit = 1 + r.IntN(3)
	case 2: // in the middle of what came in one read
		k = faults.Rule{Do: faults.Kill, Command: commands[r.IntN(len(commands))], Nth: 1 + r.IntN(20), Limit: 1}
	case 3:
		k.Do, k.For = faults.Delay, time.Duration(1+r.IntN(500))*time.Millisecond
		k.Nth = 1 + r.IntN(40)
	default:
		k.Nth = 1 + r.IntN(60)
		if r.IntN(2) == 0 {
			k.Nth = 1 + r.IntN(12)
		}
	}
	return k
}

// clone copies what shrinking changes.
func (p *plan) clone() *plan {
	q := *p
	q.clients = slices.Clone(p.clients)
	q.kills = slices.Clone(p.kills)
	q.jumps = slices.Clone(p.jumps)
	return &q
}

// String is the plan as a reader wants it.
func (p *plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: queues hold %d (%s), max_deliveries %d, window %d, idle_timeout %s\n",
		p.seed, p.config.maxMessages, p.config.full, p.config.maxDeliveries, p.config.window, p.config.idle)
	for _, k := range p.kills {
		fmt.Fprintf(&b, "  %s\n", describe(k))
	}
	for _, j := range p.jumps {
		fmt.Fprintf(&b, "  at %s time jumps by %s\n", j.at, j.length)
	}
	for _, c := range p.clients {
		fmt.Fprintf(&b, "  %s: STOMP %s from %s, buffer %d", c.name, c.version, c.start, c.buffer)
		if c.piece > 0 {
			fmt.Fprintf(&b, ", pieces up to %d", c.piece)
		}
		if c.lazy > 0 {
			fmt.Fprintf(&b, ", reads every %s", c.lazy)
		}
		if c.beat > 0 {
			fmt.Fprintf(&b, ", heart-beats every %s", c.beat)
		}
		b.WriteString("\n")
		for _, o := range c.ops {
			fmt.Fprintf(&b, "    %s\n", o)
		}
		fmt.Fprintf(&b, "    %s\n", [...]string{"stays", "disconnects", "is cut off", "is cut off within a frame", "half-closes"}[c.end])
	}
	return b.String()
}

func describe(k faults.Rule) string {
	s := fmt.Sprintf("%s %s%s", k.Do, k.Role, k.Command)
	if k.Phase != "" {
		s += " at " + string(k.Phase)
	}
	if k.Nth > 0 {
		s += fmt.Sprintf(", occasion %d", k.Nth)
	}
	if k.Every > 0 {
		s += fmt.Sprintf(", every %d, %d times", k.Every, k.Limit)
	}
	if k.For > 0 {
		s += fmt.Sprintf(", for %s", k.For)
	}
	return s
}

// String names the op and what matters of it.
func (o op) String() string {
	s := opNames[o.kind]
	switch o.kind {
	case opSend:
		s += fmt.Sprintf(" %d × %d to %s", o.count, o.size, o.destination)
		if o.priority >= 0 {
			s += fmt.Sprintf(", priority %d", o.priority)
		}
		if o.delay > 0 {
			s += fmt.Sprintf(", delay %s", o.delay)
		}
		if o.expiration > 0 {
			s += fmt.Sprintf(", expires in %s", o.expiration)
		}
		if o.reply {
			s += ", wants an answer"
		}
	case opSubscribe:
		s += fmt.Sprintf(" %s, %s", o.destination, o.mode)
		if o.prefetch > 0 {
			s += fmt.Sprintf(", prefetch %d", o.prefetch)
		}
		if o.exclusive {
			s += ", exclusive"
		}
	case opWait, opSleep:
		return s + " " + o.pause.String()
	case opSync, opBegin:
		return s
	default:
		s += fmt.Sprintf(" %d", o.pick)
	}
	if o.tx && (o.kind == opSend || o.kind == opAck || o.kind == opNack || o.kind == opReject) {
		s += ", in a transaction"
	}
	if o.receipt {
		s += ", receipt"
	}
	return s
}
