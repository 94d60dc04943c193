package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"stampede/stompwire"
	"stampede/transport"
)

// This file is a complete STOMP client in Go, and meant to be read as an example of one. pub.go and sub.go use it like
// this, but for errors:
//
//	c, err := connect(ctx, "ws://localhost:61613", options{login: "me", passcode: "…"})
//	receipt, err := c.send(ctx, "/topic/news", nil, []byte("Hello"))   // does not wait
//	err = receipt.wait(ctx)                                            // now the broker has taken it
//	sub, err := c.subscribe(ctx, "/queue/work", "client-individual", nil)
//	m, err := c.next(ctx)                                              // the next message of any subscription
//	err = c.ack(ctx, m)
//	err = c.unsubscribe(ctx, sub)
//	err = c.disconnect(ctx)                                            // waits until all of it is done
//
// Writing happens on the caller's goroutine, under a lock. One goroutine reads: it gives receipts to who waits for them
// and messages to next. While nobody calls next it stops reading, so a slow program slows the broker instead of filling
// its own memory. Another goroutine sends heart-beats if there are any to send. Both end with the connection.

// options say how to connect. The zero value connects anonymously.
type options struct {
	login, passcode string
	host            string                // of the CONNECT frame; "": "/"
	header          []stompwire.Field     // further headers of CONNECT
	version         string                // accept-version; "": all that there are
	heartBeat       time.Duration         // offered for both directions; 0: none
	dial            transport.DialOptions // TLS, and headers of the WebSocket upgrade
}

// brokerError is an ERROR frame. STOMP has the broker close the connection behind it.
type brokerError struct {
	message string // what is wrong, short
	code    string // the same for programs; not every broker has one
	detail  string // the frame's body
}

// Error returns what the broker said, in the order in which it gets longer.
func (e *brokerError) Error() string {
	text := e.message
	if text == "" {
		text = e.code
	} else if e.code != "" && e.code != text {
		text += " (" + e.code + ")"
	}
	switch detail := strings.TrimSpace(e.detail); {
	case text == "":
		text = or(detail, "no, but not why")
	case detail != "" && detail != e.message:
		text += ": " + detail
	}
	const most = 500
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return "the broker says: " + text
}

// errClosed is the end that the client has asked for.
var errClosed = errors.New("the connection is closed")

// client is one connection. Its methods may be called from any goroutine.
type client struct {
	conn    net.Conn
	version stompwire.Version
	server  string // how the broker calls itself, or ""

	writing   sync.Mutex // a frame goes out whole
	buffer    []byte
	lastWrite time.Time

	messages chan *message
	done     chan struct{} // closed when the connection has ended; err says why

	mu            sync.Mutex
	err           error
	closing       bool // we have said goodbye: the end is no fault
	lastID        int
	receipts      map[string]*receipt
	subscriptions map[string]*subscription

	goroutines sync.WaitGroup
}

// message is a MESSAGE frame with the subscription that it came by.
type message struct {
	stompwire.Frame
	subscription *subscription
}

// subscription is one SUBSCRIBE.
type subscription struct {
	id, destination, ackMode string
	gone                     chan struct{} // closed when its messages are no longer wanted
}

// receipt is a promise of the broker's: that it is done with a frame.
type receipt struct {
	c    *client
	done chan struct{}
}

// wait returns nil when the broker has given its RECEIPT, or else the reason why none will come.
func (r *receipt) wait(ctx context.Context) error {
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-r.c.done:
		// Both may be there: a RECEIPT that came right before the end counts.
		select {
		case <-r.done:
			return nil
		default:
			return r.c.failure()
		}
	}
}

// maxFrame is what the client takes from a broker. It trusts it more than a broker can trust its clients.
var maxFrame = stompwire.Limits{MaxHeaders: 10_000, MaxHeaderBytes: 1 << 20, MaxHeaderBlockBytes: 16 << 20, MaxBodyBytes: 1 << 30}

// connect opens a connection and logs in. ctx bounds that alone.
func connect(ctx context.Context, url string, o options) (*client, error) {
	conn, err := transport.Dial(ctx, url, o.dial)
	if err != nil {
		return nil, err
	}
	c := &client{
		conn:          conn,
		messages:      make(chan *message),
		done:          make(chan struct{}),
		receipts:      map[string]*receipt{},
		subscriptions: map[string]*subscription{},
	}
	// Interrupting blocked reads and writes is what deadlines are for; a context can't do it by itself.
	release := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	in := &frameReader{conn: conn, decoder: stompwire.NewDecoder(maxFrame)}
	send, receive, err := c.handshake(ctx, in, o)
	if !release() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		conn.Close()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	// Twice the interval agreed on: networks and schedulers are never exact.
	in.silence = 2 * receive
	c.goroutines.Go(func() { c.read(in) })
	if send > 0 {
		c.goroutines.Go(func() { c.beat(send) })
	}
	return c, nil
}

