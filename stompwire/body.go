package stompwire

import "bytes"

// firstBody is the least that is taken for a body that comes in parts, in octets.
const firstBody = 512

// largeBody is from where on a body grows in larger steps.
const largeBody = 1 << 20

// decodeBody consumes octets of the body and the NUL after it.
func (d *Decoder) decodeBody(p []byte) (n int, ok bool, bad *SyntaxError) {
	if d.length != noLength {
		return d.decodeCounted(p)
	}
	n = bytes.IndexByte(p, 0)
	if ok = n >= 0; !ok {
		n = len(p)
	}
	switch {
	case n > 0 && !d.frame.Command.HasBody():
		return 0, false, d.strayBody(d.offset)
	case n > d.limits.MaxBodyBytes-len(d.body):
		return 0, false, d.overBody(d.offset - int64(len(d.body)))
	}
	if !ok {
		d.holdBody(p, d.limits.MaxBodyBytes)
		return n, false, nil
	}
	d.holdBody(p[:n], len(d.body)+n)
	d.endBody()
	return n + 1, true, nil
}

// decodeCounted consumes octets of a body with a content-length.
func (d *Decoder) decodeCounted(p []byte) (n int, ok bool, bad *SyntaxError) {
	n = min(len(p), d.length-len(d.body))
	d.holdBody(p[:n], d.length)
	if n == len(p) {
		return n, false, nil
	}
	if p[n] != 0 {
		return 0, false, fault(clauseLength, d.offset+int64(n), "no NUL after as many octets of body as content-length says")
	}
	d.endBody()
	return n + 1, true, nil
}

// holdBody adds p to the body. What it takes for that is at most twice what has
// arrived, from a MiB on four times, whatever content-length claims, and never more than most
// octets. What a large body has grown through is a third of it then, and not all of it.
func (d *Decoder) holdBody(p []byte, most int) {
	if need := len(d.body) + len(p); need > cap(d.body) {
		factor := 2
		if need >= largeBody {
			factor = 4
		}
		size := max(need, factor*len(d.body), firstBody)
		if most <= max(factor*need, size) {
			size = most // the last time
		}
		grown := make([]byte, len(d.body), size)
		copy(grown, d.body)
		d.body = grown
	}
	d.body = append(d.body, p...)
}

func (d *Decoder) endBody() {
	d.frame.Body = nil
	if len(d.body) > 0 {
		d.frame.Body = clip(d.body)
	}
	d.body = nil
	d.phase = between
}
