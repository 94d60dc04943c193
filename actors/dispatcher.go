package actors

import (
	"runtime"
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// throughput is how many messages an actor handles before it makes room for others.
const throughput = 300

// workerPool is protoactor's Dispatcher on parked goroutines. A goroutine made for every burst
// spends its time growing a stack; a parked one has grown it already. When none is parked a new
// one is made, so that work that blocks (a write to a stalled socket) never holds up an actor.
type workerPool struct {
	most int // may park

	mu     sync.Mutex
	parked *worker // the last one to park is the first to work again: its stack is in some cache
	count  int
	closed bool
}

// worker is a goroutine of the pool.
type worker struct {
	tasks chan func() // what it is to do next; nil: it is to end
	next  *worker     // parked before it
}

var _ actor.Dispatcher = (*workerPool)(nil)

// newWorkerPool parks at most max(128, 16 per processor) goroutines: a burst of many connections needs as many at a
// time, and one that is made grows a stack.
func newWorkerPool() *workerPool {
	return &workerPool{most: max(128, 16*runtime.GOMAXPROCS(0))}
}

// Schedule runs fn on a parked goroutine, or on a new one.
func (p *workerPool) Schedule(fn func()) {
	p.mu.Lock()
	w := p.parked
	if w != nil {
		p.parked, w.next = w.next, nil // or a reader, which works for long, keeps a chain of those that have ended
		p.count--
	}
	p.mu.Unlock()
	if w != nil {
		w.tasks <- fn
		return
	}
	go p.work(fn)
}

// Throughput implements actor.Dispatcher.
func (p *workerPool) Throughput() int { return throughput }

// Close lets the parked goroutines go. What is scheduled later still runs.
func (p *workerPool) Close() {
	p.mu.Lock()
	p.closed = true
	w := p.parked
	p.parked, p.count = nil, 0
	p.mu.Unlock()
	for w != nil {
		next := w.next
		w.tasks <- nil
		w = next
	}
}

// work runs fn and then what else there is to do. It counts as parked only while it waits for that: a task may be a reader, and take as
// long as a connection.
func (p *workerPool) work(fn func()) {
	fn()
	w := &worker{tasks: make(chan func(), 1)}
	for p.park(w) {
		fn = nil // or a parked goroutine keeps the actor it ran last, and all that was its
		if fn = <-w.tasks; fn == nil {
			return
		}
		fn()
	}
}

// park puts a worker with those that wait for work; false: enough do.
func (p *workerPool) park(w *worker) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.count == p.most {
		return false
	}
	w.next, p.parked = p.parked, w
	p.count++
	return true
}
