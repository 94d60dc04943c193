package actors

import (
	"fmt"
	"runtime/debug"
	"slices"

	"stampede/stompwire"
)

// Interceptor looks at every message before the broker routes it, those of the program included. It may
// change it, drop it, or refuse it by returning a Fault, which ends the connection of the client that
// sent it. It is called once for each SEND, in the order of its connection, on several goroutines at a time,
// and must not block: the frames behind wait. A panic costs the SEND an ERROR with the code
// CodeInternal, and nothing else.
type Interceptor interface {
	Intercept(s *Send) *Fault
}

// InterceptorFunc is a function as an Interceptor.
type InterceptorFunc func(s *Send) *Fault

// Intercept calls the function.
func (f InterceptorFunc) Intercept(s *Send) *Fault { return f(s) }

// WithInterceptor has i look at every message. Of several the one that was given first is asked first.
func WithInterceptor(i Interceptor) Option {
	return func(o *options) { o.interceptors = append(o.interceptors, i) }
}

// Send is a SEND that is not routed yet, as it came from its sender. What its client may send to where is
// looked at after the interceptors, and holds for what they have made of it.
type Send struct {
	// Header may be changed, destination and receipt too. Of a repeated header the first counts.
	Header stompwire.Header
	// Body may be replaced; its octets must not be changed.
	Body []byte

	Connection string // of the client, as events name it; "": the program
	Login      string // of the client
	Remote     string // address of the client

	dropped bool
}

// Destination is where the message is to go.
func (s *Send) Destination() string { return s.Get("destination") }

// Get returns the value of a header, "" if it is not there.
func (s *Send) Get(name string) string {
	value, _ := s.Header.Get(name)
	return value
}

// Set puts one header line in the place of all of that name.
func (s *Send) Set(name, value string) {
	s.Remove(name)
	s.Header = append(s.Header, stompwire.Field{Name: name, Value: value})
}

// Remove takes a header away.
func (s *Send) Remove(name string) {
	s.Header = slices.DeleteFunc(s.Header, func(f stompwire.Field) bool { return f.Name == name })
}

// Drop has the message go nowhere. Its sender is not told: a RECEIPT comes as if it had.
func (s *Send) Drop() { s.dropped = true }

// intercept asks the interceptors about a SEND, and puts what they made of it into f.
func (c *core) intercept(s *Send, f *stompwire.Frame) (dropped bool, fault *Fault) {
	defer func() {
		if reason := recover(); reason != nil {
			c.event(Event{Kind: EventHandlerPanicked, Role: "interceptor", Connection: s.Connection, Login: s.Login, Remote: s.Remote, Cause: fmt.Sprint(reason), Stack: string(debug.Stack())})
			fault = internalFault()
		}
	}()
	if len(c.interceptors) == 0 {
		return false, nil
	}
	s.Header, s.Body = slices.Clone(f.Header), f.Body
	for _, i := range c.interceptors {
		if fault := i.Intercept(s); fault != nil {
			return false, fault
		}
		if s.dropped {
			return true, nil
		}
	}
	f.Header, f.Body = s.Header, s.Body
	return false, nil
}

// passes asks the interceptors about the SEND that is being handled, once. False: it is dealt with.
func (s *session) passes(f *stompwire.Frame) (bool, *Fault) {
	if s.intercepted {
		return true, nil
	}
	dropped, fault := s.core.intercept(&Send{Connection: connectionName(s.id), Login: s.user(), Remote: remote(s.conn)}, f)
	s.intercepted = fault == nil && !dropped
	return s.intercepted, fault
}

// user is the name of who the client is; "" before CONNECTED.
func (cp *checkpoint) user() string {
	if who := cp.identity.Load(); who != nil {
		return who.User
	}
	return ""
}
