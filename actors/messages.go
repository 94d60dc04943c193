package actors

import (
	"log/slog"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/actors/selector"
	"stampede/config"
	"stampede/stompwire"
	"stampede/transport"
)

// The protocol between actors. Commands are imperative, facts are in the past tense. A message is
// not changed once it is sent, but for the progress marks that its one receiver keeps in it; who
// sends a slice gives it up.

// subscriptionKey names a subscription for as long as the broker runs.
type subscriptionKey struct {
	connection uint64
	serial     uint32 // within the connection; never used again
}

func (k subscriptionKey) less(o subscriptionKey) bool {
	if k.connection != o.connection {
		return k.connection < o.connection
	}
	return k.serial < o.serial
}

// consumerLink is the way from a destination to a subscription.
type consumerLink struct {
	auto         bool               // straight into the sink; else through the actor
	version      stompwire.Version  // which encoding the sink wants; 0: none, it is the program's own
	sink         *transport.Sink    // for auto
	subscription *life              // for the client modes
	inbox        *inbox             // where a topic puts messages in those
	selector     *selector.Selector // nil: every message
	filter       *string            // the value that it named; nil: it named none
	drops        *atomic.Uint64     // of a pattern: what its sink gave up and no topic has counted yet; else nil
}

// publish (session → destination): messages of one connection in the order they were sent.
type publish struct {
	to     *handle // leased until the destination is done with this
	batch  []*Message
	number uint64           // which of its connection's batches it is
	flow   *flow            // pays for them; nil: the broker itself is the publisher
	cost   int              // given back to the flow when done
	from   *life            // hears accepted, rejected
	bury   *burial          // set on a dead letter: its first owner waits for an answer
	asked  *inquiry[*Fault] // set on a message of the program's: who waits to hear what came of it

	turn     uint64   // while it waits for room: its place in the line
	done     int      // queue: messages dealt with; a restarted destination goes on here
	spread   spread   // topic: likewise
	receipts []string // of messages dealt with, not yet reported
}

// unwanted tells whether the program has withdrawn it; if not, it can't any more.
func (p *publish) unwanted() bool { return p.asked != nil && !p.asked.claim() }

// collect notes the receipts of messages that are dealt with.
func (p *publish) collect(batch []*Message) {
	for _, m := range batch {
		if m.hasReceipt {
			p.receipts = append(p.receipts, m.receipt)
		}
	}
}

// behindRefusal tells whether a message that the same client sent before was refused.
func (p *publish) behindRefusal() bool { return p.flow != nil && p.flow.broken(p.number) }

func (p *publish) LogValue() slog.Value {
	return slog.GroupValue(slog.String("destination", p.to.name), slog.Int("messages", len(p.batch)))
}

// spread is how far a topic has come with a batch.
type spread struct {
	delayed int // messages looked at up to the last that was kept for later
	served  int // subscribers
}

// withdrawn (program → destination): who published this does not wait any more.
type withdrawn struct{ publish *publish }

// accepted (destination → session): the messages whose frames asked for these receipts are done.
type accepted struct{ receipts []string }

// acked (subscription, queue → session): the same of acknowledgements.
type acked struct{ receipts []string }

// rejected (destination, subscription → session): a frame could not be carried out.
type rejected struct {
	serial     uint32 // of the subscription that it was about, if it was an acknowledgement
	receipt    string
	hasReceipt bool
	fault      *Fault
}

// drained (flow → session): nothing this connection published is on its way any more.
type drained struct{}

// resolve (session → router) asks for a destination, made if it may be.
type resolve struct {
	name    destinationName
	session *actor.PID
	owner   uint64 // the connection, for temporary ones

	mayCreate bool
	search    *search             // of a session
	asked     *inquiry[*resolved] // instead of the session: a goroutine of the program's
}

// answer hands the router's answer to who asked; false: there is nobody any more.
func (m *resolve) answer(ctx actor.Context, r *resolved) bool {
	if m.asked != nil {
		return m.asked.give(r)
	}
	if m.search != nil && !m.search.give(r) {
		return false
	}
	ctx.Send(m.session, r)
	return true
}

// resolved answers resolve. The handle is leased once for the asker.
type resolved struct {
	name   string
	handle *handle
	fault  *Fault
}

// subscribe (subscription → destination, or → router for a pattern).
type subscribe struct {
	key       subscriptionKey
	epoch     uint32
	pattern   string // set: came through a wildcard
	link      consumerLink
	credit    int
	exclusive bool
	browse    bool  // it only looks
	web       bool  // the subscriber comes from the open web
	session   *life // hears subscribed or subscriptionRefused; nil: nobody waits
}

// subscribed: from now on messages reach the subscription.
type subscribed struct {
	serial uint32
	epoch  uint32
}

// subscriptionRefused: the destination did not take it.
type subscriptionRefused struct {
	serial uint32
	epoch  uint32
	fault  *Fault
}

// unsubscribe takes a subscription of this epoch or an older one away. What it held goes back.
type unsubscribe struct {
	key     subscriptionKey
	epoch   uint32
	pattern string
	session *life // hears unsubscribed; nil: nobody waits
}

// unsubscribed: no message of that subscription is on its way any more.
type unsubscribed struct{ serial uint32 }

// arrived (topic → subscription): there is something in the inbox.
type arrived struct{}

