package transport

import "time"

// alarmKind is what a transport actor waits for time to pass for. Each kind has
// at most one timer.
type alarmKind uint8

const (
	alarmSend    alarmKind = iota // our heart-beat is due
	alarmReceive                  // the peer's heart-beat is due
	alarmFrame                    // an unfinished frame is to be looked at
	alarmLogin                    // Admit is due
	alarmGrace                    // Close is due after the end of input
	alarmLinger                   // closing takes too long
	alarmKinds
)

// alarm is a timer that was set; the timer sends it to the actor. One that was
// replaced or cleared meanwhile is known by not being in its place any more.
type alarm struct {
	kind  alarmKind
	timer Timer
}

// set starts the timer of kind, in place of one that runs; not for d ≤ 0.
func (a *connActor) set(kind alarmKind, d time.Duration) {
	a.clear(kind)
	if d <= 0 {
		return
	}
	al := &alarm{kind: kind}
	aborted := a.conn.aborted
	system, self := a.system, a.self
	al.timer = a.o.Clock.AfterFunc(d, func() {
		if !aborted.released() { // else there may be no actor to hear it
			system.Root.Send(self, al)
		}
	})
	a.alarms[kind] = al // it rings in Receive, so not before this
}

func (a *connActor) clear(kind alarmKind) {
	if al := a.alarms[kind]; al != nil {
		al.timer.Stop()
		a.alarms[kind] = nil
	}
}

func (a *connActor) ring(al *alarm) {
	if a.alarms[al.kind] != al {
		return
	}
	a.alarms[al.kind] = nil
	switch al.kind {
	case alarmSend:
		a.sendDue()
	case alarmReceive:
		a.receiveDue()
	case alarmFrame:
		a.frameDue()
	case alarmLogin:
		a.conn.interrupt(&ending{reason: ReasonLoginTimeout})
	case alarmGrace:
		a.close(&Close{Reason: a.reason})
	case alarmLinger:
		a.finish(a.reason, nil)
	}
}
