package bench

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"sync/atomic"
	"time"

	"stampede/stompwire"
)

// receiver is a connection that subscribes. All that it counts is its own; others see only the two atomics, which are
// brought up to date once for a read.
type receiver struct {
	*traffic
	index        int
	block        int // of destinations
	destinations []string
	link         *link

	received atomic.Int64 // deliveries that were new
	bytes    atomic.Int64

	// of the read under way
	at        int64 // the time of it
	timed     bool  // it is within the measurement
	fresh     int64
	sameStamp int64 // the send time of the last messages: those of a burst have the same
	sameCount int
	row       row // of a queue: what was received of one group in a row

	tracks  []track
	latency histogram
	faults
	strangers   int64
	redelivered int64

	acks    []byte // to be written after this read
	ackHead []byte
	ackTail []byte
	lastAck []byte // of ack mode client, where one stands for all before it
	ackBy   header
}

// row is some messages of a group, a bit each.
type row struct {
	lane  *lane
	group int64
	bits  uint64
}

// run connects, subscribes, and reads to the end.
func (r *receiver) run(ready func()) {
	done, ok := r.admit()
	if !ok {
		return
	}
	l, err := r.open()
	done()
	if err != nil {
		r.fail(err)
		return
	}
	ready()
	for err == nil {
		err = l.pump()
		if e := r.settle(); err == nil {
			err = e
		}
	}
	r.ended(l, "subscriber", r.index, err)
}

// open connects and subscribes.
func (r *receiver) open() (*link, error) {
	l, err := r.connect(r.ctx, r.buffer())
	if err != nil {
		return nil, err
	}
	r.link = l
	l.onRead = r.look
	l.onMessage = r.message
	r.prepareAck()
	r.join(l)
	frames := make([]*stompwire.Frame, len(r.destinations))
	for i, d := range r.destinations {
		frames[i] = r.subscribeFrame(i, d)
	}
	err = l.request(frames...)
	if e := r.settle(); err == nil {
		err = e // A queue may have held something, and it was received.
	}
	if err != nil {
		l.conn.Close()
		return nil, fmt.Errorf("subscriber %d: %w", r.index, unexpected(err))
	}
	return l, nil
}

// buffer is how much a subscriber reads at once: much, but not too much in all.
func (r *receiver) buffer() int {
	return min(max(64<<20/len(r.receivers), 4<<10), 256<<10)
}

func (o *Traffic) subscribeFrame(id int, destination string) *stompwire.Frame {
	f := &stompwire.Frame{Command: stompwire.Subscribe, Header: stompwire.Header{
		{Name: "id", Value: strconv.Itoa(id)},
		{Name: "destination", Value: destination},
	}}
	if o.Ack != "" {
		f.Header = append(f.Header, stompwire.Field{Name: "ack", Value: o.Ack})
	}
	if o.Prefetch > 0 {
		// Brokers have different names for it, and ignore those of others.
		n := strconv.Itoa(o.Prefetch)
		f.Header = append(f.Header, stompwire.Field{Name: "prefetch-count", Value: n}, stompwire.Field{Name: "activemq.prefetchSize", Value: n})
	}
	f.Header = append(f.Header, o.SubscribeHead...)
	return f
}

// look is at the clock, between reading and counting.
func (r *receiver) look() {
	r.at = r.now()
	r.timed = r.measuring.Load()
	r.bytes.Add(int64(r.link.read))
}

// message counts one MESSAGE.
func (r *receiver) message(f *frame) error {
	if r.ackBy != unknown {
		if err := r.ack(f); err != nil {
			return err
		}
	}
	var s stamp
	if !s.get(f.body) || s.run != r.id {
		r.strangers++
		return nil
	}
	if int(s.lane) >= len(r.lanes) || f.length != r.Size {
		r.corrupt++
		return nil
	}
	l, at := r.lanes[s.lane], r.ofLane[s.lane]
	if at.block != r.block {
		r.corrupt++
		return nil
	}
	if r.Queue {
		r.consume(l, &r.tracks[at.at], &s, f)
	} else {
		r.follow(l, &r.tracks[at.at], &s)
	}
	if r.timed {
		if s.at != r.sameStamp {
			r.settleLatency()
			r.sameStamp = s.at
		}
		r.sameCount++
	}
	return nil
}

