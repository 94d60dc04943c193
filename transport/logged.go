package transport

import (
	"log/slog"
	"net"
)

// logged is an address as logs have it: one piece of text. Left to itself, the JSON of slog takes an address apart.
type logged struct{ net.Addr }

func (l logged) LogValue() slog.Value {
	if l.Addr == nil {
		return slog.StringValue("")
	}
	return slog.StringValue(l.String())
}
