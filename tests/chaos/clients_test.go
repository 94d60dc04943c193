//go:build unix

package chaos

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"stampede/tests/stomptest"
)

// client is one that connects again whenever it has lost its connection, until the end.
type client struct {
	t       *testing.T
	address string
	over    stomptest.Transport
	ledger  *ledger

	mu    sync.Mutex
	link  net.Conn // of the connection that there is
	lost  int
	ended bool
}

// dial connects and logs in, again and again; nil: it is the end.
func (c *client) dial() *stomptest.Conn {
	for {
		c.mu.Lock()
		ended := c.ended
		c.mu.Unlock()
		if ended {
			return nil
		}
		link, err := c.open()
		if err != nil {
			continue
		}
		c.mu.Lock()
		if c.ended {
			c.mu.Unlock()
			_ = link.Close()
			return nil
		}
		c.link = link
		c.mu.Unlock()
		conn := stomptest.New(c.t, link)
		conn.Patience = time.Minute
		if conn.TryWrite(stomptest.Text("CONNECT", "accept-version:1.2", "host:chaos")) == nil {
			if f, err := conn.TryFrame(); err == nil && f.Command == "CONNECTED" {
				return conn
			}
		}
		c.lose(conn, nil)
	}
}

func (c *client) open() (net.Conn, error) {
	if c.over == stomptest.WebSocket {
		ctx, cancel := context.WithTimeout(context.Background(), stomptest.Guard)
		defer cancel()
		link, _, err := stomptest.DialWebSocket(ctx, "ws://"+c.address+"/", []string{"stomp"}, nil)
		return link, err
	}
	return net.DialTimeout("tcp", c.address, stomptest.Guard)
}

// lose notes the end of a connection. That may happen at any time; that the broker breaks the protocol may not.
func (c *client) lose(conn *stomptest.Conn, err error) {
	_ = conn.Link().Close()
	c.mu.Lock()
	c.lost++
	ended := c.ended
	c.mu.Unlock()
	if err != nil && !ended && strings.Contains(err.Error(), "broke the protocol") {
		c.ledger.fault("%v", err)
	}
}

// cut closes the connection that there is.
func (c *client) cut(reset bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil {
		return
	}
	if tcp, ok := c.link.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = c.link.Close()
}

// end keeps it from connecting again.
func (c *client) end() {
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	c.cut(false)
}

// produce sends to a queue, a few messages at a time, one time in four in a transaction, and waits for the receipts,
// until stop. What had none when the connection was lost may have arrived or not.
func (c *client) produce(queue string, id int, stop <-chan struct{}) {
	const batch = 6
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	number, connection := 0, 0
	var conn *stomptest.Conn
	for round := 0; ; round++ {
		select {
		case <-stop:
			if conn != nil {
				_ = conn.Link().Close()
			}
			return
		case <-pace.C:
		}
		if conn == nil {
			if conn = c.dial(); conn == nil {
				return
			}
			connection++
		}
		var out strings.Builder
		awaited := make(map[string][]message)
		var all []message
		for range batch {
			number++
			all = append(all, message{queue, id, number})
		}
		if round%4 == 0 {
			c.ledger.bind(all)
			tx := fmt.Sprintf("transaction:%d", round)
			out.WriteString(stomptest.Text("BEGIN", tx))
			for _, m := range all {
				out.WriteString(stomptest.TextBody(fmt.Sprintf("%d %d %d", id, m.number, connection), "SEND", "destination:"+queue, tx))
			}
			out.WriteString(stomptest.Text("COMMIT", tx, "receipt:commit"))
			awaited["commit"] = all
		} else {
			for _, m := range all {
				receipt := strconv.Itoa(m.number)
				out.WriteString(stomptest.TextBody(fmt.Sprintf("%d %d %d", id, m.number, connection), "SEND", "destination:"+queue, "receipt:"+receipt))
				awaited[receipt] = []message{m}
			}
		}
		err := conn.TryWrite(out.String())
		for err == nil && len(awaited) > 0 {
			var f stomptest.Frame
			if f, err = conn.TryFrame(); err == nil && f.Command == "RECEIPT" {
				c.ledger.promise(awaited[f.Header1("receipt-id")]...)
				delete(awaited, f.Header1("receipt-id"))
			} else if err == nil {
				err = fmt.Errorf("got %s", f)
			}
		}
		if err != nil {
			c.lose(conn, err)
			conn = nil
		}
	}
}

