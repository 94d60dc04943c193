package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"stampede/actors/sim"
	"stampede/stompwire"
)

// conn is a client while it is connected. Two routines serve it: one writes what the plan says, the
// other reads what comes.
type conn struct {
	*client
	play    *play
	link    *sim.Conn
	version stompwire.Version
	dec     *stompwire.Decoder
	number  uint64 // the connection's, as the broker counts

	connected bool
	writing   bool // within a frame
	finished  bool // the plan is carried out
	done      bool // and the connection is gone
	failed    bool // got an ERROR
	over      bool // nothing more is sent, or will be read with any meaning
	ended     bool // the reader has seen the end
	spoiled   bool // has ended a subscription that a transaction acknowledges messages of
	broken    int  // how often its session, or what is above that, failed
	disturbed int  // how often a part of it went down inside the broker

	subs     []*subscription // in the order of their SUBSCRIBEs
	serials  int
	receipts map[string]func()   // expected, and what it means when they come
	inOrder  map[string][]string // receipts of SENDs that wait, by destination
	next     int
	sends    []*message // written, not known to have arrived
	acks     []*delivery
	txs      []*transaction
}

// subscription is one SUBSCRIBE and what came by it.
type subscription struct {
	conn        *conn
	id          string
	serial      int
	destination string
	mode        string
	prefetch    int
	asked       bool // for a receipt
	opened      bool // and it came
	openedAt    int  // when: messages sent from then on must arrive
	ending      bool // UNSUBSCRIBE was written
	closed      bool // and its receipt came
	broken      int  // how often its actor failed
	disturbed   int  // how often it went down inside the broker
	held        []*delivery
	aborted     bool         // an ABORT made messages unacknowledged again
	last        map[lane]int // the order of the newest message, by where it came from
	got         map[*message]bool
}

// lane is what order is kept within.
type lane struct {
	from     *conn
	priority int
}

// delivery is a MESSAGE that a client has read.
type delivery struct {
	message   *message
	sub       *subscription
	at        string // the destination whose entry it was
	count     int    // delivery-count
	ackID     string
	messageID string
	replyTo   string
	disturbed int    // of the subscription, when it was read
	how       opKind // what the client did about it; 0: nothing
	tx        *transaction
}

// transaction is what a client does between BEGIN and COMMIT.
type transaction struct {
	id        string
	sends     []*message
	acks      []*delivery
	committed bool // COMMIT was written
	sure      bool // and its RECEIPT came
	refused   bool // and it was refused
	aborted   bool
	spoiled   bool // a subscription that it acknowledges messages of has ended: it must be refused
}

func (s *subscription) queue() bool { return isQueue(s.destination) }

func isQueue(name string) bool {
	return strings.HasPrefix(name, "/queue/") || strings.HasPrefix(name, "/temp-queue/") || strings.HasPrefix(name, "/reply-queue/")
}

// live tells whether more may be done with it.
func (s *subscription) live() bool { return !s.ending }

// run is the life of a client.
func (c *conn) run() {
	w := c.play.world
	w.Sleep(c.start)
	c.link = w.Dial(sim.Link{Name: c.name, Buffer: c.buffer, Piece: c.piece})
	c.play.dialed++ // connections are numbered as they come
	c.number = c.play.dialed
	c.play.numbers[c.number] = c
	w.Go(c.name+" reads", c.read)
	c.connect()
	for _, o := range c.ops {
		if c.over {
			break
		}
		c.do(o)
	}
	c.finished = true
	c.leave()
	c.done = true
}

func (c *conn) connect() {
	lines := []string{"CONNECT", "accept-version:" + c.client.version, "host:sim"}
	if c.client.version == "1.0" {
		lines = lines[:1]
	} else if c.beat > 0 {
		lines = append(lines, fmt.Sprintf("heart-beat:%d,%d", c.beat.Milliseconds(), c.beat.Milliseconds()))
	}
	c.write(lines, "")
	if c.name[1]%2 == 0 { // the others go on at once, as clients may
		c.play.world.Wait(func() bool { return c.connected || c.over })
	}
	if c.beat > 0 && c.client.version != "1.0" {
		c.play.world.Go(c.name+" beats", c.beats)
	}
}

func (c *conn) beats() {
	for !c.over {
		c.play.world.WaitFor(c.beat*9/10, func() bool { return c.over })
		if !c.over && !c.writing {
			c.writing = true
			if _, err := c.link.Write([]byte("\n")); err != nil {
				c.over = true
			}
			c.writing = false
		}
	}
}

// write sends a frame. It takes as long as the broker lets it.
func (c *conn) write(lines []string, body string) {
	c.play.world.Wait(func() bool { return !c.writing })
	if c.over {
		return
	}
	c.writing = true
	if _, err := c.link.Write([]byte(strings.Join(lines, "\n") + "\n\n" + body + "\x00")); err != nil {
		c.stop()
	}
	c.writing = false
}

