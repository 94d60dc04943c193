package transport

import "encoding/binary"

// The outbox writes the headers of outgoing WebSocket messages itself instead
// of calling gorilla's WriteMessage. That costs one system call per message
// and needs the whole message in one piece; here many messages leave in one
// call, and a shared tail is never copied twice. What a server writes is
// simple: final, unmasked, not compressed [RFC 6455 §5.2]. All else, the
// handshake, reading, unmasking, fragments, control frames, is gorilla's.
const (
	opText   = 0x81 // FIN and opcode
	opBinary = 0x82
	opClose  = 0x88
	opPing   = 0x89
	opPong   = 0x8a

	maxMessageHeader  = 10
	maxControlPayload = 125
	maxCloseText      = maxControlPayload - 2
)

// messageHeaderLen is the length of the header in front of size bytes.
func messageHeaderLen(size int) int {
	switch {
	case size <= 125:
		return 2
	case size <= 0xffff:
		return 4
	}
	return 10
}

// appendMessageHeader appends the header of an unfragmented message.
func appendMessageHeader(dst []byte, first byte, size int) []byte {
	switch {
	case size <= 125:
		return append(dst, first, byte(size))
	case size <= 0xffff:
		return binary.BigEndian.AppendUint16(append(dst, first, 126), uint16(size))
	}
	return binary.BigEndian.AppendUint64(append(dst, first, 127), uint64(size))
}

// closeFrame encodes a Close frame. A code of 0 or 1005 means an empty one. The
// text is cut to what fits, between characters.
func closeFrame(code int, text string) []byte {
	if code == 0 || code == 1005 {
		return []byte{opClose, 0}
	}
	text = cutText(text, maxCloseText)
	f := append(make([]byte, 0, 4+len(text)), opClose, byte(2+len(text)))
	f = binary.BigEndian.AppendUint16(f, uint16(code))
	return append(f, text...)
}

// cutText cuts s to at most n bytes of whole characters.
func cutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}
