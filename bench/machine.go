package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
)

// machine describes where the figures come from.
func machine(folder string) string {
	return fmt.Sprintf("%s, %d cores, %s memory, Linux %s, %s, data on %s",
		cpuModel(), runtime.NumCPU(), memoryTotal(), kernel(), runtime.Version(), fileSystem(folder))
}

// valueOf returns what follows the name and a colon in a file of /proc, "unknown" if it isn't there.
func valueOf(path, name string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(content)) {
		key, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func cpuModel() string { return valueOf("/proc/cpuinfo", "model name") }

func memoryTotal() string {
	value := valueOf("/proc/meminfo", "MemTotal")
	var kib float64
	if _, err := fmt.Sscanf(value, "%f kB", &kib); err != nil {
		return value
	}
	return fmt.Sprintf("%.0f GiB", kib/(1<<20))
}

func kernel() string {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "unknown"
	}
	return string(bytes.TrimSpace(release))
}

// fileSystem names the type of the file system that holds the folder: the longest mount point above it.
func fileSystem(folder string) string {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return "unknown"
	}
	best, kind := "", "unknown"
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || len(fields[1]) < len(best) {
			continue
		}
		point := strings.TrimSuffix(fields[1], "/")
		if folder == fields[1] || strings.HasPrefix(folder, point+"/") {
			best, kind = fields[1], fields[2]
		}
	}
	return kind
}

// enoughSpace asks for the room that a run needs before it begins.
func enoughSpace(folder string, need int64) error {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(folder, &stat); err != nil {
		return fmt.Errorf("ask for free space: %w", err)
	}
	if free := int64(stat.Bavail) * stat.Bsize; free < need {
		return fmt.Errorf("%s has %d GB free, %d are needed: choose another folder with -dir", folder, free/gigabyte, need/gigabyte)
	}
	return nil
}
