package conformance

import (
	"testing"

	"stampede/config"
	"stampede/tests/stomptest"
)

// Every case of the table goes as it says over every transport, however the client's bytes are split.
func TestConformance(t *testing.T) {
	for _, over := range stomptest.Transports {
		t.Run(string(over), func(t *testing.T) { playAll(t, over, false) })
		t.Run(string(over)+" byte by byte", func(t *testing.T) { playAll(t, over, true) })
	}
}

func playAll(t *testing.T, over stomptest.Transport, split bool) {
	t.Parallel()
	quiet := patient
	if over == stomptest.Pipe {
		quiet = func(c *config.Config) { patient(c); c.Listen = nil } // a broker needs no socket
	}
	shared := stomptest.Start(t, quiet)
	for _, c := range Cases() {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			broker, options := shared, stomptest.Options{System: oneSystem()}
			if c.Clock {
				options.Clock = stomptest.NewClock()
			}
			if c.Alone || c.Clock || c.Settings != nil {
				broker = options.Start(t, quiet, c.Settings)
			}
			Play(t, c, options.Clock, func(string) *stomptest.Conn {
				conn := broker.Open(t, over)
				conn.Split = split
				return conn
			})
		})
	}
}

// patient keeps the timeouts that a case does not set itself out of its way on a busy machine.
func patient(c *config.Config) {
	c.Session.LoginTimeout, c.Session.FrameTimeout = stomptest.Guard, stomptest.Guard
}
