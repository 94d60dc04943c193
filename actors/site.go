package actors

import "net/http"

// WithSite has the listeners that serve HTTP answer requests with h, on every path but /health_check; WebSocket upgrades
// stay the broker's on any. Without it there is a page at / that explains the port. transport.CallerOf tells h who asks.
func WithSite(h http.Handler) Option { return func(o *options) { o.site = h } }
