package actors

import (
	"context"
	"slices"
	"sync"
)

// loginDesk is where sessions have authenticators and authorizers asked, which may take their time: a hash that is slow
// on purpose, a program's database. So many questions are asked at once. The others wait, without a goroutine each, in a
// line for each address that they come from, and the lines take turns: who sends a great many logins waits for their own.
type loginDesk struct {
	schedule func(func())

	mu      sync.Mutex
	asking  int
	waiting int
	lines   map[string]*waitingLine // those that are not empty
	turns   []*waitingLine          // the same, the next one first
}

// waitingLine is the questions from one address, the oldest first.
type waitingLine struct {
	from      string
	questions []question
}

// question is one call of an authenticator or authorizer.
type question struct {
	ctx    context.Context // ends when nobody waits for the answer any more
	from   string
	ask    func()
	refuse func() // called instead of ask, if too many wait
}

// The bounds of the desk. A hash keeps a processor busy, a database only a goroutine; what is in line is bounded by
// connections that each wait no longer than their login timeout.
const (
	maxQuestions        = 64
	maxWaitingQuestions = 10_000
)

// submit has a question asked, or refused. When too many wait, the newest of the longest line goes.
func (d *loginDesk) submit(q question) {
	if refused := d.enter(q); refused != nil {
		refused.refuse()
	}
}

func (d *loginDesk) enter(q question) (refused *question) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if q.ctx.Err() != nil {
		return nil
	}
	if d.asking < maxQuestions {
		d.asking++
		d.schedule(func() { d.work(q) })
		return nil
	}
	line := d.lines[q.from]
	if line == nil {
		line = &waitingLine{from: q.from}
		if d.lines == nil {
			d.lines = make(map[string]*waitingLine)
		}
		d.lines[q.from] = line
		d.turns = append(d.turns, line)
	}
	line.questions = append(line.questions, q)
	if d.waiting++; d.waiting <= maxWaitingQuestions {
		return nil
	}
	longest := slices.MaxFunc(d.turns, func(a, b *waitingLine) int { return len(a.questions) - len(b.questions) })
	last := len(longest.questions) - 1
	refused = &longest.questions[last]
	longest.questions = longest.questions[:last]
	d.waiting--
	if last == 0 {
		d.turns = slices.DeleteFunc(d.turns, func(l *waitingLine) bool { return l == longest })
		delete(d.lines, longest.from)
	}
	return refused
}

func (d *loginDesk) work(q question) {
	defer d.next() // also if the question ends its goroutine
	q.ask()
}

// next goes on with the line whose turn it is, and in it with who has waited the longest and still waits.
func (d *loginDesk) next() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.turns) > 0 {
		line := d.turns[0]
		d.turns[0] = nil
		d.turns = d.turns[1:]
		q := line.questions[0]
		line.questions[0] = question{}
		line.questions = line.questions[1:]
		d.waiting--
		if len(line.questions) > 0 {
			d.turns = append(d.turns, line)
		} else {
			delete(d.lines, line.from)
		}
		if q.ctx.Err() == nil {
			d.schedule(func() { d.work(q) })
			return
		}
	}
	d.asking--
}
