package actors

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/config"
	"stampede/stompwire"
	"stampede/transport"
)

// connections is the supervisor of all clients. A failure below it ends one connection and no other.
type connections struct {
	core     *core
	life     *life
	busy     map[uint64]bool // while draining: connections with something on its way
	draining bool
	quiet    chan<- struct{} // closed when nothing is on its way any more
	gone     chan<- struct{} // closed when the last connection is gone
}

func newConnections(c *core) func(*life) process {
	s := &connections{core: c}
	return func(l *life) process {
		s.life = l
		return s
	}
}

// drain (broker → connections): take no more from anybody. quiet is closed when all that was sent
// has been carried out, gone when all connections are.
type drain struct{ quiet, gone chan<- struct{} }

// farewell (broker → connections): say goodbye to everybody.
type farewell struct{}

func (s *connections) receive(ctx actor.Context, message any) {
	switch m := message.(type) {
	case *ping:
		m.pong()
	case *accept:
		s.accept(ctx, m.conn)
	case *drain:
		s.drain(ctx, m)
	case *quiesced:
		delete(s.busy, m.connection)
		s.tell()
	case *farewell:
		for _, child := range s.life.children() {
			ctx.Send(child.pid, &sayGoodbye{})
		}
	case *abort, *settingsChanged:
		for _, child := range s.life.children() {
			ctx.Send(child.pid, m)
		}
	case *actor.Terminated:
		s.terminated(ctx, m)
	case *gaveUp: // its cleanup follows with Terminated
	case *actor.Started, *actor.Stopping, *actor.Stopped, *actor.Restarting:
	default:
		s.core.unhandled(s.life, message)
	}
}

// refuse: a client whose arrival keeps crashing the supervisor.
func (s *connections) refuse(_ actor.Context, message any) {
	if m, ok := message.(*accept); ok {
		s.core.refuseConn(m.conn, transport.ReasonInternalError, internalFault())
	}
}

func (s *connections) accept(ctx actor.Context, conn *transport.Conn) {
	if s.draining {
		s.core.refuseConn(conn, transport.ReasonShutdown, shutdownFault())
		return
	}
	id := s.core.nextConnection.Add(1)
	cp := &checkpoint{conn: conn, id: id, since: s.core.clock.Now().Sub(s.core.began)}
	cp.flow.window = conn.Window()
	_, err := s.core.spawn(ctx, &s.core.roles.connection, connectionName(id), func(l *life) process {
		return &connection{checkpoint: cp, life: l}
	})
	if err != nil {
		panic(err)
	}
	s.core.clients.add(cp)
}

func connectionName(id uint64) string { return "c" + strconv.FormatUint(id, 10) }

// connectionNumber reads the number of a connection from its actor's name.
func connectionNumber(pid *actor.PID) uint64 {
	id, _ := strconv.ParseUint(strings.TrimPrefix(nameOf(pid), "c"), 10, 64)
	return id
}

// terminated is the backstop: what a connection holds is given back even if it could not do it.
func (s *connections) terminated(ctx actor.Context, m *actor.Terminated) {
	cp := s.core.clients.remove(connectionNumber(m.Who))
	if cp == nil {
		return
	}
	cp.conn.Abort()
	cp.cleanUp(ctx, s.core)
	s.core.connections.Add(-1)
	s.core.event(Event{Kind: EventDisconnected, Role: s.core.roles.connection.name, Actor: m.Who.Id, Cause: cp.reason.Code(), Connection: connectionName(cp.id), Login: cp.user(), Remote: remote(cp.conn)})
	delete(s.busy, cp.id)
	s.tell()
}

func (s *connections) drain(ctx actor.Context, m *drain) {
	s.draining, s.quiet, s.gone = true, m.quiet, m.gone
	s.busy = make(map[uint64]bool)
	for _, cp := range s.core.clients.all() {
		s.busy[cp.id] = true
	}
	for _, child := range s.life.children() {
		ctx.Send(child.pid, &quiesce{})
	}
	s.tell()
}

// tell reports how far the drain has come.
func (s *connections) tell() {
	if s.quiet != nil && len(s.busy) == 0 {
		close(s.quiet)
		s.quiet = nil
	}
	if s.gone != nil && s.core.clients.len() == 0 {
		close(s.gone)
		s.gone = nil
	}
}

