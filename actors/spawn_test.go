package actors

import (
	"strconv"
	"testing"
	"unsafe"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/transport"
)

// A life is what each of a connection's four actors costs: it fits into an allocation of 288 octets.
func TestLifeIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(life{}); n > 288 {
		t.Errorf("%d octets", n)
	}
}

// No life is kept for a next incarnation once that has begun, or will not.
func TestRestartsLeaveNothingBehind(t *testing.T) {
	system := newSystem(quiet())
	defer system.Shutdown()
	pool := newWorkerPool()
	defer pool.Close()
	c := &core{system: system, dispatcher: pool, clock: transport.SystemClock()}
	p := &forebear{began: make(chan *forebear)}
	l, err := c.spawn(system.Root, &role{name: "forebear"}, "forebear", func(l *life) process {
		p.life = l
		return p
	})
	if err != nil {
		t.Fatal(err)
	}
	if first := <-p.began; first != p {
		t.Error("the first incarnation is not the one that was made")
	}
	system.Root.Send(l.pid, "restart")
	next := <-p.began
	if next == p || next.life != l {
		t.Error("the next incarnation is not another, of the same life")
	}
	if err := system.Root.StopFuture(l.pid).Wait(); err != nil {
		t.Error(err)
	}
	if n := len(c.births.between); n > 0 {
		t.Errorf("%d lives are kept", n)
	}
}

// forebear is an actor that tells each of its beginnings, and restarts itself as a supervisor would.
type forebear struct {
	life  *life
	began chan *forebear
}

func (p *forebear) renew() process { return &forebear{life: p.life, began: p.began} }

func (p *forebear) receive(_ actor.Context, message any) {
	switch message {
	case "restart":
		p.life.mailbox.PostSystemMessage(&actor.Restart{})
	default:
		if _, ok := message.(*actor.Started); ok {
			p.began <- p
		}
	}
}

// BenchmarkSpawn is an actor that is spawned by another and stops.
func BenchmarkSpawn(b *testing.B) {
	pool := newWorkerPool()
	defer pool.Close()
	system := newSystem(quiet())
	defer system.Shutdown()
	c := &core{system: system, dispatcher: pool, clock: transport.SystemClock()}
	p := &spawner{core: c, role: &role{name: "idler"}, want: b.N, done: make(chan struct{})}
	l, err := c.spawn(system.Root, &role{name: "spawner"}, "spawner", func(*life) process { return p })
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	system.Root.Send(l.pid, "spawn")
	<-p.done
	b.StopTimer()
	_ = system.Root.StopFuture(l.pid).Wait()
}

// spawner is an actor that spawns children one after the other, and stops each.
type spawner struct {
	core    *core
	role    *role
	n, want int
	done    chan struct{}
}

func (p *spawner) receive(ctx actor.Context, message any) {
	switch message.(type) {
	case string, *actor.Terminated:
		if p.n == p.want {
			close(p.done)
			return
		}
		p.n++
		l, err := p.core.spawn(ctx, p.role, strconv.Itoa(p.n), func(*life) process { return idler{} })
		if err != nil {
			panic(err)
		}
		l.stop(ctx)
	}
}

// idler is an actor that does nothing.
type idler struct{}

func (idler) receive(actor.Context, any) {}
