package bench

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"stampede/stompwire"
)

// Floor is a relay that does as little as something that speaks STOMP can: what a broker costs beyond it is what a broker
// is for. It has no acknowledgements, checks nothing and keeps nothing. The goroutine that reads SENDs writes them to all
// subscribers itself, those of one read in one write; a subscriber that does not read holds its publishers up. Headers
// of the SEND are not passed on. Destinations beginning with /queue/ go to one subscriber, in turn; all others to all.
type Floor struct {
	// Isolate has a goroutine for each client write to it, so that one that does not read holds nobody up, as in any broker.
	// What it does not read is kept, without a limit.
	Isolate bool

	messages atomic.Uint64

	mu           sync.RWMutex
	destinations map[string]*relayed
}

// relayed is one destination.
type relayed struct {
	name  string
	queue bool

	mu          sync.Mutex
	subscribers []*relaySubscriber
	next        int // of a queue
}

type relaySubscriber struct {
	to     *relayClient
	id     string
	prefix []byte // "MESSAGE\nsubscription:…\n"
}

// relayClient is one connection to the relay.
type relayClient struct {
	floor     *Floor
	conn      net.Conn
	webSocket bool
	version   stompwire.Version
	scan      scanner
	deframe   deframer
	last      *relayed       // of the SENDs that wait in tails
	tails     []byte         // encoded but for what differs between subscribers, one behind the other
	ends      []int          // of each of them
	touched   []*relayClient // have something to be written after this read
	joined    []*relayed

	mu   sync.Mutex
	out  []byte
	wake chan struct{} // that there is something in out; nil: who puts it there writes it
}

// Serve accepts connections until the listener is closed.
func (f *Floor) Serve(l net.Listener) error {
	f.destinations = map[string]*relayed{}
	var clients sync.WaitGroup
	defer clients.Wait()
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	defer func() {
		mu.Lock()
		defer mu.Unlock()
		for c := range open {
			c.Close()
		}
	}()
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		mu.Lock()
		open[conn] = true
		mu.Unlock()
		clients.Add(1)
		go func() {
			defer clients.Done()
			c := &relayClient{floor: f, conn: conn}
			c.serve()
			conn.Close()
			mu.Lock()
			delete(open, conn)
			mu.Unlock()
		}()
	}
}

// serve reads to the end. What is wrong with a client ends its connection and nothing else.
func (c *relayClient) serve() {
	c.scan.handle = c.frame
	c.scan.keep = 1 << 30
	c.deframe.data = c.scan.feed
	c.deframe.control = func(op byte, _ []byte) error {
		if op == opClose {
			return io.EOF
		}
		return nil
	}
	if c.floor.Isolate {
		c.wake = make(chan struct{}, 1)
		ended, written := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(written)
			c.write(ended)
		}()
		defer func() {
			close(ended)
			<-written
		}()
	}
	defer c.leave()
	// 4 KiB while there is little to read, so that a connection that is idle costs little.
	buffer := make([]byte, 4<<10)
	n, err := c.conn.Read(buffer)
	if err == nil && bytes.HasPrefix(buffer[:n], []byte("GET ")) {
		c.webSocket = true
		head := bufio.NewReader(io.MultiReader(bytes.NewReader(buffer[:n]), c.conn))
		var rest []byte
		if rest, err = acceptUpgrade(c.conn, head); err == nil {
			n = copy(buffer, rest)
		}
	}
	for err == nil {
		if c.webSocket {
			err = c.deframe.feed(buffer[:n])
		} else {
			err = c.scan.feed(buffer[:n])
		}
		if e := c.flush(); err == nil {
			err = e
		}
		if n == len(buffer) && n < 64<<10 {
			buffer = make([]byte, 64<<10)
		}
		if err == nil {
			n, err = c.conn.Read(buffer)
		}
	}
}

// flush writes what the frames of a read have brought, to everybody who got something.
func (c *relayClient) flush() (own error) {
	c.relay()
	for i, t := range c.touched {
		c.touched[i] = nil
		if t.wake != nil {
			select {
			case t.wake <- struct{}{}:
			default:
			}
			continue
		}
		t.mu.Lock()
		_, err := t.conn.Write(t.out)
		t.out = t.out[:0]
		if cap(t.out) > maxKept {
			t.out = nil
		}
		t.mu.Unlock()
		if t == c {
			own = err
		}
	}
	c.touched = c.touched[:0]
	return own
}

