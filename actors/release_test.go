package actors

import (
	"fmt"
	"runtime"
	"testing"
	"weak"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/transport"
)

// What was an actor's can be collected once it has stopped, though its parent and the workers that ran it live on.
func TestStoppedActorsAreForgotten(t *testing.T) {
	pool := newWorkerPool()
	defer pool.Close()
	system := newSystem(quiet())
	defer system.Shutdown()
	c := &core{system: system, dispatcher: pool, clock: transport.SystemClock()}
	const n = 50
	p := &breeder{gone: make(chan int, n), c: c}
	l, err := c.spawn(system.Root, &role{name: "breeder"}, "breeder", func(l *life) process {
		p.life = l
		return p
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = system.Root.StopFuture(l.pid).Wait() }()
	for range n {
		system.Root.Send(l.pid, &breed{})
	}
	for i := range n {
		if left := <-p.gone; left != n-i-1 {
			t.Errorf("%d children left, want %d", left, n-i-1)
		}
	}
	answered := make(chan struct{})
	system.Root.Send(l.pid, answered) // Terminated was handled to its end
	<-answered
	kept := 0
	// An actor's goroutine may still be on its way back to the pool; everything else is over.
	for range 100 {
		runtime.GC()
		kept = 0
		for _, w := range p.children {
			if w.Value() != nil {
				kept++
			}
		}
		if kept == 0 {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%d of %d stopped actors are kept", kept, n)
}

type breed struct{}

// breeder spawns children that stop at once.
type breeder struct {
	c        *core
	life     *life
	born     int
	children []weak.Pointer[brief]
	gone     chan int
}

func (p *breeder) receive(ctx actor.Context, message any) {
	switch m := message.(type) {
	case *breed:
		p.born++
		_, err := p.c.spawn(ctx, &role{name: "brief"}, fmt.Sprint(p.born), func(*life) process {
			b := &brief{}
			p.children = append(p.children, weak.Make(b))
			return b
		})
		if err != nil {
			panic(err)
		}
		if p.born == cap(p.gone) {
			for _, child := range p.life.children() {
				ctx.Stop(child.pid)
			}
		}
	case *actor.Terminated:
		p.gone <- int(p.life.brood)
	case chan struct{}:
		close(m)
	}
}

// brief is an actor with something to remember.
type brief struct{ memory [1024]byte }

func (b *brief) receive(actor.Context, any) { b.memory[0]++ }
