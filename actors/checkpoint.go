package actors

import (
	"context"
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
	id        uint64 // the connection's number, never used again
	since     time.Time
	client    atomic.Pointer[client] // what anybody may know; nil before CONNECTED
	transport *life                  // there before the transport says anything
	flow      *flow

	phase   sessionPhase
	version stompwire.Version

	login       *login // a CONNECT that is being looked at
	intercepted bool   // the interceptors have seen the SEND that is being handled

	identity *access.Identity   // who the client is; nil before CONNECTED
	permits  permits            // what it may do
	expiry   transport.Timer    // ends the connection when the login does; nil: it does not end
	asking   context.Context    // of questions about it; made when the first is asked
	hangUp   context.CancelFunc // ends asking

	backlog []any            // *transport.Inbound, *transport.Malformed, *transport.Ended, *quiesce: not yet handled
	cursor  int              // frames of the first that are handled
	swapped *stompwire.Frame // by an injector: its place is behind the next frame
	twins   int              // frames from the next on that an injector made and is not asked about
	newest  any              // what was put into the backlog last
	wait    wait

	search      *search    // to the router, not yet answered
	found       *resolved  // its answer
	subscribing uint32     // the subscription that the frames behind wait for
	ackingIn    string     // the transaction of an ACK that is about one of several subscriptions
	owed        []string   // receipts of ACKs and NACKs that subscriptions are to see to
	pending     []*publish // batches not yet sent

	subscriptions subscriptionSet
	nextSerial    uint32
	nextMessage   uint64
	temporary     map[string]*handle // by the name the client uses
	latest        *handle            // what was last found by its address: most clients send to one destination
	transactions  transactions
	nextCommit    uint64
	commit        *commit // being decided

	pace       pacing
	idle       idleWatch
	frameCount uint64       // frames of the client that were handled
	postponed  atomic.Int64 // octets of topics' messages that wait in its subscriptions

	failure       stompwire.Frame // the ERROR, while failing
	failureReason transport.CloseReason
	failureText   string

	goodbye    string // receipt of the DISCONNECT
	hasGoodbye bool

	ended   bool // no more Inbound will come
	cleaned bool
	reason  transport.CloseReason // why it is closing
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
