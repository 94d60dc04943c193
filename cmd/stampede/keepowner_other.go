//go:build !unix

package main

import (
	"io/fs"
	"os"
)

// keepOwner: here a new file belongs to whom its directory says.
func keepOwner(*os.File, fs.FileInfo) error { return nil }
