package chaos

import (
	"fmt"
	"sync"
)

// message is one that a producer has sent: its queue, its producer and its number there.
type message struct {
	queue    string
	producer int
	number   int
}

func (m message) String() string {
	return fmt.Sprintf("%d of producer %d to %s", m.number, m.producer, m.queue)
}

// ledger knows what was promised and what was seen.
type ledger struct {
	mu       sync.Mutex
	promised map[message]bool // a receipt came
	together map[message]int  // the transaction it was sent in
	commits  map[int][]message
	seen     map[message]int
	fresh    map[message]int // of these, without redelivered:true
	missing  int             // promised and not seen
	faults   []string
	caught   chan struct{} // gets something when missing comes to 0
}

func newLedger() *ledger {
	return &ledger{
		promised: make(map[message]bool), together: make(map[message]int), commits: make(map[int][]message),
		seen: make(map[message]int), fresh: make(map[message]int), caught: make(chan struct{}, 1),
	}
}

// fault notes that the broker did what it must not.
func (l *ledger) fault(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note(format, args...)
}

func (l *ledger) note(format string, args ...any) {
	if len(l.faults) < 50 {
		l.faults = append(l.faults, fmt.Sprintf(format, args...))
	}
}

// promise notes a receipt for messages.
func (l *ledger) promise(all ...message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range all {
		l.promised[m] = true
		if l.seen[m] == 0 {
			l.missing++
		}
	}
}

// bind notes that messages go in one transaction.
func (l *ledger) bind(all []message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := len(l.commits) + 1
	l.commits[id] = all
	for _, m := range all {
		l.together[m] = id
	}
}

// consume notes a MESSAGE.
func (l *ledger) consume(m message, redelivered bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen[m]++
	if l.seen[m] == 1 && l.promised[m] {
		if l.missing--; l.missing == 0 {
			select {
			case l.caught <- struct{}{}:
			default:
			}
		}
	}
	if !redelivered {
		if l.fresh[m]++; l.fresh[m] == 2 {
			l.note("message %v came twice without redelivered:true", m)
		}
	}
}

// complete tells whether all that was promised was seen.
func (l *ledger) complete() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.missing == 0
}

// close adds up.
func (l *ledger) close() (faults []string, promised, seen, again int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for m := range l.promised {
		if l.seen[m] == 0 {
			l.note("message %v was receipted and never seen", m)
		}
	}
	for id, all := range l.commits {
		n := 0
		for _, m := range all {
			if l.seen[m] > 0 {
				n++
			}
		}
		if n != 0 && n != len(all) {
			l.note("of transaction %d, with %v, only %d messages of %d were seen", id, all[0], n, len(all))
		}
	}
	for _, n := range l.seen {
		seen++
		again += n - 1
	}
	return l.faults, len(l.promised), seen, again
}
