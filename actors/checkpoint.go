package actors

import (
	"sync/atomic"
	"time"

	"stampede/actors/access"
	"stampede/stompwire"
	"stampede/transport"
)

// checkpoint is what a session must not lose in a crash. The connection owns it; the session
// commits to it once a frame is fully handled, so that the next incarnation goes on with the frame
// behind the last one that was.
type checkpoint struct {
	conn      *transport.Conn
	id        uint64        // the connection's number, never used again
	since     time.Duration // when it came, from the broker's beginning on
	transport *life         // there before the transport says anything
	flow      flow

	phase       sessionPhase
	version     stompwire.Version // not changed once there is an identity
	wait        wait
	reason      transport.CloseReason // why it is closing
	intercepted bool                  // the interceptors have seen the SEND that is being handled
	filed       bool                  // the message that is being handled is in the backlog; should it come again after a crash, it was
	ended       bool                  // no more Inbound will come
	cleaned     bool

	identity atomic.Pointer[access.Identity] // who the client is; nil before CONNECTED; anybody may look
	permits  permits                         // what it may do
	account  *user                           // shared with other connections of the same user; nil: the client is nobody

	backlog []any            // *transport.Inbound, *transport.Malformed, *transport.Ended, *quiesce: not yet handled
	cursor  int              // frames of the first that are handled
	swapped *stompwire.Frame // by an injector: its place is behind the next frame
	twins   int              // frames from the next on that an injector made and is not asked about

	search  *search    // to the router, not yet answered
	found   *resolved  // its answer
	pending []*publish // batches not yet sent

	subscriptions subscriptionSet
	nextSerial    uint32
	subscribing   uint32 // the subscription that the frames behind wait for
	nextMessage   uint64
	temporary     map[string]*handle // by the name the client uses
	latest        *handle            // what was last found by its address: most clients send to one destination

	pace       pacing
	frameCount uint64       // frames of the client that were handled
	postponed  atomic.Int64 // octets of topics' messages that wait in its subscriptions

	// What few clients need is made when they do.
	login        *login // a CONNECT that is being looked at
	presence     *presence
	acking       *acking
	idle         *idleWatch
	transactions *transactions
	nextCommit   uint64
	commit       *commit   // being decided
	lastWord     *lastWord // while failing
	goodbye      *string   // receipt of the DISCONNECT; nil: none is asked for
}

// lastWord is the ERROR that a connection ends with, and why it does.
type lastWord struct {
	frame  stompwire.Frame
	reason transport.CloseReason
	text   string
}

type sessionPhase uint8

const (
	awaitingConnect sessionPhase = iota
	connected
	failing // an ERROR waits for what was sent before it; nothing more is handled
	closing // an ERROR or the answer to DISCONNECT is out; nothing more is read
)

// wait is what the frames behind the present one wait for.
type wait uint8

const (
	waitNothing    wait = iota
	waitLogin           // the authenticators' answer
	waitPermit          // the authorizer's
	waitResolve         // the router's
	waitRate            // time, since the client sends too fast
	waitSubscribe       // the destination's
	waitAck             // one of several subscriptions to say that an ACK is about it
	waitCommit          // all participants'
	waitQuiesced        // the broker's end
	waitDisconnect      // everything before DISCONNECT, or the end of input, to be done
)
