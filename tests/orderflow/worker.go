package orderflow

import (
	"github.com/asynkron/protoactor-go/actor"

	"stampede/actors"
)

// job is what a kind of worker does.
type job struct {
	name    string
	from    string
	workers int
	work    work
}

// work does what has to be done about a delivery, and says what comes of it: messages for others, all of them or none. An
// error means that no try will be any better. A panic costs this try.
type work func(*actors.Delivery) ([]message, error)

// message is one that comes of some work.
type message struct {
	to    string
	body  []byte
	order string // the order's number, in a header
}

// worker is an actor that does one job. It keeps nothing from one message to the next, so that a restart costs nothing
// but the message that it failed over.
type worker struct {
	broker *actor.PID
	work   work
	watch  func(*actors.Delivery)
}

// Receive works, and moves the order on: what comes of it is published and what it came from is acknowledged in one
// transaction. The broker's answer comes as a message, perhaps to another incarnation than the one that asked.
func (w *worker) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actors.Delivery:
		if w.watch != nil {
			w.watch(m)
		}
		messages, err := w.work(m)
		if err != nil {
			m.Discard() // to the dead letters; the undertaker looks at it
			return
		}
		t := new(actors.Transaction)
		for _, out := range messages {
			t.Publish(out.to, out.body, actors.WithHeader("order", out.order))
		}
		t.Ack(m)
		ctx.Request(w.broker, t)
	case *actors.TransactionResponse:
		if m.Err != nil {
			m.Transaction.Nack() // not moved on: it comes again, unless it has gone back already
		}
	}
}
