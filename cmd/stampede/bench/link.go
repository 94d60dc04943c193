package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"stampede/stompwire"
)

// link is one connection to the broker. One goroutine reads it, from its first frame to its last; any may write.
type link struct {
	target    *Target
	conn      net.Conn
	webSocket bool
	dialect   dialect // nil: STOMP
	version   stompwire.Version
	server    string // what the broker calls itself

	onMessage func(*frame) error // called by pump
	onReceipt func(*frame) error // but for receipts of the link's own requests
	onRead    func()             // called by pump between reading and handling: the time for a look at the clock

	scan    scanner
	deframe deframer
	buffer  []byte
	read    int // bytes of the last pump

	connected bool
	waiting   int // receipts that request still waits for

	writing sync.Mutex
	leaving bool // DISCONNECT was written
}

// A receipt-id of the link's own begins with this. Those of messages are numbers.
const ownReceipt = "bench-"

// goodbyeReceipt is asked for by DISCONNECT.
const goodbyeReceipt = ownReceipt + "goodbye"

// errGoodbye is the end that goodbye has asked for.
var errGoodbye = errors.New("the broker has confirmed the end")

// refusal is an ERROR frame.
type refusal struct{ message, detail string }

// Error returns the message, or what the body says if there is none.
func (r *refusal) Error() string {
	if r.message == "" {
		return "the broker says: " + r.detail
	}
	return "the broker says: " + r.message
}

// connect dials and logs in. buffer is how much is read at once. ctx bounds that alone; the target's timeout does too.
func (t *Target) connect(ctx context.Context, buffer int) (*link, error) {
	bounded, cancel := context.WithTimeoutCause(ctx, t.timeout(), fmt.Errorf("no answer within %v", t.timeout()))
	defer cancel()
	l, err := t.logIn(bounded, buffer)
	if err == nil {
		return l, nil
	}
	if cause := context.Cause(bounded); cause != nil {
		err = cause
	}
	var refused *refusal
	if errors.As(err, &refused) {
		return nil, err
	}
	return nil, explain(t.URL, err)
}

func (t *Target) logIn(ctx context.Context, buffer int) (*link, error) {
	conn, webSocket, rest, err := t.dial(ctx)
	if err != nil {
		return nil, err
	}
	l := &link{target: t, conn: conn, webSocket: webSocket, buffer: make([]byte, buffer)}
	l.dialect = l.newDialect()
	l.scan.handle = l.frame
	l.scan.keep = stampSize
	l.deframe.data = l.scan.feed
	l.deframe.control = l.control
	stop := interruptWith(ctx, conn)
	f := stompwire.Frame{Command: stompwire.Connect, Header: stompwire.Header{
		{Name: "accept-version", Value: t.versions()},
		{Name: "host", Value: t.Host},
		{Name: "heart-beat", Value: "0,0"}, // there is no silence in a benchmark, and an idle connection is to be idle
	}}
	if t.Host == "" {
		f.Header[1].Value = "/"
	}
	if t.Login != "" || t.Passcode != "" {
		f.Header = append(f.Header, stompwire.Field{Name: "login", Value: t.Login}, stompwire.Field{Name: "passcode", Value: t.Passcode})
	}
	f.Header = append(f.Header, t.ConnectHeader...)
	if l.dialect != nil {
		err = l.write(l.dialect.hello())
	} else {
		err = l.send(&f)
	}
	if err == nil && len(rest) > 0 {
		err = l.feed(rest)
	}
	for err == nil && !l.connected {
		err = l.pump()
	}
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return l, nil
}

// pump reads once and handles what came.
func (l *link) pump() error {
	n, err := l.conn.Read(l.buffer)
	l.read = n
	if l.onRead != nil {
		l.onRead()
	}
	if n > 0 {
		// What came before the end counts.
		if err := l.feed(l.buffer[:n]); err != nil {
			return err
		}
	}
	return err
}

func (l *link) feed(p []byte) error {
	switch {
	case l.dialect != nil:
		return l.dialect.feed(p)
	case l.webSocket:
		return l.deframe.feed(p)
	}
	return l.scan.feed(p)
}

func (l *link) frame(f *frame) error {
	switch f.kind {
	case message:
		if l.onMessage != nil {
			return l.onMessage(f)
		}
		return nil
	case failure:
		return &refusal{message: string(f.get(hMessage)), detail: string(f.body)}
	}
	if l.dialect != nil {
		return l.dialect.answer(f)
	}
	switch f.kind {
	case receipt:
		id := f.get(hReceiptID)
		if string(id) == goodbyeReceipt {
			return errGoodbye
		}
		if bytes.HasPrefix(id, []byte(ownReceipt)) {
			l.waiting--
			return nil
		}
		if l.onReceipt != nil {
			return l.onReceipt(f)
		}
	case connected:
		l.connected = true
		l.server = string(f.get(hServer))
		l.version = stompwire.V10 // which has no such header
		if v := f.get(hVersion); len(v) > 0 {
			l.version, _ = stompwire.ParseVersion(string(v))
		}
	default:
		return errStrange(f)
	}
	return nil
}

