package interop

import (
	"errors"
	"os"
	"testing"
	"time"

	"stampede/config"
	"stampede/tests/stomptest"
)

// STOMP.js on a page in Chromium does all it can, a person can type frames into its console, and page and terminal talk.
func TestSTOMPjsInChromium(t *testing.T) {
	need(t, "node", "chromium")
	w := newWorld(t)
	play(t, terminal(w), "node", "js/browser.mjs", w.web.URL+"/page.html", "ws://"+w.broker.Address()+"/any/path", profile(t))
}

// A page in a background tab, whose timers the browser slows down, stays connected.
func TestBackgroundTab(t *testing.T) {
	need(t, "node", "chromium")
	w := newWorld(t)
	heartBeats := func(tolerance float64) func(c *config.Config) {
		return func(c *config.Config) {
			c.Listen[0].WebSocketsOrigin = []string{w.web.URL}
			c.HeartBeat.Send, c.HeartBeat.Receive, c.HeartBeat.Tolerance = 100*time.Millisecond, 100*time.Millisecond, tolerance
		}
	}
	usual := stomptest.Start(t, heartBeats(config.Default().HeartBeat.Tolerance))
	// Three times 300 ms is less than the second that a hidden page takes, and enough for a worker on a busy machine.
	strict := stomptest.Start(t, heartBeats(3))
	play(t, nil, "node", "js/background.mjs", w.web.URL+"/page.html", "ws://"+usual.Address(), "ws://"+strict.Address(), profile(t))
}

// profile is a new directory for Chromium, whose last processes may outlive the one that was started: what they leave is
// none of the test's business.
func profile(t *testing.T) string {
	t.Helper()
	directory, err := os.MkdirTemp("", "stampede-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	return directory
}

// terminal is a raw TCP client that talks to the page: it comes up, talks and goes as the page's driver asks.
func terminal(w *world) func(t *testing.T, ask string) string {
	var c *stomptest.Conn
	talk := func() error {
		f, err := c.TryFrame()
		if err != nil {
			return err
		}
		if f.Command != "MESSAGE" || f.Body != "hello from the page – ä€😀" || f.Header1("content-type") != "text/plain" {
			return errors.New("the terminal got " + f.String())
		}
		const body = "hello from the terminal – ä€😀"
		if err := c.TryWrite("SEND\ndestination:/topic/to-page\nnote:a\\cb\\\\x\n\n" + body + "\x00"); err != nil {
			return err
		}
		if f, err = c.TryFrame(); err != nil {
			return err
		}
		if f.Body != "the page has read: "+body {
			return errors.New("the terminal got " + f.String())
		}
		return nil
	}
	return func(t *testing.T, ask string) string {
		switch ask {
		case "terminal up":
			c = w.broker.Open(t, stomptest.TCP)
			c.Connect("1.2")
			c.Subscribe("1", "/queue/to-terminal")
		case "terminal talks":
			if err := talk(); err != nil {
				return err.Error()
			}
		case "terminal down":
			c.Disconnect()
		default:
			return "nobody knows how to do that: " + ask
		}
		return "ok"
	}
}
