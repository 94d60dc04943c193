package transport

import (
	"fmt"
	"time"

	"stampede/stompwire"
)

// setHeartBeat starts, changes or stops the heart-beats.
func (a *connActor) setHeartBeat(m *SetHeartBeat) {
	if a.phase != phaseOpen {
		return
	}
	a.beat = m
	a.set(alarmSend, a.sendInterval())
	if a.conn.cause.Load() != nil {
		return
	}
	// Silence counts from now: before, nothing had been promised.
	a.conn.in.lastRead.Store(a.clock.Now().UnixNano())
	a.conn.in.timed.Store(m.Receive > 0)
	a.set(alarmReceive, a.silence())
}

// sendInterval is how long we stay silent. The promise is one octet at least
// every Send; a tenth is left for the way.
func (a *connActor) sendInterval() time.Duration { return a.beat.Send - a.beat.Send/10 }

// silence is how long the peer may stay silent.
func (a *connActor) silence() time.Duration {
	tolerance := a.beat.Tolerance
	if tolerance < 1 {
		tolerance = DefaultTolerance
	}
	return time.Duration(float64(a.beat.Receive) * tolerance)
}

// sendDue writes a heart-beat if nothing else was written meanwhile. Only our
// own writes put it off.
func (a *connActor) sendDue() {
	interval := a.sendInterval()
	wait := time.Unix(0, a.conn.outbox.lastWrite.Load()).Add(interval).Sub(a.clock.Now())
	if wait <= 0 {
		a.conn.outbox.beat()
		wait = interval
	}
	a.set(alarmSend, wait)
}

// receiveDue ends the connection if nothing came for too long. A reader that
// waits for the broker has no way to hear anything.
func (a *connActor) receiveDue() {
	if a.phase != phaseOpen {
		return
	}
	if a.reader.paused.Load() {
		a.set(alarmReceive, a.silence())
		return
	}
	wait := time.Unix(0, a.conn.in.lastRead.Load()).Add(a.silence()).Sub(a.clock.Now())
	if wait > 0 {
		a.set(alarmReceive, wait)
		return
	}
	a.conn.interrupt(&ending{
		reason: ReasonHeartBeatTimeout,
		err:    fmt.Errorf("nothing was received for %v", a.silence()),
	})
}

// frameDue ends the input if a frame that was begun makes no progress.
func (a *connActor) frameDue() {
	if a.phase != phaseOpen {
		return
	}
	g := &a.reader.guard
	if a.reader.paused.Load() {
		g.resume(a.clock.Now())
	}
	wait, expired := g.check(a.clock.Now(), a.frameTimeout)
	if !expired {
		a.set(alarmFrame, wait)
		return
	}
	a.conn.interrupt(&ending{reason: ReasonFrameTimeout, malformed: &stompwire.SyntaxError{
		Clause:  "1.2 §STOMP Frames",
		Problem: fmt.Sprintf("a frame was begun and within %v neither finished nor grown by %d octets", a.frameTimeout, frameProgress),
		Limit:   LimitFrameTimeout, LimitValue: int64(a.frameTimeout / time.Millisecond),
	}})
}

// LimitFrameTimeout is the name of the limit in the Malformed that
// FrameTimeout brings; its value is in milliseconds.
const LimitFrameTimeout = "frame_timeout"