// handshake sends CONNECT and reads CONNECTED. It returns the heart-beat intervals that the two agree on.
func (c *client) handshake(ctx context.Context, in *frameReader, o options) (send, receive time.Duration, err error) {
	beats := stompwire.HeartBeat{Send: o.heartBeat, Want: o.heartBeat}
	f := stompwire.Frame{Command: stompwire.Connect}
	set := func(name, value string) { f.Header = append(f.Header, stompwire.Field{Name: name, Value: value}) }
	set("accept-version", or(o.version, stompwire.SupportedVersions))
	set("host", or(o.host, "/"))
	if o.heartBeat > 0 {
		set("heart-beat", beats.String())
	}
	if o.login != "" || o.passcode != "" {
		set("login", o.login)
		set("passcode", o.passcode)
	}
	f.Header = append(f.Header, o.header...)
	if err := c.write(ctx, &f); err != nil {
		return 0, 0, err
	}

	var answer stompwire.Frame
	if err := in.next(&answer); err != nil {
		return 0, 0, lost(err)
	}
	switch answer.Command {
	case stompwire.Connected:
	case stompwire.Error:
		return 0, 0, errorOf(&answer)
	default:
		return 0, 0, fmt.Errorf("the broker answered CONNECT with %s", answer.Command)
	}
	c.server, _ = answer.Header.Get("server")
	version, given := answer.Header.Get("version")
	if !given {
		version = "1.0" // A broker of that time does not say it.
	}
	v, ok := stompwire.ParseVersion(version)
	if !ok {
		return 0, 0, fmt.Errorf("the broker chose STOMP %q, which nobody offered", version)
	}
	c.version = v
	in.decoder.SetVersion(v)
	if value, ok := answer.Header.Get("heart-beat"); ok {
		theirs, err := stompwire.ParseHeartBeat(value)
		if err != nil {
			return 0, 0, err
		}
		receive, send = stompwire.EffectiveHeartBeat(theirs, beats)
	}
	return send, receive, nil
}

// send gives a message to the broker. The receipt is what to wait for; a caller with many messages waits later.
func (c *client) send(ctx context.Context, destination string, header []stompwire.Field, body []byte) (*receipt, error) {
	return c.request(ctx, c.sendFrame(destination, header, body))
}

// sendUnconfirmed is send without a receipt: faster, and the message may be lost with the connection.
func (c *client) sendUnconfirmed(ctx context.Context, destination string, header []stompwire.Field, body []byte) error {
	return c.write(ctx, c.sendFrame(destination, header, body))
}

func (c *client) sendFrame(destination string, header []stompwire.Field, body []byte) *stompwire.Frame {
	f := &stompwire.Frame{Command: stompwire.Send, Body: body}
	f.Header = append(f.Header, stompwire.Field{Name: "destination", Value: destination},
		// Without it the body would end at its first NUL.
		stompwire.Field{Name: stompwire.ContentLength, Value: strconv.Itoa(len(body))})
	f.Header = append(f.Header, header...)
	return f
}

// subscribe asks for the messages of a destination and waits until the broker has agreed. ackMode is "auto", "client"
// or "client-individual".
func (c *client) subscribe(ctx context.Context, destination, ackMode string, header []stompwire.Field) (*subscription, error) {
	c.mu.Lock()
	c.lastID++
	s := &subscription{id: strconv.Itoa(c.lastID), destination: destination, ackMode: ackMode, gone: make(chan struct{})}
	c.subscriptions[s.id] = s
	c.mu.Unlock()
	f := &stompwire.Frame{Command: stompwire.Subscribe, Header: stompwire.Header{
		{Name: "id", Value: s.id}, {Name: "destination", Value: destination}, {Name: "ack", Value: ackMode},
	}}
	f.Header = append(f.Header, header...)
	if err := c.confirm(ctx, f); err != nil {
		return nil, err
	}
	return s, nil
}

// next waits for a message of any subscription.
func (c *client) next(ctx context.Context) (*message, error) {
	select {
	case m := <-c.messages:
		return m, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-c.done:
		return nil, c.failure()
	}
}

