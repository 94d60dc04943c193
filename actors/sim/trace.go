package sim

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"stampede/actors"
)

// trace is what happened in a run, step by step. Its sum is always kept, its text when it was asked
// for: two runs that took the same steps have the same sum and the same text.
type trace struct {
	sum  uint64
	text []byte
	full bool
	last time.Time
}

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

func newTrace(full bool) *trace { return &trace{sum: fnvOffset, full: full, last: epoch} }

// step notes which of n steps was taken.
func (t *trace) step(number, pick, n int, now time.Time) {
	var b [3 * binary.MaxVarintLen64]byte
	p := binary.AppendUvarint(b[:0], uint64(pick))
	p = binary.AppendUvarint(p, uint64(n))
	if !now.Equal(t.last) {
		p = binary.AppendUvarint(p, uint64(now.Sub(t.last)))
		t.last = now
	}
	t.add(p)
	if t.full {
		t.text = fmt.Appendf(t.text, "%d +%s %d/%d\n", number, now.Sub(epoch), pick+1, n)
	}
}

func (t *trace) add(p []byte) {
	sum := t.sum
	for _, b := range p {
		sum = (sum ^ uint64(b)) * fnvPrime
	}
	t.sum = sum
}

func (t *trace) addString(p string) {
	sum := t.sum
	for i := range len(p) {
		sum = (sum ^ uint64(p[i])) * fnvPrime
	}
	t.sum = sum
}

// Note adds a line to the present step.
func (t *trace) Note(what, text string) {
	t.addString(what)
	t.addString(text)
	t.remark(what, text)
}

// remark adds a line to the text alone, for what need not be the same in every run: stacks.
func (t *trace) remark(what, text string) {
	if t.full {
		t.text = fmt.Appendf(t.text, "    %s %s\n", what, text)
	}
}

// occasion notes what an actor begins.
func (t *trace) occasion(o *actors.Occasion) {
	t.addString(o.Actor)
	t.addString(o.Message)
	if t.full {
		t.text = fmt.Appendf(t.text, "    %s: %s\n", o.Actor, o)
	}
}

// calls is a stack without what differs from run to run, the numbers of goroutines and addresses: the
// places in this module, innermost first.
func calls(stack string) string {
	var b strings.Builder
	lines := strings.Split(stack, "\n")
	for i := 1; i+1 < len(lines); i += 2 {
		name, _, _ := strings.Cut(lines[i], "(0x")
		place, _, _ := strings.Cut(strings.TrimSpace(lines[i+1]), " +0x")
		if strings.HasPrefix(name, "stampede/") {
			fmt.Fprintf(&b, "%s at %s; ", strings.TrimPrefix(name, "stampede/"), place[strings.LastIndexByte(place, '/')+1:])
		}
	}
	return b.String()
}

// octets notes bytes that went over a link.
func (t *trace) octets(what string, p []byte) {
	t.addString(what)
	t.add(p)
	if t.full {
		t.text = fmt.Appendf(t.text, "    %s %q\n", what, p)
	}
}
