//go:build unix

package chaos

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"stampede/tests/stomptest"
)

var (
	seed     = flag.Uint64("seed", 0, "of the schedule; 0: any")
	duration = flag.Duration("time", 12*time.Second, "how long there is chaos")
)

// Whatever dies, is cut off or stands still: each receipted SEND is consumed, at most one copy of a message is without
// redelivered:true, transactions are whole, the order of each connection is kept, topic subscribers miss nothing while they are
// connected, and the broker ends in good order.
func TestChaos(t *testing.T) {
	if testing.Short() {
		t.Skip("needs to run without -short: takes a while")
	}
	number := *seed
	if number == 0 {
		number = rand.Uint64N(1 << 40)
	}
	t.Logf("the same schedule again: make chaos SEED=%d TIME=%v", number, *duration)
	dice := rand.New(rand.NewPCG(number, 0))
	broker := launch(t, number, *duration)

	book := newLedger()
	stop := make(chan struct{})
	var clients []*client
	var producing, consuming sync.WaitGroup
	add := func(n int) *client {
		over := stomptest.TCP
		if n%2 == 1 {
			over = stomptest.WebSocket
		}
		c := &client{t: t, address: broker.address, over: over, ledger: book}
		clients = append(clients, c)
		return c
	}
	for q := range 4 {
		queue := fmt.Sprintf("/queue/chaos.%d", q)
		for i := range 2 {
			producer, consumer := add(q+i), add(q+i)
			producing.Go(func() { producer.produce(queue, 2*q+i, stop) })
			consuming.Go(func() { consumer.consume(queue) })
		}
	}
	for n := range 2 {
		topic := fmt.Sprintf("/topic/chaos.%d", n)
		said := &receipts{}
		speaker := add(n)
		producing.Go(func() { speaker.say(topic, said, stop) })
		for i := range 3 {
			listener := add(i)
			consuming.Go(func() { listener.listen(topic, said) })
		}
	}

	happenings := play(broker, clients, dice, *duration)
	close(stop)
	producing.Wait()
	deadline := time.After(stomptest.Guard + *duration)
	for !book.complete() {
		select {
		case <-book.caught:
		case <-deadline:
			t.Error("not everything that was receipted has come")
		}
		if t.Failed() {
			break
		}
	}
	for _, c := range clients {
		c.end()
	}
	consuming.Wait()
	broker.end()
	lost := 0
	for _, c := range clients { // all of them have ended
		lost += c.lost
	}

	faults, promised, seen, again := book.close()
	t.Logf("%d messages receipted, %d seen, %d copies, %d connections lost, %d injected faults, %d restarts; %s",
		promised, seen, again, lost, broker.log.count("fault injected"), broker.log.count(`"restarting"`)+broker.log.count(`"resumed"`), happenings)
	for _, f := range faults {
		t.Error(f)
	}
	if promised < 100 {
		t.Error("there was hardly any load")
	}
	if *duration >= 5*time.Second && (broker.log.count("fault injected") < 10 || lost < 3) {
		t.Error("there was hardly any chaos")
	}
	if t.Failed() {
		t.Logf("the broker's log ends with\n%s", broker.log.tail())
	}
}

// play cuts connections and pauses the process, at moments drawn by the dice, for a while.
func play(b *process, clients []*client, dice *rand.Rand, d time.Duration) string {
	cuts, pauses := 0, 0
	over := time.After(d)
	for {
		next := time.Duration(50+dice.IntN(350)) * time.Millisecond
		what, whom, how := dice.IntN(6), dice.IntN(len(clients)), dice.IntN(2) == 0
		pause := time.Duration(20+dice.IntN(400)) * time.Millisecond
		select {
		case <-over:
			return fmt.Sprintf("%d cuts and %d pauses from outside", cuts, pauses)
		case <-time.After(next):
		}
		if what > 0 {
			clients[whom].cut(how)
			cuts++
			continue
		}
		b.signal(syscall.SIGSTOP)
		<-time.After(pause)
		b.signal(syscall.SIGCONT)
		pauses++
	}
}

// process is the broker.
type process struct {
	t       *testing.T
	command *exec.Cmd
	address string
	log     *record
	exited  chan struct{}
}