// refuseConn turns a client away before any actor serves it.
func (c *core) refuseConn(conn *transport.Conn, reason transport.CloseReason, fault *Fault) {
	c.connections.Add(-1)
	frame := fault.frame("", false)
	if c.refusing.Add(1) > maxRefusing {
		c.refusing.Add(-1)
		conn.Abort()
		return
	}
	c.dispatcher.Schedule(func() {
		defer c.refusing.Add(-1)
		conn.Refuse(reason, stompwire.AppendFrame(nil, &frame, stompwire.V10))
	})
}

// maxRefusing is how many clients are told at a time that they are turned away, which takes as long as they
// let it, up to a linger. The others are closed.
const maxRefusing = 256

// noteRefused logs that a connection was one too many.
func (c *core) noteRefused(conn *transport.Conn, limit string, value int) {
	if kept, ok := c.refused.due(c.clock.Now()); ok {
		c.log.Warn("a connection was refused", "remote", remote(conn), "limit", limit, "value", value, "more", kept)
	}
}

// accepted is called by a listener for every new client, on a goroutine of the listener.
func (c *core) accepted(conn *transport.Conn) {
	n := c.connections.Add(1)
	conn.Outbox().EndLines()
	if conn.Info().Crowded {
		limit := c.settings().Limits.MaxConnectionsPerAddress
		c.noteRefused(conn, "limits.max_connections_per_address", limit)
		c.refuseConn(conn, transport.ReasonTryAgainLater, limitFault(CodeConnections, "too many connections from this address", "limits.max_connections_per_address", int64(limit)))
		return
	}
	if limit := c.settings().Limits.MaxConnections; limit > 0 && n > int64(limit) {
		c.noteRefused(conn, "limits.max_connections", limit)
		c.refuseConn(conn, transport.ReasonTryAgainLater, limitFault(CodeConnections, "too many connections", "limits.max_connections", int64(limit)))
		return
	}
	c.bring(c.connectionsLife, &accept{conn: conn})
}

// connection is the supervisor of one client's transport, session and subscriptions, and the
// owner of what must survive the session.
type connection struct {
	*checkpoint
	life     *life
	session  *life
	handover handover // the reader's
	closing  bool
	why      transport.CloseReason // the session's own reason, in the checkpoint, counts for more
}

func (c *connection) about() string { return remote(c.conn) }

func (c *connection) receive(ctx actor.Context, message any) {
	switch m := message.(type) {
	case *actor.Started:
		c.start(ctx)
	case *quiesce, *sayGoodbye, *settingsChanged:
		ctx.Send(c.session.pid, m)
	case *abort:
		c.conn.Abort()
	case *transport.Closed:
		c.closed(ctx, m)
	case *gaveUp:
		c.gaveUp(ctx, m)
	case *actor.Stopped: // the session is gone: the checkpoint is free to be written
		if c.reason == transport.ReasonNone {
			c.reason = c.why
		}
		c.cleanUp(ctx, c.life.core)
	case *actor.Terminated, *actor.Stopping, *actor.Restarting:
	default:
		c.life.core.unhandled(c.life, message)
	}
}

// connectMaxBodyBytes is how much body a first frame may have before it is refused: CONNECT has none,
// and a SEND that comes too early is told so.
const connectMaxBodyBytes = 4 << 10

// transportTerms are what transports are told that begin now: what follows from the configuration in force, made once for
// each.
func (c *core) transportTerms() *transport.ActorTerms {
	cfg := c.settings()
	if made := c.transports.Load(); made != nil && made.of == cfg {
		return made.terms
	}
	terms := transport.NewActorTerms(transport.ActorOptions{
		Clock: c.clock, Logger: c.log,
		Limits: stompwire.Limits{
			MaxHeaders:          cfg.Limits.ConnectMaxHeaders,
			MaxHeaderBytes:      int(cfg.Limits.ConnectMaxHeaderBytes),
			MaxHeaderBlockBytes: int(cfg.Limits.ConnectMaxHeaderBlockBytes),
			MaxBodyBytes:        connectMaxBodyBytes,
		},
		FrameTimeout: cfg.Session.FrameTimeout, LoginlessTimeout: cfg.Session.LoginTimeout,
	})
	c.transports.Store(&transportTerms{of: cfg, terms: terms})
	return terms
}