// follow counts a message of a topic.
func (r *receiver) follow(l *lane, t *track, s *stamp) {
	if s.seq == t.next {
		t.next++
		r.fresh++
		if s.last {
			r.pass(l, t, s.seq/l.group+1)
		}
		return
	}
	if s.seq >= l.sent.Load() {
		r.corrupt++
		return
	}
	late := s.seq < t.next
	again := r.duplicates
	t.follow(s.seq, &r.faults)
	if r.duplicates == again {
		r.fresh++
	}
	if late {
		return
	}
	// What was skipped is not waited for.
	end := s.seq / l.group
	if s.last {
		end++
	}
	r.pass(l, t, end)
}

// pass tells the publisher about groups that are behind us. What was received is counted first: whoever waits for the
// last group wants to find all of it in the sum.
func (r *receiver) pass(l *lane, t *track, end int64) {
	if end <= t.passed {
		return
	}
	r.settleFresh()
	l.passed(t.passed, end)
	t.passed = end
}

// consume counts a message of a queue.
func (r *receiver) consume(l *lane, t *track, s *stamp, f *frame) {
	group := s.seq / l.group
	bit := uint64(1) << (s.seq - group*l.group)
	again := string(f.get(hRedelivered)) == "true"
	if s.seq >= t.next && !again {
		t.next = s.seq + 1
		if r.row.lane != l || r.row.group != group {
			r.settleRow()
			r.row = row{lane: l, group: group}
		}
		r.row.bits |= bit
		return
	}
	if s.seq >= l.sent.Load() {
		r.corrupt++
		return
	}
	r.settleRow()
	switch slot, fresh := l.consumed(group, bit); {
	case again:
		// To be sent twice with that mark is no fault.
		r.redelivered++
		r.count(l, slot, fresh)
	case fresh == 1:
		r.disordered++
		r.count(l, slot, fresh)
	default:
		r.duplicates++
	}
}

// count counts messages of a queue and only then tells the publisher.
func (r *receiver) count(l *lane, s *slot, fresh int64) {
	r.fresh += fresh
	r.settleFresh()
	l.done(s, fresh)
}

func (r *receiver) settleRow() {
	if r.row.bits == 0 {
		return
	}
	slot, fresh := r.row.lane.consumed(r.row.group, r.row.bits)
	r.duplicates += int64(bits.OnesCount64(r.row.bits)) - fresh
	r.count(r.row.lane, slot, fresh)
	r.row = row{}
}

func (r *receiver) settleLatency() {
	if r.sameCount > 0 {
		r.latency.add(time.Duration(r.at-r.sameStamp), r.sameCount)
		r.sameCount = 0
	}
}

func (r *receiver) settleFresh() {
	if r.fresh > 0 {
		r.received.Add(r.fresh)
		r.fresh = 0
	}
}

// settle does after a read what need not be done for each message.
func (r *receiver) settle() error {
	r.settleRow()
	r.settleLatency()
	r.settleFresh()
	if len(r.lastAck) > 0 {
		r.appendAck(r.lastAck)
		r.lastAck = r.lastAck[:0]
	}
	if len(r.acks) == 0 {
		return nil
	}
	err := r.link.write(r.acks)
	r.acks = r.acks[:0]
	return err
}

// prepareAck finds out how this version of STOMP says which message is meant.
func (r *receiver) prepareAck() {
	r.ackBy = unknown
	if r.Ack == "" || r.Ack == "auto" {
		return
	}
	r.ackTail = []byte("\n\n\x00")
	switch r.link.version {
	case stompwire.V12:
		r.ackBy, r.ackHead = hAck, []byte("ACK\nid:")
	case stompwire.V11:
		r.ackBy, r.ackHead = hMessageID, []byte("ACK\nsubscription:0\nmessage-id:")
	default:
		r.ackBy, r.ackHead = hMessageID, []byte("ACK\nmessage-id:")
	}
}

// ack remembers that a message was received.
func (r *receiver) ack(f *frame) error {
	id := f.get(r.ackBy)
	if len(id) == 0 {
		return errors.New("a message has no header that an ACK could name")
	}
	if r.Ack == "client" {
		r.lastAck = append(r.lastAck[:0], id...)
		return nil
	}
	r.appendAck(id)
	return nil
}

func (r *receiver) appendAck(id []byte) {
	if r.link.webSocket {
		r.acks = appendClientHeader(r.acks, len(r.ackHead)+len(id)+len(r.ackTail))
	}
	r.acks = append(r.acks, r.ackHead...)
	r.acks = append(r.acks, id...)
	r.acks = append(r.acks, r.ackTail...)
}
