package stompwire

// Command is the first line of a frame. Commands are case sensitive.
type Command string

// The commands of STOMP 1.0, 1.1 and 1.2. Nack and Stomp came with 1.1.
const (
	Connect     Command = "CONNECT"
	Stomp       Command = "STOMP"
	Connected   Command = "CONNECTED"
	Send        Command = "SEND"
	Subscribe   Command = "SUBSCRIBE"
	Unsubscribe Command = "UNSUBSCRIBE"
	Ack         Command = "ACK"
	Nack        Command = "NACK"
	Begin       Command = "BEGIN"
	Commit      Command = "COMMIT"
	Abort       Command = "ABORT"
	Disconnect  Command = "DISCONNECT"
	Message     Command = "MESSAGE"
	Receipt     Command = "RECEIPT"
	Error       Command = "ERROR"
)

// commands is every Command there is.
var commands = [...]Command{
	Connect, Stomp, Connected, Send, Subscribe, Unsubscribe, Ack, Nack,
	Begin, Commit, Abort, Disconnect, Message, Receipt, Error,
}

// lookupCommand gives the constant that line spells, or "".
func lookupCommand(line []byte) Command {
	switch string(line) {
	case "SEND":
		return Send
	case "MESSAGE":
		return Message
	case "ACK":
		return Ack
	case "NACK":
		return Nack
	case "SUBSCRIBE":
		return Subscribe
	case "UNSUBSCRIBE":
		return Unsubscribe
	case "CONNECT":
		return Connect
	case "STOMP":
		return Stomp
	case "CONNECTED":
		return Connected
	case "BEGIN":
		return Begin
	case "COMMIT":
		return Commit
	case "ABORT":
		return Abort
	case "DISCONNECT":
		return Disconnect
	case "RECEIPT":
		return Receipt
	case "ERROR":
		return Error
	}
	return ""
}

// HasBody reports whether frames of this command may have a body: SEND, MESSAGE
// and ERROR may [1.2 §Body].
func (c Command) HasBody() bool { return c == Send || c == Message || c == Error }

// literal reports whether the headers of c are never escaped, whatever the
// version: CONNECT and CONNECTED are read before the two sides agree on one
// [1.2 §Value Encoding].
func (c Command) literal() bool { return c == Connect || c == Stomp || c == Connected }

// ContentLength is the name of the header that says how many octets the body has.
const ContentLength = "content-length"

// Field is one header line: a name and a value, both unescaped.
type Field struct{ Name, Value string }

// Header is the header lines of a frame in the order they came in, repeated names
// included. It is a list and not a map because order and repetition are forwarded.
type Header []Field

// Get gives the value of the first line of that name: the first wins
// [1.2 §Repeated Header Entries]. Names are case sensitive. ok tells an absent
// header from an empty one.
func (h Header) Get(name string) (value string, ok bool) {
	for i := range h {
		if h[i].Name == name {
			return h[i].Value, true
		}
	}
	return "", false
}

// Has reports whether there is a line of that name.
func (h Header) Has(name string) bool {
	_, ok := h.Get(name)
	return ok
}

// Frame is one STOMP frame. The zero Frame is no valid frame, but safe to decode
// into. A Body without octets is nil.
//
// Printing and logging a Frame is safe: see [Frame.String].
type Frame struct {
	Command Command
	Header  Header
	Body    []byte
	// Shared says that the frame is part of memory that other frames are in, too: who keeps it for
	// longer than them keeps a Clone. Only [Decoder.DecodeShared] gives such frames.
	Shared bool
}