// expect adds a receipt header, and says what it means when it is answered.
func (c *conn) expect(lines []string, then func()) []string {
	c.next++
	id := fmt.Sprintf("%s.%d", c.name, c.next)
	c.receipts[id] = then
	return append(lines, "receipt:"+id)
}

// stop: the connection is of no more use to the one who writes.
func (c *conn) stop() { c.over = true }

func (c *conn) do(o op) {
	w := c.play.world
	switch o.kind {
	case opSend:
		for i := range o.count {
			if c.over {
				return
			}
			c.send(o, i == o.count-1)
		}
	case opSubscribe:
		c.subscribe(o)
	case opUnsubscribe:
		if s := pick(c.subs, o.pick, func(s *subscription) bool { return s.live() }); s != nil {
			c.unsubscribe(s, o.receipt)
		}
	case opAck, opNack, opReject:
		c.acknowledge(o)
	case opBegin:
		if len(c.txs) < 3 {
			t := &transaction{id: fmt.Sprintf("t%d", c.next)}
			c.next++
			c.txs = append(c.txs, t)
			c.write([]string{"BEGIN", "transaction:" + t.id}, "")
		}
	case opCommit, opAbort:
		if t := pick(c.txs, o.pick, func(*transaction) bool { return true }); t != nil {
			c.decide(t, o.kind == opCommit, o.receipt)
		}
	case opSync:
		c.sync()
	case opWait:
		w.WaitFor(o.pause, func() bool { return c.over || c.unacked() > 0 })
	case opSleep:
		w.WaitFor(o.pause, func() bool { return c.over })
	}
}

// sync waits until every receipt has come.
func (c *conn) sync() {
	if !c.play.world.WaitFor(3*time.Minute, func() bool { return c.over || c.failed || len(c.receipts) == 0 }) {
		c.play.fail("%s waits for %d receipts: %v", c.name, len(c.receipts), keys(c.receipts))
	}
}

func (c *conn) send(o op, last bool) {
	m := c.play.newMessage(c, o)
	body := m.name + strings.Repeat(".", o.size)
	lines := []string{"SEND", "destination:" + o.destination, fmt.Sprintf("content-length:%d", len(body))}
	if o.priority >= 0 {
		lines = append(lines, fmt.Sprintf("priority:%d", o.priority))
	}
	if o.delay > 0 {
		lines = append(lines, fmt.Sprintf("delay:%d", o.delay.Milliseconds()))
	}
	if o.expiration > 0 {
		lines = append(lines, fmt.Sprintf("expiration:%d", o.expiration.Milliseconds()))
	}
	if o.reply {
		lines = append(lines, "reply-to:/temp-queue/t")
	}
	var tx *transaction
	if o.tx {
		tx = pick(c.txs, o.pick, func(*transaction) bool { return true })
	}
	if tx != nil {
		lines = append(lines, "transaction:"+tx.id)
		m.tx = tx
		tx.sends = append(tx.sends, m)
	} else {
		m.order = c.play.tick()
		c.sends = append(c.sends, m)
	}
	if o.receipt && last {
		lines = c.expect(lines, func() { m.sure = m.sure || tx == nil })
		if tx == nil {
			id := strings.TrimPrefix(lines[len(lines)-1], "receipt:")
			c.inOrder[o.destination] = append(c.inOrder[o.destination], id)
		}
	}
	m.written, m.at = true, c.play.world.Now()
	c.write(lines, body)
}

// answer replies to a message that asked for it.
func (c *conn) answer(d *delivery) {
	m := c.play.newMessage(c, op{destination: "/temp-queue/t", priority: -1})
	m.to = d.message.from
	m.order = c.play.tick()
	m.written, m.at = true, c.play.world.Now()
	c.write([]string{"SEND", "destination:" + d.replyTo}, m.name)
}

func (c *conn) subscribe(o op) {
	c.next++
	c.serials++
	s := &subscription{
		conn: c, id: fmt.Sprintf("s%d", c.next), serial: c.serials, destination: o.destination, mode: o.mode, prefetch: o.prefetch,
		last: make(map[lane]int), got: make(map[*message]bool),
	}
	lines := []string{"SUBSCRIBE", "destination:" + o.destination, "ack:" + o.mode}
	if c.client.version == "1.0" && o.pick%2 == 0 && !c.subscribedTo(o.destination) {
		s.id = o.destination
	} else {
		lines = append(lines, "id:"+s.id)
	}
	if s.prefetch > 0 {
		lines = append(lines, fmt.Sprintf("prefetch-count:%d", s.prefetch))
	} else {
		s.prefetch = 100
	}
	if o.exclusive {
		lines = append(lines, "exclusive:true")
	}
	if o.receipt {
		s.asked = true
		lines = c.expect(lines, func() { s.opened, s.openedAt = true, c.play.tick() })
	}
	c.subs = append(c.subs, s)
	c.write(lines, "")
}

