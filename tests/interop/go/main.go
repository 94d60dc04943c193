// Command go-stomp drives the broker through github.com/go-stomp/stomp over TCP, in its three versions of the protocol:
//
//	go run . PORT
//
// Each scenario prints one line of JSON, which the Go tests read. It is a module of its own, so that nobody who embeds
// the broker inherits the client.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/go-stomp/stomp/v3"
)

const patience = 20 * time.Second

// must ends a scenario if there is an error.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func equal(got, want, what string) {
	if got != want {
		panic(fmt.Errorf("%s: got %q, want %q", what, got, want))
	}
}

func subscribe(c *stomp.Conn, queue string, mode stomp.AckMode) *stomp.Subscription {
	s, err := c.Subscribe(queue, mode)
	must(err)
	return s
}

// receive takes the next message and compares its body.
func receive(s *stomp.Subscription, want string) *stomp.Message {
	select {
	case m, open := <-s.C:
		if !open {
			panic(stomp.ErrCompletedSubscription)
		}
		must(m.Err)
		equal(string(m.Body), want, "body")
		return m
	case <-time.After(patience):
		panic(errors.New("nothing came"))
	}
}

// unsubscribe waits until the receipt has closed the channel. Unsubscribe itself can miss that: it begins to wait, without a
// lock, after it has looked whether the receipt is there, and then takes until its timeout.
func unsubscribe(s *stomp.Subscription) {
	go s.Unsubscribe()
	late := time.After(patience)
	for {
		select {
		case m, open := <-s.C:
			if !open {
				return
			}
			must(m.Err)
		case <-late:
			panic(errors.New("no receipt for UNSUBSCRIBE"))
		}
	}
}

var scenarios = []struct {
	name string
	play func(c *stomp.Conn, queue string)
}{
	{"octets and escapes", func(c *stomp.Conn, queue string) {
		s := subscribe(c, queue, stomp.AckAuto)
		note := "plain"
		if c.Version() != stomp.V10 {
			note = "a:b\\x\ny"
		}
		must(c.Send(queue, "text/plain", []byte("one\x00two"), stomp.SendOpt.Receipt, stomp.SendOpt.Header("note", note)))
		m := receive(s, "one\x00two")
		equal(m.Header.Get("note"), note, "note")
		equal(m.ContentType, "text/plain", "content-type")
		unsubscribe(s)
	}},
	{"acknowledgement and refusal", func(c *stomp.Conn, queue string) {
		s := subscribe(c, queue, stomp.AckClientIndividual)
		must(c.Send(queue, "", []byte("x")))
		m := receive(s, "x")
		if c.Version().SupportsNack() {
			must(c.Nack(m))
			m = receive(s, "x")
			equal(m.Header.Get("redelivered"), "true", "redelivered")
		}
		must(c.Ack(m))
		unsubscribe(s)
	}},
	{"transactions", func(c *stomp.Conn, queue string) {
		s := subscribe(c, queue, stomp.AckClient)
		never := c.Begin()
		must(never.Send(queue, "", []byte("never")))
		must(never.Abort())
		done := c.Begin()
		must(done.Send(queue, "", []byte("done")))
		must(done.CommitWithReceipt())
		acks := c.Begin()
		must(acks.Ack(receive(s, "done")))
		must(acks.CommitWithReceipt())
		unsubscribe(s)
	}},
}

// play runs a scenario over a connection of its own and gives back what was wrong.
func play(address string, v stomp.Version, name string, scenario func(c *stomp.Conn, queue string)) (wrong string) {
	defer func() {
		if err := recover(); err != nil {
			wrong = fmt.Sprint(err)
		}
	}()
	c, err := stomp.Dial("tcp", address, stomp.ConnOpt.AcceptVersion(v), stomp.ConnOpt.HeartBeat(200*time.Millisecond, 200*time.Millisecond))
	must(err)
	defer c.MustDisconnect()
	equal(string(c.Version()), string(v), "version")
	scenario(c, "/queue/"+name)
	must(c.Disconnect())
	return ""
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run . PORT")
		os.Exit(2)
	}
	out := json.NewEncoder(os.Stdout)
	versions := []stomp.Version{stomp.V10, stomp.V11, stomp.V12}
	var plan []string
	for _, s := range scenarios {
		for _, v := range versions {
			plan = append(plan, s.name+" in "+string(v))
		}
	}
	must(out.Encode(map[string]any{"plan": plan}))
	for _, s := range scenarios {
		for _, v := range versions {
			name, begin := s.name+" in "+string(v), time.Now()
			wrong := play("127.0.0.1:"+os.Args[1], v, name, s.play)
			must(out.Encode(map[string]any{"name": name, "ok": wrong == "", "error": wrong, "ms": time.Since(begin).Milliseconds()}))
		}
	}
}
