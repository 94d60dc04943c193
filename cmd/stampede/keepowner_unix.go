//go:build unix

package main

import (
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives a new file to whom the old one belongs: root may have been asked to add a user to a file that the broker
// reads as somebody else.
func keepOwner(f *os.File, old fs.FileInfo) error {
	o, ok := old.Sys().(*syscall.Stat_t)
	if !ok || int(o.Uid) == os.Geteuid() && int(o.Gid) == os.Getegid() {
		return nil
	}
	return f.Chown(int(o.Uid), int(o.Gid))
}