func (c *conn) subscribedTo(destination string) bool {
	for _, s := range c.subs {
		if s.id == destination {
			return true
		}
	}
	return false
}

func (c *conn) unsubscribe(s *subscription, receipt bool) {
	lines := []string{"UNSUBSCRIBE", "id:" + s.id}
	if s.id == s.destination {
		lines[1] = "destination:" + s.destination
	}
	s.ending = true
	for _, t := range c.txs {
		if s.queue() && slices.ContainsFunc(t.acks, func(d *delivery) bool { return d.sub == s }) {
			t.spoiled, c.spoiled = true, true
		}
	}
	if receipt {
		lines = c.expect(lines, func() { s.closed = true })
	}
	c.write(lines, "")
}

// unacked counts what waits for the client's word.
func (c *conn) unacked() (n int) {
	for _, s := range c.subs {
		if s.live() && s.mode != "auto" {
			for _, d := range s.held {
				if d.how == 0 {
					n++
				}
			}
		}
	}
	return n
}

func (c *conn) acknowledge(o op) {
	var open []*delivery
	for _, s := range c.subs {
		if s.live() && s.mode != "auto" {
			for _, d := range s.held {
				if d.how == 0 {
					open = append(open, d)
				}
			}
		}
	}
	if len(open) == 0 {
		return
	}
	d := open[o.pick%len(open)]
	if d.replyTo != "" && o.pick%2 == 0 {
		c.answer(d)
		if c.over || d.how != 0 || !d.sub.live() {
			return
		}
	}
	how := o.kind
	if c.client.version == "1.0" {
		how = opAck
	}
	var tx *transaction
	if o.tx {
		tx = pick(c.txs, o.pick, func(*transaction) bool { return true })
	}
	c.settle(d, how, tx, o.receipt, o.pick)
}

// settle sends ACK or NACK for a delivery, and for all before it if the mode says so.
func (c *conn) settle(d *delivery, how opKind, tx *transaction, receipt bool, pick int) {
	lines := []string{"ACK"}
	if how != opAck {
		lines[0] = "NACK"
	}
	if how == opReject {
		lines = append(lines, "requeue:false")
	}
	switch c.client.version {
	case "1.2":
		lines = append(lines, "id:"+d.ackID)
	case "1.1":
		lines = append(lines, "message-id:"+d.messageID, "subscription:"+d.sub.id)
	default:
		lines = append(lines, "message-id:"+d.messageID)
		if pick%3 == 0 || !d.sub.queue() { // two subscriptions may have the same message of a topic
			lines = append(lines, "subscription:"+d.sub.id)
		}
	}
	var done []*delivery
	for _, e := range d.sub.held {
		if e.how == 0 && (e == d || d.sub.mode == "client") {
			e.how, e.tx = how, tx
			done = append(done, e)
		}
		if e == d {
			break
		}
	}
	if tx != nil {
		lines = append(lines, "transaction:"+tx.id)
		tx.acks = append(tx.acks, done...)
	} else {
		c.acks = append(c.acks, done...)
	}
	if receipt {
		lines = c.expect(lines, func() {
			if tx == nil {
				c.play.settled(done)
			}
		})
	}
	c.write(lines, "")
}

func (c *conn) decide(t *transaction, commit, receipt bool) {
	for i := range c.txs {
		if c.txs[i] == t {
			c.txs = append(c.txs[:i:i], c.txs[i+1:]...)
			break
		}
	}
	lines := []string{"COMMIT", "transaction:" + t.id}
	if !commit {
		lines[0] = "ABORT"
		t.aborted = true
		for _, d := range t.acks {
			d.how, d.tx, d.sub.aborted = 0, nil, true // the client's again
		}
		if receipt {
			lines = c.expect(lines, func() {})
		}
		c.write(lines, "")
		return
	}
	t.committed = true
	for _, m := range t.sends {
		m.order = c.play.tick()
		c.sends = append(c.sends, m)
	}
	c.acks = append(c.acks, t.acks...)
	if receipt {
		lines = c.expect(lines, func() {
			t.sure = true
			if t.spoiled && c.disturbed == 0 {
				c.play.fail("%s got a RECEIPT for the COMMIT of %s, whose acknowledgements are void", c.name, t.id)
			}
			for _, m := range t.sends {
				m.sure = true
			}
			c.play.settled(t.acks)
		})
		c.play.commits[c.receiptOf(lines)] = t
	}
	c.write(lines, "")
}

func (c *conn) receiptOf(lines []string) string {
	return strings.TrimPrefix(lines[len(lines)-1], "receipt:")
}

