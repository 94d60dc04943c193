package conformance

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stampede/tests/stomptest"
)

// Play plays a case against a broker: open connects a client, clock is what the broker runs on if the case asks for
// one. The test fails at the first step that does not go as the case says.
func Play(t *testing.T, c Case, clock *stomptest.Clock, open func(client string) *stomptest.Conn) {
	t.Helper()
	p := player{t: t, open: open, clock: clock, clients: map[string]*stomptest.Conn{}, frames: map[string]stomptest.Frame{}}
	name := fmt.Sprintf("case-%d", games.Add(1))
	p.names = map[string]string{
		"V": c.Version, "N": name,
		"Q": "/queue/" + name, "Q2": "/queue/" + name + "-2", "T": "/topic/" + name, "T2": "/topic/" + name + "-2",
		"soon": strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli(), 10),
	}
	for i, step := range c.Steps {
		if err := p.play(step); err != nil {
			t.Fatalf("step %d of %d (%v): %v\nclause: %s", i+1, len(c.Steps), p.fill(step.String()), err, c.Clause)
		}
	}
}

// games numbers the cases that were played, so that each has destinations of its own on a shared broker.
var games atomic.Int64

// String tells a step in a failure message.
func (s Step) String() string {
	switch {
	case s.Send != "":
		if len(s.Send) > 300 {
			return fmt.Sprintf("%s sends %q… (%d bytes)", s.Client, s.Send[:300], len(s.Send))
		}
		return fmt.Sprintf("%s sends %q", s.Client, s.Send)
	case s.Closed:
		return s.Client + " is closed"
	case s.Drop:
		return s.Client + " drops the connection"
	case s.Advance > 0:
		return fmt.Sprintf("%v pass", s.Advance)
	case s.Beats > 0:
		return fmt.Sprintf("%s gets %d heart-beats", s.Client, s.Beats)
	}
	return fmt.Sprintf("%s gets %v", s.Client, s.Want)
}

// String tells a match in a failure message.
func (m Match) String() string {
	s := m.Command
	if len(m.Header)+len(m.All) > 0 {
		s += fmt.Sprintf(" %.200q", slices.Concat(m.Header, m.All))
	}
	if m.Body != nil {
		s += fmt.Sprintf(" body %.100q", *m.Body)
	}
	if len(m.Contains) > 0 {
		s += fmt.Sprintf(" body with %q", m.Contains)
	}
	return s
}

type player struct {
	t       *testing.T
	open    func(string) *stomptest.Conn
	clock   *stomptest.Clock
	clients map[string]*stomptest.Conn
	names   map[string]string
	frames  map[string]stomptest.Frame
	missing string
}

func (p *player) client(name string) *stomptest.Conn {
	if p.clients[name] == nil {
		p.clients[name] = p.open(name)
	}
	return p.clients[name]
}

var placeholder = regexp.MustCompile(`\{[A-Za-z][A-Za-z0-9-]*(\.[a-z-]+)?\}`)

// fill puts the values of this run into a text.
func (p *player) fill(text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	return placeholder.ReplaceAllStringFunc(text, func(name string) string {
		name = name[1 : len(name)-1]
		if value, known := p.names[name]; known {
			return value
		}
		frame, header, _ := strings.Cut(name, ".")
		value, known := p.frames[frame].Get(header)
		if !known {
			p.missing = name
		}
		return value
	})
}

func (p *player) play(s Step) error {
	if s.Advance > 0 {
		p.clock.Advance(s.Advance)
		return nil
	}
	c := p.client(s.Client)
	switch {
	case s.Send != "":
		text := p.fill(s.Send)
		if p.missing != "" {
			return fmt.Errorf("there is no %s to put in", p.missing)
		}
		if err := c.TryWrite(text); err != nil && !s.Loose {
			return err
		}
	case s.Closed:
		if err := c.TryClosed(); err != nil {
			return err
		}
	case s.Drop:
		c.Drop()
	case s.Beats > 0:
		for range s.Beats {
			if err := c.TryBeat(); err != nil {
				return err
			}
		}
	default:
		return p.expect(c, s.Want)
	}
	return nil
}

// expect reads as many frames as there are matches and finds one match for each.
func (p *player) expect(c *stomptest.Conn, want []Match) error {
	open := slices.Clone(want)
	for range want {
		f, err := c.TryFrame()
		if err != nil {
			return err
		}
		var why []string
		i := slices.IndexFunc(open, func(m Match) bool {
			problem := p.differs(f, m)
			why = append(why, problem)
			return problem == ""
		})
		if i < 0 {
			return fmt.Errorf("%s in\n  %v", strings.Join(why, "; "), f)
		}
		if as := open[i].As; as != "" {
			p.frames[as] = f
		}
		open = slices.Delete(open, i, i+1)
	}
	return nil
}

// differs says why a frame does not match, or "".
func (p *player) differs(f stomptest.Frame, m Match) string {
	if f.Command != m.Command {
		return "want " + m.Command
	}
	for _, line := range m.Header {
		name, want, valued := strings.Cut(p.fill(line), ":")
		if !valued {
			if name = strings.TrimPrefix(name, "!"); len(f.All(name)) > 0 {
				return "want no " + name
			}
			continue
		}
		value, there := f.Get(name)
		other, differs := strings.CutPrefix(want, "!")
		switch {
		case !there:
			return "want " + name
		case want == "*":
		case differs && value == other, !differs && value != want:
			return fmt.Sprintf("want %s:%.200q", name, want)
		}
	}
	all := map[string][]string{}
	for _, line := range m.All {
		name, value, _ := strings.Cut(p.fill(line), ":")
		all[name] = append(all[name], value)
	}
	for name, values := range all {
		if !slices.Equal(f.All(name), values) {
			return fmt.Sprintf("want %s %q", name, values)
		}
	}
	if m.Body != nil && f.Body != p.fill(*m.Body) {
		return fmt.Sprintf("want the body %.200q", *m.Body)
	}
	for _, word := range m.Contains {
		if !strings.Contains(f.Body, word) {
			return fmt.Sprintf("want %q in the body", word)
		}
	}
	if f.Command == "ERROR" {
		return leak(f)
	}
	return ""
}

// leak says what an ERROR must not tell, or "".
func leak(f stomptest.Frame) string {
	for _, private := range []string{"goroutine ", ".go:", "0x", "panic", "runtime error", "passcode:", "actor", "PID"} {
		if strings.Contains(f.Body, private) || strings.Contains(f.Header1("message"), private) {
			return fmt.Sprintf("want no %q in what a client is told", private)
		}
	}
	if f.Body == "" {
		return "want the detail in the body"
	}
	return ""
}
