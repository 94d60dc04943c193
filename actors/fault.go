package actors

import (
	"fmt"

	"stampede/stompwire"
)

// Code is the stable, machine-readable word in the `code` header of an ERROR frame. Where xtomp has
// a word for the case, that word is kept.
type Code string

// The codes. docs/protocol.md explains each to users.
const (
	CodeSyntax             Code = "syntax"              // the frame can't be read, or lacks a header
	CodeVersion            Code = "version"             // no common protocol version
	CodeAuth               Code = "auth err"            // wrong or missing login
	CodeLoginExpired       Code = "login expired"       // a token that let the client in is not good any more
	CodeForbidden          Code = "forbidden"           // no right to do that
	CodeRefused            Code = "refused"             // a program that embeds the broker did not take the message
	CodeNotConnected       Code = "not connected"       // a frame before CONNECT
	CodeAlreadyConnected   Code = "already connected"   // a second CONNECT
	CodeBadDestination     Code = "bad destination"     // the name can't be used so
	CodeDestinationUnknown Code = "destination unknown" // no such destination, and none is made
	CodeDestinationFull    Code = "q flup"              // max_messages or max_bytes reached
	CodeMessageTooLarge    Code = "msg flup"            // a body over its limit
	CodeHeaders            Code = "hdr flup"            // header count or length over its limit
	CodeSubscriptions      Code = "subs flup"           // too many subscriptions
	CodeSubscription       Code = "subscription"        // unknown or duplicate subscription id
	CodeAck                Code = "ack"                 // ACK or NACK of something not awaiting it
	CodeTransaction        Code = "transaction"         // unknown, duplicate or too large transaction
	CodeUnsupported        Code = "unsupported"         // not offered by this broker
	CodeFrameTimeout       Code = "frame timeout"       // a frame was begun and not finished
	CodeLoginTimeout       Code = "login timeout"       // no CONNECT in time
	CodeHeartBeat          Code = "heart-beat timeout"  // the client fell silent
	CodeIdle               Code = "idle timeout"        // no frame went either way for too long
	CodeRate               Code = "rate exceeded"       // messages come faster than they may
	CodeSlowConsumer       Code = "slow consumer"       // the client doesn't read what it subscribed to
	CodeConnections        Code = "dest flup"           // a limit on connections, subscribers or destinations
	CodeBlocked            Code = "blocked"             // not for clients from the open web
	CodeFilter             Code = "filter required"     // a topic with a filter, and a frame without its header
	CodeNoSubscribers      Code = "no subscribers"      // a topic that refuses what nobody would get
	CodeShutdown           Code = "shutdown"            // the broker is going down
	CodeInternal           Code = "internal error"      // a fault of ours
)

// Fault is an error a client is told of: what goes into an ERROR frame. It never holds a stack
// trace, an internal address or a secret.
type Fault struct {
	Code    Code
	Message string // short, for the message header
	Detail  string // whole sentences, for the body
	Headers []stompwire.Field
}

func (f *Fault) Error() string { return fmt.Sprintf("%s (%s): %s", f.Message, f.Code, f.Detail) }

func faultf(code Code, message, detail string, args ...any) *Fault {
	return &Fault{Code: code, Message: message, Detail: fmt.Sprintf(detail, args...)}
}

// unsupported refuses a feature that would lose or duplicate messages if it were ignored.
func unsupported(feature string) *Fault {
	return faultf(CodeUnsupported, "not supported yet", "this broker does not offer %s yet; the frame was refused, nothing of it was done", feature)
}

// limitFault names the limit and its value.
func limitFault(code Code, message, limit string, value int64) *Fault {
	return faultf(code, message, "the limit %s is %d", limit, value)
}

// frame is the ERROR frame for a fault; receipt is the receipt header of the frame that caused it.
func (f *Fault) frame(receipt string, hasReceipt bool) stompwire.Frame {
	h := make(stompwire.Header, 0, 5+len(f.Headers))
	h = append(h, stompwire.Field{Name: "message", Value: f.Message}, stompwire.Field{Name: "code", Value: string(f.Code)})
	if hasReceipt {
		h = append(h, stompwire.Field{Name: "receipt-id", Value: receipt})
	}
	h = append(h, f.Headers...)
	body := []byte(f.Detail)
	h = append(h,
		stompwire.Field{Name: "content-type", Value: "text/plain"},
		stompwire.Field{Name: "content-length", Value: fmt.Sprint(len(body))})
	return stompwire.Frame{Command: stompwire.Error, Header: h, Body: body}
}
