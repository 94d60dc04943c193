package actors

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/actors/journal"
	"stampede/config"
	"stampede/stompwire"
)

// recorderState is the way from destinations to their journals, and what is there over a restart.
type recorderState struct {
	core   *core
	pid    *actor.PID
	writer *journal.Writer

	waiting    atomic.Int64 // octets that were handed over and are not dealt with
	overloaded atomic.Bool  // something was left out because of that, and it has not been told how much
	left       atomic.Uint64
	written    atomic.Uint64 // messages
	lost       atomic.Uint64 // messages that were to be recorded and are not
}

// recorder is the actor that writes the journals of destinations. Nobody waits for it: what it can't take
// or write is counted, and told of, and gone.
type recorder struct {
	*recorderState
	life *life
}

// recording (destination → recorder): messages that were taken.
type recording struct {
	destination string
	records     []*journal.Record
	size        int
	done        int  // records written; like the next: a restarted recorder goes on from here
	freed       bool // the size was taken off what waits
}

// finishJournal (broker → recorder): the broker ends, and what was handed over before is to be on the
// disk.
type finishJournal struct{ done func() }

// finishJournal returns a channel that is closed when everything that destinations had been sent before is on the disk. A
// client that was dropped has waited for nothing, so they may not have come to what it sent; and what they do may make a
// dead letter, which is one more for another of them.
func (c *core) finishJournal() <-chan struct{} {
	finished := make(chan struct{})
	write := func() {
		c.system.Root.Send(c.journal.pid, &finishJournal{done: sync.OnceFunc(func() { close(finished) })})
	}
	if c.settings().Journal.Directory == "" {
		write()
		return finished
	}
	letters := func() { c.system.Root.Send(c.router(), &catchUp{done: sync.OnceFunc(write)}) }
	c.system.Root.Send(c.router(), &catchUp{done: sync.OnceFunc(letters)})
	return finished
}

func newRecorderState(c *core) *recorderState {
	return &recorderState{core: c, writer: journal.NewWriter(c.journalOptions(c.settings()))}
}

func (c *core) journalOptions(cfg *config.Config) journal.Options {
	j := cfg.Journal
	return journal.Options{
		Directory: j.Directory, FileBytes: int64(j.FileBytes), FileAge: j.FileAge,
		MaxFiles: j.MaxFiles, MaxBytes: int64(j.MaxBytes),
		Recovered: func(destination string, lost int) {
			c.log.Warn("the journal works again", "destination", destination, "left out", lost)
		},
	}
}

// record hands messages that a destination has taken over to its journal.
func (r *recorderState) record(d *handle, batch []*Message) {
	if len(batch) == 0 {
		return
	}
	size := 0
	for _, m := range batch {
		size += m.size
	}
	limit := int64(r.core.settings().Journal.Buffer)
	for {
		waiting := r.waiting.Load()
		if waiting > 0 && waiting+int64(size) > limit {
			r.overload(d, len(batch), limit)
			return
		}
		if r.waiting.CompareAndSwap(waiting, waiting+int64(size)) {
			break
		}
	}
	now := r.core.clock.Now()
	m := &recording{destination: d.name, size: size, records: make([]*journal.Record, len(batch))}
	for i, msg := range batch {
		msg = msg.kept()
		m.records[i] = &journal.Record{Time: now, Destination: d.name, ID: msg.id, Header: msg.passedOn(), Body: msg.body}
	}
	r.core.system.Root.Send(r.pid, m)
}

// overload leaves messages out. It is told once, and once more when the journal keeps up again.
func (r *recorderState) overload(d *handle, n int, limit int64) {
	r.lost.Add(uint64(n))
	r.left.Add(uint64(n))
	if !r.overloaded.Swap(true) {
		r.core.event(Event{
			Kind: EventJournalOverloaded, Role: r.core.roles.recorder.name, Actor: r.pid.Id, Destination: d.name, Count: uint64(n),
			Cause: fmt.Sprintf("more waits to be written than journal.buffer, which is %d", limit),
		})
	}
}

func newRecorder(state *recorderState) func(*life) process {
	return func(l *life) process { return &recorder{recorderState: state, life: l} }
}

func (r *recorder) renew() process { return &recorder{recorderState: r.recorderState, life: r.life} }

func (r *recorder) receive(ctx actor.Context, message any) {
	switch m := message.(type) {
	case *recording:
		r.write(m)
	case *settingsChanged:
		r.tell(r.writer.SetOptions(r.core.clock.Now(), r.core.journalOptions(r.core.settings()))...)
	case *finishJournal:
		r.tell(r.writer.Close(r.core.clock.Now())...)
		m.done()
	case *actor.Started, *actor.Restarting:
	case *actor.Stopping: // what came after finishJournal
		r.tell(r.writer.Close(r.core.clock.Now())...)
	case *actor.Stopped:
	default:
		r.core.unhandled(r.life, message)
	}
}

// refuse leaves out what keeps crashing the recorder.
func (r *recorder) refuse(_ actor.Context, message any) {
	switch m := message.(type) {
	case *recording:
		r.lost.Add(uint64(len(m.records) - m.done))
		r.free(m)
	case *finishJournal:
		m.done()
	}
}

func (r *recorder) write(m *recording) {
	for m.done < len(m.records) {
		rec := m.records[m.done]
		m.done++
		r.written.Add(1)
		if err := r.writer.Append(r.core.clock.Now(), rec); err != nil {
			if lost := (*journal.WriteError)(nil); errors.As(err, &lost) {
				r.tell(lost)
			}
		}
	}
	r.free(m)
	if r.waiting.Load() == 0 {
		r.tell(r.writer.Flush(r.core.clock.Now())...)
	}
}

func (r *recorder) free(m *recording) {
	if m.freed {
		return
	}
	m.freed = true
	waiting := r.waiting.Add(-int64(m.size))
	if waiting <= int64(r.core.settings().Journal.Buffer)/2 && r.overloaded.Swap(false) {
		r.core.log.Warn("the journal keeps up again", "left out", r.left.Swap(0))
	}
}

// tell counts what could not be written, and reports the first failure in a row.
func (r *recorder) tell(errs ...*journal.WriteError) {
	for _, e := range errs {
		r.lost.Add(uint64(e.Lost))
		r.written.Add(^uint64(e.Lost - 1))
		if e.First {
			r.core.event(Event{Kind: EventJournalFailed, Role: r.life.role.name, Actor: r.life.pid.Id, Destination: e.Destination, Count: uint64(e.Lost), Cause: e.Err.Error()})
		}
	}
}

// passedOn is what of a message's headers subscribers get to see.
func (m *Message) passedOn() stompwire.Header {
	for i := range m.header {
		if !consumed(m.header[i].Name) {
			continue
		}
		h := make(stompwire.Header, i, len(m.header))
		copy(h, m.header)
		for _, f := range m.header[i:] {
			if !consumed(f.Name) {
				h = append(h, f)
			}
		}
		return h
	}
	return m.header
}
