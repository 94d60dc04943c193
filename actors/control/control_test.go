package control_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"stampede/actors"
	"stampede/actors/control"
	"stampede/config"
)

func endpoint(t *testing.T) *control.Control {
	t.Helper()
	cfg := config.Default()
	cfg.Listen = nil
	b, err := actors.Start(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return control.New(b)
}

func ask(c *control.Control, target string, header ...string) (int, string) {
	r := httptest.NewRequest("GET", target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// The tree, or a part of it, is told as JSON; what does not exist and what makes no sense is refused with a reason.
func TestTree(t *testing.T) {
	c := endpoint(t)
	for target, want := range map[string]string{
		"/v1/tree":                      `"role":"broker"`,
		"/v1/tree?depth=1":              `"name":"destinations"`,
		"/v1/tree?path=listeners":       `"role":"listeners"`,
		"/v1/tree?path=listeners&x=y":   `"state":"running"`,
		"/v1/tree?path=connections/c99": `404 {"error":"there is no actor \"connections/c99\""}`,
		"/v1/tree?depth=-1":             `400 {"error":"depth is a number of levels"}`,
		"/v2/tree":                      "404 ",
	} {
		code, body := ask(c, target)
		if code != http.StatusOK {
			body = strings.Join([]string{map[int]string{404: "404", 400: "400"}[code], body}, " ")
		}
		if !strings.Contains(body, want) {
			t.Errorf("%s: %d %s, wants %s", target, code, body, want)
		}
	}
}

// A web page is refused, whatever it asks.
func TestPagesAreRefused(t *testing.T) {
	c := endpoint(t)
	for _, header := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "none"}} {
		if code, _ := ask(c, "/v1/tree", header...); code != http.StatusForbidden {
			t.Errorf("with %v: %d", header, code)
		}
	}
}

// It serves on a Unix socket, with what the program has added, until it is closed.
func TestServe(t *testing.T) {
	c := endpoint(t)
	c.Handle("GET /v1/more", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { control.Answer(w, 42) }))
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- c.Serve(l) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
	response, err := client.Get("http://broker/v1/more")
	if err != nil {
		t.Fatal(err)
	}
	var got int
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil || got != 42 {
		t.Errorf("got %d, %v", got, err)
	}
	response.Body.Close()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve returned %v", err)
	}
}
