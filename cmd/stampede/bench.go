package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"stampede/cmd/stampede/bench"
	"stampede/stompwire"
)

func benchCommand() command {
	return command{
		name: "bench", args: "fanout|queue|ping|connect|idle|floor", summary: "measure a broker, any STOMP broker",
		about: `fanout   publishers to topics, every subscriber gets all of its topic
queue    publishers to queues, consumers share what is in theirs
ping     messages at a fixed rate, there and back by an echo: latency
connect  connections opened, subscribed and closed, one after the other
idle     many connections that do nothing: memory; then a message to each
floor    no load, but a relay at --listen that does less than any broker, to compare with

Every message is checked: the exit status is 1 if one was lost, came twice, out of order or
damaged. Unless there is a --rate, publishers send as fast as the --window lets them: so many
messages of each of them are on their way at most. With a rate, latency counts from the time at
which a message was due, so a broker that stops for a moment is charged for all it held up.

With --pid a broker's CPU time and memory are measured too (Linux, on the same machine). Broker
and generator share the processors then: compare CPU time for each message rather than messages
in a second, run both candidates in turns, and take medians:

  for i in 1 2 3 4 5; do
    stampede bench fanout --url tcp://localhost:61613 --pid $A --json >>a.json
    stampede bench fanout --url tcp://localhost:61614 --pid $B --json >>b.json
  done
  stampede bench --compare a.json b.json

With --url nats://HOST:PORT a NATS server is measured in the same way, and with mqtt://HOST:PORT an
MQTT 3.1.1 broker, with QoS 0; they have no acks and receipts, and MQTT has no queues.

Where flags have no default below, it depends on the benchmark:
` + benchDefaults() + aboutConnecting,
		example: `  stampede bench fanout --subscribers 1000 --duration 5s --pid $(pgrep -x stampede)
  stampede bench queue --publishers 4 --subscribers 4 --receipts 100
  stampede bench ping --rate 500 --url ws://localhost:61613/
  stampede bench fanout --destination /exchange/amq.topic/t%d --login guest --passcode guest
  stampede bench fanout --url mqtt://localhost --pid $(pgrep -x mosquitto)
  stampede bench floor --listen localhost:61700`,
		prepare: func(f *flags) func(context.Context, stdio, []string) error {
			b := &benchmark{flags: f, connection: targetFlags(f)}
			b.declare(f)
			return b.run
		},
	}
}

// benchKind is a kind of benchmark: the flags that it takes beside those for all, with their defaults.
type benchKind struct {
	name     string
	defaults []field
}

// benchKinds in the order in which help lists them.
func benchKinds() []benchKind {
	traffic := func(own ...field) []field {
		return append(own, []field{
			{"size", "128"},
			{"messages", "0"},
			{"duration", "10s"},
			{"warmup", "2s"},
			{"patience", "10s"},
			{"header", ""},
			{"subscribe-header", ""},
		}...)
	}
	return []benchKind{
		{"fanout", traffic(
			field{"publishers", "1"}, field{"destinations", "1"}, field{"subscribers", "10"}, field{"per-connection", "1"},
			field{"destination", "/topic/bench-%d"}, field{"ack", "auto"}, field{"prefetch", "0"}, field{"receipts", "0"},
			field{"window", "1024"}, field{"burst", "64"}, field{"rate", "0"},
		)},
		{"queue", traffic(
			field{"publishers", "4"}, field{"destinations", "1"}, field{"subscribers", "4"},
			field{"destination", "/queue/bench-%d"}, field{"ack", "client-individual"}, field{"prefetch", "100"}, field{"receipts", "0"},
			field{"window", "1024"}, field{"burst", "64"}, field{"rate", "0"},
		)},
		{"ping", traffic(field{"destination", "/topic/bench-%d"}, field{"window", "1000"}, field{"rate", "500"})},
		{"connect", []field{{"destination", "/topic/bench"}, {"workers", "16"}, {"duration", "10s"}, {"warmup", "2s"}}},
		{"idle", []field{{"destination", "/topic/bench"}, {"subscribers", "1000"}, {"size", "128"}, {"duration", "2s"}, {"patience", "10s"}}},
	}
}

