package actors

import (
	"slices"

	"stampede/stompwire"
	"stampede/transport"
)

// What an injector does to the frames of a client. Clients may send any frame at any time, so whatever comes
// of it is something that the rest of the session knows how to deal with.

// intact asks the injector about the next frame; false: it is to be passed over.
func (s *session) intact(in *transport.Inbound) bool {
	s.asked = true
	if s.twins > 0 {
		s.twins--
		return true
	}
	f := &in.Frames[s.cursor]
	switch s.life.strikeFrame(f) {
	case ActionDrop:
		*f = stompwire.Frame{}
		return false
	case ActionDuplicate:
		in.Frames = slices.Insert(in.Frames, s.cursor+1, *f)
		s.twins++
	case ActionReorder:
		if s.swapped == nil {
			held := *f
			s.swapped = &held
			*f = stompwire.Frame{}
			return false
		}
	}
	return true
}

// swap puts the frame that changed places behind the one that was just handled.
func (s *session) swap(in *transport.Inbound) {
	in.Frames = slices.Insert(in.Frames, s.cursor, *s.swapped)
	s.swapped = nil
	s.twins++
}

// endSwap: when no frame comes any more there is none to change places with.
func (s *session) endSwap() {
	if _, more := s.backlog[0].(*transport.Inbound); more {
		return
	}
	s.backlog = slices.Insert(s.backlog, 0, any(&transport.Inbound{Frames: []stompwire.Frame{*s.swapped}}))
	s.swapped = nil
	s.twins++
}
