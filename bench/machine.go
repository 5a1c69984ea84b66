package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// machine is where a run took place, as far as that matters to its figures.
type machine struct {
	CPU        string
	Cores      int
	Memory     string
	System     string
	FileSystem string
	Go         string
	Date       string
}

// unknown stands where the system does not tell.
const unknown = "unknown"

func thisMachine(dir string) machine {
	return machine{CPU: processor(), Cores: runtime.GOMAXPROCS(0), Memory: memorySize(), System: runtime.GOOS + " " +
		release() + ", " + runtime.GOARCH, FileSystem: fileSystem(dir), Go: strings.TrimPrefix(runtime.Version(), "go"),
		Date: time.Now().UTC().Format(time.DateOnly)}
}

// field returns what follows name in the first line of a /proc file that begins with it.
func field(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return unknown
	}
	for line := range bytes.Lines(text) {
		if key, value, ok := strings.Cut(string(line), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return unknown
}

func processor() string { return field("/proc/cpuinfo", "model name") }

func memorySize() string {
	var kib float64
	if _, err := fmt.Sscanf(field("/proc/meminfo", "MemTotal"), "%f kB", &kib); err != nil {
		return unknown
	}
	return fmt.Sprintf("%.0f GiB", kib/(1<<20))
}

func release() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return unknown
	}
	return strings.TrimSpace(string(text))
}
