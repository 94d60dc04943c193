package transport

// CloseReason names why a connection ends. The values are the whole
// vocabulary: logs, ERROR frames and WebSocket close codes all derive from the
// one table in this file.
type CloseReason uint8

// The reasons a connection ends for.
const (
	// ReasonNone is the zero value: no reason was given.
	ReasonNone CloseReason = iota
	// ReasonClientDisconnected: the client said goodbye, by a DISCONNECT frame or a WebSocket Close.
	ReasonClientDisconnected
	// ReasonConnectionLost: the stream ended or broke without a goodbye.
	ReasonConnectionLost
	// ReasonShutdown: the broker is going down.
	ReasonShutdown
	// ReasonProtocolError: the client broke STOMP or RFC 6455.
	ReasonProtocolError
	// ReasonUnsupportedData: the client sent a kind of data that this endpoint does not take.
	ReasonUnsupportedData
	// ReasonInvalidText: a WebSocket text message was not UTF-8.
	ReasonInvalidText
	// ReasonRefused: the client may not do what it asked for (login, right, policy).
	ReasonRefused
	// ReasonLimitExceeded: a frame or message was larger than a limit allows.
	ReasonLimitExceeded
	// ReasonLoginTimeout: the connection was not admitted in time.
	ReasonLoginTimeout
	// ReasonFrameTimeout: a frame was begun and neither finished nor continued in time.
	ReasonFrameTimeout
	// ReasonHeartBeatTimeout: the peer was silent for longer than its heart-beat promised.
	ReasonHeartBeatTimeout
	// ReasonIdle: no frame went in either direction for too long.
	ReasonIdle
	// ReasonSlowConsumer: the outbox overflowed because the client reads too slowly.
	ReasonSlowConsumer
	// ReasonTryAgainLater: the broker is out of some resource for now (connections, memory).
	ReasonTryAgainLater
	// ReasonInternalError: a fault of the broker.
	ReasonInternalError

	reasonCount
)

// The WebSocket codes are those of RFC 6455 §7.4.1; 1013 is IANA's "Try Again
// Later". A lost connection never sends its code: 1006 must not appear on the
// wire, so 1011 stands in should a Close frame be due after all.
var reasons = [reasonCount]struct {
	code      string
	webSocket int
}{
	ReasonNone:               {"none", 1000},
	ReasonClientDisconnected: {"client disconnected", 1000},
	ReasonConnectionLost:     {"connection lost", 1011},
	ReasonShutdown:           {"shutdown", 1001},
	ReasonProtocolError:      {"protocol error", 1002},
	ReasonUnsupportedData:    {"unsupported data", 1003},
	ReasonInvalidText:        {"invalid text", 1007},
	ReasonRefused:            {"refused", 1008},
	ReasonLimitExceeded:      {"limit exceeded", 1009},
	ReasonLoginTimeout:       {"login timeout", 1008},
	ReasonFrameTimeout:       {"frame timeout", 1008},
	ReasonHeartBeatTimeout:   {"heart-beat timeout", 1008},
	ReasonIdle:               {"idle timeout", 1008},
	ReasonSlowConsumer:       {"slow consumer", 1008},
	ReasonTryAgainLater:      {"try again later", 1013},
	ReasonInternalError:      {"internal error", 1011},
}

// Code returns the stable, machine-readable name of the reason, as it stands
// in the code header of an ERROR and in logs.
func (r CloseReason) Code() string {
	if r >= reasonCount {
		return "unknown"
	}
	return reasons[r].code
}

// WebSocketCode returns the status code of the WebSocket Close frame that says
// this reason.
func (r CloseReason) WebSocketCode() int {
	if r >= reasonCount {
		return reasons[ReasonInternalError].webSocket
	}
	return reasons[r].webSocket
}

// String returns Code.
func (r CloseReason) String() string { return r.Code() }