// deliver (queue → subscription): messages for a subscription in a client mode.
type deliver struct {
	epoch uint32
	from  *handle
	items []delivered
}

// delivered is one of them.
type delivered struct {
	msg        *Message
	entry      *entry // the queue's; nil on topics
	deliveries int
}

// acknowledge (session → subscription): the ACK and NACK frames of one read, in their order. One that is in a transaction, or may be
// about several subscriptions, goes alone.
type acknowledge struct {
	acks   []ack
	tx     string
	inTx   bool
	next   []*actor.PID // subscriptions to ask if this one doesn't know the message-id
	shared bool         // several were to be asked: the session waits until one knows, or none
	stale  bool         // one of those that were asked has started over, and may have known it before
}

// ack is one ACK or NACK frame.
type ack struct {
	number     uint64
	messageID  string
	receipt    string
	epoch      uint32 // 0: by message-id
	how        outcome
	hasReceipt bool
}

// attributed (subscription → session): it is known which of several subscriptions an ACK is about.
type attributed struct{ serial uint32 }

// settle (subscription → queue): deliveries that ended.
type settle struct {
	key      subscriptionKey
	epoch    uint32
	items    []settlement
	session  *life
	receipts []string // to report as accepted once done
}

type settlement struct {
	entry *entry
	how   outcome
}

// written (outbox → queue): n messages of an auto-ack subscription are with the socket.
type written struct {
	key   subscriptionKey
	epoch uint32
	n     int
}

// endSubscription (session → subscription): settle what was asked before, then unsubscribe.
type endSubscription struct{}

// startOver (program → subscription): something was lost; have everything given out again.
type startOver struct{}

// overflowed (subscription → session): a client mode subscription of a topic has too much pending, or one of a topic
// with min_delivery was so slow that something was dropped that it was to get.
type overflowed struct {
	serial  uint32
	pending int
	lost    string // what the topic with min_delivery has to say of it
}

// fault is what the client is told.
func (m *overflowed) fault(cfg *config.Config) *Fault {
	if m.lost != "" {
		return &Fault{Code: CodeSlowConsumer, Message: "slow consumer: a message was dropped before it was taken", Detail: m.lost}
	}
	return limitFault(CodeSlowConsumer, "slow consumer: messages come faster than they are read", "limits.outbox", int64(cfg.Limits.Outbox))
}

// fellBehind (topic with min_delivery → subscription): something was dropped that it was to get.
type fellBehind struct{ lost string }

// collect (session → subscription) asks what a transaction has acknowledged; collected answers.
type collect struct{ tx string }

type collected struct {
	serial uint32
	epoch  uint32
	tx     string
	parts  []collectedPart
}

// collectedPart is what concerns one queue.
type collectedPart struct {
	queue *handle
	items []settlement
}

// endTx (session → subscription): a transaction ended; its acknowledgements took effect, or not.
type endTx struct {
	tx     string
	commit bool
}

// prepare (session → destination) is the first half of a COMMIT: book room for messages, set
// deliveries aside. prepared answers with a fault if it can't be.
type prepare struct {
	id      txID
	to      *handle // leased until commit or abort
	batch   []*Message
	size    int
	settles []preparedSettles
	strict  bool // refuse, if one of those deliveries is not the consumer's any more
	session *actor.PID

	turn   uint64 // while it waits for room: its place in the line
	freed  bool   // the booked room is given back; like the next two: how far decide has come
	done   int
	spread spread
}

type preparedSettles struct {
	key   subscriptionKey
	epoch uint32
	items []settlement
}

type prepared struct {
	id    txID
	to    *handle
	fault *Fault
}

// txID names one COMMIT for as long as the broker runs.
type txID struct {
	connection uint64
	serial     uint64
}

// decide (session → destination) is the second half; decided answers a commit.
type decide struct {
	id      txID
	commit  bool
	session *actor.PID // nil: nobody waits
}

type decided struct {
	id txID
	to *handle
}

// lookOn (queue → itself): more messages are to be held against its consumers' selectors.
type lookOn struct{}

// burial is a message on its way from a queue to the dead-letter queue. The queue owns it until
// buried; unburied makes it try again later.
type burial struct {
	from  *handle
	to    string
	entry *entry
	msg   *Message
}

type buried struct{ entry *entry }

type unburied struct{ burial *burial }

// dropTemporary (connection → router): the owner of temporary destinations is gone.
type dropTemporary struct{ handle *handle }

// reconfigure (router → destination): this holds from now on. done is called when it does.
type reconfigure struct {
	settings *destinationSettings
	done     func()
}

// catchUp (broker → router → destinations): done is called when what every destination was sent before has been dealt with.
type catchUp struct{ done func() }

// retired (destination → router): it was idle and takes no more leases.
type retired struct{ handle *handle }

// tick (clock → destination, subscription): something is due.
type tick struct{}

// idleCheck (clock → destination): has anything happened since?
type idleCheck struct{ activity uint64 }

// accept (listener → connections): a client.
type accept struct{ conn *transport.Conn }

// quiesce (connections → connection → session): carry out what has been read, and read no more.
type quiesce struct{}

// quiesced (session → connections): nothing this client sent is on its way any more.
type quiesced struct{ connection uint64 }

// sayGoodbye (connections → connection → session): tell the client, flush, close.
type sayGoodbye struct{}

// abort (broker → connections → connection): close at once.
type abort struct{}
