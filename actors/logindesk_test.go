package actors

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// deskOf is a desk whose questions are asked one by one, when the test says so.
func deskOf() (d *loginDesk, step func() bool) {
	var tasks []func()
	d = &loginDesk{schedule: func(f func()) { tasks = append(tasks, f) }}
	return d, func() bool {
		if len(tasks) == 0 {
			return false
		}
		f := tasks[0]
		tasks = tasks[1:]
		f()
		return true
	}
}

// Who sends many questions does not keep others from having theirs asked: the lines take turns, each in its own order.
func TestDeskTakesTurns(t *testing.T) {
	d, step := deskOf()
	var order []string
	ask := func(from, name string) {
		d.submit(question{ctx: context.Background(), from: from, ask: func() { order = append(order, name) }, refuse: func() { t.Errorf("%s was refused", name) }})
	}
	for range maxQuestions {
		ask("flood", "-")
	}
	for i := range 3 {
		ask("flood", fmt.Sprint("f", i))
	}
	ask("a", "a0")
	ask("b", "b0")
	ask("a", "a1")
	for step() {
	}
	if got := strings.Join(slices.DeleteFunc(order, func(s string) bool { return s == "-" }), " "); got != "f0 a0 b0 f1 a1 f2" {
		t.Errorf("asked in the order %s", got)
	}
	if d.asking != 0 || d.waiting != 0 || len(d.lines)+len(d.turns) != 0 {
		t.Errorf("left behind: %+v", d)
	}
}

// When too many wait, the newest of the longest line is refused, and nobody else.
func TestDeskIsBounded(t *testing.T) {
	d, step := deskOf()
	asked, refused := map[string]int{}, map[string]int{}
	ask := func(from string) {
		d.submit(question{ctx: context.Background(), from: from, ask: func() { asked[from]++ }, refuse: func() { refused[from]++ }})
	}
	for range maxQuestions + maxWaitingQuestions {
		ask("flood")
	}
	if len(refused) != 0 {
		t.Fatalf("refused before its time: %v", refused)
	}
	for range 10 {
		ask("a")
	}
	ask("flood")
	for step() {
	}
	if refused["flood"] != 11 || refused["a"] != 0 || asked["a"] != 10 || asked["flood"] != maxQuestions+maxWaitingQuestions-10 {
		t.Errorf("asked %v, refused %v", asked, refused)
	}
}

// A question that nobody waits for any more is not asked.
func TestDeskForgetsWhoHasGone(t *testing.T) {
	d, step := deskOf()
	n := 0
	for range maxQuestions {
		d.submit(question{ctx: context.Background(), ask: func() {}})
	}
	ctx, cancel := context.WithCancel(context.Background())
	for range 5 {
		d.submit(question{ctx: ctx, ask: func() { t.Error("asked") }})
		d.submit(question{ctx: context.Background(), ask: func() { n++ }})
	}
	cancel()
	d.submit(question{ctx: ctx, ask: func() { t.Error("asked") }})
	for step() {
	}
	if n != 5 || d.asking != 0 {
		t.Errorf("asked %d, %d still", n, d.asking)
	}
}
