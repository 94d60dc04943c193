package sim

import (
	"net"
)

// Link is how a client is connected. The zero value is a good line.
type Link struct {
	Name   string // in the trace
	Buffer int    // octets that may be under way in each direction; 0: 64 KiB
	Piece  int    // the most octets that are read or written in one step; 0: as many as there are
}

// Conn is a client's end of a connection to the broker. It is a net.Conn; Read and Write wait as those
// of any other do, but on the scheduler.
type Conn struct {
	net.Conn
	world *World
	link  Link
	cut   bool
}

// Write writes p in pieces, between which everybody else may go on.
func (c *Conn) Write(p []byte) (n int, err error) {
	for n < len(p) {
		piece := c.piece(len(p) - n)
		c.world.Yield()
		m, err := c.Conn.Write(p[n : n+piece])
		c.world.trace.octets(c.link.Name+" >", p[n:n+m])
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// Read reads what has come, a piece at the most.
func (c *Conn) Read(p []byte) (int, error) {
	if c.link.Piece > 0 {
		p = p[:min(len(p), 1+c.world.scheduler.rand.IntN(c.link.Piece))]
	}
	n, err := c.Conn.Read(p)
	c.world.trace.octets(c.link.Name+" <", p[:n])
	if err != nil {
		c.world.trace.Note(c.link.Name+" <", err.Error())
	}
	return n, err
}

func (c *Conn) piece(n int) int {
	if c.link.Piece == 0 {
		return n
	}
	return min(n, 1+c.world.scheduler.rand.IntN(c.link.Piece))
}

// Cut closes the connection as [Conn.Close] does, and returns what had arrived and was not read.
func (c *Conn) Cut() (lost []byte) {
	lost = make([]byte, c.Conn.(interface{ Buffered() int }).Buffered())
	if len(lost) > 0 {
		n, _ := c.Conn.Read(lost)
		lost = lost[:n]
		c.world.trace.octets(c.link.Name+" lost", lost)
	}
	c.Close()
	return lost
}

// CloseWrite ends what the client sends; it still reads.
func (c *Conn) CloseWrite() error {
	c.world.trace.Note(c.link.Name, "half-closed")
	return c.Conn.(interface{ CloseWrite() error }).CloseWrite()
}

// Close closes both directions at once, as a client that vanishes does: what is under way to it is lost.
func (c *Conn) Close() error {
	if !c.cut {
		c.cut = true
		c.world.trace.Note(c.link.Name, "closed")
	}
	return c.Conn.Close()
}