func (l *link) control(op byte, payload []byte) error {
	switch op {
	case opClose:
		if len(payload) > 2 {
			return fmt.Errorf("%w: %.120q", errClosing, payload[2:])
		}
		return errClosing
	case opPing:
		pong := append([]byte{final | opPong, masked | byte(len(payload)), 0, 0, 0, 0}, payload...)
		return l.write(pong)
	}
	return nil
}

// request sends frames, each with a receipt, and reads until all of these are there. Only the reading goroutine may call
// it, and messages may come meanwhile.
func (l *link) request(frames ...*stompwire.Frame) error {
	l.conn.SetDeadline(time.Now().Add(l.target.timeout()))
	// Some hundred at a time: a broker may stop to read while it has many answers to write.
	const atOnce = 256
	for i := 0; i < len(frames); i += atOnce {
		some := frames[i:min(i+atOnce, len(frames))]
		var raw []byte
		for j, f := range some {
			f.Header = append(f.Header, stompwire.Field{Name: "receipt", Value: ownReceipt + strconv.Itoa(i+j)})
			raw = l.appendFrame(raw, f)
		}
		l.waiting = len(some)
		if l.dialect != nil {
			raw = append(raw, l.dialect.asked()...)
		}
		err := l.write(raw)
		for err == nil && l.waiting > 0 {
			err = l.pump()
		}
		if isTimeout(err) {
			return fmt.Errorf("no receipt for %s within %v", some[0].Command, l.target.timeout())
		}
		if err != nil {
			return err
		}
	}
	l.conn.SetDeadline(time.Time{})
	return nil
}

// goodbye writes DISCONNECT. What reads the link ends when the receipt is there, or at the time given.
func (l *link) goodbye(until time.Time) error {
	l.writing.Lock()
	l.leaving = true
	l.writing.Unlock()
	l.conn.SetDeadline(until)
	return l.send(&stompwire.Frame{Command: stompwire.Disconnect, Header: stompwire.Header{{Name: "receipt", Value: goodbyeReceipt}}})
}

// left says whether an error of pump is the end that goodbye has asked for.
func (l *link) left(err error) bool {
	return l.isLeaving() && (errors.Is(err, errGoodbye) || errors.Is(err, io.EOF) || errors.Is(err, errClosing))
}

func (l *link) isLeaving() bool {
	l.writing.Lock()
	defer l.writing.Unlock()
	return l.leaving
}

// send writes one frame. It is not for the hot path.
func (l *link) send(f *stompwire.Frame) error {
	return l.write(l.appendFrame(nil, f))
}

func (l *link) appendFrame(dst []byte, f *stompwire.Frame) []byte {
	if l.dialect != nil {
		return l.dialect.appendFrame(dst, f)
	}
	if !l.webSocket {
		return stompwire.AppendFrame(dst, f, l.version)
	}
	raw := stompwire.AppendFrame(nil, f, l.version)
	return append(appendClientHeader(dst, len(raw)), raw...)
}

// sendFrame makes the frame of a message, ready but for what differs between messages: the stamp at the beginning of its
// body, and the number of its receipt, if it has one.
func (l *link) sendFrame(destination string, header stompwire.Header, receipt bool, size int) (raw []byte, stampAt, numberAt int) {
	if l.dialect != nil {
		raw, stampAt = l.dialect.message(destination, size)
		return raw, stampAt, 0
	}
	head := append([]byte(stompwire.Send), '\n')
	head = stompwire.AppendHeader(head, "destination", destination, l.version)
	for _, h := range header {
		head = stompwire.AppendHeader(head, h.Name, h.Value, l.version)
	}
	if receipt {
		head = append(head, "receipt:"...)
		numberAt = len(head)
		head = append(append(head, make([]byte, receiptDigits)...), '\n')
	}
	head = stompwire.AppendHeader(head, stompwire.ContentLength, strconv.Itoa(size), l.version)
	head = append(head, '\n')
	if l.webSocket {
		raw = appendClientHeader(nil, len(head)+size+1)
	}
	numberAt += len(raw)
	raw = append(raw, head...)
	stampAt = len(raw)
	return append(appendFiller(raw, size), 0), stampAt, numberAt
}

// receiptDigits is how wide the number in a receipt header is: frames of a burst have the same length.
const receiptDigits = 12

func appendFiller(dst []byte, size int) []byte {
	for i := range size {
		dst = append(dst, "stampede "[i%9])
	}
	return dst
}

// write sends frames that are ready for the wire.
func (l *link) write(p []byte) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	_, err := l.conn.Write(p)
	return err
}

// close ends the connection. The order of STOMP's and WebSocket's goodbyes has its place before it.
func (l *link) close() {
	if l.webSocket {
		l.conn.SetWriteDeadline(time.Now().Add(time.Second))
		l.write([]byte{final | opClose, masked | 2, 0, 0, 0, 0, 1000 >> 8, 1000 & 0xff})
	}
	if l.dialect != nil {
		l.conn.SetWriteDeadline(time.Now().Add(time.Second))
		l.write(l.dialect.farewell())
	}
	l.conn.Close()
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
