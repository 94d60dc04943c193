package actors

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func wantFault(t *testing.T, what string, fault *Fault, code Code, detail string) {
	t.Helper()
	switch {
	case code == "" && fault != nil:
		t.Errorf("%s: refused: %v", what, fault)
	case code != "" && fault == nil:
		t.Errorf("%s: not refused", what)
	case fault != nil && (fault.Code != code || !strings.Contains(fault.Detail, detail)):
		t.Errorf("%s: got %v, wants the code %q and %q", what, fault, code, detail)
	}
}

// As many transactions may be open as the limit says, not one more; where it is 0, none. An id that is open
// can't be begun again, one that has ended can.
func TestTransactionCount(t *testing.T) {
	for limit := range 4 {
		tx := transactions{limits: transactionLimits{count: limit, frames: 10, bytes: 10}}
		for i := range limit {
			wantFault(t, "within the limit", tx.begin(fmt.Sprint(i)), "", "")
		}
		wantFault(t, "beyond the limit", tx.begin("x"), CodeTransaction, fmt.Sprintf("limits.max_transactions is %d", limit))
		if limit == 0 {
			continue
		}
		wantFault(t, "twice", tx.begin("0"), CodeTransaction, `"0" is open already`)
		open, fault := tx.get("0")
		wantFault(t, "get", fault, "", "")
		tx.end(open)
		_, fault = tx.get("0")
		wantFault(t, "after its end", fault, CodeTransaction, `no open transaction "0"`)
		wantFault(t, "again", tx.begin("0"), "", "")
		wantFault(t, "beyond the limit again", tx.begin("x"), CodeTransaction, fmt.Sprintf("limits.max_transactions is %d", limit))
	}
	_, fault := new(transactions).get("")
	wantFault(t, "never begun", fault, CodeTransaction, `no open transaction ""`)
}

// The frames and octets of all open transactions together may reach their limits and not pass them; what a
// refused frame would have cost is not booked, and a transaction's end gives back all it took.
func TestTransactionFramesAndBytes(t *testing.T) {
	to := &handle{name: "/queue/q"}
	send := func(n int) *Message { return &Message{size: n} }
	const frames, octets = 5, 5 * messageOverhead
	for _, over := range []int{-1, 0, 1} {
		t.Run(fmt.Sprintf("frames%+d", over), func(t *testing.T) {
			tx := transactions{limits: transactionLimits{count: 2, frames: frames, bytes: 1 << 30}}
			a, b := begun(t, &tx, "a"), begun(t, &tx, "b")
			for i := range frames - 1 + over {
				wantFault(t, "within the limit", tx.send([]*transaction{a, b}[i%2], to, send(1)), "", "")
			}
			want, detail := Code(""), ""
			if over > 0 {
				want, detail = CodeTransaction, "limits.max_transaction_frames is 5"
			}
			wantFault(t, "SEND at the limit", tx.send(a, to, send(1)), want, detail)
		})
		t.Run(fmt.Sprintf("bytes%+d", over), func(t *testing.T) {
			tx := transactions{limits: transactionLimits{count: 2, frames: 100, bytes: octets}}
			a, b := begun(t, &tx, "a"), begun(t, &tx, "b")
			wantFault(t, "ACK", tx.mark(a, 1), "", "")
			wantFault(t, "SEND", tx.send(b, to, send(octets-2*messageOverhead+over)), "", "")
			want, detail := Code(""), ""
			if over > 0 {
				want, detail = CodeTransaction, fmt.Sprintf("limits.max_transaction_bytes is %d", octets)
			}
			wantFault(t, "ACK at the limit", tx.mark(b, 1), want, detail)
			if over > 0 && (tx.frames != 2 || len(b.subs) > 0) {
				t.Errorf("the refused ACK was booked: %d frames, subscriptions %v", tx.frames, b.subs)
			}
			tx.end(a)
			wantFault(t, "after an end", tx.mark(b, 1), "", "")
			tx.end(b)
			if tx.frames != 0 || tx.bytes != 0 || len(tx.open) != 0 {
				t.Errorf("%d frames of %d bytes are booked, %d transactions open, after all have ended", tx.frames, tx.bytes, len(tx.open))
			}
		})
	}
}

func begun(t *testing.T, tx *transactions, id string) *transaction {
	t.Helper()
	wantFault(t, "BEGIN", tx.begin(id), "", "")
	open, fault := tx.get(id)
	wantFault(t, "get", fault, "", "")
	return open
}

// A transaction keeps its SENDs in the order they came, and names each subscription with marks once.
func TestTransactionContents(t *testing.T) {
	tx := transactions{limits: transactionLimits{count: 1, frames: 100, bytes: 1 << 20}}
	a := begun(t, &tx, "a")
	var want []pendingSend
	for i := range 6 {
		p := pendingSend{to: &handle{}, msg: &Message{size: i}}
		want = append(want, p)
		wantFault(t, "SEND", tx.send(a, p.to, p.msg), "", "")
		wantFault(t, "ACK", tx.mark(a, uint32(i%3)), "", "")
	}
	if !slices.Equal(a.sends, want) || !slices.Equal(a.subs, []uint32{0, 1, 2}) {
		t.Errorf("sends %v, subscriptions %v", a.sends, a.subs)
	}
}
