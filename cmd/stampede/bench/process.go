package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"
)

// usage is what some processes have used up.
type usage struct {
	cpu      time.Duration // user and system time of all threads, in steps of 10 ms
	resident int64         // bytes now
	peak     int64         // bytes at most, since each process began
}

// processes are those that make up a broker. Their figures are added.
type processes []int

// self is the generator.
var self = processes{0}

// clockTick is the unit of times in /proc/PID/stat: USER_HZ, which is 100 on every Linux that a Go program runs on.
const clockTick = 10 * time.Millisecond

// usage reads /proc.
func (p processes) usage() (usage, error) {
	var all usage
	for _, pid := range p {
		name := strconv.Itoa(pid)
		if pid == 0 {
			name = "self"
		}
		dir := "/proc/" + name
		stat, err := os.ReadFile(dir + "/stat")
		if errors.Is(err, fs.ErrNotExist) {
			if _, none := os.Stat("/proc/self/stat"); none != nil {
				return usage{}, errors.New("there is no /proc here: processes can only be measured on Linux")
			}
			return usage{}, fmt.Errorf("there is no process %d", pid)
		}
		if err != nil {
			return usage{}, fmt.Errorf("process %d: %w", pid, err)
		}
		cpu, resident, err := parseStat(stat)
		if err != nil {
			return usage{}, fmt.Errorf("%s/stat: %w", dir, err)
		}
		status, err := os.ReadFile(dir + "/status")
		if err != nil {
			return usage{}, fmt.Errorf("process %d: %w", pid, err)
		}
		all.cpu += cpu
		all.resident += resident
		all.peak += parsePeak(status)
	}
	return all, nil
}

// parseStat reads the two fields that matter. The name of the program is in parentheses and may contain any character.
func parseStat(stat []byte) (cpu time.Duration, resident int64, err error) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 22 {
		return 0, 0, errors.New("too few fields")
	}
	user, err1 := strconv.ParseInt(string(fields[11]), 10, 64)
	system, err2 := strconv.ParseInt(string(fields[12]), 10, 64)
	pages, err3 := strconv.ParseInt(string(fields[21]), 10, 64)
	return time.Duration(user+system) * clockTick, pages * int64(os.Getpagesize()), errors.Join(err1, err2, err3)
}

// parsePeak finds VmHWM, in bytes; 0 if it isn't there.
func parsePeak(status []byte) int64 {
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	value, _, _ := bytes.Cut(rest, []byte("kB"))
	n, _ := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
	return n << 10
}
