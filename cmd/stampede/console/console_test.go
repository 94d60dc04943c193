package console_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"stampede/actors"
	"stampede/cmd/stampede/console"
	"stampede/config"
)

// serve starts a broker with a console and returns where that is.
func serve(t *testing.T, change func(*config.Config)) (string, *actors.Broker) {
	t.Helper()
	cfg := config.Default()
	cfg.Listen[0].Address = "127.0.0.1:0"
	if change != nil {
		change(cfg)
	}
	page := console.New("stampede/test", cfg.Console.Destination)
	b, err := actors.Start(context.Background(), cfg, actors.WithSite(page))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	page.Show(b)
	return "http://" + b.Addrs()[0].String(), b
}

// ask makes a request; prepare may change it.
func ask(t *testing.T, method, url string, prepare func(*http.Request)) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if prepare != nil {
		prepare(r)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// The page and its files come with their types and a policy that lets no other script in; what is not there is a 404, and
// other methods are a 405.
func TestFiles(t *testing.T) {
	at, _ := serve(t, nil)
	for path, want := range map[string]string{
		"/": "text/html", "/console/console.js": "text/javascript", "/console/console.css": "text/css",
		"/console/nothing.js": "404", "/elsewhere": "404", "/console/": "404",
	} {
		response, _ := ask(t, "GET", at+path, nil)
		if got := response.Header.Get("Content-Type"); want == "404" && response.StatusCode != 404 || want != "404" && !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, %s; wants %s", path, response.Status, got, want)
		}
		if policy := response.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "script-src 'self'") {
			t.Errorf("%s has the policy %q", path, policy)
		}
	}
	if response, _ := ask(t, "POST", at+"/", nil); response.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST /: %s", response.Status)
	}
	if response, body := ask(t, "GET", at+"/health_check", nil); response.StatusCode != 200 || body != "OK\n" {
		t.Errorf("the health check is not the broker's own any more: %s %q", response.Status, body)
	}
}

// The status has what the broker has, and the tree when it is asked for.
func TestStatus(t *testing.T) {
	at, b := serve(t, nil)
	if err := b.Publish(t.Context(), "/queue/orders", []byte("hello")); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Server       string
		Published    int
		Destinations []struct {
			Name, Type string
			Messages   int
		}
		Tree *actors.Node
	}
	_, body := ask(t, "GET", at+"/console/status", nil)
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if got.Server != "stampede/test" || got.Published != 1 || len(got.Destinations) != 1 || got.Destinations[0].Name != "/queue/orders" ||
		got.Destinations[0].Type != "queue" || got.Destinations[0].Messages != 1 || got.Tree != nil {
		t.Errorf("the status is %s", body)
	}
	_, body = ask(t, "GET", at+"/console/status?tree", nil)
	if err := json.Unmarshal([]byte(body), &got); err != nil || got.Tree == nil || got.Tree.Role != "broker" || len(got.Tree.Children) == 0 {
		t.Errorf("%v; with ?tree the status is %s", err, body)
	}
}

// Who asks on this machine need not log in where clients need not; whoever may come from elsewhere must, and a page of
// another site gets nothing.
func TestWithoutALogin(t *testing.T) {
	at, _ := serve(t, nil)
	for name, c := range map[string]struct {
		prepare func(*http.Request)
		want    int
	}{
		"here":                       {nil, 200},
		"by name":                    {func(r *http.Request) { r.Host = "localhost:" + r.URL.Port() }, 200},
		"a name that was made local": {func(r *http.Request) { r.Host = "evil.example" }, 401},
		"through a proxy":            {func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.1") }, 401},
		"another site's page":        {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
		"this page":                  {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-origin") }, 200},
	} {
		response, body := ask(t, "GET", at+"/console/status", c.prepare)
		if response.StatusCode != c.want {
			t.Errorf("%s: %s %s; wants %d", name, response.Status, body, c.want)
		}
		if asks := response.Header.Get("WWW-Authenticate") != ""; asks != (c.want == 401) {
			t.Errorf("%s: a browser is asked for a login: %t", name, asks)
		}
	}
}

// Where clients have to log in, so has who looks at the console; and they need the right to read its destination.
func TestWithALogin(t *testing.T) {
	at, _ := serve(t, func(cfg *config.Config) { cfg.Login, cfg.Passcode = "shop", "secret" })
	for _, c := range []struct {
		login, passcode string
		want            int
	}{{"", "", 401}, {"shop", "wrong", 401}, {"other", "secret", 401}, {"shop", "secret", 200}} {
		response, _ := ask(t, "GET", at+"/console/status", func(r *http.Request) {
			if c.login != "" {
				r.SetBasicAuth(c.login, c.passcode)
			}
		})
		if response.StatusCode != c.want {
			t.Errorf("%q, %q: %s; wants %d", c.login, c.passcode, response.Status, c.want)
		}
	}
	for read, want := range map[string]int{"/topic/news": 403, "/xtomp/stat": 200} {
		at, _ := serve(t, func(cfg *config.Config) {
			cfg.Login, cfg.Passcode = "shop", "secret"
			cfg.Rights = []config.Rights{{Users: []string{"shop"}, Read: []string{read}}}
		})
		if response, body := ask(t, "GET", at+"/console/status", func(r *http.Request) { r.SetBasicAuth("shop", "secret") }); response.StatusCode != want {
			t.Errorf("with the right to read %s: %s %s; wants %d", read, response.Status, body, want)
		}
	}
}

// Before the broker is up there is nothing to tell.
func TestTooEarly(t *testing.T) {
	cfg := config.Default()
	cfg.Listen[0].Address = "127.0.0.1:0"
	b, err := actors.Start(context.Background(), cfg, actors.WithSite(console.New("stampede/test", "/xtomp/stat")))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Shutdown(context.Background())
	if response, _ := ask(t, "GET", "http://"+b.Addrs()[0].String()+"/console/status", nil); response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("before Show: %s", response.Status)
	}
}
