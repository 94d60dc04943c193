package transport

import (
	"bufio"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/stompwire"
)

// BenchmarkIdleConnections is what an admitted connection with heart-beats costs while nothing
// happens: heap and stacks of the server's side, its actor included, without the kernel's part.
func BenchmarkIdleConnections(b *testing.B) {
	const n = 1000
	for _, kind := range []string{"tcp", "websocket", "tls"} {
		b.Run(kind, func(b *testing.B) {
			for range b.N {
				b.ReportMetric(idleFootprint(b, kind, n), "B/conn")
			}
		})
	}
}

func idleFootprint(b *testing.B, kind string, n int) float64 {
	quiet := slog.New(slog.DiscardHandler)
	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return quiet }))
	defer system.Shutdown()
	session := newProbe(system)
	cfg := all()
	cfg.TLS = serverTLS()
	l, err := Listen(context.Background(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	conns := make(chan *Conn, n)
	s := NewServer(cfg, func(c *Conn) { conns <- c }, nil, nil, nil)
	go s.Serve(l)
	defer s.Close()

	// Clients first, up to their last word, so that only the server's side is
	// measured.
	clients := make([]net.Conn, n)
	for i := range clients {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Skip("too few descriptors:", err)
		}
		defer c.Close()
		clients[i] = c
	}
	before := memory()
	var pids []*actor.PID
	terms := NewActorTerms(ActorOptions{})
	for _, c := range clients {
		switch kind {
		case "websocket":
			c.Write([]byte(upgradeRequest()))
			if _, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
				b.Fatal(err)
			}
			c.Write(clientFrame(fin|text, connect))
		case "tls":
			t := tls.Client(c, clientTLS())
			if _, err := t.Write([]byte(connect)); err != nil {
				b.Fatal(err)
			}
			defer runtime.KeepAlive(t)
		default:
			c.Write([]byte(connect))
		}
		conn := <-conns
		pid := system.Root.Spawn(actor.PropsFromProducer(func() actor.Actor {
			return NewActor(conn, Hearers{Session: session.pid}, terms)
		}))
		pids = append(pids, pid)
		in := (<-session.said).(*Inbound)
		conn.Window().Release(in.Cost)
		system.Root.Send(pid, &Admit{Version: stompwire.V12, Limits: stompwire.DefaultLimits()})
		system.Root.Send(pid, &SetHeartBeat{Send: 1 << 40, Receive: 1 << 40})
		conn.Outbox().Append([]byte("CONNECTED\n\n\x00"))
		for conn.Outbox().Stats().WrittenBytes == 0 {
			runtime.Gosched()
		}
	}
	after := memory()
	for _, pid := range append(pids, session.pid) {
		system.Root.StopFuture(pid).Wait()
	}
	return float64(after-before) / float64(n)
}

func memory() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
