package actors

import "testing"

// An answer reaches who asked once, or nobody; never is it lost, whoever comes first.
func TestSearch(t *testing.T) {
	r := &resolved{}
	asked := &search{}
	if asked.give(r); asked.take() != r || asked.take() != nil {
		t.Error("an answer that was given is taken once")
	}
	gone := &search{}
	if gone.take() != nil || gone.give(r) {
		t.Error("who has gone gets no answer, and who answers hears of it")
	}
	twice := &search{}
	if !twice.give(r) || twice.give(&resolved{}) || twice.take() != r {
		t.Error("the first of two answers counts, and who gives the second hears of it")
	}
}

// What a client sent behind a batch that was refused is not carried out, wherever it went.
func TestBrokenFlow(t *testing.T) {
	f := &flow{}
	if f.broken(1) {
		t.Error("a flow begins whole")
	}
	f.refuse(5)
	f.refuse(3)
	f.refuse(4)
	for number, want := range map[uint64]bool{1: false, 2: false, 3: false, 4: true, 5: true, 6: true} {
		if f.broken(number) != want {
			t.Errorf("3 was refused, and %d counts as broken: %v", number, !want)
		}
	}
}

// A transaction that a restart has ended takes nothing off the counts of those that were begun since.
func TestEndOfATransactionBeforeARestart(t *testing.T) {
	limits := transactionLimits{count: 2, frames: 10, bytes: 1000}
	before := transactions{limits: limits}
	_ = before.begin("t")
	old, _ := before.get("t")
	_ = before.send(old, nil, &Message{size: 10})
	after := transactions{limits: limits}
	_ = after.begin("t")
	after.end(old)
	if _, fault := after.get("t"); fault != nil || after.frames != 0 || after.bytes != 0 {
		t.Errorf("%v; %d frames, %d octets", fault, after.frames, after.bytes)
	}
}
