package interop

import (
	"context"
	"testing"

	"stampede/actors"
	"stampede/cmd/stampede/console"
	"stampede/config"
)

// The console shows a person in Chromium what the broker has, and carries frames both ways.
func TestConsoleInChromium(t *testing.T) {
	need(t, "node", "chromium")
	cfg := config.Default()
	cfg.Listen[0].Address = "127.0.0.1:0"
	page := console.New("stampede/test", cfg.Console.Destination)
	broker, err := actors.Start(context.Background(), cfg, actors.WithSite(page))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := broker.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	page.Show(broker)
	for range 3 {
		if err := broker.Publish(t.Context(), "/queue/kept", []byte("stays")); err != nil {
			t.Fatal(err)
		}
	}
	play(t, nil, "node", "js/console.mjs", "http://"+broker.Addrs()[0].String()+"/", profile(t))
}
