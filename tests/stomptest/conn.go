package stomptest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

// Guard is how long a read or write may take before the test is failed. It is generous: it only bounds the time that
// a failing test takes.
const Guard = 20 * time.Second

// Conn is one client. Methods that have no error result fail the test instead, so they must be called by the
// goroutine that runs it.
type Conn struct {
	t    testing.TB
	link net.Conn
	// messages is set when link keeps message boundaries, which the broker promises to put around single frames.
	messages messageReader

	in       []byte
	version  string
	wantBeat bool // CONNECT asked for heart-beats
	beats    bool // and CONNECTED offered them
	number   int  // of receipts made up
	dead     error
	// Split writes every byte on its own, as long as what is written is short, and in pieces of an odd length else.
	Split bool
	// Patience replaces Guard.
	Patience time.Duration
	// Lax takes heart-beats that nobody agreed on, for clients that send nonsense themselves.
	Lax bool
}

// messageReader is a link that delivers messages: WebSocket.
type messageReader interface {
	readMessage() (data []byte, text bool, err error)
}

// New makes a client of a connection, which is closed when the test ends.
func New(t testing.TB, link net.Conn) *Conn {
	c := &Conn{t: t, link: link, Patience: Guard}
	c.messages, _ = link.(messageReader)
	t.Cleanup(func() {
		_ = link.Close()
		link = nil // package testing keeps this function, and a pipe knows its broker
	})
	return c
}

// Link gives the connection underneath.
func (c *Conn) Link() net.Conn { return c.link }

// Version gives the version that CONNECTED named, or "".
func (c *Conn) Version() string { return c.version }

var heartBeat = regexp.MustCompile(`(?m)^heart-beat: *\d+ *, *0*[1-9]\d* *\r?$`)

// Write sends bytes as they are: nothing is escaped, no NUL is added.
func (c *Conn) Write(raw string) {
	c.t.Helper()
	if err := c.TryWrite(raw); err != nil {
		c.t.Fatalf("write %s: %v", quote(raw), err)
	}
}

// TryWrite is Write for when the broker may have closed the connection already.
func (c *Conn) TryWrite(raw string) error {
	if heartBeat.MatchString(raw) {
		c.wantBeat = true
	}
	piece := len(raw)
	if c.Split && len(raw) <= 2048 {
		piece = 1
	} else if c.Split {
		piece = 1021
	}
	for raw != "" {
		n := min(piece, len(raw))
		_ = c.link.SetWriteDeadline(time.Now().Add(c.Patience))
		if _, err := io.WriteString(c.link, raw[:n]); err != nil {
			return err
		}
		raw = raw[n:]
	}
	return nil
}

// Text puts a frame together: the lines are a command and header lines as they shall be on the wire.
func Text(lines ...string) string { return strings.Join(lines, "\n") + "\n\n\x00" }

// TextBody is Text with a body. It adds no content-length.
func TextBody(body string, lines ...string) string {
	return strings.Join(lines, "\n") + "\n\n" + body + "\x00"
}

// Send writes a frame: a command and header lines.
func (c *Conn) Send(lines ...string) {
	c.t.Helper()
	c.Write(Text(lines...))
}

// SendBody writes a SEND with a body and a content-length.
func (c *Conn) SendBody(destination, body string, header ...string) {
	c.t.Helper()
	lines := append([]string{"SEND", "destination:" + destination, fmt.Sprintf("content-length:%d", len(body))}, header...)
	c.Write(TextBody(body, lines...))
}

// TryFrame reads the next frame; heart-beats in front of it are passed over. The error is io.EOF when the broker
// closed the connection between frames.
func (c *Conn) TryFrame() (Frame, error) {
	for {
		f, beat, err := c.next()
		if err != nil || !beat {
			return f, err
		}
	}
}

// TryBeat reads the next heart-beat. A frame in front of it is an error.
func (c *Conn) TryBeat() error {
	f, beat, err := c.next()
	if err == nil && !beat {
		err = fmt.Errorf("got a frame, not a heart-beat: %v", f)
	}
	return err
}

// next reads a frame or a heart-beat.
func (c *Conn) next() (f Frame, beat bool, err error) {
	if c.dead != nil {
		return f, false, c.dead
	}
	defer func() { c.dead = err }()
	_ = c.link.SetReadDeadline(time.Now().Add(c.Patience))
	if c.messages != nil {
		return c.nextMessage()
	}
	for {
		f, n, beat, err := parse(c.in, c.version)
		if err != nil {
			return f, false, fmt.Errorf("the broker broke the protocol: %w", err)
		}
		switch {
		case n == 0:
		case beat || c.Lax:
			c.in = c.in[n:]
			return f, beat, c.noted(f, beat)
		case n < len(c.in): // the line end that belongs to the frame
			if c.in[n] != '\n' {
				return f, false, fmt.Errorf("the broker sent no line end behind a frame, but %s", quote(string(c.in[n:])))
			}
			c.in = c.in[n+1:]
			return f, false, c.noted(f, false)
		}
		buffer := make([]byte, 64<<10)
		got, err := c.link.Read(buffer)
		c.in = append(c.in, buffer[:got]...)
		if got > 0 {
			continue
		}
		if err != nil {
			if errors.Is(err, io.EOF) && len(c.in) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return f, false, c.explain(err)
		}
	}
}