// schedule is what the broker does to itself.
const schedule = `seed = %d
[[fault]]
do = "kill"
role = "session"
probability = 0.001
until = "%[2]s"
[[fault]]
do = "kill"
phase = "frame"
probability = 0.0005
until = "%[2]s"
[[fault]]
do = "kill"
role = "subscription"
probability = 0.001
until = "%[2]s"
[[fault]]
do = "kill"
role = "destination"
probability = 0.001
until = "%[2]s"
[[fault]]
do = "kill"
role = "destination"
phase = "started"
every = 3
until = "%[2]s"
[[fault]]
do = "kill"
role = "destinations"
every = 11
until = "%[2]s"
[[fault]]
do = "kill"
role = "connections"
every = 13
until = "%[2]s"
[[fault]]
do = "kill"
role = "transport"
probability = 0.002
until = "%[2]s"
[[fault]]
do = "kill"
phase = "stopping"
every = 7
until = "%[2]s"
[[fault]]
do = "delay"
role = "destination"
probability = 0.001
for = "15ms"
until = "%[2]s"
[[fault]]
do = "cut"
probability = 0.15
bytes = "40KB"
until = "%[2]s"
[[fault]]
do = "reset"
probability = 0.15
bytes = "25KB"
until = "%[2]s"
[[fault]]
do = "slow_write"
probability = 0.1
for = "1ms"
until = "%[2]s"
[[fault]]
do = "trickle"
probability = 0.05
until = "%[2]s"
`

func launch(t *testing.T, seed uint64, d time.Duration) *process {
	t.Helper()
	dir := t.TempDir()
	binary, faults := filepath.Join(dir, "stampede"), filepath.Join(dir, "chaos.toml")
	if out, err := exec.Command("go", "build", "-o", binary, "stampede/cmd/stampede").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	if err := os.WriteFile(faults, fmt.Appendf(nil, schedule, seed, d), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, log: &record{}, exited: make(chan struct{})}
	p.command = exec.Command(binary, "serve", "--listen", "127.0.0.1:0", "--faults", faults, "--log-level", "warn", "--log-format", "json")
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "STAMPEDE_") {
			p.command.Env = append(p.command.Env, entry)
		}
	}
	p.command.Env = append(p.command.Env, "STAMPEDE_ALLOW_FAULTS=true", "STAMPEDE_CONTROL_ADDRESS=")
	p.command.Stderr = p.log
	out, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.command.Process.Kill()
		<-p.exited
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	go func() {
		_, _ = io.Copy(io.Discard, out)
		_ = p.command.Wait()
		close(p.exited)
	}()
	if err != nil {
		t.Fatalf("the broker did not start: %v\n%s", err, p.log.tail())
	}
	p.address, _, _ = strings.Cut(strings.TrimPrefix(line, "Listening on "), ": ")
	return p
}

func (p *process) signal(s syscall.Signal) {
	if err := p.command.Process.Signal(s); err != nil {
		p.t.Errorf("the broker has gone: %v", err)
	}
}

// end ends the broker in good order.
func (p *process) end() {
	p.signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(stomptest.Guard + 15*time.Second):
		p.signal(syscall.SIGQUIT)
		<-p.exited
		p.t.Error("the broker did not end")
	}
	if code := p.command.ProcessState.ExitCode(); code != 0 {
		p.t.Errorf("the broker ended with %d", code)
	}
	for _, bad := range []string{`"msg":"unhandled"`, "goroutine 1 [", "DATA RACE"} {
		if p.log.count(bad) > 0 {
			p.t.Errorf("the broker's log has %q", bad)
		}
	}
}

// record is the end of a log, and how often it had certain words.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
	seen map[string]int
}

// watched are the words that are counted.
var watched = []string{"fault injected", `"restarting"`, `"resumed"`, `"msg":"unhandled"`, "goroutine 1 [", "DATA RACE"}

func (r *record) Write(b []byte) (n int, err error) {
	n = len(b)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		r.seen = make(map[string]int)
	}
	for _, w := range watched {
		r.seen[w] += bytes.Count(b, []byte(w))
	}
	if i := bytes.Index(b, []byte(`,"stack":`)); i >= 0 { // one line a write
		b = append(bytes.Clone(b[:i]), "}\n"...)
	}
	if r.text.Len() > 1<<20 {
		r.text.Next(1 << 19)
	}
	r.text.Write(b)
	return n, nil
}

func (r *record) count(word string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen[word]
}

func (r *record) tail() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := r.text.String()
	if len(text) > 6000 {
		text = "…" + text[len(text)-6000:]
	}
	return text
}