// write writes what is put into out, until the client has ended.
func (c *relayClient) write(ended <-chan struct{}) {
	var spare []byte
	for open := true; open; {
		select {
		case <-c.wake:
		case <-ended:
			open = false
		}
		c.mu.Lock()
		b := c.out
		c.out = spare[:0]
		c.mu.Unlock()
		if len(b) > 0 {
			if _, err := c.conn.Write(b); err != nil {
				c.conn.Close() // and the reader ends
			}
		}
		if spare = b; cap(spare) > maxKept {
			spare = nil
		}
	}
}

// maxKept bounds what a connection keeps for the next time: more than what the default window of messages of 1 KiB takes.
const maxKept = 4 << 20

// put gives frames to a client: those whose ends are given, each behind the head.
func (c *relayClient) put(to *relayClient, head, tails []byte, ends []int) {
	to.mu.Lock()
	first := len(to.out) == 0
	from := 0
	for _, end := range ends {
		if to.webSocket {
			to.out = appendServerHeader(to.out, len(head)+end-from)
		}
		to.out = append(append(to.out, head...), tails[from:end]...)
		from = end
	}
	to.mu.Unlock()
	if first { // else who has put something first writes this too
		c.touched = append(c.touched, to)
	}
}

// answer gives a frame to the client itself.
func (c *relayClient) answer(frame string) { c.put(c, nil, []byte(frame), []int{len(frame)}) }

func (c *relayClient) frame(f *frame) error {
	switch f.kind {
	case send:
		c.send(f)
	case subscribe:
		c.subscribe(f)
	case connect:
		c.version = stompwire.V10
		for _, v := range strings.Split(string(f.get(hAcceptVersion)), ",") {
			if v, ok := stompwire.ParseVersion(strings.TrimSpace(v)); ok {
				c.version = max(c.version, v)
			}
		}
		c.answer("CONNECTED\nversion:" + c.version.String() + "\nserver:floor\n\n\x00")
	case unsubscribe:
		c.unsubscribe(string(f.get(hID)))
	}
	if id := f.get(hReceipt); id != nil {
		c.answer("RECEIPT\nreceipt-id:" + string(id) + "\n\n\x00")
	}
	if f.kind == disconnect {
		return io.EOF
	}
	return nil
}

func (c *relayClient) send(f *frame) {
	name := f.get(hDestination)
	if c.last == nil || c.last.name != string(name) {
		c.relay()
		c.last = c.floor.destination(string(name))
	}
	b := append(c.tails, "message-id:"...)
	b = strconv.AppendUint(b, c.floor.messages.Add(1), 10)
	b = append(append(b, "\ndestination:"...), name...)
	b = append(b, "\ncontent-length:"...)
	b = strconv.AppendInt(b, int64(len(f.body)), 10)
	b = append(append(b, "\n\n"...), f.body...)
	c.tails = append(b, 0)
	c.ends = append(c.ends, len(c.tails))
}

// relay gives the SENDs that wait to their subscribers.
func (c *relayClient) relay() {
	if len(c.ends) == 0 {
		return
	}
	c.last.give(c)
	c.tails, c.ends = c.tails[:0], c.ends[:0]
	if cap(c.tails) > maxKept {
		c.tails = nil
	}
}

func (d *relayed) give(c *relayClient) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.queue || len(d.subscribers) == 0 {
		for _, s := range d.subscribers {
			c.put(s.to, s.prefix, c.tails, c.ends)
		}
		return
	}
	from := 0
	for _, end := range c.ends {
		d.next = (d.next + 1) % len(d.subscribers)
		s := d.subscribers[d.next]
		c.put(s.to, s.prefix, c.tails[from:end], []int{end - from})
		from = end
	}
}

func (c *relayClient) subscribe(f *frame) {
	id := string(f.get(hID))
	d := c.floor.destination(string(f.get(hDestination)))
	d.mu.Lock()
	d.subscribers = append(d.subscribers, &relaySubscriber{to: c, id: id, prefix: []byte("MESSAGE\nsubscription:" + id + "\n")})
	d.mu.Unlock()
	c.joined = append(c.joined, d)
}

func (c *relayClient) unsubscribe(id string) {
	for _, d := range c.joined {
		d.drop(func(s *relaySubscriber) bool { return s.to == c && s.id == id })
	}
}

func (c *relayClient) leave() {
	for _, d := range c.joined {
		d.drop(func(s *relaySubscriber) bool { return s.to == c })
	}
}

func (d *relayed) drop(gone func(*relaySubscriber) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.subscribers = slices.DeleteFunc(d.subscribers, gone)
}

func (f *Floor) destination(name string) *relayed {
	f.mu.RLock()
	d := f.destinations[name]
	f.mu.RUnlock()
	if d != nil {
		return d
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if d = f.destinations[name]; d == nil {
		d = &relayed{name: name, queue: strings.HasPrefix(name, "/queue/")}
		f.destinations[name] = d
	}
	return d
}
