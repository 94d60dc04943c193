package actors

import "testing"

// Connections are listed in the order they came until they are removed, once.
func TestClientsInTheirOrder(t *testing.T) {
	var c clients
	if c.remove(1) != nil || len(c.all()) != 0 {
		t.Fatal("somebody is there before anybody came")
	}
	const n = 100
	for id := range uint64(n) {
		c.add(&checkpoint{id: id})
	}
	for id := uint64(0); id < n; id += 2 {
		if cp := c.remove(id); cp == nil || cp.id != id || c.remove(id) != nil {
			t.Fatalf("connection %d is not removed once", id)
		}
	}
	all := c.all()
	if len(all) != n/2 || c.len() != n/2 {
		t.Fatalf("%d are listed and %d counted, wants %d", len(all), c.len(), n/2)
	}
	for i, cp := range all {
		if cp.id != uint64(2*i+1) {
			t.Errorf("place %d is connection %d's", i, cp.id)
		}
	}
}
