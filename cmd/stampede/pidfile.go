package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// claimPIDFile writes the number of this process to a file, which is locked for as long as the process lives: so nobody
// takes a number that was left behind for a broker. release removes it.
func claimPIDFile(path string) (release func(), err error) {
	fail := func(err error) (func(), error) {
		return nil, fmt.Errorf("pid_file: %w", err)
	}
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return fail(err)
		}
		if !lockFile(f) {
			defer f.Close()
			other, _ := readNumber(f)
			return fail(fmt.Errorf("%s belongs to the broker with the process number %s: stop it, or choose another file", path, other))
		}
		// Who held it may have removed it between the two steps.
		mine, errMine := f.Stat()
		there, errThere := os.Stat(path)
		if errMine != nil || errThere != nil || !os.SameFile(mine, there) {
			f.Close()
			continue
		}
		err = f.Truncate(0)
		if err == nil {
			_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
		}
		if err != nil {
			f.Close()
			return fail(err)
		}
		return func() {
			_ = os.Remove(path)
			_ = f.Close()
		}, nil
	}
}

// readPIDFile returns the process number in a file that a broker holds.
func readPIDFile(path string) (int, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, fmt.Errorf("no broker runs with the pid_file %s", path)
	}
	if err != nil {
		return 0, fmt.Errorf("pid_file: %w", err)
	}
	defer f.Close()
	if canTellLocked && lockFile(f) {
		return 0, fmt.Errorf("no broker runs with the pid_file %s: it was left behind", path)
	}
	text, err := readNumber(f)
	if err != nil {
		return 0, fmt.Errorf("pid_file: %w", err)
	}
	pid, err := strconv.Atoi(text)
	if err != nil || pid <= 0 {
		return 0, fmt.Errorf("pid_file: %s holds no process number", path)
	}
	return pid, nil
}

func readNumber(f *os.File) (string, error) {
	data, err := io.ReadAll(io.LimitReader(f, 32))
	return strings.TrimSpace(string(data)), err
}
