package bench

import "fmt"

// echo is a connection that sends back what it receives: the other end of a ping.
type echo struct {
	*traffic
	from, to string
	link     *link

	frame   []byte // ready but for the stamp
	stampAt int
	out     []byte
}

// run connects, subscribes, and echoes to the end.
func (e *echo) run(ready func()) {
	l, err := e.connect(e.ctx, 64<<10)
	if err != nil {
		e.fail(err)
		return
	}
	e.link = l
	l.onMessage = e.message
	e.frame, e.stampAt, _ = l.sendFrame(e.to, nil, false, e.Size)
	e.join(l)
	if err = l.request(e.subscribeFrame(0, e.from)); err != nil {
		e.fail(fmt.Errorf("echo: %w", unexpected(err)))
		return
	}
	ready()
	for err == nil {
		err = l.pump()
		if len(e.out) > 0 && err == nil {
			err = l.write(e.out)
			e.out = e.out[:0]
		}
	}
	e.ended(l, "echo", 0, err)
}

func (e *echo) message(f *frame) error {
	if len(f.body) >= stampSize {
		copy(e.frame[e.stampAt:], f.body[:stampSize])
		e.out = append(e.out, e.frame...)
	}
	return nil
}
