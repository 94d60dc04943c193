package actors

import (
	"crypto/sha256"
	"crypto/subtle"
	"strconv"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/stompwire"
	"stampede/transport"
)

// first handles the first frame, which must be CONNECT or STOMP.
func (s *session) first(ctx actor.Context, f *stompwire.Frame) bool {
	if f.Command != stompwire.Connect && f.Command != stompwire.Stomp {
		receipt, has := f.Header.Get("receipt")
		s.fail(ctx, faultf(CodeNotConnected, "not connected", "the first frame must be CONNECT or STOMP and was %s", f.Command), receipt, has)
		return true
	}
	version, fault := s.negotiate(f)
	if fault == nil {
		fault = s.authenticate(f)
	}
	var beat stompwire.HeartBeat
	if fault == nil {
		beat, fault = clientHeartBeat(f)
	}
	server := stompwire.HeartBeat{Send: s.core.settings().HeartBeat.Send, Want: s.core.settings().HeartBeat.Receive}
	var send, receive time.Duration
	if fault == nil {
		send, receive, fault = s.heartBeats(server, beat)
	}
	if fault != nil {
		s.fail(ctx, fault, "", false)
		return true
	}
	s.version = version
	s.login, _ = f.Header.Get("login")
	answer := stompwire.Frame{Command: stompwire.Connected, Header: stompwire.Header{
		{Name: "version", Value: version.String()},
		{Name: "session", Value: s.core.boot + "-" + strconv.FormatUint(s.id, 10)},
		{Name: "server", Value: s.core.server},
		{Name: "heart-beat", Value: server.String()},
	}}
	s.write(&answer)
	s.phase = connected
	ctx.Send(s.transport, &transport.Admit{Version: version, Limits: s.core.wireLimits()})
	if send > 0 || receive > 0 {
		ctx.Send(s.transport, &transport.SetHeartBeat{Send: send, Receive: receive, Tolerance: s.core.settings().HeartBeat.Tolerance})
	}
	s.core.stats.logins.Add(1)
	s.core.event(Event{Kind: EventConnected, Role: s.life.role.name, Actor: s.life.pid.Id, Cause: remote(s.conn)})
	return true
}

// negotiate agrees on a version, within what a WebSocket sub-protocol demands.
func (s *session) negotiate(f *stompwire.Frame) (stompwire.Version, *Fault) {
	offered, present := f.Header.Get("accept-version")
	demanded := s.conn.Info().Version
	v, ok := stompwire.Negotiate(offered, present)
	if ok && demanded != 0 {
		ok = v == demanded || (present && offers(offered, demanded))
		v = demanded
	}
	if ok {
		return v, nil
	}
	fault := faultf(CodeVersion, "no common protocol version", "the client accepts %q, this broker speaks %s", offered, stompwire.SupportedVersions)
	if demanded != 0 {
		fault.Detail += "; the WebSocket sub-protocol demands " + demanded.String()
	}
	fault.Headers = []stompwire.Field{{Name: "version", Value: stompwire.SupportedVersions}}
	return 0, fault
}

func offers(accept string, v stompwire.Version) bool {
	for part := range strings.SplitSeq(accept, ",") {
		if strings.TrimSpace(part) == v.String() {
			return true
		}
	}
	return false
}

// authenticate checks login and passcode, if any are configured, in constant time.
func (s *session) authenticate(f *stompwire.Frame) *Fault {
	cfg := s.core.settings()
	if cfg.Login == "" && cfg.Passcode == "" {
		return nil
	}
	login, _ := f.Header.Get("login")
	passcode, _ := f.Header.Get("passcode")
	// Hashed first, so that not even the lengths can be timed.
	given, want := sha256.Sum256([]byte(login)), sha256.Sum256([]byte(cfg.Login))
	givenPass, wantPass := sha256.Sum256([]byte(passcode)), sha256.Sum256([]byte(cfg.Passcode))
	if subtle.ConstantTimeCompare(given[:], want[:])&subtle.ConstantTimeCompare(givenPass[:], wantPass[:]) == 1 {
		return nil
	}
	s.core.log.Warn("a login was refused", "login", login, "remote", remote(s.conn))
	return faultf(CodeAuth, "login refused", "login and passcode are required, and these are not right")
}

func clientHeartBeat(f *stompwire.Frame) (stompwire.HeartBeat, *Fault) {
	value, present := f.Header.Get("heart-beat")
	if !present {
		return stompwire.HeartBeat{}, nil
	}
	beat, err := stompwire.ParseHeartBeat(value)
	if err != nil {
		return beat, faultf(CodeSyntax, "bad heart-beat header", "heart-beat is two whole numbers of milliseconds such as 10000,10000, and is %q", value)
	}
	return beat, nil
}

// heartBeats are the intervals in force: the longer of what one side offers and the other wants,
// within the configured maximum.
func (s *session) heartBeats(server, client stompwire.HeartBeat) (send, receive time.Duration, fault *Fault) {
	send, receive = stompwire.EffectiveHeartBeat(server, client)
	longest := s.core.settings().HeartBeat.Max
	if longest == 0 {
		return send, receive, nil
	}
	if send > longest {
		send = longest // more often than asked for is always allowed
	}
	if receive > longest {
		return 0, 0, faultf(CodeHeartBeat, "heart-beat interval too long", "the client offers a heart-beat every %s; heartbeat.max is %s", receive, longest)
	}
	return send, receive, nil
}
