package stompwire

import (
	"fmt"
	"strconv"
)

// The names of the limits as a [SyntaxError] gives them. They are the fields of
// [Limits] in the spelling of a config file.
const (
	LimitHeaders          = "max_headers"
	LimitHeaderBytes      = "max_header_bytes"
	LimitHeaderBlockBytes = "max_header_block_bytes"
	LimitBodyBytes        = "max_body_bytes"
)

// The clauses of the specification that a SyntaxError names, and, per version, its
// Value Encoding.
const (
	clauseFrames = "1.2 §STOMP Frames"
	clauseBNF    = "1.2 §Augmented BNF"
	clauseBody   = "1.2 §Body"
	clauseLength = "1.2 §Header content-length"
	clauseLimits = "1.2 §Size Limits"
)

// SyntaxError says what is wrong with the octets of a stream. It is fatal to the
// stream: a reader that has lost its place cannot find the next frame.
//
// Its text is fit for the peer and for a log. It quotes nothing of the input but
// the first 32 octets of an unknown command and the two of an undefined escape.
type SyntaxError struct {
	// Clause is the part of the specification that is not met, such as
	// "1.2 §Value Encoding".
	Clause string
	// Offset is where in the stream the fault is, in octets from its beginning. It
	// is the first octet that is wrong, or of the line, lines or body that are.
	Offset int64
	// Problem is a phrase in English without the offset and the clause, fit for the
	// message header of an ERROR frame.
	Problem string
	// Limit is the name of the limit that was passed, one of the Limit constants,
	// or "" if the fault is another.
	Limit string
	// LimitValue is the value of that limit, in octets or in header lines.
	LimitValue int64
	// Receipt is the receipt header of the frame at fault, if that had come, and well,
	// before the fault was found. It is the peer's own text and no part of Error.
	Receipt    string
	HasReceipt bool
}

// Error gives the problem, the offset and the clause.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("stompwire: %s, at offset %d [%s]", e.Problem, e.Offset, e.Clause)
}

func fault(clause string, offset int64, problem string) *SyntaxError {
	return &SyntaxError{Clause: clause, Offset: offset, Problem: problem}
}

func (d *Decoder) over(limit string, value int, offset int64, problem string) *SyntaxError {
	return &SyntaxError{
		Clause: clauseLimits, Offset: offset,
		Problem: problem + " " + limit + " = " + strconv.Itoa(value),
		Limit:   limit, LimitValue: int64(value),
	}
}

func (d *Decoder) overBlock() *SyntaxError {
	return d.over(LimitHeaderBlockBytes, d.limits.MaxHeaderBlockBytes, d.start, "command and header lines are longer than")
}

func (d *Decoder) overBody(offset int64) *SyntaxError {
	return d.over(LimitBodyBytes, d.limits.MaxBodyBytes, offset, "the body is longer than")
}

func (d *Decoder) strayBody(offset int64) *SyntaxError {
	return fault(clauseBody, offset, "a body in a frame of command "+string(d.frame.Command)+": only SEND, MESSAGE and ERROR have one")
}

// maxQuoted is how many octets of a command that we do not know are shown.
const maxQuoted = 32

// quote is what may be shown of b.
func quote(b []byte) string { return strconv.QuoteToASCII(string(b[:min(len(b), maxQuoted)])) }
