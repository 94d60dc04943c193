package config

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// A variable overrides the file, the file overrides the default, and the last variable of a name counts.
func TestEnvironmentOverrides(t *testing.T) {
	c := parse(t, "[limits]\nmax_headers = 33\nmax_subscriptions = 5\n[log]\nlevel = \"warn\"",
		"STAMPEDE_LIMITS_MAX_HEADERS=34", "STAMPEDE_LIMITS_MAX_HEADERS=35", "STAMPEDE_HEARTBEAT_SEND=1m", "STAMPEDE_LIMITS_MAX_BODY_BYTES=1MiB",
		"STAMPEDE_DESTINATIONS_AUTO_CREATE=true", "STAMPEDE_HEARTBEAT_TOLERANCE=3.5", "STAMPEDE_LOGIN=me", "STAMPEDE_PASSCODE=a=b")
	want := Default()
	want.Limits.MaxHeaders, want.Limits.MaxSubscriptions = 35, 5
	want.Log.Level = "warn"
	want.HeartBeat.Send, want.HeartBeat.Tolerance = time.Minute, 3.5
	want.Limits.MaxBodyBytes = MiB
	want.Login, want.Passcode = "me", "a=b"
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got\n%v", c)
	}
}

// Every setting outside of arrays has a variable of its own, and no two share one.
func TestEveryKeyHasAVariable(t *testing.T) {
	seen := map[string]string{envListen: "listen"}
	visit(reflect.ValueOf(Default()).Elem(), "", func(path string, f reflect.StructField, v reflect.Value) {
		if strings.Contains(path, "[") {
			return
		}
		name := EnvName(path)
		if other, ok := seen[name]; ok {
			t.Errorf("%s and %s share %s", path, other, name)
		}
		if strings.HasPrefix(name, EnvClientPrefix) {
			t.Errorf("%s looks like a variable for clients", name)
		}
		seen[name] = path
		text := show(v)
		if path == "login" || path == "passcode" || v.Kind() == reflect.Slice {
			text = ""
		}
		if got := parse(t, "", name+"="+text); !reflect.DeepEqual(got, Default()) {
			t.Errorf("%s=%s: got\n%v", name, text, got)
		}
	})
}

// STAMPEDE_LISTEN changes the addresses and keeps everything else of the first listener.
func TestEnvironmentListen(t *testing.T) {
	c := parse(t, "[[listen]]\nname = \"a\"\naddress = \"localhost:1\"\nwebsockets_origin = [\"*\"]\n[[listen]]\naddress = \"localhost:2\"\n", "STAMPEDE_LISTEN= 127.0.0.1:3 , unix:/s,")
	want := []Listen{defaultListen("127.0.0.1:3", "127.0.0.1:3"), defaultListen("unix:/s", "unix:/s")}
	for i := range want {
		want[i].WebSocketsOrigin = []string{"*"}
	}
	if !reflect.DeepEqual(c.Listen, want) {
		t.Errorf("got %+v", c.Listen)
	}
	if c := parse(t, "", "STAMPEDE_LISTEN=localhost:3"); c.Listen[0].Name != "default" || c.Listen[0].Address != "localhost:3" {
		t.Errorf("one address: %+v", c.Listen)
	}
}

// Variables that mean nothing, or can't mean what they say, are problems; those of other programs are not.
func TestEnvironmentProblems(t *testing.T) {
	parse(t, "", "STAMPEDE=1", "STAMPEDING_X=1", "STAMPEDE_CLIENT_LOGIN=x", "HOME=/", "broken", "=C:=C:\\")
	for env, want := range map[string]string{
		"STAMPEDE_X=1":                            "environment: STAMPEDE_X: unknown variable",
		"STAMPEDE_LIMIT_MAX_HEADERS=1":            "environment: STAMPEDE_LIMIT_MAX_HEADERS: unknown variable; did you mean STAMPEDE_LIMITS_MAX_HEADERS?",
		"STAMPEDE_LISTEN_STOMP=1":                 "what belongs to one listener or destination is set in the file",
		"STAMPEDE_LISTEN=":                        "environment: STAMPEDE_LISTEN: names no address",
		"STAMPEDE_LISTEN=61613":                   `environment: STAMPEDE_LISTEN: "61613" is only a port`,
		"STAMPEDE_LISTEN=localhost:1,127.0.0.1:1": "environment: STAMPEDE_LISTEN: 127.0.0.1:1 is taken by",
		"STAMPEDE_LISTEN=:1":                      "environment: STAMPEDE_LISTEN: :1 can be reached from other machines",
		"STAMPEDE_LIMITS_MAX_HEADERS=":            "environment: STAMPEDE_LIMITS_MAX_HEADERS: is empty; must be a whole number",
		"STAMPEDE_LIMITS_MAX_HEADERS=1.5":         `environment: STAMPEDE_LIMITS_MAX_HEADERS: "1.5" is not a whole number`,
		"STAMPEDE_LIMITS_OUTBOX=1":                "environment: STAMPEDE_LIMITS_OUTBOX: 1B is too small; the least is 64KiB",
		"STAMPEDE_LIMITS_OUTBOX=10MiB":            "environment: STAMPEDE_LIMITS_OUTBOX: 10MiB is too small for one message",
		"STAMPEDE_LOG_LEVEL=INFO":                 `environment: STAMPEDE_LOG_LEVEL: "INFO" is not one of debug, info, warn, error; did you mean "info"?`,
		"STAMPEDE_HEARTBEAT_SEND=10":              `environment: STAMPEDE_HEARTBEAT_SEND: "10" is not a duration`,
		"STAMPEDE_DESTINATIONS_AUTO_CREATE=maybe": `is neither true nor false`,
		"STAMPEDE_LOGIN=me":                       "environment: STAMPEDE_LOGIN: is set without a passcode",
	} {
		got := problems(t, "", env)
		if len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%s: got %q", env, got)
		}
	}
}
