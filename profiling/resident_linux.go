package profiling

import (
	"bytes"
	"os"
	"strconv"
)

// residentMeter reads the kernel's figure from one open file, again and again.
type residentMeter struct {
	statm *os.File // nil: /proc is not there
	text  [128]byte
}

func (m *residentMeter) open() { m.statm, _ = os.Open("/proc/self/statm") }

func (m *residentMeter) read() (size int64, known bool) {
	if m.statm == nil {
		return 0, false
	}
	n, _ := m.statm.ReadAt(m.text[:], 0) // it ends before the buffer does, which is an error to ReadAt
	fields := bytes.Fields(m.text[:n])
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages * int64(os.Getpagesize()), err == nil
}

func (m *residentMeter) close() error {
	if m.statm == nil {
		return nil
	}
	return m.statm.Close()
}
