package bench

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"
	"sync/atomic"
	"time"
)

// publisher is a connection that sends. One goroutine writes; another reads receipts, and any ERROR.
type publisher struct {
	*traffic
	index int
	link  *link
	lanes []*lane
	limit int64 // messages; less than 0: none
	wake  chan struct{}

	asked     atomic.Int64 // receipts
	receipted atomic.Int64

	turn     int    // of the lanes
	frames   []byte // a burst, ready but for its stamps
	built    *lane  // that frames is for
	frame    int    // length of one
	stampAt  int    // in a frame
	numberAt int    // of the receipt's number in a frame

	late histogram // how much later than it was due the generator itself got to send
}

// listen connects and then reads to the end.
func (p *publisher) listen(ready func()) {
	done, ok := p.admit()
	if !ok {
		return
	}
	l, err := p.connect(p.ctx, 4<<10)
	done()
	if err != nil {
		p.fail(err)
		return
	}
	p.link = l
	got := int64(0)
	l.onReceipt = func(f *frame) error {
		if n := number(f.get(hReceiptID)); n < 0 || int64(n) >= p.asked.Load() {
			return errors.New("a receipt that nobody has asked for: " + strconv.Quote(string(f.get(hReceiptID))))
		}
		got++
		return nil
	}
	p.join(l)
	ready()
	for err == nil {
		err = l.pump()
		if got > 0 {
			p.receipted.Add(got)
			got = 0
			notify(p.wake)
		}
	}
	p.ended(l, "publisher", p.index, err)
}

// publish sends until there is enough, and then waits until all of it has arrived.
func (p *publisher) publish(begin int64) error {
	var every, first float64
	if p.Rate > 0 {
		done := precise()
		defer done()
		every = float64(p.group) * float64(p.Publishers) / p.Rate * float64(time.Second)
		first = float64(begin) + every*float64(p.index)/float64(p.Publishers) // They don't all send at once.
	}
	total := int64(0)
	for n := 0; p.limit < 0 || total < p.limit; n++ {
		due := int64(-1)
		if p.Rate > 0 {
			due = int64(first + every*float64(n))
			if !p.waitFor(due) {
				break
			}
		}
		l := p.choose()
		if l == nil {
			break
		}
		count := int64(p.group)
		if p.limit >= 0 {
			count = min(count, p.limit-total)
		}
		if err := p.sendGroup(l, count, due); err != nil {
			if closed(p.giveUp) {
				return nil
			}
			return p.explain(err)
		}
		total += count
	}
	p.drain()
	return nil
}

// waitFor returns when the time has come, or false if nothing more is to be sent.
func (p *publisher) waitFor(due int64) bool {
	slept := false
	for {
		if closed(p.stop) || p.ctx.Err() != nil {
			return false
		}
		left := due - p.now()
		if left <= 0 {
			if slept && p.measuring.Load() {
				p.late.add(time.Duration(-left), 1)
			}
			return true
		}
		slept = true
		nap(min(time.Duration(left), 20*time.Millisecond))
	}
}

// choose returns the next lane that has room in its window, or nil if nothing more is to be sent.
func (p *publisher) choose() *lane {
	for {
		if closed(p.stop) {
			return nil
		}
		for range p.lanes {
			l := p.lanes[p.turn]
			if p.turn++; p.turn == len(p.lanes) {
				p.turn = 0
			}
			if l.free() {
				return l
			}
		}
		select {
		case <-p.wake:
		case <-p.stop:
		case <-p.giveUp:
			return nil
		case <-p.ctx.Done():
			return nil
		}
	}
}

// sendGroup sends the next count messages of a lane, in one write if receipts allow that.
func (p *publisher) sendGroup(l *lane, count, due int64) error {
	if p.built != l {
		p.build(l)
	}
	l.open(count)
	s := stamp{run: p.id, lane: l.index, seq: l.sent.Add(count) - count, at: due}
	last := s.seq + count - 1
	for count > 0 {
		k := p.room(count)
		if k == 0 {
			return nil
		}
		if due < 0 {
			s.at = p.now()
		}
		number := p.asked.Load()
		for i := range int(k) {
			f := p.frames[i*p.frame : (i+1)*p.frame]
			s.last = s.seq == last
			s.put(f[p.stampAt:])
			s.seq++
			if p.Receipts > 0 {
				putNumber(f[p.numberAt:p.numberAt+receiptDigits], number)
				number++
			}
		}
		if p.Receipts > 0 {
			p.asked.Store(number)
		}
		if err := p.link.write(p.frames[:int(k)*p.frame]); err != nil {
			return err
		}
		count -= k
	}
	return nil
}

// room returns how many of want messages may be sent now as to receipts; 0 if there is nothing more to wait for. It
// waits until half of the receipts are there, so that messages don't trickle.
func (p *publisher) room(want int64) int64 {
	if p.Receipts == 0 {
		return want
	}
	enough := min(want, int64(p.Receipts+1)/2)
	for {
		if free := int64(p.Receipts) - (p.asked.Load() - p.receipted.Load()); free >= enough {
			return min(free, want)
		}
		select {
		case <-p.wake:
		case <-p.giveUp:
			return 0
		case <-p.ctx.Done():
			return 0
		}
	}
}

// build prepares the frames of a burst.
func (p *publisher) build(l *lane) {
	one, stampAt, numberAt := p.link.sendFrame(p.name(l.destination), p.SendHeader, p.Receipts > 0, p.Size)
	p.frame, p.stampAt, p.numberAt = len(one), stampAt, numberAt
	p.frames = bytes.Repeat(one, p.group)
	p.built = l
}

// putNumber fills dst with a decimal number.
func putNumber(dst []byte, n int64) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
}

// drain waits until nothing of this publisher is on its way.
func (p *publisher) drain() {
	for {
		idle := p.receipted.Load() == p.asked.Load()
		for _, l := range p.lanes {
			idle = idle && l.idle()
		}
		if idle {
			return
		}
		select {
		case <-p.wake:
		case <-p.giveUp:
			return
		case <-p.ctx.Done():
			return
		}
	}
}

// explain waits a moment for what the reading side finds: a failed write knows less about why.
func (p *publisher) explain(err error) error {
	select {
	case <-p.ctx.Done():
	case <-time.After(time.Second):
	}
	return err
}

// unexpected names an end that nobody has asked for.
func unexpected(err error) error {
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("the broker closed the connection")
	case isTimeout(err):
		return errors.New("no answer to DISCONNECT")
	case errors.Is(err, context.Canceled):
		return context.Canceled
	}
	return err
}