// leave ends the connection as the plan says.
func (c *conn) leave() {
	w := c.play.world
	if c.failed || c.ended {
		c.hangUp()
		return
	}
	switch c.client.end {
	case cut, cutInFrame:
		if c.client.end == cutInFrame && !c.over {
			c.writing = true
			c.link.Write([]byte("SEND\ndestination:/queue/a\n\nnever to be se"))
		}
		c.over = true
		c.lose(c.link.Cut())
	case halfClose:
		c.abortOpen()
		c.over = true
		c.link.CloseWrite()
		if !w.WaitFor(10*time.Minute, func() bool { return c.ended }) {
			c.play.fail("%s half-closed, and the broker does not end the connection", c.name)
		}
		c.link.Close()
	case disconnect:
		c.goodbye()
	case stays:
		w.Wait(func() bool { return c.play.closing || c.over || c.failed })
		if c.play.closing && !c.over && !c.failed {
			c.goodbye()
			return
		}
		c.hangUp()
	}
}

func (c *conn) abortOpen() {
	for _, t := range c.txs {
		t.aborted = true
	}
}

// hangUp waits for the broker to end a connection that has failed.
func (c *conn) hangUp() {
	if !c.play.world.WaitFor(10*time.Minute, func() bool { return c.ended }) {
		c.play.fail("%s got an ERROR, or could not write, and the broker does not end the connection", c.name)
	}
	c.over = true
	c.link.Close()
}

func (c *conn) goodbye() {
	done := false
	c.abortOpen()
	sends, acks := c.sends, c.acks
	for _, s := range c.subs {
		s.ending = true
	}
	c.write(c.expect([]string{"DISCONNECT"}, func() {
		done = true
		for _, m := range sends {
			m.sure = true
		}
		c.play.settled(acks)
	}), "")
	if !c.play.world.WaitFor(10*time.Minute, func() bool { return c.ended }) {
		c.play.fail("%s has said DISCONNECT, and the broker does not end the connection", c.name)
	}
	if !done && !c.failed && c.disturbed == 0 && len(c.play.plan.jumps) == 0 {
		c.play.fail("%s got no RECEIPT for its DISCONNECT", c.name)
	}
	c.over = true
	c.link.Close()
}

// read is the other routine.
func (c *conn) read() {
	buffer := make([]byte, 32<<10)
	for {
		if c.lazy > 0 && !c.play.hurry {
			c.play.world.WaitFor(c.lazy, func() bool { return c.play.hurry || c.over })
		}
		n, err := c.link.Read(buffer)
		c.decode(buffer[:n])
		if err != nil {
			c.ended, c.over = true, true
			return
		}
	}
}

// lose decodes what was on its way to a client that is gone.
func (c *conn) lose(p []byte) { c.decode(p) }

func (c *conn) decode(p []byte) {
	for len(p) > 0 {
		var f stompwire.Frame
		n, ok, err := c.dec.Decode(p, &f)
		if err != nil {
			c.play.fail("%s can't read what came: %v", c.name, err)
			return
		}
		p = p[n:]
		if ok {
			c.received(&f)
		}
	}
}

func (c *conn) received(f *stompwire.Frame) {
	if c.failed {
		c.play.fail("%s got a %s behind its ERROR", c.name, f.Command)
		return
	}
	switch f.Command {
	case stompwire.Connected:
		v, _ := f.Header.Get("version")
		if v != c.client.version || c.connected {
			c.play.fail("%s asked for version %s and got CONNECTED with %s", c.name, c.client.version, v)
		}
		c.version = map[string]stompwire.Version{"1.0": stompwire.V10, "1.1": stompwire.V11, "1.2": stompwire.V12}[v]
		c.dec.SetVersion(c.version)
		session, _ := f.Header.Get("session")
		_, number, _ := strings.Cut(session, "-")
		if number != strconv.FormatUint(c.number, 10) && c.play.struck == 0 {
			c.play.fail("%s is connection %d, and its session is %q", c.name, c.number, session)
		}
		c.connected = true
	case stompwire.Receipt:
		id, _ := f.Header.Get("receipt-id")
		then, expected := c.receipts[id]
		if !expected {
			c.play.fail("%s got a RECEIPT %q that it does not wait for", c.name, id)
			return
		}
		delete(c.receipts, id)
		c.play.receiptInOrder(c, id)
		then()
	case stompwire.Message:
		c.play.message(c, f)
	case stompwire.Error:
		c.failed = true
		c.play.refused(c, f)
		c.over = true
	default:
		c.play.fail("%s got a %s", c.name, f.Command)
	}
}

// pick chooses one of those that fit.
func pick[T any](all []*T, n int, fits func(*T) bool) *T {
	var some []*T
	for _, x := range all {
		if fits(x) {
			some = append(some, x)
		}
	}
	if len(some) == 0 {
		return nil
	}
	return some[n%len(some)]
}
