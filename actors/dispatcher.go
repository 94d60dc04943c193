package actors

import (
	"runtime"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// throughput is how many messages an actor handles before it makes room for others.
const throughput = 300

// workerPool is protoactor's Dispatcher on parked goroutines. A goroutine made for every burst
// spends its time growing a stack; a parked one has grown it already. When none is parked a new
// one is made, so that work that blocks (a write to a stalled socket) never holds up an actor.
type workerPool struct {
	tasks  chan func()
	most   int          // how many may park
	parked atomic.Int32 // and do
	quit   chan struct{}
}

var _ actor.Dispatcher = (*workerPool)(nil)

// newWorkerPool parks at most max(128, 16 per processor) goroutines: a burst of many connections needs as many at a time, and one that is made grows a stack.
func newWorkerPool() *workerPool {
	return &workerPool{
		tasks: make(chan func()),
		most:  max(128, 16*runtime.GOMAXPROCS(0)),
		quit:  make(chan struct{}),
	}
}

// Schedule runs fn on a parked goroutine, or on a new one.
func (p *workerPool) Schedule(fn func()) {
	select {
	case p.tasks <- fn:
	default:
		go p.work(fn)
	}
}

// Throughput implements actor.Dispatcher.
func (p *workerPool) Throughput() int { return throughput }

// Close lets the parked goroutines go. What is scheduled later still runs.
func (p *workerPool) Close() { close(p.quit) }

// work counts as parked only while it is: a task may be a reader, and take as long as a connection.
func (p *workerPool) work(fn func()) {
	for {
		fn()
		fn = nil // or a parked goroutine keeps the actor it ran last, and all that was its
		if int(p.parked.Add(1)) > p.most {
			p.parked.Add(-1)
			return // enough are parked
		}
		select {
		case fn = <-p.tasks:
			p.parked.Add(-1)
		case <-p.quit:
			p.parked.Add(-1)
			return
		}
	}
}
