package config

import (
	"reflect"
	"testing"
	"time"
)

// Every setting that differs is named once, in the order of the schema, and nothing else is.
func TestChangesNamesWhatDiffers(t *testing.T) {
	old, next := Default(), Default()
	if got := old.Changes(next); got != nil {
		t.Errorf("equal configurations differ in %v", got)
	}
	next.Passcode = "sesame"
	next.Listen[0].WebSocketsOrigin = []string{"https://shop.example"}
	next.Session.Linger = time.Minute
	next.Destination = []Destination{{Name: "memtop", Type: TypeTopic}}
	want := []Change{{Key: "passcode"}, {Key: "listen[0].websockets_origin"}, {Key: "session.linger"}, {Key: "destination"}}
	if got := old.Changes(next); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if back := next.Changes(old); !reflect.DeepEqual(back, want) {
		t.Errorf("the other way round: %v", back)
	}
}
