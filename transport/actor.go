package transport

import (
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/stompwire"
)

// ActorOptions are what a transport actor needs beside its Conn.
type ActorOptions struct {
	Clock   Clock      // nil: SystemClock
	Session *actor.PID // hears Inbound, Malformed, Ended, Overflow
	Owner   *actor.PID // hears Closed
	Logger  *slog.Logger
	// Limits hold until Admit; the zero value means ConnectLimits.
	Limits stompwire.Limits
	// FrameTimeout is how long a frame that was begun may go on without being
	// finished and without 16 KiB of progress; 0: for ever.
	FrameTimeout time.Duration
	// LoginlessTimeout is how long Admit may take from the start; then the
	// session hears Ended with ReasonLoginTimeout; 0: for ever.
	LoginlessTimeout time.Duration
	// EndGrace is how long after Ended or Malformed the transport waits for
	// Close before it closes by itself; 0: DefaultEndGrace.
	EndGrace time.Duration
}

// DefaultEndGrace is the EndGrace of options that name none.
const DefaultEndGrace = 10 * time.Second

// NewActor returns the transport actor of c. It hears *Admit, *SetHeartBeat and
// *Close. It must not be restarted: when it fails, it is to be stopped.
func NewActor(c *Conn, o ActorOptions) actor.Actor { return &connActor{} }

type connActor struct{}

func (a *connActor) Receive(ctx actor.Context) {}