// nextMessage reads a message, which must be one frame or one heart-beat.
func (c *Conn) nextMessage() (f Frame, beat bool, err error) {
	data, text, err := c.messages.readMessage()
	if err != nil {
		return f, false, c.explain(err)
	}
	f, n, beat, err := parse(data, c.version)
	switch {
	case err != nil:
		return f, false, fmt.Errorf("the broker broke the protocol: %w", err)
	case n != len(data):
		return f, false, fmt.Errorf("the broker sent a message that is not one whole frame: %s", quote(string(data)))
	case text != utf8.Valid(data):
		return f, false, fmt.Errorf("the broker sent a message of the wrong kind (text: %t): %s", text, quote(string(data)))
	}
	return f, beat, c.noted(f, beat)
}

func (c *Conn) noted(f Frame, beat bool) error {
	if beat && !c.beats && !c.Lax {
		return errors.New("the broker sent a heart-beat, and no heart-beats were agreed on")
	}
	if !beat && f.Command == "CONNECTED" {
		c.version = f.Header1("version")
		offered, _, _ := strings.Cut(f.Header1("heart-beat"), ",")
		c.beats = c.wantBeat && strings.Trim(offered, "0") != ""
	}
	return nil
}

func (c *Conn) explain(err error) error {
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("nothing came within %v (held: %s)", c.Patience, quote(string(c.in)))
	}
	return err
}

// Frame reads the next frame.
func (c *Conn) Frame() Frame {
	c.t.Helper()
	f, err := c.TryFrame()
	if err != nil {
		c.t.Fatalf("waiting for a frame: %v", err)
	}
	return f
}

// Expect reads the next frame, which must be of this command and have these header lines ("name:value", as on the
// wire; of a repeated one the first counts).
func (c *Conn) Expect(command string, lines ...string) Frame {
	c.t.Helper()
	f := c.Frame()
	if f.Command != command {
		c.t.Fatalf("want %s %q, got %v", command, lines, f)
	}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		if got, there := f.Get(name); !there || got != value {
			c.t.Fatalf("want %s with %s, got %v", command, line, f)
		}
	}
	return f
}

// Beat reads the next heart-beat.
func (c *Conn) Beat() {
	c.t.Helper()
	if err := c.TryBeat(); err != nil {
		c.t.Fatalf("waiting for a heart-beat: %v", err)
	}
}

// TryClosed waits for the end of the connection. A frame in front of it is an error, and so is an end out of order,
// such as a reset.
func (c *Conn) TryClosed() error {
	f, err := c.TryFrame()
	if err == nil {
		return fmt.Errorf("want the connection closed, got %v", f)
	}
	if !isEnd(err) {
		return fmt.Errorf("want the connection closed in good order: %w", err)
	}
	return nil
}

// CloseCode gives the code of the WebSocket Close frame that ended the connection, or 0.
func (c *Conn) CloseCode() int {
	var closed *websocket.CloseError
	if errors.As(c.dead, &closed) {
		return closed.Code
	}
	return 0
}

// Closed waits for the end of the connection; no frame may come before it.
func (c *Conn) Closed() {
	c.t.Helper()
	if err := c.TryClosed(); err != nil {
		c.t.Fatal(err)
	}
}

// isEnd says that the peer ended the connection by the rules: an end of stream, or a WebSocket Close frame. A reset
// or a missing Close frame is not.
func isEnd(err error) bool {
	var closed *websocket.CloseError
	if errors.As(err, &closed) {
		return closed.Code != websocket.CloseAbnormalClosure
	}
	return errors.Is(err, io.EOF)
}

// Connect sends a CONNECT for exactly this version and waits for CONNECTED.
func (c *Conn) Connect(version string, header ...string) Frame {
	c.t.Helper()
	lines := []string{"CONNECT", "accept-version:" + version, "host:test"}
	if version == "1.0" {
		lines = []string{"CONNECT"}
	}
	c.Send(append(lines, header...)...)
	return c.Expect("CONNECTED", "version:"+version)
}

// Subscribe subscribes and waits for the receipt.
func (c *Conn) Subscribe(id, destination string, header ...string) {
	c.t.Helper()
	c.Sync(append([]string{"SUBSCRIBE", "id:" + id, "destination:" + destination}, header...)...)
}

// Sync sends a frame with a receipt header and waits for the RECEIPT, which must be the next frame.
func (c *Conn) Sync(lines ...string) {
	c.t.Helper()
	c.number++
	id := fmt.Sprintf("sync-%d", c.number)
	c.Send(append(lines, "receipt:"+id)...)
	c.Expect("RECEIPT", "receipt-id:"+id)
}

// Disconnect says goodbye and waits until the broker has closed the connection.
func (c *Conn) Disconnect() {
	c.t.Helper()
	c.Sync("DISCONNECT")
	c.Closed()
}

// Drop ends the connection without a goodbye.
func (c *Conn) Drop() { _ = c.link.Close() }
