package actors

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// window is one of a mode that was given n messages: m1, m2, ….
func window(mode ackMode, n int) *ackWindow {
	w := newAckWindow(mode, true)
	for i := range n {
		w.add(unacked{messageID: fmt.Sprintf("m%d", i+1)})
	}
	return w
}

func numbersOf(settled []unacked) string {
	var out []string
	for _, u := range settled {
		out = append(out, fmt.Sprint(u.number))
	}
	return strings.Join(out, " ")
}

// The ack header has three values and a default; any other is an ERROR that names it.
func TestParseAckMode(t *testing.T) {
	for _, c := range []struct {
		value   string
		present bool
		want    ackMode
	}{{"", false, ackAuto}, {"auto", true, ackAuto}, {"client", true, ackClient}, {"client-individual", true, ackIndividual}} {
		if got, fault := parseAckMode(c.value, c.present); fault != nil || got != c.want {
			t.Errorf("%q: %v, %v", c.value, got, fault)
		}
	}
	for _, value := range []string{"", "Auto", "auto ", "clients", "individual"} {
		if _, fault := parseAckMode(value, true); fault == nil || fault.Code != CodeSyntax || !strings.Contains(fault.Detail, fmt.Sprintf("%q", value)) {
			t.Errorf("%q: %v", value, fault)
		}
	}
}

// In client mode an acknowledgement settles its message and all before it, in order; in client-individual
// mode that one; a second one of the same message is refused, and so is one that was never given.
func TestAcknowledgementReach(t *testing.T) {
	for _, c := range []struct {
		mode      ackMode
		numbers   []uint64
		settled   []string // "-": refused
		remaining int
	}{
		{ackClient, []uint64{3, 3, 2, 5, 6, 0}, []string{"1 2 3", "-", "-", "4 5", "-", "-"}, 0},
		{ackClient, []uint64{1, 4}, []string{"1", "2 3 4"}, 1},
		{ackIndividual, []uint64{3, 3, 1, 5, 6, 0}, []string{"3", "-", "1", "5", "-", "-"}, 2},
	} {
		w := window(c.mode, 5)
		for i, n := range c.numbers {
			settled, ok := w.mark(n, refused, "", false, nil)
			got := numbersOf(settled)
			if !ok {
				got = "-"
			}
			if got != c.settled[i] {
				t.Errorf("mode %d, number %d: %q is settled, wants %q", c.mode, n, got, c.settled[i])
			}
			for _, u := range settled {
				if u.how != refused || u.messageID != fmt.Sprintf("m%d", u.number) {
					t.Errorf("settled as %+v", u)
				}
			}
		}
		if w.open != c.remaining {
			t.Errorf("mode %d: %d await an acknowledgement, wants %d", c.mode, w.open, c.remaining)
		}
	}
}

// A message-id stands for the newest delivery of its message, until that is settled.
func TestAcknowledgeByMessageID(t *testing.T) {
	w := newAckWindow(ackIndividual, true)
	w.add(unacked{messageID: "a"})
	w.add(unacked{messageID: "b"})
	if n, ok := w.find("a"); !ok || n != 1 {
		t.Errorf("a is number %d, %t", n, ok)
	}
	w.add(unacked{messageID: "a"}) // came back, and again to us
	if n, ok := w.find("a"); !ok || n != 3 {
		t.Errorf("a is number %d, %t", n, ok)
	}
	w.mark(1, acknowledged, "", false, nil)
	if n, ok := w.find("a"); !ok || n != 3 {
		t.Errorf("the older delivery took the newer one's name: %d, %t", n, ok)
	}
	w.mark(3, acknowledged, "", false, nil)
	if _, ok := w.find("a"); ok {
		t.Error("a settled message is still found")
	}
	if _, ok := w.find("never given"); ok {
		t.Error("a message that was never given is found")
	}
	if len(w.numbers) != 1 {
		t.Errorf("%d names are kept for one message", len(w.numbers))
	}
	if _, ok := newAckWindow(ackClient, false).find("a"); ok {
		t.Error("found without names")
	}
}

// What a transaction has marked can't be acknowledged otherwise, is settled by its COMMIT as it was marked,
// and is pending again after its ABORT; other transactions are not touched.
func TestTransactionMarks(t *testing.T) {
	w := window(ackClient, 6)
	if settled, ok := w.mark(2, refused, "one", true, nil); !ok || len(settled) > 0 {
		t.Errorf("marking settled %v, %t", settled, ok)
	}
	if _, ok := w.mark(1, acknowledged, "", false, nil); ok {
		t.Error("a marked message was acknowledged outside of its transaction")
	}
	if _, ok := w.mark(2, acknowledged, "two", true, nil); ok {
		t.Error("a marked message was marked by another transaction")
	}
	if _, ok := w.mark(4, acknowledged, "two", true, nil); !ok || w.open != 2 {
		t.Errorf("%d are open, wants 2", w.open)
	}
	if settled, _ := w.mark(5, acknowledged, "", false, nil); numbersOf(settled) != "5" {
		t.Errorf("the cumulative acknowledgement settled %q", numbersOf(settled))
	}
	if settled := w.commit("unknown", nil); len(settled) > 0 {
		t.Errorf("an unknown transaction settled %v", settled)
	}
	w.abort("two")
	if w.open != 3 {
		t.Errorf("%d are open after the abort, wants 3", w.open)
	}
	settled := w.commit("one", nil)
	if numbersOf(settled) != "1 2" || settled[0].how != refused || settled[1].how != refused {
		t.Errorf("the commit settled %+v", settled)
	}
	if again := w.commit("one", nil); len(again) > 0 {
		t.Errorf("a second commit settled %v", again)
	}
	if settled, ok := w.mark(6, acknowledged, "", false, nil); !ok || numbersOf(settled) != "3 4 6" || w.open != 0 {
		t.Errorf("the rest is %q", numbersOf(settled))
	}
	if w.items != nil || len(w.numbers) > 0 {
		t.Errorf("%d items and %d names are left of a window that has caught up", len(w.items), len(w.numbers))
	}
}

