package main

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"

	"stampede/config"
)

// logs is where a broker logs to. Its level and form can be changed while loggers of it are in use.
type logs struct {
	w   io.Writer
	now atomic.Pointer[slog.Handler]
}

// newLogs logs to w as the configuration says, which was checked.
func newLogs(w io.Writer, c config.Log) *logs {
	l := &logs{w: w}
	l.set(c)
	return l
}

func (l *logs) set(c config.Log) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level}
	var h slog.Handler = slog.NewJSONHandler(l.w, o)
	if c.Format == "text" || (c.Format == "auto" && isTerminal(l.w)) {
		h = slog.NewTextHandler(l.w, o)
	}
	l.now.Store(&h)
}

func (l *logs) logger() *slog.Logger { return slog.New(&logHandler{logs: l}) }

// logHandler stands for the handler of the moment, with what a logger has added to it.
type logHandler struct {
	logs  *logs
	added []func(slog.Handler) slog.Handler
	made  atomic.Pointer[madeHandler]
}

// madeHandler is a handler with the additions, and what it was made of.
type madeHandler struct {
	of *slog.Handler
	slog.Handler
}

func (h *logHandler) handler() slog.Handler {
	of := h.logs.now.Load()
	if made := h.made.Load(); made != nil && made.of == of {
		return made.Handler
	}
	made := &madeHandler{of: of, Handler: *of}
	for _, add := range h.added {
		made.Handler = add(made.Handler)
	}
	h.made.Store(made)
	return made.Handler
}

// Enabled implements slog.Handler.
func (h *logHandler) Enabled(ctx context.Context, l slog.Level) bool {
	return h.handler().Enabled(ctx, l)
}

// Handle implements slog.Handler.
func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	return h.handler().Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.with(func(to slog.Handler) slog.Handler { return to.WithAttrs(attrs) })
}

// WithGroup implements slog.Handler.
func (h *logHandler) WithGroup(name string) slog.Handler {
	return h.with(func(to slog.Handler) slog.Handler { return to.WithGroup(name) })
}

func (h *logHandler) with(add func(slog.Handler) slog.Handler) slog.Handler {
	return &logHandler{logs: h.logs, added: append(h.added[:len(h.added):len(h.added)], add)}
}
