package interop

import "testing"

// STOMP.js in Node does all it can over a WebSocket.
func TestSTOMPjsOverWebSocket(t *testing.T) {
	need(t, "node")
	w := newWorld(t)
	play(t, nil, "node", "js/node.mjs", "websocket", w.port(t), w.web.URL)
}

// STOMP.js in Node does all it can over TCP, where frames are cut anywhere.
func TestSTOMPjsOverTCP(t *testing.T) {
	need(t, "node")
	w := newWorld(t)
	play(t, nil, "node", "js/node.mjs", "tcp", w.port(t), w.web.URL)
}

// stompit sends, receives, acknowledges, commits and beats over TCP.
func TestStompit(t *testing.T) {
	need(t, "node")
	play(t, nil, "node", "js/stompit.mjs", newWorld(t).port(t))
}

// webstomp-client sends, receives, acknowledges and commits over a WebSocket.
func TestWebstompClient(t *testing.T) {
	need(t, "node")
	play(t, nil, "node", "js/webstomp.mjs", newWorld(t).port(t))
}
