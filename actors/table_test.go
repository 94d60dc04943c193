package actors

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// A table holds what was put in and not removed, through growth and any order of changes.
func TestTableAgainstMap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	table := newTable()
	if table.lookup("/topic/0") != nil || table.remove(&handle{}) {
		t.Fatal("an empty table has something")
	}
	model := make(map[string]*handle)
	for step := range 20000 {
		address := fmt.Sprintf("/topic/%d", r.IntN(700))
		switch h := model[address]; {
		case h == nil:
			h = &handle{address: address}
			table.put(h)
			model[address] = h
		case r.IntN(2) == 0:
			if !table.remove(h) || table.remove(h) {
				t.Fatalf("step %d: a handle that is there is removed once", step)
			}
			delete(model, address)
		}
		address = fmt.Sprintf("/topic/%d", r.IntN(700))
		if got := table.lookup(address); got != model[address] {
			t.Fatalf("step %d: %s is %v, wants %v", step, address, got, model[address])
		}
	}
	if n := int(table.count.Load()); n != len(model) {
		t.Errorf("it counts %d, wants %d", n, len(model))
	}
	seen := 0
	table.each(func(h *handle) {
		seen++
		if model[h.address] != h {
			t.Errorf("%s is there and was removed", h.address)
		}
	})
	if seen != len(model) {
		t.Errorf("each names %d of %d", seen, len(model))
	}
}

// A table does not grow with what has come and gone.
func TestTableForgetsWhatHasGone(t *testing.T) {
	table := newTable()
	for i := range 100000 {
		h := &handle{address: fmt.Sprint(i)}
		table.put(h)
		table.remove(h)
	}
	if n := len(*table.slots.Load()); n > leastSlots {
		t.Errorf("it has %d slots for nothing", n)
	}
}

// Whoever reads while the router writes finds what is there all the time.
func TestTableReadWhileWritten(t *testing.T) {
	table := newTable()
	stays := &handle{address: "/queue/stays"}
	table.put(stays)
	var readers sync.WaitGroup
	over := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				if table.lookup("/queue/stays") != stays || table.lookup("/queue/never") != nil {
					t.Error("a reader did not find what is there, or found what is not")
					return
				}
			}
		})
	}
	var last *handle
	for i := range 5000 {
		h := &handle{address: fmt.Sprint(i)}
		table.put(h)
		if last != nil && i%3 > 0 {
			table.remove(last)
		}
		last = h
	}
	close(over)
	readers.Wait()
}
