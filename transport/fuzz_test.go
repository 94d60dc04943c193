package transport

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/stompwire"
)

// FuzzConnection: whatever a client sends, over TCP or inside a WebSocket, the session hears
// Inbounds and then one Malformed or one Ended, the window is charged with what they cost, and the
// owner hears Closed once.
func FuzzConnection(f *testing.F) {
	f.Add(false, []byte(connect+"SEND\ndestination:a\n\none\x00"), uint8(7))
	f.Add(false, []byte("NONSENSE\n\n\x00"), uint8(1))
	f.Add(true, append(clientFrame(fin|text, connect), clientFrame(fin|ping, "p")...), uint8(3))
	f.Add(true, append(clientFrame(text, connect[:9]), clientFrame(fin|continuation, connect[9:])...), uint8(100))
	f.Add(true, append(clientFrame(fin|text, connect), clientFrame(fin|closing, "\x03\xe8")...), uint8(100))
	f.Add(true, clientFrame(fin|0x70|text, "\xff"), uint8(2))

	quiet := slog.New(slog.DiscardHandler)
	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return quiet }))
	f.Cleanup(system.Shutdown)
	f.Fuzz(func(t *testing.T, webSocket bool, stream []byte, step uint8) {
		near, far := newPipe(0, SystemClock())
		defer near.Close()
		conn := (*Conn)(nil)
		if webSocket {
			conns := make(chan *Conn, 1)
			s := NewServer(all(), func(c *Conn) { conns <- c }, nil, nil, nil)
			defer s.Close()
			l := &scriptedListener{steps: make(chan func() (net.Conn, error), 1)}
			go s.Serve(l)
			l.steps <- func() (net.Conn, error) { return far, nil }
			io.WriteString(near, upgradeRequest())
			if _, err := http.ReadResponse(bufio.NewReader(near), nil); err != nil {
				t.Fatal(err)
			}
			conn = receive(t, "a connection", conns)
		} else {
			conn = newConn(far, nil, newCommon(nil, nil, nil), connOptions{})
		}
		session, owner := newProbe(system), newProbe(system)
		pid := system.Root.Spawn(actor.PropsFromProducer(func() actor.Actor {
			return NewActor(conn, Hearers{Session: session.pid, Owner: owner.pid}, NewActorTerms(ActorOptions{}))
		}))
		go func() {
			for p := stream; len(p) > 0; {
				n := min(len(p), int(step)+1)
				if _, err := near.Write(p[:n]); err != nil {
					return
				}
				p = p[n:]
			}
			near.CloseWrite()
		}()
		go io.Copy(io.Discard, near)
		cost, admitted := 0, false
		for over := false; !over; {
			switch m := receive(t, "what the session hears", session.said).(type) {
			case *Inbound:
				if !admitted && len(m.Frames) != 1 {
					t.Errorf("%d frames before Admit", len(m.Frames))
				}
				cost += m.Cost
				if !admitted {
					admitted = true
					system.Root.Send(pid, &Admit{Version: stompwire.V12, Limits: stompwire.DefaultLimits()})
				}
			case *Malformed:
				over = true
				if m.Err == nil || m.Reason == ReasonNone {
					t.Errorf("%+v", m)
				}
			case *Ended:
				over = true
			default:
				t.Errorf("%T", m)
			}
		}
		if used := conn.Window().Used(); used != cost {
			t.Errorf("window %d, Inbounds %d", used, cost)
		}
		conn.Outbox().Append([]byte("ERROR\n\n\x00"))
		system.Root.Send(pid, &Close{Reason: ReasonProtocolError})
		if _, ok := receive(t, "Closed", owner.said).(*Closed); !ok {
			t.Error("the owner heard something else")
		}
		for _, pid := range []*actor.PID{pid, session.pid, owner.pid} {
			system.Root.StopFuture(pid).Wait()
		}
		silent(t, session)
		silent(t, owner)
	})
}