// ack tells the broker that a message is dealt with; with ackMode "client", so are all before it. In mode "auto" there
// is nothing to tell.
func (c *client) ack(ctx context.Context, m *message) error {
	return c.settle(ctx, stompwire.Ack, m)
}

// nack tells the broker that a message could not be dealt with.
func (c *client) nack(ctx context.Context, m *message) error {
	return c.settle(ctx, stompwire.Nack, m)
}

func (c *client) settle(ctx context.Context, command stompwire.Command, m *message) error {
	if m.subscription.ackMode == "auto" {
		return nil
	}
	f := &stompwire.Frame{Command: command}
	// How a message is named is what changed most between the versions.
	if c.version == stompwire.V12 {
		id, _ := m.Header.Get("ack")
		f.Header = stompwire.Header{{Name: "id", Value: id}}
	} else {
		id, _ := m.Header.Get("message-id")
		f.Header = stompwire.Header{{Name: "message-id", Value: id}, {Name: "subscription", Value: m.subscription.id}}
	}
	return c.write(ctx, f)
}

// unsubscribe ends a subscription and waits until no more of its messages can come. Those that were not acknowledged
// go back to their queue.
func (c *client) unsubscribe(ctx context.Context, s *subscription) error {
	c.forget(s)
	return c.confirm(ctx, &stompwire.Frame{Command: stompwire.Unsubscribe, Header: stompwire.Header{
		{Name: "id", Value: s.id}, {Name: "destination", Value: s.destination},
	}})
}

// forget has the reader pass over what still comes for a subscription, so that it gets at the RECEIPT behind it.
func (c *client) forget(s *subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.subscriptions[s.id] == s {
		delete(c.subscriptions, s.id)
		close(s.gone)
	}
}

// disconnect says goodbye, waits until the broker is done with everything before it, and closes. If the broker does not
// answer before ctx ends the connection is closed all the same.
func (c *client) disconnect(ctx context.Context) error {
	c.mu.Lock()
	c.closing = true
	c.mu.Unlock()
	for _, s := range c.open() {
		c.forget(s)
	}
	err := c.confirm(ctx, &stompwire.Frame{Command: stompwire.Disconnect})
	c.close()
	return err
}

// close ends the connection without a word, and waits for its goroutines.
func (c *client) close() {
	c.fail(errClosed)
	c.goroutines.Wait()
}

func (c *client) open() []*subscription {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]*subscription, 0, len(c.subscriptions))
	for _, s := range c.subscriptions {
		all = append(all, s)
	}
	return all
}

// confirm sends a frame and waits for its receipt.
func (c *client) confirm(ctx context.Context, f *stompwire.Frame) error {
	r, err := c.request(ctx, f)
	if err != nil {
		return err
	}
	return r.wait(ctx)
}

// request sends a frame with a receipt header.
func (c *client) request(ctx context.Context, f *stompwire.Frame) (*receipt, error) {
	c.mu.Lock()
	c.lastID++
	id := "r" + strconv.Itoa(c.lastID)
	r := &receipt{c: c, done: make(chan struct{})}
	c.receipts[id] = r // before the frame goes out: the answer may be quick
	c.mu.Unlock()
	f.Header = append(f.Header, stompwire.Field{Name: "receipt", Value: id})
	if err := c.write(ctx, f); err != nil {
		return nil, err
	}
	return r, nil
}

// write sends a frame whole. When ctx ends in the middle of one the connection is of no more use.
func (c *client) write(ctx context.Context, f *stompwire.Frame) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	select {
	case <-c.done:
		return c.failure()
	default:
	}
	if err := context.Cause(ctx); err != nil {
		return err // nothing was written: the connection stays good
	}
	c.buffer = stompwire.AppendFrame(c.buffer[:0], f, c.version)
	interrupted := make(chan struct{})
	release := context.AfterFunc(ctx, func() {
		c.conn.SetWriteDeadline(time.Unix(1, 0))
		close(interrupted)
	})
	_, err := c.conn.Write(c.buffer)
	c.lastWrite = time.Now()
	if !release() {
		<-interrupted
		if err != nil {
			c.fail(context.Cause(ctx))
			return context.Cause(ctx)
		}
		c.conn.SetWriteDeadline(time.Time{}) // It came too late to matter.
	}
	if err != nil {
		// The broker says why it closes before it does: the reader may have an ERROR that explains this.
		return c.explain(err)
	}
	return nil
}

