package actors

import (
	"bufio"
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"stampede/config"
)

func TestSmoke(t *testing.T) {
	cfg := config.Default()
	cfg.Listen = nil
	b, err := Start(context.Background(), cfg, WithLogger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Shutdown(context.Background())
	c := b.Pipe()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	r := bufio.NewReader(c)
	send := func(s string) { c.Write([]byte(s)) }
	recv := func() {
		s, err := r.ReadString(0)
		t.Logf("%q %v", s, err)
	}
	send("CONNECT\naccept-version:1.2\n\n\x00SUBSCRIBE\nid:a\ndestination:/topic/x\nreceipt:r1\n\n\x00SEND\ndestination:/topic/x\nreceipt:r2\n\nhello\x00")
	recv()
	recv()
	recv()
	recv()
	send("SUBSCRIBE\nid:b\nack:client-individual\ndestination:/queue/x\nreceipt:r1\n\n\x00SEND\ndestination:/queue/x\nreceipt:r2\n\nhello\x00")
	recv()
	recv()
	recv()
	send("DISCONNECT\nreceipt:bye\n\n\x00")
	recv()
	recv()
}
