package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"stampede/stompwire"
)

// A topic with a filter gives each message to those who named, in SUBSCRIBE, the value that the message
// has in one certain header. Who that is, is looked up and not worked out for each subscriber.

// filterMissing refuses a SEND without the header that its destination filters by.
func (h *handle) filterMissing(f *stompwire.Frame) *Fault {
	header := h.settings.Load().filter
	if header == "" {
		return nil
	}
	if _, ok := f.Header.Get(header); ok {
		return nil
	}
	return faultf(CodeFilter, "filter required", "a SEND to %q needs the header %q: by its value it is decided who gets the message", h.name, header)
}

// filterFits tells whether a subscription names a value exactly if the destination filters. One that is
// attached stays so: a reload may have changed what is asked for. A wildcard that does not fit gets nothing
// from here, and hears nothing of it.
func (d *destination) filterFits(m *subscribe) (bool, *Fault) {
	filters := d.settings().filter != ""
	switch {
	case filters == (m.link.filter != nil), d.topic != nil && d.topic.find(m.key) != nil, d.buffer != nil && d.buffer.index[m.key] != nil:
		return true, nil
	case filters:
		return false, faultf(CodeFilter, "filter required", "a SUBSCRIBE to %q needs a filter header: the value of the header %q that messages must have", d.handle.name, d.settings().filter)
	default:
		return false, faultf(CodeSyntax, "no filter here", "%q does not filter its messages (filter of a [[destination]]); a selector header would", d.handle.name)
	}
}

// spreadFiltered gives each run of messages of one value to those who named it.
func (d *destination) spreadFiltered(ctx actor.Context, header string, batch []*Message, progress *spread) {
	passed := 0
	for len(batch) > 0 {
		value, has := batch[0].header.Get(header)
		run := 1
		for run < len(batch) {
			if v, h := batch[run].header.Get(header); v != value || h != has {
				break
			}
			run++
		}
		if has { // one without it came before the topic filtered
			to := d.topic.byFilter[value]
			d.spreadTo(ctx, to, batch[:run], progress, passed)
			passed += len(to)
		}
		batch = batch[run:]
	}
}

func (t *topic) addFilter(s *subscriber) {
	if s.link.filter == nil {
		return
	}
	if t.byFilter == nil {
		t.byFilter = make(map[string][]*subscriber)
	}
	same := t.byFilter[*s.link.filter]
	s.among = len(same)
	t.byFilter[*s.link.filter] = append(same, s)
}

func (t *topic) dropFilter(s *subscriber) {
	if s.link.filter == nil {
		return
	}
	same := t.byFilter[*s.link.filter]
	last := len(same) - 1
	same[s.among] = same[last]
	same[s.among].among = s.among
	same[last] = nil
	if last == 0 {
		delete(t.byFilter, *s.link.filter)
	} else {
		t.byFilter[*s.link.filter] = same[:last]
	}
}