// benchDefaults is the table of defaults in the help.
func benchDefaults() string {
	var b strings.Builder
	for _, k := range benchKinds() {
		line := fmt.Sprintf("  %-8s", k.name)
		for _, d := range k.defaults {
			if d.value == "" || d.value == "0" {
				continue
			}
			if word := " --" + d.name + " " + d.value; len(line)+len(word) > 96 {
				b.WriteString(line + "\n")
				line = fmt.Sprintf("  %-8s%s", "", word)
			} else {
				line += word
			}
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// benchmark is the bench command with its flags.
type benchmark struct {
	*connection
	flags *flags
	kind  benchKind

	publishers, destinations, subscribers, perConnection, workers *int
	size, window, burst, prefetch, receipts, runs                 *int
	messages                                                      *int64
	rate                                                          *float64
	duration, warmup, patience                                    *time.Duration
	destination, ack, listen, name                                *string
	isolate                                                       *bool
	json, quiet, compare                                          *bool
	header, subscribeHeader, upgradeHeader                        headerFlag
	pids                                                          pidFlag
}

func (b *benchmark) declare(f *flags) {
	b.publishers = f.Int("publishers", 0, "`N` connections that send; each to destinations of its own,\nif there are as many")
	b.destinations = f.Int("destinations", 0, "`N` topics or queues")
	b.subscribers = f.Int("subscribers", 0, "`N` subscribers of each destination; idle: connections")
	b.perConnection = f.Int("per-connection", 0, "a subscriber's connection subscribes to `N` destinations")
	b.workers = f.Int("workers", 0, "`N` connections at once")
	b.destination = f.String("destination", "", "`NAME` of the destinations; %d becomes the number of one")
	b.size = f.Int("size", 0, "`BYTES` of a body, 24 or more")
	b.window = f.Int("window", 0, "`N` messages on their way, of each publisher and destination")
	b.burst = f.Int("burst", 0, "`N` messages in one write, at most 64")
	b.rate = f.Float64("rate", 0, "`N` messages in a second, of all publishers; 0: as many as\nthe window lets through")
	b.ack = f.String("ack", "", "`MODE` is auto, client or client-individual")
	b.prefetch = f.Int("prefetch", 0, "ask for at most `N` messages that are not acknowledged")
	b.receipts = f.Int("receipts", 0, "each SEND asks for a receipt, and a publisher waits for\n`N` of them at most; 0: no receipts")
	b.messages = f.Int64("messages", 0, "send `N` messages in all instead of for a --duration")
	b.duration = f.Duration("duration", 0, "measure for this `TIME`; idle: do nothing for it")
	b.warmup = f.Duration("warmup", 0, "before that, the same without measuring for this `TIME`")
	b.patience = f.Duration("patience", 0, "what has not come after this `TIME` without any is lost")
	b.runs = f.Int("runs", 1, "measure `N` times and give medians")
	b.name = f.String("name", "", "call the benchmark `NAME` in the report; --compare finds\npairs by it (default: what is measured)")
	b.json = f.Bool("json", false, "print JSON, an object for each report")
	b.quiet = f.Bool("quiet", false, "say nothing meanwhile")
	b.compare = f.Bool("compare", false, "compare two files of such objects, A and B")
	b.listen = f.String("listen", "localhost:0", "floor: relay at this `ADDRESS`")
	b.isolate = f.Bool("isolate", false, "floor: a client that does not read holds up nobody else")
	f.Var(&b.header, "header", "add `NAME:VALUE` to each message; may be repeated")
	f.Var(&b.subscribeHeader, "subscribe-header", "add `NAME:VALUE` to each SUBSCRIBE; may be repeated")
	f.Var(&b.upgradeHeader, "upgrade-header", "add `NAME:VALUE` to the WebSocket handshake; may be repeated")
	f.Var(&b.pids, "pid", "measure the process `PID`, the broker; may be repeated")
}

// pidFlag is a flag that may be repeated, each time with a process.
type pidFlag []int

// String implements flag.Value.
func (p *pidFlag) String() string { return "" }

// Set implements flag.Value.
func (p *pidFlag) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return errors.New("a process is a number")
	}
	*p = append(*p, n)
	return nil
}

func (b *benchmark) run(ctx context.Context, io stdio, env []string) error {
	if *b.compare {
		return b.compareFiles(io)
	}
	names := []string{"floor"}
	for _, k := range benchKinds() {
		names = append(names, k.name)
	}
	switch {
	case len(b.flags.rest) == 0:
		return usagef("what is to be measured? fanout, queue, ping, connect or idle")
	case len(b.flags.rest) > 1:
		return usagef("one benchmark at a time")
	case !slices.Contains(names, b.flags.rest[0]):
		return usagef("there is no benchmark %q; there are fanout, queue, ping, connect, idle and floor", b.flags.rest[0])
	case b.flags.rest[0] == "floor":
		return b.floor(ctx, io)
	}
	settings, err := b.settle(b.flags.rest[0])
	if err != nil {
		return err
	}
	target, err := b.target(env)
	if err != nil {
		return err
	}
	if t := b.traffic(target); b.isTraffic() {
		if err := t.Check(); err != nil {
			return usageError{err.Error()}
		}
	}
	report := bench.Report{
		Name: *b.name, URL: target.URL, Started: time.Now().UTC().Truncate(time.Second),
		Machine: bench.ThisMachine(), Settings: settings,
	}
	if report.Name == "" {
		report.Name = b.title(target)
	}
	watch := bench.Watch{PIDs: b.pids}
	if !*b.quiet {
		watch.Progress = func(line string) { fmt.Fprintf(io.err, "stampede bench: %s\n", printable(line)) }
	}
	for n := range *b.runs {
		if *b.runs > 1 && watch.Progress != nil {
			watch.Progress(fmt.Sprintf("run %d of %d", n+1, *b.runs))
		}
		figures, broker, err := b.once(ctx, target, watch)
		if err != nil {
			return err
		}
		report.Broker = broker
		report.Runs = append(report.Runs, figures)
	}
	report.Median = bench.Median(report.Runs)
	write := report.WriteTable
	if *b.json {
		write = report.WriteJSON
	}
	if err := write(io.out); err != nil {
		return &outputError{err}
	}
	if wrong := report.Median.Faults(); wrong != "" {
		return fmt.Errorf("the broker made mistakes: %s", wrong)
	}
	return nil
}

// settle gives the flags of a kind their defaults, and refuses those of other kinds. It returns the flags that were
// given, for the report.
func (b *benchmark) settle(name string) (given map[string]string, err error) {
	given = map[string]string{}
	own := map[string]bool{}
	for _, k := range benchKinds() {
		for _, d := range k.defaults {
			own[d.name] = true
		}
	}
	for _, k := range benchKinds() {
		if k.name == name {
			b.kind = k
		}
	}
	own["listen"], own["isolate"] = true, true // of the floor
	for _, d := range b.kind.defaults {
		own[d.name] = false
	}
	secret := []string{"login", "passcode", "connect-header", "url", "pid", "json", "quiet", "name", "header", "subscribe-header", "upgrade-header"}
	b.flags.Visit(func(f *flag.Flag) {
		if own[f.Name] && err == nil {
			err = usagef("--%s is not for %s", f.Name, name)
		}
		if !slices.Contains(secret, f.Name) {
			given[f.Name] = f.Value.String()
		}
	})
	if err != nil {
		return nil, err
	}
	for _, d := range b.kind.defaults {
		if d.value != "" && !b.flags.given(d.name) {
			if err := b.flags.Set(d.name, d.value); err != nil {
				return nil, err
			}
		}
	}
	return given, b.check(given)
}

func (b *benchmark) check(given map[string]string) error {
	if _, both := given["duration"]; *b.messages > 0 {
		if both {
			return usagef("--messages and --duration are one too many")
		}
		*b.duration = 0
	}
	switch {
	case *b.runs < 1:
		return usagef("--runs is 1 or more")
	case *b.ack != "" && !slices.Contains([]string{"auto", "client", "client-individual"}, *b.ack):
		return usagef("--ack is auto, client or client-individual, not %q", *b.ack)
	case *b.prefetch < 0:
		return usagef("--prefetch is 0 or more")
	}
	for _, of := range []struct {
		header headerFlag
		taken  map[string]string
	}{
		{b.header, map[string]string{"destination": "use --destination", "receipt": "use --receipts", "content-length": "bench sets it itself"}},
		{b.subscribeHeader, map[string]string{"destination": "use --destination", "ack": "use --ack", "id": "bench sets it itself", "receipt": "bench sets it itself"}},
	} {
		if err := of.header.refuse(of.taken); err != nil {
			return err
		}
	}
	return b.refuseHeaders()
}

// target is where to connect.
func (b *benchmark) target(env []string) (bench.Target, error) {
	set, err := b.tls()
	if err != nil {
		return bench.Target{}, err
	}
	url, login, passcode := b.who(env)
	t := bench.Target{
		URL: url, TLS: set, Login: login, Passcode: passcode, Host: *b.host, Versions: *b.version,
		ConnectHeader: b.connectHeader.wire(), UpgradeHeader: http.Header{}, Timeout: *b.timeout,
	}
	for _, h := range b.upgradeHeader {
		t.UpgradeHeader.Add(h.name, strings.TrimSpace(h.value))
	}
	for _, v := range strings.Split(*b.version, ",") {
		if _, ok := stompwire.ParseVersion(strings.TrimSpace(v)); !ok {
			return t, usagef("--stomp: %q is no version of STOMP", v)
		}
	}
	return t, nil
}

// once measures once.
func (b *benchmark) once(ctx context.Context, target bench.Target, watch bench.Watch) (bench.Figures, string, error) {
	switch b.kind.name {
	case "connect":
		c := bench.Connects{Target: target, Workers: *b.workers, Destination: *b.destination, Duration: *b.duration, Warmup: *b.warmup}
		return c.Run(ctx, watch)
	case "idle":
		i := bench.Idle{Target: target, Connections: *b.subscribers, Destination: *b.destination, Size: *b.size, Hold: *b.duration, Patience: *b.patience}
		return i.Run(ctx, watch)
	}
	t := b.traffic(target)
	return t.Run(ctx, watch)
}

func (b *benchmark) isTraffic() bool { return b.kind.name != "connect" && b.kind.name != "idle" }

// traffic is what the flags of all kinds but connect and idle say.
func (b *benchmark) traffic(target bench.Target) *bench.Traffic {
	t := &bench.Traffic{
		Target: target, Queue: b.kind.name == "queue",
		Publishers: *b.publishers, Destinations: *b.destinations, Subscribers: *b.subscribers, PerConnection: *b.perConnection,
		Destination: *b.destination, Size: *b.size, Window: *b.window, Burst: *b.burst, Rate: *b.rate,
		Ack: *b.ack, Prefetch: *b.prefetch, Receipts: *b.receipts, SendHeader: b.header.wire(), SubscribeHead: b.subscribeHeader.wire(),
		Messages: *b.messages, Duration: *b.duration, Warmup: *b.warmup, Patience: *b.patience,
	}
	if b.kind.name == "ping" {
		t.Echo, t.Publishers, t.Destinations, t.Subscribers, t.Burst, t.Ack = true, 1, 1, 1, 1, "auto"
	}
	return t
}

// title says what is measured, in the same words for what may be compared.
func (b *benchmark) title(t bench.Target) string {
	parts := []string{b.kind.name}
	switch b.kind.name {
	case "fanout":
		parts[0] += fmt.Sprintf(" %d→%d×%d", *b.publishers, *b.destinations, *b.subscribers)
	case "queue":
		parts[0] += fmt.Sprintf(" %d→%d×%d", *b.publishers, *b.destinations, *b.subscribers)
		parts = append(parts, "ack "+*b.ack)
	case "idle":
		parts[0] += fmt.Sprintf(" %d", *b.subscribers)
	}
	if b.kind.name != "connect" {
		parts = append(parts, fmt.Sprintf("%d B", *b.size))
	}
	if *b.receipts > 0 {
		parts = append(parts, "receipts")
	}
	if *b.rate > 0 {
		parts = append(parts, fmt.Sprintf("%g/s", *b.rate))
	}
	return strings.Join(append(parts, t.Transport()), ", ")
}

func (b *benchmark) compareFiles(io stdio) error {
	if len(b.flags.rest) != 2 {
		return usagef("--compare takes two files, A and B")
	}
	var sides [2][]bench.Report
	for i, path := range b.flags.rest {
		file, err := os.Open(path)
		if err != nil {
			return unreadable("the report", path, err)
		}
		sides[i], err = bench.ReadReports(file)
		file.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return bench.Compare(io.out, sides[0], sides[1])
}

// floor relays until it is told to end.
func (b *benchmark) floor(ctx context.Context, io stdio) error {
	var err error
	b.flags.Visit(func(f *flag.Flag) {
		if f.Name != "listen" && f.Name != "isolate" && err == nil {
			err = usagef("--%s is not for floor", f.Name)
		}
	})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", *b.listen)
	if err != nil {
		return fmt.Errorf("can't listen: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	fmt.Fprintf(io.out, "relaying on %s\n", l.Addr())
	return (&bench.Floor{Isolate: *b.isolate}).Serve(l)
}
