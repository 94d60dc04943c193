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
)

// alarm is a timer that was set; the timer sends it to the actor. One that was
// replaced or cleared meanwhile is known by not being in its place any more.
type alarm struct {
	kind  alarmKind
	timer Timer
	next  *alarm // that is set, of another kind
}

// set starts the timer of kind, in place of one that runs; not for d ≤ 0.
func (a *connActor) set(kind alarmKind, d time.Duration) {
	a.clear(kind)
	if d <= 0 {
		return
	}
	al := &alarm{kind: kind}
	al.timer = a.clock.AfterFunc(d, func() {
		if !a.conn.course.reached(stageAborted) { // else there may be no actor to hear it
			a.tell(a.self, al)
		}
	})
	a.alarms, al.next = al, a.alarms // it rings in Receive, so not before this
}

func (a *connActor) isSet(al *alarm) bool {
	for at := a.alarms; at != nil; at = at.next {
		if at == al {
			return true
		}
	}
	return false
}

// take takes the alarm of kind off the list; nil: none is set.
func (a *connActor) take(kind alarmKind) *alarm {
	for at := &a.alarms; *at != nil; at = &(*at).next {
		if al := *at; al.kind == kind {
			*at, al.next = al.next, nil
			return al
		}
	}
	return nil
}

func (a *connActor) clear(kind alarmKind) {
	if al := a.take(kind); al != nil {
		al.timer.Stop()
	}
}

func (a *connActor) clearAll() {
	for a.alarms != nil {
		a.clear(a.alarms.kind)
	}
}

func (a *connActor) ring(al *alarm) {
	if !a.isSet(al) {
		return
	}
	a.take(al.kind)
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