// consume takes messages of a queue and acknowledges each, until the end. Of one connection of a producer, what was not
// given before comes in the order in which it was sent.
func (c *client) consume(queue string) {
	for conn := c.dial(); conn != nil; conn = c.dial() {
		conn.Patience = time.Hour    // there may be nothing to consume for long
		last := make(map[[2]int]int) // by producer and connection
		err := conn.TryWrite(stomptest.Text("SUBSCRIBE", "id:1", "destination:"+queue, "ack:client-individual", "prefetch-count:20"))
		for err == nil {
			var f stomptest.Frame
			if f, err = conn.TryFrame(); err != nil {
				break
			}
			var m message
			connection := 0
			if _, scan := fmt.Sscanf(f.Body, "%d %d %d", &m.producer, &m.number, &connection); f.Command != "MESSAGE" || scan != nil {
				err = fmt.Errorf("got %s", f)
				break
			}
			m.queue = queue
			redelivered := f.Header1("redelivered") == "true"
			c.ledger.consume(m, redelivered)
			if !redelivered {
				from := [2]int{m.producer, connection}
				if m.number <= last[from] {
					c.ledger.fault("message %v came behind number %d", m, last[from])
				}
				last[from] = m.number
			}
			err = conn.TryWrite(stomptest.Text("ACK", "id:"+f.Header1("ack")))
		}
		c.lose(conn, err)
	}
}

// listen subscribes to a topic. While a connection lasts it misses nothing that was receipted, gets nothing twice, and
// all in order.
func (c *client) listen(topic string, said *receipts) {
	for conn := c.dial(); conn != nil; conn = c.dial() {
		conn.Patience = time.Hour
		last := 0
		err := conn.TryWrite(stomptest.Text("SUBSCRIBE", "id:1", "destination:"+topic))
		for err == nil {
			var f stomptest.Frame
			if f, err = conn.TryFrame(); err != nil {
				break
			}
			n, scan := strconv.Atoi(f.Body)
			if f.Command != "MESSAGE" || scan != nil {
				err = fmt.Errorf("got %s", f)
				break
			}
			if n <= last {
				c.ledger.fault("number %d of %s came behind number %d on one connection", n, topic, last)
			}
			if missed := said.between(last, n); last > 0 && len(missed) > 0 {
				c.ledger.fault("numbers %v of %s were receipted and not seen on a connection that got %d and %d", missed, topic, last, n)
			}
			last = n
		}
		c.lose(conn, err)
	}
}

// say publishes to a topic until stop.
func (c *client) say(topic string, said *receipts, stop <-chan struct{}) {
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	var conn *stomptest.Conn
	for n := 1; ; n++ {
		select {
		case <-stop:
			if conn != nil {
				_ = conn.Link().Close()
			}
			return
		case <-pace.C:
		}
		if conn == nil {
			if conn = c.dial(); conn == nil {
				return
			}
		}
		err := conn.TryWrite(stomptest.TextBody(strconv.Itoa(n), "SEND", "destination:"+topic, "receipt:r"))
		if err == nil {
			var f stomptest.Frame
			if f, err = conn.TryFrame(); err == nil && f.Command == "RECEIPT" {
				said.add(n)
			} else if err == nil {
				err = fmt.Errorf("got %s", f)
			}
		}
		if err != nil {
			c.lose(conn, err)
			conn = nil
		}
	}
}

// receipts are the numbers that were receipted, in order.
type receipts struct {
	mu      sync.Mutex
	numbers []int
}

func (r *receipts) add(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.numbers = append(r.numbers, n)
}

// between gives those between two numbers, themselves excluded.
func (r *receipts) between(low, high int) (found []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.numbers) - 1; i >= 0 && r.numbers[i] > low; i-- {
		if r.numbers[i] < high {
			found = append(found, r.numbers[i])
		}
	}
	return found
}
