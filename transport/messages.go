package transport

import (
	"log/slog"
	"time"

	"stampede/stompwire"
)

// All messages travel as pointers (*Inbound, *Admit, …). Who sends one gives
// up what it refers to.

// Inbound (transport → session) carries all frames decoded from one read.
// Cost was acquired from the connection's Window; the broker releases it
// there exactly once when it is done with the frames.
type Inbound struct {
	Frames []stompwire.Frame
	Cost   int
}

// LogValue shows how much there is, not what: frames may carry secrets.
func (m *Inbound) LogValue() slog.Value {
	return slog.GroupValue(slog.Int("frames", len(m.Frames)), slog.Int("cost", m.Cost))
}

// String keeps what fmt prints as discreet as LogValue.
func (m *Inbound) String() string { return "Inbound" }

// Malformed (transport → session) says that the input cannot be decoded, or
// that a frame was begun and not finished in time (Reason is
// ReasonFrameTimeout then). All good frames before it came first; nothing more
// will be read. Reason is what a Close that answers it should carry.
type Malformed struct {
	Err    *stompwire.SyntaxError
	Reason CloseReason
}

// Ended (transport → session) says once that no more Inbound will come: the
// peer's end of stream, a read or write error, heart-beat silence, a login
// that did not come. The socket may still be writable. It is not sent after
// Malformed.
type Ended struct {
	Reason CloseReason
	Err    error
}

// Overflow (transport → session) says once that the outbox overflowed: the
// client reads more slowly than a policy or a limit allows. Bytes is what was
// pending then. Close with ReasonSlowConsumer is the natural answer.
type Overflow struct {
	Bytes int
}

// Closed (transport → owner) comes exactly once, when the socket is closed and
// the goroutines of the connection are gone.
type Closed struct {
	Reason CloseReason
	Err    error
}

// Admit (session → transport) lets the reader go on behind the first frame.
// Until it comes the reader delivers one frame only. Version and Limits hold
// from the next byte on.
type Admit struct {
	Version stompwire.Version
	Limits  stompwire.Limits
}

// SetLimits (session → transport) replaces the limits of an Admit. They hold from the next read on.
type SetLimits struct {
	Limits stompwire.Limits
}

// SetHeartBeat (session → transport) starts the heart-beats: one LF when
// nothing else was written for Send, and the end of the connection when
// nothing was read for Receive × Tolerance. 0 turns a direction off. A
// Tolerance below 1 means DefaultTolerance.
type SetHeartBeat struct {
	Send, Receive time.Duration
	Tolerance     float64
}

// DefaultTolerance is how many heart-beat intervals a peer may be silent for:
// browsers throttle the timers of tabs in the background.
const DefaultTolerance = 2.0

// Close (session or connection → transport) ends the connection in good order:
// what is in the outbox is flushed and nothing more is taken, then comes the
// WebSocket Close frame or the half-close, then the input is drained so that
// no reset overtakes a last ERROR, then Closed. Linger bounds the flush and,
// once more, the draining; 0 means DefaultLinger, less than 0 closes at once.
// Text is the WebSocket close reason (cut to 123 bytes), Reason.Code() if
// empty. Only the first Close counts, except that one with a Linger below 0
// always cuts the rest short.
type Close struct {
	Reason CloseReason
	Text   string
	Linger time.Duration
}

// DefaultLinger bounds the flush and the draining of a Close that names no
// other bound.
const DefaultLinger = 2 * time.Second
