package interop

import "testing"

// stomp.py sends, receives, acknowledges, commits and beats over TCP in its three versions.
func TestStompPy(t *testing.T) {
	need(t, "stomp.py")
	// Debian's own Python: another one that is found first does not see Debian's packages.
	play(t, nil, "/usr/bin/python3", "py/stomppy.py", newWorld(t).port(t))
}

// Net::Stomp, which asks for no version, works as a client of 1.0, and of 1.1 when told to.
func TestNetStomp(t *testing.T) {
	need(t, "net-stomp")
	play(t, nil, "perl", "pl/net-stomp.pl", newWorld(t).port(t))
}

// The stomp gem of Ruby sends, receives, acknowledges, commits and beats over TCP in its three versions.
func TestRubyStomp(t *testing.T) {
	need(t, "ruby-stomp")
	play(t, nil, "ruby", "rb/ruby-stomp.rb", newWorld(t).port(t))
}

// go-stomp sends, receives, acknowledges and commits over TCP in its three versions.
func TestGoStomp(t *testing.T) {
	need(t, "go-stomp")
	play(t, nil, "go", "-C", "go", "run", ".", newWorld(t).port(t))
}
