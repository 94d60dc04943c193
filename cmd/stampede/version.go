package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"stampede/stompwire"
)

func versionCommand() command {
	return command{
		name: "version", summary: "print the version of this program and of the protocol",
		prepare: func(f *flags) func(context.Context, stdio, []string) error {
			return func(_ context.Context, io stdio, _ []string) error {
				if err := f.noArguments(); err != nil {
					return err
				}
				info, _ := debug.ReadBuildInfo()
				fmt.Fprintf(io.out, "stampede %s\nSTOMP %s\n%s %s/%s\n", version(info), stompwire.SupportedVersions, runtime.Version(), runtime.GOOS, runtime.GOARCH)
				return nil
			}
		},
	}
}

// version is what the Go command has stamped on the binary: a module's version, or the commit that it was built from.
func version(info *debug.BuildInfo) string {
	const unknown = "devel"
	if info == nil {
		return unknown
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	revision, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = "-" + s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+dirty"
		}
	}
	if revision == "" {
		return unknown
	}
	return unknown + revision + dirty
}
