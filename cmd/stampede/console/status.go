package console

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"

	"stampede/actors"
)

// The bounds of one answer: what a person can look at, and what costs the broker little.
const (
	maxDestinations = 1000 // those with the most messages and subscribers
	maxClients      = 200  // the newest
	maxChildren     = 100  // of one actor
)

// status is what GET /console/status answers. Durations are seconds, sizes bytes; counters run from the start of the
// broker, and the page makes rates of them.
type status struct {
	Server       string        `json:"server"`
	Uptime       float64       `json:"uptime"`
	Memory       uint64        `json:"memory"`
	Connections  connections   `json:"connections"`
	Published    uint64        `json:"published"`
	Delivered    uint64        `json:"delivered"`
	Count        int           `json:"destinationCount"`
	Destinations []destination `json:"destinations"`
	Clients      []client      `json:"clients"`
	Tree         *actors.Node  `json:"tree,omitempty"` // if it was asked for
}

type connections struct {
	Now   int64  `json:"now"`
	Total uint64 `json:"total"`
}

type destination struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Subscribers int64  `json:"subscribers"`
	Messages    int64  `json:"messages"`
	Bytes       int64  `json:"bytes"`
	Enqueued    uint64 `json:"enqueued"`
	Delivered   uint64 `json:"delivered"`
	Dropped     uint64 `json:"dropped"`
	Expired     uint64 `json:"expired"`
}

type client struct {
	ID       uint64 `json:"id"`
	Kind     string `json:"kind"`
	Remote   string `json:"remote"`
	User     string `json:"user"`
	Version  string `json:"version"`
	BytesIn  uint64 `json:"bytesIn"`
	BytesOut uint64 `json:"bytesOut"`
	Waiting  int    `json:"waiting"`
}

func writeStatus(w http.ResponseWriter, server string, b *actors.Broker, tree bool) {
	now := b.Stats()
	s := status{
		Server: server, Uptime: now.Time.Sub(now.Started).Seconds(), Memory: now.Memory,
		Connections: connections{now.Connections, now.ConnectionsTotal},
		Published:   now.Published, Delivered: now.Delivered, Count: len(now.Destinations),
		Destinations: destinations(now.Destinations), Clients: clients(b.Clients()),
	}
	if tree {
		s.Tree = b.Subtree("", -1, maxChildren)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s) // whoever asked is gone otherwise
}

func destinations(all []actors.DestinationStats) []destination {
	if len(all) > maxDestinations {
		slices.SortStableFunc(all, func(a, b actors.DestinationStats) int {
			return cmp.Or(cmp.Compare(b.Messages, a.Messages), cmp.Compare(b.Subscribers, a.Subscribers))
		})
		all = all[:maxDestinations]
	}
	shown := make([]destination, 0, len(all))
	for _, d := range all {
		shown = append(shown, destination{
			Name: d.Name, Type: kindOf(d), Subscribers: d.Subscribers, Messages: d.Messages, Bytes: d.Bytes,
			Enqueued: d.Enqueued, Delivered: d.Delivered, Dropped: d.Dropped, Expired: d.Expired,
		})
	}
	return shown
}

func kindOf(d actors.DestinationStats) string {
	if d.Temporary {
		return "temporary " + string(d.Type)
	}
	return string(d.Type)
}

func clients(all []actors.ClientStats) []client {
	slices.Reverse(all)
	all = all[:min(len(all), maxClients)]
	shown := make([]client, 0, len(all))
	for _, c := range all {
		one := client{
			ID: c.ID, Kind: c.Kind.String(), Remote: c.Remote, User: c.User,
			BytesIn: c.Traffic.BytesIn, BytesOut: c.Traffic.BytesOut, Waiting: c.Waiting,
		}
		if c.Version != 0 {
			one.Version = c.Version.String()
		}
		shown = append(shown, one)
	}
	return shown
}