// One message that is never acknowledged does not keep the place of the 100,000 after it.
func TestWindowForgetsWhatIsSettled(t *testing.T) {
	for _, byMessageID := range []bool{false, true} {
		w := newAckWindow(ackIndividual, byMessageID)
		w.add(unacked{messageID: "stuck"})
		const inFlight = 10
		most := 0
		for i := range 100_000 {
			n := w.add(unacked{messageID: fmt.Sprint(i)})
			if n > inFlight {
				if _, ok := w.mark(n-inFlight+1, acknowledged, "", false, nil); !ok {
					t.Fatalf("message %d can't be acknowledged", n)
				}
			}
			most = max(most, cap(w.items))
		}
		if most > 256 || len(w.numbers) > inFlight+1 {
			t.Errorf("the window grew to %d places and has %d names, with %d messages open", most, len(w.numbers), w.open)
		}
		if w.items[0].number != 1 || w.items[0].done {
			t.Error("the message that nobody acknowledged is gone")
		}
	}
}

// After a burst the window gives its memory back, though one message of it stays.
func TestWindowShrinksAfterABurst(t *testing.T) {
	w := window(ackIndividual, 20_000)
	for n := uint64(2); n <= 20_000; n++ {
		w.mark(n, acknowledged, "", false, nil)
	}
	if w.open != 1 || cap(w.items) > 256 {
		t.Errorf("%d places are kept for %d messages", cap(w.items), w.open)
	}
}

// modelWindow is an ack window without numbers to search by and without forgetting.
type modelWindow struct {
	mode  ackMode
	items []*unacked
}

func (m *modelWindow) pending(u *unacked) bool { return !u.done && !u.inTx }

func (m *modelWindow) mark(n uint64, how outcome, tx string, inTx bool) (settled []uint64, ok bool) {
	i := slices.IndexFunc(m.items, func(u *unacked) bool { return u.number == n && m.pending(u) })
	if i < 0 {
		return nil, false
	}
	for j, u := range m.items {
		if !m.pending(u) || j > i || m.mode == ackIndividual && j < i {
			continue
		}
		if u.how = how; inTx {
			u.inTx, u.tx = true, tx
			continue
		}
		u.done = true
		settled = append(settled, u.number)
	}
	return settled, true
}

// Through any mixture of deliveries, acknowledgements and transactions the window settles what a list that
// never forgets would settle, in the same order and as the same thing.
func TestAckWindowAgainstModel(t *testing.T) {
	randomly(t, 40, func(t *testing.T, r *rand.Rand) {
		mode := []ackMode{ackClient, ackIndividual}[r.IntN(2)]
		w, m := newAckWindow(mode, r.IntN(2) == 0), &modelWindow{mode: mode}
		for step := range 300 {
			var settled []unacked
			var want []uint64
			tx := fmt.Sprint(r.IntN(3))
			switch k := r.IntN(20); {
			case k < 10:
				id := fmt.Sprint(r.IntN(50))
				m.items = append(m.items, &unacked{number: w.add(unacked{messageID: id}), messageID: id})
			case k < 17 && len(m.items) > 0:
				n := uint64(max(0, len(m.items)+2-r.IntN(40)))
				how, inTx := []outcome{acknowledged, refused, discarded}[r.IntN(3)], r.IntN(3) == 0
				var ok, wantOK bool
				settled, ok = w.mark(n, how, tx, inTx, nil)
				if want, wantOK = m.mark(n, how, tx, inTx); ok != wantOK {
					t.Fatalf("step %d: acknowledging %d is %t, wants %t", step, n, ok, wantOK)
				}
			case k < 19:
				settled = w.commit(tx, nil)
				for _, u := range m.items {
					if u.inTx && u.tx == tx && !u.done {
						u.done = true
						want = append(want, u.number)
					}
				}
			default:
				w.abort(tx)
				for _, u := range m.items {
					if u.inTx && u.tx == tx && !u.done {
						u.inTx = false
					}
				}
			}
			if len(settled) != len(want) {
				t.Fatalf("step %d: settled %s, wants %v", step, numbersOf(settled), want)
			}
			for i, u := range settled {
				if x := m.items[u.number-1]; u.number != want[i] || u.how != x.how || u.messageID != x.messageID {
					t.Fatalf("step %d: settled %+v, wants %+v", step, u, *x)
				}
			}
			open, kept := 0, 0
			names := make(map[string]uint64)
			for _, u := range m.items {
				if m.pending(u) {
					open++
				}
				if !u.done {
					kept++
				}
				names[u.messageID] = u.number
			}
			if w.open != open || len(w.items) > 2*kept+64 {
				t.Fatalf("step %d: %d open of %d items, wants %d of about %d", step, w.open, len(w.items), open, kept)
			}
			for id, n := range names {
				got, ok := w.find(id)
				if want := w.numbers != nil && !m.items[n-1].done; ok != want || ok && got != n {
					t.Fatalf("step %d: %s is number %d, %t; wants %d, %t", step, id, got, ok, n, want)
				}
			}
		}
	})
}
