//go:build unix

package interop

import (
	"os/exec"
	"syscall"
)

// endTogether puts a program and all that it starts into one process group, so that a browser does not outlive the
// script that drives it when that has to be killed.
func endTogether(program *exec.Cmd) {
	program.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	program.Cancel = func() error { return syscall.Kill(-program.Process.Pid, syscall.SIGKILL) }
}
