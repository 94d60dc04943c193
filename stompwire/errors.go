package stompwire

import (
	"fmt"
)

// The names of the limits as a SyntaxError gives them. They are the same words as
// the keys of the broker's config.
const (
	LimitHeaders          = "max_headers"
	LimitHeaderBytes      = "max_header_bytes"
	LimitHeaderBlockBytes = "max_header_block_bytes"
	LimitBodyBytes        = "max_body_bytes"
)

// SyntaxError says what is wrong with the octets of a stream. It is fatal to the
// stream: a reader that lost its place cannot find the next frame.
//
// Its text is fit for the peer: it names no more of the input than an unknown
// command or an undefined escape, never a header value.
type SyntaxError struct {
	// Clause is the part of the specification that was broken, such as
	// "1.2 §Value Encoding".
	Clause string
	// Offset is where in the stream the fault is, in octets from its beginning.
	Offset int64
	// Problem is one sentence in English, without a full stop.
	Problem string
	// Limit is the name of the limit that was passed, one of the Limit constants,
	// or "".
	Limit string
	// LimitValue is the value of that limit, in octets or header lines.
	LimitValue int64
}

// Error gives the problem, where it is and which clause it breaks.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("stompwire: %s at offset %d [%s]", e.Problem, e.Offset, e.Clause)
}
