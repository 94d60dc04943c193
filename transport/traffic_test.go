package transport

import (
	"testing"
)

// Frames that left are counted once the socket has them: the connection's own and those of sinks, and neither
// heart-beats, WebSocket's control frames nor what was taken out again.
func TestFramesThatLeftAreCounted(t *testing.T) {
	d := newDesk(0)
	s, gone := d.openSink(Keep, nil), d.openSink(Keep, nil)
	d.beat()
	d.flush()
	if n := d.Stats().Frames; n != 0 {
		t.Errorf("%d frames after a heart-beat", n)
	}
	d.Append([]byte("RECEIPT\nreceipt-id:1\n\n\x00"))
	s.Deliver(deliveries("1", "2"))
	gone.Deliver(deliveries("3"))
	s.Deliver(deliveries("4"))
	gone.Purge()
	if n := d.Stats().Frames; n != 0 {
		t.Errorf("%d frames before the write", n)
	}
	d.flush()
	if st := d.Stats(); st.Frames != 4 || st.Delivered != 3 {
		t.Errorf("%d frames, of these %d of sinks; want 4 and 3", st.Frames, st.Delivered)
	}
}

// What came is counted in frames that were handed on and in the bytes of the stream, unfinished frames and line
// ends between frames among them.
func TestTrafficThatCameIsCounted(t *testing.T) {
	client, r := pipeRig(t, ActorOptions{})
	const rest = "\n\nSEND\n\nx\x00\nSEND\n\n\x00"
	send(t, client, connect)
	r.admit()
	send(t, client, rest)
	r.inbound(2)
	send(t, client, "SEN")
	client.Close()
	next[*Ended](t, r.session)
	if got := r.conn.Traffic(); got.FramesIn != 3 || got.BytesIn != uint64(len(connect)+len(rest)+3) {
		t.Errorf("%d frames of %d bytes came, want 3 of %d", got.FramesIn, got.BytesIn, len(connect)+len(rest)+3)
	}
}
