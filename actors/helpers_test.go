package actors_test

import (
	"log/slog"
	"net"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"stampede/actors"
	"stampede/tests/stomptest"
)

func discard(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }

func dial(t *testing.T, b *actors.Broker) *stomptest.Conn {
	t.Helper()
	addr := b.Addrs()[0]
	link, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	return stomptest.New(t, link)
}
