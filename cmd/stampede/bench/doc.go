// Package bench loads a STOMP broker, any STOMP broker, and checks every message while it measures.
//
// A [Traffic] is publishers and subscribers of topics or queues: fan-out, competing consumers, or a ping at a fixed
// rate. [Connects] opens and closes connections, [Idle] holds many that do nothing, [Floor] is a relay that does as
// little as a broker can, to compare with. Each has a Run that gives back one [Figures]; a [Report] collects those of
// repeated runs and [Compare] sets two sets of reports side by side. A [Target] may speak another protocol, NATS or MQTT, for the
// sake of the comparison.
//
// # Cheaper than what it measures
//
// Generator and broker share the machine, so what the generator costs distorts what it finds. Therefore: a publisher
// has its frames ready and only stamps numbers into them, 64 go out in one write; one goroutine reads each connection,
// into a large buffer; of a MESSAGE the scanner looks at a few headers and the first 24 bytes of the body; the clock is
// read once for a read or a write; counters are shared once for a read. The generator's own CPU time stands beside the
// broker's in every result.
//
// # Saturated, not flooded
//
// A publisher has at most a window of messages on their way: numbers come in groups, and a group is over when every
// subscriber has passed it, or when every message of it was consumed. So a broker that drops or disconnects slow
// consumers is always busy and never has a reason to. With a rate there is also a timetable, and latency counts from
// the time at which a message should have been sent: a broker that stops for a second is charged for all that it held
// up (no coordinated omission).
//
// # Checks
//
// The body of each message names the run, the lane (one publisher to one destination) and the number in it, from 0 on.
// A subscriber of a topic expects each number once and in order; the consumers of a queue together each number once, and
// each of them in order, save what is marked redelivered.
package bench
