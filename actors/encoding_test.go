package actors

import (
	"bytes"
	"fmt"
	"testing"

	"stampede/stompwire"
)

// sharedSends decodes SENDs where they are, and makes messages of them; spoil overwrites the memory that they are in.
func sharedSends(t *testing.T, v stompwire.Version, frames ...*stompwire.Frame) (messages []*Message, spoil func()) {
	t.Helper()
	var given []byte
	for _, f := range frames {
		given = stompwire.AppendFrame(given, f, v)
	}
	d := stompwire.NewDecoder(stompwire.DefaultLimits())
	d.SetVersion(v)
	for p := given; len(p) > 0; {
		var f stompwire.Frame
		n, ok, err := d.DecodeShared(p, &f)
		if !ok || err != nil || !f.Shared {
			t.Fatal(ok, err, f.Shared)
		}
		p = p[n:]
		messages = append(messages, made(t, &f))
	}
	return messages, func() {
		for i := range given {
			given[i] = '#'
		}
	}
}

// What is kept of a message stays what it was when the memory of the read that brought it is something else, and is one and the same for all who keep it.
func TestKeptMessagesOwnTheirMemory(t *testing.T) {
	for _, size := range []int{0, 3, 300, 5000} {
		f := sending(string(bytes.Repeat([]byte("b"), size)), "destination:/topic/x", "color:red", "receipt:r")
		want := made(t, f)
		messages, spoil := sharedSends(t, stompwire.V12, f, f)
		m := messages[1]
		m.receipt, m.hasReceipt = m.header[2].Value, true
		kept := m.kept()
		if kept != m.kept() || kept.kept() != kept {
			t.Error("kept twice, a message is two")
		}
		spoil()
		if got, want := wire("", "", kept.tail(stompwire.V12)), wire("", "", want.tail(stompwire.V12)); !bytes.Equal(got, want) {
			t.Errorf("got %q\nwant %q", got, want)
		}
		if kept.receipt != "r" || kept.size != want.size {
			t.Errorf("receipt %q, size %d; want %q, %d", kept.receipt, kept.size, "r", want.size)
		}
	}
}

// A batch is encoded for each version as its messages are one by one, also where another batch was encoded before.
func TestEncodingOfABatch(t *testing.T) {
	var e encoding
	for round := range 3 {
		batch := []*Message{
			made(t, sending(fmt.Sprint("short", round), "a:b\\c", " blank :x")),
			made(t, sending(string(bytes.Repeat([]byte("l"), maxCopiedBody+1)), "a:b")),
			made(t, sending("\xff", "a:b")),
		}
		for _, v := range versions {
			for _, webSocket := range []bool{false, true} {
				for i, d := range e.deliveries(batch, v, webSocket) {
					want := batch[i].tail(v)
					if got := wire("", "", d.Tail); !bytes.Equal(got, wire("", "", want)) {
						t.Fatalf("%v, message %d: got %q\nwant %q", v, i, got, wire("", "", want))
					}
					if webSocket && d.Tail.UTF8 != want.UTF8 {
						t.Errorf("%v, message %d: UTF-8 %v", v, i, d.Tail.UTF8)
					}
				}
			}
			one := made(t, sending("one", "a:b"))
			if got := wire("", "", e.tail(one, v, true)); !bytes.Equal(got, wire("", "", one.tail(v))) {
				t.Errorf("%v, one message: got %q", v, got)
			}
		}
		e.reset()
		if len(e.bytes) > 0 {
			t.Fatal("the next batch is encoded behind this one")
		}
	}
}
