// Package orderflow is a web shop that runs on a broker of its own: an example to read, and a test that no order is lost or
// done twice while parts of the shop and of the broker fail.
//
//	customer ──▶ /queue/orders ──▶ intake ──▶ /queue/payments ──▶ payment ──▶ /queue/stock ──▶ stock ──▶ /queue/mail ──▶ mail
//	                                  │                              │                           │           ▲
//	                                  │ what nobody can read         └── card refused ───────────┼───────────┤
//	                                  ▼                                                          ▼           │
//	                             /queue/DLQ ──▶ undertaker            refunds ◀── /queue/refunds (none left) ┘
//
// Read it in this order:
//
//   - shop.go: how the shop is opened and closed: a broker in the shop's own actor system, workers under a supervisor of
//     the shop's, subscriptions that bring the two together.
//   - worker.go: the actor that all workers are. It shows the one pattern that matters: do the work so that it
//     may be done again, then publish what comes of it and acknowledge what it came from in one transaction.
//   - steps.go: what each worker does, as functions without actors.
//   - outside.go: the world outside of the broker: bank, warehouse, postbox. Each of them knows an order by its number, so
//     that asking twice is asking once.
//   - orderflow_test.go: hundreds of orders while workers and broker actors are killed, and the books in the end.
//
// # Why nothing is lost or done twice
//
// Placing an order returns when a queue has it. From then on it is always in exactly one queue, or with one worker that
// has not acknowledged it: each step moves it on by a transaction, which happens whole or not at all. If a worker fails, its
// supervisor restarts it, and NackOnFailure has put the order back that it failed over. If a part of the broker fails, its
// own supervisor restarts that with what it had; a delivery that was lost on the way comes again, and the transaction of the
// one that had it before fails.
//
// What a step does outside of the broker no transaction covers: a worker may charge a card and fail before its
// transaction. The order comes again, and the card is charged again; but under the same number, so the bank says that it was.
package orderflow