// transportTerms belong to a configuration.
type transportTerms struct {
	of    *config.Config
	terms *transport.ActorTerms
}

// start spawns the session first, so that the transport has somebody to talk to.
func (c *connection) start(ctx actor.Context) {
	var err error
	c.session, err = c.life.core.spawn(ctx, &c.life.core.roles.session, "session", func(l *life) process {
		return &session{checkpoint: c.checkpoint, core: c.life.core, life: l}
	})
	if err != nil {
		panic(err)
	}
	c.flow.session = c.session
	terms := c.life.core.transportTerms()
	_, err = c.life.core.spawn(ctx, &c.life.core.roles.transport, "transport", func(l *life) process {
		c.transport = l // now: once it runs the session answers it
		return foreign{transport.NewActor(c.conn, transport.Hearers{Session: c.session.pid, Receive: c, Owner: c.life.pid}, terms)}
	})
	if err != nil {
		panic(err)
	}
}

func (c *connection) closed(ctx actor.Context, m *transport.Closed) {
	if c.why == transport.ReasonNone {
		c.why = m.Reason
	}
	c.life.stop(ctx)
}

// gaveUp ends the connection when a part of it can't go on. The client is told, if it can be.
func (c *connection) gaveUp(ctx actor.Context, m *gaveUp) {
	if c.closing {
		return
	}
	c.closing = true
	c.why = transport.ReasonInternalError
	if m.child == c.transport {
		c.conn.Abort()
		c.life.stop(ctx)
		return
	}
	frame := internalFault().frame("", false)
	v := max(c.version, stompwire.V10)
	c.conn.Outbox().AppendLast(stompwire.AppendFrame(nil, &frame, v))
	ctx.Send(c.transport.pid, &transport.Close{Reason: transport.ReasonInternalError, Linger: c.life.core.settings().Session.Linger})
}

// cleanUp gives back everything a connection held: subscriptions and what they had not
// acknowledged, temporary destinations, transactions, leases. It runs once its actors are gone, and
// a second time does nothing.
func (cp *checkpoint) cleanUp(ctx actor.Context, c *core) {
	if cp.cleaned {
		return
	}
	cp.cleaned = true
	cp.stopWatching()
	if cp.account != nil {
		c.users.leave(cp.account, c.rates.Load(), c.clock.Now())
	}
	cp.stopAsking()
	for _, sub := range cp.subscriptions.all {
		sub.ended.Store(true)
		if sink := sub.sink.Load(); sink != nil {
			sink.Close()
		}
		m := &unsubscribe{key: sub.key, epoch: sub.epoch}
		to := c.router()
		if sub.handle != nil {
			to = sub.handle.pid()
			if !sub.attached {
				sub.handle.release()
			}
		} else {
			m.pattern = sub.destination.full
		}
		ctx.Send(to, m)
	}
	if cp.commit != nil && !cp.commit.decided {
		cp.undoCommit(func(h *handle, m *decide) { ctx.Send(h.pid(), m) })
	} else if cp.commit != nil {
		releaseAll(cp.commit.tx)
		cp.transactions.end(cp.commit.tx)
	}
	for _, tx := range cp.transactions.all() {
		releaseAll(tx)
	}
	cp.forgetAnswer(ctx, c)
	for _, p := range cp.pending {
		p.to.release()
	}
	for _, name := range slices.Sorted(maps.Keys(cp.temporary)) {
		ctx.Send(c.router(), &dropTemporary{handle: cp.temporary[name]})
	}
	for _, in := range cp.backlog {
		if in, ok := in.(*transport.Inbound); ok {
			cp.conn.Window().Release(in.Cost)
			in.Cost = 0
		}
	}
}

func remote(conn *transport.Conn) string {
	if a := conn.Info().Remote; a != nil {
		return conn.Info().Kind.String() + " " + a.String()
	}
	return conn.Info().Kind.String()
}
