package transport

import (
	"bufio"
	"encoding/base64"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/gorilla/websocket"

	"stampede/stompwire"
)

// subprotocols are the WebSocket sub-protocols that we speak, and the version
// of STOMP each of them stands for: 0 leaves it to CONNECT.
var subprotocols = map[string]stompwire.Version{
	"stomp":     0,
	"v10.stomp": stompwire.V10,
	"v11.stomp": stompwire.V11,
	"v12.stomp": stompwire.V12,
}

const subprotocolList = "v12.stomp, v11.stomp, v10.stomp, stomp"

// upgrade answers a request for a WebSocket, in the order in which a client
// would mend its mistakes.
func (s *Server) upgrade(t *terms, w http.ResponseWriter, r *http.Request) {
	origin, offered := r.Header.Get("Origin"), listed(r.Header, "Sec-Websocket-Protocol")
	chosen, known := choose(offered)
	peer := peerOf(r)
	remote, forwarded := t.client(peer, r.Header)
	switch {
	case !t.WebSocket:
		answer(w, http.StatusForbidden, "WebSocket is not served here")
		return
	case !allow(w, r, http.MethodGet):
		return
	case !hasToken(r.Header, "Connection", "upgrade"):
		// HTTP/1.0 passes: it is what nginx speaks to us unless proxy_http_version says otherwise.
		answer(w, http.StatusBadRequest, "bad upgrade: Connection: Upgrade is needed")
		return
	case !hasToken(r.Header, "Sec-Websocket-Version", "13"):
		h := w.Header()
		h.Set("Sec-WebSocket-Version", "13")
		h.Set("Upgrade", "websocket")
		answer(w, http.StatusUpgradeRequired, "bad upgrade: Sec-WebSocket-Version has to be 13")
		return
	case !validKey(r.Header["Sec-Websocket-Key"]):
		answer(w, http.StatusBadRequest, "bad upgrade: Sec-WebSocket-Key has to be 16 bytes in base64, once")
		return
	case len(r.Header["Origin"]) > 1 || !originAllowed(origin, r.Host, t.Origins):
		t.log.Warn("refused a WebSocket because of its origin", "origin", origin, "host", r.Host, "remote", logged{remote})
		answer(w, http.StatusForbidden, "this origin is not allowed here")
		return
	case len(offered) > 0 && !known:
		answer(w, http.StatusBadRequest, "no sub-protocol in common; this port speaks: "+subprotocolList)
		return
	}
	header := http.Header{"Server": {t.ServerHeader}}
	if chosen != "" {
		header["Sec-Websocket-Protocol"] = []string{chosen}
	}
	hijack := &hijacker{ResponseWriter: w}
	gorilla, err := upgrader.Upgrade(hijack, r, header)
	if err != nil {
		t.log.Info("a WebSocket handshake failed", "remote", logged{remote}, "err", err)
		if hijack.link != nil {
			hijack.link.Close()
		}
		return
	}
	defer func() {
		// net/http would log the panic and leave the hijacked socket open;
		// acceptConn has closed it.
		t.logPanic("accepting a WebSocket panicked", remote, recover())
	}()
	v := hijack.visitor()
	if forwarded {
		v.proxy, v.remote = peer, remote
		s.count(t, v)
	} else if handedOf(r) == nil { // of somebody else's server: nobody has counted it
		s.count(t, v)
	}
	c := s.newWebSocket(t, v, hijack, gorilla)
	c.info.Version, c.info.Upgrade = subprotocols[chosen], &Upgrade{Path: r.URL.Path, Origin: origin, Header: r.Header}
	if r.TLS != nil && !c.info.TLS {
		c.info.TLS = true
		if len(r.TLS.VerifiedChains) > 0 {
			c.info.extra().PeerCertificates = r.TLS.PeerCertificates
		}
	}
	s.acceptConn(c)
}

// peerOf is the other end of the connection that a request came over, or who a PROXY header said.
func peerOf(r *http.Request) net.Addr {
	if h := handedOf(r); h != nil {
		return h.visitor.remote
	}
	if at, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return net.TCPAddrFromAddrPort(at)
	}
	return &net.UnixAddr{Name: r.RemoteAddr, Net: "unix"}
}

// newWebSocket makes a Conn of a finished handshake.
func (s *Server) newWebSocket(t *terms, v *visitor, h *hijacker, gorilla *websocket.Conn) *Conn {
	c := s.newConn(t, v, WebSocket)
	c.outbox.webSocket = true
	link := h.link
	c.ws = &wsStream{gorilla: gorilla, buffer: h.buffer, link: link}
	link.Conn, link.conn = c.sock, c // and not what net/http had: the request hangs on it
	c.ws.adopt(&c.outbox)
	return c
}

// upgrader does what is left: the key, the answer, the hijacking. What it
// checks itself was checked before, to give better answers.
var upgrader = websocket.Upgrader{
	ReadBufferSize:  0, // the hijacker's
	WriteBufferPool: noWriteBuffers{},
	CheckOrigin:     func(*http.Request) bool { return true },
	Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
		answer(w, status, "bad upgrade: "+reason.Error())
	},
}

// noWriteBuffers keeps gorilla from allocating a write buffer per connection:
// it never writes a message.
type noWriteBuffers struct{}

// Get returns nothing.
func (noWriteBuffers) Get() any { return nil }

// Put forgets.
func (noWriteBuffers) Put(any) {}

// hijacker puts a wsLink between gorilla and the connection.
type hijacker struct {
	http.ResponseWriter
	link   *wsLink
	buffer *bufio.Reader
}

// Hijack takes the connection over from net/http, whatever wraps it.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.link = &wsLink{Conn: c}
	if rw.Reader.Buffered() == 0 { // else gorilla refuses what came too soon
		h.buffer = bufio.NewReaderSize(h.link, webSocketReadBuffer)
		rw.Reader = h.buffer
	}
	return h.link, rw, nil
}

// visitor is who was at the connection that was hijacked.
func (h *hijacker) visitor() *visitor {
	if c, ok := h.link.Conn.(*handedConn); ok {
		// Ours: below it is the socket itself, which can wait without a
		// buffer and write many slices at once.
		v := c.visitor
		v.sock, v.head = c.sniffed.Conn, c.head
		return v
	}
	return &visitor{sock: h.link.Conn, remote: h.link.RemoteAddr(), local: h.link.LocalAddr()}
}

// listed returns the entries of a header that is a list, over all its lines.
func listed(h http.Header, name string) (entries []string) {
	for _, line := range h[name] {
		for _, e := range strings.Split(line, ",") {
			if e = strings.TrimSpace(e); e != "" {
				entries = append(entries, e)
			}
		}
	}
	return entries
}

// choose returns the first sub-protocol offered that we speak.
func choose(offered []string) (string, bool) {
	for _, p := range offered {
		for known := range subprotocols {
			if known == p {
				return known, true // and not the offer, which is part of more and would be kept
			}
		}
	}
	return "", false
}

// validKey checks Sec-WebSocket-Key [RFC 6455 §4.2.1].
func validKey(lines []string) bool {
	if len(lines) != 1 {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(lines[0])
	return err == nil && len(key) == 16
}