// explain waits a moment for what the reader finds, because a failed write knows less.
func (c *client) explain(err error) error {
	select {
	case <-c.done:
	case <-time.After(time.Second):
		c.fail(lost(err))
	}
	return c.failure()
}

// read is the reading goroutine.
func (c *client) read(in *frameReader) {
	for {
		var f stompwire.Frame
		if err := in.next(&f); err != nil {
			c.fail(lost(err))
			return
		}
		switch f.Command {
		case stompwire.Message:
			c.deliver(f)
		case stompwire.Receipt:
			id, _ := f.Header.Get("receipt-id")
			c.mu.Lock()
			r := c.receipts[id]
			delete(c.receipts, id)
			c.mu.Unlock()
			if r != nil {
				close(r.done)
			}
		case stompwire.Error:
			c.fail(errorOf(&f))
			return
		default:
			c.fail(fmt.Errorf("the broker sent a %s, which only clients send", f.Command))
			return
		}
	}
}

// deliver hands a message to next, and waits for that.
func (c *client) deliver(f stompwire.Frame) {
	id, ok := f.Header.Get("subscription")
	c.mu.Lock()
	s := c.subscriptions[id]
	if !ok {
		// A broker of STOMP 1.0 need not name the subscription.
		destination, _ := f.Header.Get("destination")
		for _, other := range c.subscriptions {
			if other.destination == destination {
				s = other
			}
		}
	}
	c.mu.Unlock()
	if s == nil {
		return // It was on its way when we unsubscribed.
	}
	select {
	case c.messages <- &message{Frame: f, subscription: s}:
	case <-s.gone:
	case <-c.done:
	}
}

// beat is the heart-beat goroutine: a newline whenever nothing else was written for the interval that was promised.
func (c *client) beat(every time.Duration) {
	// A little early, because the broker counts from the last one's arrival.
	tick := time.NewTicker(max(every/2, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-tick.C:
		}
		// A frame that is being written is a sign of life too, and might take long.
		if !c.writing.TryLock() {
			continue
		}
		var err error
		if time.Since(c.lastWrite) >= every/2 {
			_, err = c.conn.Write([]byte("\n"))
			c.lastWrite = time.Now()
		}
		c.writing.Unlock()
		if err != nil {
			c.explain(err)
			return
		}
	}
}

// fail ends the connection; the first reason counts.
func (c *client) fail(err error) {
	c.mu.Lock()
	first := c.err == nil
	if first {
		c.err = err
		if c.closing && errors.As(err, new(*lostError)) {
			c.err = errClosed
		}
		close(c.done)
	}
	c.mu.Unlock()
	if first {
		c.conn.Close()
	}
}

func (c *client) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// errorOf makes a Go error of an ERROR frame.
func errorOf(f *stompwire.Frame) error {
	e := &brokerError{detail: string(f.Body)}
	e.message, _ = f.Header.Get("message")
	e.code, _ = f.Header.Get("code")
	return e
}

// lostError is a connection that ended without a word from the broker.
type lostError struct{ cause error }

// Error returns the cause in words.
func (e *lostError) Error() string {
	switch {
	case errors.Is(e.cause, io.EOF):
		return "the connection is lost: the broker closed it"
	case isTimeout(e.cause):
		return "the connection is lost: the broker was silent for too long"
	}
	return "the connection is lost: " + e.cause.Error()
}

// Unwrap returns the cause.
func (e *lostError) Unwrap() error { return e.cause }

func lost(err error) error {
	if errors.As(err, new(*stompwire.SyntaxError)) {
		return fmt.Errorf("what the broker sent is not STOMP: %w", err)
	}
	return &lostError{err}
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// frameReader takes frames off a connection.
type frameReader struct {
	conn    net.Conn
	decoder *stompwire.Decoder
	silence time.Duration // after so long without a byte the broker counts as dead; 0: never
	buffer  [16 << 10]byte
	left    []byte
}

// next fills f with the next frame. It reads only when there is no whole frame left of what was read before.
func (r *frameReader) next(f *stompwire.Frame) error {
	for {
		for len(r.left) > 0 {
			n, ok, err := r.decoder.Decode(r.left, f)
			r.left = r.left[n:]
			if ok || err != nil {
				return err
			}
		}
		if r.silence > 0 {
			r.conn.SetReadDeadline(time.Now().Add(r.silence))
		}
		n, err := r.conn.Read(r.buffer[:])
		r.left = r.buffer[:n]
		if n == 0 && err != nil {
			return err
		}
	}
}
